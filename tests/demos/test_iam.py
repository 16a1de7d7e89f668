"""The notes' facts on IAM, as somebody types them into the AWS CLI."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pileus import LocalCloud
from pileus.kernel.mfa import STEP, totp
from pileus.testing.account import Account
from tests.services.sts.issuer import issuing

from .shell import Shell, allow, policy

EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def root(aws: Account, cloud: LocalCloud) -> Shell:
    return Shell(cloud, aws.environment())


def test_groups_are_collections_of_users_under_one_set_of_permissions(root: Shell) -> None:
    """Users are end users; a group's members share what the group's policies define."""
    root("iam create-group --group-name readers")
    root("iam attach-group-policy --group-name readers --policy-arn arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess")
    root("iam create-user --user-name alice")
    key = root("iam create-access-key --user-name alice")["AccessKey"]
    alice = root.with_key(key)
    assert "AccessDenied" in alice.refused("sqs list-queues"), "a new user has no permissions"
    root("iam add-user-to-group --group-name readers --user-name alice")
    alice("sqs list-queues")
    assert "is not authorized to perform: sqs:CreateQueue" in alice.refused("sqs create-queue --queue-name q")


def test_an_explicit_deny_wins(root: Shell) -> None:
    root("iam create-user --user-name alice")
    alice = root.with_key(root("iam create-access-key --user-name alice")["AccessKey"])
    root("iam attach-user-policy --user-name alice --policy-arn arn:aws:iam::aws:policy/AdministratorAccess")
    alice("iam list-users")
    no = policy(allow("*"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"})
    root("iam put-user-policy --user-name alice --policy-name no-iam --policy-document", no)
    assert "with an explicit deny in an identity-based policy" in alice.refused("iam list-users")


def test_a_changed_policy_takes_effect_at_once_and_roles_need_no_keys(root: Shell, aws: Account) -> None:
    """ "You can change a policy on a role and it will take immediate effect", while its session is running."""
    trust = policy({"Effect": "Allow", "Principal": {"AWS": aws.id}, "Action": "sts:AssumeRole"})
    root("iam create-role --role-name worker --assume-role-policy-document", trust)
    role = f"arn:aws:iam::{aws.id}:role/worker"
    answer = root(f"sts assume-role --role-arn {role} --role-session-name job")
    worker = root.with_key(answer["Credentials"])
    assert worker("sts get-caller-identity")["Arn"] == f"arn:aws:sts::{aws.id}:assumed-role/worker/job"
    assert "AccessDenied" in worker.refused("sqs list-queues")
    root("iam put-role-policy --role-name worker --policy-name queues --policy-document", policy(allow("sqs:*")))
    worker("sqs list-queues")
    root("iam delete-role-policy --role-name worker --policy-name queues")
    assert "AccessDenied" in worker.refused("sqs list-queues")


def test_an_instance_profile_wraps_a_role_for_ec2(root: Shell, aws: Account) -> None:
    """The demo of EC2 instance roles, as far as IAM has part in it: A4LInstanceRole, and its removal."""
    root("iam create-role --role-name A4LInstanceRole --assume-role-policy-document", policy(EC2))
    s3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    root(f"iam attach-role-policy --role-name A4LInstanceRole --policy-arn {s3}")
    root("iam create-instance-profile --instance-profile-name A4LInstanceRole")
    both = "--instance-profile-name A4LInstanceRole --role-name A4LInstanceRole"
    root(f"iam add-role-to-instance-profile {both}")
    profile = root("iam get-instance-profile --instance-profile-name A4LInstanceRole")["InstanceProfile"]
    assert profile["Roles"][0]["Arn"] == f"arn:aws:iam::{aws.id}:role/A4LInstanceRole"
    assert "must detach all policies first" in root.refused("iam delete-role --role-name A4LInstanceRole")
    root(f"iam detach-role-policy --role-name A4LInstanceRole --policy-arn {s3}")
    root(f"iam remove-role-from-instance-profile {both}")
    root("iam delete-instance-profile --instance-profile-name A4LInstanceRole")
    root("iam delete-role --role-name A4LInstanceRole")


def test_the_account_sets_up_its_own_password_rotation_policy(root: Shell) -> None:
    root("iam update-account-password-policy --minimum-password-length 14 --max-password-age 90 --require-numbers")
    told = root("iam get-account-password-policy")["PasswordPolicy"]
    assert (told["ExpirePasswords"], told["MaxPasswordAge"], told["MinimumPasswordLength"]) == (True, 90, 14)
    root("iam create-user --user-name alice")
    short = root.refused("iam create-login-profile --user-name alice --password short1")
    assert "PasswordPolicyViolation" in short
    root("iam create-login-profile --user-name alice --password long-enough-password-1")


def test_multi_factor_authentication(root: Shell, tmp_path: Path) -> None:
    root("iam create-user --user-name alice")
    with_mfa = allow("sqs:*") | {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    root("iam put-user-policy --user-name alice --policy-name mfa --policy-document", policy(with_mfa))
    alice = root.with_key(root("iam create-access-key --user-name alice")["AccessKey"])
    seed = tmp_path / "seed"
    made = root(
        "iam create-virtual-mfa-device --virtual-mfa-device-name alice --bootstrap-method Base32StringSeed --outfile",
        str(seed),
    )
    serial = made["VirtualMFADevice"]["SerialNumber"]
    secret = base64.b32decode(seed.read_bytes())
    step = int(root.cloud.clock.now()) // STEP
    codes = f"--authentication-code1 {totp(secret, step - 2)} --authentication-code2 {totp(secret, step - 1)}"
    root(f"iam enable-mfa-device --user-name alice --serial-number {serial} {codes}")
    assert "AccessDenied" in alice.refused("sqs list-queues")
    code = totp(secret, int(root.cloud.clock.now()) // STEP)
    session = alice(f"sts get-session-token --serial-number {serial} --token-code {code}")["Credentials"]
    alice.with_key(session)("sqs list-queues")


def test_identity_federation_gives_users_from_elsewhere_temporary_access(root: Shell, aws: Account) -> None:
    """A user whom another provider has signed in becomes a role for a while, and has no keys of its own here."""
    with issuing() as issuer:
        root(f"iam create-open-id-connect-provider --url {issuer.url} --client-id-list app")
        provider = f"arn:aws:iam::{aws.id}:oidc-provider/{issuer.place}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{issuer.place}:sub": "user-1"}},
        }
        root("iam create-role --role-name guest --assume-role-policy-document", policy(trust))
        root("iam put-role-policy --role-name guest --policy-name queues --policy-document", policy(allow("sqs:*")))
        become = f"sts assume-role-with-web-identity --role-arn arn:aws:iam::{aws.id}:role/guest"
        now = root.cloud.clock.now()
        answer = root(f"{become} --role-session-name web --web-identity-token", issuer.token(now))
        guest = root.with_key(answer["Credentials"])
        guest("sqs list-queues")
        assert "AccessDenied" in guest.refused("iam list-users")
        stranger = root.refused(
            f"{become} --role-session-name web --web-identity-token", issuer.token(now, sub="user-2")
        )
        assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in stranger
        root.cloud.clock.advance(3601)
        assert "ExpiredToken" in guest.refused("sqs list-queues")
