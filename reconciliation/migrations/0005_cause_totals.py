"""Totals of open cases: a trigger that notes every change, and a view of what is true now."""

from django.db import migrations

# One row for each cause and currency that a statement changed; nothing for one that changed none of them.
TRIGGERS = """
CREATE FUNCTION rh_note_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO reconciliation_causedelta (cause_id, currency, cases, money, seen_at)
        SELECT cause_id, currency, count(*), coalesce(sum(money_at_risk), 0), max(last_seen_at)
        FROM added WHERE state = 'open' GROUP BY cause_id, currency;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO reconciliation_causedelta (cause_id, currency, cases, money)
        SELECT cause_id, currency, -count(*), -coalesce(sum(money_at_risk), 0)
        FROM gone WHERE state = 'open' GROUP BY cause_id, currency;
    ELSE
        INSERT INTO reconciliation_causedelta (cause_id, currency, cases, money, seen_at)
        SELECT cause_id, currency, sum(cases), sum(money), max(seen_at) FROM (
            SELECT cause_id, currency, 1 AS cases, coalesce(money_at_risk, 0) AS money,
                   last_seen_at AS seen_at, NULL::timestamptz AS seen_before
            FROM added WHERE state = 'open'
            UNION ALL
            SELECT cause_id, currency, -1, -coalesce(money_at_risk, 0), NULL, last_seen_at
            FROM gone WHERE state = 'open'
        ) AS changed
        GROUP BY cause_id, currency
        HAVING sum(cases) <> 0 OR sum(money) <> 0 OR max(seen_at) > max(seen_before);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER case_opened AFTER INSERT ON reconciliation_case
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rh_note_cases();
CREATE TRIGGER case_changed AFTER UPDATE ON reconciliation_case
    REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rh_note_cases();
CREATE TRIGGER case_removed AFTER DELETE ON reconciliation_case
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION rh_note_cases();
"""
NO_TRIGGERS = """
DROP TRIGGER case_opened ON reconciliation_case;
DROP TRIGGER case_changed ON reconciliation_case;
DROP TRIGGER case_removed ON reconciliation_case;
DROP FUNCTION rh_note_cases();
"""
# What was open before is noted as if it opened now. The trigger's lock keeps writers out until all is committed.
BEFORE = """
INSERT INTO reconciliation_causedelta (cause_id, currency, cases, money, seen_at)
SELECT cause_id, currency, count(*), coalesce(sum(money_at_risk), 0), max(last_seen_at)
FROM reconciliation_case WHERE state = 'open' GROUP BY cause_id, currency;
"""
WEIGHT = """
CREATE FUNCTION rh_risk(amount numeric, currency text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
                                  'VND', 'VUV', 'XAF', 'XOF', 'XPF')
                THEN amount / 100 ELSE amount END
$$;
"""
# Causes that changed since they were folded are summed and looked at anew; all others are read as they were folded.
VIEW = """
CREATE VIEW reconciliation_causenow AS
SELECT cause_id, code, connection_id, cases, risk, seen_at, oldest_at FROM reconciliation_causesum AS folded
WHERE NOT EXISTS (SELECT FROM reconciliation_causedelta AS delta WHERE delta.cause_id = folded.cause_id)
UNION ALL
SELECT cause.id, cause.code, cause.connection_id, parts.cases, parts.risk, parts.seen_at,
       (SELECT min(opened_at) FROM reconciliation_case AS each WHERE each.cause_id = cause.id AND each.state = 'open')
FROM (
    SELECT cause_id, sum(cases)::integer AS cases, sum(rh_risk(money, currency)) AS risk, max(seen_at) AS seen_at
    FROM (
        SELECT cause_id, currency, cases, money, seen_at FROM reconciliation_causemoney
        WHERE cause_id IN (SELECT cause_id FROM reconciliation_causedelta)
        UNION ALL
        SELECT cause_id, currency, cases, money, seen_at FROM reconciliation_causedelta
    ) AS every GROUP BY cause_id HAVING sum(cases) > 0
) AS parts JOIN reconciliation_cause AS cause ON cause.id = parts.cause_id;
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0004_case_indexes")]
    operations = [
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunSQL(BEFORE, "DELETE FROM reconciliation_causedelta"),
        migrations.RunSQL(WEIGHT, "DROP FUNCTION rh_risk(numeric, text)"),
        migrations.RunSQL(VIEW, "DROP VIEW reconciliation_causenow"),
    ]
