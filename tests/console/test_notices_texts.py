"""What is in a notice, what is not, and which rules are refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from reconciliation.models import Case
from retailhub.console.models import Notice, NoticeRule
from retailhub.console.notices import rules, texts
from retailhub.console.notices.rules import NotPossible, Wanted
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.support.noticing import at, later, opens, real_time, ring, rule
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


def test_a_mail_says_what_how_much_and_where_and_carries_its_own_id(mail: MailServer) -> None:
    rule(TO, kind="email")
    opens("A", cases_of=(1, 2), money="1200.50")
    ring()
    (got,) = mail.mails
    assert got["Subject"] == "[RetailHub] Opened: The SKU A is not known in the ERP, so the order waits."
    assert (got["To"], got["From"], got["Auto-Submitted"]) == (TO, "RetailHub <hub@example.com>", "auto-generated")
    assert got["Message-ID"] == f"<{only().public_id}@hub.example.com>"
    cause = f"https://hub.example.com/admin/reconciliation/cause/{Case.objects.first().cause.public_id}/change/"  # type: ignore[union-attr]
    text = got.get_content().replace("\r\n", "\n")
    assert "- Opened: The SKU A is not known in the ERP, so the order waits.\n  2 cases, 2,401.00 EUR at risk\n" in text
    assert f"  {cause}\n" in text
    assert "All that is open: https://hub.example.com/admin/reconciliation/cause/\n" in text
    assert (only().status, only().attempts) == ("sent", 0)


def test_addresses_are_in_no_row_log_or_audit_as_they_are(
    hook: Hook, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rule(hook.url)
    rule(TO, name="mail", kind="email")
    opens("A")
    hook.answers = [Answer(500), Answer(404)]
    ring()
    later(minutes=2)
    ring()
    assert len(hook.calls) == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(r)::text FROM console_noticerule r")
        stored = str(cursor.fetchall())
        cursor.execute("SELECT row_to_json(n)::text FROM console_notice n")
        stored += str(cursor.fetchall())
    audited = str(list(AuditEntry.objects.values()))
    cased = str(list(Case.objects.values()))
    for text in (stored, audited, cased, caplog.text):
        assert "must-stay-secret" not in text
        assert TO not in text
    assert "a•••@example.com" in audited


def test_nothing_personal_and_no_address_of_others_is_told(hook: Hook) -> None:
    for number, kind in enumerate(("json", "slack", "teams")):
        rule(hook.url, name=str(number), kind=kind)
    evil = "<!channel> ada@example.com\nhttps://evil.example.com/x *b*"
    opens(evil, detail="Ada Lovelace of Secret Lane 7 is unknown.", code="rejected")
    opens(evil, code="line_without_product")
    ring()
    said = {call.json.get("type", "slack" if "text" in call.json else "json"): str(call.json) for call in hook.calls}
    assert set(said) == {"json", "slack", "message"}
    for text in said.values():
        assert "a•••@example.com" in text
        assert not [word for word in ("Lovelace", "Secret Lane", "ada@", "https://evil") if word in text]
        assert "The other system refused." in text
    assert "&lt;!channel&gt;" in said["slack"]
    assert "<!channel>" not in said["slack"]


def test_slack_and_teams_get_what_they_read(hook: Hook, settings: Any) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"
    rule(hook.url, name="1", kind="slack")
    rule(hook.url, name="2", kind="teams")
    opens("A", money="10")
    ring()
    slack, teams = (call.json for call in hook.calls)
    public_id = Case.objects.get(code="sku_unmapped").cause.public_id
    line = "• Opened: The SKU A is not known in the ERP, so the order waits. _1 case, 10.00 EUR at risk_"
    page = f"https://hub.example.com/admin/reconciliation/cause/{public_id}/change/"
    assert f"{line} <{page}|Open>\n" in slack["text"]
    card = teams["attachments"][0]
    assert (teams["type"], card["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    said = [block["inlines"][0]["text"] for block in card["content"]["body"]]
    assert said[1:] == [
        "Opened: The SKU A is not known in the ERP, so the order waits.",
        "1 case, 10.00 EUR at risk",
    ]
    assert card["content"]["actions"][0]["url"] == "https://hub.example.com/admin/reconciliation/cause/"


def test_without_a_public_address_there_are_no_links(hook: Hook, mail: MailServer, settings: Any) -> None:
    settings.PUBLIC_URL = ""
    rule(hook.url)
    rule(TO, name="mail", kind="email")
    opens("A")
    ring()
    assert (hook.calls[0].json["link"], hook.calls[0].json["changes"][0]["link"]) == ("", "")
    assert "://" not in mail.mails[0].get_content()
    assert mail.mails[0]["Message-ID"].endswith("@retailhub.invalid>")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"address": "http://hooks.example.com/x"}, "bad_address"),
        ({"address": "https://user:secret@hooks.example.com/x"}, "bad_address"),
        ({"address": "hooks.example.com"}, "bad_address"),
        ({"address": ""}, "bad_address"),
        ({"kind": "email", "address": "ada"}, "bad_address"),
        ({"kind": "email", "address": "a@example.com\r\nBcc: b@example.com"}, "bad_address"),
        ({"kind": "fax"}, "bad_kind"),
        ({"codes": "sku_unmaped"}, "code_unknown"),
        ({"connection": "nowhere"}, "connection_unknown"),
        ({"money_at_least": "much"}, "bad_amount"),
        ({"money_at_least": "-1"}, "bad_amount"),
        ({"money_at_least": "NaN"}, "bad_amount"),
        ({"zone": "Mars/Base"}, "bad_zone"),
        ({"zone": "../../etc/passwd"}, "bad_zone"),
        ({"digest_at": "25:00"}, "bad_time"),
        ({"quiet_from": "22:00"}, "bad_quiet_hours"),
        ({"quiet_from": "22:00", "quiet_to": "22:00"}, "bad_quiet_hours"),
        ({"digest_at": "08:00", "quiet_from": "22:00", "quiet_to": "07:00"}, "digest_is_quiet"),
        ({"causes": False}, "of_nothing"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_a_sentence(wanted: dict[str, Any], code: str) -> None:
    given = Wanted(**{"kind": "slack", "address": "https://hooks.example.com/x", **wanted})
    with pytest.raises(NotPossible) as refused:
        rules.add(name="desk", wanted=given, actor="test", reason="a test", now=clock.now())
    assert refused.value.code == code
    assert "secret" not in refused.value.detail
    assert not NoticeRule.objects.exists()


def test_a_long_headline_is_cut_in_a_mail_and_never_breaks_its_head() -> None:
    made = rule("https://hooks.example.com/x", kind="slack", allow_private=False)
    content = {**texts.TEST, "headline": "x\r\nBcc: eve@example.com " + "y" * 300}
    subject, _ = texts.mail(Notice(rule=made, public_id="ntc_1", content=content))
    assert (len(subject), "\n" in subject, "\r" in subject) == (180, False, False)
