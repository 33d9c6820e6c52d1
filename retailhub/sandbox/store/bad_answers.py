"""What broken stores answer, in the recorded forms, and how a login page or a cut answer looks."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from http import HTTPStatus

from retailhub.sandbox.store.calls import Answer, Request
from retailhub.sandbox.store.errors import RestError
from retailhub.sandbox.store.manners import Fault, Manners
from retailhub.sandbox.store.php import encode

_HTML = {"Content-Type": "text/html; charset=UTF-8"}
_NOTICE = (
    b'<br />\n<b>Warning</b>:  Undefined array key "x" in <b>/var/www/html/wp-content/plugins/some-plugin/x.php</b>'
    b" on line <b>12</b><br />\n"
)
_ERROR_PAGE = (
    b"<!DOCTYPE html>\n<html lang='en-US'><head><title>WordPress &rsaquo; Error</title></head>"
    b"<body id='error-page'><p>There has been a critical error on this website.</p></body></html>"
)
_LOGIN_PAGE = (
    b"<!DOCTYPE html>\n<html lang='en-US'><head><title>Log In &lsaquo; Shop &#8212; WordPress</title></head>"
    b"<body class='login'><form name='loginform' id='loginform' method='post'><input name='log'>"
    b"<input name='pwd' type='password'></form></body></html>"
)
_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>"
    b"\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)


def instead(fault: Fault, request: Request, manners: Manners) -> Answer:
    """The answer to a call that does not reach its page."""
    match fault:
        case Fault.RATE_LIMITED:
            body = encode(RestError(429, "rate_limited", "Too many requests.").body())
            return Answer(status=429, body=body, headers=retry_after(manners))
        case Fault.MAINTENANCE:
            text = "Briefly unavailable for scheduled maintenance. Check back in a minute."
            headers = {"Retry-After": str(manners.maintenance_seconds)}
            return Answer(status=503, body=_died(503, text), headers=headers)
        case Fault.DATABASE_DOWN:
            return Answer(status=500, body=_died(500, "<h1>Error establishing a database connection</h1>"))
        case Fault.FATAL:
            return fatal(request)
        case Fault.GATEWAY_DOWN:
            return Answer(status=502, body=_GATEWAY, headers={"Content-Type": "text/html"})
        case Fault.LOGIN_PAGE:
            return Answer(status=200, body=_LOGIN_PAGE, headers=dict(_HTML))
        case _:
            return Answer(status=500, body=_ERROR_PAGE, headers=dict(_HTML))


def fatal(request: Request) -> Answer:
    """A PHP fatal error: JSON only for who asked for nothing but JSON, a page for everybody else."""
    if request.headers.get("accept", "") != "application/json":
        return Answer(status=500, body=_ERROR_PAGE, headers=dict(_HTML))
    message = "Uncaught Error: Call to undefined function no_such_function() in some-plugin.php:8"
    data = {"error": {"type": 1, "message": message, "file": "some-plugin.php", "line": 8}}
    text = "<p>There has been a critical error on this website.</p>"
    body = RestError(500, "internal_server_error", text, data=data).body() | {"additional_errors": []}
    return Answer(status=500, body=encode(body))


def broken(manners: Manners, method: str, place: str, answer: Answer) -> bool:
    """Whether a read shows an order that breaks it. What is told without contents (``_fields``) has no order key."""
    if not manners.broken_orders or method != "GET" or not place.startswith("orders") or answer.status != HTTPStatus.OK:
        return False
    found = json.loads(answer.body)
    shown = [each for each in (found if isinstance(found, list) else [found]) if "order_key" in each]
    return any(each["id"] in manners.broken_orders for each in shown)


def spoil(fault: Fault, answer: Answer) -> Answer:
    """A proper answer with a plugin's warning before it, or cut in the middle."""
    if fault is Fault.NOTICE:
        return Answer(status=answer.status, body=_NOTICE + answer.body, headers=answer.headers)
    return Answer(status=answer.status, body=answer.body[: len(answer.body) // 2], headers=answer.headers)


def retry_after(manners: Manners) -> dict[str, str]:
    """In seconds or as a date."""
    if not manners.retry_after_as_date:
        return {"Retry-After": str(manners.retry_after_seconds)}
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=manners.retry_after_seconds)
    return {"Retry-After": email.utils.format_datetime(moment, usegmt=True)}


def redirect(request: Request, target: str) -> Answer:
    """Moved: path and query are the same there."""
    query = f"?{request.query}" if request.query else ""
    headers = {"Location": f"{target.rstrip('/')}{request.path}{query}", **_HTML}
    return Answer(status=301, body=b"", headers=headers)


def _died(status: int, message: str) -> bytes:
    body = {"code": "wp_die", "message": message, "data": {"status": status}, "additional_errors": []}
    return encode(body)
