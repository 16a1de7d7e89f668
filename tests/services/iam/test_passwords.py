from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, refused, user_with_key

STRICT = {
    "MinimumPasswordLength": 10,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "AllowUsersToChangePassword": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 2,
}


def test_the_password_policy_is_set_told_and_deleted(iam: Any, aws: Account) -> None:
    absent = f"The Password Policy with domain name {aws.id} cannot be found."
    with refused("NoSuchEntity", absent, 404):
        iam.get_account_password_policy()
    iam.update_account_password_policy(**STRICT)
    assert iam.get_account_password_policy()["PasswordPolicy"] == STRICT | {"ExpirePasswords": True}
    iam.update_account_password_policy(MinimumPasswordLength=20)
    told = iam.get_account_password_policy()["PasswordPolicy"]
    assert (told["RequireSymbols"], told["ExpirePasswords"]) == (False, False), "what is left out takes its default"
    iam.delete_account_password_policy()
    with refused("NoSuchEntity", absent):
        iam.delete_account_password_policy()


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Sh0rt!", "Password should have a minimum length of 10"),
        ("lower-case-7", "Password should have at least one uppercase letter"),
        ("UPPER-CASE-7", "Password should have at least one lowercase letter"),
        ("No-Number-At-All", "Password should have at least one number"),
        ("NoSymbolAtAll7", "Password should have at least one symbol"),
    ],
)
def test_a_password_must_be_as_the_policy_asks(iam: Any, password: str, reason: str) -> None:
    iam.update_account_password_policy(**STRICT)
    iam.create_user(UserName="bob")
    with refused("PasswordPolicyViolation", reason):
        iam.create_login_profile(UserName="bob", Password=password)


def test_a_login_profile_comes_and_goes(iam: Any) -> None:
    iam.create_user(UserName="bob")
    with refused("NoSuchEntity", "Login Profile for User bob cannot be found."):
        iam.get_login_profile(UserName="bob")
    iam.create_login_profile(UserName="bob", Password="Correct-horse-7", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="bob")["LoginProfile"]["PasswordResetRequired"] is True
    with refused("EntityAlreadyExists", "Login Profile for user bob already exists."):
        iam.create_login_profile(UserName="bob", Password="Correct-horse-7")
    iam.update_login_profile(UserName="bob", PasswordResetRequired=False)
    assert iam.get_login_profile(UserName="bob")["LoginProfile"]["PasswordResetRequired"] is False
    iam.delete_login_profile(UserName="bob")


def test_a_user_changes_its_password_if_policy_or_permission_lets_it(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob")
    iam.create_login_profile(UserName="bob", Password="Correct-horse-7")
    bob = acting(cloud, key, "iam")
    with refused("AccessDenied"):
        bob.change_password(OldPassword="Correct-horse-7", NewPassword="Battery-staple-8")
    iam.update_account_password_policy(**STRICT)
    with refused("AccessDenied", "The old password was incorrect."):
        bob.change_password(OldPassword="guessed", NewPassword="Battery-staple-8")
    bob.change_password(OldPassword="Correct-horse-7", NewPassword="Battery-staple-8")
    with refused("InvalidUserType"):
        iam.change_password(OldPassword="x", NewPassword="y")


def test_the_last_passwords_are_not_used_again(iam: Any, cloud: LocalCloud) -> None:
    iam.update_account_password_policy(**STRICT)
    key = user_with_key(iam, "bob", allow("iam:ChangePassword"))
    iam.create_login_profile(UserName="bob", Password="Password-number-1")
    bob = acting(cloud, key, "iam")
    bob.change_password(OldPassword="Password-number-1", NewPassword="Password-number-2")
    for used in ("Password-number-1", "Password-number-2"):
        with refused("PasswordPolicyViolation"):
            bob.change_password(OldPassword="Password-number-2", NewPassword=used)
    bob.change_password(OldPassword="Password-number-2", NewPassword="Password-number-3")
    bob.change_password(OldPassword="Password-number-3", NewPassword="Password-number-1")
