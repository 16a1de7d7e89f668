"""KMS through HTTP: Encrypt and Decrypt of 1 KB, beside any other endpoints, in one run on one machine.

    python -m benchmarks.kms
    python -m benchmarks.kms --endpoint ministack=http://127.0.0.1:4570

Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued).
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL", help="another server to measure")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    given = parser.parse_args()
    with pileus() as started:
        contenders = [Contender("Pileus", started.endpoint, started.keys)]
        contenders += [Contender(*option.split("=", 1)) for option in given.endpoint]
        for operation in ("Encrypt", "Decrypt"):
            print(f"\n{operation}, 1 KB, {given.connections} connections")
            print(f"{'server':<16}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
            for contender in contenders:
                result = contender.measured(operation, given.connections, given.seconds)
                print(
                    f"{contender.name:<16}{result.rate:>12,.0f}{result.p50:>9.2f}{result.p99:>9.2f}{result.errors:>8}"
                )


if __name__ == "__main__":
    main()
