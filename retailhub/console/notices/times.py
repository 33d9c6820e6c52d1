"""Local times of a rule: quiet hours and digests, on days with summer time too. Plain Python."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


def zone_named(name: str) -> ZoneInfo:
    """A time zone such as ``Europe/Berlin``. Raises ``ValueError`` for anything else."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone, such as Europe/Berlin.") from error


def moment_of(date: dt.date, at: dt.time, zone: ZoneInfo, *, last: bool = False) -> dt.datetime:
    """When it is ``at`` on ``date``, in UTC.

    A time that comes twice is the first, or the ``last``; one that is left out is the moment at which it was.
    """
    wall = dt.datetime.combine(date, at)
    found = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    there = [moment for moment in found if moment.astimezone(zone).replace(tzinfo=None) == wall]
    if there:
        return there[-1 if last else 0]
    moment = found[0].replace(second=0, microsecond=0)
    while moment.astimezone(zone).replace(tzinfo=None) < wall:
        moment += MINUTE
    return moment


def is_quiet(now: dt.datetime, *, begins: dt.time | None, ends: dt.time | None, zone: ZoneInfo) -> bool:
    """Whether ``now`` is in quiet hours, which may go over midnight; an hour that comes twice is quiet as a whole."""
    if begins is None or ends is None:
        return False
    today = now.astimezone(zone).date()
    over_night = DAY if ends <= begins else dt.timedelta(0)
    return any(
        moment_of(date, begins, zone) <= now < moment_of(date + over_night, ends, zone, last=True)
        for date in (today - DAY, today)
    )


def digest_date(now: dt.datetime, *, at: dt.time, zone: ZoneInfo) -> dt.date:
    """The local date of the newest digest that has come due: one a date, however late it is made."""
    today = now.astimezone(zone).date()
    return today if moment_of(today, at, zone) <= now else today - DAY
