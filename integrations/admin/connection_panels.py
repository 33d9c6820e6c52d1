"""What the page of a connection shows below its facts: the last test, webhooks, standing looks."""

from __future__ import annotations

from typing import Any

from integrations import doctor as doctors
from integrations import flow_reads
from integrations.connectors.registry import kind_named
from integrations.look_words import looks_panel
from integrations.models import Connection, ConnectionTest
from integrations.ports.capabilities import Health
from integrations.webhook_facts import webhook_states
from retailhub.core import clock
from retailhub.core.admin import Panel, table, text
from retailhub.core.admin.parts import Table
from retailhub.core.admin.words import ago, moment, words

TONES = {Health.OK: "good", Health.FAILED: "bad", Health.SKIPPED: "quiet"}
RENEW_SECONDS = 2


def doctor(row: Connection) -> Panel:
    """The test that is under way, if any, and what the last whole one found."""
    now, newest = clock.now(), doctors.last(connection_id=row.pk)
    is_open = newest is not None and newest.state in ConnectionTest.OPEN
    whole = newest
    if newest is not None and newest.state != ConnectionTest.State.DONE:
        whole = doctors.last_whole(connection_id=row.pk)
    data: dict[str, Any] = {"renew_seconds": RENEW_SECONDS if is_open else 0, "progress": _progress(newest)}
    if whole is not None:
        checks = doctors.checks_of(whole)
        rows = [
            [
                text(words(check.name)),
                text(check.health.value, tone=TONES[check.health]),
                text(check.sentence),
                text(check.fix if check.health is not Health.OK else ""),
            ]
            for check in checks
        ]
        wrong = sum(check.health is Health.FAILED for check in checks)
        data |= {
            "table": Table(["Check", "Health", "Found", "What to do"], rows),
            "summary": f"{wrong} of {len(checks)} need somebody." if wrong else "All is well.",
            "tone": "bad" if wrong else "good",
            "when": f"{moment(whole.finished_at)} UTC, {ago(whole.finished_at, now)}, for {whole.asked_by}",
        }
    return Panel(title="Test", template="console/panels/doctor.html", data=data)


def _progress(test: ConnectionTest | None) -> tuple[str, str]:
    """A sentence about a test that is not done, and its tone."""
    if test is None:
        return "It has not been tested yet.", "quiet"
    if test.state == ConnectionTest.State.WAITING:
        return f"{test.asked_by} asked for a test; it waits for a worker.", "quiet"
    if test.state == ConnectionTest.State.RUNNING:
        return f"A worker is looking; {test.calls} calls so far.", "quiet"
    if test.state == ConnectionTest.State.BROKEN:
        return f"The test of {moment(test.finished_at)} UTC could not be made: {test.why}", "bad"
    return "", ""


def store(row: Connection) -> list[Panel]:
    """Webhooks and standing looks of a store; nothing for other systems."""
    if kind_named(row.kind).role != "store":
        return []
    looks = flow_reads.looks(connection_id=row.pk)
    return [_webhooks(row), looks_panel("Looks at the store", looks, clock.now())]


def _webhooks(row: Connection) -> Panel:
    found = webhook_states().get(row.pk, {})
    said = list(found.get("sentences", []))
    if found.get("left_to_people"):
        said.insert(0, "They are left to people: RetailHub only tells of them.")
    if found.get("hole_since"):
        said.append(f"They were switched off at {moment(found['hole_since'])} UTC; polling reads what they left out.")
    rotation = found.get("rotation")
    if rotation:
        said.append(f"A new secret is given to {rotation['given']} of {rotation['of']} webhooks.")
    rows = [
        [text(topic), text(status, tone="good" if status == "active" else "bad")]
        for topic, status in sorted(found.get("webhooks", {}).items())
    ]
    return table("Webhooks", ["Topic", "Status"], rows, empty="None were found yet.", note=" ".join(said))
