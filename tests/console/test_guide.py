"""The first-run guide: from an empty database to an order in the ERP's ledger, and what it says when something is
wrong."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations import doctor, webhooks
from integrations.models import Connection, Heartbeat, SalesRoute
from integrations.ports.documents import Product
from integrations.states import PollKind
from inventory.models import SkuMapping
from orders.models import Order
from retailhub.console.pages import guide
from retailhub.console.pages.guide_state import open_steps
from retailhub.core.access import Role
from retailhub.core.models import AuditEntry
from tests.support.hub import Hub, install_eligibility
from tests.support.shop import Shop, known_skus, running_shop
from tests.support.world import HOOK_SECRET, SECRETS, World, person

GUIDE = "/admin/set-up/"
FROM = "?store=eu&erp=erp"
WHY = {"reason": "setting up"}


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    """A store and an ERP that are running, and nothing of them in the database."""
    settings.DEBUG = True  # the look-alike ERP is offered
    settings.HISTORY_PAUSE_MS = 0
    install_eligibility()
    webhooks.forget_secrets()
    with running_shop(tmp_path) as found:
        yield found


def engineer() -> Client:
    """Somebody with the role that sets up."""
    user = User.objects.create_user("ines", password="irrelevant", is_staff=True)
    user.groups.set([Group.objects.get_or_create(name=Role.ENGINEER)[0]])
    client = Client()
    client.force_login(user)
    return client


def erp_form(shop: Shop, **other: str) -> dict[str, str]:
    said = {"connection_name": "erp", "base_url": shop.place.base_url, "allow_private": "on"}
    return {**said, "api_key": shop.place.api_key, **other}


def store_form(shop: Shop, **other: str) -> dict[str, str]:
    said = {"connection_name": "eu", "base_url": shop.store.url, "store_code": "eu", "allow_private": "on"}
    plain = {"rounding": "line", "connect_seconds": "5.0", "status_map": ""}
    keys = {"consumer_key": shop.store.key, "consumer_secret": shop.store.secret}
    metas = {f"tracking_{part}_meta": f"_tracking_{part}" for part in ("number", "carrier", "url")}
    return {**said, **plain, **keys, **metas, **other}


def connect_both(client: Client, shop: Shop) -> None:
    for role, form in (("erp&kind=lookalike_erp", erp_form(shop)), ("store", store_form(shop))):
        answer = client.post(f"{GUIDE}connect/?role={role}", form)
        assert answer.status_code == 302, errors_of(answer)
        assert doctor.step() == 1


def errors_of(answer: Any) -> dict[str, list[str]]:
    form = answer.context["form"]
    return {name: list(each) for name, each in form.errors.items()}


def words_of(answer: Any) -> str:
    """What the page's own part says, in one line."""
    body = answer.content.decode().partition('id="content-main"')[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def done(client: Client) -> list[str]:
    steps = client.get(GUIDE + FROM).context["steps"]
    return [step["key"] for step in steps if step["is_done"]]


def test_from_nothing_to_an_order_in_the_ledger(shop: Shop) -> None:
    client = engineer()
    shop.books.add_products(known_skus())
    (old,) = shop.control.place_orders(1, lives={"paid_at_once": 1})
    assert [step.number for step in open_steps()] == [1, 2, 3, 4, 5, 6, 7]

    connect_both(client, shop)
    assert done(client) == ["erp", "store"]
    company = {"entity": "acme", "entity_name": "Acme GmbH", "currency": "eur", "region": "everywhere", "countries": ""}
    assert client.post(f"{GUIDE}route/{FROM}", company).status_code == 302
    assert client.post(f"{GUIDE}catalogue/{FROM}").status_code == 302
    assert SkuMapping.objects.count() == len(known_skus())
    check_compared(words_of(client.post(f"{GUIDE}skus/{FROM}")))
    assert done(client) == ["erp", "store", "route", "skus"]
    assert {row.mode for row in Connection.objects.all()} == {"off"}

    switched = client.post(f"{GUIDE}mode/{FROM}&to=shadow", {"since": "now", **WHY})
    assert switched.status_code == 302
    shop.eu = Connection.objects.get(name="eu")
    (new,) = shop.control.place_orders(1, lives={"paid_at_once": 1})
    work(shop)
    assert {row.order_ref: row.decision for row in Order.objects.all()} == {
        str(old): "before_live_from",
        str(new): "shadow",
    }
    assert shop.books.books().documents == ()
    shown = words_of(client.get(GUIDE + FROM))
    assert "1 would be posted" in shown
    assert "it would be posted" in shown
    assert "1 order is posted at once" in words_of(client.get(f"{GUIDE}mode/{FROM}&to=live"))

    assert client.post(f"{GUIDE}mode/{FROM}&to=live", WHY).status_code == 302
    work(shop)
    assert [document.reference for document in shop.books.books().documents if document.live] == [f"WC-eu-{new}"]
    assert len(done(client)) == 7
    assert open_steps() == []
    order = Order.objects.get(order_ref=str(new))
    assert reverse("admin:orders_order_change", args=[order.public_id]) in client.get(GUIDE + FROM).content.decode()
    check_audited()


def check_compared(page: str) -> None:
    """The page says what the command says."""
    told = StringIO()
    call_command("catalogue", "compare", "eu", "erp", "--json", stdout=told)
    facts = json.loads(told.getvalue())
    assert 0 < facts["known"] < facts["total"]
    assert f"erp knows {facts['known']} of {facts['total']} SKUs that eu sells" in page
    assert all(each["sku"] in page for each in facts["unknown"])


def check_audited() -> None:
    acts = [entry.action for entry in AuditEntry.objects.filter(actor_name="ines").order_by("pk")]
    assert acts == [
        *("add_connection", "test_connection") * 2,
        *("add_route", "import_catalogue", "compare_skus"),
        *("set_mode",) * 4,
    ]


def work(shop: Shop) -> None:
    """What the workers do in the meantime."""
    shop.look(PollKind.HISTORY, PollKind.CHANGED)
    shop.settle()


def test_the_home_page_says_what_is_next_until_an_order_is_posted(world: World) -> None:
    client, line = person(), "The set-up is not finished"
    assert line not in client.get("/admin/").content.decode()
    Connection.objects.filter(name="eu").update(mode="shadow")
    shown = client.get("/admin/").content.decode()
    assert line in shown
    assert f"{GUIDE}?store=eu&amp;erp=erp#skus" in shown


def test_a_wrong_key_a_host_that_is_away_and_a_private_address_are_told_at_their_fields(shop: Shop) -> None:
    client = engineer()
    wrong = {
        "consumer_key": store_form(shop, consumer_secret="cs_" + "0" * 40),
        "base_url": store_form(shop, base_url="http://127.0.0.1:9"),
        "allow_private": {**store_form(shop), "allow_private": ""},
    }
    said = {}
    for number, (field, form) in enumerate(wrong.items()):
        name = {"connection_name": f"s{number}", "store_code": f"s{number}"}
        assert client.post(f"{GUIDE}connect/?role=store", {**form, **name}).status_code == 302
        assert doctor.step() == 1
        edit = client.get(f"{GUIDE}connect/?name=s{number}").context["form"]
        said[field] = {bound.name: trouble for bound, trouble in [*edit.first, *edit.more] if trouble}
    assert "refused" in said["consumer_key"]["consumer_key"]
    assert "could not be reached" in said["base_url"]["base_url"]
    assert "is a private address" in said["allow_private"]["base_url"]
    assert "Tick this" in said["allow_private"]["allow_private"]


WRONG = (
    ({"base_url": "ftp://shop.example.com"}, "base_url", "must be a plain http or https address"),
    ({"base_url": ""}, "base_url", "required"),
    ({"store_code": "Too long and with blanks"}, "store_code", "1 to 16 lower-case letters"),
    ({"connection_name": "Eu West"}, "connection_name", "small letters"),
    ({"consumer_key": "ck with blanks"}, "consumer_key", "copy it again"),
    ({"connect_seconds": "900"}, "connect_seconds", "at most 60"),
    ({"status_map": "shipped"}, "status_map", "name = value"),
    ({"status_map": "shipped = cancelled"}, "status_map", "none that makes the store do more"),
)


@pytest.mark.parametrize(("change", "field", "words"), WRONG)
def test_what_cannot_be_is_refused_at_its_field_and_nothing_is_kept(
    db: None, change: dict[str, str], field: str, words: str
) -> None:
    form = {
        "connection_name": "eu",
        "base_url": "https://shop.example.com",
        "store_code": "eu",
        "rounding": "line",
        "connect_seconds": "5.0",
        "status_map": "",
        "tracking_number_meta": "_a",
        "tracking_carrier_meta": "_b",
        "tracking_url_meta": "_c",
        "consumer_key": "ck_1",
        "consumer_secret": "cs_1",
    }
    answer = engineer().post(f"{GUIDE}connect/?role=store", {**form, **change})
    assert words in " ".join(errors_of(answer)[field])
    assert not Connection.objects.exists()


def test_a_secret_is_never_shown_again_and_stays_when_its_field_is_left_empty(world: World) -> None:
    client = engineer()
    edit = f"{GUIDE}connect/?name=eu"
    shown = client.get(edit)
    assert not [secret for secret in SECRETS if secret in shown.content.decode()]
    form = shown.context["form"]
    said = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    before = Connection.objects.get(name="eu").credentials
    answer = client.post(edit, {**said, "status_map": "", "connect_seconds": "9", "reason": "slow host"})
    assert answer.status_code == 302, errors_of(answer)
    row = Connection.objects.get(name="eu")
    assert row.credentials == before
    assert row.settings == {"base_url": "https://shop.example.com", "store_code": "eu", "connect_seconds": 9.0}
    entry = AuditEntry.objects.get(action="change_connection")
    assert (entry.reason, entry.after) == ("slow host", {"connect_seconds": 9.0, "credentials": []})
    assert "reason" in errors_of(client.post(edit, {**said, "status_map": "", "reason": ""}))


def test_the_webhook_secret_is_shown_on_a_word_that_is_written_down(world: World, settings: Any) -> None:
    settings.PUBLIC_URL = ""
    client = engineer()
    assert HOOK_SECRET not in client.get(GUIDE + FROM).content.decode()
    shown = words_of(client.post(f"{GUIDE}secret/{FROM}"))
    assert HOOK_SECRET in shown
    assert "/webhooks/woocommerce/eu/" in shown
    assert AuditEntry.objects.filter(action="show_webhook_secret", actor_name="ines").count() == 1
    settings.PUBLIC_URL = "https://hub.example.com"
    assert "https://hub.example.com/webhooks/woocommerce/eu/" in words_of(client.get(GUIDE + FROM))


def test_who_may_only_look_sees_the_steps_and_no_act(world: World) -> None:
    viewer = person()
    shown = viewer.get(GUIDE + FROM).content.decode().partition('id="content-main"')[2]
    assert "Connect the ERP" in shown
    assert f"{GUIDE}connect/" not in shown
    assert f"{GUIDE}test/" not in shown
    assert viewer.post(f"{GUIDE}mode/{FROM}&to=off", WHY).status_code == 403
    assert viewer.post(f"{GUIDE}catalogue/{FROM}").status_code == 403


def test_going_live_needs_a_route_and_a_moment(world: World) -> None:
    client = engineer()
    Connection.objects.filter(name="eu").update(mode="off", live_from=None)
    assert client.post(f"{GUIDE}mode/{FROM}&to=live", WHY).status_code == 302
    SalesRoute.objects.all().delete()
    assert client.post(f"{GUIDE}mode/{FROM}&to=shadow", {"since": "now", **WHY}).status_code == 302
    assert Connection.objects.get(name="eu").mode == "off"
    assert not AuditEntry.objects.filter(action="set_mode").exists()


def test_the_way_back_is_a_switch_to_shadow_that_keeps_the_moment(world: World) -> None:
    before = Connection.objects.get(name="eu").live_from
    answer = engineer().post(f"{GUIDE}mode/{FROM}&to=shadow", {"since": "kept", **WHY})
    assert answer.status_code == 302
    assert {row.name: (row.mode, row.live_from) for row in Connection.objects.all()} == {
        "eu": ("shadow", before),
        "erp": ("shadow", None),
    }


def test_a_page_waits_for_no_catalogue_longer_than_it_says(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    hub.connect()
    stuck, client = threading.Event(), engineer()

    def walk(_connector: Any, _since: Any) -> Iterator[Product]:
        yield Product(product_ref="1", sku="FIRST", name="First")
        stuck.wait(30)

    monkeypatch.setattr("integrations.connectors.lookalike_erp.connector.Connector.walk_products", walk)
    monkeypatch.setattr(guide, "READ_SECONDS", 0.5)
    began = time.monotonic()
    answer = client.post(f"{GUIDE}catalogue/{FROM}", follow=True)
    seconds = time.monotonic() - began
    stuck.set()
    assert seconds < 15
    said = " ".join(str(each) for each in answer.context["messages"])
    assert "1 products of erp were read, 1 of them new. There are more than this page waits for" in said
    assert SkuMapping.objects.filter(sku="FIRST").exists()
    assert "skus" not in done(client)


def test_without_a_worker_the_guide_says_so(world: World) -> None:
    client = person()
    assert "No worker runs" not in words_of(client.get(GUIDE))
    Heartbeat.objects.all().delete()
    assert "No worker runs" in words_of(client.get(GUIDE))


def test_the_guide_asks_few_queries(world: World) -> None:
    client = person()
    Connection.objects.filter(name="eu").update(mode="shadow")
    client.get(GUIDE)
    with CaptureQueriesContext(connection) as asked:
        client.get(GUIDE)
    assert len(asked) < 24
    with CaptureQueriesContext(connection) as asked:
        open_steps()
    assert len(asked) <= 5
