"""Which kind of connection is which connector: one explicit table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.connectors.lookalike_erp import config as lookalike_erp_config
from integrations.connectors.lookalike_erp.connector import Connector as LookalikeErp
from integrations.connectors.tryton import config as tryton_config
from integrations.connectors.tryton.connector import Connector as Tryton
from integrations.connectors.woocommerce import config as woocommerce_config
from integrations.connectors.woocommerce.connector import Connector as WooCommerce
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.errors import Misconfigured


@dataclass(frozen=True)
class Kind:
    """A kind of connection: how its connector is made, and how its settings and credentials are checked."""

    name: str
    role: str
    """``store`` or ``erp``."""
    make: Callable[[ConnectionInfo, CallContext], Any]
    parse_settings: Callable[[Mapping[str, Any]], Any]
    parse_credentials: Callable[[Mapping[str, Any]], Any]
    can_amend: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="woocommerce",
            role="store",
            make=WooCommerce,
            parse_settings=woocommerce_config.parse_settings,
            parse_credentials=woocommerce_config.parse_credentials,
        ),
        Kind(
            name="lookalike_erp",
            role="erp",
            make=LookalikeErp,
            parse_settings=lookalike_erp_config.parse_settings,
            parse_credentials=lookalike_erp_config.parse_credentials,
            can_amend=True,
        ),
        Kind(
            name="tryton",
            role="erp",
            make=Tryton,
            parse_settings=tryton_config.parse_settings,
            parse_credentials=tryton_config.parse_credentials,
        ),
    )
}


def kind_named(name: str) -> Kind:
    """Raises ``Misconfigured`` for a kind nobody wrote a connector for."""
    if name not in KINDS:
        raise Misconfigured(f"There is no connector of kind {name!r}; known are {', '.join(sorted(KINDS))}.")
    return KINDS[name]
