"""Audit rows for admin pages that are not ours: each save and each removal in their forms."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from unfold import admin as unfold

from retailhub.core import audit, clock

NO_REASON = "done in a form that asks for none"
Base: Any = unfold.ModelAdmin


class AuditedAdmin(Base):  # type: ignore[misc]
    """A page whose forms Django or a library makes. Removing many at once is left out: each is an act."""

    actions = None

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        super().save_model(request, obj, form, change)
        names = form.changed_data
        self._write(
            request,
            "edit" if change else "add",
            obj,
            before={name: str(form.initial.get(name)) for name in names} if change else None,
            after={name: str(form.cleaned_data.get(name)) for name in names},
        )

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        before = {field.attname: str(getattr(obj, field.attname)) for field in obj._meta.fields}
        self._write(request, "remove", obj, before=before)
        super().delete_model(request, obj)

    def _write(self, request: HttpRequest, verb: str, obj: Model, **values: Any) -> None:
        name = obj._meta.model_name
        audit.record(
            actor=request.user,
            action=f"{verb}_{name}",
            subject=f"{name}:{obj}"[:120],
            reason=NO_REASON,
            now=clock.now(),
            **values,
        )
