"""What people are told by: driving licences, passports, and the numbers that states give them."""

from __future__ import annotations

from . import checks
from .forms import Forms, form

LICENCE = (
    "driver license,drivers license,driver's license,driver licence,drivers licence,driver's licence,driving licence,"
    "driving license,driver lic,driving permit,driver permit,license number,licence number,dl,dl no,dl number,dln,"
    "permis de conduire,führerschein,führerscheinnummer,fuhrerschein,carnet de conducir,permiso de conducir,"
    "patente di guida,patente guida,carta de condução,rijbewijs,kørekort,körkort,ajokortti,prawo jazdy,"
    "řidičský průkaz,vodičský preukaz,vezetői engedély,permis de conducere,vozačka dozvola,vozniško dovoljenje,"
    "juhiluba,vadītāja apliecība,vairuotojo pažymėjimas,άδεια οδήγησης,свидетелство за управление,"
    "liċenzja tas-sewqan"
)
PASSPORT = (
    "passport,passport no,passport number,passport#,passportnumber,passeport,passeport no,numéro de passeport,"
    "reisepass,reisepassnummer,passnummer,pasaporte,número de pasaporte,passaporto,numero passaporto"
)
IDENTITY = (
    "ausweis,id number,identification number,identity number,id-nummer,personal-id,personalausweis,"
    "national id,carta d'identità,dni,documento nacional de identidad"
)
TAX = (
    "tax id,tax id number,tax identification number,tax number,taxpayer identification,tin,steuer id,steuer-id,"
    "steueridentifikationsnummer,identifikationsnummer,steuernummer,numéro d'identification fiscale,"
    "numéro fiscal,cif,nif,número de identificación fiscal,paye,unique taxpayer reference,unique tax reference,utr,"
    "tax reference,temporary reference number,trn"
)
DNI = r"\d{8}-?[A-HJ-NP-TV-Z]"
NIE = r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]"
INSURED = r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}"

LICENCES = {
    "AT": r"\d{8}",
    "AU": r"\d{6,10}|[A-Z0-9]{9}|\d{3} \d{3} \d{3}",
    "BE": r"\d{10}",
    "BG": r"\d{9}",
    "CA": r"[A-Z]\d{4}-?\d{5}-?\d{5}|[A-Z]\d{12}|[A-Z]{5}\d{9}|[A-Z]{5}-?[A-Z]{2}-?\d{3}[A-Z]{2}|\d{5,9}",
    "CY": r"\d{12}|\d{6,8}",
    "CZ": r"[A-Z]{2} ?\d{6}",
    "DE": r"[A-Z0-9]\d{2}[A-Z0-9]{6}\d[A-Z0-9]",
    "DK": r"\d{8}",
    "EE": r"[A-Z]{2}\d{6}",
    "ES": DNI,
    "FI": r"\d{6}[-+A]\d{3}[0-9A-Z]",
    "FR": r"\d{2}[A-Z]{2}\d{5}|\d{12}",
    "GB": r"[A-Z9]{5}\d[0156]\d[0-3]\d{2}[A-Z9]{2}[A-Z0-9]{3}",
    "GR": r"\d{9}",
    "HR": r"\d{8}",
    "HU": r"[A-Z]{2}\d{6}",
    "IE": r"\d{3} ?\d{3} ?\d{3}",
    "IT": r"U1[A-Z0-9]{7}[A-Z]|[A-Z]{2}\d{7}[A-Z]",
    "LT": r"\d{8}",
    "LU": r"\d{6}",
    "LV": r"[A-Z]{2}\d{6}",
    "MT": r"\d{2} ?\d{3} ?\d{3}",
    "NL": r"\d{10}",
    "PL": r"\d{5}/\d{2}/\d{4}|\d{14}",
    "PT": r"[A-Z]{1,2}-?\d{6,8} ?\d?",
    "RO": r"[A-Z]\d{8}[A-Z]?|\d{9}",
    "SE": r"\d{6}-?\d{4}",
    "SI": r"\d{9}",
    "SK": r"[A-Z]\d{7}|\d{8}",
    "US": r"[A-Z]{1,3}-?\d{3,4}-?\d{3,4}-?\d{0,6}|[A-Z]{0,2}\d{5,14}[A-Z]?",
}

PAPERS: dict[str, Forms] = {
    **{f"DriversLicense-{country}": (form(look, words=LICENCE),) for country, look in LICENCES.items()},
    "ElectoralRollNumber-GB": (
        form(
            r"[A-Z]{2,3}-?\d{1,4}",
            words="electoral #,electoral number,electoral roll #,electoral roll no.,electoral roll number,"
            "electoral register,electoral roll",
        ),
    ),
    "IndividualTaxIdentificationNumber-US": (
        form(r"9\d{2}[- ](?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])[- ]\d{4}"),
        form(
            r"9\d{2}(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])\d{4}",
            words="i.t.i.n.,individual taxpayer identification number,itin",
        ),
    ),
    "InseeCode-FR": (form(INSURED, check=checks.insee),),
    "NationalIdentificationNumber-DE": (
        form(r"[CFGHJK-NPRTV-Z0-9]{9}\d", check=checks.german_card, words=IDENTITY),
        form(r"[CFGHJK-NPRTV-Z][CFGHJK-NPRTV-Z0-9]{8}", words=IDENTITY),
    ),
    "NationalIdentificationNumber-ES": (form(DNI, check=checks.nif),),
    "NationalIdentificationNumber-IT": (
        form(r"[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPR-T][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]", check=checks.italian),
    ),
    "NieNumber-ES": (form(NIE, check=checks.nif),),
    "NifNumber-ES": (form(rf"{DNI}|{NIE}|[KLM]\d{{7}}[A-Z]", check=checks.nif),),
    "PassportNumber-CA": (form(r"[A-Z]{2}\d{6}|[A-Z]\d{6}[A-Z]{2}", words=PASSPORT),),
    "PassportNumber-DE": (form(r"[CFGHJK][CFGHJK-NPRTV-Z0-9]{8}\d?", words=PASSPORT),),
    "PassportNumber-ES": (form(r"[A-Z]{2,3}\d{6}[A-Z]?", words=PASSPORT),),
    "PassportNumber-FR": (form(r"\d{2}[A-Z]{2}\d{5}", words=PASSPORT),),
    "PassportNumber-GB": (form(r"\d{9}", words=PASSPORT),),
    "PassportNumber-IT": (form(r"[A-Z]{2}\d{7}", words=PASSPORT),),
    "PassportNumber-US": (form(r"\d{9}|[A-Z]\d{8}", words=PASSPORT),),
    "PermanentResidenceNumber-CA": (
        form(
            r"[A-Z]{2}\d{7,10}",
            words="permanent resident card,permanent resident card number,permanent resident no,permanent resident no.,"
            "permanent resident number,permanent resident,pr no,pr no.,pr number,carte résident permanent,"
            "numéro carte résident permanent,numéro résident permanent,résident permanent no.",
        ),
    ),
    "RgNumber-BR": (
        form(r"\d{1,2}\.\d{3}\.\d{3}-[0-9Xx]"),
        form(r"\d{7,8}-?[0-9Xx]", words="carteira de identidade,rg,registro geral"),
    ),
    "CpfCode-BR": (
        form(r"\d{3}\.\d{3}\.\d{3}-\d{2}", check=checks.cpf),
        form(r"\d{11}", check=checks.cpf, words="cadastro de pessoa física,cadastro de pessoas físicas,cpf"),
    ),
    "Cnpj-BR": (
        form(r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}", check=checks.cnpj),
        form(r"\d{14}", check=checks.cnpj, words="cadastro nacional da pessoa jurídica,cnpj"),
    ),
    "SocialInsuranceNumber-CA": (
        form(r"\d{3}([ -])\d{3}\1\d{3}", check=checks.luhn),
        form(
            r"\d{9}", check=checks.luhn, words="canadian id,numéro d'assurance sociale,social insurance number,sin,nas"
        ),
    ),
    "Ssn-ES": (
        form(r"\d{2}[/ -]\d{7,8}[/ -]\d{2}", check=checks.spanish_insurance),
        form(
            r"\d{11,12}",
            check=checks.spanish_insurance,
            words="número de la seguridad social,seguridad social,social security,social security number,naf,nuss",
        ),
    ),
    "Ssn-US": (
        form(r"(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}"),
        form(
            r"(?!000|666|9\d\d)\d{3}(?!00)\d{2}(?!0000)\d{4}",
            words="social security,social security number,social security no,ss#,ss no,ssn,ssns",
        ),
    ),
    "TaxId-DE": (form(r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}", check=checks.german_tax, words=TAX),),
    "TaxId-ES": (
        form(rf"{DNI}|{NIE}|[KLM]\d{{7}}[A-Z]", check=checks.nif, words=TAX),
        form(r"[ABCDEFGHJNPQRSUVW]-?\d{7}-?[0-9A-J]", check=checks.cif, words=TAX),
    ),
    "TaxId-FR": (form(r"[0-3]\d ?\d{2} ?\d{3} ?\d{3} ?\d{3}", check=checks.french_tax, words=TAX),),
    "TaxId-GB": (form(r"\d{10}|\d{5} \d{5}", check=checks.utr, words=TAX),),
    "VehicleIdentificationNumber": (
        form(
            r"(?=[A-Z0-9]*\d)[A-HJ-NPR-Z0-9]{17}",
            words="vin,vin number,vehicle identification,vehicle identification number,vehicle id,chassis number,niv,"
            "fahrgestellnummer,fahrzeug-identifizierungsnummer,numéro d'identification du véhicule,"
            "número de identificación del vehículo,numero di telaio,numer vin,chassisnummer",
        ),
    ),
}
