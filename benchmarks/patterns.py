"""One event against a thousand patterns.

python -m benchmarks.patterns
"""

from __future__ import annotations

import json
import time
from typing import Any

from pileus.kernel.patterns import Index, parse

RULES = 1000

KINDS: dict[str, Any] = {
    "one value each": lambda n: {"source": ["shop"], "detail-type": [f"Order {n}"]},
    "a member each": lambda n: {"source": ["shop"], "detail": {f"field-{n}": [{"exists": True}]}},
    "prefixes": lambda n: {"source": ["shop"], "detail": {"customer": [{"prefix": f"customer-{n}"}]}},
    "ranges": lambda n: {"source": ["shop"], "detail": {"amount": [{"numeric": [">", n, "<=", n + 5]}]}},
    "exclusions": lambda n: {"source": ["shop"], "detail": {"customer": [{"anything-but": [f"customer-{n}"]}]}},
    "wildcards": lambda n: {
        "source": ["shop"],
        "detail-type": [f"Order {n}"],
        "detail": {"customer": [{"wildcard": "*-7"}]},
    },
    "alternatives": lambda n: {"$or": [{"detail-type": [f"Order {n}"]}, {"detail": {"amount": [n]}}]},
}
EVENT = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Order 500",
    "source": "shop",
    "account": "111122223333",
    "time": "2026-11-12T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {"customer": "customer-77", "amount": 250, "items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]},
}


def timed(index: Index[int], event: dict[str, Any]) -> float:
    best = 1.0
    for _ in range(7):
        start = time.process_time()
        for _ in range(200):
            index.matching(event)
        best = min(best, (time.process_time() - start) / 200)
    return best * 1e6


def main() -> None:
    print(f"One event against {RULES:,} patterns")
    print(f"{'patterns':<18}{'matching':>10}{'µs':>9}{'one by one µs':>15}")
    mixed = [KINDS[name] for name in KINDS]
    for name, make in [*KINDS.items(), ("all of these", lambda n: mixed[n % len(mixed)](n))]:
        patterns = {number: parse(json.dumps(make(number))) for number in range(RULES)}
        index = Index(patterns)
        start = time.process_time()
        slow = [number for number, pattern in patterns.items() if pattern.matches(EVENT)]
        alone = (time.process_time() - start) * 1e6
        assert index.matching(EVENT) == slow
        print(f"{name:<18}{len(slow):>10}{timed(index, EVENT):>9.1f}{alone:>15.0f}")


if __name__ == "__main__":
    main()
