"""The console app: pages and commands over several apps. It also plugs the layers together at start."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate


class ConsoleConfig(AppConfig):
    name = "retailhub.console"
    label = "console"

    def ready(self) -> None:
        from retailhub.console.access import keep_roles  # noqa: PLC0415 - models must be loaded first
        from retailhub.console.access_door import begin_session  # noqa: PLC0415 - as above
        from retailhub.wiring import connect  # noqa: PLC0415 - as above

        connect()
        user_logged_in.connect(begin_session, dispatch_uid="retailhub.session")
        # the last of the apps: the permissions of all of them are there by then
        post_migrate.connect(keep_roles, sender=self, dispatch_uid="retailhub.roles")
