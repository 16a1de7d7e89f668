"""AWS's own suite of Signature Version 4 vectors: canonical request, string to sign, and signature."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pileus.gateway import signing
from pileus.gateway.canonical import canonical_request
from pileus.gateway.message import Headers, Request
from pileus.kernel.errors import Fault

VECTORS = Path(os.environ.get("PILEUS_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors") / "sigv4"
CASES = sorted(path.with_suffix("") for path in VECTORS.rglob("*.req"))
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

pytestmark = pytest.mark.skipif(not CASES, reason=f"no signature vectors in {VECTORS}")


def read(case: Path) -> Request:
    """The signed request: the `.sreq` with the signature of the `.authz`, which differ where a token came later."""
    head, _, body = case.with_suffix(".sreq").read_text("latin-1").replace("\r\n", "\n").partition("\n\n")
    line, *lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
    method, _, rest = line.partition(" ")
    fields = [(name.lower(), value.strip()) for name, _, value in (text.partition(":") for text in lines if text)]
    fields = [field for field in fields if field[0] != "authorization"]
    fields.append(("authorization", case.with_suffix(".authz").read_text().strip()))
    return Request(method, rest.rpartition(" ")[0], Headers(fields), body.encode("latin-1"))


def text(case: Path, suffix: str) -> str:
    return case.with_suffix(suffix).read_text("utf-8").replace("\r\n", "\n")


def declared_hash(case: Path) -> str:
    return text(case, ".creq").rpartition("\n")[2]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vector(case: Path) -> None:
    request = read(case)
    signed = signing.parse(request)
    assert signed is not None
    canonical = canonical_request(signed, request, declared_hash(case))
    assert canonical.decode() == text(case, ".creq")
    assert signing.string_to_sign(signed, canonical) == text(case, ".sts")
    signing.verify(signed, request, SECRET)
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        signing.verify(signed, request, SECRET + "x")


def test_the_suite_is_whole() -> None:
    assert len(CASES) >= 30
