"""What the user is told when a command cannot do its work."""

from __future__ import annotations


class Trouble(Exception):
    """Something the user can mend: what is wrong, and what to do about it. The command ends with `code`."""

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
