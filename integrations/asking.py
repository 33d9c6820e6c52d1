"""Questions that a person has asked of another system, one at a time and outside any transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from integrations import calls
from integrations.calls import Recorder, context_for
from integrations.leases import next_fence
from integrations.models import Connection, ExternalReference
from retailhub.core import ids

open_lines: Callable[[], AbstractContextManager[Any]] = calls.lines


def ask(connection_id: int, look: Callable[[Any], Any]) -> Any:
    """What ``look`` makes of the connection's connector; its calls are recorded as the engine's are.

    Raises the connector's errors.
    """
    connection = Connection.objects.get(pk=connection_id)
    recorder = Recorder(connection_id, next_fence())
    try:
        with open_lines() as lines:
            return look(lines.connector(connection, context_for(recorder, correlation_id=ids.new_trace_id())))
    finally:
        recorder.save()


def is_anothers(*, connection_id: int, subject: str, external_id: str = "", reference: str = "") -> bool:
    """Whether a document of a connection, by its id there or by our reference, is known as another subject's."""
    rows = ExternalReference.objects.filter(connection=connection_id)
    rows = rows.filter(external_id=external_id) if external_id else rows.filter(reference=reference)
    return rows.exclude(subject=subject).exists()
