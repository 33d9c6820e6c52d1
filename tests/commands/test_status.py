"""``status`` and ``target``: what Home and Flows show, at the command line."""

from __future__ import annotations

from decimal import Decimal

from retailhub.console.models import FigureTarget
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Run
from tests.support.world import UNKNOWN_SKU, build


def test_status_tells_all_that_home_and_flows_show(db: None, run: Run) -> None:
    build()
    told = run("status", "--json").json
    figures = {one["name"]: one for one in told["figures"]}
    assert (figures["held"]["shown"], figures["held"]["tone"], figures["held"]["values"]) == ("2", "warn", {"": "2"})
    assert f"The SKU {UNKNOWN_SKU} is not known in the ERP, so the order waits." in {
        one["sentence"] for one in told["causes"]
    }
    assert {one["name"]: one["state"] for one in told["connections"]} == {"erp": "ok", "eu": "never called yet"}
    assert [(one["connection"], one["direction"], one["parked"]) for one in told["flows"]] == [
        ("eu", "in", 1),
        ("erp", "out", 1),
    ]
    assert (told["warnings"], told["looks"]) == ([], [])
    written = run("status").out
    assert "Orders held" in written
    assert "erp out, orders" in written


def test_status_of_an_empty_installation_says_so(db: None, run: Run) -> None:
    written = run("status").out
    assert "Nothing needs a person now." in written
    assert "No worker has ever looked for work." in written


def test_a_target_is_changed_at_the_command_line(db: None, run: Run) -> None:
    assert run("target", "held", "--warn", "5", "--bad", "9", "--reason", "peak", "--json").json == {
        "figure": "held",
        "warn_at": "5",
        "bad_at": "9",
    }
    assert FigureTarget.objects.get(pk="held").bad_at == Decimal(9)
    assert AuditEntry.objects.get(action="set_target").reason == "peak"
    refused = run("target", "held", "--warn", "9", "--bad", "5", "--reason", "peak", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "bad_target")
    assert run("target", "held", "--warn", "x", "--bad", "5", "--reason", "peak", "--json").status == 1
