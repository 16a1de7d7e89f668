"""SelectObjectContent: SQL over one object, answered as a stream of events."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pileus.kernel import Call, Unfinished
from pileus.kernel.blobs import threaded

from . import access, data, restoring, s3, seals, versions
from .buckets import Bucket
from .objects import Object

if TYPE_CHECKING:
    from .select.engine import Engine
    from .select.records import Cutter

Members = dict[str, Any]
CHUNK = 512 * 1024
"""Of records in one event."""
HEADER = 1024 * 1024
"""In which the header of a CSV file is looked for, when its beginning is not in the scan range."""
HONOURS = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5", "RequestProgress", "ScanRange")


class Query(NamedTuple):
    """A request that can be answered."""

    kind: str
    input: Members
    compression: str
    output: Members
    start: int
    end: int
    """The last byte of the scan range."""
    ranged: bool
    progress: bool


@s3.operation(on=access.to_unpaid_key, honours=HONOURS, action="s3:GetObject")
async def select_object_content(
    call: Call,
    bucket: Bucket,
    key: str,
    expression: str,
    expression_type: str,
    input_serialization: Members,
    output_serialization: Members,
    *,
    request: Members,
) -> Members:
    """The records of an object that a query wants."""
    found = versions.find(call, bucket, key)
    restoring.check_readable(call, found)
    customer = seals.of_request(request)
    seals.check_reader(found.seal, customer)
    try:
        from .select import grammar
    except ImportError:
        raise Unfinished("S3 Select needs sqlglot and DuckDB: pip install 'pileus[select]'") from None
    statement = grammar.parse(expression)
    query = checked(found, expression_type, input_serialization, output_serialization, request)
    selection = Selection(call, bucket, found, customer, query, statement)
    events = selection.events()
    first = await anext(events)  # what goes wrong with the first records is an error and no event
    return {"Payload": chained(first, events)}


async def chained(first: Members, rest: AsyncGenerator[Members, None]) -> AsyncIterator[Members]:
    try:
        yield first
        async for event in rest:
            yield event
    finally:
        await rest.aclose()


def checked(found: Object, kind: str, given: Members, output: Members, request: Members) -> Query:
    """What is asked, if it can be."""
    from .select.faults import wrong

    if kind != "SQL":
        raise wrong("InvalidExpressionType")
    kinds = [name for name in ("CSV", "JSON", "Parquet") if name in given]
    if not kinds:
        raise wrong("InvalidDataSource")
    if len(kinds) > 1 or len(output.keys() & {"CSV", "JSON"}) > 1:
        raise wrong("ObjectSerializationConflict")
    if not output.keys() & {"CSV", "JSON"}:
        raise wrong("MissingRequiredParameter")
    compression = given.get("CompressionType", "NONE")
    if kinds == ["Parquet"] and compression != "NONE":
        raise wrong("InvalidCompressionFormat")
    if kinds == ["JSON"] and given["JSON"].get("Type") not in ("DOCUMENT", "LINES"):
        raise wrong("InvalidJsonType")
    start, end = scanned(request.get("ScanRange"), found.size)
    ranged = "ScanRange" in request
    several = given.get("CSV", {}).get("AllowQuotedRecordDelimiter", False)
    if ranged and (compression != "NONE" or given.get("JSON", {}).get("Type") == "DOCUMENT" or several):
        raise wrong("UnsupportedScanRangeInput")
    progress = request.get("RequestProgress", {}).get("Enabled", False)
    return Query(kinds[0], given[kinds[0]], compression, output, start, end, ranged, progress)


def scanned(given: Members | None, size: int) -> tuple[int, int]:
    """The first and the last byte of a scan range; with an end alone these are the last bytes."""
    from .select.faults import wrong

    if given is None:
        return 0, size
    start, end = given.get("Start"), given.get("End")
    if start is None:
        if end is None:
            raise wrong("InvalidScanRange")
        return max(size - end, 0), size
    end = size if end is None else end
    if start < 0 or end < start or start >= size:
        raise wrong("InvalidScanRange")
    return start, end


class Selection:
    """One query on its way through an object."""

    def __init__(self, call: Call, bucket: Bucket, found: Object, customer: Any, query: Query, statement: Any) -> None:
        self.query = query
        self.statement = statement
        self._call = call
        self._opener = found.opener(call, bucket, customer)
        self._parts = found.pieces(call)
        self._size = found.size
        self._scanned = self._processed = self._returned = 0

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        return data.pieces(data.read(self._call, self._opener, self._parts, start, stop))

    async def events(self) -> AsyncGenerator[Members, None]:
        source = self._of_file() if self.query.kind == "Parquet" else self._of_stream()
        try:
            async for records in source:
                self._returned += len(records)
                for at in range(0, len(records), CHUNK):
                    yield {"Records": {"Payload": records[at : at + CHUNK]}}
                if not records:
                    yield {"Cont": {}}
                if self.query.progress:
                    yield {"Progress": {"Details": self._details()}}
            yield {"Stats": {"Details": self._details()}}
            yield {"End": {}}
        finally:
            await source.aclose()

    def _details(self) -> Members:
        return {
            "BytesScanned": self._scanned,
            "BytesProcessed": self._processed,
            "BytesReturned": self._returned,
        }

    async def _of_stream(self) -> AsyncGenerator[bytes, None]:
        """CSV and JSON: the records of one batch after the other, as the bytes pass."""
        from .select import engine, records

        query = self.query
        cutter = await self._cutter()
        csv = cutter if isinstance(cutter, records.CsvRecords) else None
        running = engine.Engine(self.statement, query.kind, self._call.now, csv)
        plain = records.decompressor(query.compression)
        window = records.Window(query.start, query.end, cutter.delimiter.encode()) if query.ranged else None
        try:
            async for piece in self.read(max(query.start - 1, 0), self._size):
                self._scanned += len(piece)
                text = await threaded(plain.feed, piece) if query.compression != "NONE" else piece
                text = window.feed(text) if window else text
                self._processed += len(text)
                async for written in self._batches(running, cutter, text, last=False):
                    yield written
                if (window and window.over) or (running.left == 0 and running.full):
                    break
            else:
                plain.finish()
            async for written in self._batches(running, cutter, b"", last=True):
                yield written
            yield await threaded(self._written, running, csv, running.finish())
        finally:
            running.close()

    async def _batches(self, running: Engine, cutter: Cutter, text: bytes, *, last: bool) -> AsyncIterator[bytes]:
        from .select import records

        def work() -> list[bytes]:
            csv = cutter if isinstance(cutter, records.CsvRecords) else None
            return [self._written(running, csv, running.run(batch)) for batch in cutter.feed(text, last=last)]

        for written in await threaded(work):
            yield written

    def _written(self, running: Engine, csv: Any, rows: list[tuple[Any, ...]]) -> bytes:
        from .select import output

        if not rows:
            return b""
        names = csv.names if csv is not None and self.query.input.get("FileHeaderInfo") == "USE" else None
        record = output.writer(self.query.output, running.plan.columns, names, running.kind)
        return "".join([record(row) for row in rows]).encode()

    async def _cutter(self) -> Any:
        from .select import records

        given = self.query.input
        if self.query.kind == "JSON":
            return records.JsonDocuments() if given["Type"] == "DOCUMENT" else records.JsonLines()
        cutter = records.CsvRecords(given)
        if self.query.start and given.get("FileHeaderInfo", "NONE") != "NONE":
            beginning = b"".join([piece async for piece in self.read(0, min(HEADER, self._size))])
            cutter.rows(beginning[: beginning.find(cutter.delimiter.encode()) + 1])
        return cutter

    async def _of_file(self) -> AsyncGenerator[bytes, None]:
        """Parquet, which is read here and there: as a file that has no name."""
        from .select import engine

        if not sys.platform.startswith("linux"):
            raise Unfinished("S3 Select reads Parquet only on Linux.")
        file = os.memfd_create("parquet")
        try:
            async for piece in self.read(0, self._size):
                await threaded(os.write, file, piece)
            self._scanned = self._processed = self._size
            place = f"/proc/self/fd/{file}"
            running = engine.Engine(self.statement, "JSON", self._call.now, file=place)
            if self.query.ranged:
                running.only_groups(self.query.start, self.query.end)
            try:
                rows = await threaded(running.run, None)
                yield await threaded(self._written, running, None, rows or running.finish())
            finally:
                running.close()
        finally:
            os.close(file)
