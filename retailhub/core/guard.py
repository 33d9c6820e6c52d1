"""No call to another system while a transaction is open."""

from __future__ import annotations

from django.db import connections


class CallInsideTransaction(RuntimeError):
    """A programming error: an outside call would hold row locks for as long as somebody else's server likes."""


def assert_no_transaction() -> None:
    """Raise `CallInsideTransaction` when any database connection of this thread is inside a transaction."""
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise CallInsideTransaction("a call to another system was made while a transaction is open")
