"""What can go wrong at another system. Connectors raise these and nothing else.

    ConnectorError
    ├── Transient       a read failed, nothing was sent, or a proven definite failure: try again later
    │   └── RateLimited     told to wait until ``retry_at``: wait exactly that long, not an attempt
    ├── AuthRejected    credentials refused even after one fresh login: pause the capability, one case
    ├── Rejected        a business no with a code: park the message, a person or a mapping mends it
    ├── Misconfigured   our own settings are wrong: park, the case names the setting
    └── Unknown         it may or may not have happened: look up by reference before anything else

``code`` is stable and lower_snake_case; ``detail`` is a plain sentence for people without secrets or personal
data; ``evidence`` are facts for the case page (the value at fault, the answer's first bytes).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Self


class ConnectorError(Exception):
    """Base of everything a connector may raise."""

    code = "connector_error"

    def __init__(self, detail: str, *, code: str | None = None, evidence: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.evidence: Mapping[str, str] = evidence or {}

    def with_evidence(self, evidence: Mapping[str, str]) -> Self:
        """A copy that tells other facts; one error may be the answer of many items."""
        told = type(self).__new__(type(self))
        told.args = self.args
        told.__dict__.update(self.__dict__)
        told.evidence = evidence
        return told


class Transient(ConnectorError):
    """Worth trying again: nothing happened on the other side."""

    code = "other_system_unavailable"


class RateLimited(Transient):
    """The other system told us when to come back."""

    code = "rate_limited"

    def __init__(self, detail: str, *, retry_at: dt.datetime, evidence: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, evidence=evidence)
        self.retry_at = retry_at


class AuthRejected(ConnectorError):
    """Key revoked, password wrong, header stripped, or a login page instead of an answer."""

    code = "credentials_rejected"


class Rejected(ConnectorError):
    """The other system understood and said no."""

    code = "rejected"


class Misconfigured(ConnectorError):
    """A setting of ours is missing or wrong."""

    code = "misconfigured"


class Unknown(ConnectorError):
    """After the first byte left us no definite answer came back. ``retry_at`` when it named a time."""

    code = "result_unknown"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        evidence: Mapping[str, str] | None = None,
        retry_at: dt.datetime | None = None,
    ) -> None:
        super().__init__(detail, code=code, evidence=evidence)
        self.retry_at = retry_at
