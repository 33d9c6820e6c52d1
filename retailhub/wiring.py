"""THE MAP: which event starts what, which resource is worked by which flow.

Layers talk downwards by calls; what goes upwards is plugged in here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import inventory.events
import orders.events
from integrations import arrivals, doctor, events, polling, pump, store_delivery, webhook_care
from integrations.tasks import keep_house
from inventory.tasks import import_catalogues
from orders.flows.import_order import import_orders
from orders.selectors import Listed
from orders.services import echoes, postings, showing
from reconciliation.flows import mapped, watch
from reconciliation.services import replay_steps
from reconciliation.tasks import check_audit, seal_audit, tend_triage, watch_overdue
from retailhub.console.notices.chore import send_notices
from retailhub.console.tasks import measure
from retailhub.core import bus

SUBSCRIPTIONS: tuple[tuple[type, Callable[[Any], None]], ...] = (
    # domain before cases: the domain locks its rows first
    (events.EffectsAnswered, postings.note_answers),
    (events.EffectsAnswered, showing.note_posted),
    (events.EffectsAnswered, watch.note_answers),
    (events.StoreAnswered, echoes.note_writes),
    (events.StoreAnswered, watch.note_writes),
    (events.ArrivalsParked, watch.note_arrivals),
    (events.MessagesReleased, watch.note_released),
    (events.ConnectionTrouble, watch.note_trouble),
    (events.ConnectionWell, watch.note_well),
    (events.ChoresLooked, watch.note_chores),
    (events.WebhooksLooked, watch.note_webhooks),
    (events.StoreDoubted, watch.note_doubts),
    (events.PathsChanged, postings.note_paths),
    (inventory.events.SkusMapped, mapped.note_mapped),
    (orders.events.OrdersLooked, watch.note_looks),
)


def connect() -> None:
    """Plug everything in; safe to call twice."""
    arrivals.FLOWS.order = import_orders
    polling.WIRING.records = Listed()
    polling.WIRING.webhooks = webhook_care.look_after
    store_delivery.WIRING.present = showing.present
    pump.CHORES[:] = [
        keep_house,
        watch_overdue,
        tend_triage,
        import_catalogues,
        seal_audit,
        check_audit,
        measure,
        send_notices,
    ]
    pump.STEPS[:] = [replay_steps.step, doctor.step]
    for event, handler in SUBSCRIPTIONS:
        bus.subscribe(event, handler)
