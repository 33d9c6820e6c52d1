"""The admin site as the apps' admin modules know it. The console fills in what reads across apps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from unfold.sites import UnfoldAdminSite

from retailhub.core.admin.parts import Moment, Panel

Unfold: Any = UnfoldAdminSite


class Site(Unfold):  # type: ignore[misc]
    """What a page of one app may ask for that lies in apps above it."""

    site_title = site_header = "RetailHub"
    index_title = "What needs a person now"

    def sentence(self, *, code: str, outcome: str, detail: str) -> str:
        """What a code means in plain words."""
        return detail or code

    def decision(self, decision: str, standing: Any = None) -> str:
        """Why an order is posted or not, as a sentence; ``standing`` is what other systems have of it."""
        raise NotImplementedError

    def names(self, subjects: Sequence[str]) -> Mapping[str, str]:
        """What people call these subjects, where they call them anything but their id."""
        return {}

    def label(self, model: str) -> str:
        """What the sidebar calls the list of a model (``orders.order``); empty where it leads to none."""
        return ""

    def replay(self, names: Sequence[str], *, actor: Any, reason: str, now: dt.datetime) -> int:
        """Send parked messages (``msg_o12``) back to work; returns how many were parked."""
        raise NotImplementedError

    def plan_replay(self, names: Sequence[str], *, title: str, actor: Any, reason: str, now: dt.datetime) -> str:
        """Plan to send these parked messages back to work; returns the address of the plan."""
        raise NotImplementedError

    def story(self, subject: Any) -> Sequence[Moment]:
        """Everything that happened to a subject (an order as its app tells others of it), oldest first."""
        raise NotImplementedError

    def compare(self, subject: str, *, key: str, everything: bool) -> Panel | None:
        """A subject as each system has it, side by side; ``key`` is the value at fault. ``None`` where there is nothing
        to compare. ``everything``: what agrees too."""
        raise NotImplementedError

    def panels_about(self, subject: str) -> Sequence[Panel]:
        """What apps above know of a subject now."""
        raise NotImplementedError
