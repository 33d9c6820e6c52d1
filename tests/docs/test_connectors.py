"""Each connector's document lists the settings, credentials and codes that the connector has."""

from __future__ import annotations

import dataclasses
import re
from types import ModuleType

import msgspec
import pytest

from integrations.connectors.lookalike_erp import config as lookalike_erp
from integrations.connectors.registry import KINDS
from integrations.connectors.tryton import config as tryton
from integrations.connectors.woocommerce import config as woocommerce
from retailhub.sandbox.erp.manners import Manners
from tests.docs import raised_codes
from tests.docs.raised_codes import ROOT

CONFIGS = {"lookalike_erp": lookalike_erp, "tryton": tryton, "woocommerce": woocommerce}
HOW_OFTEN = {
    *("seed", "endpoints", "times", "late_seconds", "seconds_per_byte", "retry_after_seconds", "retry_after_as_date"),
}
"""Manners about manners, which need no line."""


def first_cells(kind: str, heading: str) -> set[str]:
    """Every name in backticks in the first column below a heading."""
    text = (ROOT / "docs" / "connectors" / f"{kind}.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return {name for cell in cells for name in re.findall(r"`([\w]+)`", cell)}


def fields_of(config: ModuleType) -> set[str]:
    return {field.name for kind in (config.Settings, config.Credentials) for field in msgspec.structs.fields(kind)}


def test_every_kind_has_its_document() -> None:
    assert {path.stem for path in (ROOT / "docs" / "connectors").glob("*.md")} == set(KINDS) == set(CONFIGS)


@pytest.mark.parametrize("kind", CONFIGS)
def test_its_settings_and_credentials_are_all_listed(kind: str) -> None:
    assert first_cells(kind, "Settings and credentials") == fields_of(CONFIGS[kind])


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_code_is_listed_that_no_connector_raises(kind: str) -> None:
    raised = {code for code, _ in raised_codes.by_connectors()}
    assert first_cells(kind, "Codes") - raised == set()


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_code_that_is_raised_in_its_folder_is_listed(kind: str) -> None:
    raised = {code for code, _ in raised_codes.by_connectors((f"integrations/connectors/{kind}",), own=False)}
    text = (ROOT / "docs" / "connectors" / f"{kind}.md").read_text(encoding="utf-8")
    shared = {"bad_answer", "login_page"}  # explained with WooCommerce, for all
    assert {code for code in raised - shared if f"`{code}`" not in text} == set()


@pytest.mark.parametrize("kind", CONFIGS)
def test_each_thing_is_told_in_one_place(kind: str) -> None:
    text = (ROOT / "docs" / "connectors" / f"{kind}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ .*", text, re.MULTILINE)
    assert [heading for heading in headings if headings.count(heading) > 1] == []
    below_its_table = text.split("\n## Codes\n")[1].split("\n## ")[0].rpartition("|\n")[2]
    assert first_cells(kind, "Codes") & set(re.findall(r"`(\w+)`", below_its_table)) == set()


def test_every_bad_manner_has_a_line() -> None:
    manners = {field.name for field in dataclasses.fields(Manners)} - HOW_OFTEN
    assert first_cells("lookalike_erp", "Bad manners") == manners
