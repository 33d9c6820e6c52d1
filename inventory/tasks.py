"""Celery tasks of inventory."""

from __future__ import annotations

import structlog
from celery import shared_task

from integrations import connections
from integrations.ports.errors import ConnectorError
from integrations.sweep import take_slot
from inventory.flows.import_catalogue import import_catalogue

log = structlog.get_logger(__name__)


@shared_task(name="inventory.import_catalogues")
def import_catalogues() -> None:
    """Read the products of every live sink, each by itself."""
    if not take_slot(task="import_catalogues", every_seconds=60):
        return
    for name in connections.live_sinks():
        try:
            import_catalogue(connection_name=name)
        except ConnectorError as error:
            row = connections.named(name)
            connections.note_trouble(connection_id=row.pk, error=error)
            log.warning("catalogue_not_read", connection=name, code=error.code)
