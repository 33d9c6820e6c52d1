"""Fills a fresh Tryton database with known data. Runs inside Tryton's own environment, never in ours.

Called as ``python populate.py CONFIG DATABASE`` with a JSON object on standard input (the fields of
`retailhub.sandbox.tryton.data.KnownData`); prints nothing. Everything goes through Tryton's own models,
so what they check is checked.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from decimal import Decimal
from typing import Any

import trytond.config  # type: ignore[import-not-found]
from trytond.pool import Pool  # type: ignore[import-not-found]
from trytond.transaction import Transaction, TransactionError  # type: ignore[import-not-found]

CURRENCIES = (
    ("EUR", "Euro", "978", "0.01", 2),
    ("USD", "US Dollar", "840", "0.01", 2),
    ("GBP", "Pound Sterling", "826", "0.01", 2),
    ("JPY", "Yen", "392", "1", 0),
)
COUNTRIES = (
    ("AT", "AUT", "Austria"),
    ("BE", "BEL", "Belgium"),
    ("CA", "CAN", "Canada"),
    ("CH", "CHE", "Switzerland"),
    ("DE", "DEU", "Germany"),
    ("DK", "DNK", "Denmark"),
    ("ES", "ESP", "Spain"),
    ("FI", "FIN", "Finland"),
    ("FR", "FRA", "France"),
    ("GB", "GBR", "United Kingdom"),
    ("IE", "IRL", "Ireland"),
    ("IT", "ITA", "Italy"),
    ("JP", "JPN", "Japan"),
    ("NL", "NLD", "Netherlands"),
    ("PL", "POL", "Poland"),
    ("PT", "PRT", "Portugal"),
    ("SE", "SWE", "Sweden"),
    ("US", "USA", "United States"),
)
GROUPS = (
    ("sale", "group_sale"),
    ("sale", "group_sale_admin"),
    ("stock", "group_stock"),
    ("account", "group_account"),
    ("party", "group_party_admin"),
)
CREATED_AT_ONCE = 500


def create_company(name: str) -> Any:
    """The company with its currencies; the user of this run becomes its member."""
    pool = Pool()
    currencies = pool.get("currency.currency").create(
        [
            {
                "code": code,
                "name": title,
                "numeric_code": number,
                "symbol": code,
                "rounding": Decimal(rounding),
                "digits": digits,
                "rates": [("create", [{"date": dt.date(2000, 1, 1), "rate": Decimal(1)}])],
            }
            for code, title, number, rounding, digits in CURRENCIES
        ]
    )
    pool.get("country.country").create(
        [{"code": code, "code3": code3, "name": title} for code, code3, title in COUNTRIES]
    )
    (party,) = pool.get("party.party").create([{"name": name, "addresses": [("create", [{}])]}])
    (company,) = pool.get("company.company").create([{"party": party.id, "currency": currencies[0].id}])
    users = pool.get("res.user")
    users.write([users(Transaction().user)], {"companies": [("add", [company.id])], "company": company.id})
    return company


def create_chart(company: Any) -> dict[str, Any]:
    """Tryton's own minimal chart of accounts; answers the accounts by what they are for."""
    pool = Pool()
    account_model = pool.get("account.account")
    wizard = pool.get("account.create_chart", type="wizard")
    session, _, _ = wizard.create()
    chart = wizard(session)
    template = pool.get("ir.model.data").get_id("account", "account_template_root_en")
    chart.account.account_template = pool.get("account.account.template")(template)
    chart.account.company = company
    chart.transition_create_account()
    accounts = {
        kind: account_model.search([(f"type.{kind}", "=", True), ("closed", "!=", True)], limit=1)[0]
        for kind in ("receivable", "payable", "revenue", "expense")
    }
    (accounts["tax"],) = account_model.search([("code", "=", "6.3.6")], limit=1)
    chart.properties.company = company
    chart.properties.account_receivable = accounts["receivable"]
    chart.properties.account_payable = accounts["payable"]
    chart.properties.category_account_revenue = accounts["revenue"]
    chart.properties.category_account_expense = accounts["expense"]
    chart.transition_create_properties()
    return accounts


def create_fiscal_year(company: Any, year: int) -> None:
    """One fiscal year with monthly periods and sequences of its own."""
    pool = Pool()
    sequences = pool.get("ir.sequence.strict")

    def sequence(type_name: str) -> Any:
        (kind,) = pool.get("ir.sequence.type").search([("name", "=", type_name)], limit=1)
        values = {"name": f"{type_name} {year}", "sequence_type": kind.id, "company": company.id}
        return sequences.create([values])[0].id

    invoice, credit = sequence("Invoice"), sequence("Invoice")
    fiscal_year_model = pool.get("account.fiscalyear")
    fiscal_years = fiscal_year_model.create(
        [
            {
                "name": str(year),
                "company": company.id,
                "start_date": dt.date(year, 1, 1),
                "end_date": dt.date(year, 12, 31),
                "move_sequence": sequence("Account Move"),
                "invoice_sequences": [
                    (
                        "create",
                        [
                            {
                                "company": company.id,
                                "out_invoice_sequence": invoice,
                                "in_invoice_sequence": invoice,
                                "out_credit_note_sequence": credit,
                                "in_credit_note_sequence": credit,
                            }
                        ],
                    )
                ],
            }
        ]
    )
    fiscal_year_model.create_period(fiscal_years)


def create_taxes(company: Any, account: Any, percents: list[str], compounds: list[list[str]]) -> None:
    """One tax for each percent; for each compound pair the lower tax, that raises the base, and the upper."""
    rows = [(f"{percent} %", percent, 10, False) for percent in percents]
    for lower, upper in compounds:
        rows.append((f"{lower} % below {upper} %", lower, 1, True))
        rows.append((f"{upper} % compound", upper, 20, False))
    Pool().get("account.tax").create(
        [
            {
                "name": name,
                "description": name,
                "type": "percentage",
                "rate": Decimal(percent) / 100,
                "sequence": sequence,
                "update_unit_price": raises_base,
                "company": company.id,
                "invoice_account": account.id,
                "credit_note_account": account.id,
            }
            for name, percent, sequence, raises_base in rows
        ]
    )


def create_products(accounts: dict[str, Any], goods: list[str], services: list[str]) -> None:
    """Goods and services under the given codes, each its own template, all sold by the unit."""
    pool = Pool()
    (category,) = pool.get("product.category").create(
        [
            {
                "name": "Sold on the web",
                "accounting": True,
                "account_revenue": accounts["revenue"].id,
                "account_expense": accounts["expense"].id,
            }
        ]
    )
    unit = pool.get("ir.model.data").get_id("product", "uom_unit")
    values = [
        {
            "name": code,
            "type": kind,
            "default_uom": unit,
            "salable": True,
            "sale_uom": unit,
            "list_price": Decimal(1),
            "account_category": category.id,
            "products": [("create", [{"suffix_code": code}])],
        }
        for kind, codes in (("service", services), ("goods", goods))
        for code in codes
    ]
    templates = pool.get("product.template")
    for start in range(0, len(values), CREATED_AT_ONCE):
        templates.create(values[start : start + CREATED_AT_ONCE])


def create_shops(company: Any, names: list[str]) -> None:
    """The web shops, which make (web_shop, web_id) of a sale unique; they ship from the one warehouse."""
    pool = Pool()
    warehouses = pool.get("stock.location").search([("type", "=", "warehouse")])
    (guest,) = pool.get("party.party").create([{"name": "Web guest"}])
    pool.get("web.shop").create(
        [
            {
                "name": name,
                "company": company.id,
                "currency": company.currency.id,
                "guest_party": guest.id,
                "warehouses": [("add", [warehouse.id for warehouse in warehouses])],
            }
            for name in names
        ]
    )


def create_user(company: Any, login: str, password: str) -> None:
    """The connector's user: groups instead of administrator."""
    pool = Pool()
    data = pool.get("ir.model.data")
    pool.get("res.user").create(
        [
            {
                "name": "RetailHub",
                "login": login,
                "password": password,
                "companies": [("add", [company.id])],
                "company": company.id,
                "groups": [("add", [data.get_id(module, name) for module, name in GROUPS])],
            }
        ]
    )


def populate(known: dict[str, Any]) -> None:
    """All of it, inside the running transaction."""
    company = create_company(known["company"])
    users = Pool().get("res.user")
    with Transaction().set_context(users.get_preferences(context_only=True)):
        accounts = create_chart(company)
        this_year = dt.datetime.now(dt.UTC).year
        for year in (this_year - 1, this_year, this_year + 1):
            create_fiscal_year(company, year)
        create_taxes(company, accounts["tax"], known["tax_percents"], known["compound_taxes"])
        create_products(accounts, known["goods"], known["services"])
        create_shops(company, known["web_shops"])
        create_user(company, known["user"], known["password"])


def main(config_file: str, database: str) -> None:
    """Fill ``database``, all or nothing."""
    trytond.config.update_etc([config_file])
    known = json.load(sys.stdin)
    pool = Pool(database)
    with Transaction().start(database, 0, readonly=True):
        pool.init()
        (admin,) = pool.get("res.user").search([("login", "=", "admin")])
    extras: dict[str, Any] = {}
    while True:
        with Transaction().start(database, admin.id, context={"language": "en"}, **extras) as transaction:
            try:
                populate(known)
            except TransactionError as error:
                # Tryton names the table to be locked from the start; the transaction is then done anew.
                transaction.rollback()
                error.fix(extras)
                continue
        return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
