"""./dev, as far as it can be tried without setting anything up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("script", ["dev", ".ci/run"])
def test_scripts_are_well_formed_and_executable(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    shell = path.read_text().splitlines()[0].removeprefix("#!").split()[-1].rpartition("/")[2]
    subprocess.run([shell, "-n", str(path)], check=True)


def test_usage_names_every_command() -> None:
    said = subprocess.run([str(ROOT / "dev"), "help"], capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in said.splitlines()] == ["up", "test", "lint", "bench", "coverage", "doctor"]
    unknown = subprocess.run([str(ROOT / "dev"), "dance"], capture_output=True, text=True, check=False)
    assert (unknown.returncode, unknown.stderr) == (2, said)
