"""Why no TLS connection came about, in words: the library's own names mean little to a shop owner."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from integrations.ports.errors import Transient

REFUSED = "certificate_refused"

REASONS = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "self_signed",
    20: "chain_incomplete",
    21: "chain_incomplete",
    62: "wrong_name",
    64: "wrong_name",
}
"""OpenSSL's verification results (``X509_V_ERR_…``)."""

SENTENCES = {
    "not_yet_valid": "The store's certificate is not valid yet, or our clock is wrong.",
    "expired": "The store's certificate has expired.",
    "self_signed": "The store's certificate is signed by itself, so nobody vouches for it.",
    "chain_incomplete": "The store does not send the certificates between its own and a known authority.",
    "wrong_name": "The store's certificate is for another name than the one in the base URL.",
    "other": "The store's certificate is not accepted.",
    "no_tls": "What answers at the store's address does not speak TLS as it should.",
}

FIXES = {
    "not_yet_valid": "Set the clocks right, or wait until the certificate is valid.",
    "expired": "Renew the certificate at the shop's host, and its automatic renewal with it.",
    "self_signed": "Install a certificate of a public authority, such as a free one by ACME.",
    "chain_incomplete": "Install the certificate with its intermediate certificates (the full chain).",
    "wrong_name": "Use the name of the certificate in base_url, or have one issued for this name.",
    "other": "Look at the certificate in a browser and have the host renew it.",
    "no_tls": "Check the port and whether base_url should begin with http instead of https.",
}


def named(error: Transient) -> Transient:
    """``unreachable`` as ``certificate_refused`` when TLS is at the bottom of it; other errors as they are."""
    reason = _reason(error)
    if reason is None:
        return error
    return Transient(SENTENCES[reason], code="certificate_refused", evidence={**error.evidence, "reason": reason})


def _reason(error: BaseException) -> str | None:
    """The first TLS error in what the libraries wrapped, by our names."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return REASONS.get(cause.verify_code, "other")
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, TimeoutError):
            return "no_tls"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Everything that led to ``error``, through causes, contexts and arguments."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        waiting += [part for part in inner if isinstance(part, BaseException)]
