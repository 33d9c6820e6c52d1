"""Structured logs: one JSON object a line, with the trace id that follows a delivery to its ERP call.

Log values are ids, codes, counts and durations. Bodies, credentials and personal data are never logged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


BOUND = ("trace_id", "trace_ids")


@contextlib.contextmanager
def about(trace_ids: Iterable[str]) -> Iterator[None]:
    """Every log line in here names the messages that are in hand: ``trace_id`` of one, ``trace_ids`` of several.

    Inside another of these, what is in hand there is named again afterwards.
    """
    ids = list(dict.fromkeys(trace_ids))
    outer = structlog.contextvars.get_contextvars()
    structlog.contextvars.unbind_contextvars(*BOUND)
    structlog.contextvars.bind_contextvars(**({"trace_id": ids[0]} if len(ids) == 1 else {"trace_ids": ids}))
    try:
        yield
    finally:
        structlog.contextvars.unbind_contextvars(*BOUND)
        structlog.contextvars.bind_contextvars(**{name: outer[name] for name in BOUND if name in outer})


def logging_config(*, level: str, form: str) -> dict[str, Any]:
    """The ``logging`` dictionary. ``form`` is ``json`` (one object a line) or ``console`` (for people)."""
    renderer: Any = structlog.dev.ConsoleRenderer() if form == "console" else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": [*SHARED, structlog.processors.format_exc_info],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            # at DEBUG it writes whole addresses, which may be secrets
            "urllib3": {"level": "INFO"},
        },
    }
