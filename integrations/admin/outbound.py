"""Messages out: effects that other systems are to have exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from integrations import selectors
from integrations.admin.messages import MessageAdmin, plan_act
from integrations.models import OutboxMessage
from retailhub.core import privacy
from retailhub.core.admin import Fact, Panel, display, table, text
from retailhub.core.admin.words import moment, words

RESULT_TONES = {"created": "good", "adopted": "good", "resumed": "good", "started": "", "rejected": "bad"}


@admin.register(OutboxMessage)
class OutboxMessageAdmin(MessageAdmin):
    direction = "o"
    list_acts = (plan_act("o"),)
    list_display = (
        "name",
        "created",
        "connection_name",
        "operation_words",
        "reference",
        "status_label",
        "outcome",
        "code",
        "attempts",
    )
    search_exact = ("id", "subject", "reference")

    @display(description="Created", ordering="id")
    def created(self, row: OutboxMessage) -> str:
        return moment(row.created_at)

    @display(description="Does")
    def operation_words(self, row: OutboxMessage) -> str:
        return words(row.operation)

    def facts(self, request: HttpRequest, obj: Any) -> Sequence[Fact]:
        wire = "an attempt may have reached it" if obj.on_wire else "nothing is in doubt"
        return [
            Fact("Does", text(words(obj.operation))),
            Fact("Reference", text(obj.reference, mono=True)),
            Fact("Created", text(moment(obj.created_at))),
            Fact("Revision of the body", text(obj.revision)),
            Fact("On the wire", text(wire, tone="warn" if obj.on_wire else "")),
            *self.shared_facts(obj),
        ]

    def panels(self, request: HttpRequest, obj: Any) -> Sequence[Panel]:
        attempts = selectors.attempts_of(direction="o", message_ids=[obj.pk])
        rows = [
            [
                text(attempt.number),
                text(moment(attempt.started_at)),
                text(moment(attempt.finished_at) if attempt.finished_at else "not finished"),
                text(words(attempt.result), tone=RESULT_TONES.get(attempt.result, "warn")),
                text(attempt.code, mono=True),
                text(privacy.mask_text(attempt.detail)),
            ]
            for attempt in attempts
        ]
        headers = ["Attempt", "Began", "Ended", "Result", "Code", "Detail"]
        return [
            table("Attempts", headers, rows, empty="None yet."),
            *self.on_demand(request, obj),
            *self.admin_site.panels_about(obj.subject),
        ]

    def fences(self, obj: Any) -> list[int]:
        attempts = selectors.attempts_of(direction="o", message_ids=[obj.pk])
        return sorted({attempt.fence for attempt in attempts})

    def mark(self, obj: Any) -> bytes:
        return str(obj.reference).encode()

    def bodies(self, obj: Any, *, unmasked: bool) -> list[Panel]:
        return [
            Panel(
                title=f"Document, revision {body.revision}",
                template="console/panels/json.html",
                data=privacy.body_for_people(bytes(body.body), unmasked=unmasked),
                note=f"Built {moment(body.created_at)}.",
            )
            for body in selectors.bodies_of(message_id=obj.pk)
        ]
