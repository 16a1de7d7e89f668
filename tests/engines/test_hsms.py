"""Modules by themselves: tokens, keys that never leave them, copies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pileus.engines.hsm import Absent, Hsms, Refused
from pileus.engines.hsm.hsms import check

try:
    check()
except Absent as absent:
    pytest.skip(str(absent), allow_module_level=True)


@pytest.fixture
def hsms(tmp_path: Path) -> Iterator[Hsms]:
    cloud: Any = SimpleNamespace(folder=tmp_path)
    made = Hsms(cloud)
    yield made
    asyncio.run(made.close())


def opened(hsms: Hsms, group: str) -> None:
    """A group with a token of a user."""
    import os
    import subprocess

    hsms.create(group)
    hsms.ask(group, "initialise", label="user", so_pin="12345678")
    subprocess.run(
        ["pkcs11-tool", "--module", str(check()), "--token-label", "user", "--login", "--login-type", "so",
         "--so-pin", "12345678", "--init-pin", "--pin", "87654321"],
        env=os.environ | {"SOFTHSM2_CONF": str(hsms.configuration(group))}, check=True, capture_output=True,
    )  # fmt: skip


def test_a_token_gets_its_user_from_another_program(hsms: Hsms) -> None:
    hsms.create("a")
    assert hsms.ask("a", "tokens") == []
    hsms.ask("a", "initialise", label="user", so_pin="12345678")
    assert hsms.ask("a", "tokens") == [{"label": "user", "owned": False, "locked": False}]
    opened(hsms, "b")
    assert hsms.ask("b", "tokens") == [{"label": "user", "owned": True, "locked": False}]


def test_a_key_works_in_its_token_and_in_a_copy_of_it(hsms: Hsms) -> None:
    opened(hsms, "a")
    who = {"token": "user", "pin": "87654321"}
    hsms.ask("a", "generate", **who, label="key")
    sealed = hsms.ask("a", "encrypt", **who, label="key", nonce=b"n" * 12, data=b"data", aad=b"about")
    assert hsms.ask("a", "decrypt", **who, label="key", nonce=b"n" * 12, data=sealed, aad=b"about") == b"data"
    with pytest.raises(Refused):
        hsms.ask("a", "decrypt", **who, label="key", nonce=b"n" * 12, data=sealed, aad=b"other")
    hsms.unpack("copy", hsms.packed("a"))
    hsms.remove("a")
    assert hsms.ask("copy", "decrypt", **who, label="key", nonce=b"n" * 12, data=sealed, aad=b"about") == b"data"
    assert len(hsms.ask("copy", "random", **who, size=10)) == 10
    hsms.ask("copy", "destroy", **who, label="key")
    with pytest.raises(Refused, match="NoSuchKey"):
        hsms.ask("copy", "encrypt", **who, label="key", nonce=b"n" * 12, data=b"data", aad=b"")


def test_a_wrong_pin_and_an_unknown_token_are_refused(hsms: Hsms) -> None:
    opened(hsms, "a")
    with pytest.raises(Refused, match="PinIncorrect"):
        hsms.ask("a", "enter", token="user", pin="00000000")
    with pytest.raises(Refused, match="NoSuchToken"):
        hsms.ask("a", "enter", token="nobody", pin="87654321")
    with pytest.raises(Refused, match="TokenNotPresent"):
        hsms.ask("nothing", "tokens")
    hsms.ask("a", "enter", token="user", pin="87654321")


def test_a_process_that_has_ended_is_started_again(hsms: Hsms) -> None:
    opened(hsms, "a")
    process: Any = hsms._workers["a"]._process
    process.kill()
    process.wait()
    assert hsms.ask("a", "tokens")
