"""An explanation of a value as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from retailhub.console.explaining import Explanation, Spot
from retailhub.core.admin.words import moment, words


def sentences(found: Explanation) -> Iterator[str]:
    """From the value to its bytes, then on to the ERP."""
    yield f"{found.field}: {found.value or 'empty'}"
    yield (
        f"Set by version {found.version}, the state of the store at {moment(found.version_at)} UTC,"
        f" stored {moment(found.stored_at)} UTC."
    )
    if found.message is not None:
        how = "Read from the store for" if found.read_back else "Told by"
        told = found.message
        yield (
            f"{how} {told.name}: {told.topic or 'something'} by {told.way} from {told.connection},"
            f" {moment(told.received_at)} UTC, trace {told.trace_id}."
        )
    yield f"Rule: {found.rule or 'not known for this store'}."
    yield f"Bytes: {found.where}"
    for spot in found.spots:
        yield from _spot(spot)
    for each in found.sent:
        tried = f"try {each.tries}: {words(each.result)}" if each.tries else "not tried yet"
        yield (
            f"Sent to {each.connection} in {each.message} ({each.reference}) as {each.field} ({each.rule}):"
            f" {each.value or 'empty'}; {words(each.status)} {words(each.outcome)}, {tried}."
        )
    for held in found.holds:
        value = "" if held.value is None else f", {found.field} {held.value}"
        yield f"{held.connection} holds {held.name or held.reference}, {words(held.state) or 'not there yet'}{value}."


def _spot(spot: Spot) -> Iterator[str]:
    if spot.text is None:
        yield f"  {spot.pointer}: not in what the store sent"
        return
    yield f"  {spot.pointer}: {spot.length} bytes from byte {spot.offset}"
    yield f"    …{spot.text.before}⟦{spot.text.value}⟧{spot.text.after}…"
