"""Key pairs, with fingerprints as OpenSSL and OpenSSH compute them."""

from __future__ import annotations

import base64
import shutil
import subprocess

import pytest


def openssl(*arguments, data):
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to compute fingerprints with")
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def fingerprint(kind, der):
    """As the EC2 User Guide says: `openssl pkcs8 … | openssl sha1 -c`."""
    return openssl(kind, "-c", data=der).decode().split("= ")[1].strip()


def test_the_fingerprint_of_a_made_key_is_that_of_its_private_key(ec2):
    made = ec2.create_key_pair(KeyName="k")
    pem = made["KeyMaterial"].encode()
    assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    der = openssl("pkcs8", "-inform", "PEM", "-outform", "DER", "-topk8", "-nocrypt", data=pem)
    assert made["KeyFingerprint"] == fingerprint("sha1", der)
    assert made["KeyPairId"].startswith("key-")


def test_the_fingerprint_of_an_imported_key_is_that_of_its_public_key(ec2):
    pem = openssl("genrsa", "2048", data=b"")
    der = openssl("rsa", "-pubout", "-outform", "DER", data=pem)
    imported = ec2.import_key_pair(KeyName="mine", PublicKeyMaterial=base64.b64encode(der))
    assert imported["KeyFingerprint"] == fingerprint("md5", der)


def test_an_ed25519_key_has_the_fingerprint_that_ssh_keygen_shows(ec2, tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("there is no ssh-keygen to read keys with")
    made = ec2.create_key_pair(KeyName="ed", KeyType="ed25519")
    path = tmp_path / "key"
    path.write_text(made["KeyMaterial"] + "\n")
    path.chmod(0o600)
    public = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, check=True, text=True).stdout
    shown = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, check=True, text=True).stdout
    assert shown.split()[1] == "SHA256:" + made["KeyFingerprint"].rstrip("=")
    described = ec2.describe_key_pairs(KeyNames=["ed"], IncludePublicKey=True)["KeyPairs"][0]
    assert described["PublicKey"].split()[:2] == public.split()[:2]
    assert described["KeyType"] == "ed25519"
    again = ec2.import_key_pair(KeyName="again", PublicKeyMaterial=public.encode())
    assert again["KeyFingerprint"] == made["KeyFingerprint"]


def test_a_key_for_putty_has_a_mac_that_fits(ec2):
    text = ec2.create_key_pair(KeyName="p", KeyFormat="ppk")["KeyMaterial"]
    assert text.startswith("PuTTY-User-Key-File-2: ssh-rsa\r\nEncryption: none\r\n")
    assert "Private-MAC: " in text and "Public-Lines: 6" in text


def test_names_are_unique_and_deleted_keys_are_gone(ec2, refused):
    ec2.create_key_pair(
        KeyName="k", TagSpecifications=[{"ResourceType": "key-pair", "Tags": [{"Key": "a", "Value": "b"}]}]
    )
    with refused("InvalidKeyPair.Duplicate", "The keypair already exists: k"):
        ec2.create_key_pair(KeyName="k")
    found = ec2.describe_key_pairs(Filters=[{"Name": "tag:a", "Values": ["b"]}])["KeyPairs"]
    assert [pair["KeyName"] for pair in found] == ["k"]
    ec2.delete_key_pair(KeyName="k")
    ec2.delete_key_pair(KeyName="k")
    with refused("InvalidKeyPair.NotFound", "The key pair 'k' does not exist"):
        ec2.describe_key_pairs(KeyNames=["k"])
    with refused("InvalidKey.Format"):
        ec2.import_key_pair(KeyName="x", PublicKeyMaterial=b"no key")
