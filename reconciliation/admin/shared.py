"""What causes and cases have in common on their pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from markdown_it import MarkdownIt

from integrations import selectors as pipes
from inventory.forms import CodeCheckedForm
from inventory.selectors import skus_of
from inventory.services import mappings
from reconciliation.codes import CODES, Side
from reconciliation.services import replay_reads, replays
from retailhub.core.admin import Doing, Panel
from retailhub.core.cli import counted

SIDES = {
    Side.DATA.value: "whoever keeps the data (products, prices, orders)",
    Side.CONFIGURATION.value: "whoever keeps RetailHub's settings",
    Side.OTHER_SYSTEM.value: "whoever runs the other system",
    Side.US.value: "the makers of RetailHub",
}
UNKNOWN_ITEM = "unknown_item"
SIDE_LABELS = {"data": "info", "configuration": "warning", "other system": "warning", "us": "danger"}
CODE_CHOICES = [(code, code.replace("_", " ")) for code in sorted(CODES)]
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def runbook(code: str) -> Panel:
    """The runbook of a code as HTML (raw HTML in it is not let through), or the plain fact that there is none.

    What stands above its first section (title, sentence, owner side) the page says already, filled in.
    """
    path = settings.BASE_DIR / "docs" / "runbooks" / f"{code}.md"
    known = code in CODES and path.is_file()
    _head, mark, sections = (path.read_text() if known else "").partition("\n## ")
    html = _html(mark + sections)
    return Panel(
        title="What to do",
        template="console/panels/runbook.html",
        data={"html": html, "name": f"docs/runbooks/{code}.md"},
    )


def _html(text: str) -> str:
    """A runbook as HTML. What it links to beside it are files, not pages: their names stay, the links do not."""
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        children, kept, within = token.children or [], [], False
        for each in children:
            if each.type == "link_open":
                within = "://" not in str(each.attrGet("href"))
            if not (within and each.type in {"link_open", "link_close"}):
                kept.append(each)
            within = within and each.type != "link_close"
        token.children = kept if token.children is not None else None
    return str(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))


class MapSkuForm(CodeCheckedForm):
    """Maps the SKU at fault of a cause at the ERP of its store, or one that is called by the item at fault."""

    connection = forms.ChoiceField(label="System")
    sku = forms.ChoiceField(label="SKU")
    item_code = forms.CharField(max_length=200, strip=False, help_text="What that system calls the SKU.")

    def prepare(self, subject: Any) -> None:
        cause = getattr(subject, "cause", subject)
        of_store = pipes.sinks(store_id=cause.connection_id)
        sinks = [(cause.connection_id, cause.connection.name)] if cause.code == UNKNOWN_ITEM else of_store
        self.fields["connection"].choices = sinks  # type: ignore[attr-defined]
        self.fields["sku"].choices = [(sku, sku) for sku in skus_at_fault(cause)]  # type: ignore[attr-defined]


def skus_at_fault(cause: Any) -> list[str]:
    """The SKU that nobody knows, or the SKUs that are called by the item which the ERP does not know."""
    if cause.code == UNKNOWN_ITEM and cause.connection_id is not None:
        return skus_of(connection_id=cause.connection_id, item_code=cause.key)
    return [cause.key]


def map_sku(doing: Doing) -> str:
    """Map the SKU at fault; orders waiting for it are decided on again."""
    sku = doing.values["sku"]
    mappings.map_sku(
        connection_id=int(doing.values["connection"]),
        sku=sku,
        item_code=doing.values["item_code"],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    told = f"{sku} is mapped to {doing.values['item_code']}"
    run = replay_reads.newest_of(source=f"mapping:{sku}", since=doing.now)
    if run is None:
        return f"{told}; every order that waits for it is decided on again."
    return (
        f"{told}; the {run.item_count:,} orders that wait for it are replayed, one before the others: {run.public_id}."
    )


def not_about_sku(subject: Any) -> str:
    """Why a SKU cannot be mapped here; empty when it can."""
    if subject.code == UNKNOWN_ITEM:
        cause = getattr(subject, "cause", subject)
        return "" if skus_at_fault(cause) else f"No SKU is mapped to {cause.key}: see the connection's settings."
    return "" if subject.code == "sku_unmapped" else "This is not about an unmapped SKU."


def map_preview(cause: Any) -> str:
    """What a mapping would do."""
    if cause.code == UNKNOWN_ITEM:
        return f"Every document that was refused for item {cause.key} is built anew with what the SKU is called then."
    return f"Every order that waits for SKU {cause.key} is decided on again."


def replay_preview(plan: replays.Plan) -> str:
    """What a replay would do, counted."""
    if not plan.size:
        return f"Nothing can be done again: {'; '.join(f'{name} {why}' for name, why in plan.left.items())}."
    counts = (
        f"Back to work: {counted(len(plan.messages), 'parked message')}. Decided on again:"
        f" {counted(len(plan.orders), 'order')}."
    )
    if plan.size > 1:
        return f"{counts} Nothing is done yet: you see what would be sent, and start it then, one before the others."
    return f"{counts} What may have reached the other system is looked for before it is sent."
