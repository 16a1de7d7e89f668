"""Certificates for enclaves: one of ACM, with its encrypted key, where only the roles that it is meant for read it.

As in "AWS Certificate Manager for Nitro Enclaves": the object in a bucket of Amazon's can be read by the associated
role alone, and the key in it decrypted with a KMS key of Amazon's. Left out: that an enclave has to attest what it is,
for there are no enclaves: the role itself may decrypt.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from pileus.kernel import Call, Fault, Record, identity
from pileus.kernel.machine_images import AMAZON
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, limit

CLOUD = identity.service("pileus.amazonaws.com")
MOST = 16


class EnclaveCertificate(Record, key=("certificate_arn", "role_arn")):
    """A role that may read a certificate."""

    certificate_arn: str
    role_arn: str
    kms_key: str


def bucket_of(call: Call) -> str:
    return f"aws-ec2-enclave-certificate-{call.region}-prod"


def shown(call: Call, one: EnclaveCertificate) -> Members:
    return {
        "CertificateS3BucketName": bucket_of(call),
        "CertificateS3ObjectKey": f"{one.role_arn}/{one.certificate_arn}",
        "EncryptionKmsKeyId": one.kms_key,
    }


@ec2.operation
async def associate_enclave_certificate_iam_role(call: Call, certificate_arn: str, role_arn: str) -> Members:
    """Let a role read a certificate and its key."""
    with call.transaction():
        found = [*EnclaveCertificate.scan(call, certificate_arn)]
        if there := next((one for one in found if one.role_arn == role_arn), None):
            return shown(call, there)
        if len(found) >= MOST:
            raise limit("EnclaveCertificateAssociationLimit", f"A certificate can have at most {MOST} roles.")
        _check_role(call, role_arn)
        content = _exported(call, certificate_arn)
        _ready(call)
    amazon = _amazon(call)
    kms = amazon.aws("kms")
    key = found[0].kms_key if found else ""
    if not key:
        made = await kms.create_key(description=f"Enclave certificate {certificate_arn}", policy=_policy(call, []))
        key = made["KeyMetadata"]["Arn"]
    with call.transaction():
        one = EnclaveCertificate(certificate_arn, role_arn, key).put(call)
        _allow(call, certificate_arn, key)
        sealed = kms.encrypt(key_id=key, plaintext=content.pop("PrivateKey"))["CiphertextBlob"]
    body = {
        "certificate": content["Certificate"],
        "certificateChain": content.get("CertificateChain", ""),
        "encryptedPrivateKey": base64.b64encode(sealed).decode(),
        "encryptionMethod": "KMS",
    }
    where = shown(call, one)
    put = amazon.aws("s3").put_object
    await put(bucket=bucket_of(call), key=where["CertificateS3ObjectKey"], body=json.dumps(body).encode())
    return where


def _amazon(call: Call) -> Call:
    """A call as the account of Amazon's, whose the bucket and the keys are."""
    return call.at(account=AMAZON, principal=identity.root(AMAZON, partition=call.partition))


def _check_role(call: Call, role_arn: str) -> None:
    if not role_arn.startswith(f"arn:{call.partition}:iam::{call.account}:role/"):
        raise bad_value("RoleArn", role_arn)
    try:
        call.aws("iam", principal=identity.root(call.account)).get_role(role_name=role_arn.rpartition("/")[2])
    except Fault:
        raise bad_value("RoleArn", role_arn, "The role does not exist.") from None


def _exported(call: Call, certificate_arn: str) -> Members:
    """A certificate with its key, in PKCS #8 as it is written without a passphrase."""
    from cryptography.hazmat.primitives import serialization

    passphrase = secrets.token_hex(16).encode()
    try:
        told: Members = call.aws("acm", principal=CLOUD).export_certificate(
            certificate_arn=certificate_arn, passphrase=passphrase
        )
    except Fault as fault:
        raise Fault("InvalidCertificateArn.NotFound", fault.message) from None
    key: Any = serialization.load_pem_private_key(told["PrivateKey"].encode(), passphrase)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return told | {"PrivateKey": key.private_bytes(*form)}


def _ready(call: Call) -> None:
    """The bucket is there; what it holds below a role's ARN, that role may read."""
    amazon, bucket = _amazon(call), bucket_of(call)
    s3 = amazon.aws("s3")
    try:
        s3.head_bucket(bucket=bucket)
    except Fault:
        elsewhere = {} if call.region == "us-east-1" else {"LocationConstraint": call.region}
        s3.create_bucket(bucket=bucket, create_bucket_configuration=elsewhere)
        s3.delete_public_access_block(bucket=bucket)
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:{call.partition}:s3:::{bucket}/${{aws:PrincipalArn}}/*",
        }
        s3.put_bucket_policy(bucket=bucket, policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def _policy(call: Call, roles: list[str]) -> str:
    own = {"AWS": f"arn:{call.partition}:iam::{AMAZON}:root"}
    statements = [{"Effect": "Allow", "Principal": own, "Action": "kms:*", "Resource": "*"}]
    if roles:
        who = {"AWS": f"arn:{call.partition}:iam::{call.account}:root"}
        allowed = {"Effect": "Allow", "Principal": who, "Action": "kms:Decrypt", "Resource": "*"}
        statements.append(allowed | {"Condition": {"ArnEquals": {"aws:PrincipalArn": roles}}})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _allow(call: Call, certificate_arn: str, key: str) -> None:
    """The roles of a certificate may decrypt with its key."""
    roles = [one.role_arn for one in EnclaveCertificate.scan(call, certificate_arn)]
    _amazon(call).aws("kms").put_key_policy(key_id=key, policy=_policy(call, roles))


@ec2.operation
def disassociate_enclave_certificate_iam_role(call: Call, certificate_arn: str, role_arn: str) -> Members:
    """Let a role no longer read a certificate."""
    one = EnclaveCertificate.get(call, certificate_arn, role_arn)
    if one is None:
        text = f"The certificate '{certificate_arn}' is not associated with the role '{role_arn}'."
        raise Fault("InvalidAssociationID.NotFound", text)
    one.delete(call)
    _allow(call, certificate_arn, one.kms_key)
    enclave_certificate_removed.later(call, key=shown(call, one)["CertificateS3ObjectKey"])
    if EnclaveCertificate.first(call, certificate_arn) is None:
        _amazon(call).aws("kms").schedule_key_deletion(key_id=one.kms_key, pending_window_in_days=7)
    return {"Return": True}


@ec2.task
async def enclave_certificate_removed(call: Call, key: str) -> None:
    done = _amazon(call).aws("s3").delete_object(bucket=bucket_of(call), key=key)
    if hasattr(done, "__await__"):
        await done


@ec2.operation
def get_associated_enclave_certificate_iam_roles(call: Call, certificate_arn: str) -> Members:
    found = EnclaveCertificate.scan(call, certificate_arn)
    return {"AssociatedRoles": [{"AssociatedRoleArn": one.role_arn} | shown(call, one) for one in found]}
