"""Addresses. Deliveries of stores do not pass here: see `retailhub.wsgi`."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from retailhub.console.pages import health as progress
from retailhub.core.observability import health


def home(_request: HttpRequest) -> HttpResponse:
    """The console is what people come for."""
    return HttpResponseRedirect(reverse("admin:index"))


urlpatterns = [
    path("", home),
    path("healthz", health.healthz),
    path("readyz", progress.readyz),
    path("metrics", progress.figures),
    path("admin/", admin.site.urls),
]
