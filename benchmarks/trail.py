"""What it costs to note who did what: processor time of one event, by how many there are in a commit.

python -m benchmarks.trail
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store

ACCOUNT = "111122223333"
EVENTS = 20_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder), schedule=lambda tick: None)
        cloud = Cloud(store)
        call = cloud.call("sqs", "TagQueue", account=ACCOUNT, principal=root(ACCOUNT))
        call.source_ip, call.user_agent = "127.0.0.1", "Boto3/1.40 md/Botocore#1.40 ua/2.1 os/linux"
        call.endpoint = "http://127.0.0.1:4566"
        bound = cloud.service("sqs").bound("TagQueue")
        request = {"QueueUrl": f"http://127.0.0.1:4566/{ACCOUNT}/letters", "Tags": {"team": "red"}}

        def spent(size: int, noting: bool) -> float:
            """Microseconds of CPU for each event, in commits of so many."""
            begun = time.process_time()
            for _ in range(EVENTS // size):
                for _ in range(size if noting else 0):
                    kind = cloud.trail.kind(call, bound)
                    assert kind is not None
                    cloud.trail.note(kind, call, request, {})
                store.put(b"what the call did", b"")
                store.flush()
            return (time.process_time() - begun) / EVENTS * 1e6

        spent(16, True)
        print(f"{'calls in a commit':<20}{'µs for each event':>20}")
        for size in (1, 4, 16, 64):
            print(f"{size:<20}{spent(size, True) - spent(size, False):>20.1f}")
        store.close()


if __name__ == "__main__":
    main()
