"""The engine and the naive evaluator agree on whatever is made up."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.kernel.access import policy
from pileus.kernel.access.attached import Document
from pileus.kernel.access.decision import Applying, Query, decide
from pileus.kernel.access.principals import Caller

from . import reference
from .asking import FEDERATED, HERE, NOBODY, ROLE_ARN, ROOT, SESSION, SNS, THERE, USER

CALLERS = {
    "user": (USER, {"kind": "user", "account": HERE, "own": [USER.arn, USER.user_id]}),
    "session": (
        SESSION,
        {"kind": "session", "account": HERE, "own": [ROLE_ARN, "AROAWORKER"], "session": [SESSION.arn]},
    ),
    "federated": (FEDERATED, {"kind": "session", "account": HERE, "own": [USER.arn], "session": [FEDERATED.arn]}),
    "root": (ROOT, {"kind": "root", "account": HERE, "own": [HERE, ROOT.arn]}),
    "service": (SNS, {"kind": "service", "own": [SNS.arn]}),
    "nobody": (NOBODY, {"kind": "nobody", "own": ["anonymous"]}),
}

ACTIONS = ["sqs:SendMessage", "sqs:ReceiveMessage", "s3:GetObject"]
RESOURCES = [f"arn:aws:sqs:us-east-1:{HERE}:orders", "arn:aws:s3:::bucket/home/alice/x", "*"]
NAMES = [USER.arn, HERE, f"arn:aws:iam::{HERE}:root", ROLE_ARN, SESSION.arn, FEDERATED.arn, THERE, "*"]

action_patterns = st.sampled_from([*ACTIONS, "*", "sqs:*", "SQS:Send*", "s?s:*Message", "s3:*"])
resource_patterns = st.sampled_from(
    [
        *RESOURCES,
        "arn:aws:sqs:*",
        "arn:aws:s3:::bucket/home/${aws:username}/*",
        f"arn:aws:sqs:*:{HERE}:ord?rs",
        "arn:aws:s3:::*",
    ]
)
keys = st.fixed_dictionaries(
    {},
    optional={
        "aws:username": st.lists(st.sampled_from(["alice", "bob"]), min_size=1, max_size=1),
        "aws:tagkeys": st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3),
        "aws:number": st.lists(st.sampled_from(["1", "2.5", "10", "x"]), min_size=1, max_size=2),
        "aws:when": st.lists(st.sampled_from(["2026-01-01T00:00:00Z", "1767225600", "2026-06-01"]), max_size=1),
        "aws:sourceip": st.lists(st.sampled_from(["192.0.2.1", "203.0.113.9", "2001:db8::1"]), max_size=1),
        "aws:flag": st.lists(st.sampled_from(["true", "false"]), max_size=1),
        "aws:sourcearn": st.lists(
            st.sampled_from(["arn:aws:sns:us-east-1:1:t", "arn:aws:sns:us-east-1:1:t:sub"]), max_size=1
        ),
    },
)


def conditions(operators: list[str], key: str, values: list[str]) -> Any:
    names = st.tuples(
        st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]),
        st.sampled_from(operators),
        st.sampled_from(["", "IfExists"]),
    ).map("".join)
    wanted = st.lists(st.sampled_from(values), min_size=1, max_size=2)
    return st.tuples(names, wanted).map(lambda found: {found[0]: {key: found[1]}})


def relations(kind: str) -> list[str]:
    names = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    return [f"{kind}{name}" for name in names]


STRINGS = [
    f"String{name}" for name in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
]
ARNS = ["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"]

blocks = st.one_of(
    conditions(STRINGS, "aws:TagKeys", ["a", "A", "a*", "?b", "*", "b"]),
    conditions(STRINGS, "aws:username", ["alice", "al*", "${aws:username}", "${aws:missing}"]),
    conditions(relations("Numeric"), "aws:Number", ["1", "2.5", "10"]),
    conditions(relations("Date"), "aws:When", ["2026-01-01T00:00:00Z", "2026-03-01", "1767225600"]),
    conditions(["IpAddress", "NotIpAddress"], "aws:SourceIp", ["192.0.2.0/24", "203.0.113.9", "2001:db8::/32"]),
    conditions(["Bool"], "aws:Flag", ["true", "false"]),
    conditions(ARNS, "aws:SourceArn", ["arn:aws:sns:*:1:t", "arn:aws:sns:us-east-1:1:t*", "arn:aws:sns:*:t"]),
    st.sampled_from([{"Null": {"aws:username": "true"}}, {"Null": {"aws:Flag": ["false"]}}]),
)


@st.composite
def statement(draw: Any, principal: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))}
    made[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(
        st.lists(action_patterns, min_size=1, max_size=2)
    )
    made[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.lists(resource_patterns, min_size=1, max_size=2)
    )
    if draw(st.booleans()):
        made["Condition"] = draw(blocks)
    if principal:
        names = {"AWS": draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))}
        if draw(st.booleans()):
            names["Service"] = draw(st.sampled_from([["sns.amazonaws.com"], ["s3.amazonaws.com"]]))
        excepted = made["Effect"] == "Deny" and draw(st.booleans())
        made["NotPrincipal" if excepted else "Principal"] = names
    return made


def documents(principal: bool = False, most: int = 2) -> Any:
    body = st.lists(statement(principal), min_size=1, max_size=3)
    text = body.map(lambda found: json.dumps({"Version": "2012-10-17", "Statement": found}))
    return st.lists(text, max_size=most)


ALLOWING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
levels = st.lists(documents(most=1).map(lambda found: [*found, ALLOWING]), max_size=2)


def compiled(texts: list[str] | None) -> Any:
    return None if texts is None else policy.of([Document(str(n), text) for n, text in enumerate(texts)])


@settings(max_examples=600, deadline=None)
@given(
    who=st.sampled_from(sorted(CALLERS)),
    asked=st.sampled_from(ACTIONS),
    resource=st.sampled_from(RESOURCES),
    account=st.sampled_from([HERE, HERE, THERE]),
    known=keys,
    identity=documents(),
    boundary=st.none() | documents(most=1),
    session=st.none() | documents(most=1),
    on_resource=st.none() | documents(principal=True),
    scps=levels,
    rcps=levels,
    explicit=st.booleans(),
)
def test_the_engine_agrees_with_the_reference(
    who: str,
    asked: str,
    resource: str,
    account: str,
    known: dict[str, list[str]],
    identity: list[str],
    boundary: list[str] | None,
    session: list[str] | None,
    on_resource: list[str] | None,
    scps: list[list[str]],
    rcps: list[list[str]],
    explicit: bool,
) -> None:
    principal, described = CALLERS[who]
    own = None if who == "root" else identity
    expected = reference.decide(
        described,
        asked,
        resource,
        account,
        known,
        {
            "identity": own,
            "boundary": boundary,
            "session": session,
            "resource": on_resource,
            "scps": scps,
            "rcps": rcps,
            "explicit": explicit,
        },
    )
    applying = Applying(
        compiled(own),
        compiled(boundary),
        compiled(session),
        [compiled(level) for level in scps],
        [compiled(level) for level in rcps],
        compiled(on_resource),
        explicit,
    )
    query = Query(Caller.of(principal), asked, resource, account, lambda key: tuple(known.get(key, ())))
    assert decide(query, applying).allowed == expected
