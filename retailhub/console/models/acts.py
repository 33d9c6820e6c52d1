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
    ("work_case", "Can claim, assign, tag, note and snooze causes and cases"),
    ("approve_replay", "Can approve what another person wants to replay"),
    ("edit_message", "Can edit what waits to be sent, and send it"),
    ("read_back", "Can have an order or a document read again from its system"),
    ("adopt_document", "Can say which document in another system belongs to an order"),
    ("cancel_message", "Can give up a message that waits for a person"),
    ("publish", "Can tell a store of an order's status, notes, tracking and refunds"),
    ("connect_system", "Can connect systems and change how they are reached"),
    ("share_view", "Can share a saved view with everybody"),
    ("manage_notices", "Can say who is told of what, and when"),
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
