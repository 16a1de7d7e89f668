"""SNS through HTTP: one topic, three queues that hear it. Deliveries count once they are in the queues.

    python -m benchmarks.sns
    python -m benchmarks.sns --endpoint ministack=http://127.0.0.1:4570 --pid ministack=4711

Where the process of a server is known its processor time is told too, which others on the machine hardly change. Pileus
keeps its data in a directory, signs what it wraps, and asks the policies of the queues about every delivery.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .load import apply
from .sqs import Contender, pileus

QUEUES = 3
MESSAGE = "x" * 256
FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Topic:
    """A topic of an endpoint under measurement, with its queues."""

    def __init__(self, contender: Contender, raw: bool) -> None:
        self.contender = contender
        self.sqs = contender.client()
        sns = contender.client("sns")
        self.arn = sns.create_topic(Name=f"load-{time.time_ns()}")["TopicArn"]
        self.queues = [self.queue(number) for number in range(QUEUES)]
        for _, arn in self.queues:
            attributes = {"RawMessageDelivery": "true"} if raw else {}
            sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn, Attributes=attributes)

    def queue(self, number: int) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=f"heard-{time.time_ns()}-{number}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def delivered(self) -> int:
        name = "ApproximateNumberOfMessages"
        found = [self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name]) for url, _ in self.queues]
        return sum(int(one["Attributes"][name]) for one in found)

    def request(self) -> bytes:
        form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": self.arn, "Message": MESSAGE}
        endpoint, keys = self.contender.endpoint, self.contender.keys
        request = AWSRequest("POST", f"{endpoint}/", headers={"Content-Type": FORM}, data=urlencode(form))
        SigV4Auth(Credentials(*keys), "sns", "us-east-1").add_auth(request)
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        head = ["POST / HTTP/1.1", f"Host: {urlsplit(endpoint).netloc}", *lines, f"Content-Length: {len(request.data)}"]
        return ("\r\n".join(head) + "\r\n\r\n" + str(request.data)).encode()

    def measure(self, connections: int, seconds: float, pid: int) -> tuple[float, float, int, float]:
        """Deliveries per second, from the first request to the last; median latency; errors; µs of CPU a delivery."""
        before, spent = self.delivered(), cpu(pid)
        start = time.perf_counter()
        result = apply(self.contender.endpoint, [self.request()], connections=connections, seconds=seconds)
        now, count = time.perf_counter(), self.delivered()
        while True:  # whoever delivers later is given the time
            time.sleep(0.2)
            if (again := self.delivered()) == count:
                break
            now, count = time.perf_counter(), again
        each = (cpu(pid) - spent) / max(1, count - before) * 1e6
        return (count - before) / (now - start), result.p50, result.errors, each


def cpu(pid: int) -> float:
    """Seconds of the processor that a process has had (Linux)."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--pid", action="append", default=[], metavar="NAME=PID", help="the process of such a server")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with ExitStack() as stack:
        contenders = [stack.enter_context(pileus())]
        contenders.append(Contender("Pileus, as test", contenders[0].endpoint))
        contenders += [Contender(*option.split("=", 1)) for option in given.endpoint]
        pids = {name: int(pid) for name, _, pid in (option.partition("=") for option in given.pid)}
        pids["Pileus"] = pids["Pileus, as test"] = contenders[0].process.pid  # type: ignore[attr-defined]
        for raw in (False, True):
            print(f"\nPublish to {QUEUES} queues, 256 bytes, {'raw' if raw else 'wrapped and signed'}")
            print(f"{'server':<16}{'deliveries/s':>14}{'p50 ms':>9}{'errors':>8}{'CPU µs each':>13}")
            taken: dict[str, list[Any]] = {}
            for _ in range(given.rounds):
                for contender in contenders:
                    found = Topic(contender, raw).measure(given.connections, given.seconds, pids.get(contender.name, 0))
                    taken.setdefault(contender.name, []).append(found)
            for name, results in taken.items():
                rate, p50, errors, each = sorted(results)[len(results) // 2]
                print(f"{name:<16}{rate:>14,.0f}{p50:>9.2f}{errors:>8}{each:>13.0f}")


if __name__ == "__main__":
    main()
