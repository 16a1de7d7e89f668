"""Options of the instance metadata service: of each instance, and what an account has as defaults.

What a launch says comes first, then the account's defaults, then what the image wants, then IMDSv2 required by nobody.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value

from .instances import Instance, alive

BUILT_IN = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": 1,
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}
OF_V2_IMAGES = {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}
NO_PREFERENCE = ("no-preference", -1)


class MetadataDefaults(Record):
    """What an account's new instances in the Region have where their launch does not say."""

    name: str
    options: Members


def defaults(call: Call) -> Members:
    found = MetadataDefaults.get(call, "defaults")
    return found.options if found else {}


def options_at_launch(call: Call, given: Members, imds_support: str) -> Members:
    """The options of a new instance; raises what EC2 says where the account enforces IMDSv2."""
    account = defaults(call)
    enforced = account.get("HttpTokensEnforced") == "enabled"
    of_image = OF_V2_IMAGES if imds_support == "v2.0" else {}
    options = BUILT_IN | of_image | {name: value for name, value in account.items() if name in BUILT_IN} | given
    _check(options)
    if enforced and options["HttpTokens"] != "required":
        text = "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account."
        raise Fault("HttpTokensEnforced", f"{text} Either launch the instance with httpTokens=required or contact us.")
    return options


def _check(options: Members) -> None:
    if not 1 <= options["HttpPutResponseHopLimit"] <= 64:
        raise bad_value("HttpPutResponseHopLimit", options["HttpPutResponseHopLimit"], "It must be between 1 and 64.")


@ec2.operation
def modify_instance_metadata_options(
    call: Call,
    instance_id: str,
    http_tokens: str = "",
    http_put_response_hop_limit: int = 0,
    http_endpoint: str = "",
    http_protocol_ipv6: str = "",
    instance_metadata_tags: str = "",
) -> Members:
    """Change how an instance may ask for its metadata; this is in force at once."""
    one = alive(call, instance_id)
    given = {
        "HttpTokens": http_tokens,
        "HttpPutResponseHopLimit": http_put_response_hop_limit,
        "HttpEndpoint": http_endpoint,
        "HttpProtocolIpv6": http_protocol_ipv6,
        "InstanceMetadataTags": instance_metadata_tags,
    }
    one.metadata = one.metadata | {name: value for name, value in given.items() if value}
    _check(one.metadata)
    if one.metadata["InstanceMetadataTags"] == "enabled":
        check_tags(one.tags)
    one.put(call)
    return {"InstanceId": instance_id, "InstanceMetadataOptions": shown(one) | {"State": "pending"}}


def check_tags(tags: dict[str, str]) -> None:
    """Raise what EC2 says of tags whose keys cannot be parts of a path."""
    for key in tags:
        if " " in key or "/" in key or key in (".", "..", "_index"):
            text = f"'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and"
            raise Fault("InvalidParameterValue", f"{text} must not be a reserved name ('.', '..', '_index')")


def shown(one: Instance) -> Members:
    return {"State": "applied"} | one.metadata


@ec2.operation
def get_instance_metadata_defaults(call: Call) -> Members:
    """What the account has set, and no more."""
    options = defaults(call)
    return {"AccountLevel": options | ({"ManagedBy": "account"} if options else {})}


@ec2.operation
def modify_instance_metadata_defaults(
    call: Call,
    http_tokens: str = "",
    http_put_response_hop_limit: int = 0,
    http_endpoint: str = "",
    instance_metadata_tags: str = "",
    http_tokens_enforced: str = "",
) -> Members:
    """Set the account's defaults, or take them back."""
    given: dict[str, Any] = {
        "HttpTokens": http_tokens,
        "HttpPutResponseHopLimit": http_put_response_hop_limit,
        "HttpEndpoint": http_endpoint,
        "InstanceMetadataTags": instance_metadata_tags,
        "HttpTokensEnforced": http_tokens_enforced,
    }
    if http_put_response_hop_limit and not (-1 <= http_put_response_hop_limit <= 64):
        raise bad_value("HttpPutResponseHopLimit", http_put_response_hop_limit)
    options = defaults(call) | {name: value for name, value in given.items() if value}
    options = {name: value for name, value in options.items() if value not in NO_PREFERENCE}
    if options.get("HttpTokensEnforced") == "enabled" and options.get("HttpTokens") == "optional":
        raise Fault("InvalidParameterCombination", "HttpTokens must be required where httpTokensEnforced is enabled.")
    MetadataDefaults("defaults", options).put(call)
    return {"Return": True}
