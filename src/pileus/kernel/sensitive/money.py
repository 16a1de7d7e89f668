"""Accounts and cards."""

from __future__ import annotations

import re

from . import checks
from .forms import Form, Forms, form


def account(country: str, groups: str) -> Forms:
    """An International Bank Account Number, in one piece or in groups."""
    return (form(rf"{country}\d{{2}} ?{groups}", check=checks.iban),)


MONEY: dict[str, Forms] = {
    "BankAccountNumber-DE": account("DE", r"(?:\d{4} ?){4}\d{2}"),
    "BankAccountNumber-ES": account("ES", r"(?:\d{4} ?){4}\d{4}"),
    "BankAccountNumber-FR": account("FR", r"(?:\d{4} ?){2}\d{2}[0-9A-Z]{2} ?(?:[0-9A-Z]{4} ?){2}[0-9A-Z]\d{2}"),
    "BankAccountNumber-GB": account("GB", r"[A-Z]{4} ?(?:\d{4} ?){3}\d{2}"),
    "BankAccountNumber-IT": account("IT", r"[A-Z]\d{3} ?\d{4} ?\d{3}[0-9A-Z] ?(?:[0-9A-Z]{4} ?){2}[0-9A-Z]{3}"),
    "BankAccountNumber-US": (
        form(
            r"\d{9,17}",
            words="account,account number,account no,account num,bank account,bank acct,checking account,checking acct,"
            "deposit account,deposit acct,savings account,savings acct,chequing account,chequing acct",
        ),
    ),
    "CreditCardExpiration": (
        form(
            r"(?:0?[1-9]|1[0-2]) ?[/-] ?(?:20)?\d{2}",
            words="exp,exp d,exp m,exp y,exp date,expires,expiration,expiration date,expiry,expiry date,valid thru",
        ),
    ),
    "CreditCardMagneticStripe": (
        Form(re.compile(r"%?B\d{12,19}\^[^^\n]{2,26}\^\d{7}[^?\n]*\??|;\d{12,19}=\d{7,}\??"), None, None),
    ),
    "CreditCardNumber": (form(r"(?:\d[ -]?){12,18}\d", check=checks.card),),
    "CreditCardSecurityCode": (
        form(
            r"\d{3,4}",
            words="card id,card identification code,card identification number,card security code,"
            "card validation code,card validation number,card verification data,card verification value,cvc,cvc2,cvv,"
            "cvv2,elo verification code,security code",
        ),
    ),
}
