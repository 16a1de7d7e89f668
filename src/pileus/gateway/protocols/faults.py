"""Errors as they leave the house: their code in the spelling of each protocol, their status, and who is to blame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pileus.kernel.errors import COMMON, Fault
from pileus.models import Model, Shape, query_form

from .fields import field_value


class Malformed(ValueError):
    """What a client sent cannot be read as the shape that stands there; each protocol answers in its own words."""


# The canonical codes are the query protocol's. The JSON family (json, rest-json, cbor) spells these ones differently.
JSON_SPELLING = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidAction": "UnknownOperationException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "ThrottlingException",
    "ValidationError": "ValidationException",
}
QUERY_SPELLING = {
    "AccessDeniedException": "AccessDenied",
    "SerializationException": "MalformedInput",
    "ThrottlingException": "Throttling",
    "UnknownOperationException": "InvalidAction",
    "ValidationException": "ValidationError",
}
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
EC2_SPELLING = QUERY_SPELLING | {
    "AccessDenied": "UnauthorizedOperation",
    "AccessDeniedException": "UnauthorizedOperation",
    "InternalFailure": "InternalError",
    "InvalidClientTokenId": "AuthFailure",
    "SignatureDoesNotMatch": "AuthFailure",
    "Throttling": "RequestLimitExceeded",
    "ThrottlingException": "RequestLimitExceeded",
    "ServiceUnavailable": "Unavailable",
}
EC2_STATUS = {"AuthFailure": 401, "RequestLimitExceeded": 503}
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
S3_SPELLING = QUERY_SPELLING | {
    "IncompleteSignature": "AuthorizationHeaderMalformed",
    "InternalFailure": "InternalError",
    "InvalidAction": "MethodNotAllowed",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "MissingAuthenticationToken": "AccessDenied",
    "RequestExpired": "AccessDenied",
    "SerializationException": "MalformedXML",
    "Throttling": "SlowDown",
    "ThrottlingException": "SlowDown",
    "UnknownOperationException": "MethodNotAllowed",
    "ValidationError": "InvalidRequest",
    "ValidationException": "InvalidRequest",
}
S3_STATUS = {
    "AuthorizationHeaderMalformed": 400,
    "ExpiredToken": 400,
    "InvalidRequest": 400,
    "MethodNotAllowed": 405,
    "SlowDown": 503,
}
# JSON services answer 400 to whom they do not let in: "Error messages and codes" of the DynamoDB Developer Guide.
JSON_STATUS = {
    "AccessDeniedException": 400,
    "ExpiredTokenException": 400,
    "IncompleteSignatureException": 400,
    "InvalidSignatureException": 400,
    "MissingAuthenticationTokenException": 400,
    "UnrecognizedClientException": 400,
}


class WireFault(NamedTuple):
    """A fault as one protocol tells it."""

    code: str
    status: int
    message: str
    shape: Shape | None
    """The service's own exception shape, unless the error is common to all services."""
    members: dict[str, Any]

    @property
    def party(self) -> str:
        """Who is to blame, in the words of the query protocol."""
        return "Receiver" if self.status >= 500 else "Sender"


def told(
    model: Model, fault: Fault, spelling: Mapping[str, str], statuses: Mapping[str, int], *, by_shape: bool = False
) -> WireFault:
    """The fault with its code and status on the wire. LookupError when neither the model nor AWS knows the code.

    `by_shape`: the protocol names errors by their shapes, and not by the codes of the models' error traits.
    """
    code = fault.code
    shape = model.exception(code)
    if shape is None and code in spelling:
        code = spelling[code]
        shape = model.exception(code)
    status = fault.status or (
        shape.status if shape else statuses.get(code) or COMMON.get(fault.code) or COMMON.get(code)
    )
    if status is None and model.protocols[0] == "ec2":  # whose codes are in its guide alone, and nearly all mean 400
        status = 400
    if status is None:
        raise LookupError(f"{fault.code} is no error of {model.name}, not common to all services, and has no status")
    members = {name: value for name, value in fault.members.items() if value is not None}
    return WireFault(shape.error_code if shape and not by_shape else code, status, fault.message, shape, members)


def message_member(shape: Shape | None) -> str:
    """The member that carries the message, as the shape spells it."""
    names = shape.members if shape else ()
    return next((name for name in names if name.lower() == "message"), "message")


def members_of(wire: WireFault) -> dict[str, Any]:
    """The members to write, the message among them."""
    name = message_member(wire.shape)
    return {name: wire.message, **wire.members} if wire.message else wire.members


def query_error(model: Model, fault: Fault, wire: WireFault) -> list[tuple[str, str]]:
    """The header by which services that once spoke the query protocol tell the code that they had there.

    https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
    """
    if "awsQueryCompatible" not in model.metadata:
        return []
    try:
        queried = query_form(model.name).exception(fault.code)
    except KeyError:
        queried = wire.shape
    code = queried.error_code if queried else QUERY_SPELLING.get(fault.code, fault.code)
    return [("x-amzn-query-error", field_value(f"{code};{wire.party}"))]
