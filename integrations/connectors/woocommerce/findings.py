"""The lines of a connection test: facts in, one `Check` out, with the fix for whoever runs the shop. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from integrations.connectors.woocommerce import certificates, reading, schemas
from integrations.connectors.woocommerce.config import Settings
from integrations.connectors.woocommerce.shop import StoreReport
from integrations.ports.capabilities import Check, Health
from integrations.ports.errors import ConnectorError
from integrations.ports.stores import HookStatus, Webhook

OLDEST = (8, 0)
NEWEST = 11
"""What is asked of lists by date is there since before 8.0; recorded is 11.0.1."""
CLOCK_LIMIT = dt.timedelta(seconds=60)
CLOCK_REFUSED = dt.timedelta(minutes=14)
"""Over http a store refuses signatures whose time is 15 minutes off."""
SLOW_SECONDS = 5.0
TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored", "action.woocommerce_delete_order")
"""What our webhooks tell of; the last is the only word about an order that is deleted for good."""
_NO_DECIMALS = frozenset({"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "XAF"})
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})

NAMES = {
    "certificate_refused": "certificate",
    "redirected": "address",
    "wrong_address": "address",
    "woocommerce_not_there": "address",
    "private_address": "address",
    "credentials_rejected": "credentials",
    "key_not_seen": "credentials",
    "key_lacks_rights": "rights",
    "blocked_before_store": "firewall",
    "login_page": "login page",
    "html_answer": "answers",
    "answer_not_json": "answers",
    "answer_unexpected": "answers",
    "rate_limited": "maintenance",
}
"""Which line a failure stands in; the others are about reaching the store."""

FIXES = {
    "unreachable": "Check that the address is right and that the store lets our servers in.",
    "private_address": "Use the store's public address, or allow private addresses for this connection.",
    "timed_out": "Ask the shop's host why the store is slow; one read should take well under a second.",
    "connection_lost": "Ask the shop's host what breaks connections before they are answered.",
    "wrong_address": "Use the home address of the store, and permalinks other than “Plain” in WordPress.",
    "woocommerce_not_there": "Activate WooCommerce on that site, or correct the address.",
    "redirected": "Set base_url to the address that the store sends us to.",
    "credentials_rejected": "Make a new REST API key with read and write access and enter it here; over http "
    "base_url must equal the store's home address.",
    "key_lacks_rights": "Give the key read and write access in the store's REST API settings.",
    "key_not_seen": "Over https the web server must pass the Authorization header on to PHP.",
    "blocked_before_store": "Let our servers pass the firewall or security plugin in front of the store.",
    "login_page": "Take the REST API out of the maintenance or membership plugin that asks for a login.",
    "html_answer": "Look for a maintenance or cache plugin that answers REST calls with a page.",
    "answer_not_json": "Switch off the display of PHP warnings (WP_DEBUG_DISPLAY) or the plugin that prints.",
    "answer_unexpected": "Look for a plugin that changes what the REST API answers.",
    "server_error": "Look into the store's error log: PHP, its database or a plugin failed.",
    "rate_limited": "The store is under maintenance or limits calls; test again later.",
}


def failure(error: ConnectorError) -> Check:
    """What is in the way, under the name of what it is about."""
    fix = FIXES.get(error.code, "")
    if error.code == certificates.REFUSED:
        fix = certificates.FIXES[error.evidence["reason"]]
    if error.code == "redirected" and error.evidence.get("location"):
        fix = f"{fix.rstrip('.')}: {error.evidence['location']}."
    return Check(NAMES.get(error.code, "reachability"), Health.FAILED, error.detail, fix)


def skipped(name: str, error: ConnectorError) -> Check:
    """A line that could not be looked at."""
    return Check(name, Health.SKIPPED, f"Could not be looked at: {error.detail}", FIXES.get(error.code, ""))


def plain_permalinks() -> Check:
    return Check(
        "permalinks",
        Health.FAILED,
        "WordPress answers only under ?rest_route=, because its permalinks are “Plain”.",
        "In WordPress under Settings → Permalinks choose anything but “Plain”.",
    )


def reachability(seconds: float) -> Check:
    if seconds > SLOW_SECONDS:
        return Check("reachability", Health.FAILED, f"The store took {seconds:.1f} s for one id.", FIXES["timed_out"])
    return Check("reachability", Health.OK, f"The store answered in {seconds:.1f} s.")


def encryption(base_url: str) -> Check:
    if base_url.startswith("https://"):
        return Check("certificate", Health.OK, "The store's certificate is valid.")
    return Check(
        "certificate",
        Health.SKIPPED,
        "The store is called over http: calls are signed, but anybody on the way can read the customers' data.",
        "Give the store a certificate and set base_url to its https address.",
    )


def rights(allowed: str) -> Check:
    """``allowed`` is the ``Allow`` header of the list of orders: what the key's user may do; it may be missing."""
    if allowed and "POST" not in {method.strip().upper() for method in allowed.split(",")}:
        return Check(
            "rights",
            Health.FAILED,
            "The key's user may read orders, but not change them.",
            "Make the key for a user with the role shop manager or administrator.",
        )
    return Check("rights", Health.OK, "The key may read and write.")


def clock(headers: Mapping[str, str], *, now: dt.datetime, signed: bool) -> Check:
    """``signed``: whether calls are signed with a time (http)."""
    told = reading.date_of(headers)
    if told is None or reading.cache_age(headers, now=now):
        return Check("clock", Health.SKIPPED, "The store's answer does not say what time it is there.")
    apart = told - now
    if abs(apart) <= CLOCK_LIMIT:
        return Check("clock", Health.OK, "The store's clock agrees with ours.")
    words = f"The store's clock is {_length(abs(apart))} {'ahead of' if apart > dt.timedelta(0) else 'behind'} ours."
    if signed and abs(apart) > CLOCK_REFUSED:
        words += " Over http it refuses every call for that."
    return Check("clock", Health.FAILED, words, "Set both servers' clocks by NTP; then test again.")


def time_zone(report: StoreReport, newest: schemas.NewestOrder | None, *, there: dt.datetime | None) -> Check:
    """``there`` is the store's own time of its answer."""
    if report.php_time_zone not in {"", "UTC"}:
        return Check(
            "time zone",
            Health.FAILED,
            f"PHP in the store runs on {report.php_time_zone}; WordPress needs UTC, or its dates shift.",
            "Find the plugin that calls date_default_timezone_set and switch it off; set the zone in WordPress only.",
        )
    modified = newest.date_modified_gmt if newest else None
    if modified and there and modified.replace(tzinfo=dt.UTC) > there + CLOCK_LIMIT:
        return Check(
            "time zone",
            Health.FAILED,
            "The newest order's GMT time lies in the future, so a plugin writes local times as GMT.",
            "Find the plugin or import that writes order dates; until then changes by time are found late.",
        )
    return Check("time zone", Health.OK, f"Times are asked for in GMT{_offset(newest)}.")


def _offset(newest: schemas.NewestOrder | None) -> str:
    if newest is None or newest.date_created is None or newest.date_created_gmt is None:
        return ""
    ahead = newest.date_created.replace(tzinfo=None) - newest.date_created_gmt.replace(tzinfo=None)
    hours = ahead.total_seconds() / 3600
    return f"; the store's own clock shows {hours:+g} h" if hours else "; the store's own clock shows the same"


def cache(headers: Mapping[str, str], *, now: dt.datetime) -> Check:
    """A cache that keeps REST answers shows orders as they were."""
    age = reading.cache_age(headers, now=now)
    if age is not None:
        return Check(
            "cache",
            Health.FAILED,
            "A cache in front of the store answers REST calls, so that orders may be out of date.",
            "Take /wp-json/ out of the cache.",
        )
    return Check("cache", Health.OK, "The answer did not come from a cache.")


def paging(headers: Mapping[str, str]) -> Check:
    if headers.get("X-WP-Total", "").isdigit():
        return Check("paging", Health.OK, "Lists say how long they are.")
    return Check(
        "paging",
        Health.FAILED,
        "The header X-WP-Total is missing, without which lists of orders cannot be walked.",
        "Let the proxy, firewall or plugin in front of the store pass the X-WP-… headers on.",
    )


def address(report: StoreReport, settings: Settings) -> Check:
    home = report.home_url
    if home and home != settings.base_url:
        return Check(
            "address",
            Health.FAILED,
            f"The store calls itself {home}, but base_url is {settings.base_url}.",
            f"Set base_url to {home}.",
        )
    return Check("address", Health.OK, "The store calls itself by the address that we call.")


def version(report: StoreReport) -> Check:
    numbers = _numbers(report.version)
    if not numbers:
        return Check("version", Health.SKIPPED, "The store does not say which WooCommerce it runs.")
    name = f"WooCommerce {report.version}, WordPress {report.wordpress_version or 'unknown'}"
    if numbers < OLDEST:
        words = f"{name} is too old: it cannot list orders by the time of their last change."
        return Check("version", Health.FAILED, words, "Update WooCommerce; a backup comes first.")
    if numbers[0] > NEWEST:
        words = f"{name} is newer than what this was made with (WooCommerce {NEWEST})."
        return Check("version", Health.OK, words, "Watch the first orders after an update of the store.")
    return Check("version", Health.OK, f"{name}.")


def _numbers(text: str) -> tuple[int, ...]:
    """``11.0.1`` → ``(11, 0)``; empty when it is no version."""
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def language(report: StoreReport) -> Check:
    if report.language.startswith("en") or not report.language:
        return Check("language", Health.OK, "The store answers in English.")
    words = f"The store answers in {report.language}; refusals are told by their codes, not by their words."
    return Check("language", Health.OK, words)


def cron(report: StoreReport) -> Check:
    """Whether a system cron runs instead cannot be seen from outside; late deliveries tell."""
    if report.wp_cron is not False:
        return Check("cron", Health.OK, "WordPress's own cron is on; it runs when somebody visits the shop.")
    return Check(
        "cron",
        Health.SKIPPED,
        "WordPress's own cron is switched off (DISABLE_WP_CRON), and whether the system's cron runs instead "
        "cannot be seen from here; if none does, the store sends no webhooks.",
        "Let the server's cron run wp-cron.php every minute, or take DISABLE_WP_CRON out of wp-config.php.",
    )


def rounding(tax: Mapping[str, str], settings: Settings) -> Check:
    """Whether our setting says how the store rounds taxes."""
    theirs = "subtotal" if tax.get("woocommerce_tax_round_at_subtotal") == "yes" else "line"
    if theirs == settings.rounding:
        return Check("rounding", Health.OK, f"Taxes are rounded per {theirs}, as this connection says.")
    return Check(
        "rounding",
        Health.FAILED,
        f"The store rounds taxes per {theirs}, but this connection says {settings.rounding}; cents would not meet.",
        f"Set rounding to {theirs}.",
    )


def decimals(general: Mapping[str, str]) -> Check:
    """Whether amounts can be read to the smallest unit of the store's currency."""
    currency, text = general.get("woocommerce_currency", ""), general.get("woocommerce_price_num_decimals", "")
    if not text.isdigit():
        return Check("decimals", Health.SKIPPED, "The store does not say how many decimals its prices have.")
    needed = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    if int(text) < needed:
        return Check(
            "decimals",
            Health.FAILED,
            f"The store shows {currency} with {text} decimals, but the currency has {needed}; amounts are rounded.",
            f"Set the number of decimals to {needed} in the store's general settings.",
        )
    return Check("decimals", Health.OK, f"Amounts are in {currency} with {text} decimals.")


def webhooks(found: Sequence[Webhook], *, connection: str, delivery_url: str) -> Check:
    """Ours: all topics, active, to one right address, once each. ``delivery_url`` is empty where nobody told it.

    A whole set of ours at another address is another RetailHub's and does no harm.
    """
    path = f"/webhooks/woocommerce/{connection}/"
    of_us = [hook for hook in found if _leads_to(hook, path) or hook.name.startswith(f"RetailHub ({connection})")]
    where = delivery_url or _likely(of_us, path)
    ours = [hook for hook in of_us if hook.delivery_url == where]
    missing = [topic for topic in TOPICS if topic not in {hook.topic for hook in ours}]
    elsewhere = sorted({hook.delivery_url for hook in of_us if hook.delivery_url != where and hook.topic in missing})
    if elsewhere:
        fix = f"Let them point at {where or 'our address with ' + path}, or remove them."
        return _webhooks_failed(f"Webhooks of ours point elsewhere: {', '.join(elsewhere)}.", fix)
    off = _topics(ours, HookStatus.DISABLED)
    if off:
        words = f"The store switched off its webhooks for {', '.join(off)} after seven failures in a row."
        fix = "Set them active again in the store; what happened meanwhile is read by polling."
        return _webhooks_failed(words, fix)
    paused = _topics(ours, HookStatus.PAUSED)
    if paused:
        return _webhooks_failed(f"Webhooks are paused for {', '.join(paused)}.", "Set them active in the store.")
    topics = [hook.topic for hook in ours]
    twice = sorted({topic for topic in topics if topics.count(topic) > 1})
    if twice:
        words = f"There is more than one webhook of ours for {', '.join(twice)}."
        return _webhooks_failed(words, "Remove all but one of each in the store.")
    if missing:
        words = f"The store has no webhook of ours for {', '.join(missing)}; polling finds their orders later."
        return _webhooks_failed(words, f"Make them in the store, with our secret and {where or path}.")
    return Check("webhooks", Health.OK, f"{len(ours)} webhooks of ours are active.")


def _likely(of_us: Sequence[Webhook], path: str) -> str:
    """The address with exactly our path to which most of them lead, or ``""``.

    Without its slash at the end our address answers by a redirect, which loses the delivery.
    """
    urls = [hook.delivery_url for hook in of_us if urlsplit(hook.delivery_url).path == path]
    return max(sorted(set(urls)), key=urls.count, default="")


def _topics(hooks: Sequence[Webhook], status: HookStatus) -> list[str]:
    return sorted({hook.topic for hook in hooks if hook.status is status})


def _webhooks_failed(sentence: str, fix: str) -> Check:
    return Check("webhooks", Health.FAILED, sentence, fix)


def _leads_to(hook: Webhook, path: str) -> bool:
    return urlsplit(hook.delivery_url).path.rstrip("/") == path.rstrip("/")


def _length(time: dt.timedelta) -> str:
    seconds = int(time.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
