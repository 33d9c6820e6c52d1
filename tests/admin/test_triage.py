"""The triage page: filters, views, acts on one cause, on what is picked and on all that matches."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reconciliation.admin import triage as pages
from reconciliation.models import BulkWork, Case, Cause, CauseEvent, CauseWork, FirstView, SavedView
from reconciliation.services import bulk
from retailhub.core.models import AuditEntry
from tests.support.world import UNKNOWN_SKU, World, order_body, person

REASON = {"reason": "the merchant called"}
LIST = "admin:reconciliation_cause_changelist"


def codes(client: Client, query: str = "view=everything") -> list[str]:
    return [row["code"] for row in client.get(f"{reverse(LIST)}?{query}").context["rows"]]


def bulk_url(act: str, query: str) -> str:
    return reverse("admin:reconciliation_cause_bulk_act", args=[act]) + f"?{query}"


def act_url(cause: Cause, act: str) -> str:
    return reverse("admin:reconciliation_cause_act", args=[cause.pk, act])


def cause_of(code: str) -> Cause:
    return Cause.objects.get(code=code)


def test_the_list_says_what_each_cause_is_and_filters_it(world: World) -> None:
    client = person()
    answer = client.get(reverse(LIST))
    shown = answer.content.decode()
    assert f"The SKU {UNKNOWN_SKU} is not known in the ERP" in shown
    assert "3 causes\n        with 4 open cases" in shown
    assert codes(client, "code=sku_unmapped") == ["sku unmapped"]
    assert codes(client, "connection=erp") == ["period closed"]
    assert sorted(codes(client, "store=eu")) == ["body not json", "period closed", "sku unmapped"]
    assert codes(client, "age=1h") == []
    assert codes(client, "sort=count")[0] == "sku unmapped"
    assert codes(client, f"q={UNKNOWN_SKU}") == ["sku unmapped"]


def test_a_filter_that_cannot_be_is_said_so_and_shows_nothing(world: World) -> None:
    answer = person().get(f"{reverse(LIST)}?money=much")
    assert answer.status_code == 400
    assert "is no amount of money" in answer.content.decode()
    assert answer.context["rows"] == []


def test_a_cause_without_open_cases_is_found_by_its_value(world: World) -> None:
    Case.objects.update(state="closed")
    answer = person().get(f"{reverse(LIST)}?q={UNKNOWN_SKU}")
    assert [each["name"] for each in answer.context["past"]] == [f"sku unmapped {UNKNOWN_SKU}"]


def test_the_list_asks_as_few_queries_for_fifty_causes_as_for_three_and_never_counts_all(world: World) -> None:
    client = person()

    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(LIST)).status_code == 200
        return [query["sql"] for query in captured]

    before = asked()
    for number in range(1000, 1055):
        world.deliver(order_body(number, sku=f"NEW-{number}"))
    world.work()
    after = asked()
    assert Cause.objects.count() > 50
    assert len(after) == len(before) < 20
    assert all("LIMIT 10000" in sql for sql in after if "COUNT(" in sql)
    answer = client.get(reverse(LIST))
    assert (len(answer.context["rows"]), answer.context["pages"]) == (50, 2)
    assert len(client.get(f"{reverse(LIST)}?{answer.context['after']}").context["rows"]) == 8


def test_a_cause_is_claimed_from_its_page_and_shows_its_owner_and_history(world: World) -> None:
    client, cause = person("console.work_case"), cause_of("sku_unmapped")
    form = client.get(act_url(cause, "claim")).content.decode()
    assert "I look into it." in form
    assert client.post(act_url(cause, "claim"), REASON).status_code == 302
    assert codes(client, "owner=me") == ["sku unmapped"]
    shown = client.get(reverse("admin:reconciliation_cause_change", args=[cause.pk])).content.decode()
    assert "claimed" in shown
    assert REASON["reason"] in shown
    again = client.post(act_url(cause, "claim"), REASON)
    assert "It is so already." in again.content.decode()
    assert CauseEvent.objects.count() == 1


def test_an_act_begun_in_the_list_leads_back_to_it(world: World) -> None:
    client = person("console.work_case")
    url = act_url(cause_of("sku_unmapped"), "note") + "?from=code%3Dsku_unmapped"
    assert client.post(url, REASON)["Location"] == f"{reverse(LIST)}?code=sku_unmapped"
    outward = act_url(cause_of("sku_unmapped"), "note") + "?from=//elsewhere.example"
    assert client.post(outward, REASON)["Location"].startswith(f"{reverse(LIST)}?")


def test_each_act_on_a_cause_does_what_its_form_says(world: World) -> None:
    client, cause = person("console.work_case"), cause_of("sku_unmapped")
    per = User.objects.create_user("per", is_staff=True)
    answers: dict[str, dict[str, object]] = {
        "assign": {"person": per.pk},
        "tag": {"tag": "asked the shop"},
        "note": {},
        "snooze": {"hours": 4, "until": ""},
    }
    for act, values in answers.items():
        assert client.post(act_url(cause, act), {**REASON, **values}).status_code == 302, act
    state = CauseWork.objects.get()
    assert (state.owner, state.tags) == (per, ["asked the shop"])
    assert state.snoozed_until is not None
    assert state.snoozed_until - state.changed_at == dt.timedelta(hours=4)
    assert codes(client, "snoozed=only") == ["sku unmapped"]
    back: dict[str, dict[str, str]] = {"wake": {}, "untag": {"tag": "asked the shop"}, "release": {}}
    for act, words in back.items():
        assert client.post(act_url(cause, act), {**REASON, **words}).status_code == 302, act
        assert client.post(act_url(cause, act), {**REASON, **words}).status_code == 409, act
    assert CauseWork.objects.filter(owner=None, tags=[], snoozed_until=None).exists()
    assert AuditEntry.objects.filter(subject=f"cause:{cause.public_id}").count() == 7


def test_a_case_has_its_cause_s_owner_until_it_is_given_to_somebody_itself(world: World) -> None:
    client = person("console.work_case")
    per = User.objects.create_user("per", is_staff=True)
    case = Case.objects.filter(code="sku_unmapped").earliest("pk")
    page = reverse("admin:reconciliation_case_change", args=[case.pk])

    def owner() -> str:
        return str(next(fact.cell.text for fact in client.get(page).context["facts"] if fact.label == "Owner"))

    assert owner() == "nobody"
    client.post(act_url(case.cause, "claim"), REASON)
    assert owner() == "olga"
    assign = reverse("admin:reconciliation_case_act", args=[case.pk, "assign"])
    assert client.post(assign, {**REASON, "person": per.pk}).status_code == 302
    assert owner() == "per"
    assert case.events.filter(what="assigned", actor="olga").count() == 1
    assert AuditEntry.objects.get(action="assign_case").subject == f"case:{case.public_id}"


def test_all_open_cases_of_a_cause_are_ignored_and_taken_back(world: World) -> None:
    client, cause = person("console.ignore_case"), cause_of("sku_unmapped")
    assert "about 2 open cases" in client.get(act_url(cause, "ignore")).content.decode()
    assert client.post(act_url(cause, "ignore"), REASON).status_code == 302
    assert set(cause.cases.values_list("state", flat=True)) == {"ignored"}
    assert "sku unmapped" not in codes(client)
    assert client.post(act_url(cause, "ignore"), REASON).status_code == 409
    assert client.post(act_url(cause, "reopen"), REASON).status_code == 302
    assert set(cause.cases.values_list("state", flat=True)) == {"open"}
    assert list(cause.events.order_by("id").values_list("what", flat=True)) == ["ignored", "reopened"]


def test_what_is_picked_is_claimed_together_with_one_audit_row(world: World) -> None:
    client = person("console.work_case")
    picks = "&".join(f"pick={cause_of(code).public_id}" for code in ("sku_unmapped", "period_closed"))
    form = client.get(bulk_url("claim", picks)).content.decode()
    assert "Selected now: 2 causes." in form
    answer = client.post(bulk_url("claim", picks), {**REASON, "shown": 2}, follow=True)
    assert "Done with 2 causes." in answer.content.decode()
    assert sorted(codes(client, "owner=me")) == ["period closed", "sku unmapped"]
    entry = AuditEntry.objects.get(action="claim_causes")
    assert entry.after is not None
    assert (entry.after["count"], entry.after["filter"]) == (2, "pick=2")


def test_all_that_matches_is_done_on_every_page_and_more_than_was_shown_is_asked_about_again(world: World) -> None:
    for number in range(1000, 1060):
        world.deliver(order_body(number, sku=f"NEW-{number}"))
    world.work()
    client = person("console.work_case")
    query = "all=1&code=sku_unmapped&snoozed=any"
    assert "61 causes" in client.get(bulk_url("tag", query)).content.decode()
    values = {**REASON, "tag": "new shelf"}
    asked_again = client.post(bulk_url("tag", query), {**values, "shown": 60}).content.decode()
    assert "Now 61 causes match. Look again, and confirm." in asked_again
    assert re.search(r'name="shown" value="61"', asked_again)
    assert not CauseWork.objects.exists()
    done = client.post(bulk_url("tag", query), {**values, "shown": 61})
    assert done["Location"] == f"{reverse(LIST)}?code=sku_unmapped&snoozed=any"
    assert CauseWork.objects.filter(tags=["new shelf"]).count() == 61
    entry = AuditEntry.objects.get(action="tag_causes")
    assert entry.after is not None
    assert (entry.after["count"], entry.after["filter"]) == (61, "code=sku_unmapped&snoozed=any")


def test_ignoring_in_bulk_counts_cases_and_needs_its_own_permission(world: World) -> None:
    query = "all=1&code=sku_unmapped"
    worker, boss = person("console.work_case"), person("console.ignore_case", name="boss")
    assert worker.get(bulk_url("ignore", query)).status_code == 403
    assert boss.get(bulk_url("claim", query)).status_code == 403
    assert "2 open cases" in boss.get(bulk_url("ignore", query)).content.decode()
    assert boss.post(bulk_url("ignore", query), {**REASON, "shown": 2}).status_code == 302
    assert Case.objects.filter(state="ignored").count() == 2


def test_nothing_selected_is_said_so_and_nothing_is_done(world: World) -> None:
    client = person("console.work_case")
    for query in ("", "pick=cause_nothing", "all=1&code=no_route", "all=1&money=much"):
        answer = client.post(bulk_url("claim", query), {**REASON, "shown": 0}, follow=True)
        assert answer.redirect_chain[0][0] == reverse(LIST)
    assert not BulkWork.objects.exists()


def test_what_takes_longer_shows_how_far_it_is_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 1)
    monkeypatch.setattr("reconciliation.admin.triage_bulk.SECONDS", 0)
    monkeypatch.setattr(pages, "SECONDS", 0)
    client, viewer = person("console.work_case"), person(name="viewer")
    answer = client.post(bulk_url("note", "all=1"), {**REASON, "shown": 3}, follow=True)
    assert "1 of 3 causes" in answer.content.decode()
    url = answer.redirect_chain[-1][0]
    assert viewer.post(url).status_code == 403
    assert "bulk-more" not in viewer.get(url).content.decode()
    assert "2 of 3 causes" in client.post(url, follow=True).content.decode()
    assert "All is done." in client.post(url, follow=True).content.decode()
    assert CauseEvent.objects.filter(what="noted").count() == 3


def test_a_saved_view_is_one_click_and_may_be_what_triage_opens_with(world: World) -> None:
    client = person("console.work_case")
    save = reverse("admin:reconciliation_cause_list_act", args=["save_view"]) + "?owner=nobody&code=sku_unmapped&p=2"
    made = client.post(save, {"name": "Free SKUs", "first": "on"})
    assert made["Location"] == f"{reverse(LIST)}?code=sku_unmapped&owner=nobody"
    opened = client.get(reverse(LIST))
    assert opened["Location"] == made["Location"]
    shown = client.get(opened["Location"]).content.decode()
    assert re.search(r'aria-current="page">Free SKUs', shown)
    assert len(codes(client)) == 3
    view = SavedView.objects.get()
    for what in ("not-first", "first", "remove"):
        url = reverse("admin:reconciliation_cause_view", args=[view.pk, what])
        assert client.get(url).status_code == 405
        assert client.post(url).status_code == 302
        assert FirstView.objects.exists() is (what == "first")
    assert not SavedView.objects.exists()


def test_only_who_may_share_shares_a_view_and_everybody_sees_it(world: World) -> None:
    plain, sharer = person(), person("console.share_view", name="sharer")
    share = reverse("admin:reconciliation_cause_list_act", args=["share_view"]) + "?urgent=1"
    assert plain.post(share, {"name": "Now"}).status_code == 403
    assert "Share this view" not in plain.get(reverse(LIST)).content.decode()
    assert not SavedView.objects.exists()
    assert sharer.post(share, {"name": "Now"}).status_code == 302
    view = SavedView.objects.get()
    assert 'href="?urgent=1"' in plain.get(reverse(LIST)).content.decode()
    assert plain.post(reverse("admin:reconciliation_cause_view", args=[view.pk, "remove"])).status_code == 403
    assert plain.post(reverse("admin:reconciliation_cause_view", args=[view.pk, "first"])).status_code == 302
    assert plain.get(reverse(LIST))["Location"] == f"{reverse(LIST)}?urgent=1"


def test_who_may_not_work_sees_no_boxes_and_no_acts(world: World) -> None:
    client = person()
    shown = client.get(reverse(LIST)).content.decode()
    assert 'name="pick"' not in shown
    assert "/bulk/act/" not in shown
    cause = cause_of("sku_unmapped")
    for act in ("claim", "assign", "release", "tag", "untag", "note", "snooze", "wake", "ignore", "reopen"):
        assert client.post(act_url(cause, act), REASON).status_code == 403
    for act in ("claim", "ignore"):
        assert client.post(bulk_url(act, "all=1"), REASON).status_code == 403
    assert not BulkWork.objects.exists()
    assert not CauseEvent.objects.exists()
