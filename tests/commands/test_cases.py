from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from reconciliation.models import Case, CaseWork, Cause, CauseEvent, CauseWork
from retailhub.core.models import AuditEntry
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


WHY = ("--reason", "the merchant called")


def test_a_cause_and_a_case_are_worked_on_from_the_command_line(held: Hub, run: Run) -> None:
    olga = User.objects.create_user("olga", is_staff=True)
    cause = Cause.objects.get(key="TS-M-ROT")
    assert run("cases", "claim", cause.public_id, "--user", "olga", *WHY).out == f"Done: claim {cause.public_id}.\n"
    assert run("cases", "tag", cause.public_id, "--tag", "asked", *WHY, "--json").json == {
        "act": "tag",
        "cause": cause.public_id,
    }
    run("cases", "snooze", cause.public_id, "--until", "2999-01-01T00:00:00Z", *WHY)
    state = CauseWork.objects.get()
    assert (state.owner, state.tags, state.snoozed_until and state.snoozed_until.year) == (olga, ["asked"], 2999)
    case = Case.objects.get(cause__key="TS-S-ROT")
    run("cases", "assign", case.public_id, "--to", "olga", *WHY)
    assert CaseWork.objects.get().owner == olga
    assert run("cases", "claim", cause.public_id, "--user", "olga", *WHY, "--json").json["error"] == {
        "code": "not_possible",
        "detail": "It is so already.",
    }
    actors = AuditEntry.objects.filter(action__in=["claim_cause", "tag_cause"]).order_by("id")
    assert [each.actor_name.partition(" (")[0] for each in actors] == ["olga", "command line"]


def test_all_that_matches_is_worked_on_at_once(held: Hub, run: Run) -> None:
    done = run("cases", "note", "--matching", "code=sku_unmapped", *WHY, "--json").json
    assert (done["about"], done["total"], done["left"]) == ("cause", 2, 0)
    assert CauseEvent.objects.filter(what="noted").count() == 2
    assert run("cases", "ignore", "--matching", "code=sku_unmapped", *WHY, "--json").json["total"] == 3
    assert Case.objects.filter(state="ignored").count() == 3
    cause = Cause.objects.get(key="TS-M-ROT")
    assert run("cases", "reopen", cause.public_id, *WHY, "--json").json["total"] == 2
    assert Case.objects.filter(state="ignored").count() == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("claim", "cause_x"), "no_reason"),
        (("claim", *WHY), "choose_one"),
        (("claim", "cause_x", *WHY), "no_person"),
        (("claim", "cause_x", "--user", "nobody", *WHY), "no_such_person"),
        (("note", "cause_x", *WHY), "no_such_cause"),
        (("note", "case_x", *WHY), "no_such_case"),
        (("note", "--matching", "colour=red", *WHY), "not_possible"),
        (("note", "--matching", "code=no_route", *WHY), "not_possible"),
        (("dance", "cause_x"), "choose_one"),
    ],
)
def test_an_act_that_cannot_be_is_said_so(run: Run, words: tuple[str, ...], code: str) -> None:
    assert run("cases", *words, "--json").json["error"]["code"] == code
