#!/usr/bin/env python
"""The command line of RetailHub."""

import os
import sys

BRINGS_SERVICES = {"demo", "run", "bench"}
"""Commands that start an embedded PostgreSQL and Valkey where no `DATABASE_URL`/`REDIS_URL` is set."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retailhub.settings")
    if len(sys.argv) > 1 and sys.argv[1] in BRINGS_SERVICES:
        from retailhub.sandbox.entry import main as with_services  # noqa: PLC0415 - settings need its URLs

        sys.exit(with_services(sys.argv))
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"retailhub: {error}")


if __name__ == "__main__":
    main()
