"""Views of triage that people keep: a filter under a name, their own or everybody's."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from reconciliation.models import FirstView, SavedView
from reconciliation.selectors.triage import Filter
from reconciliation.services.acts import NotPossible
from retailhub.core import audit


def save_view(*, name: str, chosen: Filter, shared: bool, first: bool, actor: Any, now: dt.datetime) -> SavedView:
    """Keep a filter, in place of what this person had under the name. ``first`` makes triage open with it."""
    with transaction.atomic():
        before = SavedView.objects.filter(owner=actor, name=name).first()
        view, _ = SavedView.objects.update_or_create(
            owner=actor,
            name=name,
            defaults={"query": chosen.query, "shared": shared},
            create_defaults={"query": chosen.query, "shared": shared, "made_at": now},
        )
        _audit(actor, "save_view", view, now, before=_said(before) if before else None, after=_said(view))
        if first:
            FirstView.objects.update_or_create(person=actor, defaults={"view": view})
    return view


def remove_view(*, view_id: int, actor: Any, may_share: bool, now: dt.datetime) -> str:
    """Take away one's own view, or a shared one with the permission to share; returns its name.

    Raises `NotPossible` for anybody else.
    """
    with transaction.atomic():
        view = SavedView.objects.select_for_update().get(pk=view_id)
        if view.owner_id != actor.pk and not (view.shared and may_share):
            raise NotPossible("The view is somebody else's.")
        _audit(actor, "remove_view", view, now, before=_said(view))
        view.delete()
    return view.name


def begin_with(*, view_id: int | None, actor: Any) -> None:
    """Make triage open with a view that this person may see, or with none. Raises `NotPossible`."""
    with transaction.atomic():
        FirstView.objects.filter(person=actor).delete()
        if view_id is None:
            return
        view = SavedView.objects.get(pk=view_id)
        if view.owner_id != actor.pk and not view.shared:
            raise NotPossible("The view is somebody else's.")
        FirstView.objects.create(person=actor, view=view)


def _said(view: SavedView) -> dict[str, Any]:
    return {"filter": view.query, "shared": view.shared}


def _audit(
    actor: Any,
    action: str,
    view: SavedView,
    now: dt.datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=f"view:{view.name}",
        reason="A view of triage.",
        now=now,
        before=before,
        after=after,
    )
