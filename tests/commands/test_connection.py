from __future__ import annotations

import io
import json

import pytest

from integrations import webhooks
from integrations.models import Connection, ConnectionState, LegalEntity, OutboxMessage, Region, SalesRoute
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Run, Written, deliver_order
from tests.support.hub import Hub

SECRETS = {"consumer_key": "ck_1", "consumer_secret": "cs_topsecret", "webhook_secrets": ["wh_topsecret"]}


def add_store(run: Run, monkeypatch: pytest.MonkeyPatch, *more: str, secrets: object = SECRETS) -> Written:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(secrets)))
    return run(
        *("connection", "add", "eu", "--kind", "woocommerce", "--credentials-file", "-", "--json"),
        *("--setting", "base_url=https://shop.example.com", "--setting", "store_code=10", *more),
    )


def test_adding_a_store_reads_its_secrets_from_standard_input_and_never_writes_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = add_store(run, monkeypatch, "--mode", "live", "--live-from", "2026-03-01T02:00:00+02:00")

    assert written.json == {
        "connection": "eu",
        "id": Connection.objects.get().pk,
        "kind": "woocommerce",
        "mode": "live",
        "live_from": "2026-03-01T00:00:00Z",
        "webhook_path": "/webhooks/woocommerce/eu/",
    }
    row = Connection.objects.get(name="eu")
    assert row.credentials == SECRETS
    assert row.settings == {"base_url": "https://shop.example.com", "store_code": "10"}
    listed = run("connection", "list")
    assert "topsecret" not in written.out + written.err + listed.out + run("connection", "list", "--json").out
    entry = AuditEntry.objects.get(subject="connection:eu")
    assert entry.actor_name.startswith("command line (")


def test_settings_and_credentials_take_the_kind_the_connector_wants(run: Run) -> None:
    run(
        *("connection", "add", "eu", "--kind", "woocommerce", "--setting", "base_url=http://127.0.0.1:1"),
        *("--setting", "store_code=eu", "--setting", "allow_private=true", "--setting", "connect_seconds=2"),
        *("--credential", "consumer_key=12345", "--credential", "consumer_secret=true"),
        *("--credential", "webhook_secrets=one"),
    )
    run(
        *("connection", "add", "books", "--kind", "tryton", "--setting", "url=https://erp.example.com/shop"),
        *("--setting", "web_shop=Shop", "--setting", "company=1", "--setting", 'taxes={"19": 7}'),
        *("--credential", "user=hub", "--credential", "password=0815"),
    )
    store, erp = Connection.objects.get(name="eu"), Connection.objects.get(name="books")
    assert store.settings["allow_private"] is True
    assert store.settings["connect_seconds"] == 2
    assert store.credentials == {
        "consumer_key": "12345",
        "consumer_secret": "true",
        "webhook_secrets": ["one"],
    }
    assert erp.settings["company"] == 1
    assert erp.settings["taxes"] == {"19": 7}
    assert erp.credentials["password"] == "0815"


@pytest.mark.parametrize(
    ("more", "code", "named"),
    [
        (("--mode", "live"), "misconfigured", "live_from"),
        (("--setting", "colour=red"), "misconfigured", "colour"),
        (("--setting", "rounding"), "not_a_pair", "rounding"),
        (("--live-from", "yesterday"), "not_a_moment", "yesterday"),
        (("--live-from", "2026-03-01"), "not_a_moment", "time zone"),
        (("--max-in-flight", "0"), "bad_limit", "--max-in-flight"),
        (("--credential", "consumer_key=ck"), "credentials_twice", "--credentials-file"),
    ],
)
def test_what_cannot_be_added_is_one_sentence_and_adds_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], code: str, named: str
) -> None:
    written = add_store(run, monkeypatch, *more)
    assert written.status == 1
    assert written.json["error"]["code"] == code
    assert named in written.json["error"]["detail"]
    assert not Connection.objects.exists()


def test_a_failure_without_json_is_a_sentence_on_standard_error(run: Run) -> None:
    written = run("connection", "pause", "nobody", "--reason", "stocktaking")
    assert (written.out, written.status) == ("", 1)
    assert written.err == "There is no connection named 'nobody'.\n"


def test_a_name_is_given_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add_store(run, monkeypatch)
    written = add_store(run, monkeypatch)
    assert written.json["error"]["code"] == "connection_exists"
    assert Connection.objects.count() == 1


def test_credentials_that_are_no_json_object_are_refused_without_quoting_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = add_store(run, monkeypatch, secrets=["cs_topsecret"])
    assert written.json["error"]["code"] == "not_json"
    assert "topsecret" not in written.out


def test_a_well_set_up_connection_tests_well(shop: Hub, run: Run) -> None:
    written = run("connection", "test", "erp", "--json")
    assert written.status == 0
    assert written.json["ok"] is True
    assert {check["health"] for check in written.json["checks"]} == {"ok"}


def test_a_connection_test_says_what_is_wrong_and_how_to_mend_it(shop: Hub, run: Run) -> None:
    Connection.objects.filter(name="erp").update(credentials={"api_key": "wrong"})
    told = run("connection", "test", "erp", "--json")
    assert (told.status, told.json["ok"]) == (1, False)
    (failed,) = [check for check in told.json["checks"] if check["health"] == "failed"]
    assert failed["name"] == "credentials"
    assert failed["fix"] in run("connection", "test", "erp").out


def test_paused_work_is_held_until_the_connection_is_resumed(shop: Hub, run: Run) -> None:
    assert run("connection", "pause", "erp", "--reason", "stocktaking", "--json").json["paused"] is True
    deliver_order(shop)
    shop.drain(rounds=2)
    assert shop.books.books().documents == ()
    (erp,) = [one for one in run("connection", "list", "--json").json["connections"] if one["name"] == "erp"]
    assert (erp["paused"], erp["paused_reason"], erp["waiting"]) == (True, "stocktaking", 1)
    assert "paused: stocktaking" in run("connection", "list").out

    run("connection", "resume", "erp")
    shop.drain()
    assert len(shop.books.books().documents) == 1
    assert not ConnectionState.objects.exclude(paused_at=None).exists()


def test_a_pause_that_would_be_over_already_is_refused(shop: Hub, run: Run) -> None:
    written = run("connection", "pause", "erp", "--reason", "x", "--until", "2020-01-01T00:00:00Z", "--json")
    assert written.json["error"]["code"] == "in_the_past"
    assert not ConnectionState.objects.exclude(paused_at=None).exists()


def test_in_shadow_mode_nothing_is_posted_and_the_switch_is_audited(shop: Hub, run: Run) -> None:
    run("connection", "mode", "eu", "shadow", "--reason", "rehearsal")
    deliver_order(shop)
    shop.drain()
    assert shop.books.books().documents == ()
    assert not OutboxMessage.objects.exists()
    entry = AuditEntry.objects.get(action="set_mode")
    assert entry.after is not None
    assert (entry.reason, entry.after["mode"]) == ("rehearsal", "shadow")


def test_a_store_cannot_go_live_without_live_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add_store(run, monkeypatch)
    refused = run("connection", "mode", "eu", "live", "--reason", "go", "--json")
    assert refused.json["error"]["code"] == "misconfigured"
    assert Connection.objects.get().mode == "off"
    run("connection", "mode", "eu", "live", "--live-from", "now", "--reason", "go")
    assert Connection.objects.get().mode == "live"


def add_both(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add_store(run, monkeypatch)
    run(
        *("connection", "add", "erp", "--kind", "lookalike_erp", "--setting", "base_url=https://erp.example.com"),
        *("--credential", "api_key=k"),
    )


def test_a_route_makes_the_company_and_the_region_it_names(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add_both(run, monkeypatch)
    written = run(
        *("connection", "route", "eu", "erp", "--entity", "gmbh", "--entity-name", "Example GmbH"),
        *("--currency", "eur", "--region", "dach", "--countries", "de, AT", "--json"),
    )
    assert written.json["countries"] == ["DE", "AT"]
    assert LegalEntity.objects.get().currency == "EUR"
    assert list(Region.objects.get().countries) == ["DE", "AT"]
    route = SalesRoute.objects.get()
    assert (route.store.name, route.sink.name) == ("eu", "erp")
    (store,) = [one for one in run("connection", "list", "--json").json["connections"] if one["name"] == "eu"]
    assert store["routes"] == [{"sink": "erp", "region": "dach", "countries": ["DE", "AT"]}]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("eu", "erp", "--region", "other", "--countries", "FR,DE"), "misconfigured"),
        (("erp", "eu", "--region", "back"), "misconfigured"),
        (("eu", "erp", "--region", "x", "--countries", "GER"), "bad_code"),
        (("eu", "none", "--region", "x"), "misconfigured"),
    ],
)
def test_routes_that_contradict_each_other_or_lead_nowhere_are_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: str
) -> None:
    add_both(run, monkeypatch)
    company = ("--entity", "gmbh", "--currency", "EUR", "--json")
    run("connection", "route", "eu", "erp", "--region", "dach", "--countries", "DE", *company)
    written = run("connection", "route", *words, *company)
    assert (written.status, written.json["error"]["code"]) == (1, code)
    assert SalesRoute.objects.count() == 1


def test_a_secret_is_rotated_without_a_gap_and_written_nowhere(shop: Hub, run: Run) -> None:
    words = ("--credential", f"webhook_secrets={shop.secret}", "--credential", "webhook_secrets=fresh-secret-2")
    written = run("connection", "set", "eu", *words, "--reason", "yearly", "--json")
    assert written.json["changed"] == ["webhook_secrets"]
    webhooks.forget_secrets()
    for secret in (shop.secret, "fresh-secret-2"):
        shop.secret = secret
        deliver_order(shop)
    entry = AuditEntry.objects.get(action="change_connection")
    assert "fresh-secret-2" not in str((entry.before, entry.after, entry.reason)) + written.out
    row = Connection.objects.get(name="eu")
    assert row.credentials["consumer_key"] == shop.store.key


def test_a_change_that_would_not_work_changes_nothing(shop: Hub, run: Run) -> None:
    written = run("connection", "set", "eu", "--setting", "base_url=ftp://x", "--reason", "x", "--json")
    assert written.status == 1
    assert Connection.objects.get(name="eu").settings["base_url"] == shop.store.url
    run("connection", "set", "erp", "--max-in-flight", "4", "--settle-seconds", "9", "--reason", "slow")
    erp = Connection.objects.get(name="erp")
    assert (erp.max_in_flight, erp.settle_seconds) == (4, 9)
