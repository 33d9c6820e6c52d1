"""Notices in the admin and on the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from retailhub.console.models import Notice, NoticeRule
from retailhub.core.models import AuditEntry
from tests.support.noticing import at, opens, real_time, ring, rule
from tests.support.receivers import Answer, Hook
from tests.support.world import person

pytestmark = pytest.mark.django_db(transaction=True)
RULES, NOTICES = "/admin/console/noticerule/", "/admin/console/notice/"
TYPED = {
    "name": "desk",
    "kind": "json",
    "causes": "yes",
    "urgent_only": "no",
    "codes": "",
    "connection": "",
    "money_at_least": "",
    "approvals": "no",
    "zone": "Europe/Berlin",
    "digest_at": "",
    "quiet_from": "22:00",
    "quiet_to": "07:00",
    "urgent_passes": "yes",
    "allow_private": "yes",
    "reason": "the desk asked for it",
}


@pytest.fixture
def hook() -> Iterator[Hook]:
    at("2026-11-24 12:00")
    with Hook() as made:
        yield made
    real_time()


@pytest.fixture
def engineer() -> Client:
    return person("console.manage_notices", name="erik")


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def command(*words: str, **more: Any) -> tuple[Any, int]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("notices", *words, "--json", stdout=out, stderr=err, **more)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return json.loads(out.getvalue()), status


def test_a_rule_is_made_tested_edited_switched_off_and_removed(hook: Hook, engineer: Client) -> None:
    made = engineer.post(f"{RULES}act/add/", {**TYPED, "address": hook.url}, follow=True)
    assert "The rule desk tells of what changes from now on." in made.content.decode()
    page = f"{RULES}{NoticeRule.objects.get().pk}/"
    tested = engineer.post(f"{page}act/test/", {"reason": "does it work"}, follow=True).content.decode()
    assert "It got through to 127.0.0.1/•••." in tested
    assert hook.headlines == ["A test: notices of RetailHub get through."]
    form = text_of(engineer, f"{page}act/edit/")
    assert "Now 127.0.0.1/•••. Empty: it stays." in form
    assert 'value="22:00"' in form
    changed = {**TYPED, "address": "", "codes": "audit_broken", "quiet_from": "", "quiet_to": ""}
    engineer.post(f"{page}act/edit/", changed)
    kept = NoticeRule.objects.get()
    assert (kept.codes, kept.quiet_from, kept.target) == (["audit_broken"], None, {"url": hook.url})
    shown = text_of(engineer, f"{page}change/")
    assert "Tells 127.0.0.1/••• of causes of audit_broken, at once." in shown
    engineer.post(f"{page}act/off/", {"reason": "holiday"})
    assert not NoticeRule.objects.get().enabled
    engineer.post(f"{page}act/remove/", {"reason": "not needed"})
    assert not NoticeRule.objects.exists()
    acts = list(AuditEntry.objects.order_by("id").values_list("action", "actor_name"))
    assert acts == [
        (f"{act}_notice_rule{more}", "erik")
        for act, more in (("add", ""), ("test", ""), ("edit", ""), ("switch", "_off"), ("remove", ""))
    ]
    for text in (form, shown, tested, str(list(AuditEntry.objects.values()))):
        assert "must-stay-secret" not in text


def test_a_test_that_fails_says_why_on_the_page(hook: Hook, engineer: Client) -> None:
    made = rule(hook.url)
    hook.answers = [Answer(404)]
    shown = engineer.post(f"{RULES}{made.pk}/act/test/", {"reason": "does it work"}).content.decode()
    assert "It did not get through to 127.0.0.1/•••: 127.0.0.1 has nothing at the address that was called" in shown


def test_a_rule_that_cannot_be_is_refused_on_the_page(engineer: Client) -> None:
    answer = engineer.post(f"{RULES}act/add/", {**TYPED, "kind": "email", "address": "nobody"})
    assert "is no e-mail address." in answer.content.decode()
    assert not NoticeRule.objects.exists()


def test_who_may_only_read_changes_nothing(hook: Hook) -> None:
    reader = person(name="rita")
    made = rule(hook.url)
    assert "Add a rule" not in text_of(reader, RULES)
    assert reader.post(f"{RULES}act/add/", {**TYPED, "address": hook.url}).status_code == 403
    for act in ("test", "edit", "on", "off", "remove"):
        assert reader.post(f"{RULES}{made.pk}/act/{act}/", {"reason": "because"}).status_code == 403
    assert (hook.calls, NoticeRule.objects.count()) == ([], 1)


def test_a_notice_that_was_given_up_is_seen_and_sent_again(hook: Hook, engineer: Client) -> None:
    rule(hook.url)
    hook.answers = [Answer(410)]
    opens("A")
    ring()
    notice = Notice.objects.get()
    assert "given up" in text_of(engineer, NOTICES)
    page = text_of(engineer, f"{NOTICES}{notice.pk}/change/")
    assert "The SKU A is not known in the ERP, so the order waits." in page
    assert "has nothing at the address" in page
    engineer.post(f"{NOTICES}{notice.pk}/act/again/", {"reason": "mended"})
    ring()
    assert (Notice.objects.get().status, len(hook.calls)) == ("sent", 2)
    refused = engineer.post(f"{NOTICES}{notice.pk}/act/again/", {"reason": "once more"})
    assert refused.status_code == 409


def test_lists_ask_few_questions_however_long_they_are(
    hook: Hook, engineer: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        rule(hook.url, name=f"rule {number}")
    opens("A")
    ring()
    assert Notice.objects.count() == 12
    for url in (RULES, NOTICES):
        text_of(engineer, url)
        with django_assert_max_num_queries(10):
            text_of(engineer, url)


def test_the_command_does_what_the_page_does(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{hook.url}\n"))
    words = ("--kind", "json", "--address", "-", "--allow-private", "yes", "--reason", "a test")
    made, status = command("add", "desk", *words)
    assert (status, made["address"], made["when"]) == (0, "127.0.0.1/•••", "at once")
    opens("A", money="5")
    assert command("send-due") == ({"made": 1, "sent": 1, "failed": 0, "waiting": 0}, 0)
    assert command("send-due")[0]["made"] == 0
    listed, _ = command("list")
    assert [each["name"] for each in listed["rules"]] == ["desk"]
    assert [(each["status"], each["rule"]) for each in listed["notices"]] == [("sent", "desk")]
    tested, status = command("test", "desk")
    assert (status, tested["notices"][0]["status"]) == (0, "sent")
    hook.answers = [Answer(404)]
    tested, status = command("test", "desk")
    assert (status, tested["notices"][0]["code"]) == (1, "wrong_address")
    changed, _ = command("set", "desk", "--digest-at", "08:00", "--zone", "Europe/Berlin", "--reason", "mornings")
    assert changed["when"] == "daily at 08:00 (Europe/Berlin)"
    assert command("off", "desk", "--reason", "holiday")[0]["enabled"] is False
    assert command("off", "desk", "--reason", "holiday") == (
        {"error": {"code": "as_it_is", "detail": "The rule desk is off already."}},
        1,
    )
    assert command("on", "desk", "--reason", "back")[0]["enabled"] is True
    assert command("remove", "desk", "--reason", "over") == ({"removed": "desk"}, 0)
    assert command("test", "desk")[0]["error"]["code"] == "rule_unknown"
    assert "must-stay-secret" not in json.dumps([made, listed, tested, changed])


def test_the_list_is_readable_without_json(hook: Hook) -> None:
    rule(hook.url, codes="audit_broken", money_at_least="100")
    out = io.StringIO()
    call_command("notices", "list", stdout=out)
    assert "causes of audit_broken with 100 or more at risk" in out.getvalue()
    assert "must-stay-secret" not in out.getvalue()
