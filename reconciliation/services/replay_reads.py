"""What is told of replays: how far one is, what it would send, what came of it."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec
from django.db.models import Count, Max, Min, Q

from integrations import selectors as pipes
from integrations.ports.documents import SalesLine, SalesOrder
from orders.policies.edits import changes
from orders.services import previews
from reconciliation import codes
from reconciliation.models import ReplayItem, ReplayRun
from reconciliation.services import editing, replay_verdicts
from retailhub.core import privacy
from retailhub.core.money import plain_amount

SHOWN_LINES = 8
STAGES = {
    ReplayRun.State.PLANNED.value: "planned",
    ReplayRun.State.AWAITING_APPROVAL.value: "waits for another person",
    ReplayRun.State.CANARY_1.value: "trying one",
    ReplayRun.State.CANARY_10.value: "trying ten",
    ReplayRun.State.REST.value: "doing the rest",
    ReplayRun.State.DONE.value: "done",
    ReplayRun.State.STOPPED.value: "stopped",
    ReplayRun.State.CANCELLED.value: "cancelled",
}
"""What people read for each state."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a replay is. Rate is items a second of the present stage; ``seconds_left`` is unknown without one."""

    state: str
    stage: str
    why: str
    total: int
    done: int
    surprises: int
    skipped: int
    under_way: int
    waiting: int
    rate: float
    seconds_left: float | None

    @property
    def over(self) -> int:
        return self.done + self.surprises + self.skipped

    @property
    def percent(self) -> int:
        return 100 * self.over // self.total if self.total else 100

    @property
    def is_live(self) -> bool:
        """Whether it changes by itself."""
        return self.state in ReplayRun.ACTIVE or self.under_way > 0


def progress(run: ReplayRun, *, now: dt.datetime) -> Progress:
    """Counted by two queries over the replay's own items."""
    found = dict(ReplayItem.objects.filter(run=run).values_list("state").annotate(Count("pk")))
    ended = ReplayItem.objects.filter(run=run, stage=run.state, finished_at__gte=run.stage_at or now)
    stage = ended.aggregate(count=Count("pk"), first=Min("started_at"), last=Max("finished_at"))
    seconds = (stage["last"] - stage["first"]).total_seconds() if stage["count"] else 0.0
    rate = stage["count"] / seconds if seconds > 0 else 0.0
    state = ReplayItem.State
    left = found.get(state.WAITING, 0) + found.get(state.UNDER_WAY, 0)
    return Progress(
        state=run.state,
        stage=STAGES[run.state],
        why=run.why,
        total=run.item_count,
        done=found.get(state.DONE, 0),
        surprises=found.get(state.SURPRISE, 0),
        skipped=found.get(state.SKIPPED, 0),
        under_way=found.get(state.UNDER_WAY, 0),
        waiting=found.get(state.WAITING, 0) + found.get(state.PLANNED, 0),
        rate=round(rate, 1),
        seconds_left=left / rate if rate and run.state == ReplayRun.State.REST else None,
    )


def amount_of(total: str) -> Decimal:
    """An amount as a replay keeps it."""
    return Decimal(total)


def run_named(public_id: str) -> ReplayRun | None:
    """One replay."""
    return ReplayRun.objects.filter(public_id=public_id).first()


def newest_of(*, source: str, since: dt.datetime) -> ReplayRun | None:
    """The newest replay of a source that was planned at or after a moment."""
    return ReplayRun.objects.filter(source=source[:200], planned_at__gte=since).order_by("-pk").first()


def recent_runs(limit: int = 20) -> list[ReplayRun]:
    """The newest replays."""
    return list(ReplayRun.objects.order_by("-pk")[:limit])


def connections_of(run: ReplayRun) -> list[str]:
    """Names of the stores whose orders are in a replay."""
    found = ReplayItem.objects.filter(run=run, connection__isnull=False).values_list("connection", flat=True).distinct()
    names = pipes.connection_names()
    return sorted(names.get(pk, "") for pk in found)


def last_items_of(subjects: Sequence[str]) -> dict[str, ReplayItem]:
    """The newest item about each of these subjects, with its replay."""
    rows = ReplayItem.objects.filter(subject__in=list(subjects)).select_related("run").order_by("subject", "-pk")
    return {item.subject: item for item in rows.distinct("subject")}


def closed_by(*, case_id: int, subject: str) -> ReplayItem | None:
    """The item of the replay that a case was in last, if it was in one."""
    rows = ReplayItem.objects.filter(subject=subject, case_ids__contains=[case_id]).select_related("run")
    return rows.exclude(state=ReplayItem.State.PLANNED).order_by("-pk").first()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What would be sent for one item now: each line is what, what was sent last, what would be sent now."""

    subject: str
    name: str
    told: str
    lines: tuple[tuple[str, str, str], ...] = ()


def preview(run: ReplayRun, *, now: dt.datetime, number: int = 3) -> list[Shown]:
    """What the first items would send now, what surprised before what waits; nothing is sent."""
    waiting = ReplayItem.objects.filter(run=run, state__in=[ReplayItem.State.PLANNED, ReplayItem.State.WAITING])
    items = [*surprises(run, number), *waiting.order_by("position")[:number]][:number]
    names = replay_verdicts.names([item.subject for item in items])
    would = {each.subject: each for each in previews.would_do(subjects=[item.subject for item in items], now=now)}
    return [_shown(item, would.get(item.subject), names[item.subject]) for item in items]


def _shown(item: ReplayItem, would: previews.Would | None, name: str) -> Shown:
    if item.edit:
        told = "The edited document is sent as it was planned, unless the order has got another one since."
        return Shown(subject=item.subject, name=name, told=told, lines=tuple(_edited(item)))
    if would is None:
        return Shown(subject=item.subject, name=name, told="The message is read again as it came.")
    if would.issues:
        held = [codes.sentence(codes.code_for(code), key=key, detail="", evidence={}) for code, key in would.issues]
        return Shown(subject=item.subject, name=name, told=f"Nothing would be sent: {' '.join(held)}")
    if would.sends is None:
        return Shown(subject=item.subject, name=name, told="Nothing would be sent: nothing is missing in the ERP.")
    again = "It was sent before." if would.sent else "It has never been sent."
    told = f"{codes_words(would.operation)} under {would.sends.reference}. {again}"
    return Shown(subject=item.subject, name=name, told=told, lines=tuple(_compared(would.sent, would.sends)))


def _edited(item: ReplayItem) -> Iterator[tuple[str, str, str]]:
    """What an edit changes in the document as it is now; personal data is named and not shown."""
    bodies = pipes.bodies_of(message_id=item.message_id or 0)
    before = msgspec.json.decode(bytes(bodies[-1].body)) if bodies else {}
    for change in changes(before, msgspec.json.decode(item.edit)):
        old, new = (str(editing.shown(change, value)) for value in (change.before, change.after))
        yield editing.words_of(change.path), old, new


def codes_words(operation: str) -> str:
    """``post_order`` → ``Post order``."""
    return operation.replace("_", " ").capitalize()


def _compared(sent: SalesOrder | None, sends: SalesOrder) -> Iterator[tuple[str, str, str]]:
    """Amounts and lines, old and new. Nothing of it is about a person."""
    yield "Total", _amount(sent), _amount(sends)
    yield "Tax", _amount(sent, tax=True), _amount(sends, tax=True)
    before = {line.source_ref or line.name: line for line in sent.lines} if sent else {}
    after = {line.source_ref or line.name: line for line in sends.lines}
    refs = list(dict.fromkeys([*after, *before]))
    for ref in refs[:SHOWN_LINES]:
        old, new = before.get(ref), after.get(ref)
        yield privacy.mask_text((new or old or sends.lines[0]).name), _line(old), _line(new)
    if len(refs) > SHOWN_LINES:
        yield f"and {len(refs) - SHOWN_LINES} more lines", "", ""


def _amount(document: SalesOrder | None, *, tax: bool = False) -> str:
    if document is None:
        return "–"
    amount = document.total_tax if tax else document.total
    return f"{document.currency} {plain_amount(amount, document.currency)}"


def _line(line: SalesLine | None) -> str:
    if line is None:
        return "–"
    return f"{line.quantity.normalize():f} × {line.item_code} for {line.net}" if line.item_code else str(line.net)


HEADERS = ("position", "about", "name", "state", "stage", "result", "reference", "currency", "amount", "began", "ended")


def report(run: ReplayRun) -> Iterator[str]:
    """Lines of CSV: every item with what came of it. Read by key, a thousand at a time."""
    yield _csv(HEADERS)
    last = 0
    while items := list(ReplayItem.objects.filter(run=run, position__gt=last).order_by("position")[:1000]):
        last = items[-1].position
        names = replay_verdicts.names([item.subject for item in items])
        for item in items:
            amount = "" if item.amount is None else plain_amount(item.amount, item.currency)
            times = [at.isoformat(timespec="seconds") if at else "" for at in (item.started_at, item.finished_at)]
            subject = item.subject.partition(":")[2]
            result = privacy.mask_text(item.result)
            row = (item.position, subject, names[item.subject], item.state, item.stage, result, item.effect)
            yield _csv((*row, item.currency, amount, *times))


def _csv(row: Sequence[object]) -> str:
    out = io.StringIO()
    # a cell that begins like a formula is text for whoever opens it in a spreadsheet
    csv.writer(out).writerow([f"'{cell}" if str(cell)[:1] in {"=", "+", "-", "@"} else cell for cell in row])
    return out.getvalue()


def surprises(run: ReplayRun, limit: int = 20) -> list[ReplayItem]:
    """What did not end well, newest first."""
    return list(ReplayItem.objects.filter(Q(run=run), state=ReplayItem.State.SURPRISE).order_by("-finished_at")[:limit])


def first_items(run: ReplayRun, limit: int = 50) -> list[ReplayItem]:
    """The items in the order of the plan."""
    return list(ReplayItem.objects.filter(run=run).order_by("position")[:limit])
