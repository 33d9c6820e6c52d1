"""Signs of life: answers to the machines that watch RetailHub, and who may read its figures."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is asked: a database that is away must not restart the web."""
    return JsonResponse({"status": "alive"})


def answer(reasons: Sequence[str]) -> JsonResponse:
    """200 when there is no reason against it, otherwise 503 with the reasons, as plain sentences."""
    status = "not ready" if reasons else "ready"
    return JsonResponse({"status": status, "reasons": list(reasons)}, status=503 if reasons else 200)


def may_scrape(request: HttpRequest) -> bool:
    """Whether the caller may read figures: the token, or a private address without a proxy in between.

    Behind a proxy every caller has a private address, so there only the token counts.
    """
    token: str = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        peer = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        # a unix socket has no address: whoever may open it is on this machine, unless it is a proxy
        return False
    return peer.is_loopback or peer.is_private
