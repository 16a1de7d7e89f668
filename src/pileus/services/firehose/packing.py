"""Compression of objects, and what their names then end with."""

from __future__ import annotations

import gzip
import io
import zipfile

from pileus.kernel.errors import Unfinished

EXTENSIONS = {"GZIP": ".gz", "ZIP": ".zip", "Snappy": ".snappy", "HADOOP_SNAPPY": ".snappy"}
BLOCK = 256 * 1024


def packed(data: bytes, how: str) -> bytes:
    """The data as CompressionFormat says; Snappy needs the extra `firehose`."""
    if how == "GZIP":
        return gzip.compress(data, mtime=0)
    if how == "ZIP":
        return zipped(data)
    if how in ("Snappy", "HADOOP_SNAPPY"):
        return snappy(data, hadoop=how == "HADOOP_SNAPPY")
    return data


def zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("data"), data)
    return held.getvalue()


def snappy(data: bytes, *, hadoop: bool) -> bytes:
    """Snappy's frames; or Hadoop's blocks: the sizes of a block, whole and packed, before each."""
    try:
        import cramjam
    except ImportError:
        raise Unfinished("Snappy needs the extra: pip install 'pileus[firehose]'") from None
    if not hadoop:
        return bytes(cramjam.snappy.compress(data))
    held = io.BytesIO()
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK]
        squeezed = bytes(cramjam.snappy.compress_raw(block))
        held.write(len(block).to_bytes(4, "big") + len(squeezed).to_bytes(4, "big") + squeezed)
    return held.getvalue()
