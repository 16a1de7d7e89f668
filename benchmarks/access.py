"""What the access decision costs: in itself, and within a whole call.

    python -m benchmarks.access

A user with ten attached policies of twenty statements each, as teams write them: some by service, some by resource,
some with conditions. The bar is 60 µs of CPU for a decision. The decision for a root is measured beside it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, identity
from pileus.kernel.access import admission
from pileus.kernel.access.attached import Grants, ManagedDocument
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import Principal
from pileus.kernel.store import open_store

ACCOUNT = "111122223333"
POLICIES, STATEMENTS = 10, 20
BAR = 60.0
SERVICES = ("s3", "dynamodb", "lambda", "sns", "logs", "kms", "ec2", "iam", "states", "events")


def statement(policy: int, number: int) -> dict[str, Any]:
    """One of twenty: every fifth speaks of SQS, every third has a condition, the last of all allows what is asked."""
    if (policy, number) == (POLICIES - 1, STATEMENTS - 1):
        queue = f"arn:aws:sqs:*:{ACCOUNT}:${{aws:PrincipalTag/team}}-*"
        return {"Effect": "Allow", "Action": "sqs:Send*", "Resource": queue, "Condition": conditions(True)}
    service = "sqs" if number % 5 == 0 else SERVICES[(policy + number) % len(SERVICES)]
    effect = "Deny" if number % 10 == 5 else "Allow"
    found = {
        "Effect": effect,
        "Action": [f"{service}:Get*", f"{service}:List*", f"{service}:Send*", f"{service}:Put{number}"],
        "Resource": [f"arn:aws:{service}:*:{ACCOUNT}:team{policy}-{number}-*", f"arn:aws:{service}:*:*:shared{number}"],
    }
    return found | ({"Condition": conditions(False)} if number % 3 == 0 else {})


def conditions(holding: bool) -> dict[str, Any]:
    network = "127.0.0.0/8" if holding else "10.0.0.0/8"
    return {"IpAddress": {"aws:SourceIp": network}, "StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}


def document(policy: int) -> str:
    statements = [statement(policy, number) for number in range(STATEMENTS)]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def furnished(cloud: Cloud) -> Principal:
    """A user with all its policies."""
    call = cloud.call("iam", account=ACCOUNT)
    arns = [f"arn:aws:iam::{ACCOUNT}:policy/p{number}" for number in range(POLICIES)]
    for number, arn in enumerate(arns):
        ManagedDocument(arn, document(number)).put(call)
    user = f"arn:aws:iam::{ACCOUNT}:user/worker"
    Grants(id="AIDAWORKER", owner=user, attached=arns, tags={"team": "red"}).put(call)
    return Principal("IAMUser", ACCOUNT, user, "AIDAWORKER", "AKIAWORKER")


def measured(work: Callable[[], object], times: int = 20_000) -> float:
    """Microseconds of CPU that a piece of work takes."""
    for _ in range(100):
        work()
    start = time.process_time()
    for _ in range(times):
        work()
    return 1e6 * (time.process_time() - start) / times


def main() -> None:
    cloud = Cloud(open_store(None))
    user, root = furnished(cloud), identity.root(ACCOUNT)
    at_root = cloud.call("sqs", "SendMessage", account=ACCOUNT, principal=root)
    url = at_root.aws("sqs").create_queue(queue_name="red-orders")["QueueUrl"]
    bound = cloud.service("sqs").bound("SendMessage")
    request = {"QueueUrl": url, "MessageBody": "x" * 256}

    def called(principal: Principal) -> Call:
        call = cloud.call("sqs", "SendMessage", account=ACCOUNT, principal=principal)
        call.source_ip = "127.0.0.1"
        return call

    by_user, by_root = called(user), called(root)
    rows = [
        ("a decision, 10 policies of 20 statements", measured(lambda: admission.admitted(by_user, bound, request))),
        ("the same, policies read and compiled anew", measured(lambda: anew(cloud, by_user, bound, request), 50)),
        ("a decision for a root", measured(lambda: admission.admitted(by_root, bound, request))),
        ("SendMessage as the user", measured(lambda: cloud.perform(by_user, "SendMessage", request), 5000)),
        ("SendMessage as a root", measured(lambda: cloud.perform(by_root, "SendMessage", request), 5000)),
    ]
    for name, cost in rows:
        print(f"{name:45} {cost:9.1f} µs")
    print(f"{'within the bar' if rows[0][1] <= BAR else 'OVER THE BAR'} of {BAR:.0f} µs")


def anew(cloud: Cloud, call: Call, bound: Any, request: dict[str, Any]) -> None:
    from pileus.kernel.access import policy

    policy.compiled.cache_clear()
    cloud.access.forget()
    admission.admitted(call, bound, request)


if __name__ == "__main__":
    main()
