"""Who may come in, and as what: the same as the pages of people, for whoever has the command line."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from retailhub.console import access_factor as factor
from retailhub.console import access_people as people
from retailhub.console.access import role_of
from retailhub.console.access_people import NotPossible
from retailhub.core import clock
from retailhub.core.access import Role
from retailhub.core.cli import Failed, HubCommand, actor, shown

ROLES = [role.value for role in Role]
SIMPLE = {
    "lock": (people.lock, "{name} is locked and logged out."),
    "unlock": (people.unlock, "{name} may log in again."),
    "reset-factor": (people.reset_factor, "{name} sets up a second factor anew."),
}


class Command(HubCommand):
    help = "People and their roles. Passwords are read from standard input or made and printed once."
    expected = (NotPossible,)

    def add_options(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="WHAT")
        verbs.add_parser("list", help="Everybody, with role, second factor and last log-in.")
        add = verbs.add_parser("add", help="Let somebody in.")
        add.add_argument("name")
        add.add_argument("--role", required=True, choices=ROLES)
        role = verbs.add_parser("role", help="Give somebody another role.")
        role.add_argument("name")
        role.add_argument("role", choices=ROLES)
        password = verbs.add_parser("password", help="Give somebody a new password; their sessions end.")
        password.add_argument("name")
        lock = verbs.add_parser("lock", help="Let somebody in no more; their sessions end.")
        unlock = verbs.add_parser("unlock", help="Let somebody in again, wrong passwords forgotten.")
        reset = verbs.add_parser("reset-factor", help="Take somebody's second factor away.")
        for verb in (lock, unlock, reset):
            verb.add_argument("name")
        for verb in (add, password):
            verb.add_argument("--password-stdin", action="store_true", help="Read it from standard input.")
        for verb in (add, role, password, lock, unlock, reset):
            verb.add_argument("--reason", required=True, help="Why; kept in the audit.")

    def work(self, **options: Any) -> None:
        verb = options["verb"]
        if verb == "list":
            self._list()
            return
        if not options["reason"].strip():
            raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
        act = {"name": options["name"], "actor": actor(), "reason": options["reason"].strip(), "now": clock.now()}
        if verb in SIMPLE:
            service, sentence = SIMPLE[verb]
            self._told(service(**act), sentence)
        elif verb == "role":
            self._told(people.set_role(role=Role(options["role"]), **act), "{name} is {role} from now on.")
        else:
            self._password(verb, options, act)

    def _password(self, verb: str, options: dict[str, Any], act: dict[str, Any]) -> None:
        given = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else ""
        if options["password_stdin"] and not given:
            raise Failed("password_missing", "There was no password on standard input.")
        if verb == "add":
            user, secret = people.add(role=Role(options["role"]), password=given, **act)
        else:
            user, secret = people.new_password(password=given, **act)
        told = {} if given else {"password": secret}
        sentence = "{name} may log in." if given else "{name} logs in with " + secret + " which is shown only now."
        self._told(user, sentence, **told)

    def _told(self, user: User, sentence: str, **more: str) -> None:
        found = people.find(user.get_username())
        role = role_of(found)
        self.answer({**_row(found), **more}, sentence.replace("{name}", found.username).replace("{role}", role))

    def _list(self) -> None:
        rows = [_row(user) for user in User.objects.prefetch_related("groups").order_by("username")]
        if self.as_json:
            for row in rows:
                self.show(row)
            return
        words = [
            [
                row["name"],
                row["role"],
                "in" if row["active"] else "locked",
                f"until {shown(row['locked_until'])}" if row["locked_until"] else "",
                "yes" if row["second_factor"] else "none",
                shown(row["last_log_in"]),
            ]
            for row in rows
        ]
        self.table(["name", "role", "state", "log-in locked", "second factor", "last log-in"], words)


def _row(user: User) -> dict[str, Any]:
    return {
        "name": user.get_username(),
        "role": role_of(user),
        "active": user.is_active,
        "locked_until": people.locked_until(user),
        "second_factor": factor.is_enrolled(user),
        "last_log_in": user.last_login,
    }
