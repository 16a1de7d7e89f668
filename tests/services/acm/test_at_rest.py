"""Private keys of certificates and of authorities, and passwords of HSMs, lie in no file of the data directory."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import pileus
from pileus.services.acm.authority import Authority as Amazon
from pileus.services.acm.certificates import Certificate
from pileus.services.acm_pca.authorities import Authority
from tests.services.acm_pca.conftest import Authorities
from tests.services.cloudhsmv2.conftest import Owner, reason
from tests.services.kms.test_key_stores import Store

from .conftest import Made


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def traces(private: Any) -> list[bytes]:
    """What of a private key would be in a file that has it, in whatever encoding."""
    numbers = private.private_numbers()
    secret = numbers.p if hasattr(numbers, "p") else numbers.private_value
    raw = secret.to_bytes((secret.bit_length() + 7) // 8, "big")
    # base64 in its three alignments, less what its neighbours change
    encoded = [base64.b64encode(b"\0" * shift + raw)[4:-4] for shift in range(3)]
    return [raw, raw.hex().encode(), *encoded]


def test_private_keys_are_nowhere_in_the_data_directory(tmp_path: Path) -> None:
    hidden: list[bytes] = []
    with pileus.cloud(data=tmp_path, acm_validate="auto") as cloud:
        account = cloud.account("111122223333")
        acm = account.client("acm")
        root = Authorities(account).root()
        mine = Made(cloud.clock.now(), "imported.example.com")
        acm.import_certificate(Certificate=mine.pem, PrivateKey=mine.key)
        hidden += traces(mine.private)
        public = acm.request_certificate(
            DomainName="www.example.com", ValidationMethod="DNS", Options={"Export": "ENABLED"}
        )["CertificateArn"]
        acm.request_certificate(DomainName="db.example.com", CertificateAuthorityArn=root)
        cloud.clock.advance(5)
        exported = acm.export_certificate(CertificateArn=public, Passphrase=b"passphrase that tells")["PrivateKey"]
        hidden += [b"passphrase that tells", *traces(load_pem_private_key(exported.encode(), b"passphrase that tells"))]

        def secrets() -> list[Any]:
            call = cloud.server.cloud.call("acm", account=account.id)
            every = [one.secret(call) for kind in (Certificate, Authority, Amazon) for one in kind.scan(call)]
            assert len(every) == 5
            return every

        hidden += [trace for secret in cloud.do(secrets) for trace in traces(secret)]
        seen = files(tmp_path)
    seen += files(tmp_path)
    assert b"imported.example.com" in seen
    assert not [trace for trace in hidden if trace in seen]


def test_the_password_of_kmsuser_and_keys_in_tokens_are_nowhere_in_the_data_directory(tmp_path: Path) -> None:
    if why := reason():
        pytest.skip(why)
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        cloud.clock.freeze()
        owner = Owner(cloud, cloud.account("111122223333"))
        store = Store(owner)
        place = store.create()
        assert store.connect(place)["ConnectionState"] == "CONNECTED"
        store.kms.encrypt(KeyId=store.key(place), Plaintext=b"a plaintext that tells")
        seen = files(tmp_path)
    seen += files(tmp_path)
    assert store.cluster.encode() in seen
    assert not [hidden for hidden in (b"kmsPswd", b"a plaintext that tells", b"application") if hidden in seen]
