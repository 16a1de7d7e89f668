"""Batches: up to ten entries in one request, each of which succeeds or fails by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pileus.kernel import Fault

MOST_ENTRIES = 10
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")

Entry = dict[str, Any]


def check(entries: list[Entry], kind: str) -> None:
    """Raise what makes a whole batch invalid; `kind` is what AWS calls an entry."""
    if not entries:
        raise Fault("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if len(entries) > MOST_ENTRIES:
        message = f"Maximum number of entries per request are {MOST_ENTRIES}. You have sent {len(entries)}."
        raise Fault("TooManyEntriesInBatchRequest", message)
    seen = set()
    for entry in entries:
        if not ENTRY_ID.fullmatch(entry["Id"]):
            raise Fault(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                "It can be at most 80 letters long.",
            )
        if entry["Id"] in seen:
            raise Fault("BatchEntryIdsNotDistinct", f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])


def each(entries: list[Entry], perform: Callable[[Entry], dict[str, Any]]) -> dict[str, Any]:
    """The results of the entries. `perform` must have written nothing when it raises."""
    successful: list[Entry] = []
    failed: list[Entry] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"]} | perform(entry))
        except Fault as fault:
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": fault.code, "Message": fault.message})
    return {name: results for name, results in (("Successful", successful), ("Failed", failed)) if results}
