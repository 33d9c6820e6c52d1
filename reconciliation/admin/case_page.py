"""What the page of a case shows: the value at fault and where it came from, what to do, the order's story, the past."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from reconciliation import selectors
from reconciliation.admin.case_state import State, state_of
from reconciliation.admin.shared import MARKDOWN, SIDES
from reconciliation.codes import CODES
from reconciliation.models import Case
from reconciliation.selectors.past import past_causes
from reconciliation.services.editing import words_of
from retailhub.core import privacy
from retailhub.core.admin import Cell, Moment, Panel, Site, subject_cell, table, text
from retailhub.core.admin.parts import message_url, subject_url
from retailhub.core.admin.words import moment, words

FIRST_SECTIONS = ("What to do", "How you know it is mended")
"""Of a runbook; the rest is there for who asks for more."""
COMMAND = re.compile(r"\s*\((?:or )?`manage\.py [^`]*`[^()]*\)|,? or `manage\.py [^`]*`")
"""How to do it without the console: not what somebody at the console looks for."""
MOMENTS = 40
EVENT_TONES = {
    "opened": "bad", "reopened": "bad", "closed": "good", "replayed": "warn", "edited": "warn", "adopted": "good",
}  # fmt: skip
KINDS = {
    "sku_unmapped": "SKU",
    "unknown_item": "Item of the ERP",
    "order_status_unknown": "Status in the store",
    "unknown_status": "Status that the store lacks",
    "no_route": "Country",
    "unknown_tax": "Tax rate in percent",
    "tax_rate_unknown": "Tax rate",
    "line_without_product": "Line",
    "negative_fee": "Fee",
    "totals_disagree": "Kind of difference",
}
FIRST_ACT = {
    "sku_unmapped": "map_sku",
    "unknown_item": "map_sku",
    "order_status_unknown": "map_status",
    "no_route": "map_country",
    "unknown_status": "map_store_status",
    "unknown_tax": "map_tax",
    "result_unknown": "read_back",
    "duplicate_in_erp": "read_back",
    "amount_differs": "read_back",
    "document_cancelled": "adopt",
    "edit_outdated": "drop_edit",
    "rejected": "edit",
    "order_not_read": "read_order",
    "totals_disagree": "read_order",
    "tax_rate_unknown": "read_order",
    "line_without_product": "read_order",
    "customer_unknown": "read_order",
    "refund_refused": "give_up",
}
"""The likely fix of a code; where it may not be done, replaying is."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The value at fault, what kind of value it is, and where it came from."""

    kind: str
    value: str
    origin: Sequence[Cell]


def fault_of(case: Case, name: str) -> Fault:
    """``name`` is what people call the case's subject."""
    state, evidence = state_of(case), case.evidence
    about = name or case.subject.partition(":")[2]
    origin = [Cell(text=about, url=subject_url(case.subject))]
    line = evidence.get("line") or evidence.get("fee")
    if line:
        origin.append(text(f"line “{privacy.mask_text(str(line))}”"))
    if state.name and state.name != about:
        what = f"what {state.message.connection.name} answered to" if state.is_document else "message"
        origin.append(Cell(text=f"{what} {state.name}", url=message_url(state.name)))
    return Fault(kind=KINDS.get(case.code, "Value at fault"), value=privacy.mask_text(case.cause.key), origin=origin)


def standing_words(state: State) -> list[tuple[str, str]]:
    """What people have said of the order or its message already: sentences with a tone."""
    found = []
    if state.given_up is not None:
        why = state.given_up.reason.rstrip(".")
        who = f"{state.given_up.actor_name} gave it up on {moment(state.given_up.at)}: {why}."
        end = "Nothing more of the order goes to the ERP until that is taken back."
        found.append((f"{privacy.mask_text(who)} {end}", "warn"))
    if state.edit is not None:
        newer = " The order has changed in the shop since; the edit was kept." if state.edit.newer else ""
        fields = "; ".join(words_of(each) for each in state.edit.fields)
        who = f"{state.edit.actor_name} edited what is sent ({fields}): {state.edit.reason.rstrip('.')}."
        end = "A later change in the shop does not overwrite it: a case tells of it."
        found.append((f"{privacy.mask_text(who)}{newer} {end}", "warn"))
    return found


def what_to_do(code: str) -> dict[str, Any]:
    """The runbook in two parts: what to do, and the rest. Raw HTML in it is not let through."""
    path = settings.BASE_DIR / "docs" / "runbooks" / f"{code}.md"
    known = code in CODES and path.is_file()
    _head, *sections = (path.read_text() if known else "").split("\n## ")
    parts = {name: f"## {name}\n{body}" for name, _, body in (each.partition("\n") for each in sections)}
    first = [parts[name] for name in FIRST_SECTIONS if name in parts] or list(parts.values())
    rest = [] if first == list(parts.values()) else [each for name, each in parts.items() if name not in FIRST_SECTIONS]
    return {
        "html": MARKDOWN.render(COMMAND.sub("", "\n\n".join(first))),
        "more": MARKDOWN.render("\n\n".join(rest)),
        "name": f"docs/runbooks/{code}.md",
        "who": SIDES,
    }


def panels_of(case: Case, site: Site, query: Mapping[str, str]) -> list[Panel]:
    """Below the runbook: the comparison, the timeline, the past, and all that was written down."""
    compared = site.compare(case.subject, key=case.cause.key, everything=query.get("all") == "1")
    return [*([compared] if compared else []), _timeline(case, site), _past(case), _evidence(case)]


def _timeline(case: Case, site: Site) -> Panel:
    state = state_of(case)
    if state.order is None:
        return Panel(title="Timeline", template="console/panels/timeline.html", data=_history(case))
    story = list(site.story(state.order))
    left = len(story) - MOMENTS
    note = f"The newest {MOMENTS}; {left} before them stand on the order's page." if left > 0 else ""
    link = Cell(text="The order with all of it", url=subject_url(case.subject))
    return Panel(
        title="Timeline of the order",
        template="console/panels/timeline.html",
        data=story[-MOMENTS:],
        note=note,
        link=link,
    )


def _history(case: Case) -> list[Moment]:
    return [
        Moment(
            at=event.at,
            kind=event.what,
            what=event.actor,
            detail=privacy.mask_text(event.note),
            tone=EVENT_TONES.get(event.what, ""),
        )
        for event in selectors.events_of(case_ids=[case.pk])
    ]


def history_panel(case: Case) -> Panel:
    """What happened to the case itself."""
    return Panel(title="What was done about this case", template="console/panels/timeline.html", data=_history(case))


def _past(case: Case) -> Panel:
    rows = [
        [
            subject_cell(f"cause:{each.public_id}", f"{words(each.code)} {each.key}".strip()),
            text(each.like),
            text(moment(each.closed_at)),
            text(privacy.mask_text(each.because) or "–"),
            text(privacy.mask_text(each.act) or "no person's act"),
        ]
        for each in past_causes(cause=case.cause)
    ]
    headers = ["Cause", "What is alike", "Closed", "Proof", "What was done before"]
    return table("Similar causes, and what closed them", headers, rows, empty="None has been closed yet.")


def _evidence(case: Case) -> Panel:
    rows = [
        [
            text(words(name)),
            text(privacy.mask_text(str(value)), url=message_url(str(value)) if name == "message" else ""),
        ]
        for name, value in sorted(case.evidence.items())
        if value
    ]
    return table("Evidence", ["", "Value"], rows)
