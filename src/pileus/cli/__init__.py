"""The `pileus` command: one module for every noun.

`up` goes its own short way: a server that is to answer within 0.3 s and to stay small cannot afford typer, which all
the other commands are made with.
"""

from __future__ import annotations

import sys

from .trouble import Trouble


def main() -> int:
    """Run the command that the arguments name; the exit status."""
    arguments = sys.argv[1:]
    try:
        if arguments[:1] == ["up"]:
            from .up import up

            return up(arguments[1:])
        from .app import run

        return run(arguments)
    except Trouble as trouble:
        print(f"pileus: {trouble.message}", file=sys.stderr)
        if trouble.hint:
            print(trouble.hint, file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
