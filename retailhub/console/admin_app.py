"""Django's admin with our site as its default site."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    default_site = "retailhub.console.site.ConsoleSite"
