"""The condition keys of a request: worked out only when a policy asks for one.

IAM User Guide, "AWS global condition context keys". Keys are in lower case, since their case does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pileus.kernel.tagging import tag_form

from .actions import lookup
from .matching import Values
from .resources import plain, tags_at

if TYPE_CHECKING:
    from pileus.kernel.call import Call, Passage
    from pileus.kernel.identity import Principal
    from pileus.kernel.operation import Bound

    from .standing import Standing
    from .target import Target

Members = Mapping[str, Any]


STEADY = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "aws:userid",
    "aws:username",
}


class Context:
    """The keys of one request about one resource; calling it gives the values of a key."""

    __slots__ = ("_known", "action", "bound", "call", "request", "standing", "target")

    def __init__(
        self, call: Call, standing: Standing, bound: Bound | None, action: str, request: Members, target: Target
    ) -> None:
        self.call = call
        self.standing = standing
        self.bound = bound
        self.action = action
        self.request = request
        self.target = target
        self._known: dict[str, Values] = {}

    def __call__(self, key: str) -> Values:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._value(key)
        return found

    def steady(self) -> bool:
        """Whether nothing was asked that may be otherwise when the same principal asks for the same again."""
        return self._known.keys() <= STEADY

    def asked(self) -> dict[str, Values]:
        """The keys that policies have asked for, and that are there."""
        return {key: values for key, values in self._known.items() if values}

    def _value(self, key: str) -> Values:
        if given := self.target.keys.get(key):
            return given
        if tell := GLOBAL.get(key):
            return texts(tell(self))
        vendor, _, name = key.partition(":")
        part, slash, detail = name.partition("/")
        if slash and (tagged := TAGS.get(part)):
            return texts(tagged(self).get(detail))
        session: Mapping[str, Any] = self.call.principal.session.get("keys", {})
        if key in session:
            return texts(session[key])
        return texts(self._member(key, vendor, name))

    def _member(self, key: str, vendor: str, name: str) -> Any:
        """A key of the service's own: mostly a member of the request by nearly the same name."""
        if self.bound is None or vendor != self.action.partition(":")[0].lower():
            return None
        local, _, detail = name.replace("/", ":").partition(":")
        member = members_of(self.bound).get(plain(local))
        value = self.request.get(member) if member and is_key_of(self.action, key) else None
        if detail:
            return lowered(value).get(detail) if isinstance(value, dict) else None
        return value

    # Tags

    @property
    def principal_tags(self) -> Mapping[str, str]:
        return self.standing.tags

    @property
    def resource_tags(self) -> Mapping[str, str]:
        """Of what the operation found; else of what the request names, looked up now that they are asked for."""
        tags = self.target.tags
        if not tags and self.bound is not None:
            tags = tags_at(self.call, self.bound.service, self.target.arn)
        return lowered(tags)

    @property
    def request_tags(self) -> Mapping[str, str]:
        return lowered(tags_in(self.bound, self.request))


def is_key_of(action: str, key: str) -> bool:
    """Whether the data list the key for the action; anything goes where they do not know the action."""
    listed = lookup(action)
    if listed is None or key in listed.keys:
        return True
    return any(one.startswith(key.partition("/")[0]) or similar(one, key) for one in listed.keys)


def similar(listed: str, key: str) -> bool:
    """`kms:EncryptionContext:${key}` is listed for `kms:encryptioncontext:app`."""
    head, sign, _ = listed.partition("${")
    return bool(sign) and key.startswith(head)


def lowered(tags: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in tags.items()}


def texts(value: Any) -> Values:
    """A value as the texts that conditions compare."""
    if value is None:
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, str | int | float):
        return (str(value),)
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(str(one) for one in value if isinstance(one, str | int | float))
    return ()


@lru_cache(maxsize=2048)
def members_of(bound: Bound) -> dict[str, str]:
    """Members by their plain names and by those on the wire (`x-amz-acl`)."""
    inputs = bound.model.input.members if bound.model.input else {}
    wire = {
        plain(shape.traits["locationName"]): name for name, shape in inputs.items() if "locationName" in shape.traits
    }
    return wire | {plain(name): name for name in inputs}


TAG_MEMBERS = {"tags", "tag", "taglist", "tagset", "resourcetags"}


@lru_cache(maxsize=2048)
def tag_readers(bound: Bound) -> tuple[tuple[str, Callable[[Any], dict[str, str]]], ...]:
    """The members of a request that have tags, and how to read them."""
    inputs = bound.model.input.members if bound.model.input else {}
    found = [(name, form) for name, shape in inputs.items() if plain(name) in TAG_MEMBERS and (form := tag_form(shape))]
    return tuple((name, form.read) for name, form in found)


def tags_in(bound: Bound | None, request: Members) -> dict[str, str]:
    """The tags that a request gives to something."""
    tags: dict[str, str] = {}
    for name, read in tag_readers(bound) if bound else ():
        tags |= read(request.get(name, ()))
    for specification in request.get("TagSpecifications", ()):
        tags |= {tag.get("Key", ""): tag.get("Value", "") for tag in specification.get("Tags", ())}
    return tags


def tag_keys(context: Context) -> list[str] | None:
    given = tags_in(context.bound, context.request)
    keys = [*given, *(key for name in ("TagKeys", "tagKeys", "Keys") for key in context.request.get(name) or ())]
    return [key for key in keys if isinstance(key, str)] or None


TAGS: dict[str, Callable[[Context], Mapping[str, Any]]] = {
    "principaltag": lambda context: context.principal_tags,
    "resourcetag": lambda context: context.resource_tags,
    "requesttag": lambda context: context.request_tags,
}


# Global keys


def principal_arn(context: Context) -> str | None:
    """The role's ARN for its sessions, else the principal's own."""
    principal = context.call.principal
    if principal.type in ("AWSService", "Anonymous"):
        return None
    return str(principal.session["issuer"]) if principal.type == "AssumedRole" else principal.arn


TYPES = {
    "Root": "Account",
    "IAMUser": "User",
    "AssumedRole": "AssumedRole",
    "FederatedUser": "FederatedUser",
    "WebIdentityUser": "FederatedUser",
    "SAMLUser": "FederatedUser",
    "Anonymous": "Anonymous",
}


def username(context: Context) -> str | None:
    principal = context.call.principal
    return principal.arn.rpartition("/")[2] if principal.type == "IAMUser" else None


def temporary(principal: Principal) -> bool:
    return bool(principal.session.get("temporary"))


def mfa_present(context: Context) -> bool | None:
    """Only in what is asked with temporary credentials."""
    principal = context.call.principal
    return bool(principal.session.get("mfa")) if temporary(principal) else None


def mfa_age(context: Context) -> int | None:
    session = context.call.principal.session
    return int(context.call.now - session.get("issued", context.call.now)) if session.get("mfa") else None


def iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def issued(context: Context) -> str | None:
    session = context.call.principal.session
    return iso(session["issued"]) if temporary(context.call.principal) and "issued" in session else None


def by_service(context: Context) -> bool:
    return context.call.principal.type == "AWSService"


def source_ip(context: Context) -> str | None:
    """Not in what a service asks for, be it on somebody's behalf, nor in what comes from a private network."""
    call = context.call
    return None if by_service(context) or call.called_via or call.passage or not call.source_ip else call.source_ip


def passage(tell: Callable[[Call, Passage], str]) -> Callable[[Context], str | None]:
    """What is known of a call that comes from a private network by an endpoint."""
    return lambda context: tell(context.call, context.call.passage) if context.call.passage else None


def service_name(context: Context) -> str | None:
    return context.call.principal.arn if by_service(context) else None


def source(name: str) -> Callable[[Context], Any]:
    """What a service principal says of the resource for which it calls."""
    return lambda context: context.call.principal.session.get(name) if by_service(context) else None


def source_owner(context: Context) -> str | None:
    """The older form of aws:SourceAccount, by which a topic's default policy lets in services for its owner.

    S3 does not tell it: it wants to be let in by name ("Granting permissions to publish event notification messages
    to a destination", S3 User Guide).
    """
    return source_account(context) or None if service_name(context) not in (None, "s3.amazonaws.com") else None


def place(account_of: Callable[[Context], str], field: str) -> Callable[[Context], Any]:
    """Organization or path of an account's membership."""

    def tell(context: Context) -> Any:
        found = context.standing.membership(context.call, account_of(context))
        return getattr(found, field) or None if found else None

    return tell


def own_account(context: Context) -> str:
    return context.call.principal.account


def resource_account(context: Context) -> str:
    return context.target.account


def source_account(context: Context) -> str:
    return str(context.call.principal.session.get("source_account", ""))


def via(index: int) -> Callable[[Context], Any]:
    return lambda context: context.call.called_via[index] if context.call.called_via else None


def kms_via(context: Context) -> str | None:
    """The service through which a principal uses a key: `s3.us-east-1.amazonaws.com`."""
    call = context.call
    return f"{call.called_via[-1].split('.')[0]}.{call.region}.amazonaws.com" if call.called_via else None


GLOBAL: dict[str, Callable[[Context], Any]] = {
    "aws:assumedroot": lambda context: context.call.principal.session.get("assumed_root"),
    "aws:calledvia": lambda context: context.call.called_via,
    "aws:calledviafirst": via(0),
    "aws:calledvialast": via(-1),
    "aws:currenttime": lambda context: iso(context.call.now),
    "aws:epochtime": lambda context: int(context.call.now),
    "aws:federatedprovider": lambda context: context.call.principal.session.get("provider"),
    "aws:multifactorauthage": mfa_age,
    "aws:multifactorauthpresent": mfa_present,
    "aws:principalaccount": lambda context: own_account(context) if principal_arn(context) else None,
    "aws:principalarn": principal_arn,
    "aws:principalisawsservice": by_service,
    "aws:principalorgid": place(own_account, "organization"),
    "aws:principalorgpaths": place(own_account, "path"),
    "aws:principalservicename": service_name,
    "aws:principalservicenameslist": service_name,
    "aws:principaltype": lambda context: TYPES.get(context.call.principal.type),
    "aws:requestedregion": lambda context: context.call.region,
    "aws:resourceaccount": resource_account,
    "aws:resourceorgid": place(resource_account, "organization"),
    "aws:resourceorgpaths": place(resource_account, "path"),
    "aws:securetransport": lambda context: context.call.secure,
    "aws:sourceaccount": source("source_account"),
    "aws:sourcearn": source("source_arn"),
    "aws:sourceowner": source_owner,
    "aws:sourceidentity": lambda context: context.call.principal.session.get("source_identity"),
    "aws:sourceip": source_ip,
    "aws:sourcevpc": passage(lambda call, by: by.network),
    "aws:sourcevpce": passage(lambda call, by: by.endpoint),
    "aws:vpcsourceip": passage(lambda call, by: call.source_ip),
    "aws:sourceorgid": place(source_account, "organization"),
    "aws:sourceorgpaths": place(source_account, "path"),
    "aws:tagkeys": tag_keys,
    "aws:tokenissuetime": issued,
    "aws:useragent": lambda context: context.call.user_agent or None,
    "aws:userid": lambda context: context.call.principal.user_id,
    "aws:username": username,
    "aws:viaawsservice": lambda context: bool(context.call.called_via),
    # Keys of services that say of every call what the global keys say, in words of their own.
    "ec2:region": lambda context: context.call.region,
    "kms:calleraccount": lambda context: own_account(context) or None,
    "kms:viaservice": kms_via,
    "s3:resourceaccount": resource_account,
}
