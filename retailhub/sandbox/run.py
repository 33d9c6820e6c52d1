"""``manage.py run``: web, pumps, worker and schedule for development, on embedded or your own services."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from rich.console import Console

from retailhub.sandbox.services import Services, default_state_dir
from retailhub.sandbox.stack import Stack


def main(argv: Sequence[str]) -> int:
    """Start everything, say where it is, stay until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="manage.py run", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--json", action="store_true", help="say where it is as one JSON object")
    options = parser.parse_args(argv)
    console = Console(stderr=options.json)
    console.print("Starting PostgreSQL, Valkey, web, pump, workers and schedule …")
    with Services(default_state_dir("run"), durable=True) as services:
        stack = Stack(services, port=options.port, pumps=1)
        stack.migrate()
        stack.start()
        login = stack.login()
        if options.json:
            place = {
                "url": stack.url,
                "user": login.name,
                "password": login.password,
                "state": str(services.state.path),
            }
            Console().print_json(json.dumps(place))
        console.print(f"Console   {stack.url}/admin/   user [b]{login.name}[/b]   password [b]{login.password}[/b]")
        console.print(f"Logs      {services.state.path / 'logs'}")
        console.print("To give commands to it, in another terminal:")
        for name in (
            "DATABASE_URL",
            "REDIS_URL",
            "RETAILHUB_SECRET_KEY",
            "RETAILHUB_ENCRYPTION_KEYS",
            "RETAILHUB_HTTPS",
        ):
            console.print(f"  export {name}='{stack.environment[name]}'", soft_wrap=True, highlight=False)
        console.print("Ctrl-C stops everything.")
        try:
            services.supervisor.wait(lambda: False)
        finally:
            console.print("\nStopping …")
    return 0
