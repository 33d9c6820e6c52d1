"""The tables of a store's SQLite file. Times are Unix seconds, ``doc`` is JSON, money is text."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_created ON orders (created, id, status);
CREATE INDEX IF NOT EXISTS orders_modified ON orders (modified, id, status);
CREATE INDEX IF NOT EXISTS orders_walk ON orders (id, status);
CREATE INDEX IF NOT EXISTS orders_status ON orders (status);
CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer_id) WHERE customer_id != 0;
CREATE TABLE IF NOT EXISTS order_product (
    product_id INTEGER NOT NULL, order_id INTEGER NOT NULL, PRIMARY KEY (product_id, order_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placed (
    id INTEGER PRIMARY KEY,
    way TEXT NOT NULL,
    at INTEGER NOT NULL,
    currency TEXT NOT NULL,
    total TEXT NOT NULL,
    status TEXT NOT NULL,
    refunded TEXT NOT NULL DEFAULT '0',
    life TEXT NOT NULL DEFAULT '',
    expect TEXT NOT NULL DEFAULT '',
    planted TEXT,
    steps BLOB
);
CREATE INDEX IF NOT EXISTS placed_alive ON placed (id) WHERE steps IS NOT NULL;
CREATE TABLE IF NOT EXISTS refund (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, created INTEGER NOT NULL, doc BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS refund_order ON refund (order_id);
CREATE TABLE IF NOT EXISTS note (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, created INTEGER NOT NULL, doc BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS note_order ON note (order_id);
CREATE TABLE IF NOT EXISTS product (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    parent_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    sku_key TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS product_sku ON product (sku_key) WHERE sku_key != '';
CREATE INDEX IF NOT EXISTS product_parent ON product (parent_id);
CREATE TABLE IF NOT EXISTS customer (
    id INTEGER PRIMARY KEY,
    email_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER,
    doc BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS thing (
    kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    key TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    doc BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    topic TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    modified INTEGER
);
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id INTEGER NOT NULL,
    arg INTEGER NOT NULL,
    running INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS job_pending ON job (webhook_id, arg) WHERE running = 0;
CREATE TABLE IF NOT EXISTS late (
    id INTEGER PRIMARY KEY, due REAL NOT NULL, webhook_id INTEGER NOT NULL, arg INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id INTEGER NOT NULL,
    topic TEXT NOT NULL,
    arg INTEGER NOT NULL,
    at REAL NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    delivery_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    seconds REAL NOT NULL
);
"""
