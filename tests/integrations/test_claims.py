"""Who may take a message up, and when; who may say what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from django.conf import settings
from django.db import connection

from integrations import connections, delivery, inbox, leases, outbox, sweep
from integrations.calls import Lines
from integrations.models import Connection, ConnectionState, InboxMessage, OutboxMessage
from integrations.ports import documents
from integrations.ports.capabilities import Ask, Ensured, How, Result
from integrations.ports.documents import DocumentState, ExternalDocument, SalesOrder
from integrations.ports.errors import RateLimited, Unknown
from integrations.states import Mode, Outcome, Status
from retailhub.core import clock
from tests.connectors.lookalike_erp.support import order

pytestmark = pytest.mark.django_db

LEASE = settings.LEASE_SECONDS
TABLES = pytest.mark.parametrize("table", ["inbox", "outbox"])
ROWS: dict[str, Any] = {"inbox": InboxMessage, "outbox": OutboxMessage}


def shift(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('retailhub.clock_offset', %s, false)", [f"{seconds} seconds"])


@pytest.fixture
def erp() -> Connection:
    row = Connection.objects.create(name="erp", kind="lookalike_erp", mode=Mode.LIVE, settle_seconds=30)
    ConnectionState.objects.create(connection=row)
    return row


def put(row: Connection, table: str) -> None:
    """One message that is due."""
    if table == "inbox":
        inbox.store([inbox.NewMessage(connection_id=row.pk, topic="t", shard="store:1", body=b"{}", headers={})])
        return
    effect = outbox.NewEffect(
        connection_id=row.pk,
        operation="post_order",
        subject="order:ord_1",
        reference="WC-eu-1",
        document=documents.encode(order("WC-eu-1", 1)),
        trace_id="trace",
    )
    outbox.enqueue([effect])


def claim(row: Connection, table: str, *, suspects: bool = False) -> tuple[int, int]:
    """The fence of a claim, and how many messages it got."""
    fence = leases.next_fence()
    if table == "inbox":
        return fence, len(inbox.claim(fence=fence, limit=5, lease_seconds=LEASE, suspects=suspects))
    held = outbox.claim(connection_id=row.pk, fence=fence, limit=5, lease_seconds=LEASE, suspects=suspects)
    return fence, len(held)


def finish(table: str, fence: int, *, status: Status = Status.DONE, due_in: float = 0.0) -> bool:
    """Whether a worker could write under its fence what became of the message."""
    pk = ROWS[table].objects.get().pk
    outcome = Outcome.APPLIED if status is Status.DONE else Outcome.NONE
    if table == "outbox":
        end = outbox.Finish(id=pk, status=status, outcome=outcome, result="created", due_in=due_in)
        return outbox.finish([end], fence=fence) == {pk}
    try:
        inbox.finish([inbox.Finish(id=pk, status=status, outcome=outcome, due_in=due_in)], fence=fence)
    except leases.LeaseLost:
        return False
    return True


@TABLES
def test_a_message_that_is_to_wait_is_not_claimed_before_its_time(erp: Connection, table: str) -> None:
    put(erp, table)
    fence, _ = claim(erp, table)
    assert finish(table, fence, status=Status.PENDING, due_in=60)
    shift(55)
    assert claim(erp, table)[1] == 0
    shift(65)
    assert claim(erp, table)[1] == 1


def test_what_follows_in_the_shard_of_a_claimed_message_waits_for_its_own_time(erp: Connection) -> None:
    for body in (b"1", b"2"):
        new = inbox.NewMessage(connection_id=erp.pk, topic="t", shard="store:1", body=body, headers={})
        inbox.store([new])
    InboxMessage.objects.filter(pk=InboxMessage.objects.latest("pk").pk).update(due_at=clock.after(60))
    assert claim(erp, "inbox")[1] == 1


def test_nothing_is_sent_to_a_connection_that_told_us_to_wait_until_it_may(erp: Connection) -> None:
    told = clock.after(60)
    connections.note_trouble(connection_id=erp.pk, error=RateLimited("429", retry_at=told), retry_at=told)
    put(erp, "outbox")
    shift(55)
    assert claim(erp, "outbox")[1] == 0
    shift(65)
    assert claim(erp, "outbox")[1] == 1


@TABLES
def test_only_the_worker_that_holds_a_message_says_what_became_of_it(erp: Connection, table: str) -> None:
    put(erp, table)
    frozen, _ = claim(erp, table)
    shift(LEASE + 1)
    assert sweep.take_back_leases() == 1
    present, got = claim(erp, table, suspects=True)
    assert got == 1
    assert not finish(table, frozen)
    row = ROWS[table].objects.get()
    assert (row.status, row.fence) == (Status.IN_FLIGHT, present)
    assert finish(table, present)


@TABLES
def test_what_became_of_a_message_is_said_once(erp: Connection, table: str) -> None:
    put(erp, table)
    fence, _ = claim(erp, table)
    # whoever ended it otherwise meanwhile: what is not in flight is nobody's to finish, whatever fence it still shows
    ROWS[table].objects.update(status=Status.PARKED, outcome=Outcome.REJECTED)
    assert not finish(table, fence)
    row = ROWS[table].objects.get()
    assert (row.status, row.outcome) == (Status.PARKED, Outcome.REJECTED)


@TABLES
def test_work_is_taken_back_when_its_lease_is_over_and_not_before(erp: Connection, table: str) -> None:
    put(erp, table)
    claim(erp, table)
    for seconds, taken in ((0, 0), (LEASE - 2, 0), (LEASE + 1, 1)):
        shift(seconds)
        assert sweep.take_back_leases() == taken


@TABLES
def test_a_worker_that_goes_on_keeps_its_work_beyond_its_first_lease(erp: Connection, table: str) -> None:
    put(erp, table)
    fence, _ = claim(erp, table)
    if table == "inbox":
        lease = leases.Lease(leases.INBOX, fence=fence)
    else:
        lease = leases.Lease(leases.OUTBOX, fence=fence, connection_id=erp.pk)
    shift(LEASE - 2)
    lease()
    until = ROWS[table].objects.get().lease_until
    lease.renewed -= LEASE / 2
    lease()
    assert (ROWS[table].objects.get().lease_until - until).total_seconds() > LEASE / 2
    shift(LEASE + 5)
    assert sweep.take_back_leases() == 0
    lease()
    shift(3 * LEASE)
    assert sweep.take_back_leases() == 1
    for renewed in (lease.renewed, 0.0):
        lease.renewed = renewed
        with pytest.raises(leases.LeaseLost):
            lease()


@dataclass
class Sink:
    """Says of the first document that nobody knows, and finds nothing."""

    asked: list[str] = field(default_factory=list)

    def ensure_many(self, asks: Sequence[Ask]) -> list[Result]:
        self.asked.append("ensure")
        if len(self.asked) == 1:
            return [Unknown("The connection broke.") for _ in asks]
        return [Ensured(_document(ask.reference, ask.document), How.CREATED) for ask in asks]

    def find(self, references: Sequence[str]) -> dict[str, list[ExternalDocument]]:
        self.asked.append("find")
        return {reference: [] for reference in references}

    def connector(self, _row: Connection, _context: Any) -> Sink:
        return self


def _document(reference: str, document: SalesOrder) -> ExternalDocument:
    return ExternalDocument(
        reference=reference,
        external_id="1",
        state=DocumentState.CONFIRMED,
        currency=document.currency,
        total=document.total,
        line_count=len(document.lines),
    )


def test_what_may_be_there_is_looked_for_a_second_time_after_the_settle_time_before_it_is_sent_again(
    erp: Connection,
) -> None:
    put(erp, "outbox")
    sink = Sink()
    for seconds, asked in ((0, 1), (25, 1), (35, 2), (60, 2), (70, 3)):
        shift(seconds)
        delivery.work(connection_id=erp.pk, lines=cast(Lines, sink))
        assert len(sink.asked) == asked, seconds
    assert sink.asked == ["ensure", "find", "ensure"]
    assert OutboxMessage.objects.get().outcome == Outcome.APPLIED
