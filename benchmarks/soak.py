"""A long load of sending, receiving and deleting: does memory stay flat? `./dev bench soak --minutes 30`."""

from __future__ import annotations

import argparse
import threading
import time
from typing import Any

from .sqs import Contender, pileus, resident


def work(contender: Contender, until: float, done: list[int]) -> None:
    """Send ten, receive ten, delete ten, as long as there is time."""
    sqs: Any = contender.client()
    queue = sqs.create_queue(QueueName=f"soak-{threading.get_ident()}")["QueueUrl"]
    while time.monotonic() < until:
        entries = [{"Id": str(number), "MessageBody": "x" * 256} for number in range(10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        if entries:
            sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        done[0] += 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=4)
    given = parser.parse_args()
    until = time.monotonic() + given.minutes * 60
    done = [0]
    with pileus() as contender:
        threads = [threading.Thread(target=work, args=(contender, until, done)) for _ in range(given.threads)]
        for thread in threads:
            thread.start()
        print(f"{'minute':>8}{'calls':>12}{'resident MB':>14}")
        start = time.monotonic()
        while time.monotonic() < until:
            time.sleep(min(60.0, max(0.1, until - time.monotonic())))
            memory = resident(contender.process.pid)  # type: ignore[attr-defined]
            print(f"{(time.monotonic() - start) / 60:>8.1f}{done[0]:>12,}{memory:>14.1f}", flush=True)
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
