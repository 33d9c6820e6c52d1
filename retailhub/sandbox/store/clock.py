"""The store's time: Unix seconds inside, naive site time and naive GMT outside."""

from __future__ import annotations

import datetime as dt
import threading
import time
from functools import lru_cache
from zoneinfo import ZoneInfo

from retailhub.sandbox.store.errors import BadParam


class Clock:
    """Runs with the machine's, ``offset`` seconds apart."""

    def __init__(self, time_zone: str) -> None:
        self.zone = ZoneInfo(time_zone)
        self.offset = 0.0
        self._thread = threading.local()

    def exact(self) -> float:
        """Now, with its fraction."""
        return time.time() + self.offset

    def now(self) -> int:
        """Now in Unix seconds, or the moment that ``pretend`` set for this thread."""
        told: int | None = getattr(self._thread, "moment", None)
        return int(self.exact()) if told is None else told

    def pretend(self, moment: int | None) -> None:
        """What this thread does from now on happened then; ``None`` ends it."""
        self._thread.moment = moment

    def local(self, moment: int | None) -> str | None:
        """As ``date_created`` and its like show it."""
        return None if moment is None else _shown(moment, self.zone)

    def gmt(self, moment: int | None) -> str | None:
        return None if moment is None else _shown(moment, dt.UTC)

    def read_filter(self, text: str, *, gmt: bool) -> int | float:
        """A filter's date as Unix seconds. Raises `BadParam`.

        As recorded: naive ones are the site's time unless ``gmt``; a zone in the text is honoured, but with
        ``gmt`` the moment is shifted by the site's offset once too often.
        """
        try:
            at = dt.datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is None or "T" not in text.upper():
            raise BadParam("Invalid date.", "rest_invalid_date")
        if not gmt:
            return (at if at.tzinfo else at.replace(tzinfo=self.zone)).timestamp()
        local = at.astimezone(self.zone) if at.tzinfo else at
        return local.replace(tzinfo=dt.UTC).timestamp()


@lru_cache(maxsize=4096)
def _shown(moment: int, zone: dt.tzinfo) -> str:
    return dt.datetime.fromtimestamp(moment, zone).isoformat()[:19]
