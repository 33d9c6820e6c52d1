"""``python -m tests.lint_migrations``: whether each migration can run beside the release before it.

Apart from manage.py, because the linter is a tool for developers and no installed app of the product.
"""

from __future__ import annotations

import logging
import os
import sys

import django
from django.conf import settings
from django_migration_linter import MigrationLinter

OURS = ["core", "console", "integrations", "inventory", "orders", "reconciliation"]


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retailhub.settings")
    django.setup()
    logging.disable(logging.INFO)
    linter = MigrationLinter(
        path=str(settings.BASE_DIR),
        include_apps=OURS,
        ignore_initial_migrations=True,  # they run before there is any release to run beside
        quiet=["ok", "ignore"],
        no_cache=True,
    )
    linter.lint_all_migrations()
    linter.print_summary()
    return int(linter.has_errors)


if __name__ == "__main__":
    sys.exit(main())
