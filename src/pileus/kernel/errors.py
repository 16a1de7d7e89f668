"""Errors that a caller of the cloud is meant to see."""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """An AWS error: code, message, and further members of the error's shape.

    `code` is the name of one of the service's exception shapes, or a code that every service knows (`COMMON`), or,
    where AWS answers a code that its model does not list, any code together with its HTTP `status`.
    """

    def __init__(self, code: str, message: str = "", *, status: int | None = None, **members: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members
        self.headers: list[tuple[str, str]] = []
        """Header fields of the response, where the protocol is one of HTTP's."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Unfinished(Fault):
    """What is not built: HTTP 501, naming itself."""

    def __init__(self, message: str) -> None:
        super().__init__("NotImplemented", message, status=501)


# Errors common to all services (API references, section Common Errors), and their HTTP status. Codes that protocols
# spell differently stand here in the query protocol's spelling.
COMMON = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "ExpiredToken": 403,
    "IncompleteSignature": 403,
    "InternalFailure": 500,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidParameterCombination": 400,
    "InvalidParameterValue": 400,
    "InvalidQueryParameter": 400,
    "MalformedQueryString": 404,
    "MissingAction": 400,
    "MissingAuthenticationToken": 403,
    "MissingParameter": 400,
    "NotAuthorized": 400,
    "NotImplemented": 501,
    "OptInRequired": 403,
    "RequestEntityTooLarge": 413,
    "RequestExpired": 400,
    "SerializationException": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "Throttling": 400,
    "ThrottlingException": 400,
    "UnknownOperationException": 400,
    "ValidationError": 400,
    "ValidationException": 400,
}
