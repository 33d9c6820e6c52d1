"""Coming in: log-in, second factor, own password. Every page of the console stands behind these."""

from __future__ import annotations

from typing import Any

import django_otp
from django import forms
from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django_otp.plugins.otp_static.models import StaticDevice
from unfold.widgets import UnfoldAdminTextInputWidget

from retailhub.console import access_factor as factor
from retailhub.console.access_door import client_address
from retailhub.console.access_factor import Standing, WrongCode, standing
from retailhub.core import audit, clock
from retailhub.core.admin import Site

CODE_PAGE, SETUP_PAGE = "second_factor", "second_factor_setup"


class CodeForm(forms.Form):
    """One code."""

    code = forms.CharField(
        max_length=20,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class DoorSite(Site):
    """The admin site whose every page asks for a password, and for a second factor from who has or needs one."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("second-factor/", never_cache(self.second_factor), name=CODE_PAGE),
            path("second-factor/setup/", never_cache(self.second_factor_setup), name=SETUP_PAGE),
        ]
        return [*own, *super().get_urls()]

    def has_permission(self, request: HttpRequest) -> bool:
        return standing(request) is Standing.IN

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "GET" and standing(request) in {Standing.CODE, Standing.ENROL}:
            return HttpResponseRedirect(self._next_step(request))
        answer: HttpResponse = super().login(request, extra_context)
        if request.method != "POST":
            return answer
        if answer.status_code != 302:
            _write_refusal(request)
            return answer
        _write(request, "log_in", f"By password, from {client_address(request) or 'an unknown address'}.")
        return HttpResponseRedirect(self._next_step(request))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer: HttpResponse = super().password_change(request, extra_context)
        if request.method == "POST" and answer.status_code == 302:
            _write(request, "change_password", "The own password; all other sessions have ended.")
        return answer

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Ask for a code of the app, or a backup code. ``leave`` ends the session instead."""
        if standing(request) is not Standing.CODE:
            return HttpResponseRedirect(self._next_step(request))
        form = CodeForm(request.POST if request.method == "POST" else None)
        if "leave" in request.POST:
            auth.logout(request)
            return HttpResponseRedirect(reverse("admin:login"))
        if form.is_valid():
            try:
                device = factor.verify(user=_person(request), code=form.cleaned_data["code"], now=clock.now())
            except WrongCode as error:
                form.add_error("code", str(error))
            else:
                self._let_in(request, device)
                return HttpResponseRedirect(_target(request))
        return self._page(request, "console/second_factor.html", title="Second factor", form=form)

    def second_factor_setup(self, request: HttpRequest) -> HttpResponse:
        """Set up a second factor, or change the one there is: another app, new backup codes."""
        if standing(request) not in {Standing.IN, Standing.ENROL}:
            return HttpResponseRedirect(self._next_step(request))
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        user = _person(request)
        if "leave" in request.POST:
            auth.logout(request)
            return HttpResponseRedirect(reverse("admin:login"))
        if "new_codes" in request.POST and factor.is_enrolled(user):
            return self._codes(request, factor.new_codes(user=user, now=clock.now()))
        if factor.is_enrolled(user) and not ({"code", "another"} & set(request.POST)):
            left = factor.codes_left(user)
            return self._page(request, "console/second_factor_own.html", title="Second factor", left=left)
        return self._enrol(request, user)

    def _enrol(self, request: HttpRequest, user: User) -> HttpResponse:
        device = factor.begin(user)
        form = CodeForm(request.POST if "code" in request.POST else None)
        if form.is_valid():
            try:
                device, codes = factor.confirm(user=user, code=form.cleaned_data["code"], now=clock.now())
            except WrongCode as error:
                form.add_error("code", str(error))
            else:
                self._let_in(request, device)
                return self._codes(request, codes)
        return self._page(
            request,
            "console/second_factor_setup.html",
            title="Set up a second factor",
            form=form,
            picture=factor.picture(device),
            secret=factor.secret_text(device),
            required=settings.SECOND_FACTOR == "required",
        )

    def _codes(self, request: HttpRequest, codes: list[str]) -> HttpResponse:
        return self._page(request, "console/backup_codes.html", title="Backup codes", codes=codes)

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        request.current_app = self.name
        shown = {
            **self.each_context(request),
            "next_url": _target(request),
            "next_name": REDIRECT_FIELD_NAME,
            **context,
        }
        return TemplateResponse(request, template, shown)

    @staticmethod
    def _let_in(request: HttpRequest, device: Any) -> None:
        request.session.cycle_key()
        django_otp.login(request, device)
        if isinstance(device, StaticDevice):
            left = factor.codes_left(_person(request))
            messages.warning(request, f"That backup code is used up; {left} are left. New ones: Second factor.")

    @staticmethod
    def _next_step(request: HttpRequest) -> str:
        pages = {Standing.OUT: "login", Standing.CODE: CODE_PAGE, Standing.ENROL: SETUP_PAGE}
        page = pages.get(standing(request))
        if page is None:
            return _target(request)
        return f"{reverse(f'admin:{page}')}?{urlencode({REDIRECT_FIELD_NAME: _target(request)})}"


def _person(request: HttpRequest) -> User:
    """The person of a request that has passed `standing`."""
    if request.user.pk is None:
        raise PermissionDenied
    return User.objects.get(pk=request.user.pk)


def _target(request: HttpRequest) -> str:
    """Where the person was going, if that is a page of ours; the home page otherwise."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else reverse("admin:index")


def _write(request: HttpRequest, action: str, reason: str) -> None:
    name = request.user.get_username()
    audit.record(actor=request.user, action=action, subject=f"user:{name}"[:120], reason=reason, now=clock.now())


def _write_refusal(request: HttpRequest) -> None:
    """Of people we know only: else whoever types makes rows, and now and then a password is typed as a name."""
    user = User.objects.filter(username=request.POST.get("username", "")).first()
    locked = getattr(request, "axes_locked_out", False)
    counted = getattr(request, "axes_failures_since_start", None)
    if user is None or (locked and counted is None):
        return
    address = client_address(request) or "an unknown address"
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    _write_about(user, "log_in_refused", f"From {address}.")
    if locked:
        _write_about(user, "lock_log_in", f"{counted} wrong passwords from {address}; locked for {minutes} minutes.")


def _write_about(user: User, action: str, reason: str) -> None:
    subject = f"user:{user.get_username()}"[:120]
    audit.record(actor="log-in page", action=action, subject=subject, reason=reason, now=clock.now())
