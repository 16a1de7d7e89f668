"""Starting and standing still: time to the first answer, memory when idle and after calls to ten services, reset."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

from .sqs import free_port, resident

TEN = ("sqs", "sts", "s3", "ec2", "iam", "lambda", "dynamodb", "cloudformation", "rds", "sagemaker")
FIRST = {
    "sqs": ("POST", "/", "AmazonSQS.ListQueues"),
    "sts": ("POST", "/?Action=GetCallerIdentity&Version=2011-06-15", ""),
    "s3": ("GET", "/", ""),
    "ec2": ("POST", "/?Action=DescribeInstances&Version=2016-11-15", ""),
    "iam": ("POST", "/?Action=ListUsers&Version=2010-05-08", ""),
    "lambda": ("GET", "/2015-03-31/functions/", ""),
    "dynamodb": ("POST", "/", "DynamoDB_20120810.ListTables"),
    "cloudformation": ("POST", "/?Action=ListStacks&Version=2010-05-15", ""),
    "rds": ("POST", "/?Action=DescribeDBInstances&Version=2014-10-31", ""),
    "sagemaker": ("POST", "/", "SageMaker.ListModels"),
}


def call(port: int, service: str) -> tuple[int, float]:
    """Status and milliseconds of a service's simplest call."""
    method, path, target = FIRST[service]
    headers = {
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, "
        f"SignedHeaders=host, Signature={'0' * 64}",
    }
    if target:
        headers |= {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, b"{}" if target else b"", headers)
    status = connection.getresponse().status
    return status, (time.perf_counter() - start) * 1000


def first_answer(folder: str) -> tuple[subprocess.Popen[bytes], int, float]:
    """A started server, its port, and the milliseconds until it answered its first call."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("pileus")), "up", "--port", str(port), "--data", folder]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        try:
            call(port, "sts")
            return process, port, (time.perf_counter() - start) * 1000
        except OSError:
            time.sleep(0.001)


def main() -> None:
    times = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            process, port, taken = first_answer(folder)
            times.append(taken)
            process.terminate()
            process.wait()
    print(f"from `pileus up` to the first answer: {sorted(times)[2]:.0f} ms (median of 5)")
    with tempfile.TemporaryDirectory() as folder:
        process, port, _ = first_answer(folder)
        print(f"resident when idle: {resident(process.pid):.1f} MB")
        for service in TEN:
            status, taken = call(port, service)
            print(f"first call of {service:<16}{taken:>7.1f} ms   (HTTP {status})")
        print(f"resident after them: {resident(process.pid):.1f} MB")
        sqs = boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for number in range(1000):
            sqs.create_queue(QueueName=f"queue-{number}")
        connection = http.client.HTTPConnection("127.0.0.1", port)
        start = time.perf_counter()
        connection.request("POST", "/_pileus/reset")
        connection.getresponse().read()
        print(f"reset with 1,000 queues: {(time.perf_counter() - start) * 1000:.1f} ms")
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
