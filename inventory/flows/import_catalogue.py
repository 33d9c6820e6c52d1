"""Flow: a sink's products → the SKUs that orders may be posted with."""

from __future__ import annotations

from integrations import connections
from integrations.calls import Recorder, context_for, lines
from inventory.services import mappings
from retailhub.core import clock, ids


def import_catalogue(*, connection_name: str) -> int:
    """Read a sink's products and make their codes known; returns how many SKUs are new.

    Raises ``ConnectorError`` when the sink cannot be read.
    """
    row = connections.named(connection_name)
    recorder = Recorder(row.pk, 0)
    with lines() as kept:
        connector = kept.connector(row, context_for(recorder, correlation_id=ids.new_trace_id()))
        products = list(connector.walk_products(None))
    made = mappings.take_catalogue(connection_id=row.pk, products=products, now=clock.now())
    connections.note_catalogue(connection_id=row.pk)
    return made
