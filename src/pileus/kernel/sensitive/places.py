"""Where people are and how they are reached: names, addresses, post codes, telephones.

Names are told by what stands before them: a title, or that a name follows.
"""

from __future__ import annotations

import re

from . import checks
from .forms import Form, Forms, form, spoken

TELEPHONE = (
    "phone,phone number,telephone,telephone number,tel,cell,cell phone,mobile,mobile number,contact,contact number,"
    "fax,fax number,call,celular,telefone,número celular,número de telefone,handy,telefon,telefonnummer,"
    "mobiltelefon,móvil,teléfono,número de teléfono,portable,téléphone,numéro de téléphone,cellulare,telefono,"
    "numero di telefono"
)
CAPITALISED = r"[A-ZÀ-ÖØ-Þ][\w'’-]*"
NAME = rf"{CAPITALISED}(?: (?:[A-Z]\.|(?:van|von|de|da|di|du|la|le|der|den|dos|del) )?{CAPITALISED}| [A-Z]\.){{0,3}}"
STREET = r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Terrace|Square|Sq)"
WEG = r"(?:straße|strasse|str\.|weg|platz|allee|gasse)"
TOWN = r"(?:[^\W\d_][\w'’. -]{1,40})"
CITY, ZIP = rf"(?:, ?\d{{5}} {TOWN})?", r"[A-Z]{2} \d{5}(?:-\d{4})?"


def telephone(country: str, national: str, plain: str) -> Forms:
    """With the country's number, or as it is dialled there where something says that it is one, or separators do."""
    return (
        Form(
            re.compile(rf"(?<![0-9A-Za-z+])(?:\+|00){country}[ .-]?(?:\(0\) ?)?{national}(?![0-9A-Za-z])"), None, None
        ),
        Form(re.compile(rf"(?<![0-9A-Za-z+])(?:{plain})(?![0-9A-Za-z])"), None, spoken(TELEPHONE)),
    )


AMERICAN = r"\(?[2-9]\d{2}\)?[ .-]?[2-9]\d{2}[ .-]?\d{4}"

PLACES: dict[str, Forms] = {
    "Address": (
        form(rf"\d{{1,5}}[A-Za-z]?,?\s+(?:[A-Z0-9][\w'’.-]*\s){{1,4}}{STREET}\b\.?(?:,? {TOWN},? {ZIP})?"),
        form(rf"[A-ZÄÖÜ][\wäöüß.-]*{WEG} \d{{1,4}} ?[a-z]?{CITY}"),
        form(rf"\d{{1,4}}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|allée|impasse) {TOWN}{CITY}"),
        form(rf"(?:Calle|Avenida|Paseo|Plaza|C/|Via|Viale|Corso|Piazza) {TOWN},? \d{{1,4}}{CITY}"),
    ),
    "CepCode-BR": (
        form(r"\d{5}-\d{3}", words="cep,código de endereçamento postal,codigo de endereçamento postal,código postal"),
    ),
    "EmailAddress": (
        Form(
            re.compile(r"(?<![\w.%+-])[\w.%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![\w-])"), None, None
        ),
    ),
    "LatLong": (
        Form(re.compile(r"(?<![\d.+-])[-+]?\d{1,2}\.\d{4,},\s*[-+]?\d{1,3}\.\d{4,}(?![\d.])"), checks.place, None),
    ),
    "Name": (
        form(rf"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Monsieur|Madame|Mme|Señora?|Sra?|Signora?)\.? {NAME}"),
        Form(
            re.compile(
                rf"(?<=[nN]ame[:=] )(?:{NAME})|(?<=[nN]ame[:=])(?:{NAME})|(?<=[nN]ame\": \")(?:{NAME})"
                rf"|(?<=[nN]ame\":\")(?:{NAME})|(?<=[nN]ame is )(?:{NAME})"
            ),
            None,
            None,
        ),
    ),
    "PhoneNumber-BR": telephone("55", r"\(?\d{2}\)?[ .-]?9?\d{4}[ .-]?\d{4}", r"\(?0?\d{2}\)?[ .-]?9?\d{4}[ .-]?\d{4}"),
    "PhoneNumber-DE": telephone(
        "49", r"[1-9]\d{1,4}[ /-]?\d(?:[ -]?\d){3,9}", r"0[1-9]\d{1,4}[ /-]?\d(?:[ -]?\d){3,9}"
    ),
    "PhoneNumber-ES": telephone("34", r"[6-9]\d{2}(?:[ .-]?\d{3}){2}", r"[6-9]\d{2}(?:[ .-]?\d{3}){2}"),
    "PhoneNumber-FR": telephone("33", r"[1-9](?:[ .-]?\d{2}){4}", r"0[1-9](?:[ .-]?\d{2}){4}"),
    "PhoneNumber-GB": telephone(
        "44", r"[1-9]\d{1,4}[ -]?\d{3,4}[ -]?\d{3,4}", r"0[1-9]\d{1,4}[ -]?\d{3,4}[ -]?\d{3,4}"
    ),
    "PhoneNumber-IT": telephone(
        "39", r"(?:0\d{1,3}|3\d{2})[ .-]?\d{3}[ .-]?\d{3,5}", r"(?:0\d{1,3}|3\d{2})[ .-]?\d{3}[ .-]?\d{3,5}"
    ),
    "PhoneNumber-US": (
        Form(re.compile(rf"(?<![0-9A-Za-z])\+1[ .-]?{AMERICAN}(?![0-9A-Za-z])"), None, None),
        Form(
            re.compile(
                r"(?<![0-9A-Za-z])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}(?![0-9A-Za-z])"
            ),
            None,
            None,
        ),
        Form(re.compile(rf"(?<![0-9A-Za-z+])1?{AMERICAN}(?![0-9A-Za-z])"), None, spoken(TELEPHONE)),
    ),
    "PostalCode-CA": (form(r"[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d"),),
    "ZipCode-US": (form(r"\d{5}-\d{4}"), form(r"\d{5}", words="zip,zip code,zip+4,zipcode,postal code")),
}
