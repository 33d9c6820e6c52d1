"""Which kind of connection is which connector: one explicit table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from integrations.connectors.lookalike_erp import config as lookalike_erp_config
from integrations.connectors.lookalike_erp.connector import Connector as LookalikeErp
from integrations.connectors.tryton import config as tryton_config
from integrations.connectors.tryton.connector import Connector as Tryton
from integrations.connectors.woocommerce import config as woocommerce_config
from integrations.connectors.woocommerce import mapping as woocommerce_mapping
from integrations.connectors.woocommerce import outline as woocommerce_outline
from integrations.connectors.woocommerce import provenance as woocommerce_provenance
from integrations.connectors.woocommerce.connector import Connector as WooCommerce
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import Order
from integrations.ports.errors import Misconfigured
from integrations.ports.provenance import Tracer


@dataclass(frozen=True)
class Kind:
    """A kind of connection: how its connector is made, and how its settings and credentials are checked."""

    name: str
    role: str
    """``store`` or ``erp``."""
    make: Callable[[ConnectionInfo, CallContext], Any]
    parse_settings: Callable[[Mapping[str, Any]], Any]
    parse_credentials: Callable[[Mapping[str, Any]], Any]
    label: str
    """What people call it."""
    settings: type[msgspec.Struct]
    credentials: type[msgspec.Struct]
    """What there is to be set: names, types and defaults, and in each type's ``Meta`` what a person is told of it.
    ``extra``: ``plain`` for a credential that is no secret, ``made`` for one that RetailHub makes."""
    can_amend: bool = False
    sandbox: bool = False
    """Only for looking at RetailHub: nobody's real system is of this kind."""
    outline: Callable[[bytes], Mapping[str, str] | None] = lambda _body: None
    """What a store's own bytes say of an order, by our names: for people who compare."""
    read_order: Callable[[bytes], Order] | None = None
    """A store's own bytes of an order, as they become the canonical one."""
    trace: Tracer | None = None
    """Of which values of them each of its fields is made."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="woocommerce",
            role="store",
            make=WooCommerce,
            parse_settings=woocommerce_config.parse_settings,
            parse_credentials=woocommerce_config.parse_credentials,
            outline=woocommerce_outline.outline,
            read_order=woocommerce_mapping.order_from_body,
            trace=woocommerce_provenance.trace,
            label="WooCommerce",
            settings=woocommerce_config.Settings,
            credentials=woocommerce_config.Credentials,
        ),
        Kind(
            name="lookalike_erp",
            role="erp",
            make=LookalikeErp,
            parse_settings=lookalike_erp_config.parse_settings,
            parse_credentials=lookalike_erp_config.parse_credentials,
            label="Look-alike ERP",
            settings=lookalike_erp_config.Settings,
            credentials=lookalike_erp_config.Credentials,
            can_amend=True,
            sandbox=True,
        ),
        Kind(
            name="tryton",
            role="erp",
            make=Tryton,
            parse_settings=tryton_config.parse_settings,
            parse_credentials=tryton_config.parse_credentials,
            label="Tryton",
            settings=tryton_config.Settings,
            credentials=tryton_config.Credentials,
        ),
    )
}


def kind_named(name: str) -> Kind:
    """Raises ``Misconfigured`` for a kind nobody wrote a connector for."""
    if name not in KINDS:
        raise Misconfigured(f"There is no connector of kind {name!r}; known are {', '.join(sorted(KINDS))}.")
    return KINDS[name]
