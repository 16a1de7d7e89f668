"""KMS through HTTP: Encrypt and Decrypt of 1 KB, beside any other endpoints, in one run on one machine.

    python -m benchmarks.kms
    python -m benchmarks.kms --endpoint ministack=http://127.0.0.1:4570

MiniStack is started beside it from an environment of its own: `pip install ministack; GATEWAY_PORT=4570 ministack`.
Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued). "As test"
they carry a key that nobody issued, and it verifies as much as the others do: nothing.
"""

from __future__ import annotations

import argparse
import base64
from typing import Any

import boto3

from .load import ANYBODY, Keys, Result, apply, signed
from .sqs import pileus

PLAINTEXT = b"x" * 1024


class Contender:
    """An endpoint under measurement, with a key and a ciphertext of its own."""

    def __init__(self, name: str, endpoint: str, keys: Keys = ANYBODY) -> None:
        self.name = name
        self.endpoint = endpoint
        self.keys = keys
        kms = boto3.client(
            "kms",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.token,
        )
        self.key = kms.create_key()["KeyMetadata"]["KeyId"]
        self.blob = kms.encrypt(KeyId=self.key, Plaintext=PLAINTEXT)["CiphertextBlob"]

    def measured(self, operation: str, connections: int, seconds: float) -> Result:
        request = signed(self.endpoint, f"TrentService.{operation}", self.members(operation), self.keys, "kms")
        return apply(self.endpoint, [request], connections=connections, seconds=seconds)

    def members(self, operation: str) -> dict[str, Any]:
        if operation == "Encrypt":
            return {"KeyId": self.key, "Plaintext": base64.b64encode(PLAINTEXT).decode()}
        return {"CiphertextBlob": base64.b64encode(self.blob).decode()}


def measured(contenders: list[Contender], operation: str, connections: int, seconds: float, rounds: int) -> None:
    """All in turn, round after round, as in `benchmarks.sqs`. The median round counts."""
    print(f"\n{operation}, 1 KB, {connections} connections, median of {rounds} rounds")
    print(f"{'server':<16}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}{'Pileus is':>12}")
    taken: dict[str, list[Result]] = {}
    for _ in range(rounds):
        for contender in contenders:
            taken.setdefault(contender.name, []).append(contender.measured(operation, connections, seconds))
    results = {name: sorted(found)[len(found) // 2] for name, found in taken.items()}
    for name, result in results.items():
        times = f"{results['Pileus'].rate / result.rate:.1f} x" if result.rate else "-"
        print(f"{name:<16}{result.rate:>12,.0f}{result.p50:>9.2f}{result.p99:>9.2f}{result.errors:>8}{times:>12}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with pileus() as started:
        contenders = [Contender("Pileus", started.endpoint, started.keys)]
        contenders.append(Contender("Pileus, as test", started.endpoint))
        contenders += [Contender(*option.split("=", 1)) for option in given.endpoint]
        for operation in ("Encrypt", "Decrypt"):
            measured(contenders, operation, given.connections, given.seconds, given.rounds)


if __name__ == "__main__":
    main()
