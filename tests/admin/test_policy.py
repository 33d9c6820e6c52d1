"""No page holds what the policy that goes with it refuses: inline scripts, handlers, anything of another host."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.urls import reverse

from tests.admin.test_pages import pages
from tests.support.world import World, person

LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "form": "action"}


class Refusals(HTMLParser):
    """Collects what `script-src 'self'`, `default-src 'self'` and `form-action 'self'` refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and "src" not in given and given.get("type") not in {"application/json", "text/template"}:
            self.found.append("inline script")
        self.found += [f"handler {name}" for name in given if name.startswith("on")]
        self.found += [f"script in {name}" for name, value in given.items() if value.startswith("javascript:")]
        if tag == "base" or (tag in LOADS and not own(given.get(LOADS[tag], ""))):
            self.found.append(f"{tag} {given}")


def own(address: str) -> bool:
    parts = urlsplit(address)
    return not parts.netloc and parts.scheme in {"", "data"}


def refused(html: str) -> list[str]:
    reader = Refusals()
    reader.feed(html)
    return reader.found


def test_no_page_holds_what_its_policy_refuses(world: World) -> None:
    client = person(everything=True)
    door = [reverse(f"admin:{name}") for name in ("login", "second_factor_setup", "password_change")]
    wrong = {}
    for url in [*pages(world), *door]:
        answer = client.get(url)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval';" in f"{policy};", url
        wrong[url] = refused(answer.content.decode()) if answer.status_code == 200 else []
    assert {url: found for url, found in wrong.items() if found} == {}


def test_the_reader_finds_what_is_refused() -> None:
    bad = (
        '<script>1</script><a onclick="x()" href="javascript:x()">x</a><img src="//cdn.example.com/x.png">'
        '<form action="https://elsewhere.example.com"></form><base href="/">'
    )
    assert len(refused(bad)) == 6
    assert refused('<script src="/static/a.js"></script><img src="data:image/png;base64,"><form></form>') == []
