"""Time comes from the database, through one SQL function that tests may shift.

``SELECT rh_now()`` is the wall clock plus the session setting ``retailhub.clock_offset`` (an interval). In SQL
write ``(SELECT rh_now())`` so that it is computed once and an index can be used.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection


def now() -> dt.datetime:
    """The database's present moment, aware, in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rh_now()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment.astimezone(dt.UTC)


def after(seconds: float) -> dt.datetime:
    """The database's present moment and so many seconds."""
    return now() + dt.timedelta(seconds=seconds)
