"""Large bytes, kept beside the store: as files, or in any store that speaks S3 (`storage` has the interface)."""

from .blobs import BATCH, RECORDS, Blobs, Writer
from .files import PIECE, SMALL, Files
from .storage import Source, Storage, threaded

__all__ = ["BATCH", "PIECE", "RECORDS", "SMALL", "Blobs", "Files", "Source", "Storage", "Writer", "threaded"]
