"""Pages of notices: the rules that say who is told of what, and what was sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from retailhub.console.models import Notice, NoticeRule
from retailhub.console.notices import rules, texts
from retailhub.console.notices.rules import NotPossible, Wanted
from retailhub.core.admin import (
    Act,
    Cell,
    Doing,
    Fact,
    ModelAdmin,
    Panel,
    ReasonForm,
    choice_filter,
    display,
    table,
    text,
)
from retailhub.core.admin.parts import subject_url
from retailhub.core.admin.words import moment, words

MANAGE = "console.manage_notices"
YES_NO = [("no", "no"), ("yes", "yes")]
SHOWN = 20
BRIEF = 34
LABELS = {"sent": "success", "given up": "danger", "pending": "warning", "sending": "warning", "dropped": "info"}
KINDS = [
    ("email", "e-mail"),
    ("slack", "Slack (incoming webhook)"),
    ("teams", "Teams (workflow webhook)"),
    ("json", "plain JSON to a webhook"),
]
SWITCHES = ("allow_private", "causes", "urgent_only", "approvals", "urgent_passes")
TIMES = ("digest_at", "quiet_from", "quiet_to")


class RuleForm(ReasonForm):
    """A rule, each field as people type it."""

    address = forms.CharField(
        max_length=4000,
        required=False,
        help_text="E-mail addresses with commas between them, or the webhook's https address, which is a secret.",
    )
    causes = forms.ChoiceField(choices=YES_NO, initial="yes", label="Tell of causes")
    urgent_only = forms.ChoiceField(choices=YES_NO, label="Only urgent ones", help_text="They stop money or orders.")
    codes = forms.CharField(
        max_length=4000,
        required=False,
        label="Only these codes",
        help_text="With commas between them, such as audit_broken, schedule_late. Empty: all codes.",
    )
    connection = forms.CharField(max_length=60, required=False, label="Only on this connection")
    money_at_least = forms.CharField(
        max_length=30, required=False, label="Only with so much at risk", help_text="All currencies together."
    )
    approvals = forms.ChoiceField(choices=YES_NO, label="Tell of replays that wait for approval")
    zone = forms.CharField(max_length=60, initial="UTC", label="Time zone", help_text="Such as Europe/Berlin.")
    digest_at = forms.CharField(
        max_length=5, required=False, label="Daily summary at", help_text="Such as 08:00. Empty: at once."
    )
    quiet_from = forms.CharField(max_length=5, required=False, label="Quiet from", help_text="Such as 22:00.")
    quiet_to = forms.CharField(max_length=5, required=False, label="Quiet until", help_text="Such as 07:00.")
    urgent_passes = forms.ChoiceField(choices=YES_NO, initial="yes", label="Tell urgent causes in quiet hours too")
    allow_private = forms.ChoiceField(
        choices=YES_NO, label="Webhook in your own network", help_text="Else private addresses are not called."
    )

    def prepare(self, subject: Any) -> None:
        if subject is None:
            return
        self.fields["address"].help_text = f"Now {rules.masked(subject)}. Empty: it stays."
        for name in SWITCHES:
            self.initial[name] = "yes" if getattr(subject, name) else "no"
        for name in TIMES:
            at = getattr(subject, name)
            self.initial[name] = f"{at:%H:%M}" if at else ""
        amount = subject.money_at_least
        self.initial.update(
            codes=", ".join(subject.codes),
            connection=subject.connection.name if subject.connection else "",
            money_at_least="" if amount is None else f"{amount.normalize():f}",
            zone=subject.zone,
        )


class NewRuleForm(RuleForm):
    """A new rule."""

    name = forms.CharField(max_length=rules.NAME_MOST, help_text="As people call it, such as night shift.")
    kind = forms.ChoiceField(choices=KINDS)
    field_order = ("name", "kind", *(name for name in RuleForm.base_fields if name != "reason"), "reason")


def _wanted(doing: Doing) -> Wanted:
    values = doing.values
    typed = {name: values[name] for name in ("codes", "connection", "money_at_least", "zone", *TIMES)}
    switches = {name: values[name] == "yes" for name in SWITCHES}
    return Wanted(kind=values.get("kind"), address=values["address"] or None, **typed, **switches)


def _add(doing: Doing) -> str:
    name = doing.values["name"]
    rule = rules.add(name=name, wanted=_wanted(doing), actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"The rule {rule.name} tells of what changes from now on. Send a test to see whether it gets through."


def _edit(doing: Doing) -> str:
    name = doing.subject.name
    rules.change(name=name, wanted=_wanted(doing), actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"The rule {name} is changed. It tells of what changes from now on."


def _switch(*, enabled: bool) -> Callable[[Doing], str]:
    def run(doing: Doing) -> str:
        name = doing.subject.name
        rules.switch(name=name, enabled=enabled, actor=doing.actor, reason=doing.reason, now=doing.now)
        return f"The rule {name} is {'on' if enabled else 'off'}."

    return run


def _remove(doing: Doing) -> HttpResponseRedirect:
    name = doing.subject.name
    rules.remove(name=name, actor=doing.actor, reason=doing.reason, now=doing.now)
    messages.success(doing.request, f"The rule {name} is gone.")
    return HttpResponseRedirect(reverse("admin:console_noticerule_changelist"))


def _test(doing: Doing) -> str:
    made = rules.test(name=doing.subject.name, actor=doing.actor, reason=doing.reason, now=doing.now)
    failed = [each for each in made if each.status != Notice.Status.SENT]
    if failed:
        raise NotPossible("test_failed", " ".join(rules.ended(each) for each in failed))
    return " ".join(rules.ended(each) for each in made)


def _again(doing: Doing) -> str:
    rules.again(public_id=doing.subject.public_id, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "It is sent again within half a minute."


def _brief(words: str) -> str:
    """What fits beside its label on a phone; the rule's page says all of it."""
    return words if len(words) <= BRIEF else f"{words[: BRIEF - 1]}…"


EXPECTED = (NotPossible,)
RULE_ACTS = (
    Act(
        name="test",
        label="Send a test",
        permission=MANAGE,
        run=_test,
        preview=lambda rule: f"A test goes to {rules.masked(rule)} at once. It is tried once.",
        expected=EXPECTED,
    ),
    Act(
        name="edit",
        label="Edit",
        permission=MANAGE,
        form=RuleForm,
        run=_edit,
        preview=lambda rule: f"The rule {rule.name} tells of what changes after it is saved, not of what is open now.",
        expected=EXPECTED,
    ),
    Act(
        name="on",
        label="Switch on",
        permission=MANAGE,
        run=_switch(enabled=True),
        preview=lambda rule: f"The rule {rule.name} tells of what changes from then on.",
        why_not=lambda rule: "The rule is on." if rule.enabled else "",
        expected=EXPECTED,
    ),
    Act(
        name="off",
        label="Switch off",
        permission=MANAGE,
        run=_switch(enabled=False),
        preview=lambda rule: f"Nothing is sent by the rule {rule.name} any more; what waits is dropped.",
        why_not=lambda rule: "" if rule.enabled else "The rule is off.",
        expected=EXPECTED,
    ),
    Act(
        name="remove",
        label="Remove",
        permission=MANAGE,
        run=_remove,
        preview=lambda rule: f"The rule {rule.name} will be gone, and what is known of its notices with it.",
        danger=True,
        expected=EXPECTED,
    ),
)


class NoticeRuleAdmin(ModelAdmin):
    """Who is told of what, how and when."""

    list_display = ("name", "state", "kind", "address", "of", "when", "last")
    ordering = ("name",)
    search_exact = ("name",)
    acts = RULE_ACTS
    list_acts = (
        Act(
            name="add",
            label="Add a rule",
            permission=MANAGE,
            form=NewRuleForm,
            run=_add,
            preview=lambda _nobody: (
                "One notice when a cause opens, one when it grows tenfold, one when it is closed;"
                " never one for each case."
            ),
            expected=EXPECTED,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[NoticeRule]:
        return NoticeRule.objects.select_related("connection").defer("connection__credentials")

    @display(description="State", label={"on": "success", "off": "info"})
    def state(self, rule: NoticeRule) -> str:
        return "on" if rule.enabled else "off"

    @display(description="To")
    def address(self, rule: NoticeRule) -> str:
        return _brief(rules.masked(rule))

    @display(description="Of")
    def of(self, rule: NoticeRule) -> str:
        return _brief(rules.what_of(rule))

    @display(description="When")
    def when(self, rule: NoticeRule) -> str:
        if rule.quiet_from is None or rule.quiet_to is None:
            return _brief(rules.when_of(rule))
        return f"at once, quiet {rule.quiet_from:%H:%M} to {rule.quiet_to:%H:%M}"

    @display(description="Last sent", ordering="sent_at")
    def last(self, rule: NoticeRule) -> str:
        return moment(rule.sent_at)

    def title_of(self, obj: NoticeRule) -> str:
        return obj.name

    def lead(self, request: HttpRequest, obj: NoticeRule) -> str:
        return f"Tells {rules.masked(obj)} of {rules.what_of(obj)}, {rules.when_of(obj)}."

    def facts(self, request: HttpRequest, obj: NoticeRule) -> Sequence[Fact]:
        return [
            Fact("State", text("on" if obj.enabled else "off", tone="" if obj.enabled else "warn")),
            Fact("Kind", text(dict(KINDS)[obj.kind])),
            Fact("To", text(rules.masked(obj))),
            Fact("Last sent", text(moment(obj.sent_at))),
            Fact("Changed", text(moment(obj.changed_at))),
        ]

    def panels(self, request: HttpRequest, obj: NoticeRule) -> Sequence[Panel]:
        rows = [
            [
                Cell(text=moment(each.made_at), url=reverse("admin:console_notice_change", args=[each.pk])),
                text(each.headline),
                text(words(each.status), tone="bad" if each.status == Notice.Status.GIVEN_UP else ""),
                text(each.detail),
            ]
            for each in obj.notices.order_by("-id")[:SHOWN]
        ]
        note = f"The newest {SHOWN}." if len(rows) == SHOWN else ""
        link = text("All notices", url=reverse("admin:console_notice_changelist"))
        headers = ["When", "What it says", "State", "Trouble"]
        return [table("Notices", headers, rows, empty="None yet.", note=note, link=link)]


class NoticeAdmin(ModelAdmin):
    """What was sent, waits, or was given up."""

    list_display = ("made", "rule", "headline", "state", "detail")
    list_filter = (choice_filter("status", "State", list(Notice.Status.values)),)
    search_exact = ("public_id",)
    public_prefix = "ntc_"
    acts = (
        Act(
            name="again",
            label="Send again",
            permission=MANAGE,
            run=_again,
            preview=lambda notice: f"“{notice.headline}” is sent again by the rule {notice.rule.name}.",
            why_not=lambda notice: (
                "" if notice.status == Notice.Status.GIVEN_UP and notice.what != "test" else "It was not given up."
            ),
            expected=EXPECTED,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        return Notice.objects.select_related("rule")

    @display(description="Made", ordering="made_at")
    def made(self, notice: Notice) -> str:
        return moment(notice.made_at)

    @display(description="State", label=LABELS)
    def state(self, notice: Notice) -> str:
        return words(notice.status)

    def title_of(self, obj: Notice) -> str:
        return obj.headline

    def facts(self, request: HttpRequest, obj: Notice) -> Sequence[Fact]:
        rule = reverse("admin:console_noticerule_change", args=[obj.rule_id])
        return [
            Fact("State", text(words(obj.status))),
            Fact("Rule", text(obj.rule.name, url=rule)),
            Fact("To", text(rules.masked_of(obj))),
            Fact("Id", text(obj.public_id, mono=True)),
            Fact("Made", text(moment(obj.made_at))),
            Fact("Ended", text(moment(obj.finished_at))),
            Fact("Tries that failed", text(obj.attempts)),
            *([Fact("Trouble", text(obj.detail))] if obj.detail else []),
        ]

    def panels(self, request: HttpRequest, obj: Notice) -> Sequence[Panel]:
        told = texts.shown(obj)
        rows = [
            [text(line["label"]), Cell(text=line["sentence"], url=subject_url(line["subject"])), text(line["facts"])]
            for line in told["lines"]
        ]
        note = f"And {told['more']} more." if told["more"] else ""
        return [table("What it says", ["", "What", "How much"], rows, empty="Nothing but its headline.", note=note)]
