"""Java's regular expressions in Python."""

from __future__ import annotations

import warnings

import pytest

from pileus.models.patterns import matcher

TAG = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"
ANY = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*"


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[a-zA-Z0-9_.-]+", ["a", "A.b-c"], ["", "a b", "a\n", "é"]),
        (r"^[a-z]+$", ["abc"], ["abc\n", "ABC"]),
        (r"^arn:aws:amplify:", ["arn:aws:amplify:x"], ["x arn:aws:amplify:"]),
        (TAG, ["", "Größe 1/2", "名前", "a\u00a0b", "٣"], ["a;b", "a\tb", "<"]),
        (ANY, ["text", "\U0001f600", "a\r\n"], ["\x00", "\x0b"]),
        (r"\p{Print}+", ["a ~"], ["é", "\n"]),
        (r"\P{C}*", ["é \U0001f600"], ["\x01", "\u200b"]),
        (r"[\P{C}\s]+", ["a\nb"], ["\x01"]),
        (r"[\w- ]*", ["a-b c"], ["a+b"]),
        (r"\A[a-z]+\z", ["abc"], ["abc\n"]),
        (r"\w+", ["a_1"], ["é"]),
        (r"\d{2}", ["12"], ["١٢"]),
        (r"[\x{60}a]+", ["`a"], ["b"]),
        (r"[\p{L}&&[^a]]", None, None),
        (r"(?!(?i)AWS_)[a-z]*", None, None),
        (r"a{2}{3}", None, None),
        (r"\p{Klingon}", None, None),
    ],
)  # fmt: skip
def test_pattern(pattern: str, good: list[str] | None, bad: list[str] | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matches = matcher(pattern)
    if good is None or bad is None:
        assert matches is None
        return
    assert matches is not None
    assert [text for text in good if not matches(text)] == []
    assert [text for text in bad if matches(text)] == []
