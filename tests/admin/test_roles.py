"""Role × page × act: every address of the product, asked by everybody, answers as the table of roles says."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import get_resolver, path
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, SolarSchedule

from integrations import bounded
from orders.models import CustomerReview
from reconciliation.models import Case
from reconciliation.services import replay_runs, replays
from retailhub.console import access_matrix
from retailhub.console.access_matrix import NotDeclared, Row
from retailhub.console.notices import changes, rules, sending, texts
from retailhub.console.notices.rules import Wanted
from retailhub.console.pages.directory import PAGES, Page
from retailhub.core import access, clock
from retailhub.core.access import Role, permissions_of
from retailhub.core.admin import Act
from retailhub.core.models import AuditEntry
from tests.support.world import World, order_body

ANONYMOUS, NO_ROLE = "nobody who is logged in", "somebody without a role"
PEOPLE = (ANONYMOUS, NO_ROLE, *Role)
OTHER_METHODS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are decided on and read, not painted: what is asked here is who gets one."""
    monkeypatch.setattr(TemplateResponse, "rendered_content", "")


@pytest.fixture
def everything(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A row of every list."""
    # who may send a test is asked here, inside the test's transaction; sending it has tests of its own
    monkeypatch.setattr(sending, "send", lambda _notice: True)
    # the same of reading a catalogue
    monkeypatch.setattr(bounded, "products", lambda **_asked: bounded.Part(is_whole=True))
    for number, email in ((950, "first@example.com"), (951, "other@example.com")):
        world.deliver(order_body(number, email=email, phone="+49 30 1234567"))
    world.work()
    assert CustomerReview.objects.exists()
    CrontabSchedule.objects.create()
    SolarSchedule.objects.create(event="sunset", latitude=52, longitude=13)
    ClockedSchedule.objects.create(clocked_time=clock.now())
    User.objects.create_user("another", is_staff=True)
    case = Case.objects.filter(code="sku_unmapped", state="open").earliest("pk")
    replay_runs.plan(
        what=replays.plan_cases(case=case.public_id),
        source=f"case:{case.public_id}",
        title="one case",
        author="test",
        reason="to have one",
        now=clock.now(),
    )
    wanted = Wanted(kind="email", address="ops@example.com")
    rule = rules.add(name="desk", wanted=wanted, actor="test", reason="to have one", now=clock.now())
    changes.write(rule=rule, what="change", content={**texts.TEST, "at": ""}, now=clock.now())
    return world


def client_of(who: str) -> Client:
    client = Client(raise_request_exception=True)
    if who != ANONYMOUS:
        user = User.objects.create_user(who.replace(" ", "-"), is_staff=True)
        user.groups.set(Group.objects.filter(name=who))
        client.force_login(user)
    return client


def held(who: str) -> frozenset[str]:
    return permissions_of(Role(who)) if who in set(Role) else frozenset()


def address_of(row: Row) -> str:
    """The row's address with a real object in it."""
    address = row.address.replace("<slug:act>", row.act).replace("…", "nothing/")
    if "<path:content_type_id>" in address:
        address = address.replace("<path:content_type_id>", str(ContentType.objects.get(model="order").pk))
        return "/" + address.replace("<path:object_id>", "1")
    if "<path:object_id>" in address:
        found = row.model._default_manager.order_by("pk").first()
        assert found is not None, f"there is no {row.model.__name__} to ask for"
        address = address.replace("<path:object_id>", str(found.pk))
    # the rest has no object here: who may not see it is refused before it is looked for
    return "/" + re.sub(r"<int:\w+>", "1", re.sub(r"<(str|slug):\w+>", "nothing", address))


def verdict(status: int, location: str) -> str:
    """What came of a request: in, out (to the log-in page) or refused."""
    if status == 302 and location.startswith("/admin/login/"):
        return "out"
    return "refused" if status == 403 else "in"


def expected(row: Row, who: str) -> str:
    if row.public or (who == ANONYMOUS and row.route == "logout"):  # who is not in is led to the log-in from there
        return "in"
    if who == ANONYMOUS:
        return "out"
    return "in" if row.allows(held(who)) else "refused"


def asked() -> list[tuple[Row, str, str]]:
    """Every row with each of its methods, and a real address."""
    places = [(row, address_of(row)) for row in access_matrix.rows()]
    return [(row, method, address) for row, address in places for method in row.methods if method != "HEAD"]


def ask(client: Client, method: str, address: str) -> tuple[str, int]:
    """What comes of a request without any content: an act of somebody who may do it still asks for a reason."""
    answer = client.generic(method, address, content_type="application/x-www-form-urlencoded")
    if method == "OPTIONS" and not answer.content:
        return "methods only", answer.status_code
    return verdict(answer.status_code, answer.headers.get("Location", "")), answer.status_code


@pytest.mark.parametrize("who", PEOPLE)
def test_every_address_answers_as_the_table_says(everything: World, unpainted: None, who: str) -> None:
    client, before, wrong = client_of(who), AuditEntry.objects.count(), []
    closed = [each for each in asked() if expected(each[0], who) != "in"]
    opened = [each for each in asked() if expected(each[0], who) == "in"]
    for row, method, address in closed:
        found, status = ask(client, method, address)
        if row.route == "app_list" and status == 404:
            found = "refused"
        if found != expected(row, who):
            wrong.append((method, address, row.what, status))
    assert wrong == []
    assert AuditEntry.objects.count() == before
    for row, method, address in opened:
        found, status = ask(client, method, address)
        if found != "in" or (status >= 500 and row.address != "readyz"):
            wrong.append((method, address, row.what, status))
        if row.route == "logout" and who != ANONYMOUS:
            client.force_login(User.objects.get(username=who.replace(" ", "-")))
    assert wrong == []


@pytest.mark.parametrize("who", [ANONYMOUS, NO_ROLE])
def test_no_other_method_opens_what_is_closed(everything: World, unpainted: None, who: str) -> None:
    client, before, wrong = client_of(who), AuditEntry.objects.count(), []
    for row, address in {row.address + row.act: (row, address) for row, _, address in asked()}.values():
        for method in OTHER_METHODS:
            found, status = ask(client, method, address)
            closed = found in {expected(row, who), "methods only"} or status in {404, 405}
            if not closed or status >= 500:
                wrong.append((method, address, row.what, status))
    assert wrong == []
    assert AuditEntry.objects.count() == before


def test_a_page_without_an_entry_in_the_table_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    new = Page(name="new", address="new/", permission="console.fly", view=lambda _request: HttpResponse())
    known = [*get_resolver().url_patterns, path("admin/new/", new.view, name="new")]
    monkeypatch.setattr(access_matrix, "get_resolver", lambda: SimpleNamespace(url_patterns=known))
    with pytest.raises(NotDeclared, match="is no page of the directory"):
        access_matrix.rows()
    monkeypatch.setattr(access_matrix, "PAGES", (*PAGES, new))
    with pytest.raises(NotDeclared, match=r"needs \['console.fly'\]"):
        access_matrix.rows()


def test_an_act_a_list_or_an_address_of_a_list_without_an_entry_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    page: Any = admin.site._registry[Case]
    act = Act(name="fly", label="Fly", permission="console.fly", run=str, preview=str)
    with monkeypatch.context() as patch:
        patch.setattr(type(page), "acts", (*page.acts, act))
        with pytest.raises(NotDeclared, match=r"console\.fly"):
            access_matrix.rows()
    with monkeypatch.context() as patch:
        patch.setattr(access_matrix, "ROUTES", {})
        with pytest.raises(NotDeclared, match="has no line in ROUTES"):
            access_matrix.rows()
    monkeypatch.delitem(access.VIEWS, "reconciliation.case")
    with pytest.raises(NotDeclared, match="view_case"):
        access_matrix.rows()


def test_every_permission_of_the_table_exists(db: None) -> None:
    there = {
        f"{one.content_type.app_label}.{one.codename}" for one in Permission.objects.select_related("content_type")
    }
    assert set(access.grants()) <= there
