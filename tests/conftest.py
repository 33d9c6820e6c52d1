"""Fixtures of the whole suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import Hub, running_erp
from tests.support.recorded_store import RecordedStore


@pytest.fixture
def hub(transactional_db: None, tmp_path: Path) -> Iterator[Hub]:
    """A store answered from recordings, a look-alike ERP, and nothing connected yet."""
    with RecordedStore() as store, running_erp(tmp_path) as (place, books):
        yield Hub(store, place, books)
