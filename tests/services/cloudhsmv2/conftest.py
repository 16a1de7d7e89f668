"""Clusters as their owners bring them up: created, claimed with a certificate, given users by PKCS #11."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

import pileus
from pileus.engines.hsm import Absent
from pileus.engines.hsm.hsms import check


def reason() -> str:
    """Why modules cannot be tested here; an empty text where they can."""
    try:
        check()
    except Absent as absent:
        return str(absent)
    return "" if shutil.which("pkcs11-tool") else "pkcs11-tool (package opensc) is not installed"


class Owner:
    """An account with an authority of its own, which signs what its clusters ask for."""

    def __init__(self, cloud: pileus.LocalCloud, account: Any) -> None:
        self.cloud = cloud
        self.account = account
        self.hsm = account.client("cloudhsmv2")
        zones = [{"Name": "availability-zone", "Values": ["us-east-1a", "us-east-1b"]}]
        there = account.client("ec2").describe_subnets(Filters=zones)["Subnets"]
        self.subnets = [subnet["SubnetId"] for subnet in there]
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "owner")])
        self.anchor = self.signed(self.name, self.key.public_key(), authority=True)

    def signed(self, subject: x509.Name, public: Any, *, authority: bool = False) -> str:
        start = datetime.fromtimestamp(self.cloud.clock.now(), UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - timedelta(days=1))
            .not_valid_after(start + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
            .decode()
        )

    def wait(self, seconds: float = 5) -> None:
        self.cloud.clock.advance(seconds)

    def describe(self, cluster: str) -> dict[str, Any]:
        (found,) = self.hsm.describe_clusters(Filters={"clusterIds": [cluster]})["Clusters"]
        return dict(found)

    def create(self, **more: Any) -> str:
        made = self.hsm.create_cluster(HsmType="hsm1.medium", SubnetIds=self.subnets, **more)["Cluster"]
        self.wait()
        return str(made["ClusterId"])

    def add(self, cluster: str, zone: str = "us-east-1a") -> str:
        found = self.hsm.create_hsm(ClusterId=cluster, AvailabilityZone=zone)["Hsm"]["HsmId"]
        self.wait()
        return str(found)

    def claim(self, cluster: str) -> None:
        csr = x509.load_pem_x509_csr(self.describe(cluster)["Certificates"]["ClusterCsr"].encode())
        self.hsm.initialize_cluster(
            ClusterId=cluster, SignedCert=self.signed(csr.subject, csr.public_key()), TrustAnchor=self.anchor
        )
        self.wait()

    def active(self, zones: tuple[str, ...] = ("us-east-1a",)) -> str:
        """A cluster that has a user."""
        cluster = self.create()
        self.add(cluster, zones[0])
        self.claim(cluster)
        self.tool(cluster, "--token-label", "hsm1", "--login", "--login-type", "so", "--so-pin", "password",
                  "--init-pin", "--pin", "application")  # fmt: skip
        self.wait(60)
        for zone in zones[1:]:
            self.add(cluster, zone)
        return cluster

    def client(self, cluster: str) -> dict[str, str]:
        """What the cloud tells a client of this machine."""
        with urllib.request.urlopen(f"{self.cloud.endpoint}/_pileus/at/cloudhsmv2/{cluster}") as answer:
            told: dict[str, str] = json.load(answer)
        return told

    def tool(self, cluster: str, *arguments: str) -> str:
        """pkcs11-tool of OpenSC, on the cluster's tokens."""
        told = self.client(cluster)
        environment = os.environ | {"SOFTHSM2_CONF": told["SOFTHSM2_CONF"]}
        command = ["pkcs11-tool", "--module", told["library"], *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def user(self, cluster: str, name: str, pin: str) -> None:
        """Another crypto user: a token of its own."""
        environment = os.environ | {"SOFTHSM2_CONF": self.client(cluster)["SOFTHSM2_CONF"]}
        command = ["softhsm2-util", "--init-token", "--free", "--label", name, "--so-pin", "officer", "--pin", pin]
        subprocess.run(command, env=environment, check=True, capture_output=True)

    def leave(self) -> None:
        """Delete the clusters, whose daily backups would keep other tests waiting that let years pass."""
        for cluster in self.hsm.describe_clusters()["Clusters"]:
            for hsm in cluster["Hsms"]:
                self.hsm.delete_hsm(ClusterId=cluster["ClusterId"], HsmId=hsm["HsmId"])
        self.wait()
        for cluster in self.hsm.describe_clusters()["Clusters"]:
            if cluster["State"] not in ("DELETED", "DELETE_IN_PROGRESS"):
                self.hsm.delete_cluster(ClusterId=cluster["ClusterId"])
        self.wait()


@pytest.fixture
def owner(cloud: pileus.LocalCloud, aws: Any, clock: Any) -> Iterator[Owner]:
    if why := reason():
        pytest.skip(why)
    found = Owner(cloud, aws)
    yield found
    found.leave()
