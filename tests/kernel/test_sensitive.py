"""Sensitive data are found by their forms, their check digits, and what is said of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel import sensitive
from pileus.kernel.sensitive import Unknown, checks, managed

LICENCES = {
    "AT": "12345678", "AU": "12345678", "BE": "0123456789", "BG": "123456789", "CA": "A1234-56789-01234",
    "CY": "123456789012", "CZ": "AB 123456", "DE": "B072RRE2I55", "DK": "12345678", "EE": "AB123456",
    "ES": "12345678Z", "FI": "010170-123A", "FR": "123456789012", "GB": "MORGA753116SM9IJ", "GR": "123456789",
    "HR": "12345678", "HU": "AB123456", "IE": "123 456 789", "IT": "AB1234567C", "LT": "12345678", "LU": "123456",
    "LV": "AB123456", "MT": "12 345 678", "NL": "1234567890", "PL": "12345/12/1234", "PT": "L-1234567 8",
    "RO": "B12345678", "SE": "700101-1234", "SI": "123456789", "SK": "A1234567", "US": "D1234567",
}  # fmt: skip

EXAMPLES: dict[str, list[tuple[str, str]]] = {
    **{f"DriversLicense-{country}": [("driver's license ", number)] for country, number in LICENCES.items()},
    "Address": [("at ", "410 Terry Avenue North St, Seattle, WA 98109"), ("in ", "Hauptstraße 12, 10115 Berlin")],
    "AwsSecretKey": [("key ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")],
    "BankAccountNumber-DE": [("", "DE89 3704 0044 0532 0130 00"), ("", "DE89370400440532013000")],
    "BankAccountNumber-ES": [("", "ES91 2100 0418 4502 0005 1332")],
    "BankAccountNumber-FR": [("", "FR14 2004 1010 0505 0001 3M02 606")],
    "BankAccountNumber-GB": [("", "GB29 NWBK 6016 1331 9268 19")],
    "BankAccountNumber-IT": [("", "IT60 X054 2811 1010 0000 0123 456")],
    "BankAccountNumber-US": [("bank_account: ", "123456789012")],
    "CepCode-BR": [("CEP ", "01310-100")],
    "Cnpj-BR": [("", "11.222.333/0001-81"), ("cnpj ", "11222333000181")],
    "CpfCode-BR": [("", "529.982.247-25"), ("CPF: ", "52998224725")],
    "CreditCardExpiration": [("expires ", "09/28")],
    "CreditCardMagneticStripe": [("", "%B4111111111111111^DOE/JOHN^28091010000000000?")],
    "CreditCardNumber": [("", "4111 1111 1111 1111"), ("", "378282246310005"), ("", "5555-5555-5555-4444")],
    "CreditCardSecurityCode": [("cvv: ", "123")],
    "DrugEnforcementAgencyNumber-US": [("DEA number ", "AB1234563")],
    "ElectoralRollNumber-GB": [("electoral roll number ", "AB1234")],
    "EmailAddress": [("", "ann.b+c@mail.example.co.uk")],
    "HealthInsuranceCardNumber-EU": [("EHIC ", "80756015090002647590")],
    "HealthInsuranceClaimNumber-US": [("hicn ", "123-45-6789A")],
    "HealthInsuranceNumber-FR": [("carte vitale ", "2 55 08 14 168 025 38")],
    "HealthcareProcedureCode-US": [("hcpcs ", "J0120")],
    "IndividualTaxIdentificationNumber-US": [("", "912-70-1234"), ("itin ", "912701234")],
    "InseeCode-FR": [("", "255081416802538")],
    "IpAddress": [("from ", "192.0.2.7"), ("from ", "2001:db8::8a2e:370:7334"), ("", "2001:db8:0:0:0:0:0:1")],
    "LatLong": [("", "47.6205, -122.3493")],
    "MedicareBeneficiaryNumber-US": [("MBI ", "1EG4-TE5-MK73")],
    "Name": [("dear ", "Dr. Ada Lovelace"), ('{"name": "', "Ada King Lovelace")],
    "NationalDrugCode-US": [("NDC ", "0777-3105-02")],
    "NationalIdentificationNumber-DE": [("Personalausweis ", "T220001293"), ("Ausweis ", "T22000129")],
    "NationalIdentificationNumber-ES": [("", "12345678Z")],
    "NationalIdentificationNumber-IT": [("", "RSSMRA85T10A562S")],
    "NationalInsuranceNumber-GB": [("", "AB 12 34 56 C")],
    "NationalProviderId-US": [("NPI ", "1234567893")],
    "NhsNumber-GB": [("NHS number ", "943 476 5919")],
    "NieNumber-ES": [("", "X1234567L")],
    "NifNumber-ES": [("", "12345678Z"), ("", "Y1234567X")],
    "OpenSshPrivateKey": [("", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----")],
    "PassportNumber-CA": [("passport ", "AB123456")],
    "PassportNumber-DE": [("Reisepass ", "C01X00T47")],
    "PassportNumber-ES": [("pasaporte ", "AAA123456")],
    "PassportNumber-FR": [("passeport ", "12AB34567")],
    "PassportNumber-GB": [("passport number ", "123456789")],
    "PassportNumber-IT": [("passaporto ", "YA1234567")],
    "PassportNumber-US": [("passport no ", "A12345678")],
    "PermanentResidenceNumber-CA": [("permanent resident card ", "RA0302123456")],
    "PersonalHealthNumber-CA": [("PHN ", "9698 658 215")],
    "PgpPrivateKey": [("", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK-----")],
    "PhoneNumber-BR": [("", "+55 11 91234-5678"), ("telefone ", "(11) 91234-5678")],
    "PhoneNumber-DE": [("", "+49 30 901820"), ("Telefon ", "030 901820")],
    "PhoneNumber-ES": [("", "+34 912 345 678"), ("teléfono ", "912345678")],
    "PhoneNumber-FR": [("", "+33 1 42 68 53 00"), ("téléphone ", "01 42 68 53 00")],
    "PhoneNumber-GB": [("", "+44 20 7946 0958"), ("mobile ", "07700 900123")],
    "PhoneNumber-IT": [("", "+39 06 698 12345"), ("telefono ", "06 698 12345")],
    "PhoneNumber-US": [("", "+12065550100"), ("", "(206) 555-0100"), ("phone ", "2065550100")],
    "PkcsPrivateKey": [("", "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----")],
    "PostalCode-CA": [("", "K1A 0B1")],
    "PuttyPrivateKey": [("", "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-MAC: 0a1b")],
    "RgNumber-BR": [("", "12.345.678-9")],
    "SocialInsuranceNumber-CA": [("", "046 454 286"), ("SIN ", "046454286")],
    "Ssn-ES": [("", "28/12345678/40"), ("seguridad social ", "281234567840")],
    "Ssn-US": [("", "123-45-6789"), ("ssn: ", "123456789")],
    "TaxId-DE": [("Steuer-ID ", "86 095 742 719"), ("tax id ", "47036892816")],
    "TaxId-ES": [("NIF ", "12345678Z"), ("CIF ", "A58818501")],
    "TaxId-FR": [("numéro fiscal ", "30 23 217 600 053")],
    "TaxId-GB": [("UTR ", "1955839661")],
    "VehicleIdentificationNumber": [("VIN ", "1HGCM82633A004352")],
    "ZipCode-US": [("", "98109-5210"), ("zip code ", "98109")],
}

WRONG = {
    "BankAccountNumber-DE": "DE88 3704 0044 0532 0130 00",
    "BankAccountNumber-US": "order 123456789012",
    "CreditCardNumber": "4111 1111 1111 1112 and 1234567812345670",
    "CpfCode-BR": "529.982.247-26 and 111.111.111-11",
    "Cnpj-BR": "11.222.333/0001-82",
    "DrugEnforcementAgencyNumber-US": "DEA number AB1234564",
    "InseeCode-FR": "255081416802539",
    "IpAddress": "256.1.1.1 and 1.2.3.4.5 and 12:30:45",
    "LatLong": "97.6205, -122.3493",
    "NationalIdentificationNumber-ES": "12345678A",
    "NationalIdentificationNumber-IT": "RSSMRA85T10A562T",
    "NationalInsuranceNumber-GB": "GB 12 34 56 C",
    "NationalProviderId-US": "NPI 1234567892",
    "NhsNumber-GB": "NHS number 943 476 5918",
    "NieNumber-ES": "X1234567A",
    "PassportNumber-GB": "order 123456789",
    "PhoneNumber-US": "order 2065550100",
    "SocialInsuranceNumber-CA": "046 454 287",
    "Ssn-ES": "28/12345678/41",
    "Ssn-US": "000-45-6789, 666-45-6789, 900-45-6789, 123-00-6789, 123-45-0000, 123-456789",
    "TaxId-DE": "Steuer-ID 86 095 742 710",
    "TaxId-ES": "CIF A58818502",
    "TaxId-FR": "numéro fiscal 30 23 217 600 054",
    "TaxId-GB": "UTR 2955839661",
    "VehicleIdentificationNumber": "1HGCM82633A004352",
}


def arn(name: str) -> str:
    return f"arn:aws:dataprotection::aws:data-identifier/{name}"


def found(name: str, text: str) -> list[str]:
    return [text[start:end] for start, end in sensitive.finder(arn(name), {}).found(text)]


def test_every_identifier_has_an_example() -> None:
    assert EXAMPLES.keys() == managed().keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_an_identifier_is_for_is_found_whole(name: str) -> None:
    for before, data in EXAMPLES[name]:
        assert found(name, f"see {before}{data}, or so") == [data]


@pytest.mark.parametrize("name", WRONG)
def test_what_only_looks_like_it_is_not(name: str) -> None:
    assert found(name, f"see {WRONG[name]}, or so") == []


@given(st.from_regex(r"\A[0-9]{15}\Z"))
def test_one_of_ten_numbers_passes_luhn(number: str) -> None:
    assert sum(checks.luhn(number + digit) for digit in "0123456789") == 1


def test_patterns_of_customers_have_no_groups_so_that_none_takes_ages() -> None:
    def policy(pattern: str) -> dict[str, object]:
        return {"Configuration": {"CustomDataIdentifier": [{"Name": "own", "Regex": pattern}]}}

    own = sensitive.custom_identifiers(policy(r"T-\d+"))
    assert sensitive.finder("own", own).found("see T-123") == [(4, 9)]
    for wrong in ("(a+)+$", "[a", "", "a" * 201):
        with pytest.raises(Unknown):
            sensitive.custom_identifiers(policy(wrong))
    for unknown in ("other", arn("Nonsense")):
        with pytest.raises(Unknown):
            sensitive.finder(unknown, own)
