"""Documents that a person has changed while they waited: the edit stands, whatever the order becomes since.

Only the hashes of the order's own document are kept beside it, so that a change of the order is seen and told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from integrations import outbox
from integrations.models import MessageEdit, OutboxMessage


@dataclass(frozen=True)
class Basis:
    """The order's own document by the hashes of all of it and of what an ERP must hold."""

    whole: bytes
    material: bytes


@dataclass(frozen=True, kw_only=True)
class Live:
    """The edit that stands for a message. ``newer``: the order's own document since it has changed."""

    message_id: int
    actor_name: str
    at: dt.datetime
    reason: str
    fields: tuple[str, ...]
    basis: Basis
    newer: Basis | None


def live(*, message_ids: Sequence[int]) -> dict[int, Live]:
    """Edits that are the present body of these messages."""
    if not message_ids:
        return {}
    rows = MessageEdit.objects.filter(message__in=list(message_ids), ended_at=None, revision=F("message__revision"))
    return {row.message_id: _live(row) for row in rows}


def _live(row: MessageEdit) -> Live:
    newer = None
    if row.newer_hash is not None and row.newer_material is not None:
        newer = Basis(bytes(row.newer_hash), bytes(row.newer_material))
    return Live(
        message_id=row.message_id,
        actor_name=row.actor_name,
        at=row.at,
        reason=row.reason,
        fields=tuple(row.fields),
        basis=Basis(bytes(row.basis_hash), bytes(row.basis_material)),
        newer=newer,
    )


def put(
    *,
    message_id: int,
    document: bytes,
    basis: Basis,
    fields: Sequence[str],
    actor_name: str,
    reason: str,
    now: dt.datetime,
) -> bool:
    """Give a waiting message an edited body, in the caller's transaction. False when a worker holds it."""
    if not outbox.replace_document(message_id=message_id, document=document):
        return False
    revision = OutboxMessage.objects.values_list("revision", flat=True).get(pk=message_id)
    MessageEdit.objects.create(
        message_id=message_id,
        revision=revision,
        at=now,
        actor_name=actor_name,
        reason=reason,
        fields=list(fields),
        basis_hash=basis.whole,
        basis_material=basis.material,
    )
    return True


def note_newer(*, message_id: int, newer: Basis) -> None:
    """Write down what the order's own document is since it has changed."""
    MessageEdit.objects.filter(message_id=message_id, ended_at=None).update(
        newer_hash=newer.whole, newer_material=newer.material
    )


def end(*, message_id: int, now: dt.datetime) -> bool:
    """Give the edits of a message up; whether there were any."""
    return bool(MessageEdit.objects.filter(message_id=message_id, ended_at=None).update(ended_at=now))
