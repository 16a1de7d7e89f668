"""Client tokens: a request that is repeated with its token is not carried out again."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from pileus.kernel import Call, Fault
from pileus.kernel.record import Record

from . import ram

F = TypeVar("F", bound=Callable[..., dict[str, Any]])

KEPT = 86400.0


class Done(Record, key=("operation", "token")):
    """What was answered to a request with a token."""

    operation: str
    token: str
    request: str
    answer: dict[str, Any]


def idempotent(function: F) -> F:
    """Answer a repeated request as the first time; the token stands in every answer."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def once(call: Call, *arguments: Any, **members: Any) -> dict[str, Any]:
        given = signature.bind(call, *arguments, **members).arguments
        token = given.get("client_token", "")
        if not token:
            return function(call, *arguments, **members)
        asked = {name: value for name, value in call.members.items() if name != "clientToken"}
        request = hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()
        if done := Done.get(call, call.operation, token):
            if done.request != request:
                raise Fault(
                    "IdempotentParameterMismatchException",
                    "The request has the same client token as an earlier one, and other parameters.",
                )
            return done.answer
        answer = function(call, *arguments, **members) | {"clientToken": token}
        Done(call.operation, token, request, answer).put(call)
        forget_token.later(call, operation=call.operation, token=token, delay=KEPT)
        return answer

    return once  # type: ignore[return-value]


@ram.task
def forget_token(call: Call, operation: str, token: str) -> None:
    """A token is good for a day."""
    if done := Done.get(call, operation, token):
        done.delete(call)
