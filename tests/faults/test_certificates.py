"""kill -9 around keys and certificates: an authority comes to its key, and keys in HSMs go on working."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.cloudhsmv2.conftest import Owner, reason
from tests.services.kms.test_key_stores import Store

from .process import Process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def test_an_authority_whose_key_was_not_made_yet_gets_it_after_the_crash(server: Process) -> None:
    def pca(operation: str, **members: Any) -> dict[str, Any]:
        return server.client().ask("acm-pca", f"ACMPrivateCA.{operation}", **members)

    configuration = {
        "KeyAlgorithm": "RSA_4096",
        "SigningAlgorithm": "SHA256WITHRSA",
        "Subject": {"CommonName": "root"},
    }
    made = [
        pca(
            "CreateCertificateAuthority",
            CertificateAuthorityConfiguration=configuration,
            CertificateAuthorityType="ROOT",
        )["CertificateAuthorityArn"]
        for _ in range(3)
    ]
    server.kill()
    server.start()
    end = time.monotonic() + 60
    for arn in made:
        while pca("DescribeCertificateAuthority", CertificateAuthorityArn=arn)["CertificateAuthority"]["Status"] != (
            "PENDING_CERTIFICATE"
        ):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert "BEGIN CERTIFICATE REQUEST" in pca("GetCertificateAuthorityCsr", CertificateAuthorityArn=arn)["Csr"]


def test_a_key_in_an_hsm_works_after_the_crash(tmp_path: Path) -> None:
    if why := reason():
        pytest.skip(why)
    import pileus
    from tests.faults.process import ACCOUNT

    with pileus.cloud(data=tmp_path / "data", sockets=True) as cloud:
        store = Store(Owner(cloud, cloud.account(ACCOUNT)))
        place = store.create()
        store.connect(place)
        key = store.key(place)
    server = Process(tmp_path / "data")
    try:
        secret = base64.b64encode(b"hello").decode()
        blob = server.client().ask("kms", "TrentService.Encrypt", KeyId=key, Plaintext=secret)["CiphertextBlob"]
        server.kill()
        server.start()
        assert server.client().ask("kms", "TrentService.Decrypt", CiphertextBlob=blob)["Plaintext"] == secret
    finally:
        server.stop()
