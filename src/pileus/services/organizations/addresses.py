"""Email addresses of accounts' owners: each belongs to one account in the cloud."""

from __future__ import annotations

import re

from pileus.kernel import Call
from pileus.kernel.record import Record

UNKNOWN = "example.com"


class Address(Record, scope="cloud", indexes={"by_account": ("account",)}):
    """The address that an account was created with."""

    email: str
    """In lower case."""
    account: str
    written: str


def email_of(call: Call, account: str) -> str:
    """An account's address: the one it was created with, or one made of its number."""
    found = Address.first(call, account, index="by_account")
    return found.written if found else f"{account}@{UNKNOWN}"


def account_with(call: Call, email: str) -> str:
    """The account of an address, or an empty text."""
    if found := Address.get(call, email.lower()):
        return found.account
    number = re.fullmatch(rf"(\d{{12}})@{re.escape(UNKNOWN)}", email.lower())
    return number[1] if number else ""
