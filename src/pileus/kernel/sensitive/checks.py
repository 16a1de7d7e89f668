"""Check digits and letters: whether a number of the right form is one that its issuer could have given out.

Each takes what was found and looks at its digits and letters alone, whatever separates them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SPANISH = "TRWAGMYFPDXBNJZSQVHLCKE"
ODD = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
"""What signs at odd places of an Italian tax code count (decree of 12 March 1974)."""


def digits(text: str) -> list[int]:
    return [int(sign) for sign in text if sign.isdigit()]


def bare(text: str) -> str:
    """The letters and digits of a text, in capitals."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def weighed(numbers: list[int], weights: Sequence[int]) -> int:
    """Each number times its weight, taken together; numbers that have no weight do not count."""
    return sum(number * weight for number, weight in zip(numbers, weights, strict=False))


def luhn(text: str) -> bool:
    """ISO/IEC 7812: cards, Canadian social insurance."""
    backwards = digits(text)[::-1]
    doubled = [sum(divmod(2 * digit, 10)) for digit in backwards[1::2]]
    return (sum(backwards[::2]) + sum(doubled)) % 10 == 0


def card(text: str) -> bool:
    """A card of American Express, Dankort, Diners Club, Discover, JCB, Mastercard, UnionPay or Visa."""
    number = bare(text)
    issued = (
        r"3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|4(?:\d{12}|\d{15}|\d{18})|5019\d{12}"
        r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}"
    )
    return bool(re.fullmatch(issued, number)) and luhn(number)


def iban(text: str) -> bool:
    """ISO 13616: the country and its two digits go to the end, letters become numbers, and 97 leaves one."""
    account = bare(text)
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1


def provider(text: str) -> bool:
    """A National Provider Identifier of the US: Luhn, as if it were a card of issuer 80840."""
    return luhn("80840" + text)


def dea(text: str) -> bool:
    """A registration with the Drug Enforcement Administration of the US."""
    found = digits(text)[-7:]
    return (found[0] + found[2] + found[4] + 2 * (found[1] + found[3] + found[5])) % 10 == found[6]


def nhs(text: str) -> bool:
    """A number of the National Health Service of the UK."""
    found = digits(text)
    return (11 - weighed(found[:9], range(10, 1, -1)) % 11) % 11 == found[9]


def brazilian(numbers: list[int], weights: Sequence[int]) -> int:
    rest = weighed(numbers, weights) % 11
    return 0 if rest < 2 else 11 - rest


def cpf(text: str) -> bool:
    """A Brazilian's tax number: two check digits."""
    found = digits(text)
    first, second = brazilian(found[:9], range(10, 1, -1)), brazilian(found[:10], range(11, 1, -1))
    return len(set(found)) > 1 and found[9:] == [first, second]


def cnpj(text: str) -> bool:
    """A Brazilian company's number."""
    found, weights = digits(text), [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    return found[12:] == [brazilian(found[:12], weights), brazilian(found[:13], [6, *weights])]


def nif(text: str) -> bool:
    """A Spaniard's or a foreigner's number in Spain: the letter is that of the number's rest by 23."""
    found = bare(text)
    number = {"X": "0", "Y": "1", "Z": "2"}.get(found[0], "" if found[0] in "KLM" else found[0]) + found[1:-1]
    return SPANISH[int(number) % 23] == found[-1]


def cif(text: str) -> bool:
    """A Spanish company's number; its last sign is a digit, or the letter that stands for it."""
    found = bare(text)
    total = sum(int(sign) for sign in found[2:8:2]) + sum(sum(divmod(2 * int(sign), 10)) for sign in found[1:8:2])
    check = -total % 10
    return found[-1] in (str(check), "JABCDEFGHI"[check])


def spanish_insurance(text: str) -> bool:
    """A number of Spain's social security: province and number, and their rest by 97."""
    found = "".join(map(str, digits(text)))
    province, number, check = int(found[:2]), int(found[2:-2]), int(found[-2:])
    return (number + province * (10_000_000 if number < 10_000_000 else 100_000_000)) % 97 == check


def insee(text: str) -> bool:
    """A French number of social security, whose key is what its rest by 97 lacks. Corsica counts as 19 and 18."""
    found = bare(text).replace("2A", "19", 1).replace("2B", "18", 1)
    return found.isdigit() and 97 - int(found[:13]) % 97 == int(found[13:])


def french_tax(text: str) -> bool:
    """A French tax number: its last three digits are the rest of the others by 511."""
    found = "".join(map(str, digits(text)))
    return int(found[:10]) % 511 == int(found[10:])


def german_tax(text: str) -> bool:
    """A German tax number (ISO/IEC 7064, MOD 11,10), in which one digit of ten comes twice or three times."""
    found = digits(text)
    product = 10
    for digit in found[:10]:
        product = ((product + digit) % 10 or 10) * 2 % 11
    return len(set(found[:10])) in (8, 9) and (11 - product) % 10 == found[10]


def german_card(text: str) -> bool:
    """A number of a German identity card or passport (ICAO 9303), with its check digit."""
    found = bare(text)
    return weighed([int(sign, 36) for sign in found[:9]], (7, 3, 1) * 3) % 10 == int(found[9])


def italian(text: str) -> bool:
    """An Italian's tax code: the last letter tells the others."""
    found = bare(text)
    odd = sum(ODD[sign] for sign in found[:15:2])
    even = sum(int(sign, 36) - (10 if sign.isalpha() else 0) for sign in found[1:15:2])
    return chr(ord("A") + (odd + even) % 26) == found[15]


def utr(text: str) -> bool:
    """A taxpayer's reference of the UK, which begins with its check digit."""
    found = digits(text)
    return int("21987654321"[weighed(found[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11]) == found[0]


def insurance(text: str) -> bool:
    """A national insurance number of the UK has none of the prefixes that are not given out."""
    return bare(text)[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def place(text: str) -> bool:
    """A latitude and a longitude."""
    latitude, longitude = (float(number) for number in re.findall(r"[-+]?\d+\.\d+", text))
    return abs(latitude) <= 90 and abs(longitude) <= 180
