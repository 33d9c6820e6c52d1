"""How other pages lead to replays: plans that begin there, and what replays have done for them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from reconciliation.models import ReplayRun
from reconciliation.services import replay_reads, replay_runs, replays
from reconciliation.services.replay_reads import STAGES
from retailhub.core.admin import Doing, Fact, Panel, Refused, subject_cell, table, text
from retailhub.core.admin.words import moment, words


def planned(request: HttpRequest, run: ReplayRun) -> HttpResponse:
    """Where a plan is looked at before it goes."""
    return HttpResponseRedirect(reverse("admin:reconciliation_replayrun_change", args=[run.pk]))


def replays_of(source: str) -> Panel | None:
    """The newest replays of a cause; none when there never was one."""
    runs = list(ReplayRun.objects.filter(source=source).order_by("-id")[:5])
    rows = [
        [
            subject_cell(f"replay:{run.public_id}"),
            text(STAGES[run.state], tone="bad" if run.state == ReplayRun.State.STOPPED else ""),
            text(f"{run.item_count:,}"),
            text(run.author_name),
            text(moment(run.planned_at)),
        ]
        for run in runs
    ]
    return table("Replays", ["Replay", "State", "How many", "Planned by", "Planned"], rows) if rows else None


def replay_of(*, case_id: int, subject: str) -> Fact | None:
    """The replay that a case was in last, and what came of it there."""
    item = replay_reads.closed_by(case_id=case_id, subject=subject)
    if item is None:
        return None
    name = f"{words(item.state)} in {item.run.public_id}"
    return Fact("Replay", subject_cell(f"replay:{item.run.public_id}", name))


def plan_for(doing: Doing, what: replays.Plan, *, source: str, title: str) -> str | HttpResponse:
    """Do one thing again at once; write down a plan for more and show it.

    Raises ``Refused`` when there is nothing to do.
    """
    if not what.size:
        raise Refused("Nothing waits to be done again.")
    if what.size > 1:
        run = replay_runs.plan(
            what=what, source=source, title=title, author=doing.actor, reason=doing.reason, now=doing.now
        )
        return planned(doing.request, run)
    about = source.partition(":")[2] or source
    replays.replay(plan=what, about=about, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "It went back to work; cases close themselves when their cause is gone."
