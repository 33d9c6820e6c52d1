"""What each medium is given: a mail, a Slack or Teams message, plain JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from retailhub.console.models import Notice, NoticeRule
from retailhub.core.admin.parts import subject_url
from retailhub.core.admin.words import amounts
from retailhub.core.cli import counted

WORDS = {"opened": "Opened", "grew": "Grew tenfold", "waits": "Waits for approval", "closed": "Closed"}
TEST = {
    "headline": "A test: notices of RetailHub get through.",
    "urgent": False,
    "lines": [],
    "more": 0,
    "open": None,
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def plain(text: str) -> str:
    """One line in which nothing is an address to click: what is in it may come from a shop's customer."""
    return _CONTROL.sub(" ", text).replace("://", " : //").strip()


def link(subject: str = "") -> str:
    """The page of a subject, or triage, as people reach it; empty where nobody has said how they do."""
    if not settings.PUBLIC_URL:
        return ""
    path = subject_url(subject) if subject else reverse("admin:reconciliation_cause_changelist")
    return f"{settings.PUBLIC_URL}{path}" if path else ""


def shown(notice: Notice) -> dict[str, Any]:
    """What the texts are made of."""
    content: Mapping[str, Any] = notice.content
    return {
        "id": notice.public_id,
        "rule": notice.rule.name,
        "headline": plain(content["headline"]),
        "urgent": content["urgent"],
        "lines": [_line(each) for each in content["lines"]],
        "more": content["more"],
        "open": content["open"],
        "link": link(),
    }


def _line(line: Mapping[str, Any]) -> dict[str, str]:
    money = {currency: Decimal(amount) for currency, amount in line["money"].items()}
    facts = [
        counted(line["cases"], "case") if line["cases"] else "",
        f"{amounts(money)} at risk" if money and line["what"] != "closed" else "",
        f"connection {line['connection']}" if line["connection"] else "",
    ]
    return {
        "label": WORDS[line["what"]],
        "sentence": plain(line["sentence"]),
        "facts": ", ".join(fact for fact in facts if fact),
        "link": link(line["subject"]),
        "subject": line["subject"],
    }


def mail(notice: Notice) -> tuple[str, str]:
    """Subject and text of a mail."""
    told = shown(notice)
    text = render_to_string("console/notice_mail.txt", told)
    subject = f"[RetailHub] {told['headline']}"
    return subject if len(subject) <= 180 else f"{subject[:179]}…", text.strip() + "\n"


def body(notice: Notice) -> bytes:
    """The body for a webhook of the rule's kind, as JSON."""
    made = {NoticeRule.Kind.SLACK: _slack, NoticeRule.Kind.TEAMS: _teams, NoticeRule.Kind.JSON: _json}
    return json.dumps(made[NoticeRule.Kind(notice.rule.kind)](notice), ensure_ascii=False).encode()


def _slack(notice: Notice) -> dict[str, Any]:
    told = shown(notice)
    safe = {**told, "headline": _for_slack(told["headline"])}
    safe["lines"] = [{**line, "sentence": _for_slack(line["sentence"])} for line in told["lines"]]
    text = render_to_string("console/notice_slack.txt", safe).strip()
    return {"text": text, "unfurl_links": False, "unfurl_media": False}


def _for_slack(text: str) -> str:
    """Nothing in it calls a channel, links or formats."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([*_~`])", "\u200b\\1", safe)


def _teams(notice: Notice) -> dict[str, Any]:
    """An adaptive card. Its runs of text know no markup, so that nothing in them can become a link."""
    told = shown(notice)
    blocks = [_runs(told["headline"], weight="Bolder")]
    for line in told["lines"]:
        blocks.append(_runs(f"{line['label']}: {line['sentence']}"))
        blocks.append(_runs(line["facts"] or line["subject"], subtle=True))
    if told["more"]:
        blocks.append(_runs(f"And {told['more']} more."))
    actions = [{"type": "Action.OpenUrl", "title": "Open RetailHub", "url": told["link"]}] if told["link"] else []
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "actions": actions,
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def _runs(text: str, *, weight: str = "Default", subtle: bool = False) -> dict[str, Any]:
    run = {"type": "TextRun", "text": text, "weight": weight, "isSubtle": subtle}
    return {"type": "RichTextBlock", "inlines": [run]}


def _json(notice: Notice) -> dict[str, Any]:
    told = shown(notice)
    return {
        "id": notice.public_id,
        "rule": notice.rule.name,
        "what": notice.what,
        "at": notice.made_at.isoformat(),
        "headline": told["headline"],
        "urgent": told["urgent"],
        "link": told["link"],
        "open": told["open"],
        "more": told["more"],
        "changes": [
            {
                "what": raw["what"],
                "subject": raw["subject"],
                "sentence": line["sentence"],
                "cases": raw["cases"],
                "money": raw["money"],
                "connection": raw["connection"],
                "urgent": raw["urgent"],
                "link": line["link"],
            }
            for raw, line in zip(notice.content["lines"], told["lines"], strict=True)
        ],
    }
