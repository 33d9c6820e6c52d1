"""The home page: what needs a person, what waits."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.test import Client
from django.urls import reverse

from integrations import connections
from integrations.models import ConnectionState
from reconciliation import selectors
from reconciliation.models import Case, Cause
from reconciliation.selectors import triage
from retailhub.console import trends
from retailhub.console.models import ACTS
from retailhub.console.navigation import GROUPS
from retailhub.console.pages.home import Tile
from retailhub.core import clock
from retailhub.core.admin import ModelAdmin
from retailhub.core.models import AuditEntry
from tests.support.world import UNKNOWN_SKU, World, order_body, person

QUERIES = 23
"""Of what Home renews, for somebody with single permissions."""


def tiles_of(client: Client) -> dict[str, Tile]:
    return {tile.figure.name: tile for tile in client.get(reverse("admin:index")).context["tiles"]}


def test_home_tells_what_needs_a_person_and_what_waits(world: World) -> None:
    world.deliver(order_body(930))
    ConnectionState.objects.filter(connection=world.erp).update(last_failure_code="other_system_unavailable")
    client = person()
    tiles = tiles_of(client)
    assert {name: tile.number for name, tile in tiles.items() if tile.figure.live} == {
        "awaiting_posting": "0",
        "oldest_posting": "0 s",
        "parked": "1",
        "held": "2",
        "open_cases": "4",
        "refund_backlog": "0",
        "webhooks_missing": "–",
    }
    assert (tiles["awaiting_posting"].tone, tiles["parked"].tone) == ("good", "warn")
    causes, connections = client.get(reverse("admin:index")).context["panels"]
    skus = next(row for row in causes.data.rows if row[2].text == "sku unmapped")
    assert skus[0].text == f"The SKU {UNKNOWN_SKU} is not known in the ERP, so the order waits."
    assert skus[0].url.startswith("/admin/reconciliation/cause/")
    assert [cell.text for cell in skus[3:5]] == ["2", "250.32 EUR"]
    assert skus[6].text == "nobody"
    rows = {row[0].text: [cell.text for cell in row] for row in connections.data.rows}
    assert rows["erp"][2] == "failing"
    assert rows["erp"][3].startswith("fails, last success")
    assert rows["erp"][5] == "1"


def test_home_shows_urgent_causes_first_and_then_by_money(world: World) -> None:
    causes = person().get(reverse("admin:index")).context["panels"][0].data.rows
    urgent = [row[1].text == "urgent" for row in causes]
    assert urgent == sorted(urgent, reverse=True)
    money = [row[4].text for row, is_urgent in zip(causes, urgent, strict=True) if not is_urgent]
    assert money.index("250.32 EUR") == 0


def test_money_at_risk_counts_an_order_once_and_is_shown_with_when_it_was_taken(world: World) -> None:
    client = person()
    before = tiles_of(client)["money_at_risk"]
    assert (before.number, before.small) == ("none", "nothing measured of late")
    trends.measure(now=clock.now())
    after = tiles_of(client)["money_at_risk"]
    assert (after.number, after.tone) == ("375.48 EUR", "good")
    assert "taken" in after.small
    assert after.chart is not None


def test_home_asks_as_many_questions_whatever_there_is(world: World, django_assert_num_queries: Any) -> None:
    client = person()
    client.get(reverse("admin:index"))
    trends.measure(now=clock.now())
    for number in range(940, 960):
        world.deliver(order_body(number, sku=f"LOST-{number}"))
    world.work()
    with django_assert_num_queries(QUERIES):
        client.get(reverse("admin:index"), headers={"X-Live": "1"})
    connections.add(
        name="us",
        kind="lookalike_erp",
        settings={"base_url": "https://us.example.com"},
        credentials={"api_key": "k"},
        mode="live",
        live_from=None,
        actor="test",
        now=clock.now(),
    )
    with django_assert_num_queries(QUERIES):
        client.get(reverse("admin:index"), headers={"X-Live": "1"})


def test_the_part_that_renews_itself_is_answered_alone(world: World) -> None:
    shown = person().get(reverse("admin:index"), headers={"X-Live": "1"}).content.decode()
    assert shown.lstrip().startswith('<div id="home" data-live="10">')
    assert "<html" not in shown
    assert "Orders held" in shown


def test_home_shows_nothing_that_its_reader_may_not_see(world: World) -> None:
    nobody = person(name="nobody")
    nobody.get(reverse("admin:index")).context["user"].user_permissions.clear()
    shown = nobody.get(reverse("admin:index")).content.decode()
    assert UNKNOWN_SKU not in shown
    assert "Orders held" not in shown


def test_a_target_is_changed_with_a_reason_and_home_goes_by_it(world: World) -> None:
    client = person("console.manage_notices")
    assert tiles_of(client)["held"].tone == "warn"
    address = reverse("admin:figure_target", args=["held"])
    answer = client.post(address, {"warn_at": "1", "bad_at": "1", "reason": "peak season"})
    assert answer.status_code == 302
    assert (tiles_of(client)["held"].tone, tiles_of(client)["held"].target) == ("bad", "target: at most 1")
    row = AuditEntry.objects.get(action="set_target")
    assert (row.subject, row.reason, row.before, row.after) == (
        "figure:held",
        "peak season",
        {"warn_at": "0", "bad_at": "50"},
        {"warn_at": "1", "bad_at": "1"},
    )
    refused = client.post(address, {"warn_at": "5", "bad_at": "1", "reason": "the wrong way round"})
    assert "cannot be less" in refused.content.decode()
    assert AuditEntry.objects.filter(action="set_target").count() == 1


def test_a_target_is_not_changed_by_who_may_not(world: World) -> None:
    client = person()
    assert client.post(reverse("admin:figure_target", args=["held"]), {"warn_at": "9"}).status_code == 403
    assert "Change target" not in client.get(reverse("admin:figure", args=["held"])).content.decode()
    assert client.get(reverse("admin:figure", args=["no_such"])).status_code == 404


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
        address = reverse(f"admin:{name[5:]}") if name.startswith("page:") else list_of(name)
        assert f'href="{address}"' in shown
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
        # maps that a case has mended
        "orders.change_eligibilityrule",
        "integrations.change_salesroute",
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
