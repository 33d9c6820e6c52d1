"""The first-run guide: from an empty database to an order in the ERP's ledger, and what it says when something is
wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from integrations import doctor, webhooks
from integrations.models import Connection
from integrations.states import PollKind
from inventory.models import SkuMapping
from orders.models import Order
from retailhub.console.pages import guide
from retailhub.core.access import Role
from retailhub.core.models import AuditEntry
from tests.support.hub import install_eligibility
from tests.support.shop import Shop, known_skus, running_shop

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
    assert [step.number for step in guide.open_steps()] == [1, 2, 3, 4, 5, 6, 7]

    connect_both(client, shop)
    assert done(client) == ["erp", "store"]
    company = {"entity": "acme", "entity_name": "Acme GmbH", "currency": "eur", "region": "everywhere", "countries": ""}
    assert client.post(f"{GUIDE}route/{FROM}", company).status_code == 302
    assert client.post(f"{GUIDE}catalogue/{FROM}").status_code == 302
    assert SkuMapping.objects.count() == len(known_skus())
    assert "SKUs that eu sells" in words_of(client.post(f"{GUIDE}skus/{FROM}"))
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
    assert guide.open_steps() == []
    order = Order.objects.get(order_ref=str(new))
    assert reverse("admin:orders_order_change", args=[order.public_id]) in client.get(GUIDE + FROM).content.decode()
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
