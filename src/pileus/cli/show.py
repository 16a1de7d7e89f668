"""Output: tables that are plain where nobody looks at them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec


def json(content: Any) -> None:
    print(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their headings; on a terminal drawn by rich, elsewhere in columns of text."""
    rows = list(rows)
    if sys.stdout.isatty():
        drawn(head, rows)
        return
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def drawn(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lines = Table(*head, box=box.SIMPLE_HEAD)
    for row in rows:
        lines.add_row(*map(Text, row))
    Console().print(lines)


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
