"""What an answer of a store says, and whether it is the store's own word of now."""

from __future__ import annotations

import datetime as dt
import email.utils
import itertools
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from integrations.connectors.answers import Answer, Effect, in_doubt
from integrations.connectors.woocommerce import schemas
from integrations.ports.errors import ConnectorError, Misconfigured, Rejected, Transient

T = TypeVar("T")

STALE_SECONDS = 10
"""Older answers of a cache are not taken for the present state of an order."""
PAGE = 100
"""Entries of a page of a list that is read whole."""
_CACHE_HEADERS = ("x-cache", "cf-cache-status", "x-litespeed-cache", "x-proxy-cache")


def read(answer: Answer, decode: Callable[[bytes], T]) -> T:
    """What a 2xx answer says. A text that is no JSON is worth another try: a plugin printed into it.

    After a write that text leaves open what happened: ``Unknown(answer_not_json)``.
    """
    try:
        return decode(answer.body)
    except msgspec.ValidationError as error:
        raise _unexpected(answer, str(error)) from error
    except RecursionError as error:
        raise _too_deep(answer) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise in_doubt(
            answer.effect,
            f"{answer.host} answered with something that is not JSON; a plugin printed into the answer.",
            code="answer_not_json",
            evidence=answer.evidence() | {"problem": str(error)[:200]},
        ) from error


def _too_deep(answer: Answer) -> ConnectorError:
    detail = f"{answer.host} answered with something nested deeper than any order is."
    if answer.effect is Effect.WRITE:
        return in_doubt(answer.effect, detail, code="bad_answer", evidence=answer.evidence())
    return Rejected(detail, code="answer_too_deep", evidence=answer.evidence())


def _unexpected(answer: Answer, problem: str) -> ConnectorError:
    evidence = answer.evidence() | {"problem": problem[:200]}
    detail = f"{answer.host} answered in a form we do not know."
    if answer.effect is Effect.WRITE:
        return in_doubt(answer.effect, detail, code="bad_answer", evidence=evidence)
    return Rejected(detail, code="answer_unexpected", evidence=evidence)


def items(answer: Answer) -> list[bytes]:
    """The entries of a list answer, each as the bytes that the store sent."""
    return [bytes(raw) for raw in read(answer, schemas.RAW_LIST.decode)]


def all_pages(ask: Callable[[int], Answer], decode: Callable[[bytes], list[T]], ref: Callable[[T], object]) -> list[T]:
    """A whole list, `PAGE` a page, each entry once by its ``ref``; what ``ask`` takes is the page's number.

    Raises ``Transient(page_ignored)`` for a full page that holds nothing new: something answers each page alike.
    """
    found: dict[object, T] = {}
    for page in itertools.count(1):
        answer = ask(page)
        part = read(answer, decode)
        known = len(found)
        for each in part:
            found.setdefault(ref(each), each)
        if len(part) < PAGE:
            break
        if len(found) == known:
            raise page_ignored(answer, page)
    return list(found.values())


def page_ignored(answer: Answer, page: int) -> Transient:
    """A full page that holds nothing but what the pages before it showed: read on, there would be no end."""
    return Transient(
        f"{answer.host} answers page {page} of a list with what it had shown before; a cache may ignore the number"
        " of the page.",
        code="page_ignored",
        evidence={"page": str(page)} | cache_headers(answer.headers) | answer.evidence(),
    )


def total(answer: Answer) -> int:
    """How many entries the whole list has. The ``Link`` header is never used: it repeats signed parameters."""
    text = answer.headers.get("X-WP-Total", "")
    if not (text.isascii() and text.isdigit()):
        raise Misconfigured(
            f"The answers of {answer.host} lack the header X-WP-Total, without which lists cannot be walked.",
            code="paging_header_missing",
            evidence={"field": "base_url", "header": text[:64]},
        )
    return int(text[:18])


def refuse_stale(answer: Answer, *, now: dt.datetime) -> Answer:
    """The answer, unless a cache kept it for more than `STALE_SECONDS`: then ``Transient(answer_from_cache)``."""
    kept = cache_age(answer.headers, now=now)
    if kept is None or kept <= STALE_SECONDS:
        return answer
    raise Transient(
        f"A cache in front of {answer.host} answered with an old copy; orders cannot be read through it.",
        code="answer_from_cache",
        evidence={"age_seconds": str(int(kept))} | cache_headers(answer.headers) | answer.evidence(),
    )


def cache_age(headers: Mapping[str, str], *, now: dt.datetime) -> float | None:
    """Seconds for which a cache kept this answer; ``None`` when none says that it did.

    A hit without ``Age`` is as old as its ``Date``.
    """
    age = headers.get("Age", "").strip()
    if age.isascii() and age.isdigit() and int(age[:12]) > 0:
        return float(age[:12])
    if not any("hit" in value.lower() for value in cache_headers(headers).values()):
        return None
    made = date_of(headers)
    return max((now - made).total_seconds(), 0.0) if made is not None else 0.0


def cache_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those headers by which caches tell of themselves, names in lower case."""
    told = {name.lower(): value[:64] for name, value in headers.items()}
    return {name: told[name] for name in (*_CACHE_HEADERS, "age") if name in told}


def date_of(headers: Mapping[str, str]) -> dt.datetime | None:
    """The ``Date`` of an answer in UTC; ``None`` without a readable one."""
    try:
        told = email.utils.parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return told.replace(tzinfo=dt.UTC) if told.tzinfo is None else told.astimezone(dt.UTC)
