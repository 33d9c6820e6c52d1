"""How many sales orders reach their target state in an ERP that repeats every create it is asked for.

One `Round` takes each ask through: look up → create, resume, amend → compare → confirm, cancel → read back.
Calls carry many items, results are kept per item. A call whose result is not known leaves `Unknown` for the
items in it, and nothing of them is tried again in the same round: the next look-up decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from integrations.connectors.lookalike_erp import mapping
from integrations.connectors.lookalike_erp.client import Client
from integrations.connectors.lookalike_erp.schemas import Document, Item, State
from integrations.ports.capabilities import Ask, Ensured, How, Result, Target
from integrations.ports.errors import ConnectorError, Rejected, Transient, Unknown

Given = TypeVar("Given")
Got = TypeVar("Got")

AIMS = {Target.CONFIRMED: State.CONFIRMED, Target.CANCELLED: State.CANCELLED}
DONE_ALREADY = frozenset({"already_confirmed", "already_cancelled"})
"""Refusals that say another attempt was faster; reading back decides."""


@dataclass(frozen=True)
class Step:
    """An ask on its way, with the document that stands for it and how that came about."""

    ask: Ask
    document: Document
    how: How

    @property
    def aim(self) -> State:
        return AIMS[self.ask.target]


class Round:
    """One pass over asks with different references. Every ask has a result when `run` returns."""

    def __init__(self, client: Client, crashpoint: Callable[[str], None], asks: Sequence[Ask]) -> None:
        self._client = client
        self._crashpoint = crashpoint
        self._asks = asks
        self._results: dict[str, Result] = {}

    def run(self) -> dict[str, Result]:
        """Results by reference. Never raises `ConnectorError`."""
        try:
            found = self._look_up()
        except ConnectorError as error:
            return {ask.reference: error for ask in self._asks}
        self._crashpoint("lookalike_erp.found")
        fresh: list[Ask] = []
        steps: list[Step] = []
        for ask in self._asks:
            decision = decide(ask, found[ask.reference])
            if isinstance(decision, Step):
                steps.append(decision)
            elif decision is None:
                fresh.append(ask)
            else:
                self._results[ask.reference] = decision
        steps = self._amended(steps) + self._created(fresh)
        self._crashpoint("lookalike_erp.created")
        steps = self._moved(steps)
        self._crashpoint("lookalike_erp.confirmed")
        self._read_back(steps)
        return self._results

    def _look_up(self) -> dict[str, list[Document]]:
        found: dict[str, dict[str, Document]] = {ask.reference: {} for ask in self._asks}
        known = {ask.known_id: ask.reference for ask in self._asks if ask.known_id}
        documents = [*self._client.search(list(found))]
        if known:
            # Reading by id does not lag behind as the search may.
            documents += self._client.read(list(known))
        for document in documents:
            # what a person has adopted may carry another reference than ours
            reference = known.get(document.id, document.reference)
            if reference in found:
                found[reference][document.id] = document
        return {reference: list(by_id.values()) for reference, by_id in found.items()}

    def _created(self, asks: list[Ask]) -> list[Step]:
        with_customer = self._customers_put(asks)
        orders = {ask.reference: mapping.order_for(ask.document) for ask in with_customer}
        items = in_parts(with_customer, lambda part: self._client.create([orders[ask.reference] for ask in part]))
        steps: list[Step] = []
        for ask, item in zip(with_customer, items, strict=True):
            document = self._accepted(ask, item)
            if document is not None and self._amounts_agree(ask, document):
                steps.append(Step(ask, document, How.CREATED))
        return steps

    def _customers_put(self, asks: list[Ask]) -> list[Ask]:
        """The asks whose customers the ERP has now. Nothing is in doubt here: no order was created."""

        def put(part: list[Ask]) -> list[ConnectorError | None]:
            customers = {ask.document.customer_key: mapping.customer_for(ask.document) for ask in part}
            self._client.put_customers(list(customers.values()))
            return [None] * len(part)

        ready: list[Ask] = []
        for ask, error in zip(asks, in_parts(asks, put), strict=True):
            if error is None:
                ready.append(ask)
            elif isinstance(error, Unknown):
                self._results[ask.reference] = Transient(
                    error.detail, code="customers_not_sent", evidence={"failure": error.code}
                )
            else:
                self._results[ask.reference] = error
        return ready

    def _amended(self, steps: list[Step]) -> list[Step]:
        """The steps with documents that hold what is wanted; those that differed are amended one by one."""
        differing = [step for step in steps if self._needs_amending(step)]
        stale = {step.ask.reference for step in differing}
        kept = [step for step in steps if step.ask.reference not in stale]
        ready = {ask.reference for ask in self._customers_put([step.ask for step in differing])}
        for step in differing:
            if step.ask.reference not in ready:
                continue
            try:
                document = self._client.amend(step.document.id, mapping.order_for(step.ask.document))
            except ConnectorError as error:
                self._results[step.ask.reference] = with_facts(error, step)
                continue
            if self._amounts_agree(step.ask, document):
                how = How.AMENDED if step.document.state is State.CONFIRMED else step.how
                kept.append(Step(step.ask, document, how))
        return kept

    def _needs_amending(self, step: Step) -> bool:
        return step.aim is State.CONFIRMED and mapping.content_differs(step.ask.document, step.document)

    def _moved(self, steps: list[Step]) -> list[Step]:
        """The steps whose documents were confirmed or cancelled, or were so already."""
        done = [step for step in steps if step.document.state is step.aim]
        for aim, move in ((State.CONFIRMED, self._client.confirm), (State.CANCELLED, self._client.cancel)):
            due = [step for step in steps if step.aim is aim and step.document.state is not aim]
            items = in_parts(due, lambda part, move=move: move([step.document.id for step in part]))  # type: ignore[misc]
            for step, item in zip(due, items, strict=True):
                document = self._moved_document(step, item)
                if document is not None:
                    done.append(replace(step, document=document))
        return done

    def _moved_document(self, step: Step, item: Item | ConnectorError) -> Document | None:
        if isinstance(item, Item) and item.error is not None and item.error.get("code") in DONE_ALREADY:
            return step.document
        document = self._accepted(step.ask, item)
        if document is None:
            error = self._results[step.ask.reference]
            if isinstance(error, ConnectorError):
                self._results[step.ask.reference] = with_facts(error, step)
        return document

    def _accepted(self, ask: Ask, item: Item | ConnectorError) -> Document | None:
        """The document of an answer; without one the error becomes the ask's result."""
        if isinstance(item, ConnectorError):
            self._results[ask.reference] = item
        elif item.error is not None:
            self._results[ask.reference] = mapping.rejected(item.error)
        elif item.document is None:
            self._results[ask.reference] = Unknown("The ERP's answer says neither yes nor no.", code="bad_answer")
        else:
            return item.document
        return None

    def _amounts_agree(self, ask: Ask, document: Document) -> bool:
        difference = mapping.amount_difference(ask.document, document)
        if difference:
            self._results[ask.reference] = amount_differs(document, difference)
        return not difference

    def _read_back(self, steps: list[Step]) -> None:
        """Adopted documents were just read by the look-up; all others are read again by id."""
        adopted = [step for step in steps if step.how is How.ADOPTED]
        written = [step for step in steps if step.how is not How.ADOPTED]
        for step in adopted:
            self._results[step.ask.reference] = reached(step, step.document)
        if not written:
            return
        try:
            documents = {document.id: document for document in self._client.read([s.document.id for s in written])}
        except ConnectorError as error:
            for step in written:
                self._results[step.ask.reference] = not_read_back(step, error)
            return
        for step in written:
            self._results[step.ask.reference] = reached(step, documents.get(step.document.id))


def decide(ask: Ask, found: list[Document]) -> Step | Result | None:
    """What follows from the look-up: go on from a document, a result at once, or ``None``: create."""
    live = [document for document in found if document.state is not State.CANCELLED]
    ids = ", ".join(document.id for document in found)
    if len(live) > 1:
        return Rejected(
            f"The ERP has {len(live)} live documents under {ask.reference}; cancel all but one there.",
            code="duplicate_in_erp",
            evidence={"reference": ask.reference, "external_ids": ids},
        )
    if live:
        return Step(ask, live[0], _how(ask.target, live[0].state))
    if ask.target is Target.CANCELLED:
        return _cancelled_already(ask, found)
    if found:
        return Rejected(
            f"The document {ask.reference} is cancelled in the ERP.",
            code="document_cancelled",
            evidence={"reference": ask.reference, "external_ids": ids},
        )
    return None


def _how(target: Target, state: State) -> How:
    if target is Target.CANCELLED:
        return How.CANCELLED
    return How.RESUMED if state is State.DRAFT else How.ADOPTED


def _cancelled_already(ask: Ask, found: list[Document]) -> Step | Rejected:
    if found:
        return Step(ask, found[-1], How.ADOPTED)
    return Rejected(
        f"The ERP has no document {ask.reference} to cancel.",
        code="nothing_to_cancel",
        evidence={"reference": ask.reference},
    )


def reached(step: Step, document: Document | None) -> Result:
    """`Ensured` when the document, as it was read, is where it was to be and its amount agrees."""
    if document is None or document.state is not step.aim:
        state = document.state.value if document else "missing"
        return Unknown(
            f"The document {step.ask.reference} is not {step.aim.value} after the ERP said so.",
            code="target_not_reached",
            evidence={"external_id": step.document.id, "state": state},
        )
    difference = mapping.amount_difference(step.ask.document, document)
    if difference and step.aim is State.CONFIRMED:
        return amount_differs(document, difference)
    return Ensured(mapping.external_document(document), step.how)


def amount_differs(document: Document, difference: dict[str, str]) -> Rejected:
    """The ERP adds up to something else; ``difference`` has expected and found values."""
    return Rejected(
        f"The ERP's document {document.reference} does not add up to the shop's amount.",
        code="amount_differs",
        evidence=difference | {"external_id": document.id, "state": document.state.value},
    )


def not_read_back(step: Step, error: ConnectorError) -> Unknown:
    """The target was reported, but could not be seen: the next look-up finds it."""
    return Unknown(
        f"The document {step.ask.reference} could not be read back: {error.detail}",
        code="read_back_failed",
        evidence={"external_id": step.document.id, "failure": error.code},
        retry_at=getattr(error, "retry_at", None),
    )


def with_facts(error: ConnectorError, step: Step) -> ConnectorError:
    """The same error, telling the document's id and, for a business no, what was wanted of it.

    Whatever its class: the document is there, and whoever tries again must find it although the search lags.
    """
    evidence = {**error.evidence, "external_id": step.document.id}
    if isinstance(error, Rejected):
        evidence |= mapping.amount_difference(step.ask.document, step.document)
    return error.with_evidence(evidence)


def in_parts(items: list[Given], send: Callable[[list[Given]], list[Got]]) -> list[Got | ConnectorError]:
    """``send`` all at once; a call refused as a whole is halved until the bad item stands alone.

    An error that is not about the items (unreachable, limited, key refused) is not asked for again: the items
    not sent yet share it. What is in doubt stays with the items of that very call.
    """
    if not items:
        return []
    try:
        return list(send(items))
    except Rejected as error:
        if len(items) == 1:
            return [error]
    except ConnectorError as error:
        return [error] * len(items)
    half = len(items) // 2
    first = in_parts(items[:half], send)
    last = first[-1]
    if isinstance(last, ConnectorError) and not isinstance(last, Rejected | Unknown):
        return first + [last] * (len(items) - half)
    return first + in_parts(items[half:], send)
