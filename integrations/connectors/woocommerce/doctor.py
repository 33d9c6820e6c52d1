"""The connection test: looks at everything that must be right in a store, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from integrations.connectors.answers import Answer
from integrations.connectors.woocommerce import findings, reading, schemas
from integrations.connectors.woocommerce.hooks import Hooks
from integrations.connectors.woocommerce.shop import Shop
from integrations.ports.capabilities import Check, Health, Testable
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured

NO_ORDER = str(2**53 - 1)
"""An order id that no store will ever reach: a write to it shows the key's rights and changes nothing."""


class Doctor(Shop, Hooks, Testable):
    """Looks at how a store is set up, and changes nothing in it."""

    def check(self) -> list[Check]:
        """See `Testable.check`. Stops at the first line that shows no way on."""
        begun = time.monotonic()
        try:
            answer = self._api.newest_order()
            newest = reading.read(answer, schemas.NEWEST.decode)
        except ConnectorError as error:
            return [self._no_way_on(error)]
        now = self.context.now()
        return [
            findings.reachability(time.monotonic() - begun),
            findings.encryption(self._settings.base_url),
            Check("permalinks", Health.OK, "The REST API answers under /wp-json/."),
            Check("credentials", Health.OK, "The key is accepted and may read orders."),
            self._rights(answer.headers.get("Allow", "")),
            findings.clock(answer.headers, now=now, signed=not self._api.is_ssl),
            findings.cache(answer.headers, now=now),
            findings.paging(answer.headers),
            *self._report_lines(answer, newest[0] if newest else None),
            *self._money_lines(),
            self._webhook_line(),
        ]

    def _no_way_on(self, error: ConnectorError) -> Check:
        """One line that names the cause; the clock or plain permalinks may stand behind a refusal."""
        if isinstance(error, AuthRejected) and error.code == "credentials_rejected" and not self._api.is_ssl:
            now, headers = self.context.now(), {"Date": error.evidence.get("date", "")}
            told = reading.date_of(headers)
            if told is not None and abs(told - now) > findings.CLOCK_REFUSED:
                return findings.clock(headers, now=now, signed=True)
        if isinstance(error, Misconfigured) and error.code == "wrong_address" and self._answers_plainly():
            return findings.plain_permalinks()
        return findings.failure(error)

    def _answers_plainly(self) -> bool:
        """Whether the REST API is there under the address that needs no permalinks."""
        try:
            answer = self._api.plain_index()
            return "namespaces" in msgspec.json.decode(answer.body, type=dict)
        except (ConnectorError, msgspec.DecodeError, UnicodeDecodeError):
            return False

    def _rights(self, allowed: str) -> Check:
        """A write to an order that cannot exist: a key with the right is told so, one without is refused first."""
        try:
            answer = self._api.change_order(NO_ORDER, {})
        except AuthRejected as error:
            return findings.failure(error)
        except ConnectorError as error:
            return findings.skipped("rights", error)
        if answer.status < 400:
            words = f"The store answered {answer.status} to a write of an order that it cannot have."
            return Check("rights", Health.SKIPPED, words)
        return findings.rights(allowed)

    def _report_lines(self, answer: Answer, newest: schemas.NewestOrder | None) -> list[Check]:
        try:
            report = self.report()
        except ConnectorError as error:
            return [findings.skipped("report", error)]
        return [
            findings.address(report, self._settings),
            findings.version(report),
            findings.language(report),
            findings.time_zone(report, newest, there=reading.date_of(answer.headers)),
            findings.cron(report),
        ]

    def _money_lines(self) -> list[Check]:
        return [
            self._of_settings("rounding", "tax", lambda tax: findings.rounding(tax, self._settings)),
            self._of_settings("decimals", "general", findings.decimals),
        ]

    def _of_settings(self, name: str, group: str, find: Callable[[dict[str, str]], Check]) -> Check:
        try:
            return find(self.store_settings(group))
        except ConnectorError as error:
            return findings.skipped(name, error)

    def _webhook_line(self) -> Check:
        try:
            found = self.webhooks()
        except ConnectorError as error:
            return findings.skipped("webhooks", error)
        return findings.webhooks(found, connection=self._name, delivery_url=self._deliver_to)
