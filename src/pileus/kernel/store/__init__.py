"""The ordered, transactional key-value store that holds all state of the cloud."""

from .sqlite import open as open_store
from .store import (
    Committed,
    Durability,
    FormatTooNew,
    Schedule,
    Store,
    StoreCorrupt,
    StoreFailed,
    StoreFull,
    StoreLocked,
)

__all__ = [
    "Committed",
    "Durability",
    "FormatTooNew",
    "Schedule",
    "Store",
    "StoreCorrupt",
    "StoreFailed",
    "StoreFull",
    "StoreLocked",
    "open_store",
]
