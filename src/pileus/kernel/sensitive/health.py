"""Insurance, medicines, and those who treat people."""

from __future__ import annotations

from . import checks
from .forms import Forms, form

CARD = (
    "ehic,ehic number,health card,health card number,health insurance card,health insurance number,"
    "insurance card number,medical account number,assicurazione sanitaria numero,carta assicurazione numero,"
    "tessera sanitaria,carte d’assurance maladie,carte européenne d'assurance maladie,ceam,numéro d’assurance maladie,"
    "gesundheitskarte,krankenversicherungskarte,krankenversicherungsnummer,versicherungsnummer,hälsokort,"
    "sjukförsäkringskort,sairaanhoitokortin,sairausvakuutuskortti,terveyskortti,tarjeta de salud,"
    "número de tarjeta de seguro,número de seguro de salud"
)
LETTER = "AC-HJKMNP-RT-Y"
"""Letters of a Medicare number: those that look like digits are not used."""

HEALTH: dict[str, Forms] = {
    "DrugEnforcementAgencyNumber-US": (
        form(r"[A-HJ-NP-UX][A-Z9]\d{7}", check=checks.dea, words="dea,dea number,dea registration,dea no"),
    ),
    "HealthInsuranceCardNumber-EU": (form(r"80\d{3} ?\d{5} ?\d{10}|80\d{18}", words=CARD),),
    "HealthInsuranceClaimNumber-US": (
        form(
            r"\d{3}-?\d{2}-?\d{4}-?[A-Z][A-Z0-9]?",
            words="health insurance claim number,hic no,hic no.,hic number,hic#,hicn,hicn#,hicno#,hic",
        ),
    ),
    "HealthInsuranceNumber-FR": (
        form(
            r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
            check=checks.insee,
            words="carte d'assuré social,carte vitale,insurance card,assurance maladie",
        ),
    ),
    "HealthcareProcedureCode-US": (
        form(
            r"[A-V]\d{4}",
            words="current procedural terminology,hcpcs,healthcare common procedure coding system,procedure code",
        ),
    ),
    "MedicareBeneficiaryNumber-US": (
        form(
            rf"[1-9][{LETTER}][{LETTER}0-9]\d-?[{LETTER}][{LETTER}0-9]\d-?[{LETTER}]{{2}}\d{{2}}",
            words="mbi,medicare,medicare beneficiary,medicare number",
        ),
    ),
    "NationalDrugCode-US": (
        form(r"\d{4}-\d{4}-\d{2}|\d{5}-\d{3}-\d{2}|\d{5}-\d{4}-\d{1,2}", words="national drug code,ndc"),
    ),
    "NationalInsuranceNumber-GB": (
        form(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", check=checks.insurance),
    ),
    "NationalProviderId-US": (
        form(r"[12]\d{9}", check=checks.provider, words="hipaa,n.p.i,national provider,npi,provider id"),
    ),
    "NhsNumber-GB": (
        form(r"\d{3}[ -]?\d{3}[ -]?\d{4}", check=checks.nhs, words="national health service,nhs,nhs number"),
    ),
    "PersonalHealthNumber-CA": (
        form(
            r"\d{4} ?\d{3} ?\d{3}",
            words="canada healthcare number,msp number,personal healthcare number,personal health number,phn,"
            "soins de santé,care number",
        ),
    ),
}
