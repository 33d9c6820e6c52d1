from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from retailhub.sandbox.erp.control import Control, Place
from tests.connectors.lookalike_erp.support import ITEMS, Desk, running_erp

_NAMES = itertools.count(1)


@pytest.fixture(scope="session")
def erp_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    path: Path = tmp_path_factory.mktemp("erp")
    with running_erp(path) as place:
        Control(place.control_url).add_products(ITEMS)
        yield place


@pytest.fixture
def desk(erp_place: Place) -> Iterator[Desk]:
    """A well-behaved ERP and references that no other test uses."""
    desk = Desk(erp_place, f"t{next(_NAMES)}")
    desk.control.be_good()
    yield desk
    desk.connector.close()
    desk.control.be_good()
