"""The home page: what needs a person, what waits."""

from __future__ import annotations

from django.contrib import admin
from django.test import Client
from django.urls import reverse

from integrations.models import ConnectionState
from reconciliation import selectors
from reconciliation.models import Case, Cause
from reconciliation.selectors import triage
from retailhub.console.models import ACTS
from retailhub.console.navigation import GROUPS
from retailhub.core.admin import ModelAdmin
from tests.support.world import World, order_body, person


def test_home_tells_what_needs_a_person_and_what_waits(world: World) -> None:
    world.deliver(order_body(930))
    ConnectionState.objects.filter(connection=world.erp).update(last_failure_code="other_system_unavailable")
    answer = person().get(reverse("admin:index"))
    tiles = {tile["label"]: tile["number"] for tile in answer.context["tiles"]}
    assert tiles == {
        "Open cases": "4",
        "Documents awaiting posting": "0",
        "Documents parked": "1",
        "Orders held": "2",
    }
    codes, queues = answer.context["panels"]
    first = codes.data.rows[0]
    assert (first[0].text, first[3].text) == ("sku unmapped", "250.32 EUR")
    rows = {row[0].text: [cell.text for cell in row] for row in queues.data.rows}
    assert rows["eu"][2].startswith("1, oldest")
    assert rows["erp"][4] == "1"
    assert rows["erp"][6] == "other system unavailable"


def test_an_order_with_two_skus_at_fault_is_two_cases_and_its_money_is_at_risk_once(world: World) -> None:
    before = {one.code.code: one for one in selectors.open_by_code()}["sku_unmapped"]
    case = Case.objects.filter(code="sku_unmapped", state="open").select_related("cause").earliest("pk")
    other = Cause.objects.create(
        public_id="cause_other",
        code=case.code,
        connection=case.cause.connection,
        key="ANOTHER",
        first_seen_at=case.opened_at,
    )
    case.pk, case.public_id, case.cause = None, "case_other", other
    case.save()

    after = {one.code.code: one for one in selectors.open_by_code()}["sku_unmapped"]

    assert case.money_at_risk is not None
    assert (after.count, after.money) == (before.count + 1, before.money)
    assert triage.money_of(cause_ids=[other.pk]) == {other.pk: {case.currency: case.money_at_risk}}


def test_home_of_an_empty_installation_says_so(db: None) -> None:
    shown = person().get(reverse("admin:index")).content.decode()
    assert "Nothing needs a person now." in shown
    assert "There is no connection yet." in shown


def test_the_root_leads_to_the_console_and_that_asks_who_is_there(db: None) -> None:
    answer = Client().get("/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/admin/login/")
    assert "fonts.googleapis" not in answer.content.decode()


def list_of(model: str) -> str:
    return reverse(f"admin:{model.replace('.', '_')}_changelist")


def test_the_sidebar_leads_only_where_one_may_go(world: World) -> None:
    every = {entry[2] for _, entries in GROUPS for entry in entries if entry[2]}
    shown = person(everything=True).get(reverse("admin:index")).content.decode()
    for name in every:
        assert f'href="{list_of(name)}"' in shown
    nobody = person(name="nobody")
    nobody_user = nobody.get(reverse("admin:index")).context["user"]
    nobody_user.user_permissions.clear()
    bare = nobody.get(reverse("admin:index")).content.decode()
    assert f'href="{list_of("orders.order")}"' not in bare.partition("content-main")[0]


def test_every_act_has_a_permission_that_exists() -> None:
    known = {f"console.{name}" for name, _ in ACTS}
    own = [model_admin for model_admin in admin.site._registry.values() if isinstance(model_admin, ModelAdmin)]
    used = {act.permission for each in own for act in (*each.acts, *each.list_acts)}
    assert len(own) >= 12
    assert used - known == {
        "integrations.delete_legalentity",
        "integrations.delete_region",
        "integrations.delete_salesroute",
        "orders.delete_eligibilityrule",
        # a view of one's own is kept by whoever sees the list
        "reconciliation.view_cause",
        "auth.add_user",
        "auth.change_user",
    }
    assert known <= used


def test_a_list_is_called_what_the_sidebar_calls_it_and_says_when_it_is_empty(db: None) -> None:
    client = person(everything=True)
    shown = client.get(list_of("reconciliation.cause")).content.decode()
    assert "There are no causes" in shown
    assert "Create a new item" not in shown
    heading = shown.partition("content-main")[0]
    assert ">Triage<" in "".join(heading.split())
    assert ">Causes<" not in "".join(heading.split())
    assert "View site" not in shown
    assert "console/favicon.svg" in shown


def test_what_is_about_an_order_names_it_as_people_do(world: World) -> None:
    case = Case.objects.filter(code="sku_unmapped").earliest("pk")
    number = world.order(904).number
    client = person()
    for page in (
        list_of("reconciliation.case"),
        reverse("admin:reconciliation_case_change", args=[case.pk]),
        reverse("admin:reconciliation_cause_change", args=[case.cause_id]),
    ):
        assert f"Order {number} of eu" in client.get(page).content.decode(), page
