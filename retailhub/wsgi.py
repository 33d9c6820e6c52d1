"""The WSGI application: webhook intake first, everything else through Django."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retailhub.settings")

from django.core.wsgi import get_wsgi_application

_django = get_wsgi_application()

from integrations.connections import INTAKE  # noqa: E402 - needs Django's apps
from integrations.webhooks import intake  # noqa: E402 - needs Django's apps


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Deliveries do not pass Django's middleware: see `integrations.webhooks`."""
    if environ["PATH_INFO"].startswith(INTAKE):
        return intake(environ, start_response)
    return _django(environ, start_response)
