"""What people may do from a case beside mapping and replaying: edit, read back, adopt, give up, publish."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse

from integrations import connections, doubts
from integrations.ports.errors import ConnectorError
from orders.services import publications
from orders.services.edits import NotEdited
from orders.services.giving_up import NotGivenUp
from orders.services.publications import NotPublished
from reconciliation.admin.case_edit import EditForm
from reconciliation.admin.case_state import state_of
from reconciliation.admin.replay_links import planned
from reconciliation.models import Case
from reconciliation.services import editing, giving_up, reading_back
from reconciliation.services.case_notes import NotDone
from reconciliation.services.replay_runs import NotNow
from retailhub.core.admin import Act, Doing, ReasonForm

CLOSED = "The case is closed: its cause is gone."


class AdoptForm(ReasonForm):
    field_order = ("document", "reason")

    document = forms.CharField(
        max_length=80, label="Document", help_text="Its id in the other system. It is read there and compared."
    )


class PublishForm(ReasonForm):
    """One thing to be written to the order in its store."""

    field_order = ("what", "status", "text", "number", "carrier", "url", "reason")

    what = forms.ChoiceField(
        choices=[
            ("status", "Status"),
            ("note", "Note for the shop's people"),
            ("customer_note", "Note for the customer, mailed by the store"),
            ("tracking", "Tracking"),
        ]
    )
    status = forms.ChoiceField(required=False, help_text="For a status: one of the store's map, and no step back.")
    text = forms.CharField(required=False, widget=forms.Textarea({"rows": 3}), help_text="For a note.")
    number = forms.CharField(required=False, max_length=200, label="Tracking number", help_text="For tracking.")
    carrier = forms.CharField(required=False, max_length=200)
    url = forms.CharField(required=False, max_length=500, label="Where the parcel can be followed")

    def prepare(self, subject: Any) -> None:
        order = state_of(subject).order
        facts = connections.store_facts({order.store_id}) if order else {}
        known = sorted(set(facts[order.store_id].status_map.values())) if order else []
        self.fields["status"].choices = [("", "–"), *((name, name) for name in known)]  # type: ignore[attr-defined]


def _edit(doing: Doing) -> str | HttpResponse:
    sent = editing.edit_and_send(
        message_id=state_of(doing.subject).message.pk,
        wanted=doing.values["wanted"],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    if sent.run is not None:
        return planned(doing.request, sent.run)
    return f"Sent with the edit: {editing.told(sent.edited.changes)}"


def _drop_edit(doing: Doing) -> str:
    editing.drop_edit(
        subject=doing.subject.subject,
        message_ids=[state_of(doing.subject).message.pk],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return "The edit is dropped; the order's own document goes instead."


def _read_order(doing: Doing) -> str:
    reading_back.read_order(subject=doing.subject.subject, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "The store is asked for the order; what it says shows here in a moment."


def _read_back(doing: Doing) -> str:
    found = reading_back.read_document(
        message_id=state_of(doing.subject).message.pk, actor=doing.actor, reason=doing.reason, now=doing.now
    )
    if found.settled:
        return found.sentence
    return f"{found.sentence} Nothing was changed by looking."


def _adopt(doing: Doing) -> str:
    document = reading_back.adopt(
        message_id=state_of(doing.subject).message.pk,
        external_id=doing.values["document"].strip(),
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return f"{document.number or document.external_id} is this order's document now."


def _give_up(doing: Doing) -> str:
    giving_up.give_up(name=state_of(doing.subject).name, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "It is given up. “Take back” on this page lets it go on."


def _take_back(doing: Doing) -> str:
    giving_up.take_back(subject=doing.subject.subject, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "It goes on."


def _publish(doing: Doing) -> str:
    values, subject = doing.values, doing.subject.subject
    act = publications.Act(actor=doing.actor, reason=doing.reason, now=doing.now)
    if values["what"] == "status":
        done = publications.publish_status(subject=subject, status=values["status"], act=act)
    elif values["what"] == "tracking":
        done = publications.publish_tracking(
            subject=subject, number=values["number"], carrier=values["carrier"], url=values["url"], act=act
        )
    else:
        to_customer = values["what"] == "customer_note"
        done = publications.publish_note(subject=subject, text=values["text"], to_customer=to_customer, act=act)
    return f"{done.message} waits to be written to the store."


def _accept_gone(doing: Doing) -> str:
    store_id = int(doing.subject.subject.removeprefix("connection:"))
    told = doubts.accept(connection_id=store_id, actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"Accepted: {told.number} orders are gone, from {told.first} to {told.last}. Each is read once more."


def _none_gone(case: Case) -> str:
    if case.code != doubts.GONE:
        return "It is not about orders that are gone."
    return "" if case.state == Case.State.OPEN else CLOSED


def _no_edit(case: Case) -> str:
    if not state_of(case).can_edit:
        return "No document of it waits for a person that could be edited."
    return ""


def _not_given_up(case: Case) -> str:
    state = state_of(case)
    cancelled = (
        state.message is not None and case.subject.startswith("message:") and state.message.status == "cancelled"
    )
    return "" if state.given_up or cancelled else "It is not given up."


def _give_up_preview(case: Case) -> str:
    state = state_of(case)
    if not state.is_document:
        return f"{state.name} is not worked or sent any more. Nothing of it is lost; it can be taken back."
    return (
        f"{state.message.reference} is not sent, and nothing more of the order goes to the ERP, whatever changes in the"
        " shop, not even a cancellation, until somebody takes this back. What an earlier attempt may have left in the"
        " ERP is cancelled there."
    )


def _no_order(case: Case) -> str:
    return "" if state_of(case).order else "This is about no order of a store."


ACTS = (
    Act(
        name="edit",
        label="Edit and send",
        permission="console.edit_message",
        form=EditForm,
        run=_edit,
        preview=lambda case: (
            f"{state_of(case).message.reference} is sent as you leave it here. Its reference stays. A change of"
            " quantities, amounts or taxes waits for another person's yes. If the order changes in the shop later, your"
            " edit stays and a case says what differs; a cancellation in the shop is followed all the same."
        ),
        why_not=_no_edit,
        expected=(NotEdited, NotNow),
    ),
    Act(
        name="drop_edit",
        label="Drop the edit",
        permission="console.edit_message",
        run=_drop_edit,
        preview=lambda case: (
            f"What {state_of(case).edit.actor_name} changed is given up: the order's own document is sent, or amends"  # type: ignore[union-attr]
            " what is posted where the ERP can change it."
        ),
        why_not=lambda case: "" if state_of(case).edit else "Nothing of it is sent with an edit.",
        expected=(NotDone,),
    ),
    Act(
        name="read_order",
        label="Read the order from the store",
        permission="console.read_back",
        run=_read_order,
        preview=lambda _case: "The store is asked for the order as it has it now; it is then decided on again.",
        why_not=_no_order,
        expected=(NotDone,),
    ),
    Act(
        name="read_back",
        label="Look it up in the ERP",
        permission="console.read_back",
        run=_read_back,
        preview=lambda case: (
            f"{state_of(case).message.connection.name} is asked what it has under {state_of(case).message.reference}."
            " If that is as it was to be, the case is done; else nothing is changed, and you read here what is there."
        ),
        why_not=lambda case: "" if state_of(case).is_document else "It came from no document for an ERP.",
        expected=(NotDone, ConnectorError),
    ),
    Act(
        name="adopt",
        label="Adopt a document",
        permission="console.adopt_document",
        form=AdoptForm,
        run=_adopt,
        preview=lambda case: (
            f"You say which document in {state_of(case).message.connection.name} is this order's. It is read and"
            " compared: it must be confirmed and agree to the cent, else it is refused."
        ),
        why_not=lambda case: "" if state_of(case).can_adopt else "No posting of it waits for a person.",
        expected=(NotDone, ConnectorError),
    ),
    Act(
        name="accept_gone",
        label="Accept that they are gone",
        permission="console.connect_system",
        run=_accept_gone,
        preview=lambda case: (
            f"The {case.evidence.get('number', '?')} orders that are held now, from {case.evidence.get('first', '?')}"
            f" to {case.evidence.get('last', '?')}, are taken as deleted: each is read once more, and where the store"
            " has none, its documents in the ERP are cancelled. That cannot be taken back here. The address of the"
            " store counts as right from then on."
        ),
        why_not=_none_gone,
        expected=(doubts.NothingHeld,),
        danger=True,
    ),
    Act(
        name="publish",
        label="Tell the store",
        permission="console.publish",
        form=PublishForm,
        run=_publish,
        preview=lambda _case: "It is written to the order in its store, once. Notes for the customer are mailed.",
        why_not=_no_order,
        expected=(NotPublished,),
    ),
    Act(
        name="give_up",
        label="Give up",
        permission="console.cancel_message",
        run=_give_up,
        preview=_give_up_preview,
        why_not=lambda case: "" if state_of(case).is_parked else "Nothing of it is parked.",
        expected=(NotDone, NotGivenUp, NotPublished),
        danger=True,
    ),
    Act(
        name="take_back",
        label="Take back",
        permission="console.cancel_message",
        run=_take_back,
        preview=lambda _case: "What was given up is worked again.",
        why_not=_not_given_up,
        expected=(NotDone, NotGivenUp),
    ),
)
