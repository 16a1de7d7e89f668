"""Build hook: compile the API models of the pinned botocore into the package."""

from __future__ import annotations

import runpy
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
