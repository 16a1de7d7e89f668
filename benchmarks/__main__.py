"""`./dev bench NAME …` runs one of the benchmarks; without a name, it lists them."""

from __future__ import annotations

import importlib
import pkgutil
import runpy
import sys

import benchmarks


def main() -> None:
    names = [
        module.name
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if module.name not in ("__main__", "load", "bare")
    ]
    if len(sys.argv) > 1 and sys.argv[1] in names:
        name = sys.argv.pop(1)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
        return
    for name in names:
        print(f"{name:<16}{(importlib.import_module(f'benchmarks.{name}').__doc__ or '').splitlines()[0]}")


if __name__ == "__main__":
    main()
