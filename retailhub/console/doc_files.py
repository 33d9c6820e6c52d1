"""Writes the generated documents anew: ``python -m retailhub.console.doc_files``."""

from __future__ import annotations

import os
from importlib import import_module

import django

# the addresses are read off the running product; its database is not asked
for name, value in {
    "RETAILHUB_DEBUG": "yes",
    "DATABASE_URL": "postgresql://localhost/never-asked",
    "DJANGO_SETTINGS_MODULE": "retailhub.settings",
}.items():
    os.environ.setdefault(name, value)
django.setup()
# its imports need what is set up above
import_module("retailhub.console.documents").write()
