"""The maps that cases ask for, as forms with the value at fault filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms

from integrations import maps as kept_maps
from integrations.ports.errors import Misconfigured
from reconciliation.models import Case, Cause
from reconciliation.selectors import triage
from reconciliation.services import maps
from reconciliation.services.case_notes import NotDone
from reconciliation.services.replay_runs import NotNow
from retailhub.core.admin import Act, Doing, ReasonForm
from retailhub.core.cli import counted


def cause_of(subject: Any) -> Cause:
    """The cause that a page is about: a case's, or itself."""
    found: Cause = getattr(subject, "cause", subject)
    return found


class StatusForm(ReasonForm):
    field_order = ("status", "store", "payment_method", "post", "reason")

    status = forms.CharField(disabled=True, required=False)
    store = forms.ChoiceField(label="For", required=False)
    payment_method = forms.CharField(
        required=False, max_length=60, help_text="Only orders paid so, as the store calls it; empty for all."
    )
    post = forms.ChoiceField(label="Such orders", choices=[("yes", "are posted"), ("no", "wait")])

    def prepare(self, subject: Any) -> None:
        cause = cause_of(subject)
        self.fields["status"].initial = cause.key
        stores = [(str(cause.connection_id), f"{cause.connection.name} only")] if cause.connection else []
        self.fields["store"].choices = [*stores, ("", "all stores")]  # type: ignore[attr-defined]


class CountryForm(ReasonForm):
    field_order = ("country", "sink", "region", "entity", "reason")

    country = forms.CharField(disabled=True, required=False)
    sink = forms.ChoiceField(label="Goes to the ERP")
    region = forms.ChoiceField(required=False)
    entity = forms.ChoiceField(required=False, label="Company", help_text="Of a new region; a region has its own.")

    def prepare(self, subject: Any) -> None:
        cause = cause_of(subject)
        found = kept_maps.route_choices(country=cause.key)
        new = [("", f"a new one for {cause.key}")] if cause.key else []
        self.fields["country"].initial = cause.key
        self.fields["sink"].choices = found.sinks  # type: ignore[attr-defined]
        self.fields["region"].choices = [*found.regions, *new]  # type: ignore[attr-defined]
        self.fields["entity"].choices = [("", "–"), *found.entities]  # type: ignore[attr-defined]


class StoreStatusForm(ReasonForm):
    field_order = ("lacking", "status", "reason")

    lacking = forms.CharField(disabled=True, required=False, label="The store lacks")
    status = forms.CharField(max_length=40, label="Show instead", help_text="As the store's REST API calls it.")

    def prepare(self, subject: Any) -> None:
        self.fields["lacking"].initial = cause_of(subject).key


class TaxForm(ReasonForm):
    field_order = ("rate", "tax", "reason")

    rate = forms.CharField(disabled=True, required=False, label="Rate in percent")
    tax = forms.IntegerField(min_value=1, label="Id of the tax in the ERP")

    def prepare(self, subject: Any) -> None:
        self.fields["rate"].initial = cause_of(subject).key


def _map_status(doing: Doing) -> str:
    gone = maps.map_status(
        cause=cause_of(doing.subject),
        store_id=int(doing.values["store"]) if doing.values["store"] else None,
        payment_method=doing.values["payment_method"],
        post=doing.values["post"] == "yes",
        **_who(doing),
    )
    return f"Saved. {gone.sentence}"


def _map_country(doing: Doing) -> str:
    values = doing.values
    gone = maps.map_country(
        cause=cause_of(doing.subject),
        sink_id=int(values["sink"]),
        region_id=int(values["region"]) if values["region"] else None,
        entity_id=int(values["entity"]) if values["entity"] else None,
        **_who(doing),
    )
    return f"Saved. {gone.sentence}"


def _map_store_status(doing: Doing) -> str:
    gone = maps.map_store_status(cause=cause_of(doing.subject), status=doing.values["status"].strip(), **_who(doing))
    return f"Saved. {gone.sentence}"


def _map_tax(doing: Doing) -> str:
    gone = maps.map_tax(cause=cause_of(doing.subject), tax_id=doing.values["tax"], **_who(doing))
    return f"Saved. {gone.sentence}"


def _who(doing: Doing) -> dict[str, Any]:
    return {"actor": doing.actor, "reason": doing.reason, "now": doing.now}


def waiting_words(cause: Cause) -> str:
    """How many open cases wait for the cause to be mended."""
    row = triage.row_of(cause_id=cause.pk)
    return f"{counted(row.cases if row else 0, 'open case')} wait{'s' if row and row.cases == 1 else ''} for it."


def _about(code: str) -> Callable[[Any], str]:
    def why_not(subject: Any) -> str:
        if getattr(subject, "state", "") == Case.State.CLOSED:
            return "The case is closed."
        if subject.code != code:
            return f"This is not about {code.replace('_', ' ')}."
        return ""

    return why_not


def _no_tax_map(subject: Any) -> str:
    refusal = _about("unknown_tax")(subject)
    if refusal or kept_maps.kept(connection_id=cause_of(subject).connection_id or 0, name="taxes").is_known:
        return refusal
    return "This ERP finds taxes by itself: add the tax there, then replay."


def _preview(what: str) -> Callable[[Any], str]:
    return lambda subject: (
        f"{what} {waiting_words(cause_of(subject))} Ten or fewer go again at once; more of them with a replay that"
        " begins with one."
    )


MAPS = (
    Act(
        name="map_status",
        label="Say whether such orders are posted",
        permission="orders.change_eligibilityrule",
        form=StatusForm,
        run=_map_status,
        preview=_preview("Orders with this status are posted, or wait, from now on."),
        why_not=_about("order_status_unknown"),
        expected=(ValueError, NotNow),
    ),
    Act(
        name="map_country",
        label="Say which ERP gets them",
        permission="integrations.change_salesroute",
        form=CountryForm,
        run=_map_country,
        preview=_preview("The store's orders for this country go to that ERP from now on."),
        why_not=_about("no_route"),
        expected=(NotDone, Misconfigured, NotNow),
    ),
    Act(
        name="map_store_status",
        label="Choose another status",
        permission="console.connect_system",
        form=StoreStatusForm,
        run=_map_store_status,
        preview=_preview("The store shows that status instead, in all of its status map."),
        why_not=_about("unknown_status"),
        expected=(NotDone, Misconfigured, NotNow),
    ),
    Act(
        name="map_tax",
        label="Say which tax it is",
        permission="console.connect_system",
        form=TaxForm,
        run=_map_tax,
        preview=_preview("This rate is booked with that tax from now on."),
        why_not=_no_tax_map,
        expected=(NotDone, Misconfigured, NotNow),
    ),
)
