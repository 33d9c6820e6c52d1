"""How many open cases a cause has and how much money is at risk in them, kept while cases open and close.

A trigger on the table of cases (so that no writer can forget it) adds a row to `CauseDelta` for each statement that
opens, closes or changes open cases. Rows are only ever added, so workers that open cases of one cause at the same
time never wait for each other. A chore folds them into `CauseMoney` and `CauseSum`. What is true now is all of them
together: `CauseNow`.
"""

from __future__ import annotations

from django.db import models

from reconciliation.models.case import Cause

RISK = "All currencies together, one without decimals a hundredth: a yardstick for sorting, never an amount."


class CauseDelta(models.Model):
    """What one statement changed of one cause in one currency, until it is folded."""

    cause = models.ForeignKey(Cause, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    currency = models.CharField(max_length=3, blank=True)
    cases = models.IntegerField()
    money = models.DecimalField(max_digits=30, decimal_places=6)
    seen_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.cases:+} of cause {self.cause_id}"


class CauseMoney(models.Model):
    """What was folded of one cause in one currency ("" for cases without money)."""

    cause = models.ForeignKey(Cause, on_delete=models.CASCADE, related_name="+", db_index=False)
    currency = models.CharField(max_length=3, blank=True)
    cases = models.IntegerField()
    money = models.DecimalField(max_digits=30, decimal_places=6)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cause", "currency"], name="cause_money_once")]

    def __str__(self) -> str:
        return f"{self.cases} of cause {self.cause_id} in {self.currency}"


class CauseSum(models.Model):
    """What was folded of one cause, with what triage filters by. No row where there was no open case."""

    cause = models.OneToOneField(Cause, primary_key=True, on_delete=models.CASCADE, related_name="+")
    code = models.CharField(max_length=60)
    connection = models.ForeignKey(
        "integrations.Connection", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    cases = models.IntegerField()
    risk = models.DecimalField(max_digits=30, decimal_places=6, help_text=RISK)
    seen_at = models.DateTimeField(null=True)
    oldest_at = models.DateTimeField(null=True, help_text="Since when its oldest open case is open.")

    def __str__(self) -> str:
        return f"{self.cases} of cause {self.cause_id}"


class CauseNow(models.Model):
    """A view: each cause that has open cases now, as `CauseSum` would have it were all folded."""

    cause = models.OneToOneField(Cause, primary_key=True, on_delete=models.DO_NOTHING, related_name="+")
    code = models.CharField(max_length=60)
    connection = models.ForeignKey(
        "integrations.Connection", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    cases = models.IntegerField()
    risk = models.DecimalField(max_digits=30, decimal_places=6, help_text=RISK)
    seen_at = models.DateTimeField(null=True)
    oldest_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "reconciliation_causenow"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.cases} of cause {self.cause_id}"
