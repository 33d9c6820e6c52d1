"""The core app: what every layer uses."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "retailhub.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"
