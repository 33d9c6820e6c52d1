"""What the audit's pages say of its chain."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from reconciliation.tasks import check_audit, seal_audit
from retailhub import wiring
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.support.audited import act, tamper
from tests.support.world import person

pytestmark = pytest.mark.django_db
LIST = "/admin/core/auditentry/"


@pytest.fixture
def owner() -> Client:
    wiring.connect()
    return person(name="olga", everything=True)


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_says_which_rows_are_sealed_and_how_the_last_check_went(owner: Client) -> None:
    act(1)
    assert "Nobody has checked yet whether the audit holds." in text_of(owner, LIST)
    assert ("not yet" in text_of(owner, LIST), ">sealed<" in _flat(text_of(owner, LIST))) == (True, False)
    seal_audit()
    check_audit()
    page = text_of(owner, LIST)
    assert "Nothing of the audit was changed: 1 sealed row checked 0 s ago." in page
    assert (">sealed<" in _flat(page), "not yet" in page) == (True, False)


def test_a_broken_audit_is_said_first_with_the_way_to_its_case(owner: Client) -> None:
    act(1)
    act(2)
    seal_audit()
    tamper("UPDATE core_auditentry SET reason = 'other' WHERE sealed_seq = 2")
    check_audit()
    page = text_of(owner, LIST)
    assert "The audit does not hold, first at place 2 (changed); checked 0 s ago." in page
    link = "/admin/reconciliation/case/?code=audit_broken&state=all"
    assert link.replace("&", "&amp;") in page
    assert "audit broken" in text_of(owner, link)


def test_a_row_tells_its_place_and_hash_once_it_is_sealed(owner: Client) -> None:
    entry = act(1)
    entry_page = f"{LIST}{entry.pk}/change/"
    assert "not sealed yet" in text_of(owner, entry_page)
    seal_audit()
    entry.refresh_from_db()
    page = text_of(owner, entry_page)
    assert "place 1, sealed " in page
    assert bytes(entry.seal_hash or b"").hex() in page


def test_the_list_asks_few_questions_however_many_rows_it_has(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    now = clock.now()
    for number in range(60):
        act(number, at=now - dt.timedelta(seconds=number))
    text_of(owner, LIST)
    with django_assert_max_num_queries(8):
        text_of(owner, f"{LIST}?q=map_sku")
    assert AuditEntry.objects.count() == 60


def test_a_change_of_the_schedule_is_an_act(owner: Client) -> None:
    place = "/admin/django_celery_beat/intervalschedule/"
    assert owner.post(f"{place}add/", {"every": "7", "period": "minutes"}).status_code == 302
    row = IntervalSchedule.objects.get(every=7, period="minutes")
    assert owner.post(f"{place}{row.pk}/change/", {"every": "8", "period": "minutes"}).status_code == 302
    assert owner.post(f"{place}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    acts = AuditEntry.objects.filter(actor_name="olga").order_by("id")
    assert [entry.action for entry in acts] == [
        "add_intervalschedule",
        "edit_intervalschedule",
        "remove_intervalschedule",
    ]
    assert (acts[1].before, acts[1].after) == ({"every": "7"}, {"every": "8"})
    assert (acts[2].before or {})["every"] == "8"

    task = PeriodicTask.objects.get(name="integrations.keep_house")
    values = {"name": task.name, "task": task.task, "interval": str(task.interval_id), "args": "[]", "kwargs": "{}"}
    values |= {"priority": "", "headers": "{}", "expire_seconds": "3600"}
    answer = owner.post(f"/admin/django_celery_beat/periodictask/{task.pk}/change/", values)
    assert answer.status_code == 302, answer.content.decode()
    changed = AuditEntry.objects.get(action="edit_periodictask")
    assert (changed.after or {})["enabled"] == "False"


def _flat(page: str) -> str:
    return "".join(page.split())
