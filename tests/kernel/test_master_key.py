from __future__ import annotations

from pathlib import Path

import pytest

from pileus.kernel.master_key import MasterKey


def test_what_is_sealed_opens_again_after_a_restart(tmp_path: Path) -> None:
    sealed = MasterKey(tmp_path / "master.key").seal(b"a secret", b"about")
    assert b"a secret" not in sealed
    assert MasterKey(tmp_path / "master.key").open(sealed, b"about") == b"a secret"


def test_only_its_owner_may_read_the_file_and_it_is_made_when_it_is_needed(tmp_path: Path) -> None:
    key = MasterKey(tmp_path / "master.key")
    assert not (tmp_path / "master.key").exists()
    key.seal(b"x")
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_another_key_and_another_matter_open_nothing(tmp_path: Path) -> None:
    key = MasterKey(tmp_path / "master.key")
    sealed = key.seal(b"x", b"one thing")
    with pytest.raises(ValueError, match="not sealed under"):
        key.open(sealed, b"another")
    with pytest.raises(ValueError, match="not sealed under"):
        MasterKey(tmp_path / "other.key").open(sealed, b"one thing")


def test_a_file_that_is_no_key_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="no master key"):
        MasterKey(tmp_path / "master.key").seal(b"x")
