"""The names of objects: prefixes with expressions such as `!{timestamp:yyyy/MM/dd}`.

"Understand custom prefixes for Amazon S3 objects", Developer Guide. Timestamps are written with the patterns of Java's
DateTimeFormatter.
"""

from __future__ import annotations

import datetime
import random
import re
import string
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pileus.java_dates import dated

from .faults import bad_argument

EXPRESSION = re.compile(r"!\{([^}]*)\}")
NAMESPACES = ("firehose", "timestamp", "partitionKeyFromQuery", "partitionKeyFromLambda")


def has_expressions(prefix: str) -> bool:
    return bool(EXPRESSION.search(prefix))


def check(prefix: str) -> None:
    for found in EXPRESSION.finditer(prefix):
        namespace, _, value = found[1].partition(":")
        if namespace not in NAMESPACES or not value:
            raise bad_argument(f"Invalid expression {found[0]} in prefix.")
        if namespace == "firehose" and value not in ("error-output-type", "random-string"):
            raise bad_argument(f"Invalid expression {found[0]} in prefix.")


def zone(name: str) -> datetime.tzinfo:
    try:
        return ZoneInfo(name) if name else datetime.UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise bad_argument(f"CustomTimeZone {name} is not valid.") from None


def rendered(
    prefix: str, at: float, *, error: str = "", keys: Mapping[str, str] = {}, timezone: str = "", seed: str = ""
) -> str:
    """A prefix at an instant. Without any timestamp in it, AWS adds `yyyy/MM/dd/HH/`.

    `seed` makes what is random the same again, so that a delivery that is repeated writes the same objects.
    """
    when = datetime.datetime.fromtimestamp(at, zone(timezone))
    chance = random.Random(seed)

    def value(found: re.Match[str]) -> str:
        namespace, _, what = found[1].partition(":")
        if namespace == "timestamp":
            return dated(when, what)
        if namespace == "firehose":
            return error if what == "error-output-type" else "".join(chance.choices(string.ascii_letters, k=11))
        return keys.get(what, "")

    text = EXPRESSION.sub(value, prefix)
    if has_expressions(prefix):
        return text
    return f"{text}{error + '/' if error else ''}{when:%Y/%m/%d/%H/}"
