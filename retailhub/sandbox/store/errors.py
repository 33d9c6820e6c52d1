"""Refusals in the store's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class RestError(Exception):
    """An error answer. ``data`` goes into the body's ``data`` beside ``status``.

    ``keeps``: what was done before it happened stays done. ``bare`` is a body's ``data`` that is no object.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        data: Mapping[str, Any] | None = None,
        keeps: bool = False,
        bare: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.data = dict(data or {})
        self.keeps = keeps
        self.bare = bare

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        data: Any = {"status": self.status, **self.data} if self.bare is None else self.bare
        return {"code": self.code, "message": self.message, "data": data}


class BadParam(Exception):
    """One parameter that does not fit its schema. ``code`` and ``data`` as in the answer's details."""

    def __init__(self, message: str, code: str, data: Any = None) -> None:
        super().__init__(message)
        self.message, self.code, self.data = message, code, data


def invalid_params(problems: Mapping[str, BadParam]) -> RestError:
    """400 for parameters that do not fit, all of them at once."""
    details = {
        name: {"code": problem.code, "message": problem.message, "data": problem.data}
        for name, problem in problems.items()
    }
    params = {name: problem.message for name, problem in problems.items()}
    data = {"params": params, "details": details}
    return RestError(400, "rest_invalid_param", f"Invalid parameter(s): {', '.join(problems)}", data=data)


def missing_params(names: Sequence[str]) -> RestError:
    """400 for parameters that must be there."""
    text = f"Missing parameter(s): {', '.join(names)}"
    return RestError(400, "rest_missing_callback_param", text, data={"params": list(names)})


def no_route() -> RestError:
    """404 for an address nobody answers at."""
    return RestError(404, "rest_no_route", "No route was found matching the URL and request method.")


def invalid_id(resource: str, *, status: int = 404, message: str = "Invalid ID.") -> RestError:
    """404 (400 for writes) for a number that belongs to nothing."""
    return RestError(status, f"woocommerce_rest_{resource}_invalid_id", message)


def no_trash(resource: str) -> RestError:
    """501 for deleting without ``force`` what knows no trash. ``resource`` as a sentence begins: "Webhooks"."""
    return RestError(501, "woocommerce_rest_trash_not_supported", f"{resource} do not support trashing.")
