"""The letter of authorization and connecting facility assignment (LOA-CFA) of a line, as a PDF of one page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call

from . import directconnect, refused
from .connections import Connection
from .lines import members_or_self
from .locations import LOCATIONS

Members = dict[str, Any]

PDF = "application/pdf"


@directconnect.operation
def describe_loa(call: Call, connection_id: str, provider_name: str = "", loa_content_type: str = PDF) -> Members:
    """The letter of a line, or of a group's lines."""
    lines = members_or_self(call, connection_id)
    if any(one.state in ("requested", "ordering", "rejected") for one in lines):
        raise refused(f"The LOA of {connection_id} is not available yet")
    for one in lines:
        if not one.issued:
            one.issued = call.now
            one.put(call)
    return {"loaContent": letter(call, lines, provider_name), "loaContentType": PDF}


@directconnect.operation
def describe_connection_loa(
    call: Call, connection_id: str, provider_name: str = "", loa_content_type: str = PDF
) -> Members:
    """The same, as it used to be asked for."""
    return {"loa": describe_loa(call, connection_id, provider_name)}


def letter(call: Call, lines: list[Connection], provider: str) -> bytes:
    """What the letter says: who may connect what to which port."""
    day = datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%d")
    text = ["LETTER OF AUTHORIZATION AND CONNECTING FACILITY ASSIGNMENT", "", f"Issue date: {day}"]
    text += [f"Requester: account {call.account}", f"Provider: {provider}" if provider else ""]
    for one in lines:
        where = LOCATIONS.get(call.region, {}).get(one.location, one.location)
        text += ["", f"Connection ID: {one.connection_id}", f"Name: {one.connection_name}"]
        text += [f"Facility: {where}", f"Port speed: {one.bandwidth}", f"Port: {one.location}-{one.connection_id[-4:]}"]
    return pdf(text)


def pdf(lines: list[str]) -> bytes:
    """A page of text (ISO 32000, "Document structure")."""
    escaped = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in lines]
    drawn = "BT /F1 11 Tf 14 TL 56 780 Td " + " ".join(f"({line}) Tj T*" for line in escaped) + " ET"
    stream = drawn.encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    return written + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
