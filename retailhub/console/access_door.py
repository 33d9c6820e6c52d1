"""What stands before every page: how long a session lives, what a browser may load, and who is asking."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

SINCE, SEEN = "rh_since", "rh_seen"
NOTICED_SECONDS = 60
"""Looking around is written down no more often than this: a session is a row."""
PERMISSIONS = ", ".join(f"{name}=()" for name in ("camera", "geolocation", "microphone", "payment", "usb"))


def client_address(request: HttpRequest) -> str | None:
    """Who asks, for counting failed log-ins: an address, of IPv6 the network of one customer.

    Behind a proxy of ours it is the last address in ``X-Forwarded-For``, the one that this proxy has written;
    what stands before it anybody may have made up.
    """
    told = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        told = request.META.get("HTTP_X_FORWARDED_FOR", told).rpartition(",")[2].strip() or told
    try:
        address = ipaddress.ip_address(told)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def locked_out(request: HttpRequest, _answer: Any = None, _credentials: Any = None) -> HttpResponse:
    """What somebody sees whose log-in is locked for a while."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    context = {"site_title": "RetailHub", "minutes": minutes, "login_url": reverse("admin:login")}
    return render(request, "console/locked_out.html", context, status=429)


def begin_session(*, request: HttpRequest, **_said: Any) -> None:
    """At every log-in, however it came about: the session's time begins."""
    request.session[SINCE] = request.session[SEEN] = int(time.time())


class SessionLimits:
    """Ends a session that nobody has used for a while, or that is too old however much it is used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if auth.SESSION_KEY in request.session:
            self._look(request)
        return self.get_response(request)

    @staticmethod
    def _look(request: HttpRequest) -> None:
        now, session = int(time.time()), request.session
        since, seen = session.get(SINCE, 0), session.get(SEEN, 0)
        idle, life = settings.SESSION_IDLE_SECONDS, settings.SESSION_COOKIE_AGE
        if now - since >= life or now - seen >= idle:
            auth.logout(request)
            why = f"nothing was done for {idle // 60} minutes" if now - seen >= idle else "the session was too old"
            messages.info(request, f"You were logged out because {why}.")
        elif now - seen >= NOTICED_SECONDS and by_a_person(request):
            session[SEEN] = now


def by_a_person(request: HttpRequest) -> bool:
    """Whether somebody opened or sent this page; what a page asks for by itself keeps no session alive."""
    return request.headers.get("Sec-Fetch-Dest", "document") == "document"


class Policy(CSPMiddleware):
    """Tells browsers what a page may load and do. Only the admin's own scripts need more than the strict policy."""

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: Any,
        report_only: bool = False,  # noqa: FBT001, FBT002 - the library's
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(settings.ADMIN_PATH):
            parts.update = {**settings.ADMIN_POLICY, **(parts.update or {})}
        return parts

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return super().process_response(request, response)
