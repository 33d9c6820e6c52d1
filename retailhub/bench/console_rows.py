"""What is multiplied into what: the SQL of the console's bench."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps

CAUSES, OPEN_CAUSES = 1000, 300


def copy_of(model: str, source: str, **own: str) -> Callable[[], str]:
    """``INSERT INTO … SELECT`` of every column of a model; ``t`` is the row that is copied, ``own`` are expressions.

    ``id`` is left to its sequence unless it is named.
    """

    def made() -> str:
        found = apps.get_model(model)._meta
        names = [field.column for field in found.local_concrete_fields if field.column is not None]
        strange = set(own) - set(names)
        if strange:
            raise LookupError(f"{model} has no {sorted(strange)}.")
        wanted = [name for name in names if name in own or name != "id"]
        columns = ", ".join(f'"{name}"' for name in wanted)
        values = ", ".join(own.get(name, f't."{name}"') for name in wanted)
        return f"INSERT INTO {found.db_table} ({columns}) SELECT {values} {source}"

    return made


SHIFTED = "b.at + (t.{} - b.old_at)"
NAMES = (
    "(ARRAY['Ada','Bela','Cleo','Dora','Emil','Finn','Greta','Hugo','Ines','Jan'])[1 + n %% 10] || ' ' || "
    "(ARRAY['Adler','Baum','Conti','Dahl','Eriks','Funk'])[1 + n / 10 %% 6] || n %% 5000"
)
WORK = "ARRAY(SELECT id FROM auth_user ORDER BY id)"
Steps = tuple[tuple[str, Any], ...]
STEPS: tuple[tuple[str, Steps], ...] = (
    (
        "customers",
        (
            (
                "orders_customer",
                "INSERT INTO orders_customer (public_id, name, company, email, phone, created_at)"  # noqa: S608 - constants of ours
                f" SELECT 'cus_' || left(md5('c' || n), 24), {NAMES}, '', 'person' || n || '@example.org', '', now()"
                " FROM generate_series(0, %(orders)s / 2) AS n",
            ),
            (
                "orders_customeridentity",
                "INSERT INTO orders_customeridentity (kind, key, customer_id, since)"
                " SELECT kind, sha256((kind || c.id)::bytea), c.id, now() FROM orders_customer c,"
                " unnest(ARRAY['email', 'phone_and_name']) AS kind WHERE c.email LIKE 'person%%@example.org'",
            ),
            (
                "orders_customerreview",
                "INSERT INTO orders_customerreview (customer_id, other_id, why, decision, created_at, decided_by)"
                " SELECT id, id - 1, 'same phone and name', CASE WHEN id %% 5 = 0 THEN 'open' ELSE 'different' END,"
                " now(), '' FROM orders_customer WHERE email LIKE 'person%%5@example.org' LIMIT 20000",
            ),
        ),
    ),
    (
        "orders",
        (
            (
                "orders_order",
                copy_of(
                    "orders.Order",
                    "FROM bench_order b JOIN orders_order t ON t.id = b.old_id",
                    id="b.id",
                    public_id="b.public_id",
                    store_id="b.store_id",
                    order_ref="b.ref",
                    number="b.ref",
                    customer_id="(SELECT min(id) FROM orders_customer) + b.n / 2",
                    placed_at="b.at",
                    version_at="b.at",
                    first_seen_at="b.at",
                    changed_at="b.at + interval '1 minute'",
                ),
            ),
            (
                "orders_orderversion",
                copy_of(
                    "orders.OrderVersion",
                    "FROM bench_order b JOIN orders_orderversion t ON t.order_id = b.old_id WHERE b.n > %(rich)s",
                    order_id="b.id",
                    version_at=SHIFTED.format("stored_at"),
                    stored_at=SHIFTED.format("stored_at"),
                    message_id="coalesce((SELECT min(id) FROM bench_in i WHERE i.n = b.n), 0)",
                ),
            ),
            (
                "orders_ordertransition",
                copy_of(
                    "orders.OrderTransition",
                    "FROM bench_order b JOIN orders_ordertransition t ON t.order_id = b.old_id",
                    order_id="b.id",
                    at=SHIFTED.format("at"),
                ),
            ),
            (
                "orders_finding",
                copy_of(
                    "orders.Finding",
                    "FROM bench_order b JOIN orders_finding t ON t.order_id = b.old_id",
                    order_id="b.id",
                    since="b.at",
                ),
            ),
            (
                "orders_ordersku",
                "INSERT INTO orders_ordersku (order_id, sku) SELECT b.id, t.sku FROM bench_order b"
                " JOIN orders_ordersku t ON t.order_id = b.old_id",
            ),
        ),
    ),
    (
        "messages",
        (
            (
                "integrations_inboxmessage",
                copy_of(
                    "integrations.InboxMessage",
                    "FROM bench_in i JOIN bench_order b ON b.n = i.n"
                    " JOIN integrations_inboxmessage t ON t.id = i.old_id",
                    id="i.id",
                    connection_id="b.store_id",
                    shard="replace(t.shard, b.old_ref, b.ref)",
                    subject="'order:' || b.public_id",
                    dedupe_key="sha256(i.id::text::bytea)",
                    received_at="b.at",
                    due_at="b.at",
                    finished_at="b.at + interval '2 seconds'",
                    trace_id="md5(i.id::text)",
                ),
            ),
            (
                "integrations_inboxbody",
                "INSERT INTO integrations_inboxbody (message_id, received_at, headers, body)"
                " SELECT i.id, b.at, t.headers, t.body FROM bench_in i JOIN bench_order b ON b.n = i.n"
                " JOIN integrations_inboxbody t ON t.message_id = i.old_id WHERE i.n > %(rich)s",
            ),
            (
                "integrations_outboxmessage",
                copy_of(
                    "integrations.OutboxMessage",
                    "FROM bench_out i JOIN bench_order b ON b.n = i.n"
                    " JOIN integrations_outboxmessage t ON t.id = i.old_id",
                    id="i.id",
                    connection_id="b.erp_id",
                    shard="replace(replace(t.shard, b.old_public_id, b.public_id), b.old_ref, b.ref)",
                    subject="'order:' || b.public_id",
                    reference="replace(t.reference, b.old_ref, b.ref)",
                    created_at="b.at",
                    body_at="b.at",
                    due_at="b.at",
                    finished_at="b.at + interval '5 seconds'",
                    trace_id="md5(i.id::text)",
                ),
            ),
            (
                "integrations_outboxbody",
                "INSERT INTO integrations_outboxbody (message_id, created_at, revision, body)"
                " SELECT DISTINCT ON (i.id) i.id, b.at, t.revision, t.body FROM bench_out i"
                " JOIN bench_order b ON b.n = i.n"
                " JOIN integrations_outboxbody t ON t.message_id = i.old_id WHERE i.n > %(rich)s",
            ),
            (
                "integrations_attempt",
                "INSERT INTO integrations_attempt (message_id, direction, number, fence, started_at, finished_at,"
                " result, code, detail, evidence) SELECT i.id, 'o', t.number, i.id, b.at, b.at + interval '1 second',"
                " t.result, t.code, t.detail, t.evidence FROM bench_out i JOIN bench_order b ON b.n = i.n"
                " JOIN integrations_attempt t ON t.message_id = i.old_id AND t.direction = 'o'",
            ),
            (
                "integrations_externalreference",
                copy_of(
                    "integrations.ExternalReference",
                    "FROM bench_order b"
                    " JOIN integrations_externalreference t ON t.subject = 'order:' || b.old_public_id",
                    connection_id="b.erp_id",
                    subject="'order:' || b.public_id",
                    reference="replace(t.reference, b.old_ref, b.ref)",
                    external_id="CASE WHEN t.external_id = '' THEN '' ELSE 'X' || b.ref || '-' || t.ordinal END",
                    number="CASE WHEN t.number = '' THEN '' ELSE 'SO' || b.ref || '-' || t.ordinal END",
                    confirmed_at="CASE WHEN t.confirmed_at IS NULL THEN NULL ELSE b.at END",
                ),
            ),
        ),
    ),
    (
        "cases",
        (
            (
                "reconciliation_cause",
                "INSERT INTO reconciliation_cause (public_id, fingerprint, code, key, connection_id, first_seen_at)"
                " SELECT 'cause_' || left(md5('k' || n), 24), sha256(('k' || n)::bytea), code, key,"
                " (SELECT min(id) FROM integrations_connection) + n %% 9, now() - interval '300 days' FROM bench_cause",
            ),
            (
                "reconciliation_case",
                copy_of(
                    "reconciliation.Case",
                    "FROM (SELECT i, i > %(total)s - %(cases)s AS is_open, CASE WHEN i > %(total)s - %(cases)s"  # noqa: S608 - constants of ours
                    f" THEN floor({OPEN_CAUSES} * power(random(), 2)) ELSE (i %% {CAUSES}) * 7 %% {CAUSES} END AS n,"
                    " greatest(1, (i::bigint * %(orders)s / %(total)s)::int) AS order_n"
                    " FROM generate_series(1, %(total)s) AS i) e"
                    " JOIN bench_cause c ON c.n = e.n JOIN bench_order b ON b.n = e.order_n"
                    " JOIN reconciliation_cause cause ON cause.fingerprint = sha256(('k' || e.n)::bytea)"
                    " JOIN reconciliation_case t ON t.id = c.template_id",
                    public_id="'case_' || left(md5('s' || e.i), 24)",
                    cause_id="cause.id",
                    code="c.code",
                    sentence="c.sentence",
                    subject="'order:' || b.public_id",
                    store_id="b.store_id",
                    state="CASE WHEN e.is_open THEN 'open' WHEN e.i %% 50 = 0 THEN 'ignored' ELSE 'closed' END",
                    owner_side="c.side",
                    currency="'EUR'",
                    money_at_risk="(e.i * 37 %% 100000) / 100.0",
                    opened_at="b.at",
                    last_seen_at="b.at",
                    closed_at="CASE WHEN e.is_open OR e.i %% 50 = 0 THEN NULL ELSE b.at + interval '1 day' END",
                    closed_because="CASE WHEN e.is_open THEN '' ELSE 'The order was posted.' END",
                ),
            ),
            (
                "reconciliation_caseevent",
                "INSERT INTO reconciliation_caseevent (case_id, at, what, actor, note)"
                " SELECT id, CASE what WHEN 'closed' THEN closed_at ELSE opened_at END, what, 'RetailHub', ''"
                " FROM reconciliation_case, unnest(ARRAY['opened', 'closed']) AS what"
                " WHERE what = 'opened' OR closed_at IS NOT NULL",
            ),
            (
                "reconciliation_casework",
                "INSERT INTO reconciliation_casework (case_id, owner_id, tags, changed_at)"  # noqa: S608 - constants of ours
                f" SELECT id, ({WORK})[1 + id %% 20], ARRAY['seen'], now() FROM reconciliation_case"
                " WHERE state = 'open' AND id %% 20 = 0",
            ),
            (
                "reconciliation_causework",
                "INSERT INTO reconciliation_causework (cause_id, owner_id, tags, snoozed_until, changed_at)"  # noqa: S608 - constants of ours
                f" SELECT id, ({WORK})[1 + id %% 20], ARRAY['supplier'],"
                " CASE WHEN id %% 7 = 0 THEN now() + interval '1 day' END, now()"
                " FROM reconciliation_cause WHERE id %% 3 = 0",
            ),
            (
                "reconciliation_causeevent",
                "INSERT INTO reconciliation_causeevent (cause_id, at, what, actor, note)"
                " SELECT id, now(), 'noted', 'olga', 'asked the supplier' FROM reconciliation_cause",
            ),
            ("reconciliation_causedelta", "DELETE FROM reconciliation_causedelta"),
            (
                "reconciliation_causedelta",  # as the trigger on cases would have noted them
                "INSERT INTO reconciliation_causedelta (cause_id, currency, cases, money, seen_at)"
                " SELECT cause_id, currency, count(*), coalesce(sum(money_at_risk), 0), max(last_seen_at)"
                " FROM reconciliation_case WHERE state = 'open' GROUP BY cause_id, currency",
            ),
        ),
    ),
    (
        "replays",
        (
            (
                "reconciliation_replayrun",
                "INSERT INTO reconciliation_replayrun (public_id, author_name, reason, source, title, state,"
                " changes_money, approval_needed, approver_name, approval_reason, item_count, message_count, money,"
                ' "left", planned_at, started_at, ended_at, why)'
                " SELECT 'rpl_' || left(md5('r' || n), 24), 'olga', 'mapped', 'cause:' || c.public_id, 'Unknown SKU',"
                " CASE WHEN n %% 10 = 0 THEN 'stopped' WHEN n %% 17 = 0 THEN 'planned' ELSE 'done' END, false, false,"
                " '', '', 50, 0, '{}', '{}', now() - n * interval '1 hour', now() - n * interval '1 hour',"
                " now() - n * interval '1 hour', ''"
                " FROM generate_series(1, greatest(%(orders)s / 500, 60)) AS n JOIN reconciliation_cause c"
                " ON c.fingerprint = sha256(('k' || n %% 300)::bytea)",
            ),
            (
                "reconciliation_replayitem",
                "INSERT INTO reconciliation_replayitem (run_id, position, subject, currency, amount, case_ids, others,"
                " edit, state, stage, result, effect, finished_at)"
                " SELECT r.id, p, 'order:' || b.public_id, 'EUR', 19.9, '{}', '{}', '',"
                " CASE WHEN r.state = 'planned' THEN 'planned' ELSE 'done' END, '', '', '', now()"
                " FROM (SELECT *, row_number() OVER (ORDER BY id) AS number FROM reconciliation_replayrun) r,"
                " generate_series(1, least(CASE WHEN r.number = 1 THEN 5000 ELSE 50 END, %(orders)s - 1)) AS p"
                " JOIN bench_order b ON b.n = 1 + p %% %(orders)s",
            ),
        ),
    ),
    (
        "audit, mappings, notices, figures",
        (
            (
                "core_auditentry",
                copy_of(
                    "core.AuditEntry",
                    "FROM (SELECT * FROM core_auditentry ORDER BY id LIMIT 1) t,"
                    " generate_series(1, greatest(%(orders)s / 3, 60)) AS number JOIN bench_order b ON b.n = number",
                    at="b.at",
                    actor_name="'person-' || b.n %% 40",
                    action="(ARRAY['replay','map_sku','ignore_case','log_in','see_personal_data'])[1 + b.n %% 5]",
                    subject="'order:' || b.public_id",
                    sealed_seq="1000000 + b.n",
                    sealed_at="b.at",
                    seal_version="1",
                    seal_key="'k1'",
                    seal_previous="sha256((b.n - 1)::text::bytea)",
                    seal_hash="sha256(b.n::text::bytea)",
                    seal_mac="sha256(b.n::text::bytea)",
                ),
            ),
            (
                "inventory_skumapping",
                "INSERT INTO inventory_skumapping (connection_id, sku, item_code, source, active, changed_at)"
                " SELECT c.id, 'BENCH-' || n, 'ITEM-' || n, 'catalogue', true, now()"
                " FROM integrations_connection c,"
                " generate_series(1, greatest(%(orders)s / 100, 60)) AS n WHERE c.kind <> 'woocommerce'",
            ),
            (
                "console_noticerule",
                copy_of(
                    "console.NoticeRule", "FROM console_noticerule t, generate_series(1, 30) AS n", name="'n' || n"
                ),
            ),
            (
                "console_notice",
                "INSERT INTO console_notice (public_id, rule_id, what, headline, content, made_at, status, due_at,"
                " attempts, claims, code, detail, finished_at)"
                " SELECT 'ntc_' || left(md5('t' || n), 24), (SELECT min(id) FROM console_noticerule) + n %% 30,"
                " 'change', 'A cause has opened', jsonb_build_object('headline', 'A cause has opened', 'urgent', false,"
                " 'lines', '[]'::jsonb, 'more', 0, 'open', 1), now(), 'sent', now(), 0, 1, '', '', now()"
                " FROM generate_series(1, greatest(%(orders)s / 20, 60)) AS n",
            ),
            (
                "console_figuresample",
                "INSERT INTO console_figuresample (figure, part, seconds, at, value, highest)"
                " SELECT figure, part, 300, date_bin('5 minutes', now(), '2000-01-01') - n * interval '5 minutes',"
                " n %% 7, n %% 7"
                " FROM unnest(%(figures)s) AS figure, unnest(ARRAY['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) AS part,"
                " generate_series(1, least(576, %(orders)s)) AS n"
                " UNION ALL SELECT figure, part, 3600, date_trunc('hour', now()) - n * interval '1 hour',"
                " n %% 7, n %% 7"
                " FROM unnest(%(figures)s) AS figure, unnest(ARRAY['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) AS part,"
                " generate_series(49, least(2160, %(orders)s)) AS n",
            ),
            (
                "integrations_connectiontest",
                "INSERT INTO integrations_connectiontest (connection_id, state, asked_by, asked_at, tries, calls,"
                " checks, why) SELECT c.id, 'done', 'olga', now(), 1, 9, '[]', '' FROM integrations_connection c,"
                " generate_series(1, least(300, %(orders)s))",
            ),
        ),
    ),
    (
        "what waits",
        (
            (
                "integrations_inboxmessage",
                "UPDATE integrations_inboxmessage SET status = 'pending', outcome = '', finished_at = NULL"
                " WHERE id IN (SELECT id FROM bench_in ORDER BY id DESC LIMIT 2000)",
            ),
            (
                "integrations_outboxmessage",
                "UPDATE integrations_outboxmessage SET status = 'pending', outcome = '', finished_at = NULL"
                " WHERE id IN (SELECT id FROM bench_out ORDER BY id DESC LIMIT 2000)",
            ),
        ),
    ),
)
