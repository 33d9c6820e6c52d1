"""Role × page × act, read off the addresses that the product answers. docs/operating/roles.md is made from it.

Every address must be known here or in `retailhub.core.access`: `rows` raises for one that is not, so that a page
without a line in the table cannot be released.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.contrib import admin
from django.urls import get_resolver

from retailhub.console.pages.directory import PAGES
from retailhub.core.access import MEANINGS, ROUTES, VIEWS, Role, grants, permissions_of

PUBLIC = ("healthz", "readyz", "metrics", "", "admin/login/")
"""Addresses for which nobody logs in."""
INSIDE = frozenset(
    {"index", "logout", "password_change", "password_change_done", "jsi18n", "search", "second_factor"}
    | {"second_factor_setup", "view_on_site"}
)
"""Pages for everybody who is in. Each shows no more than its reader may see."""
REFUSED = frozenset({"autocomplete"})
"""Answers with the rows of other lists, and no form of ours asks it."""
READ, SEND = ("GET", "HEAD"), ("POST",)


class NotDeclared(Exception):
    """An address, page, list or act has no line in the table of roles."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that somebody may ask for: an address, how it is asked, and which permissions that needs.

    ``needs`` is a choice of sets, each enough; none at all is for nobody, one empty set for everybody who is in.
    """

    address: str
    route: str
    what: str
    methods: tuple[str, ...]
    needs: tuple[frozenset[str], ...]
    act: str = ""
    model: Any = None
    public: bool = False

    def allows(self, permissions: frozenset[str]) -> bool:
        """Whether who has these permissions, and is in, may ask for it."""
        return self.public or any(need <= permissions for need in self.needs)


def rows() -> list[Row]:
    """Every address of the product with its methods. Raises `NotDeclared`."""
    found = [row for address, name in _addresses(get_resolver().url_patterns) for row in _rows(address, name)]
    known = set(grants())
    for row in found:
        missing = frozenset().union(*row.needs) - known
        if missing:
            raise NotDeclared(
                f"{row.address} ({row.what}) needs {sorted(missing)}: say who, in retailhub/core/access.py."
            )
    return found


def _addresses(patterns: Sequence[Any], before: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        address = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _addresses(pattern.url_patterns, address)
        else:
            yield address, pattern.name or ""


def _rows(address: str, name: str) -> list[Row]:
    everybody = (frozenset[str](),)
    page = next((page for page in PAGES if page.name == name), None)
    model = next((model for model in admin.site._registry if f"/{_path(model)}/" in f"/{address}"), None)
    if address in PUBLIC:
        return [_row(address, name, "open to all", READ, everybody, public=True)]
    if page is not None:
        return [_row(address, name, page.label or page.name, page.methods, (frozenset({page.permission}),))]
    if name in ROUTES:
        return [_row(address, name, name.rpartition("_")[2], READ + SEND, (frozenset({ROUTES[name]}),), model=model)]
    if model is not None:
        return _rows_of_model(address, name, model)
    if name in INSIDE:
        return [_row(address, name, name.replace("_", " "), READ + SEND, everybody)]
    if name in REFUSED:
        return [_row(address, name, name, READ, ())]
    if name == "app_list":
        return [_app_row(label) for label in sorted({model._meta.app_label for model in admin.site._registry})]
    if address == "admin/(?P<url>.*)$":
        return [_row("admin/…", "", "no such page", READ + SEND, everybody)]
    raise NotDeclared(f"{address} ({name or 'without a name'}) is no page of the directory and not in ROUTES.")


def _rows_of_model(address: str, name: str, model: Any) -> list[Row]:
    page: Any = admin.site._registry[model]
    boss = _boss()
    app, noun = model._meta.app_label, model._meta.model_name
    view = frozenset({f"{app}.view_{noun}"})
    kind = name.removeprefix(f"{app}_{noun}_")

    def row(what: str, methods: tuple[str, ...], needs: tuple[frozenset[str], ...], act: str = "") -> Row:
        return _row(address, name, what, methods, needs, act=act, model=model)

    def verb(word: str) -> tuple[frozenset[str], ...]:
        return (frozenset({f"{app}.{word}_{noun}"}),) if getattr(page, f"has_{word}_permission")(boss) else ()

    acts = page.acts if kind == "act" else getattr(page, f"{kind.removesuffix('_act')}_acts", None)
    if kind and acts is not None:
        return [row(act.label, READ + SEND, (view | {act.permission},), act.name) for act in acts]
    if kind == "changelist":
        return [row("list", READ + SEND, (view,))]
    if kind == "change":
        save = [row("save", SEND, verb("change"))] if verb("change") else [row("page, sent: reads", SEND, (view,))]
        return [row("page", READ, (view,)), *save]
    if kind == "history":
        return [row("history", READ, (view,))]
    if kind in {"add", "delete"}:
        return [row(kind, READ + SEND, verb(kind))]
    if not name:
        return [row("leads to the page", READ, (frozenset(),))]
    raise NotDeclared(f"{address} ({name}) has no line in ROUTES of retailhub/core/access.py.")


def _app_row(app: str) -> Row:
    lists = tuple(frozenset({f"{app}.view_{name.partition('.')[2]}"}) for name in VIEWS if name.startswith(f"{app}."))
    return _row(f"admin/{app}/", "app_list", "lists of an app", READ + SEND, lists, act=app)


def _row(address: str, route: str, what: str, methods: tuple[str, ...], needs: Any, **more: Any) -> Row:
    return Row(address=address, route=route, what=what, methods=methods, needs=needs, **more)


def _path(model: Any) -> str:
    return f"{model._meta.app_label}/{model._meta.model_name}"


def _boss() -> Any:
    """Somebody with every permission: what even they may not do, no page offers."""
    return SimpleNamespace(user=SimpleNamespace(is_active=True, is_staff=True, has_perm=lambda *_: True))


HEAD = """# Roles

Everybody has one role. What a role may do is one table in the code (`retailhub/core/access.py`); `migrate` makes groups
of it, and a test asks every address below as each role, as nobody, and as somebody without a role.

| role | does what |
|---|---|
{meanings}

Nobody who is not logged in gets past the log-in page. Somebody without a role comes in and sees nothing. A superuser,
made by `manage.py createsuperuser` for the first hour, may do everything. How people come in: [access](access.md).

## Every page and act
{matrix}
"""


def document() -> str:
    """The whole matrix as a page for people."""
    held = {role: permissions_of(role) for role in Role}
    heads = " | ".join(role.value for role in Role)
    lines = [f"| address | what | how | {heads} |", "|---|---|---|" + "---|" * len(held)]
    for row in rows():
        cells = " | ".join("yes" if row.allows(permissions) else "–" for permissions in held.values())
        address = re.sub(r"<\w+:\w+>", "…", row.address.replace("<slug:act>", row.act))
        how = ", ".join(method for method in row.methods if method != "HEAD")
        lines.append(f"| `/{address}` | {row.what} | {how} | {cells} |")
    meanings = "\n".join(f"| {role} | {meaning} |" for role, meaning in MEANINGS.items())
    return HEAD.format(meanings=meanings, matrix="\n".join(lines))
