"""Coming in: password, second factor, lock-outs, the life of a session, what browsers are told, and people."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.test import Client, RequestFactory
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken

from retailhub.console.access import role_of
from retailhub.console.access_door import client_address
from retailhub.console.models import AuthenticatorApp
from retailhub.core.access import Role
from retailhub.core.models import AuditEntry
from tests.commands.conftest import command

LOGIN, HOME = "/admin/login/", "/admin/"
CODE, SETUP = "/admin/second-factor/", "/admin/second-factor/setup/"
PASSWORD = "correct horse battery"
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
REASON = {"reason": "she asked for it"}


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """What makes passwords slow to guess is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def somebody(name: str = "olga", role: Role | None = Role.VIEWER) -> User:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    if role is not None:
        user.groups.set([Group.objects.get(name=role.value)])
    return user


def log_in(client: Client, name: str = "olga", password: str = PASSWORD, **more: Any) -> Any:
    return client.post(f"{LOGIN}?next={HOME}", {"username": name, "password": password}, **more)


def code_of(user: User, *, ahead: int = 0) -> str:
    device = AuthenticatorApp.objects.filter(user=user).latest("pk")
    return f"{totp(device.bin_key, drift=ahead):06d}"


def enrol(client: Client, user: User) -> list[str]:
    """Set a second factor up as a person does; answers with the backup codes shown."""
    assert "<svg" in client.get(SETUP).content.decode()
    shown = client.post(SETUP, {"code": code_of(user)}).content.decode()
    codes = re.findall(r'<li class="rh-mono">([a-z0-9-]+)</li>', shown)
    assert len(set(codes)) == 10
    return codes


def written(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


def test_a_log_in_is_written_down_and_leads_home(db: None) -> None:
    somebody()
    assert log_in(Client()).url == HOME
    assert written("log_in").subject == "user:olga"


def test_where_it_is_required_nobody_comes_in_without_a_second_factor(db: None, settings: Any) -> None:
    settings.SECOND_FACTOR = "required"
    user, client = somebody(), Client()
    answer = client.get(log_in(client).url)
    assert "<svg" in answer.content.decode()
    assert client.get(HOME, follow=True).redirect_chain[-1][0].startswith(SETUP)
    assert client.post("/admin/password_change/", follow=True).redirect_chain[-1][0].startswith(SETUP)
    assert "not right" in client.post(SETUP, {"code": "000000"}).content.decode()
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)):
        enrol(client, user)
        assert client.get(HOME).status_code == 200
    assert written("enrol_second_factor").actor == user


def test_who_has_a_second_factor_is_asked_for_it_and_a_code_counts_once(db: None) -> None:
    user, client = somebody(), Client()
    with time_machine.travel(NOON, tick=False) as clock:
        log_in(client)
        enrol(client, user)
        other = Client()
        assert log_in(other).url.startswith(CODE)
        assert other.get(HOME).status_code == 302
        used = code_of(user)
        assert "not right" in other.post(CODE, {"code": used}).content.decode()
        clock.shift(60)
        answer = other.post(CODE, {"code": code_of(user), "next": "/admin/orders/order/"})
        assert answer.headers["Location"] == "/admin/orders/order/"
        assert other.get(HOME).status_code == 200
        third = Client()
        log_in(third)
        assert third.post(CODE, {"code": code_of(user), "next": HOME}).status_code == 200
        assert third.get(HOME).status_code == 302
    assert AuditEntry.objects.filter(action="second_factor_refused").count() == 2


def test_wrong_codes_make_the_wait_longer_and_a_right_one_within_it_is_not_taken(db: None) -> None:
    user, client = somebody(), Client()
    with time_machine.travel(NOON, tick=False) as clock:
        log_in(client)
        enrol(client, user)
        other = Client()
        log_in(other)
        clock.shift(60)
        for _ in range(4):
            other.post(CODE, {"code": "000001"})
            clock.shift(10)
        other.post(CODE, {"code": "000001"})
        assert "Too many wrong codes" in other.post(CODE, {"code": code_of(user)}).content.decode()
        clock.shift(60)
        assert other.post(CODE, {"code": code_of(user)}).status_code == 302


def test_a_backup_code_lets_in_once_and_is_kept_as_a_digest_only(db: None) -> None:
    user, client = somebody(), Client()
    log_in(client)
    codes = enrol(client, user)
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert not kept & {code.replace("-", "") for code in codes}
    other, third = Client(), Client()
    for each in (other, third):
        log_in(each)
    assert other.post(CODE, {"code": codes[0].upper()}).status_code == 302
    assert "9 are left" in other.get(HOME).content.decode()
    assert written("use_backup_code").actor == user
    assert third.post(CODE, {"code": codes[0]}).status_code == 200
    renewed = client.post(SETUP, {"new_codes": "yes"}).content.decode()
    assert codes[1] not in renewed
    assert third.get(HOME).status_code == 302


def test_whoever_has_not_given_the_code_changes_nothing_of_the_second_factor(db: None) -> None:
    user, client = somebody(), Client()
    log_in(client)
    enrol(client, user)
    thief = Client()
    log_in(thief)
    for values in ({"new_codes": "yes"}, {"another": "yes"}, {"code": "123456"}):
        assert thief.post(SETUP, values).headers["Location"].startswith(CODE)
    assert AuthenticatorApp.objects.count() == 1
    assert thief.post(CODE, {"leave": "yes"}).headers["Location"] == LOGIN
    assert thief.get(CODE).headers["Location"].startswith(LOGIN)


def test_five_wrong_passwords_lock_this_name_for_this_address_and_no_other(db: None) -> None:
    somebody()
    somebody("paul")
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(4):
            assert log_in(Client(), password="wrong").status_code == 200
        assert log_in(Client(), password="wrong").status_code == 429
        refused = log_in(Client())
        assert (refused.status_code, "locked for 15 minutes" in refused.content.decode()) == (429, True)
        assert log_in(Client(), "paul").status_code == 302
        assert log_in(Client(), REMOTE_ADDR="198.51.100.7").status_code == 302
        assert written("lock_log_in").actor_name == "log-in page"
        assert AuditEntry.objects.filter(action="log_in_refused").count() == 5
        clock.shift(dt.timedelta(minutes=16))
        assert log_in(Client()).status_code == 302


def test_names_of_nobody_leave_no_row_in_the_audit(db: None) -> None:
    for _ in range(6):
        log_in(Client(), "a password typed as a name", password="x")
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("behind", "told", "address"),
    [
        (False, "203.0.113.9", "192.0.2.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (True, "2001:db8:1:2:3::4", "2001:db8:1:2::"),
        (True, "nonsense", None),
        (True, "", "192.0.2.1"),
    ],
)
def test_only_what_our_own_proxy_wrote_is_believed(
    settings: Any, *, behind: bool, told: str, address: str | None
) -> None:
    settings.BEHIND_PROXY = behind
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=told)
    assert client_address(request) == address


def test_a_session_ends_when_nobody_uses_it_and_pages_that_refresh_themselves_are_no_use(db: None) -> None:
    somebody()
    client = Client()
    with time_machine.travel(NOON, tick=False) as clock:
        log_in(client)
        for _ in range(3):
            clock.shift(dt.timedelta(minutes=50))
            assert client.get(HOME).status_code == 200
        clock.shift(dt.timedelta(minutes=40))
        assert client.get(HOME, HTTP_SEC_FETCH_DEST="empty").status_code == 200
        clock.shift(dt.timedelta(minutes=21))
        gone = client.get(HOME, follow=True)
        assert "nothing was done for 60 minutes" in gone.content.decode()
        assert client.get(HOME).status_code == 302


def test_a_session_ends_when_it_is_old_however_busy(db: None) -> None:
    somebody()
    client = Client()
    with time_machine.travel(NOON, tick=False) as clock:
        log_in(client)
        for _ in range(14):
            clock.shift(dt.timedelta(minutes=50))
            assert client.get(HOME).status_code == 200
        clock.shift(dt.timedelta(minutes=50))
        assert "too old" in client.get(HOME, follow=True).content.decode()


def test_a_new_password_ends_all_other_sessions_and_is_written_down(db: None) -> None:
    somebody()
    client, other = Client(), Client()
    log_in(client)
    log_in(other)
    new = "staple horse battery"
    values = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", values).status_code == 302
    assert client.get(HOME).status_code == 200
    assert other.get(HOME).status_code == 302
    assert written("change_password").subject == "user:olga"


def act(name: str, user: User) -> str:
    return reverse("admin:auth_user_act", args=[user.pk, name])


def test_an_owner_adds_people_gives_roles_locks_and_resets(db: None) -> None:
    owner = Client()
    owner.force_login(somebody("boss", Role.OWNER))
    added = owner.post(
        reverse("admin:auth_user_list_act", args=["add"]), {"name": "nina", "role": "operator", **REASON}
    )
    secret = re.findall(r'<span class="rh-mono">(\w+)</span>', added.content.decode())[0]
    nina = User.objects.get(username="nina")
    client = Client()
    assert log_in(client, "nina", secret).status_code == 302
    assert (nina.is_staff, nina.is_superuser, role_of(nina)) == (True, False, Role.OPERATOR)
    assert owner.post(act("role", nina), {"role": "supervisor", **REASON}).status_code == 302
    assert written("set_role").before == {"role": "operator"}
    enrol(client, nina)
    assert owner.post(act("reset_factor", nina), REASON).status_code == 302
    assert written("reset_second_factor").reason == REASON["reason"]
    assert not AuthenticatorApp.objects.filter(user=nina).exists()
    assert owner.post(act("lock", nina), REASON).status_code == 302
    assert client.get(HOME).status_code == 302
    assert owner.post(act("unlock", nina), REASON).status_code == 302
    assert log_in(client, "nina", secret).status_code == 302
    assert owner.post(act("password", nina), REASON).status_code == 200
    assert client.get(HOME).status_code == 302
    assert secret not in str(list(AuditEntry.objects.values()))


def test_nobody_acts_on_themselves_and_an_owner_not_on_a_superuser(db: None) -> None:
    boss, root = somebody("boss", Role.OWNER), User.objects.create_superuser("root", password=PASSWORD)
    owner = Client()
    owner.force_login(boss)
    for user, values in ((boss, {"role": "viewer", **REASON}), (root, {"role": "viewer", **REASON})):
        assert owner.post(act("role", user), values).status_code == 200
    assert owner.post(act("password", root), REASON).status_code == 200
    assert (role_of(boss), role_of(root)) == (Role.OWNER, "everything")
    assert root.check_password(PASSWORD)
    assert not AuditEntry.objects.exists()


def test_a_wait_of_wrong_passwords_is_taken_back_by_an_owner(db: None) -> None:
    user = somebody()
    owner = Client()
    owner.force_login(somebody("boss", Role.OWNER))
    for _ in range(5):
        log_in(Client(), password="wrong")
    page = owner.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()
    assert "until 20" in page
    assert owner.post(act("unlock", user), REASON).status_code == 302
    assert log_in(Client()).status_code == 302


def test_the_command_line_does_what_the_pages_do(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    why = ("--reason", "first day")
    made = command("people", "add", "nina", "--role", "owner", *why, "--json").json
    assert log_in(Client(), "nina", made["password"]).status_code == 302
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough secret\n"))
    told = command("people", "password", "nina", "--password-stdin", *why, "--json")
    assert "secret" not in told.out
    assert log_in(Client(), "nina", "a long enough secret").status_code == 302
    last = command("people", "role", "nina", "viewer", *why, "--json")
    assert (last.status, last.json["error"]["code"]) == (1, "last_owner")
    command("people", "add", "olga", "--role", "viewer", *why)
    assert command("people", "role", "olga", "owner", *why, "--json").json["role"] == "owner"
    assert command("people", "lock", "nina", *why, "--json").json["active"] is False
    assert command("people", "unlock", "nina", *why, "--json").json["active"] is True
    assert command("people", "reset-factor", "nina", *why, "--json").json["error"]["code"] == "unchanged"
    assert command("people", "lock", "nobody", *why, "--json").json["error"]["code"] == "no_such_person"
    assert [row["name"] for row in command("people", "list", "--json").lines] == ["nina", "olga"]
    assert "command line" in written("lock_person").actor_name


def test_a_browser_is_told_to_load_nothing_of_others_and_to_be_in_no_frame(db: None) -> None:
    admin, outside = Client().get(LOGIN), Client().get("/healthz")
    rules = dict(rule.split(" ", 1) for rule in admin.headers["Content-Security-Policy"].split("; "))
    assert rules == {
        "default-src": "'self'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "script-src": "'self' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
    }
    assert "unsafe" not in outside.headers["Content-Security-Policy"]
    assert admin.headers["Referrer-Policy"] == "same-origin"
    assert admin.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in admin.headers["Permissions-Policy"]
