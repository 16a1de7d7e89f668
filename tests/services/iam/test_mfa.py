import base64
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.kernel.mfa import STEP, totp
from pileus.testing.account import Account

from .asking import acting, allow, document, refused, user_with_key

WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@pytest.mark.parametrize(
    ("instant", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238_appendix_b(instant: int, code: str) -> None:
    assert totp(b"12345678901234567890", instant // STEP) == code


class Phone:
    """A user's MFA device."""

    def __init__(self, iam: Any, cloud: LocalCloud, name: str) -> None:
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        self.serial = made["SerialNumber"]
        self.picture = made["QRCodePNG"]
        self._seed = base64.b32decode(made["Base32StringSeed"])
        self._cloud = cloud

    def code(self, steps: int = 0) -> str:
        return totp(self._seed, int(self._cloud.clock.now()) // STEP + steps)

    def enable(self, iam: Any, user: str) -> None:
        iam.enable_mfa_device(
            UserName=user,
            SerialNumber=self.serial,
            AuthenticationCode1=self.code(-2),
            AuthenticationCode2=self.code(-1),
        )


def test_a_device_is_enabled_by_two_consecutive_codes(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    phone = Phone(iam, cloud, "phone")
    assert phone.serial == f"arn:aws:iam::{aws.id}:mfa/phone"
    assert phone.picture.startswith(b"\x89PNG")
    iam.create_user(UserName="bob")
    for first, second in (("000000", "000000"), (phone.code(), phone.code()), (phone.code(1), phone.code())):
        with refused("InvalidAuthenticationCode", "Authentication code for device is not valid", 403):
            iam.enable_mfa_device(
                UserName="bob", SerialNumber=phone.serial, AuthenticationCode1=first, AuthenticationCode2=second
            )
    phone.enable(iam, "bob")
    (device,) = iam.list_mfa_devices(UserName="bob")["MFADevices"]
    assert (device["SerialNumber"], device["UserName"]) == (phone.serial, "bob")
    assert iam.get_mfa_device(SerialNumber=phone.serial)["UserName"] == "bob"
    (listed,) = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert listed["User"]["UserName"] == "bob"
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    with refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first."):
        iam.delete_virtual_mfa_device(SerialNumber=phone.serial)
    with refused("DeleteConflict", "Cannot delete entity, must delete MFA device first."):
        iam.delete_user(UserName="bob")
    iam.deactivate_mfa_device(UserName="bob", SerialNumber=phone.serial)
    iam.delete_virtual_mfa_device(SerialNumber=phone.serial)
    iam.delete_user(UserName="bob")


def test_permissions_may_want_a_session_with_mfa(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob", allow("sqs:*", Condition=WITH_MFA))
    phone = Phone(iam, cloud, "phone")
    phone.enable(iam, "bob")
    with refused("AccessDenied"):
        acting(cloud, key, "sqs").list_queues()
    sts = acting(cloud, key, "sts")
    plain = sts.get_session_token()["Credentials"]
    with refused("AccessDenied"):
        acting(cloud, plain, "sqs").list_queues()
    with refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "):
        sts.get_session_token(SerialNumber=phone.serial, TokenCode="000000")
    code = phone.code()
    proven = sts.get_session_token(SerialNumber=phone.serial, TokenCode=code)["Credentials"]
    acting(cloud, proven, "sqs").list_queues()
    with refused("AccessDenied"):
        sts.get_session_token(SerialNumber=phone.serial, TokenCode=code)


def test_another_users_device_proves_nothing(iam: Any, cloud: LocalCloud) -> None:
    eve = user_with_key(iam, "eve")
    iam.create_user(UserName="bob")
    phone = Phone(iam, cloud, "phone")
    phone.enable(iam, "bob")
    with refused("AccessDenied"):
        acting(cloud, eve, "sts").get_session_token(SerialNumber=phone.serial, TokenCode=phone.code())


def test_a_role_may_want_mfa_of_those_who_assume_it(iam: Any, aws: Account, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob", allow("sts:AssumeRole"))
    phone = Phone(iam, cloud, "phone")
    phone.enable(iam, "bob")
    trust = {"Effect": "Allow", "Principal": {"AWS": aws.id}, "Action": "sts:AssumeRole", "Condition": WITH_MFA}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    sts = acting(cloud, key, "sts")
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="job")
    with refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "):
        sts.assume_role(RoleArn=role, RoleSessionName="job", SerialNumber=phone.serial, TokenCode="000000")
    sts.assume_role(RoleArn=role, RoleSessionName="job", SerialNumber=phone.serial, TokenCode=phone.code())


def test_devices_are_tagged(iam: Any, cloud: LocalCloud) -> None:
    phone = Phone(iam, cloud, "phone")
    iam.tag_mfa_device(SerialNumber=phone.serial, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_mfa_device_tags(SerialNumber=phone.serial)["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("NoSuchEntity"):
        iam.list_mfa_device_tags(SerialNumber="arn:aws:iam::111122223333:mfa/absent")
