"""The permissions of people's acts: one for each, in one place, given out by roles."""

from __future__ import annotations

from django.db import models

ACTS = (
    ("replay", "Can send messages, orders and cases back to work"),
    ("ignore_case", "Can ignore a case and take that back"),
    ("map_sku", "Can say what a SKU is called in another system"),
    ("pause_connection", "Can pause a connection"),
    ("resume_connection", "Can resume a connection"),
    ("set_connection_mode", "Can switch a connection off, to shadow or live"),
    ("merge_customers", "Can say that two customers are one, or two"),
    ("see_personal_data", "Can see personal data, with a reason"),
)
"""Code name, used as ``console.<name>``, and what it allows."""


class ActPermission(models.Model):
    """Has no table and no rows: it only carries the permissions of `ACTS`."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = ACTS

    def __str__(self) -> str:
        return "permissions of acts"
