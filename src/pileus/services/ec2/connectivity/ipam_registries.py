"""Associations of IPAM with the registries of the internet, of which each certifies who may tell of which addresses.

There is no registry behind one: its answer to the request that an association writes (RFC 8183) is believed, and the
addresses and autonomous systems that the account has brought are held to be its organization's.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network.byoip import ByoipCidr
from pileus.services.ec2.network.life import Life

from .ipam_byoip import Byoasn
from .ipams import Ipam

MISSING = (
    "InvalidIpamInternetRegistryAssociationId.NotFound",
    "The specified IPAM Internet Registry Association ID does not exist: {}",
)
YEARS = 10
ENABLED = "enable-complete"

registrations = Life[Row]()
"""What holds an association."""


@kind("ipam-internet-registry-association", "ipam-ir-assoc", missing=MISSING)
class InternetRegistryAssociation(Resource, service=ec2):
    """An association; it can be used once it has been told what the registry has answered."""

    key = "IpamInternetRegistryAssociationId"
    arn = (
        "IpamInternetRegistryAssociationArn",
        "arn:{partition}:ec2::{account}:ipam-internet-registry-association/{IpamInternetRegistryAssociationId}",
    )
    create, update = "CreateIpamInternetRegistryAssociation", "EnableIpamInternetRegistryAssociation"
    list, delete = "DescribeIpamInternetRegistryAssociations", "DeleteIpamInternetRegistryAssociation"
    missing = MISSING
    tags = "TagSpecifications"
    states = (
        "State: create-in-progress -> pending-enable after 1s; enable-in-progress -> enable-complete after 1s; "
        "delete-in-progress -> delete-complete after 1s; delete-complete -> gone after 1h"
    )
    fields = {
        "IpamInternetRegistryAssociationId": hex_id("ipam-ir-assoc"),
        "OwnerId": owner,
        "IpamRegion": None,
        "ChildRequestXml": None,
        "RpkiVersion": None,
        "ServiceUri": None,
        "ChildHandle": None,
        "ParentHandle": None,
        "ParentBpkiTa": None,
    }
    filters = {"ipam-id": "IpamId", "rir": "Rir", "organization-handle": "OrganizationHandle", "state": "State"}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        ipam = named(call, Ipam, row["IpamId"])
        if ipam.tier != "advanced":
            raise Fault("UnsupportedOperation", "Internet registry associations need an IPAM of the Advanced tier.")
        if not row["OrganizationHandle"]:
            raise bad_value("organizationHandle", "")
        row["IpamRegion"] = call.region
        row["ChildRequestXml"] = child_request(call, row["OrganizationHandle"])

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None:
        if row["State"] not in ("pending-enable", "enable-failed"):
            raise Fault("IncorrectState", f"The association is in the state {row['State']}.")
        check_certificate(changes["ParentBpkiTa"])

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        if registrations.held(call, row):
            what = row["IpamInternetRegistryAssociationId"]
            raise in_use(f"The internet registry association {what} has routing policy registrations.")


def child_request(call: Call, handle: str) -> str:
    """What the registry has to be given: who asks, and the certificate by which it will know its messages."""
    from xml.sax.saxutils import quoteattr  # it brings urllib.request along

    certificate = base64.b64encode(trust_anchor(call, handle)).decode()
    return (
        '<child_request xmlns="http://www.hactrn.net/uris/rpki/rpki-setup/" version="1" '
        f"child_handle={quoteattr(handle)}><child_bpki_ta>{certificate}</child_bpki_ta></child_request>"
    )


def trust_anchor(call: Call, handle: str) -> bytes:
    """A certificate that signs itself. Its key is forgotten: there is nobody to whom messages would be sent."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, handle[:64])])
    now = datetime.fromtimestamp(call.now, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def check_certificate(pem: str) -> None:
    from cryptography import x509

    try:
        x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise bad_value("ParentBpkiTa", pem, "It is not a certificate in PEM format.") from None


def enabled(call: Call, association_id: str) -> Row:
    """The association of that id, if it can be used."""
    found = InternetRegistryAssociation.named(call, association_id)
    if found["State"] != ENABLED:
        raise Fault("IncorrectState", f"The internet registry association {association_id} is not enabled.")
    return found


ASN_FILTERS = Filters({"asn": "Asn"}, tags=None)
CIDR_FILTERS = Filters({"cidr": "Cidr"}, tags=None)


@ec2.operation(on=InternetRegistryAssociation.of("GetIpamInternetRegistryAssociationAsns"))
def get_ipam_internet_registry_association_asns(
    call: Call, row: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The organization's autonomous systems."""
    numbers = [one["Asn"] for one in Byoasn.family.row.scan(call)] if row["State"] == ENABLED else []
    found = [{"Asn": number, "LastObservedAt": call.now} for number in numbers]
    member = "IpamInternetRegistryAssociationAsns"
    return selected(call, member, ASN_FILTERS, found, filters, max_results, next_token)


@ec2.operation(on=InternetRegistryAssociation.of("GetIpamInternetRegistryAssociationCidrs"))
def get_ipam_internet_registry_association_cidrs(
    call: Call, row: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The organization's addresses."""
    there = brought(call, row["IpamId"]) if row["State"] == ENABLED else ()
    found = [{"Cidr": cidr, "LastObservedAt": call.now} for cidr in dict.fromkeys(one.cidr for _, one in there)]
    member = "IpamInternetRegistryAssociationCidrs"
    return selected(call, member, CIDR_FILTERS, found, filters, max_results, next_token)


def brought(call: Call, ipam_id: str) -> Iterator[tuple[str, ByoipCidr]]:
    """What the account has brought to the Regions of an IPAM."""
    for region in named(call, Ipam, ipam_id).regions:
        for one in ByoipCidr.scan(call.at(region=region)):
            yield region, one
