"""One order four times, side by side: as the shop sent it, as RetailHub knows it, as it was sent on, as was answered.

Values are aligned by field and line. Amounts are shown with every digit that each side has, and compared as numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations import selectors as pipes
from integrations import source
from integrations.delivery import TARGETS
from integrations.ports import documents
from integrations.ports.documents import Address, Charge, Order, OrderLine, SalesLine, SalesOrder
from orders import selectors as orders
from orders.selectors import OrderView
from retailhub.core import privacy
from retailhub.core.admin import Panel

Values = Mapping[str, str]
ADDRESS = (
    "first_name",
    "last_name",
    "company",
    "street_1",
    "street_2",
    "city",
    "postcode",
    "country",
    "email",
    "phone",
)
NUMBERS = frozenset({"net", "tax", "total", "total_tax", "quantity", "amount", "percent", "discount_total",
                     "shipping_total", "shipping_amount"})  # fmt: skip
ALWAYS = frozenset({"total"})
LABELS = {
    "number": "Number", "status": "Status", "currency": "Currency", "placed": "Placed", "payment.method": "Paid by",
    "note": "Note of the customer", "total": "Total", "total_tax": "Tax in total", "discount_total": "Discount",
    "shipping_total": "Shipping", "reference": "Reference", "state": "State there", "there": "Called there",
    "sku": "SKU, item", "name": "Name", "quantity": "Quantity", "net": "Net", "tax": "Tax", "percent": "Percent",
    "amount": "Amount", "first_name": "first name", "last_name": "last name", "company": "company",
    "street_1": "street", "street_2": "street, second line", "city": "city", "postcode": "postcode",
    "country": "country", "email": "e-mail", "phone": "phone",
}  # fmt: skip
GROUPS = ("Order", "Bill to", "Ship to", "Lines", "Taxes", "Totals")
MASKED = "hidden"


@dataclass(frozen=True)
class Value:
    """One value as it is shown. ``state`` is same, differs, missing or none (that side does not tell it)."""

    text: str
    state: str


@dataclass(frozen=True)
class Line:
    """One field over all columns."""

    label: str
    values: tuple[Value, ...]
    differs: bool
    at_fault: bool


@dataclass(frozen=True)
class Group:
    """Fields that belong together."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Comparison:
    """What the template shows. ``hidden`` is the number of fields that agree and are left out."""

    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    differences: int
    hidden: int
    everything: bool
    answer: str


def comparison_of(subject: str, *, key: str, everything: bool) -> Panel | None:
    """The panel for an order; ``None`` for what is no order, or has no content yet. ``key`` is the value at fault."""
    order = orders.by_subject(subject)
    if order is None or order.document is None:
        return None
    effects = [row for row in pipes.effects_of(subject=subject) if row.operation in TARGETS]
    effect = next((row for row in reversed(effects) if row.status != "cancelled"), effects[-1] if effects else None)
    erp = effect.connection.name if effect is not None else "the ERP"
    columns = ("The shop sent", "RetailHub knows", f"Sent to {erp}", f"{erp[:1].upper()}{erp[1:]} has")
    sides = (_source(order), _known(order.document), _sent(effect), _answered(subject, effect))
    lines = list(_lines(sides, key))
    shown = [(place, line) for place, line in lines if everything or line.differs or line.at_fault]
    groups = tuple(
        Group(title, found) for title in GROUPS if (found := tuple(line for place, line in shown if place == title))
    )
    said = f"{erp}: {privacy.mask_text(effect.detail)}" if effect is not None and effect.detail else ""
    data = Comparison(
        columns=columns,
        groups=groups,
        differences=sum(line.differs for _, line in lines),
        hidden=len(lines) - len(shown),
        everything=everything,
        answer=said,
    )
    return Panel(title="From the shop to the ERP", template="console/panels/compare.html", data=data)


def _source(order: OrderView) -> Values | None:
    told = orders.source_of(order_id=order.id, number=order.version)
    if told is None:
        return None
    return source.outline_of(message_id=told[0], order_ref=order.order_ref, read_back=told[1])


def _known(document: Order) -> Values:
    found = {
        "number": document.number,
        "status": document.source_status,
        "currency": document.currency,
        "placed": document.created_at.isoformat(),
        "payment.method": document.payment.method,
        "note": document.customer_note,
        "total": str(document.total),
        "total_tax": str(document.total_tax),
        "discount_total": str(document.discount_total),
        "shipping_total": str(document.shipping_total),
        **_address("billing", document.billing),
        **_address("shipping", document.shipping),
    }
    every: list[OrderLine | Charge] = [*document.lines, *document.charges]
    for line in every:
        ref = f"line.{line.line_ref}"
        found |= {f"{ref}.name": line.name, f"{ref}.net": str(line.total), f"{ref}.tax": str(line.total_tax)}
        if isinstance(line, OrderLine):
            found |= {f"{ref}.sku": line.sku or "", f"{ref}.quantity": str(line.quantity)}
    for tax in document.taxes:
        ref = f"tax.{tax.rate_ref}"
        found |= {f"{ref}.percent": str(tax.percent), f"{ref}.amount": str(tax.amount)}
        found[f"{ref}.shipping_amount"] = str(tax.shipping_amount)
    return found


def _address(place: str, address: Address) -> dict[str, str]:
    return {f"{place}.{name}": getattr(address, name) for name in ADDRESS}


def _sent(effect: Any) -> Values | None:
    if effect is None:
        return None
    bodies = pipes.bodies_of(message_id=effect.pk)
    if not bodies:
        return None
    document = documents.decode(bytes(bodies[-1].body), SalesOrder)
    found = {
        "reference": document.reference,
        "number": document.number,
        "currency": document.currency,
        "placed": document.placed_on.isoformat(),
        "payment.method": document.payment_method,
        "note": document.note,
        "total": str(document.total),
        "total_tax": str(document.total_tax),
        **_address("billing", document.billing),
        **_address("shipping", document.shipping),
    }
    for line in document.lines:
        found |= _sent_line(line)
    return found


def _sent_line(line: SalesLine) -> dict[str, str]:
    ref = f"line.{line.source_ref or line.kind}"
    tax = sum((tax.amount for tax in line.taxes), Decimal(0))
    found = {f"{ref}.name": line.name, f"{ref}.net": str(line.net), f"{ref}.tax": str(tax)}
    if line.kind == "goods":
        found |= {f"{ref}.sku": line.item_code, f"{ref}.quantity": str(line.quantity)}
    return found


def _answered(subject: str, effect: Any) -> Values | None:
    references = pipes.references_of(subject=subject)
    row = next((row for row in references if effect is not None and row.reference == effect.reference), None)
    if row is None or not row.state:
        return None
    total = {} if row.total is None else {"total": f"{row.total.normalize():f}"}
    found = {"reference": row.reference, "currency": row.currency, "state": row.state, **total}
    return {**found, "there": row.number or row.external_id}


def _lines(sides: tuple[Values | None, ...], key: str) -> Iterator[tuple[str, Line]]:
    paths = dict.fromkeys(path for side in sides for path in side or ())
    refs = {path.rsplit(".", 1)[0] for path in paths if path.startswith(("line.", "tax."))}
    names = {ref: _name_of(ref, sides) for ref in refs}
    for path in sorted(paths, key=_place):
        values = tuple(_values(path, sides))
        # what the ERP calls an item is not what the shop calls it: both are looked at
        at_fault = bool(key) and any((side or {}).get(path) == key for side in sides)
        differs = any(value.state in {"differs", "missing"} for value in values)
        yield _group(path), Line(_label(path, names), values, differs, at_fault)


def _values(path: str, sides: tuple[Values | None, ...]) -> Iterator[Value]:
    before: str | None = None
    for side in sides:
        if side is None:
            yield Value("–", "none")
            continue
        raw = side.get(path)
        if raw is None:
            gone = path.startswith("line.") and before is not None and _tells_lines(side)
            yield Value("not there" if gone else "–", "missing" if gone else "none")
            continue
        differs = before is not None and not _equal(path, before, raw)
        yield Value(_shown(path, raw), "differs" if differs else "same")
        before = raw


def _tells_lines(side: Values) -> bool:
    return any(path.startswith("line.") for path in side)


def _equal(path: str, one: str, other: str) -> bool:
    last = path.rpartition(".")[2]
    if last == "placed":
        return one[:10] == other[:10]
    if last in NUMBERS:
        try:
            return Decimal(one) == Decimal(other)
        except InvalidOperation:
            return one == other
    return one.strip() == other.strip()


def _shown(path: str, raw: str) -> str:
    if raw == "":
        return "empty"
    place, _, name = path.partition(".")
    if (place in {"billing", "shipping"} and name != "country") or path == "note":
        return MASKED
    return privacy.mask_text(raw)


def _group(path: str) -> str:
    place = path.partition(".")[0]
    if path in {"total", "total_tax", "discount_total", "shipping_total"}:
        return "Totals"
    return {"billing": "Bill to", "shipping": "Ship to", "line": "Lines", "tax": "Taxes"}.get(place, "Order")


def _place(path: str) -> tuple[int, str]:
    whole = path.rsplit(".", 1)[0] if path.startswith(("line.", "tax.")) else ""
    return GROUPS.index(_group(path)), whole


def _name_of(ref: str, sides: tuple[Values | None, ...]) -> str:
    if ref.startswith("tax."):
        percent = next((side[f"{ref}.percent"] for side in sides if side and f"{ref}.percent" in side), "")
        return f"{percent} %" if percent else ref.partition(".")[2]
    return next((side[f"{ref}.name"] for side in sides if side and side.get(f"{ref}.name")), "a line")


def _label(path: str, names: Mapping[str, str]) -> str:
    ref, _, last = path.rpartition(".")
    if ref in names:
        return f"{privacy.mask_text(names[ref])}: {LABELS.get(last, last.replace('_', ' ')).lower()}"
    return LABELS.get(path, LABELS.get(last, last.replace("_", " "))).capitalize()
