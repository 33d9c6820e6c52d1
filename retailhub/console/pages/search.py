"""The search page. What was typed may be a person's e-mail address, so it never stands in an address: logs keep these.

It comes by POST. One thing found is gone to at once; otherwise the page is shown under an encrypted copy of what was
typed, so that reload and back work as everywhere, and nobody reads it off a log or the browser's history.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from retailhub.console.search import LONGEST, Group, only_hit, search
from retailhub.core import crypto
from retailhub.core.admin.parts import subject_url

KEY = "for"


def view(request: HttpRequest) -> HttpResponse:
    """The box (GET), what was found (GET with `KEY`), or on to one of them (POST)."""
    if request.method == "POST":
        return _go(request, request.POST.get("text", "").strip()[:LONGEST])
    text = _opened(request, request.GET[KEY]) if KEY in request.GET else ""
    groups = search(text, allows=request.user.has_perm)
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "is_search": True,
        "text": text,
        "groups": [_shown(group) for group in groups],
    }
    return TemplateResponse(request, "console/search.html", context)


def _go(request: HttpRequest, text: str) -> HttpResponse:
    page = reverse("admin:find")
    if not text:
        return HttpResponseRedirect(page)
    hit = only_hit(search(text, allows=request.user.has_perm))
    url = subject_url(hit.subject) if hit else ""
    return HttpResponseRedirect(url or f"{page}?{urlencode({KEY: _sealed(request, text)})}")


def _sealed(request: HttpRequest, text: str) -> str:
    """What was typed, for nobody but who typed it."""
    token = crypto.encrypt(f"{request.user.pk}\0{text}".encode())
    return base64.urlsafe_b64encode(token.encode()).decode()


def _opened(request: HttpRequest, sealed: str) -> str:
    """Raises ``Http404`` for what was not sealed here for this person."""
    try:
        person, _, text = crypto.decrypt(base64.urlsafe_b64decode(sealed.encode()).decode()).decode().partition("\0")
    except (ImproperlyConfigured, binascii.Error, UnicodeDecodeError) as error:
        raise Http404("This search is not kept any more; type it again.") from error
    if person != str(request.user.pk):
        raise Http404("This is somebody else's search.")
    return text


def _shown(group: Group) -> dict[str, Any]:
    hits = [{"title": hit.title, "detail": hit.detail, "url": subject_url(hit.subject)} for hit in group.hits]
    return {"title": group.title, "is_full": group.is_full, "hits": hits}
