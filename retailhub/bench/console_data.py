"""A database as a shop of some years has it: a few hundred real orders, multiplied by SQL in the database itself.

What is multiplied came through the product (the look-alike store's history, imported and posted), so documents, bodies,
cases and calls have their real shapes and sizes. Every column that is not named here is copied as it is: a new one
comes along by itself. Documents are with every order; versions, bodies and calls with the newest part.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from integrations import connections
from integrations.models import Connection
from orders.policies import matching
from reconciliation import codes
from reconciliation.services import totals
from retailhub.bench.console_rows import CAUSES, STEPS
from retailhub.console.figures import FIGURES
from retailhub.console.models import NoticeRule
from retailhub.core import clock
from retailhub.core.crypto import keyed_hash
from retailhub.sandbox.supervisor import SandboxError

STORES, ERPS, PEOPLE = 8, 3, 40
BYTES_AN_ORDER = 12_000
"""On disk with all that hangs on it, indexes and write-ahead log included; measured, rounded up."""
KNOWN_EMAILS = 200
"""Customers who are found by their address: only their keys are real."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many there are to be."""

    orders: int
    cases: int

    @property
    def all_cases(self) -> int:
        """With the closed ones: nine for each that is open, as far as there are orders for them."""
        return self.cases + min(9 * self.cases, self.orders - self.cases)

    @property
    def rich(self) -> int:
        """Of so many of the newest orders every version, body and call is there."""
        return max(self.orders // 10, 1)


def check_space(folder: Path, size: Size) -> None:
    """Raises `SandboxError` where the disk would be filled."""
    free, wanted = shutil.disk_usage(folder).free, size.orders * BYTES_AN_ORDER * 2
    if free < wanted:
        raise SandboxError(f"{wanted >> 30} GB of free disk are wanted for this, and {free >> 30} are there.")


def generate(size: Size, *, told: Callable[[str], None]) -> dict[str, Any]:
    """Multiply what there is, with statistics; answers with the sizes of the tables. ``told`` hears of each step."""
    _places(size)
    values: dict[str, Any] = {
        "orders": size.orders,
        "cases": size.cases,
        "total": size.all_cases,
        "rich": size.orders - size.rich,
        "figures": [figure.name for figure in FIGURES],
    }
    for name, steps in STEPS:
        told(name)
        for table, sql in steps:
            with _without_indexes(table), connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica")  # no foreign key is looked up a million times
                cursor.execute(sql(), values) if callable(sql) else cursor.execute(sql, values)
                cursor.execute("SET session_replication_role = origin")
    told("customers who can be found, totals, statistics")
    _known_people()
    totals.fold()
    with connection.cursor() as cursor:
        if connection.in_atomic_block:  # a test: its rows go, and sequences would stay
            cursor.execute("ANALYZE")
        else:
            cursor.execute(SEQUENCES)
            cursor.execute("VACUUM (ANALYZE)")
    return sizes()


def sizes() -> dict[str, Any]:
    """Rows and megabytes, indexes included, of the biggest tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, greatest(reltuples, 0)::bigint, pg_total_relation_size(oid) >> 20 FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'bench_%'"
            " ORDER BY 3 DESC LIMIT 16"
        )
        tables = {name: {"rows": rows, "mb": mb} for name, rows, mb in cursor.fetchall()}
        cursor.execute("SELECT pg_database_size(current_database()) >> 20")
        return {"tables": tables, "database_mb": cursor.fetchone()[0]}


@contextlib.contextmanager
def _without_indexes(table: str) -> Iterator[None]:
    """Fill a big table without its indexes and unique constraints: made afterwards they cost a tenth.

    Not within a test's transaction, which could not use an index that it has made.
    """
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
            " WHERE t.relname = %s AND t.relkind = 'r' AND c.contype = 'u'",
            [table],
        )
        constraints = cursor.fetchall()
        cursor.execute(
            "SELECT i.relname, pg_get_indexdef(i.oid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
            " JOIN pg_class t ON t.oid = x.indrelid WHERE t.relname = %s AND t.relkind = 'r' AND NOT x.indisprimary"
            " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid)",
            [table],
        )
        indexes = cursor.fetchall()
        for name, _ in constraints:
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for name, definition in constraints:
            cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition}')
        for _, definition in indexes:
            cursor.execute(definition)


def _places(size: Size) -> None:
    """Stores, ERPs and people to choose among; partitions for the years; which row becomes which."""
    now = clock.now()
    for kind, count in (("woocommerce", STORES), ("lookalike_erp", ERPS)):
        first = Connection.objects.filter(kind=kind).earliest("pk")
        for number in range(Connection.objects.filter(kind=kind).count(), count):
            connections.add(
                name=f"{first.name}-{number}",
                kind=kind,
                settings={**first.settings, **({"store_code": f"s{number}"} if kind == "woocommerce" else {})},
                credentials=first.credentials,
                mode="live",
                live_from=first.live_from,
                actor="bench",
                now=now,
            )
    target: Any = {"url": "http://127.0.0.1:9/"}
    NoticeRule.objects.create(name="desk", kind="json", target=target, changed_at=now)
    User.objects.bulk_create(User(username=f"person-{number}", is_staff=True) for number in range(PEOPLE))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # of a test's transaction: else no index can be dropped
        cursor.execute("SELECT rh_make_partitions((current_date - interval '13 months')::date, 15)")
        cursor.execute(MAPS, {"orders": size.orders})
        cursor.executemany(CAUSE, list(_causes()))


CAUSE = """
INSERT INTO bench_cause VALUES (%s, %s, %s, %s, %s,
    (SELECT id FROM reconciliation_case ORDER BY code <> %s, id LIMIT 1))
"""


def _causes() -> Iterator[tuple[int, str, str, str, str, str]]:
    """Number, code, value at fault, sentence and side of each; and its code again, to find a real case of it."""
    known = sorted(codes.CODES)
    for number in range(CAUSES):
        code, key = known[number % len(known)], f"KEY-{number:04}"
        sentence = codes.sentence(codes.CODES[code], key=key, detail="", evidence={})
        yield number, code, key, sentence, codes.CODES[code].side.value, code


def _known_people() -> None:
    """Some customers get the key under which their address is found."""
    with connection.cursor() as cursor:
        for number in range(1, KNOWN_EMAILS + 1):
            key = keyed_hash(matching.EMAIL, matching.fold(email_of(number)))
            cursor.execute(
                "UPDATE orders_customeridentity SET key = %s WHERE kind = 'email' AND customer_id ="
                " (SELECT id FROM orders_customer WHERE public_id = %s)",
                [key, f"cus_{hashlib.md5(f'c{number}'.encode(), usedforsecurity=False).hexdigest()[:24]}"],
            )


def email_of(number: int) -> str:
    """The address of a customer."""
    return f"person{number}@example.org"


MAPS = """
DROP TABLE IF EXISTS bench_order, bench_template, bench_cause, bench_in, bench_out;
CREATE UNLOGGED TABLE bench_template AS
    SELECT row_number() OVER (ORDER BY id) - 1 AS rank, id, public_id, order_ref, first_seen_at FROM orders_order
    WHERE document <> '';
CREATE UNLOGGED TABLE bench_order AS
    SELECT n, 1000000 + n AS id, old.id AS old_id, 'ord_' || left(md5('o' || n), 24) AS public_id,
           old.public_id AS old_public_id, (5000000 + n)::text AS ref, old.order_ref AS old_ref,
           now() - (%(orders)s - n) * (interval '365 days' / %(orders)s) AS at, old.first_seen_at AS old_at,
           stores.ids[1 + n %% cardinality(stores.ids)] AS store_id, erps.ids[1 + n %% cardinality(erps.ids)] AS erp_id
    FROM generate_series(1, %(orders)s) AS n
    JOIN bench_template old ON old.rank = n %% (SELECT count(*) FROM bench_template),
    (SELECT array_agg(id) AS ids FROM integrations_connection WHERE kind = 'woocommerce') AS stores,
    (SELECT array_agg(id) AS ids FROM integrations_connection WHERE kind <> 'woocommerce') AS erps;
CREATE INDEX ON bench_order (old_id);
CREATE INDEX ON bench_order (old_public_id);
CREATE INDEX ON bench_order (n);
CREATE UNLOGGED TABLE bench_in AS
    SELECT row_number() OVER (ORDER BY b.n, t.id) + 1000000 AS id, t.id AS old_id, b.n
    FROM bench_order b JOIN integrations_inboxmessage t ON t.subject = 'order:' || b.old_public_id;
CREATE UNLOGGED TABLE bench_out AS
    SELECT row_number() OVER (ORDER BY b.n, t.id) + 1000000 AS id, t.id AS old_id, b.n
    FROM bench_order b JOIN integrations_outboxmessage t ON t.subject = 'order:' || b.old_public_id;
CREATE INDEX ON bench_in (old_id); CREATE INDEX ON bench_in (n);
CREATE INDEX ON bench_out (old_id); CREATE INDEX ON bench_out (n);
CREATE UNLOGGED TABLE bench_cause (n integer, code text, key text, sentence text, side text, template_id bigint);
ANALYZE bench_order; ANALYZE bench_in; ANALYZE bench_out;
"""
"""Which row becomes which."""
SEQUENCES = """
SELECT setval(pg_get_serial_sequence(t, 'id'), 50000000) FROM unnest(ARRAY['orders_order',
    'integrations_inboxmessage', 'integrations_outboxmessage']) AS t;
DROP TABLE bench_order, bench_in, bench_out, bench_cause, bench_template;
"""
