"""Fixtures of the admin's tests."""

from __future__ import annotations

import pytest

from tests.support.world import World, build


@pytest.fixture
def world(db: None) -> World:
    """A store, an ERP, orders posted, refused and held."""
    return build()
