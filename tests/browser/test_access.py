"""Coming in by a real browser: the second factor set up, used, and a person added."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django_otp.oath import totp
from playwright.sync_api import expect

from retailhub.console.models import AuthenticatorApp
from retailhub.core.access import Role
from tests.browser.conftest import PASSWORD
from tests.browser.support import Person


def test_an_owner_sets_up_a_second_factor_comes_in_by_a_backup_code_and_adds_a_person(
    person: Person, settings: Any
) -> None:
    settings.SECOND_FACTOR = "required"
    owner = User.objects.create_user("nina", password=PASSWORD, is_staff=True)
    owner.groups.set([Group.objects.get(name=Role.OWNER.value)])
    page = person.page
    person.log_in("nina", PASSWORD)
    expect(page.locator(".rh-qr svg")).to_be_visible()
    device = AuthenticatorApp.objects.get(user=owner)
    page.get_by_role("textbox", name="Code").fill(f"{totp(device.bin_key):06d}")
    page.get_by_role("button", name="Take into use").click()
    person.looks()
    codes = page.locator(".rh-codes li").all_inner_texts()
    person.open_link("I have kept them")

    page.context.clear_cookies()
    person.log_in("nina", PASSWORD)
    page.get_by_role("textbox", name="Code").fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    person.looks()
    expect(page.get_by_text("9 are left")).to_be_visible()

    person.go("/admin/auth/user/")
    person.open_link("Add a person")
    page.locator(".rh-form").get_by_label("Name").fill("paul")
    page.get_by_label("Reason").fill("new in the team")
    page.get_by_role("button", name="Add a person").click()
    person.looks()
    secret = page.locator(".rh-codes").inner_text()
    assert User.objects.get(username="paul").check_password(secret)
    person.open_link("Done")
    expect(page.locator(".rh-title")).to_have_text("paul")
