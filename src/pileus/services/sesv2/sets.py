"""Configuration sets and their event destinations, in the second API's words."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, tags
from pileus.services.ses import sets
from pileus.services.ses.faults import wrong
from pileus.services.ses.sets import ConfigurationSet

from . import pools, sesv2

OPTIONS = (
    "TrackingOptions",
    "DeliveryOptions",
    "ReputationOptions",
    "SendingOptions",
    "SuppressionOptions",
    "VdmOptions",
    "ArchivingOptions",
    "MessageSecurityOptions",
)


def existing(call: Call, configuration_set_name: str) -> ConfigurationSet:
    return sets.existing(call, configuration_set_name)


@sesv2.operation(honours=("ConfigurationSetName", "Tags", *OPTIONS))
def create_configuration_set(call: Call, request: dict[str, Any]) -> None:
    options = {name: request[name] for name in OPTIONS if name in request}
    check_archive(call, options.get("ArchivingOptions", {}).get("ArchiveArn", ""))
    held = tags.checked(request.get("Tags", []), code="BadRequestException")
    sets.make(call, request["ConfigurationSetName"], options, held)


@sesv2.operation(on=existing)
def get_configuration_set(call: Call, found: ConfigurationSet) -> dict[str, Any]:
    plain = {
        "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
        "ReputationOptions": {"ReputationMetricsEnabled": False},
        "SendingOptions": {"SendingEnabled": True},
    }
    return {"ConfigurationSetName": found.name, **plain, **found.options, "Tags": tags.as_list(found.tags)}


@sesv2.operation
def list_configuration_sets(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002 (the member's name)
    next_token: str = "",
    page_size: int = 100,
) -> dict[str, Any]:
    part, invalid = filter.get("CONFIGURATION_SET_NAME_CONTAINS", ""), wrong(call, "Invalid NextToken")
    page = ConfigurationSet.page(
        call, limit=page_size, token=next_token, invalid=invalid, where=lambda one: part in one.name
    )
    return {"ConfigurationSets": [one.name for one in page.items], "NextToken": page.token}


@sesv2.operation(on=existing)
def update_configuration_set(
    call: Call, found: ConfigurationSet, message_security_options: dict[str, Any] | None = None
) -> None:
    """Change what is named, and nothing else."""
    if message_security_options is not None:
        sets.change(call, found.name, MessageSecurityOptions=message_security_options)


@sesv2.operation(on=existing)
def put_configuration_set_archiving_options(call: Call, found: ConfigurationSet, archive_arn: str = "") -> None:
    """Archive letters, or no longer. The archive is Mail Manager's, which has to be there."""
    check_archive(call, archive_arn)
    sets.change(call, found.name, ArchivingOptions={"ArchiveArn": archive_arn} if archive_arn else {})


def check_archive(call: Call, arn: str) -> None:
    if arn:
        call.aws("mailmanager").get_archive(archive_id=arn.rpartition("/")[2])


@sesv2.operation(on=existing)
def delete_configuration_set(call: Call, found: ConfigurationSet) -> None:
    found.delete(call)


@sesv2.operation
def put_configuration_set_sending_options(
    call: Call, configuration_set_name: str, sending_enabled: bool = False
) -> None:
    sets.change(call, configuration_set_name, SendingOptions={"SendingEnabled": sending_enabled})


@sesv2.operation
def put_configuration_set_reputation_options(
    call: Call, configuration_set_name: str, reputation_metrics_enabled: bool = False
) -> None:
    value = {"ReputationMetricsEnabled": reputation_metrics_enabled}
    sets.change(call, configuration_set_name, ReputationOptions=value)


@sesv2.operation
def put_configuration_set_delivery_options(
    call: Call,
    configuration_set_name: str,
    tls_policy: str = "OPTIONAL",
    sending_pool_name: str = "",
    max_delivery_seconds: int | None = None,
) -> None:
    value: dict[str, Any] = {"TlsPolicy": tls_policy}
    if sending_pool_name:
        value["SendingPoolName"] = pools.existing(call, sending_pool_name).name
    if max_delivery_seconds is not None:
        value["MaxDeliverySeconds"] = max_delivery_seconds
    sets.change(call, configuration_set_name, DeliveryOptions=value)


@sesv2.operation
def put_configuration_set_tracking_options(
    call: Call, configuration_set_name: str, custom_redirect_domain: str = "", https_policy: str = ""
) -> None:
    value = {"CustomRedirectDomain": custom_redirect_domain, "HttpsPolicy": https_policy}
    kept = {name: text for name, text in value.items() if text}
    sets.change(call, configuration_set_name, TrackingOptions=kept)


@sesv2.operation
def put_configuration_set_suppression_options(
    call: Call,
    configuration_set_name: str,
    suppressed_reasons: list[str] = [],
    suppression_scope: str = "",
    validation_options: dict[str, Any] = {},
) -> None:
    value: dict[str, Any] = {"SuppressedReasons": suppressed_reasons}
    value |= {"SuppressionScope": suppression_scope} if suppression_scope else {}
    value |= {"ValidationOptions": validation_options} if validation_options else {}
    sets.change(call, configuration_set_name, SuppressionOptions=value)


@sesv2.operation
def put_configuration_set_vdm_options(
    call: Call, configuration_set_name: str, vdm_options: dict[str, Any] = {}
) -> None:
    sets.change(call, configuration_set_name, VdmOptions=vdm_options)


# Event destinations


@sesv2.operation(on=existing)
def create_configuration_set_event_destination(
    call: Call, found: ConfigurationSet, event_destination_name: str, event_destination: dict[str, Any]
) -> None:
    sets.direct(call, found, event_destination_name, event_destination, new=True)


@sesv2.operation(on=existing)
def update_configuration_set_event_destination(
    call: Call, found: ConfigurationSet, event_destination_name: str, event_destination: dict[str, Any]
) -> None:
    sets.direct(call, found, event_destination_name, event_destination, new=False)


@sesv2.operation(on=existing)
def get_configuration_set_event_destinations(call: Call, found: ConfigurationSet) -> dict[str, Any]:
    return {"EventDestinations": [{"Name": name, **one} for name, one in found.destinations.items()]}


@sesv2.operation(on=existing)
def delete_configuration_set_event_destination(
    call: Call, found: ConfigurationSet, event_destination_name: str
) -> None:
    sets.undirect(call, found, event_destination_name)
