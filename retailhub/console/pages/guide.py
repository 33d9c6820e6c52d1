"""The first-run guide: from nothing to the first posted order, in steps that anybody may take up where they stand.

Each act is a POST that calls the services which ``manage.py connection`` and ``manage.py catalogue`` call.
"""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from integrations import connections, doctor, organisation, setups, webhook_secrets
from integrations.ports.errors import Misconfigured
from integrations.setups import TOPICS, Kind, Setup, Side, kind_named
from integrations.states import Mode
from inventory.services import first_look
from orders.decided import HELD, SHADOW
from retailhub.console.pages import guide_looks as looks
from retailhub.console.pages.guide_forms import ConnectForm, ModeForm, RouteForm
from retailhub.console.pages.guide_state import STEPS, OpenStep, address, has_worker, open_steps, troubles
from retailhub.console.pages.guide_words import WORDS
from retailhub.core import clock
from retailhub.core.admin.parts import subject_url

READ_SECONDS = 12.0
"""How long a page waits for a catalogue."""
TITLE = "Set-up"


def open_steps_for(request: HttpRequest) -> list[OpenStep]:
    """The steps that are not done, for the line on the home page of those who may see connections."""
    return open_steps() if request.user.has_perm("integrations.view_connection") else []


def overview(request: HttpRequest) -> HttpResponse:
    """All steps, each with how it stands and what is to be done."""
    setup = _setup(request)
    done = setup.done
    steps = [
        {"key": key, "number": number, "title": title, "words": WORDS[key], "is_done": done[key]}
        for number, (key, title) in enumerate(STEPS.items(), 1)
    ]
    store = setup.store.row if setup.store else None
    is_shadow = store is not None and store.mode == Mode.SHADOW.value
    waits = [side for side in (setup.erp, setup.store) if side is not None and side.is_open]
    return _page(
        request,
        "guide",
        setup,
        steps=steps,
        done_count=sum(done.values()),
        present=setup.present,
        may={act: request.user.has_perm(f"console.{act}") for act in ("connect_system", "set_connection_mode")},
        is_waiting=bool(waits),
        is_live=is_shadow or (done["live"] and not done["posted"]),
        no_worker=not has_worker(),
        shadow=looks.shadow(store.pk) if store is not None and is_shadow else None,
        hook=connections.deliver_to(store.name) if store is not None else "",
        posted_url=subject_url(setup.posted.subject) if setup.posted is not None else "",
    )


def connect(request: HttpRequest) -> HttpResponse:
    """A form for a new connection (``role``, ``kind``) or one that there is (``name``); saving it has it tested."""
    setup, name = _setup(request), _asked(request, "name")
    side = setups.side_named(name)
    row = side.row if side is not None else None
    role = kind_named(row.kind).role if row else ("store" if _asked(request, "role") == "store" else "erp")
    choice = _choice(role)
    kind = kind_named(row.kind) if row else next((k for k in choice if k.name == _asked(request, "kind")), choice[0])
    found = troubles(side) if request.method == "GET" else {}
    form = ConnectForm(_sent(request), kind=kind, row=row, troubles=found)
    if form.is_valid():
        saved = _save(request, form, kind, side)
        if saved is not None:
            return HttpResponseRedirect(address({**setup.names, role: saved}, step=role))
    return _page(request, "guide_connect", setup, form=form, kind=kind, kinds=choice, role=role, row=row)


def _save(request: HttpRequest, form: ConnectForm, kind: Kind, side: Side | None) -> str | None:
    """Make or change the connection, and have it tested; its name, or ``None`` with the reason on the form."""
    values: dict[str, Any] = {"settings": form.settings(), "credentials": form.credentials(), "now": clock.now()}
    name = side.row.name if side else str(form.cleaned_data["connection_name"])
    try:
        if side is None:
            off = Mode.OFF.value
            connections.add(name=name, kind=kind.name, mode=off, live_from=None, actor=request.user, **values)
        else:
            reason = form.cleaned_data["reason"]
            connections.change(name=name, limits={}, reason=reason, actor=request.user, **values)
    except Misconfigured as error:
        form.add_error("store_code" if "store_code" in error.detail else None, error.detail)
        return None
    except IntegrityError:
        form.add_error("connection_name", f"There is a connection named {name} already.")
        return None
    _ask_doctor(request, name, "saved in the set-up")
    messages.success(request, f"{name} is saved and will be tested now.")
    return name


def _ask_doctor(request: HttpRequest, name: str, reason: str) -> None:
    # one that waits already looks at what is saved now
    with contextlib.suppress(doctor.UnderWay):
        doctor.ask(name=name, actor=request.user, reason=reason, now=clock.now())


def test(request: HttpRequest) -> HttpResponse:
    """Have a connection of the set-up tested again."""
    setup = _setup(request)
    name = _asked(request, "name")
    if name not in setup.names.values():
        return _refused(request, setup, "There is no such connection to test.")
    _ask_doctor(request, name, "tested again in the set-up")
    step = next(role for role, each in setup.names.items() if each == name)
    return HttpResponseRedirect(address(setup, step=step))


def route(request: HttpRequest) -> HttpResponse:
    """The company, the region, and the route of the store's orders to the ERP."""
    setup = _setup(request)
    if setup.store is None or setup.erp is None:
        return _refused(request, setup, "Connect an ERP and a store first.")
    form = RouteForm(_sent(request))
    if form.is_valid():
        try:
            organisation.add_route(
                store=setup.store.row.name,
                sink=setup.erp.row.name,
                **form.cleaned_data,
                actor=request.user,
                now=clock.now(),
            )
        except Misconfigured as error:
            form.add_error("region" if "egion" in error.detail else None, error.detail)
        else:
            where = ", ".join(form.cleaned_data["countries"]) or "all countries"
            messages.success(request, f"Orders of {setup.store.row.name} for {where} go to {setup.erp.row.name}.")
            return HttpResponseRedirect(address(setup, step="route"))
    return _page(request, "guide_route", setup, form=form)


def catalogue(request: HttpRequest) -> HttpResponse:
    """Read the ERP's catalogue, as far as a page waits."""
    setup = _setup(request)
    if setup.erp is None:
        return _refused(request, setup, "Connect an ERP first.")
    found = first_look.import_within(connection_name=setup.erp.row.name, seconds=READ_SECONDS, actor=request.user)
    read = f"{found.read:,} products of {setup.erp.row.name} were read, {found.new:,} of them new."
    if found.is_whole:
        messages.success(request, read)
    elif found.error is not None and found.error.code != "timed_out":
        messages.error(request, f"{read} Then: {found.error.detail}")
    else:
        messages.warning(
            request,
            f"{read} There are more than this page waits for ({READ_SECONDS:.0f} s). Go on to the next step: workers"
            " read the whole catalogue each minute while the ERP is in shadow or live.",
        )
    return HttpResponseRedirect(address(setup, step="skus"))


def skus(request: HttpRequest) -> HttpResponse:
    """How many of the store's SKUs the ERP knows, and which it does not."""
    setup = _setup(request)
    if setup.store is None or setup.erp is None:
        return _refused(request, setup, "Connect an ERP and a store first.")
    found = first_look.compare(
        store=setup.store.row.name, sink=setup.erp.row.name, seconds=READ_SECONDS, actor=request.user
    )
    return _page(request, "guide_skus", setup, found=found, seconds=int(READ_SECONDS), shown=found.unknown[:200])


def secret(request: HttpRequest) -> HttpResponse:
    """Where the store's webhooks deliver to, and what they are signed with, to be made by hand."""
    setup = _setup(request)
    if setup.store is None:
        return _refused(request, setup, "Connect a store first.")
    shown = webhook_secrets.show(row=setup.store.row, actor=request.user, now=clock.now())
    hook = request.build_absolute_uri(f"{connections.INTAKE}{setup.store.row.name}/")
    return _page(request, "guide_secret", setup, hook=hook, secret=shown, topics=TOPICS)


MODES = {
    "shadow": ("Switch both to shadow", "Both are in shadow mode: orders come in, and nothing is posted."),
    "live": ("Go live", "Both are live: orders are posted from now on."),
    "off": ("Switch both off", "Both are off: what comes in is kept."),
}
"""By mode: what the button says, and what is said when it is done."""


def mode(request: HttpRequest) -> HttpResponse:
    """Switch ERP and store to ``to``: live, off, or shadow with the moment from which orders are posted later."""
    setup, to = _setup(request), _asked(request, "to")
    refusal = _why_not(setup, to)
    if refusal or setup.store is None or setup.erp is None:
        return _refused(request, setup, refusal)
    store, erp = setup.store.row, setup.erp.row
    form = ModeForm(_sent(request), asks_moment=to == "shadow", kept=store.live_from)
    if form.is_valid():
        now = clock.now()
        # what is to be posted must find the ERP live already; what is to stop must stop at the store first
        names = [erp.name, store.name] if to != "off" else [store.name, erp.name]
        connections.set_modes(
            names=names,
            mode=to,
            live_from=form.moment(now),
            actor=request.user,
            reason=form.cleaned_data["reason"],
            now=now,
        )
        messages.success(request, MODES[to][1])
        return HttpResponseRedirect(address(setup, step={"live": "posted"}.get(to, "shadow")))
    return _page(
        request,
        "guide_mode",
        setup,
        form=form,
        to=to,
        button=MODES[to][0],
        would=looks.decided(store_id=store.pk, decision=SHADOW),
        held=looks.decided(store_id=store.pk, decision=HELD),
        panels=[looks.first_to_post(store.pk)] if to == "live" else [],
    )


def _why_not(setup: Setup, to: str) -> str:
    if to not in MODES:
        return "Choose shadow, live or off."
    if setup.store is None or setup.erp is None:
        return "Connect an ERP and a store first."
    if to != "off" and not setup.done["route"]:
        return "Say first where the store's orders go."
    if to == "live" and setup.store.row.live_from is None:
        return "Look on in shadow mode first, and say there from which moment on orders are posted."
    return ""


def _setup(request: HttpRequest) -> Setup:
    return setups.find(store=_asked(request, "store"), erp=_asked(request, "erp"))


def _asked(request: HttpRequest, name: str) -> str:
    """What the address says; a form is sent to the address that it was read from."""
    return request.GET.get(name, "")


def _sent(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _choice(role: str) -> list[Kind]:
    """The kinds that are offered: sandboxes for development, and where one is connected already, as in the demo."""
    with_sandbox = settings.DEBUG or setups.has_sandbox()
    return [kind for kind in setups.kinds(role) if with_sandbox or not kind.sandbox]


def _refused(request: HttpRequest, setup: Setup, why: str) -> HttpResponse:
    messages.error(request, why)
    return HttpResponseRedirect(address(setup))


def _page(request: HttpRequest, template: str, setup: Setup, **context: Any) -> HttpResponse:
    request.current_app = admin.site.name
    shown = {**admin.site.each_context(request), "title": TITLE, "setup": setup, "guide_url": address(setup), **context}
    return TemplateResponse(request, f"console/{template}.html", shown)
