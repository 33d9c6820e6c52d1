"""Admin pages of the pipes."""

from integrations.admin import connections, inbound, organisation, outbound

__all__ = ["connections", "inbound", "organisation", "outbound"]
