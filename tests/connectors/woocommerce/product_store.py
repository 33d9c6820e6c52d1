"""The products of a store, and what it makes of batches that it does not check; as recorded."""

from __future__ import annotations

import json
from typing import Any

from tests.connectors.woocommerce.rest_store import Answer, RestStore, as_json, body_of, is_listed, recorded
from tests.support import recordings
from tests.support.recorded_store import Call


class Products:
    """Simple products by id and the recorded T-shirt (20) with its variations (21 to 24)."""

    def __init__(self, shop: RestStore) -> None:
        self.products = {20: body_of("product_get_variable")}
        self.variations = {each["id"]: each for each in json.loads(recordings.answer("variations_list").body)}
        shop.answers["products"] = self.answer

    def add(self, number: int, **changed: Any) -> None:
        """A simple product like the recorded mug."""
        fields = {"id": number, "sku": f"SKU-{number}", "name": f"Thing {number}"}
        self.products[number] = body_of("product_get_simple") | fields | changed

    def answer(self, call: Call, parts: list[str]) -> Answer:
        if call.method == "POST":
            return self._batch(call, parts)
        params = dict(call.pairs)
        if "variations" in parts:
            return self._list(list(self.variations.values()), params)
        if len(parts) == 2:
            found = (self.products | self.variations).get(int(parts[1]))
            return as_json(200, json.dumps(found).encode()) if found else recorded("err_404_product")
        if "sku" in params:
            wanted = {sku.casefold() for sku in params["sku"].split(",")}
            both = [*self.products.values(), *self.variations.values()]
            return self._list([each for each in both if each["sku"].casefold() in wanted], params)
        dates = {name: value for name, value in params.items() if name in {"modified_after", "dates_are_gmt"}}
        return self._list([each for each in self.products.values() if is_listed(each, dates)], params)

    def _list(self, found: list[dict[str, Any]], params: dict[str, str]) -> Answer:
        if (params["orderby"], params["order"]) != ("id", "asc"):
            raise AssertionError(f"pages would move: {params}")
        size, page = int(params["per_page"]), int(params["page"])
        fields = set(params["_fields"].split(","))
        found.sort(key=lambda each: int(each["id"]))
        shown = [
            {key: value for key, value in each.items() if key in fields}
            for each in found[(page - 1) * size : page * size]
        ]
        return as_json(200, json.dumps(shown).encode(), {"X-WP-Total": str(len(found))})

    def _batch(self, call: Call, parts: list[str]) -> Answer:
        changes = json.loads(call.body)["update"]
        if len(changes) > 100:
            return recorded("products_batch_101")
        kept = self.variations if "variations" in parts else self.products
        entries = [self._change(kept, dict(change), bool("variations" in parts)) for change in changes]
        return as_json(200, json.dumps({"update": entries}).encode())

    def _change(self, kept: dict[int, dict[str, Any]], change: dict[str, Any], below: Any) -> dict[str, Any]:
        number = change.pop("id")
        if not below and number in self.variations:
            return {"id": number, "error": body_of("products_batch_variation_ids")["update"][0]["error"]}
        if number not in kept:
            name = "variations_batch" if below else "products_batch_one_bad"
            errors = [entry["error"] for entry in body_of(name)["update"] if "error" in entry]
            return {"id": number, "error": errors[0]}
        item = kept[number]
        item |= {key: value for key, value in change.items() if key != "stock_quantity"}
        if item["manage_stock"] is True and change.get("stock_quantity") is not None:
            quantity = change["stock_quantity"]
            item["stock_quantity"] = int(float(quantity)) if str(quantity).replace(".", "").isdigit() else 0
        return item
