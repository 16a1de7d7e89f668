"""From the bytes of an object to batches of whole records: decompressed, cut, and CSV taken apart."""

from __future__ import annotations

import bz2
import csv
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from .faults import wrong

BATCH = 4 * 1024 * 1024
LONGEST = 1024 * 1024
"""Of a record."""
LINE, FIELD, RETURN = "\ue000", "\ue001", "\ue002"
"""Stand for signs that the csv module would take for its own. They are of Unicode's private use area."""


class Batch(NamedTuple):
    """Some records as a JSON array: of arrays of texts, or of documents."""

    records: str
    size: int


class Cutter(Protocol):
    """Takes bytes, gives batches."""

    def feed(self, data: bytes, *, last: bool) -> Iterator[Batch]: ...


# Compression


class Plain:
    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> None: ...


class Compressed:
    """Gzip members or bzip2 streams, one after the other."""

    def __init__(self, kind: str) -> None:
        self._start: Any = bz2.BZ2Decompressor if kind == "BZIP2" else lambda: zlib.decompressobj(31)
        self._stream = self._start()
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        plain = []
        try:
            while data:
                if self._stream.eof:
                    self._stream, self._begun = self._start(), False
                plain.append(self._stream.decompress(data))
                self._begun = True
                data = self._stream.unused_data if self._stream.eof else b""
        except (zlib.error, OSError, ValueError):
            raise wrong("InvalidCompressionFormat") from None
        return b"".join(plain)

    def finish(self) -> None:
        if self._begun and not self._stream.eof:
            raise wrong("TruncatedInput")


def decompressor(kind: str) -> Plain | Compressed:
    return Plain() if kind == "NONE" else Compressed(kind)


# Ranges


class Window:
    """The records that begin within a range of bytes, of bytes that come from one before the range on."""

    def __init__(self, start: int, end: int, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._skipping = start > 0
        self._at = max(start - 1, 0)
        self._end = end
        self.over = False

    def feed(self, data: bytes) -> bytes:
        if self._skipping:
            found = data.find(self._delimiter)
            begin = len(data) if found < 0 else found + len(self._delimiter)
            self._skipping = found < 0
            self._at += begin
            data = data[begin:]
            if not self._skipping and self._at > self._end:
                self.over = True
                return b""
        if self._at + len(data) > self._end:
            found = data.find(self._delimiter, max(self._end - self._at - len(self._delimiter) + 1, 0))
            if found >= 0:
                self.over = True
                data = data[: found + len(self._delimiter)]
        self._at += len(data)
        return data


# Records


class CsvRecords:
    """Rows of CSV, the first of which may be their header."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.delimiter: str = given.get("RecordDelimiter", "\n")
        self._field: str = given.get("FieldDelimiter", ",")
        self._quote: str = given.get("QuoteCharacter", '"')
        escape: str = given.get("QuoteEscapeCharacter", '"')
        self._comments: str = given.get("Comments", "#")
        self._several: bool = given.get("AllowQuotedRecordDelimiter", False)
        self._style: dict[str, Any] = {"delimiter": FIELD if len(self._field) > 1 else self._field, "strict": False}
        if self._quote:
            self._style |= {"quotechar": self._quote, "doublequote": escape in ("", self._quote)}
            if not self._style["doublequote"]:
                self._style["escapechar"] = escape
        else:
            self._style["quoting"] = csv.QUOTE_NONE
        self._header: str = given.get("FileHeaderInfo", "NONE")
        self.names: list[str] | None = None
        self.width = 0
        self._buffer = b""
        self._begun = False

    def feed(self, data: bytes, *, last: bool) -> Iterator[Batch]:
        self._buffer += data
        if len(self._buffer) < BATCH and not last:
            return
        end = len(self._buffer) if last else self._cut()
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        if len(self._buffer) > BATCH + LONGEST:
            raise wrong("OverMaxRecordSize")
        if rows := self.rows(text):
            yield Batch(msgspec.json.encode(rows).decode(), len(rows))

    def _cut(self) -> int:
        """Where the last whole record ends: at a delimiter that is not within quotes."""
        delimiter, quote = self.delimiter.encode(), self._quote.encode()
        end = len(self._buffer)
        for _ in range(1000):
            end = self._buffer.rfind(delimiter, 0, end)
            if end < 0:
                return 0
            if not quote or self._buffer.count(quote, 0, end) % 2 == 0:
                return end + len(delimiter)
        return 0

    def rows(self, data: bytes) -> list[list[str]]:
        text = decoded(data)
        if not self._begun:
            text, self._begun = text.removeprefix("\ufeff"), True
        if self.delimiter == "\n":
            text = text.replace("\r\n", "\n")
        else:
            text = text.replace("\n", LINE).replace(self.delimiter, "\n")
        text = text.replace("\r", RETURN)
        if len(self._field) > 1:
            text = text.replace(self._field, FIELD)
        rows = self._parsed(text)
        if self._header != "NONE" and self.names is None and rows:
            self.names = rows.pop(0)
        self.width = max([self.width, *(len(row) for row in rows)])
        return rows

    def _parsed(self, text: str) -> list[list[str]]:
        lines = text.split("\n")
        if self._comments:
            lines = [line for line in lines if not line.startswith(self._comments)]
        csv.field_size_limit(LONGEST)  # the module's own is smaller
        try:
            rows = [row for row in csv.reader([f"{line}\n" for line in lines], **self._style) if row]
        except csv.Error as error:
            raise wrong("OverMaxRecordSize" if "limit" in str(error) else "CSVParsingError") from None
        if self._quote in text and not self._several and any("\n" in field for row in rows for field in row):
            raise wrong("CSVParsingError", "A record delimiter stands within quotes.")
        if LINE in text or RETURN in text or FIELD in text or self.delimiter != "\n":
            return [[self._restored(field) for field in row] for row in rows]
        return rows

    def _restored(self, field: str) -> str:
        if self.delimiter != "\n":
            field = field.replace("\n", self.delimiter)
        return field.replace(LINE, "\n").replace(RETURN, "\r").replace(FIELD, self._field)


class JsonLines:
    """One document in each line."""

    delimiter = "\n"

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes, *, last: bool) -> Iterator[Batch]:
        self._buffer += data
        if len(self._buffer) < BATCH and not last:
            return
        end = len(self._buffer) if last else self._buffer.rfind(b"\n") + 1
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        if len(self._buffer) > BATCH + LONGEST:
            raise wrong("OverMaxRecordSize")
        if lines := [line for line in decoded(text).removeprefix("\ufeff").split("\n") if line.strip()]:
            yield Batch(f"[{','.join(lines)}]", len(lines))


class JsonDocuments:
    """Documents of any length, with or without white space between them."""

    delimiter = ""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def feed(self, data: bytes, *, last: bool) -> Iterator[Batch]:
        self._waiting.append(data)
        if not last:
            return
        text = decoded(b"".join(self._waiting)).removeprefix("\ufeff")
        decoder, found, at = json.JSONDecoder(), [], 0
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            try:
                end = decoder.raw_decode(text, at)[1]
            except ValueError:
                raise wrong("JSONParsingError") from None
            found.append(text[at:end])
            at = end
        if found:
            yield Batch(f"[{','.join(found)}]", len(found))


def decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise wrong("InvalidTextEncoding") from None
