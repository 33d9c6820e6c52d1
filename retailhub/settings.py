"""All settings, read from the environment. The table for people is docs/operating/settings.md."""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from retailhub.core.observability.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent


def env_text(name: str, default: str | None = None) -> str:
    """A setting as text; without a default it must be there."""
    value = os.environ.get(name, default)
    if value is None or (default is None and not value.strip()):
        raise ImproperlyConfigured(f"{name} is not set; docs/operating/settings.md says what it is for.")
    return value.strip()


def env_bool(name: str, *, default: bool) -> bool:
    """A setting that is yes or no."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return default if not value else value in {"1", "true", "yes", "on"}
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number within bounds."""
    value = os.environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
        raise ImproperlyConfigured(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
    return int(value)


def env_choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of some words, in lower case."""
    value = env_text(name, default).lower() or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def env_names(name: str, default: str, *, pattern: str, example: str) -> list[str]:
    """Words with commas between them, each of a form."""
    words = _list(env_text(name, default) or default)
    for word in words:
        if re.fullmatch(pattern, word) is None:
            raise ImproperlyConfigured(f"{name} must be a list such as {example}, not {word!r}.")
    return words


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _secret_key(key: str) -> str:
    if len(key) < 50 or len(set(key)) < 5:
        raise ImproperlyConfigured("RETAILHUB_SECRET_KEY must have at least 50 characters, drawn at random.")
    return key


def _encryption_keys(text: str) -> list[str]:
    keys = _list(text)
    try:
        named = [bool(entry.partition(":")[0]) and bool(Fernet(entry.partition(":")[2])) for entry in keys]
    except ValueError:
        named = []
    if not named or not all(named):
        raise ImproperlyConfigured(
            "RETAILHUB_ENCRYPTION_KEYS must be id:key pairs, each key 32 random bytes in URL-safe base 64."
        )
    return keys


def _public_url(url: str) -> str:
    if url and (re.fullmatch(r"https?://[^/?#@\s]+/?", url) is None or not _usable(url)):
        raise ImproperlyConfigured("RETAILHUB_PUBLIC_URL must look like https://hub.example.com, without a path.")
    return url.rstrip("/")


def _lease(seconds: int, *, deadline: int) -> int:
    # a claim is made longer before a call once a third of its time is over: what is left must hold a whole call
    least = 3 * deadline // 2 + 1
    if seconds < least:
        raise ImproperlyConfigured(
            f"RETAILHUB_LEASE_SECONDS must be {least} or more with a RETAILHUB_CALL_DEADLINE_SECONDS of {deadline}, not"
            f" {seconds}: otherwise another worker takes a message over while a slow call about it still runs."
        )
    return seconds


def _smtp(url: str) -> dict[str, Any]:
    """The mail server: ``smtp://`` begins TLS with STARTTLS, ``smtps://`` at once, ``smtp+plain://`` never."""
    ports = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
    parts = urlsplit(url) if not url or _usable(url) else urlsplit("")
    if url and (parts.scheme not in ports or not parts.hostname or parts.path.strip("/") or parts.query):
        raise ImproperlyConfigured("RETAILHUB_SMTP_URL must look like smtp://user:password@mail.example.com:587.")
    return {
        "host": parts.hostname or "",
        "port": parts.port or ports.get(parts.scheme, 587),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "scheme": parts.scheme,
    }


def _mail_from(address: str, *, needed: bool) -> str:
    if (address or needed) and re.fullmatch(r"([^<>@\r\n]*<)?[^<>@\s]+@[^<>@\s]+>?", address) is None:
        raise ImproperlyConfigured("RETAILHUB_MAIL_FROM must look like retailhub@example.com; mails come from it.")
    return address


def _usable(url: str) -> bool:
    """Whether an address can be taken apart, its port included."""
    try:
        return urlsplit(url).port is None or urlsplit(url).port != 0
    except ValueError:
        return False


def _database(url: str) -> dict[str, Any]:
    known = _usable(url) and urlsplit(url).scheme in {"postgresql", "postgres"}
    if not known or not urlsplit(url).path.strip("/"):
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name; only PostgreSQL is supported."
        )
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    options: dict[str, Any] = {
        "connect_timeout": 4,
        "application_name": "retailhub",
        "options": "-c timezone=UTC -c lock_timeout=15s -c idle_in_transaction_session_timeout=60s",
    }
    if "sslmode" in query:
        options["sslmode"] = query["sslmode"][0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def _redis(url: str, number: int) -> str:
    """The broker's form of a Redis address; ``unix://`` sockets are spelled ``redis+socket://`` there."""
    if not _usable(url) or not url.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured("REDIS_URL must look like redis://host:6379/0, rediss://… or unix:///path.sock.")
    if url.startswith("unix://"):
        return f"redis+socket://{url[len('unix://') :]}?virtual_host={number}"
    return url


DEBUG = env_bool("RETAILHUB_DEBUG", default=False)
SECRET_KEY = _secret_key(env_text("RETAILHUB_SECRET_KEY", "insecure-development-key-" + "x" * 40 if DEBUG else None))
ENCRYPTION_KEYS = _encryption_keys(env_text("RETAILHUB_ENCRYPTION_KEYS", "dev:" + "A" * 43 + "=" if DEBUG else None))
ALLOWED_HOSTS = env_names(
    "RETAILHUB_ALLOWED_HOSTS",
    "localhost,127.0.0.1,[::1]",
    pattern=r"\*|\[[0-9a-fA-F:.]+\]|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?",
    example="hub.example.com,10.0.0.5",
)
CSRF_TRUSTED_ORIGINS = env_names(
    "RETAILHUB_CSRF_ORIGINS", "", pattern=r"https?://[^/]+", example="https://hub.example.com"
)
# Where stores deliver to, as they see it.
PUBLIC_URL = _public_url(env_text("RETAILHUB_PUBLIC_URL", ""))
HTTPS = env_bool("RETAILHUB_HTTPS", default=not DEBUG)

DATABASES = {"default": _database(env_text("DATABASE_URL"))}
DATABASES["default"]["TEST"] = {"NAME": env_text("RETAILHUB_TEST_DATABASE", "test_retailhub")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env_text("REDIS_URL", "redis://localhost:6379/0")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "retailhub.console.admin_app.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "simple_history",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "retailhub.core",
    "integrations",
    "inventory",
    "orders",
    "reconciliation",
    "retailhub.console",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "retailhub.console.access_door.Policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "retailhub.console.access_door.SessionLimits",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "retailhub.urls"
WSGI_APPLICATION = "retailhub.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
ADMIN_PATH = "/admin/"
LOGIN_URL = f"{ADMIN_PATH}login/"
# Counts failed log-ins before a password is looked at.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "retailhub.console.access_backend.PersonBackend"]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "/static/"
# Styles and scripts are served from where they are installed: there is nothing to collect.
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

SECURE_SSL_REDIRECT = HTTPS
BEHIND_PROXY = env_bool("RETAILHUB_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = env_int("RETAILHUB_SESSION_HOURS", 12, low=1, high=168) * 3600
SESSION_IDLE_SECONDS = env_int("RETAILHUB_SESSION_IDLE_MINUTES", 60, low=1, high=1440) * 60
CSRF_COOKIE_SECURE = HTTPS
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
    }
}
# The admin's own scripts read expressions out of its pages, and its pages carry their colours.
ADMIN_POLICY = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}

# Who comes in
SECOND_FACTOR = env_choice("RETAILHUB_SECOND_FACTOR", "required" if HTTPS else "optional", ("required", "optional"))
OTP_TOTP_ISSUER = "RetailHub"
# A name is locked only for the address that guessed at it: nobody can lock others out, not even behind one proxy.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = dt.timedelta(minutes=env_int("RETAILHUB_LOCKOUT_MINUTES", 15, low=1, high=1440))
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "retailhub.console.access_door.client_address"
AXES_LOCKOUT_CALLABLE = "retailhub.console.access_door.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(
    level=env_choice("RETAILHUB_LOG_LEVEL", "info", ("debug", "info", "warning", "error")).upper(),
    form=env_choice("RETAILHUB_LOG_FORMAT", "json", ("json", "console")),
)

# Celery carries nothing but "look at lane L of connection C": losing all of it loses no work.
CELERY_BROKER_URL = _redis(REDIS_URL, 0)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "max_retries": 1,
    "queue_order_strategy": "priority",
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 600
CELERY_TASK_DEFAULT_QUEUE = "retailhub"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# The engine
INTAKE_MAX_BYTES = 16 * 1024 * 1024
CALL_DEADLINE_SECONDS = env_int("RETAILHUB_CALL_DEADLINE_SECONDS", 30, low=1, high=300)
LEASE_SECONDS = _lease(env_int("RETAILHUB_LEASE_SECONDS", 60, low=2, high=600), deadline=CALL_DEADLINE_SECONDS)
RETENTION_MONTHS = env_int("RETAILHUB_RETENTION_MONTHS", 6, low=1, high=120)
REPLAY_APPROVAL_ABOVE = env_int("RETAILHUB_REPLAY_APPROVAL_ABOVE", 500, low=0, high=1_000_000)
STUCK_AFTER_SECONDS = env_int("RETAILHUB_STUCK_AFTER_SECONDS", 300, low=5, high=86_400)
# Looking at stores by ourselves
POLL_SECONDS = env_int("RETAILHUB_POLL_SECONDS", 60, low=1, high=3600)
POLL_OVERLAP_SECONDS = env_int("RETAILHUB_POLL_OVERLAP_SECONDS", 180, low=2, high=86_400)
SWEEP_DAYS = env_int("RETAILHUB_SWEEP_DAYS", 30, low=1, high=3650)
REFUND_DAYS = env_int("RETAILHUB_REFUND_DAYS", 60, low=1, high=3650)
HISTORY_PAUSE_MS = env_int("RETAILHUB_HISTORY_PAUSE_MS", 500, low=0, high=60_000)
# Who scrapes /metrics from outside this network shows it as a bearer token.
METRICS_TOKEN = env_text("RETAILHUB_METRICS_TOKEN", "")

# Notices by e-mail
_MAIL = _smtp(env_text("RETAILHUB_SMTP_URL", ""))
EMAIL_HOST, EMAIL_PORT = _MAIL["host"], _MAIL["port"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL["user"], _MAIL["password"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL["scheme"] == "smtp", _MAIL["scheme"] == "smtps"
DEFAULT_FROM_EMAIL = _mail_from(env_text("RETAILHUB_MAIL_FROM", ""), needed=bool(EMAIL_HOST))

UNFOLD = {
    "SITE_TITLE": "RetailHub",
    "SITE_HEADER": "RetailHub",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "retailhub.console.navigation.favicon"}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"navigation": "retailhub.console.navigation.groups"},
    "STYLES": ["retailhub.console.navigation.stylesheet", "retailhub.console.navigation.search_stylesheet"],
    "SCRIPTS": ["retailhub.console.navigation.search_script"],
    "ACCOUNT": {
        "navigation": [
            {"title": "Second factor", "link": reverse_lazy("admin:second_factor_setup")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
}
