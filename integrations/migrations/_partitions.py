"""SQL of the partitioned tables, of the fence sequence and of the function that makes partitions ahead."""

PARTITIONED = ("integrations_inboxbody", "integrations_outboxbody", "integrations_attempt", "integrations_exchange")

TABLES = """
CREATE SEQUENCE integrations_fence;

CREATE TABLE integrations_inboxbody (
    message_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (message_id, received_at)
) PARTITION BY RANGE (received_at);

CREATE TABLE integrations_outboxbody (
    message_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    revision integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (message_id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE integrations_attempt (
    message_id bigint NOT NULL,
    direction char(1) NOT NULL CHECK (direction IN ('i', 'o')),
    number integer NOT NULL,
    fence bigint NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    result varchar(20) NOT NULL,
    code varchar(60) NOT NULL DEFAULT '',
    detail text NOT NULL DEFAULT '',
    evidence jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (message_id, direction, number, started_at)
) PARTITION BY RANGE (started_at);

CREATE TABLE integrations_exchange (
    id bigint GENERATED ALWAYS AS IDENTITY,
    started_at timestamptz NOT NULL,
    connection_id bigint NOT NULL,
    fence bigint NOT NULL,
    method varchar(10) NOT NULL,
    url text NOT NULL,
    status integer,
    seconds double precision NOT NULL,
    sent bytea NOT NULL,
    received bytea NOT NULL,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (id, started_at)
) PARTITION BY RANGE (started_at);
-- the calls that belong to an attempt
CREATE INDEX integrations_exchange_fence ON integrations_exchange (fence);

-- bodies are JSON of a few KB and read rarely: compress them, and keep them out of the main heap's pages
ALTER TABLE integrations_inboxbody ALTER COLUMN body SET STORAGE EXTENDED;

-- queues change all the time: the planner must not work with yesterday's numbers
ALTER TABLE integrations_inboxmessage SET
    (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02, fillfactor = 80);
ALTER TABLE integrations_outboxmessage SET
    (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02, fillfactor = 80);

CREATE FUNCTION rh_make_partitions(first_month date, months integer) RETURNS integer LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    parent text;
    month date;
    made integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['integrations_inboxbody', 'integrations_outboxbody', 'integrations_attempt',
                                  'integrations_exchange'] LOOP
        FOR i IN 0 .. months - 1 LOOP
            month := (date_trunc('month', first_month) + make_interval(months => i))::date;
            CONTINUE WHEN to_regclass(format('%s_p%s', parent, to_char(month, 'YYYYMM'))) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           format('%s_p%s', parent, to_char(month, 'YYYYMM')), parent,
                           month::timestamptz, (month + interval '1 month')::date::timestamptz);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION rh_drop_partitions(before_month date) RETURNS text[] LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    child record;
    dropped text[] := '{}';
BEGIN
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relname IN ('integrations_inboxbody', 'integrations_outboxbody', 'integrations_attempt',
                            'integrations_exchange')
          AND c.relname ~ '_p[0-9]{6}$' AND to_date(right(c.relname, 6), 'YYYYMM') < date_trunc('month', before_month)
    LOOP
        EXECUTE format('DROP TABLE %I', child.relname);
        dropped := dropped || child.relname::text;
    END LOOP;
    RETURN dropped;
END $$;

SELECT rh_make_partitions((current_date - interval '1 month')::date, 6);
"""

UNDO = """
DROP FUNCTION rh_drop_partitions(date);
DROP FUNCTION rh_make_partitions(date, integer);
DROP TABLE integrations_exchange, integrations_attempt, integrations_outboxbody, integrations_inboxbody;
DROP SEQUENCE integrations_fence;
"""
