"""What is said to be covered is what is there; and the pages say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pileus import coverage
from pileus.kernel import cloud

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["README.md", "docs/coverage.md"])
def test_the_pages_are_current(page: str) -> None:
    text = (ROOT / page).read_text()
    assert text == coverage.refreshed(text, coverage.everything()), "bring it up to date with  ./dev coverage"


def test_every_operation_is_either_there_or_missing() -> None:
    for one in coverage.everything():
        service = cloud.load(cloud.services()[one.service])
        assert sorted([*one.implemented, *one.missing]) == sorted(service.model.operation_names)
        for operation, members in one.ignored.items():
            shape = service.model.operation(operation).input
            assert shape
            assert set(members) <= set(shape.members)


def test_services_that_are_not_here_have_no_coverage() -> None:
    with pytest.raises(KeyError):
        coverage.of("lightsail")


def test_json_and_markdown_say_the_same() -> None:
    services = [coverage.of("sts")]
    (told,) = json.loads(coverage.as_json(services))["services"]
    assert told["service"] == "sts"
    assert "GetCallerIdentity" in told["implemented"]
    row = f"| sts | {len(told['implemented'])} of {len(told['implemented']) + len(told['missing'])} |"
    assert row in coverage.markdown(services)
    assert "## sts" in coverage.markdown_members(services)


def test_tables_stand_between_their_markers() -> None:
    services = [coverage.of("sts")]
    page = "before\n<!-- coverage -->\nold\n<!-- /coverage -->\nafter\n"
    new = coverage.refreshed(page, services)
    assert new.startswith("before\n<!-- coverage -->\n")
    assert new.endswith("<!-- /coverage -->\nafter\n")
    assert "old" not in new
    assert coverage.markdown(services) in new
    assert coverage.refreshed(new, services) == new
