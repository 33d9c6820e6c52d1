"""How notices are sent: to real sockets that take them, refuse them, are slow or silent."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from integrations import webhook_call
from reconciliation.models import Case
from retailhub.console.models import Notice
from retailhub.console.notices import rules, sending
from retailhub.console.notices.rules import NotPossible, Wanted
from retailhub.core import clock
from retailhub.core.guard import CallInsideTransaction
from tests.support.noticing import at, closes, later, opens, real_time, ring, rule
from tests.support.receivers import Answer, Hook, MailServer

pytestmark = pytest.mark.django_db(transaction=True)
TO = "ada@example.com"


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    at("2026-11-24 12:00")
    yield
    real_time()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as made:
        yield made


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with MailServer() as made:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.DEFAULT_FROM_EMAIL = "RetailHub <hub@example.com>"
        settings.PUBLIC_URL = "https://hub.example.com"
        yield made


def only() -> Notice:
    return Notice.objects.select_related("rule").get()


def states() -> list[str]:
    return list(Case.objects.filter(code="notice_failed").values_list("state", flat=True))


def test_each_address_gets_a_mail_of_its_own_and_one_refused_stops_no_other(mail: MailServer) -> None:
    rule(f"{TO}, eve@example.com, bob@example.com", kind="email")
    opens("A")
    mail.answers["RCPT"] = f"550 no mailbox {TO} here"
    ring()
    ring()
    assert sorted(got["To"] for got in mail.mails) == ["bob@example.com", "eve@example.com"]
    ended = Notice.objects.order_by("id").values_list("status", "code", "detail")
    assert list(ended) == [
        ("given_up", "rejected", "The mail server refused the address (550): no mailbox a•••@example.com here"),
        ("sent", "", ""),
        ("sent", "", ""),
    ]


def test_a_mail_server_that_has_no_time_is_asked_again_with_the_same_id(mail: MailServer) -> None:
    rule(TO, kind="email")
    opens("A")
    # it took the mail, but its answer is lost
    mail.answers["TAKEN"] = "hang up"
    ring()
    assert (only().status, only().code, only().attempts) == ("pending", "result_unknown", 1)
    mail.answers["MAIL"] = "451 try later"
    later(seconds=61)
    ring()
    assert (only().status, only().code, only().attempts) == ("pending", "other_system_unavailable", 2)
    later(seconds=121)
    ring()
    assert only().status == "sent"
    assert [got["Message-ID"] for got in mail.mails] == [f"<{only().public_id}@hub.example.com>"] * 2


def test_a_mail_server_without_starttls_is_not_given_a_mail(mail: MailServer, settings: Any) -> None:
    settings.EMAIL_USE_TLS = True
    rule(TO, kind="email")
    opens("A")
    ring()
    assert (mail.mails, only().status, only().code) == ([], "given_up", "misconfigured")


def test_without_a_mail_server_a_notice_is_a_case_that_names_the_setting() -> None:
    rule(TO, kind="email")
    opens("A")
    ring()
    case = Case.objects.get(code="notice_failed")
    assert case.sentence == (
        "Notices of the rule desk do not get through: No mail server is set; RETAILHUB_SMTP_URL names it."
    )
    assert (case.subject, case.state, only().status) == ("notice_rule:desk", "open", "given_up")


def test_a_webhook_that_fails_is_tried_again_at_growing_pauses_and_then_given_up_with_one_case(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    hook.answers = [Answer(500)] * 8
    pauses = []
    for _ in range(8):
        before = clock.now()
        ring()
        pauses.append(round((only().due_at - before).total_seconds() / 60))
        later(seconds=(only().due_at - clock.now()).total_seconds() - 5)
        ring()
        later(seconds=6)
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert len(hook.calls) == 8
    assert (only().status, only().code, only().attempts) == ("given_up", "server_error", 8)
    assert len({call.headers["Idempotency-Key"] for call in hook.calls}) == 1
    later(days=2)
    ring()
    assert len(hook.calls) == 8
    assert states() == ["open"]


def test_what_got_through_closes_the_case_and_what_was_given_up_can_be_sent_again(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    hook.answers = [Answer(404)]
    ring()
    assert (only().status, states()) == ("given_up", ["open"])
    rules.again(public_id=only().public_id, actor="test", reason="mended", now=clock.now())
    ring()
    assert (only().status, states()) == ("sent", ["closed"])
    with pytest.raises(NotPossible, match="no notice that was given up"):
        rules.again(public_id=only().public_id, actor="test", reason="again", now=clock.now())


def test_a_rule_does_not_tell_of_its_own_failing_but_another_does(hook: Hook) -> None:
    with Hook() as other:
        rule(hook.url)
        rule(other.url, name="other")
        opens("A")
        hook.answers = [Answer(403), Answer(403)]
        for _ in range(4):
            ring()
            later(minutes=6)
        assert len(hook.calls) == 1
        assert other.headlines[1] == "Opened: Notices of the rule desk do not get through."


def test_too_many_requests_waits_as_long_as_told_and_is_no_try(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    hook.answers = [Answer(429, headers={"Retry-After": "600"})] * 3
    for _ in range(3):
        ring()
        later(seconds=590)
        ring()
        later(seconds=11)
    assert (len(hook.calls), only().attempts, only().status) == (3, 0, "pending")
    ring()
    assert (len(hook.calls), only().status) == (4, "sent")


def test_a_receiver_that_asks_to_wait_for_ever_is_given_up_after_a_day(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    hook.answers = [Answer(429, headers={"Retry-After": "36000"})] * 9
    for _ in range(5):
        ring()
        later(hours=10, minutes=1)
    assert (len(hook.calls), only().status) == (4, "given_up")


def test_a_slow_receiver_is_cut_off_and_holds_up_no_other_rule(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_call, "DEADLINE_SECONDS", 0.3)
    gate = threading.Event()
    with Hook() as quick:
        rule(hook.url)
        rule(quick.url, name="quick")
        opens("A")
        opens("B")
        hook.answers = [Answer(gate=gate)]
        ring()
        gate.set()
        assert (len(hook.calls), len(quick.calls)) == (1, 1)
        found = Notice.objects.filter(rule__name="desk").values_list("status", "code")
        assert list(found) == [("pending", "timed_out")]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(302, headers={"Location": "https://elsewhere.example.com"}), "redirected"),
        (Answer(200, body=b"<!DOCTYPE html><form><input type='password'>"), "misconfigured"),
        (Answer(401), "credentials_rejected"),
        (Answer(410), "wrong_address"),
        (Answer(400, body=b"invalid_payload"), "call_refused"),
        (Answer(200, body=b"Webhook message delivery failed with error: 429"), "other_system_unavailable"),
        (Answer(200, body=b"x" * 70_000), "answer_too_large"),
    ],
)
def test_an_answer_that_is_no_success_is_not_taken_for_one(hook: Hook, answer: Answer, code: str) -> None:
    rule(hook.url)
    opens("A")
    hook.answers = [answer]
    ring()
    assert (only().status == "sent", only().code) == (False, code)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "10.1.2.3", "169.254.169.254"])
def test_a_private_address_is_not_called_unless_the_rule_allows_it(hook: Hook, host: str) -> None:
    rule(f"https://{host}:{hook.port}/secret", allow_private=False)
    opens("A")
    ring()
    assert (hook.calls, only().status, only().code) == ([], "given_up", "private_address")


def test_a_worker_that_dies_after_sending_leaves_a_notice_that_goes_again_under_its_id(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(_name: str) -> None:
        raise Died

    rule(hook.url)
    opens("A")
    with monkeypatch.context() as patched:
        patched.setattr(sending, "crashpoint", die)
        with pytest.raises(Died):
            ring()
    assert only().status == "sending"
    later(minutes=4)
    ring()
    assert len(hook.calls) == 1
    later(minutes=1, seconds=1)
    ring()
    assert (only().status, only().attempts) == ("sent", 1)
    assert [call.headers["Idempotency-Key"] for call in hook.calls] == [only().public_id] * 2


def test_a_worker_that_was_overtaken_writes_nothing(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    ring()
    Notice.objects.update(status="pending", finished_at=None)
    slow = sending._claim([])
    assert slow is not None
    later(minutes=6)
    quick = sending._claim([])
    assert quick is not None
    assert sending.send(slow)
    assert only().status == "sending"
    assert sending.send(quick)
    assert (only().status, only().claims) == ("sent", quick.claims)


def test_nothing_is_sent_while_a_transaction_is_open(hook: Hook, mail: MailServer) -> None:
    for made in (rule(hook.url), rule(TO, name="mail", kind="email")):
        with pytest.raises(CallInsideTransaction), transaction.atomic():
            rules.test(name=made.name, actor="test", reason="a test", now=clock.now())
    assert (hook.calls, mail.mails) == ([], [])


def test_a_test_says_whether_it_got_through_is_tried_once_and_makes_no_case(hook: Hook) -> None:
    rule(hook.url)
    hook.answers = [Answer(503)]
    (first,) = rules.test(name="desk", actor="test", reason="a test", now=clock.now())
    assert rules.ended(first) == "It did not get through to 127.0.0.1/•••: 127.0.0.1 answered with status 503."
    (second,) = rules.test(name="desk", actor="test", reason="a test", now=clock.now())
    assert rules.ended(second) == "It got through to 127.0.0.1/•••."
    later(hours=2)
    ring()
    assert hook.headlines == ["A test: notices of RetailHub get through."] * 2
    assert states() == []


def test_an_address_that_was_taken_out_of_the_rule_gets_nothing_more(mail: MailServer) -> None:
    rule(f"{TO}, eve@example.com", kind="email")
    opens("A")
    mail.answers["MAIL"] = "451 later"
    ring()
    wanted = Wanted(address="eve@example.com")
    rules.change(name="desk", wanted=wanted, actor="test", reason="left us", now=clock.now())
    later(minutes=2)
    ring()
    assert [got["To"] for got in mail.mails] == ["eve@example.com"]
    assert sorted(Notice.objects.values_list("status", flat=True)) == ["dropped", "sent"]


def test_old_notices_are_forgotten_after_ninety_days(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    ring()
    assert sending.forget(now=clock.now() + dt.timedelta(days=89)) == 0
    assert sending.forget(now=clock.now() + dt.timedelta(days=91)) == 1
    closes("A")
