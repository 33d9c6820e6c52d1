"""The console app: pages and commands over several apps. It also plugs the layers together at start."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "retailhub.console"
    label = "console"

    def ready(self) -> None:
        from retailhub.wiring import connect  # noqa: PLC0415 - models must be loaded first

        connect()
