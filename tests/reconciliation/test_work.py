"""What people do about causes and cases: its history and one audit row; in bulk, what was decided once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from reconciliation import policies
from reconciliation.models import BulkWork, Case, CaseEvent, CaseWork, Cause, CauseEvent, CauseWork
from reconciliation.selectors import triage
from reconciliation.selectors.past import past_causes
from reconciliation.selectors.triage import BadFilter, Filter
from reconciliation.services import bulk, cases, views, work
from reconciliation.services.acts import NotPossible
from reconciliation.services.cases import Report
from reconciliation.services.work import Change, Do
from retailhub.core import clock
from retailhub.core.models import AuditEntry

pytestmark = pytest.mark.django_db
WHY = "the merchant called"


@pytest.fixture
def olga() -> User:
    return User.objects.create_user("olga", is_staff=True)


@pytest.fixture
def per() -> User:
    return User.objects.create_user("per", is_staff=True)


def opened(
    key: str,
    *numbers: int,
    code: str = "sku_unmapped",
    money: str = "10",
    currency: str = "EUR",
    now: dt.datetime | None = None,
) -> Cause:
    reports = [
        Report(
            code=code,
            subject=f"order:ord_{number}",
            family="order",
            connection_id=None,
            key=key,
            currency=currency,
            money=Decimal(money),
        )
        for number in numbers
    ]
    with transaction.atomic():
        cases.open_many(reports=reports, now=now or clock.now())
    return Cause.objects.get(key=key, code=code)


def do(change: Change, cause: Cause, actor: User, *, now: dt.datetime | None = None) -> None:
    work.work_on(
        about=work.OF_CAUSE,
        pk=cause.pk,
        name=cause.public_id,
        change=change,
        actor=actor,
        reason=WHY,
        now=now or clock.now(),
    )


def claim(person: User) -> Change:
    return Change(do=Do.CLAIM, owner_id=person.pk, owner_name=person.username)


def keys(query: str, person: User | None = None, *, now: dt.datetime | None = None) -> list[str]:
    chosen = Filter.parse(query)
    rows = triage.matching(chosen, person_id=person.pk if person else None, now=now or clock.now())
    return [row.cause.key for row in triage.page_of(rows, sort=chosen.sort, number=1)]


def test_a_claimed_cause_is_its_owner_s_with_history_and_one_audit_row(olga: User, per: User) -> None:
    cause = opened("A", 1, 2)
    do(claim(olga), cause, olga)
    assert CauseWork.objects.get().owner == olga
    assert list(CauseEvent.objects.values_list("what", "actor", "note")) == [("claimed", "olga", WHY)]
    entry = AuditEntry.objects.get(action="claim_cause")
    assert (entry.subject, entry.reason) == (f"cause:{cause.public_id}", WHY)
    assert (entry.before["owner"], entry.after["owner"]) == (None, olga.pk)  # type: ignore[index]
    assert (keys("owner=me", olga), keys("owner=me", per), keys("owner=olga"), keys("owner=nobody")) == (
        ["A"],
        [],
        ["A"],
        [],
    )


def test_claiming_takes_nothing_away_and_assigning_does(olga: User, per: User) -> None:
    cause = opened("A", 1)
    do(claim(olga), cause, olga)
    with pytest.raises(NotPossible, match="Somebody else has it"):
        do(claim(per), cause, per)
    assert CauseWork.objects.get().owner == olga
    assert AuditEntry.objects.filter(action="claim_cause").count() == 1
    do(Change(do=Do.ASSIGN, owner_id=per.pk, owner_name="per"), cause, olga)
    assert CauseWork.objects.get().owner == per
    assert CauseEvent.objects.get(what="assigned").note == f"To per. {WHY}"
    do(Change(do=Do.RELEASE), cause, per)
    assert keys("owner=nobody") == ["A"]


def test_what_is_said_of_a_cause_takes_the_place_of_what_was_said_of_its_open_cases(olga: User, per: User) -> None:
    cause = opened("A", 1, 2)
    one, two = cause.cases.order_by("pk")
    for case in (one, two):
        work.work_on(
            about=work.OF_CASE,
            pk=case.pk,
            name=case.public_id,
            change=claim(olga),
            actor=olga,
            reason=WHY,
            now=clock.now(),
        )
    Case.objects.filter(pk=two.pk).update(state="closed")
    do(Change(do=Do.ASSIGN, owner_id=per.pk, owner_name="per"), cause, olga)
    assert dict(CaseWork.objects.values_list("case", "owner")) == {one.pk: None, two.pk: olga.pk}
    assert list(CaseEvent.objects.filter(what="assigned").values_list("case", flat=True)) == [one.pk]


def test_tags_are_kept_once_found_and_taken_off(olga: User) -> None:
    cause, _ = opened("A", 1), opened("B", 2)
    do(Change(do=Do.TAG, tag="asked the shop"), cause, olga)
    with pytest.raises(NotPossible):
        do(Change(do=Do.TAG, tag="asked the shop"), cause, olga)
    assert (keys("tag=asked the shop"), triage.tags()) == (["A"], ["asked the shop"])
    do(Change(do=Do.UNTAG, tag="asked the shop"), cause, olga)
    assert (keys("tag=asked the shop"), triage.tags()) == ([], [])
    with pytest.raises(NotPossible, match="1 to 40"):
        do(Change(do=Do.TAG, tag="x" * 41), cause, olga)


def test_a_note_is_history_and_changes_nothing_else(olga: User) -> None:
    cause = opened("A", 1)
    before = AuditEntry.objects.count()
    do(Change(do=Do.NOTE), cause, olga)
    do(Change(do=Do.NOTE), cause, olga)
    assert list(CauseEvent.objects.values_list("what", flat=True)) == ["noted", "noted"]
    assert AuditEntry.objects.count() == before + 2


def test_a_snoozed_cause_is_away_until_then_and_comes_back_by_itself(olga: User) -> None:
    now = clock.now()
    cause, _ = opened("A", 1), opened("B", 2)
    until = now + dt.timedelta(hours=2)
    do(Change(do=Do.SNOOZE, until=until), cause, olga, now=now)
    assert (keys("", now=now), keys("snoozed=only", now=now)) == (["B"], ["A"])
    assert sorted(keys("snoozed=any", now=now)) == ["A", "B"]
    assert sorted(keys("", now=until)) == ["A", "B"]
    with pytest.raises(NotPossible, match="later"):
        do(Change(do=Do.SNOOZE, until=now), cause, olga, now=now)
    do(Change(do=Do.WAKE), cause, olga, now=now)
    assert sorted(keys("", now=now)) == ["A", "B"]


def test_each_filter_finds_exactly_what_it_says(olga: User) -> None:
    now = clock.now()
    opened("A", 1, money="100", now=now - dt.timedelta(days=2))
    opened("B", 2, 3, code="result_unknown", money="5", now=now - dt.timedelta(hours=5))
    opened("C", 4, code="no_route", money="7000", currency="JPY", now=now)
    assert {query: sorted(keys(query, now=now)) for query in (
        "code=sku_unmapped", "urgent=1", "side=configuration", "money=10.01", "money=70.01", "age=4h", "age=1d",
        "age=due", "q=B", "q=no_route", "connection=nowhere", "store=nowhere",
    )} == {
        "code=sku_unmapped": ["A"],
        "urgent=1": ["B"],
        "side=configuration": ["C"],
        "money=10.01": ["A", "C"],
        "money=70.01": ["A"],
        "age=4h": ["A", "B"],
        "age=1d": ["A"],
        "age=due": ["A", "B"],
        "q=B": ["B"],
        "q=no_route": ["C"],
        "connection=nowhere": [],
        "store=nowhere": [],
    }  # fmt: skip
    assert [keys(f"sort={sort}", now=now) for sort in ("", "money", "count", "age")] == [
        ["B", "A", "C"],
        ["A", "C", "B"],
        ["B", "A", "C"],
        ["A", "B", "C"],
    ]


@pytest.mark.parametrize("query", ["money=much", "age=old", "sort=luck", "side=left", "money=NaN", "colour=red"])
def test_a_filter_that_cannot_be_is_refused(query: str) -> None:
    with pytest.raises(BadFilter):
        Filter.parse(query)


def test_a_filter_says_itself_the_same_way_again() -> None:
    chosen = Filter.parse("owner=me&code=sku_unmapped&money=10&q=")
    assert chosen.query == "code=sku_unmapped&owner=me&money=10"
    assert Filter.parse(chosen.query) == chosen


def test_the_clock_of_a_cause_is_that_of_its_oldest_open_case() -> None:
    now = clock.now()
    since = now - dt.timedelta(hours=5)
    opened("A", 1, now=since)
    cause = opened("A", 2, now=now)
    row = triage.row_of(cause_id=cause.pk)
    assert row is not None
    assert (row.oldest_at, row.due_at) == (since, since + policies.WITHIN)
    cases.close_for(family="order", why={"order:ord_1": "over"}, now=now)
    assert triage.row_of(cause_id=cause.pk).oldest_at == now  # type: ignore[union-attr]
    later = now + dt.timedelta(hours=1)
    opened("A", 1, now=later)
    assert Case.objects.get(subject="order:ord_1").opened_at == later


def test_a_bulk_act_does_what_matched_when_it_was_decided_and_nothing_that_came_later(olga: User) -> None:
    opened("A", 1)
    opened("B", 2)
    opened("C", 3, code="no_route")
    now = clock.now()
    chosen = Filter.parse("code=sku_unmapped")
    found = bulk.choose(chosen=chosen, person_id=olga.pk, now=now)
    row = bulk.begin(
        act="claim", cause_ids=found, query=chosen.query, change=claim(olga), actor=olga, reason=WHY, now=now
    )
    opened("D", 4)
    row = bulk.go_on(pk=row.pk, seconds=5, now=now)
    assert (row.total, row.done, row.left, row.finished_at) == (2, 2, 0, now)
    assert bulk.go_on(pk=row.pk, seconds=5, now=now + dt.timedelta(hours=1)).finished_at == now
    assert sorted(keys("owner=me", olga)) == ["A", "B"]
    entry = AuditEntry.objects.get(action="claim_causes")
    assert entry.after == {
        "filter": "code=sku_unmapped",
        "count": 2,
        "causes": found,
        "owner_id": olga.pk,
        "owner_name": "olga",
    }
    assert not AuditEntry.objects.filter(action="claim_cause").exists()


def test_an_abandoned_bulk_act_is_gone_on_with_from_where_it_stood(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    cause = opened("A", 1, 2, 3, 4, 5)
    now = clock.now()
    row = bulk.begin(act="ignore", cause_ids=[cause.pk], query="", change=None, actor=olga, reason=WHY, now=now)
    row = bulk.go_on(pk=row.pk, seconds=0, now=now)
    assert (row.done, row.finished_at, Case.objects.filter(state="ignored").count()) == (2, None, 2)
    cases.close_for(family="order", why={"order:ord_5": "over"}, now=now)
    assert bulk.finish_abandoned(seconds=5, now=now) == 0
    row = BulkWork.objects.get()
    assert (row.done, row.left, row.finished_at) == (5, 1, now)
    assert Case.objects.filter(state="ignored").count() == 4
    assert CaseEvent.objects.filter(what="ignored", actor="olga", note=WHY).count() == 4
    assert AuditEntry.objects.filter(action="ignore_cases").count() == 1

    back = bulk.begin(act="reopen", cause_ids=[cause.pk], query="", change=None, actor=olga, reason=WHY, now=now)
    assert bulk.go_on(pk=back.pk, seconds=5, now=now).left == 0
    assert Case.objects.filter(state="open").count() == 4


def test_a_bulk_act_asks_no_more_queries_for_many_than_for_one(olga: User) -> None:
    now = clock.now()

    def asked(*numbers: int) -> int:
        found = [opened(f"K{number}", number).pk for number in numbers]
        row = bulk.begin(act="claim", cause_ids=found, query="", change=claim(olga), actor=olga, reason=WHY, now=now)
        with CaptureQueriesContext(connection) as captured:
            bulk.go_on(pk=row.pk, seconds=5, now=now)
        return len(captured)

    assert asked(1) == asked(*range(10, 60))


def test_a_bulk_act_on_nothing_is_refused(olga: User) -> None:
    with pytest.raises(NotPossible, match="Nothing matches"):
        bulk.begin(act="note", cause_ids=[], query="", change=None, actor=olga, reason=WHY, now=clock.now())
    assert not AuditEntry.objects.exists()


def test_what_closed_causes_like_this_is_told_with_the_act_before(olga: User) -> None:
    now = clock.now()
    other, same = opened("A", 1, code="unknown_item"), opened("B", 2)
    do(Change(do=Do.NOTE), same, olga, now=now)
    later = now + dt.timedelta(minutes=1)
    cases.close_for(family="order", why={"order:ord_1": "It is posted.", "order:ord_2": "Mapped."}, now=later)
    told = past_causes(cause=opened("A", 3))
    assert [(each.public_id, each.like, each.because, each.act) for each in told] == [
        (other.public_id, "the value at fault", "It is posted.", ""),
        (same.public_id, "the code", "Mapped.", f"noted by olga: {WHY}"),
    ]


def test_a_view_is_its_owner_s_unless_shared(olga: User, per: User) -> None:
    now = clock.now()
    chosen = Filter.parse("owner=me")
    view = views.save_view(name="Mine", chosen=chosen, shared=False, first=True, actor=olga, now=now)
    for act in (
        lambda: views.remove_view(view_id=view.pk, actor=per, may_share=True, now=now),
        lambda: views.begin_with(view_id=view.pk, actor=per),
    ):
        with pytest.raises(NotPossible):
            act()
    views.save_view(name="Mine", chosen=chosen, shared=True, first=False, actor=olga, now=now)
    views.begin_with(view_id=view.pk, actor=per)
    assert views.remove_view(view_id=view.pk, actor=per, may_share=True, now=now) == "Mine"
    assert AuditEntry.objects.filter(action__in=["save_view", "remove_view"]).count() == 3
