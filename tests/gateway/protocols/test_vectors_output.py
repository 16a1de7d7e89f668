"""Every result and error of botocore's vectors, written by us, is what botocore's parser reads."""

from __future__ import annotations

from typing import Any

import pytest

from pileus.gateway.protocols import named
from pileus.kernel.errors import Fault
from pileus.models import Shape

from . import clients
from .vectors import Case, cases, same, value_of

OWN_HEADERS = {"x-amzn-requestid", "content-type"}


@pytest.mark.parametrize("case", cases("output"))
def test_response(case: Case) -> None:
    if "errorCode" in case.case:
        check_error(case)
    else:
        check_result(case)


def check_result(case: Case) -> None:
    operation = case.operation
    result = value_of(operation.output, case.case["result"])
    response = named(case.protocol).encode(operation, result, "foo-id")
    assert response.status == case.case["response"]["status_code"]
    parsed = clients.parsed(case.protocol, response, output_of(case))
    assert same(read(operation.output, parsed), result | absent(operation.output, parsed)), (response.body, parsed)


def output_of(case: Case) -> Any:
    """botocore's output shape, with the wrapper that real models of the query protocol name."""
    shape = clients.service(case.description).operation_model(case.given["name"]).output_shape
    if shape is not None and case.protocol == "query":
        shape.serialization["resultWrapper"] = f"{case.given['name']}Result"
    return shape


def absent(shape: Shape | None, parsed: dict[str, Any]) -> dict[str, Any]:
    """Where botocore cannot tell nothing from the empty, it reads an empty map of headers or an empty body."""
    members = shape.members.items() if shape else ()
    return {
        name: value_of(member, parsed[name])
        for name, member in members
        if parsed.get(name) in ({}, "") and ("location" in member.traits or shape.traits.get("payload") == name)  # type: ignore[union-attr]
    }


def read(shape: Shape | None, parsed: dict[str, Any]) -> dict[str, Any]:
    """What botocore read, in the terms of this house; a map of all headers has those of the response itself too."""
    found: dict[str, Any] = value_of(shape, parsed)
    for name, member in shape.members.items() if shape else ():
        if member.traits.get("location") == "headers" and name in found:
            found[name] = {key: value for key, value in found[name].items() if key.lower() not in OWN_HEADERS}
    return found


def check_error(case: Case) -> None:
    model, code = case.model, case.case["errorCode"]
    error: dict[str, Any] = case.case.get("error") or {}
    shape = next(shape for shape in case.operation.errors.values() if code in (shape.error_code, shape.name))
    message = str(case.case.get("errorMessage") or "")
    members = {name: value for name, value in error.items() if name.lower() != "message"}
    fault = Fault(shape.name, message, **members)
    response = named(case.protocol).encode_error(model, case.operation, fault, "foo-id")
    statuses = {"CustomCodeError": 402}  # its model's; the vectors' responses say 400
    assert response.status == statuses.get(shape.name, case.case["response"]["status_code"])
    parsed = clients.parsed(case.protocol, response, output_of(case))
    assert parsed["Error"]["Code"] == code
    assert parsed["Error"].get("Message", "") == message
    botocore_shape = clients.service(case.description).shape_for(shape.name)
    assert same(clients.parsed(case.protocol, response, botocore_shape), error), response.body
