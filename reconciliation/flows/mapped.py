"""Flow: somebody says what a SKU is called → the orders that waited for it go on, one before the others."""

from __future__ import annotations

from inventory.events import SkusMapped
from orders.services import postings
from reconciliation.services import replay_runs, replays


def note_mapped(event: SkusMapped) -> None:
    """A catalogue is believed. A person may err: what more than a few orders wait for is a replay, which begins with
    one of them and stops where that does not end well. What another replay has is left to it.
    """
    if event.actor is None:
        postings.note_mapped(event)
        return
    held = postings.held_for(skus=event.skus)
    refused = postings.refused_items(connection_id=event.connection_id)
    waiting = list(dict.fromkeys([*held, *refused]))
    taken = replay_runs.under_way(subjects=[f"order:{public_id}" for public_id in waiting])
    free = [public_id for public_id in waiting if f"order:{public_id}" not in taken]
    if len(free) <= replay_runs.AT_ONCE:
        postings.look_again(public_ids=free, retry=True)
        return
    skus = ", ".join(event.skus)
    run = replay_runs.plan(
        what=replays.plan_orders(free),
        source=f"mapping:{skus}",
        title=f"Orders that waited for SKU {skus}",
        author=event.actor,
        reason=event.reason,
        now=event.at,
    )
    replay_runs.start(run_id=run.pk, actor=event.actor, now=event.at)
