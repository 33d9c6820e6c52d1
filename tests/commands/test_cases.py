from __future__ import annotations

import pytest

from reconciliation.models import Case
from tests.commands.conftest import Run, deliver_order
from tests.support.hub import Hub
from tests.support.recorded_store import newest_orders


@pytest.fixture
def held(hub: Hub) -> Hub:
    """Three orders wait for one SKU, two for another as well; one delivery is broken."""
    hub.connect()
    hub.know({"MUG-01"})
    for ref in ("160", "338", "345"):
        deliver_order(hub, newest_orders()[ref])
    assert hub.deliver(b"{broken") == 200
    hub.drain()
    return hub


def test_causes_are_grouped_with_their_count_and_money_by_currency(held: Hub, run: Run) -> None:
    causes = {cause["key"]: cause for cause in run("cases", "--causes", "--json").json["causes"]}
    assert {key: (cause["code"], cause["count"], cause["money"]) for key, cause in causes.items()} == {
        "TS-M-ROT": ("sku_unmapped", 2, {"EUR": "109.22"}),
        "TS-S-ROT": ("sku_unmapped", 1, {"EUR": "53.18"}),
        "": ("body_not_json", 1, {}),
    }
    assert causes["TS-M-ROT"]["connection"] == "eu"
    assert "EUR 109.22" in run("cases", "--causes").out


def test_cases_are_chosen_by_code_cause_and_state(held: Hub, run: Run) -> None:
    assert run("cases", "--json").json["total"] == 4
    assert run("cases", "--code", "sku_unmapped", "--json").json["total"] == 3
    cause = run("cases", "--causes", "--json").json["causes"][0]["cause"]
    assert run("cases", "--cause", cause, "--json").json["total"] == 2
    assert run("cases", "--state", "closed", "--json").json == {"total": 0, "cases": []}
    cut = run("cases", "--limit", "1", "--json").json
    assert (cut["total"], len(cut["cases"])) == (4, 1)
    assert "1 of 4 cases." in run("cases", "--limit", "1").out


def test_one_case_is_shown_with_its_history(held: Hub, run: Run) -> None:
    case = Case.objects.get(cause__key="TS-S-ROT")
    held.know({"TS-S-ROT"})
    held.drain()
    shown = run("cases", case.public_id, "--json").json["case"]
    assert (shown["state"], shown["money_at_risk"], shown["currency"]) == ("closed", "53.18", "EUR")
    assert [event["what"] for event in shown["events"]] == ["opened", "closed"]
    told = run("cases", case.public_id).out
    assert "The SKU TS-S-ROT is not known in the ERP, so the order waits." in told
    assert "nothing stands against it" in told


def test_a_case_that_is_not_there_is_said_so(run: Run) -> None:
    written = run("cases", "case_nothing", "--json")
    assert (written.status, written.json["error"]["code"]) == (1, "no_such_case")
    assert run("cases", "--limit", "0", "--json").json["error"]["code"] == "bad_limit"
