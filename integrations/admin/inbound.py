"""Messages in: what other systems told us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from integrations import inbox
from integrations.admin.messages import MessageAdmin, plan_act
from integrations.models import InboxMessage
from retailhub.core import privacy
from retailhub.core.admin import Fact, Panel, display, text
from retailhub.core.admin.words import moment


@admin.register(InboxMessage)
class InboxMessageAdmin(MessageAdmin):
    direction = "i"
    list_acts = (plan_act("i"),)
    list_display = (
        "name",
        "received",
        "connection_name",
        "topic",
        "status_label",
        "outcome",
        "code",
    )

    @display(description="Received", ordering="id")
    def received(self, row: InboxMessage) -> str:
        return moment(row.received_at)

    def facts(self, request: HttpRequest, obj: Any) -> Sequence[Fact]:
        return [
            Fact("Received", text(f"{moment(obj.received_at)} by {obj.way}")),
            Fact("Topic", text(obj.topic)),
            Fact("Seen", text(f"{obj.seen_count} times" if obj.seen_count != 1 else "once")),
            Fact("Size", text(f"{obj.size:,} bytes")),
            Fact("Speaks of", text(moment(obj.version_at) if obj.version_at else "no version")),
            *self.shared_facts(obj),
        ]

    def panels(self, request: HttpRequest, obj: Any) -> Sequence[Panel]:
        return [
            *self.on_demand(request, obj),
            *self.admin_site.panels_about(f"message:{obj}"),
        ]

    def fences(self, obj: Any) -> list[int]:
        return [obj.fence] if obj.fence is not None else []

    def bodies(self, obj: Any, *, unmasked: bool) -> list[Panel]:
        found = inbox.fetch_body(obj.pk)
        if found is None:
            return [Panel(title="Body", template="console/panels/json.html", data="Retention has dropped the body.")]
        headers, raw = found
        body = privacy.body_for_people(raw, unmasked=unmasked)
        return [
            Panel(title="Headers", template="console/panels/json.html", data=headers),
            Panel(title="Body", template="console/panels/json.html", data=body),
        ]
