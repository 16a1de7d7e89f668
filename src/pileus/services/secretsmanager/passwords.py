"""Random passwords."""

from __future__ import annotations

import secrets
import string
from typing import Any

from pileus.kernel import Call

from . import faults, secretsmanager

LENGTH = 32


@secretsmanager.operation
def get_random_password(
    call: Call,
    password_length: int = LENGTH,
    exclude_characters: str = "",
    exclude_numbers: bool = False,
    exclude_punctuation: bool = False,
    exclude_uppercase: bool = False,
    exclude_lowercase: bool = False,
    include_space: bool = False,
    require_each_included_type: bool = True,
) -> dict[str, Any]:
    """A password of random characters: of every kind that is not excluded at least one, unless that is not wanted."""
    kinds = {
        string.ascii_lowercase: not exclude_lowercase,
        string.ascii_uppercase: not exclude_uppercase,
        string.digits: not exclude_numbers,
        string.punctuation: not exclude_punctuation,
        " ": include_space,
    }
    wanted = [left(kind, exclude_characters) for kind, included in kinds.items() if included]
    wanted = [kind for kind in wanted if kind]
    if not wanted:
        raise faults.parameter("The parameters exclude all characters: there is none left for a password.")
    if require_each_included_type and password_length < len(wanted):
        raise faults.parameter("Password length is too short based on the required types.")
    every = "".join(wanted)
    some = [secrets.choice(kind) for kind in wanted] if require_each_included_type else []
    letters = some + [secrets.choice(every) for _ in range(password_length - len(some))]
    secrets.SystemRandom().shuffle(letters)
    return {"RandomPassword": "".join(letters)}


def left(kind: str, excluded: str) -> str:
    return "".join(letter for letter in kind if letter not in excluded)
