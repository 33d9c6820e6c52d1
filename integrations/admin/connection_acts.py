"""What people may do with a connection: pause, resume, change its mode, have it tested."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms

from integrations import connections, doctor
from integrations.conditions import is_paused
from integrations.ports.errors import Misconfigured
from integrations.states import Mode
from retailhub.core import clock
from retailhub.core.admin import Act, Doing, ReasonForm
from retailhub.core.admin.words import moment

AT, OPEN_END = "at", "resumed"
SPANS = {"15": "15 minutes", "60": "1 hour", "240": "4 hours", "720": "12 hours", "1440": "1 day"}
"""Minutes, and how people call them."""


class PauseForm(ReasonForm):
    """For how long: one of a few spans, a moment, or until somebody ends it."""

    until = forms.ChoiceField(
        label="For how long",
        choices=[*SPANS.items(), (AT, "Until the time below"), (OPEN_END, "Until somebody resumes it")],
        initial="60",
    )
    at = forms.DateTimeField(label="Until", required=False, help_text="UTC, such as 2026-03-01 06:00.")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        at, now = given.get("at"), clock.now()
        if given.get("until") == AT and at is None and "at" not in self.errors:
            self.add_error("at", "Say until when.")
        elif given.get("until") == AT and at is not None and at <= now:
            self.add_error("at", f"That is over already: it is {moment(now)} UTC.")
        elif given.get("until") != AT and at is not None:
            self.add_error("until", "Choose “Until the time below” for the time that you wrote, or take it out.")
        return given


class ModeForm(ReasonForm):
    """The mode, and from when on a store's orders are posted."""

    mode = forms.ChoiceField(choices=[(mode.value, mode.value) for mode in Mode])
    live_from = forms.DateTimeField(
        required=False,
        help_text="UTC, such as 2026-03-01 00:00. A live store needs it; empty keeps what is set.",
    )

    def prepare(self, subject: Any) -> None:
        self.fields["mode"].initial = subject.mode


def _pause(doing: Doing) -> str:
    chosen = doing.values["until"]
    until = doing.values["at"] if chosen == AT else None
    if chosen in SPANS:
        until = doing.now + dt.timedelta(minutes=int(chosen))
    connections.pause(name=doing.subject.name, until=until, actor=doing.actor, reason=doing.reason, now=doing.now)
    end = f"until {moment(until)} UTC" if until else "until it is resumed"
    return f"Nothing is sent to {doing.subject.name} {end}."


def _resume(doing: Doing) -> str:
    connections.resume(name=doing.subject.name, actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"{doing.subject.name} goes on."


def _set_mode(doing: Doing) -> str:
    connections.set_mode(
        name=doing.subject.name,
        mode=doing.values["mode"],
        live_from=doing.values["live_from"],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return f"{doing.subject.name} is {doing.values['mode']} now."


def _test(doing: Doing) -> str:
    doctor.ask(name=doing.subject.name, actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"A worker looks at {doing.subject.name} now. What it finds is shown below."


def _is_stopped(row: Any) -> bool:
    now = clock.now()
    return is_paused(row.state, now) or (row.state.retry_at is not None and row.state.retry_at > now)


ACTS = (
    Act(
        name="test",
        label="Test",
        permission="console.connect_system",
        run=_test,
        preview=lambda row: (
            f"A worker calls {row} and looks whether it is set up right: whether it is reached, takes the credentials"
            " and allows what is needed. Nothing is changed there."
        ),
        expected=(doctor.UnderWay,),
    ),
    Act(
        name="pause",
        label="Pause",
        permission="console.pause_connection",
        form=PauseForm,
        run=_pause,
        preview=lambda row: (
            f"Nothing is sent to {row} while it is paused. Work is held, deliveries are still taken in."
        ),
        why_not=lambda row: "It is paused already." if is_paused(row.state, clock.now()) else "",
    ),
    Act(
        name="resume",
        label="Resume",
        permission="console.resume_connection",
        run=_resume,
        preview=lambda row: f"What waits for {row} is sent again from now on, oldest first.",
        why_not=lambda row: "" if _is_stopped(row) else "It is not paused.",
    ),
    Act(
        name="mode",
        label="Change mode",
        permission="console.set_connection_mode",
        form=ModeForm,
        run=_set_mode,
        preview=lambda row: (
            f"{row} is {row.mode}. Off: intake is kept, nothing is worked. Shadow: everything but"
            " outside effects. Live: all."
        ),
        expected=(Misconfigured,),
        danger=True,
    ),
)
