"""`manage.py mend`: the acts of a case's page from the command line, with one answer each."""

from __future__ import annotations

import pytest

from integrations.models import OutboxMessage
from reconciliation.models import Case, ReplayRun
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Written, command
from tests.support.world import World, build

REASON = "the merchant called"


@pytest.fixture
def world(db: None) -> World:
    return build()


def mend(*words: str, reason: str = REASON) -> Written:
    return command("mend", *words, "--reason", reason, "--json")


def parked() -> str:
    return str(OutboxMessage.objects.get(reference="WC-eu-903"))


def test_an_edit_is_sent_and_one_of_money_waits(world: World) -> None:
    world.sink.refuse.clear()
    told = mend("edit", parked(), "--set", "lines.0.quantity=7").json
    assert told["replay"] == ReplayRun.objects.get().public_id
    ReplayRun.objects.update(state="cancelled")
    done = mend("edit", parked(), "--set", "shipping.city=Bath")
    assert done.json["replay"] is None
    assert "Bath" not in done.out
    world.work()
    assert OutboxMessage.objects.get(reference="WC-eu-903").status == "done"
    assert AuditEntry.objects.filter(action="edit_message").count() == 2
    dropped = mend("drop-edit", parked())
    assert dropped.json == {"dropped": parked()}
    assert mend("drop-edit", parked()).json["error"]["code"] == "no_edit"


def test_what_is_given_up_is_taken_back(world: World) -> None:
    name = parked()
    assert mend("give-up", name).json == {"given_up": name}
    world.work()
    assert mend("give-up", name).json["error"]["code"] == "not_given_up"
    assert mend("take-back", "903").json == {"taken_back": "903"}
    assert mend("take-back", "903").status == 1


def test_a_map_is_saved_for_a_cause(world: World) -> None:
    cause = Case.objects.filter(code="sku_unmapped")[0].cause.public_id
    assert mend("map", cause, "post").json["error"]["code"] == "no_map"
    assert mend("map", "cause_none", "post").json["error"]["code"] == "no_such_cause"


def test_an_order_is_read_again(world: World) -> None:
    assert mend("read-order", "904").json == {"order": world.order(904).public_id}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("edit", "msg_o99999", "--set", "a=b"), "not_edited"),
        (("edit", "msg_i1", "--set", "a=b"), "no_such_message"),
        (("look-up", "nonsense"), "no_such_message"),
        (("adopt", "msg_o99999", "1"), "no_such_message"),
        (("read-order", "nothing"), "no_such_order"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(world: World, words: tuple[str, ...], code: str) -> None:
    answer = mend(*words)
    assert (answer.status, answer.json["error"]["code"]) == (1, code)


def test_a_field_that_is_not_there_or_no_reason_is_refused(world: World) -> None:
    assert mend("edit", parked(), "--set", "lines.9.item_code=X").json["error"]["code"] == "bad_field"
    assert mend("edit", parked(), "--set", "nothing").json["error"]["code"] == "bad_field"
    assert mend("give-up", parked(), reason=" ").json["error"]["code"] == "reason_missing"
    assert not AuditEntry.objects.filter(action__in=["edit_message", "give_up"]).exists()
