"""Celery tasks of inventory."""

from __future__ import annotations

import structlog
from celery import shared_task

from integrations import connections
from integrations.chores import chore
from integrations.ports.errors import ConnectorError
from inventory.flows.import_catalogue import import_catalogue

log = structlog.get_logger(__name__)


@shared_task(name="inventory.import_catalogues")
@chore(every_seconds=60)
def import_catalogues() -> None:
    """Read the products of every sink that is not off, each by itself."""
    for name in connections.read_sinks():
        try:
            import_catalogue(connection_name=name)
        except ConnectorError as error:
            row = connections.named(name)
            connections.note_trouble(connection_id=row.pk, error=error)
            log.warning("catalogue_not_read", connection=name, code=error.code)
