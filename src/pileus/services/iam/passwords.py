"""Passwords: the account's password policy, and the login profiles with which users sign in to the console."""

from __future__ import annotations

import hashlib
import hmac
import os
import string
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.record import Record

from . import iam
from .faults import exists, missing
from .users import User, user_meant, user_named

SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
DAY = 86400.0


class PasswordPolicy(Record, scope="account"):
    """What the account asks of passwords."""

    account: str
    settings: dict[str, Any]


class LoginProfile(Record, scope="account"):
    """A user's password, or rather what it can be recognised by."""

    user: str
    """The unique id."""
    created: float
    changed: float
    salt: bytes
    digest: bytes
    reset: bool = False
    """Whether the user has to choose another at the next sign-in."""
    earlier: list[tuple[bytes, bytes]] = []
    """Salt and digest of passwords before, the latest first."""

    def matches(self, password: str) -> bool:
        return hmac.compare_digest(self.digest, digest_of(password, self.salt))


# The policy

DEFAULTS: dict[str, Any] = {
    "MinimumPasswordLength": 8,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
}
"""What AWS asks of passwords where the account has no policy: three of these four, which we take for all."""


@iam.operation
def update_account_password_policy(
    call: Call,
    minimum_password_length: int = 6,
    require_symbols: bool = False,
    require_numbers: bool = False,
    require_uppercase_characters: bool = False,
    require_lowercase_characters: bool = False,
    allow_users_to_change_password: bool = False,
    max_password_age: int = 0,
    password_reuse_prevention: int = 0,
    hard_expiry: bool | None = None,
) -> None:
    """Set the whole policy: what is left out takes its default and not what it was before."""
    settings: dict[str, Any] = {
        "MinimumPasswordLength": minimum_password_length,
        "RequireSymbols": require_symbols,
        "RequireNumbers": require_numbers,
        "RequireUppercaseCharacters": require_uppercase_characters,
        "RequireLowercaseCharacters": require_lowercase_characters,
        "AllowUsersToChangePassword": allow_users_to_change_password,
        "ExpirePasswords": bool(max_password_age),
    }
    if max_password_age:
        settings["MaxPasswordAge"] = max_password_age
    if password_reuse_prevention:
        settings["PasswordReusePrevention"] = password_reuse_prevention
    if hard_expiry is not None:
        settings["HardExpiry"] = hard_expiry
    PasswordPolicy(call.account, settings).put(call)


@iam.operation
def get_account_password_policy(call: Call) -> dict[str, Any]:
    return {"PasswordPolicy": policy_of(call).settings}


@iam.operation
def delete_account_password_policy(call: Call) -> None:
    """Ask no more of passwords than AWS does of itself."""
    policy_of(call).delete(call)


def policy_of(call: Call) -> PasswordPolicy:
    if policy := PasswordPolicy.get(call, call.account):
        return policy
    raise missing(f"The Password Policy with domain name {call.account} cannot be found.")


def settings_of(call: Call) -> dict[str, Any]:
    policy = PasswordPolicy.get(call, call.account)
    return policy.settings if policy else DEFAULTS


def check(call: Call, password: str) -> None:
    """Raise for a password that the policy does not allow."""
    settings = settings_of(call)
    least = settings["MinimumPasswordLength"]
    if len(password) < least:
        raise violation(f"Password should have a minimum length of {least}")
    for setting, characters, words in REQUIREMENTS:
        if settings[setting] and not set(password) & set(characters):
            raise violation(f"Password should have at least one {words}")


REQUIREMENTS = (
    ("RequireUppercaseCharacters", string.ascii_uppercase, "uppercase letter"),
    ("RequireLowercaseCharacters", string.ascii_lowercase, "lowercase letter"),
    ("RequireNumbers", string.digits, "number"),
    ("RequireSymbols", SYMBOLS, "symbol"),
)


def violation(text: str) -> Fault:
    return Fault("PasswordPolicyViolationException", text)


# Login profiles


@iam.operation(on=user_meant)
def create_login_profile(
    call: Call, user: User, password: str = "", password_reset_required: bool = False
) -> dict[str, Any]:
    """Give a user a password."""
    if LoginProfile.get(call, user.id):
        raise exists(f"Login Profile for user {user.name} already exists.")
    check(call, password)
    salt = os.urandom(16)
    profile = LoginProfile(user.id, call.now, call.now, salt, digest_of(password, salt), password_reset_required).put(
        call
    )
    return {"LoginProfile": shown(user, profile)}


@iam.operation(on=user_meant)
def get_login_profile(call: Call, user: User) -> dict[str, Any]:
    return {"LoginProfile": shown(user, profile_of(call, user))}


@iam.operation(on=user_named)
def update_login_profile(
    call: Call, user: User, password: str = "", password_reset_required: bool | None = None
) -> None:
    """Give a user another password, or have it choose one."""
    profile = profile_of(call, user)
    if password:
        replace(call, profile, password)
    if password_reset_required is not None:
        profile.reset = password_reset_required
    profile.put(call)


@iam.operation(on=user_meant)
def delete_login_profile(call: Call, user: User) -> None:
    """Take a user's password away; its access keys go on."""
    profile_of(call, user).delete(call)


@iam.operation(action="")
def change_password(call: Call, old_password: str, new_password: str) -> None:
    """Change the caller's own password, which the password policy may allow to everybody."""
    caller = call.principal
    if caller.type != "IAMUser":
        raise Fault("InvalidUserTypeException", "Only IAM Users can change their own password.")
    if not settings_of(call).get("AllowUsersToChangePassword"):
        authorize(call, "iam:ChangePassword", Target(caller.arn, caller.account))
    profile = profile_of(call, user_meant(call))
    if not profile.matches(old_password):
        raise Fault("AccessDenied", "The old password was incorrect.")
    replace(call, profile, new_password)
    profile.reset = False
    profile.put(call)


def replace(call: Call, profile: LoginProfile, password: str) -> None:
    """Let there be another password, unless the policy forbids it."""
    check(call, password)
    known = [(profile.salt, profile.digest), *profile.earlier]
    remembered = settings_of(call).get("PasswordReusePrevention", 0)
    if any(hmac.compare_digest(digest_of(password, salt), digest) for salt, digest in known[:remembered]):
        raise violation("Policy constraint violation with password reuse prevention during password change")
    profile.earlier = known[:24]
    profile.salt = os.urandom(16)
    profile.digest = digest_of(password, profile.salt)
    profile.changed = call.now


def expires(call: Call, profile: LoginProfile) -> float | None:
    """When a password ceases to be good."""
    age = settings_of(call).get("MaxPasswordAge")
    return profile.changed + age * DAY if age else None


def profile_of(call: Call, user: User) -> LoginProfile:
    if profile := LoginProfile.get(call, user.id):
        return profile
    raise missing(f"Login Profile for User {user.name} cannot be found.")


def digest_of(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**11, r=8, p=1)


def shown(user: User, profile: LoginProfile) -> dict[str, Any]:
    return {"UserName": user.name, "CreateDate": profile.created, "PasswordResetRequired": profile.reset}
