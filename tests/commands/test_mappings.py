from __future__ import annotations

from inventory.models import SkuMapping
from orders.models import Order
from reconciliation.models import Case
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Run, deliver_order
from tests.support.hub import Hub
from tests.support.recorded_store import newest_orders


def test_mapping_a_sku_posts_the_orders_that_wait_for_it(hub: Hub, run: Run) -> None:
    hub.connect()
    hub.know({"MUG-01"})
    for number in range(3):
        deliver_order(hub, newest_orders()["160"], id=1000 + number)
    hub.drain()
    assert hub.books.books().documents == ()
    hub.books.add_products(["SHIRT-9"])
    run("catalogue", "import", "erp")

    words = ("map_sku", "--connection", "erp", "TS-S-ROT", "SHIRT-9", "--reason", "new item", "--json")
    mapped = {"connection": "erp", "sku": "TS-S-ROT", "item_code": "SHIRT-9", "before": None, "in_catalogue": True}
    assert run(*words).json == mapped
    hub.drain()
    documents = hub.books.books().documents
    assert [document.state for document in documents] == ["confirmed"] * 3
    assert {line["item_code"] for document in documents for line in document.lines} >= {"SHIRT-9"}
    assert Order.objects.filter(order_state="held").count() == 0
    assert Case.objects.filter(state="open").count() == 0
    assert AuditEntry.objects.get(action="map_sku").reason == "new item"


def test_an_item_code_that_the_erp_does_not_have_is_asked_for_twice(hub: Hub, run: Run) -> None:
    hub.connect()
    hub.know({"MUG-01"})
    words = ("map_sku", "--connection", "erp", "MUG", "MUG-10", "--reason", "typing error")
    asked = run(*words)
    assert (asked.status, asked.out) == (1, "")
    assert asked.err == (
        "erp's catalogue, as last read, has no item MUG-10: correct the code, read the catalogue again "
        "(catalogue import erp), or map it all the same with --force.\n"
    )
    assert run(*words, "--json").json["error"]["code"] == "not_in_catalogue"
    assert list(SkuMapping.objects.values_list("sku", flat=True)) == ["MUG-01"]
    assert AuditEntry.objects.filter(action="map_sku").count() == 0

    assert run(*words, "--force", "--json").json["in_catalogue"] is False
    assert SkuMapping.objects.get(sku="MUG").item_code == "MUG-10"


def test_a_mapping_that_makes_no_sense_is_refused(hub: Hub, run: Run) -> None:
    hub.connect()
    for words, code in {
        ("--connection", "eu", "A", "B"): "not_an_erp",
        ("--connection", "nobody", "A", "B"): "misconfigured",
        ("--connection", "erp", " ", "B"): "bad_code",
        ("--connection", "erp", "A", "B" * 201): "bad_code",
    }.items():
        written = run("map_sku", *words, "--reason", "x", "--json")
        assert (written.status, written.json["error"]["code"]) == (1, code)
    assert not SkuMapping.objects.exists()


def test_importing_a_catalogue_makes_the_erps_items_known_once(hub: Hub, run: Run) -> None:
    hub.connect()
    hub.books.add_products(["MUG-01", "TS-S-ROT"])
    first = run("catalogue", "import", "erp", "--json").json
    assert first["new_skus"] == SkuMapping.objects.count() >= 2
    assert run("catalogue", "import", "erp").out == "Read the catalogue of erp: 0 SKUs new.\n"


def test_a_catalogue_that_cannot_be_read_is_one_sentence(hub: Hub, run: Run) -> None:
    hub.connect()
    hub.books.behave(down=True)
    written = run("catalogue", "import", "erp", "--json")
    assert (written.status, written.json["error"]["code"]) == (1, "unreachable")
    assert run("catalogue", "import", "eu", "--json").json["error"]["code"] == "not_an_erp"
