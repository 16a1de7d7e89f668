"""Configuration sets: what applies to the letters that name one, and who is told of them."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import ses
from .faults import missing, second, there, wrong

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_DESTINATIONS = 10

# Destinations are kept as the second API spells them; the first differs in these names and in its events' case.
SPELT = {"SNSDestination": "SnsDestination", "IAMRoleARN": "IamRoleArn", "DeliveryStreamARN": "DeliveryStreamArn"}
SPELT |= {"TopicARN": "TopicArn"}


class ConfigurationSet(
    Record, arn="arn:{partition}:ses:{region}:{account}:configuration-set/{name}", cfn="AWS::SES::ConfigurationSet"
):
    name: str
    options: dict[str, Any]
    """As the second API has them: TrackingOptions, DeliveryOptions, …"""
    destinations: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}

    @property
    def sending(self) -> bool:
        return bool(self.options.get("SendingOptions", {}).get("SendingEnabled", True))


def existing(call: Call, name: str) -> ConfigurationSet:
    found = ConfigurationSet.get(call, name)
    if found is None:
        text = f"Configuration set <{name}> does not exist."
        raise missing(call, "ConfigurationSetDoesNotExistException", text, ConfigurationSetName=name)
    return found


def make(call: Call, name: str, options: dict[str, Any], tags: dict[str, str]) -> ConfigurationSet:
    if not NAME.fullmatch(name):
        text = "Configuration set name must have 1 to 64 letters, digits, dashes and underscores."
        raise wrong(call, text, "InvalidConfigurationSet")
    if ConfigurationSet.get(call, name):
        text = f"Configuration set <{name}> already exists."
        raise there(call, "ConfigurationSetAlreadyExistsException", text, ConfigurationSetName=name)
    return ConfigurationSet(name, options, tags=tags).put(call)


def direct(call: Call, found: ConfigurationSet, name: str, destination: dict[str, Any], *, new: bool) -> None:
    """Set an event destination, as the second API spells it."""
    if new and name in found.destinations:
        text = f"Event destination <{name}> already exists."
        raise there(call, "EventDestinationAlreadyExistsException", text)
    if not new and name not in found.destinations:
        raise missing(call, "EventDestinationDoesNotExistException", f"Event destination <{name}> does not exist.")
    if new and len(found.destinations) >= MOST_DESTINATIONS:
        raise Fault("LimitExceededException", f"A configuration set can have {MOST_DESTINATIONS} event destinations.")
    kinds = [key for key in destination if key.endswith("Destination")]
    if len(kinds) != 1:
        raise wrong(call, "An event destination has exactly one of the kinds of destinations.")
    if kinds == ["SnsDestination"]:
        check_topic(call, destination["SnsDestination"]["TopicArn"])
    found.destinations[name] = destination
    found.put(call)


def check_topic(call: Call, topic: str) -> None:
    try:
        call.aws("sns").get_topic_attributes(topic_arn=topic)
    except Fault:
        text = f"SNS topic <{topic}> not found."
        raise (wrong(call, text) if second(call) else Fault("InvalidSNSDestinationException", text)) from None


def respelt(destination: Any, spelling: dict[str, str]) -> Any:
    if isinstance(destination, dict):
        return {spelling.get(name, name): respelt(value, spelling) for name, value in destination.items()}
    return [respelt(one, spelling) for one in destination] if isinstance(destination, list) else destination


EVENTS = {
    "send": "SEND",
    "reject": "REJECT",
    "bounce": "BOUNCE",
    "complaint": "COMPLAINT",
    "delivery": "DELIVERY",
    "open": "OPEN",
    "click": "CLICK",
    "renderingFailure": "RENDERING_FAILURE",
}


def from_first(destination: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A destination as the first API has it, and its name."""
    told = respelt({key: value for key, value in destination.items() if key != "Name"}, SPELT)
    told["MatchingEventTypes"] = [EVENTS[one] for one in told["MatchingEventTypes"]]
    return destination["Name"], told


def to_first(name: str, destination: dict[str, Any]) -> dict[str, Any]:
    back = {value: key for key, value in EVENTS.items()}
    told = respelt(destination, {value: key for key, value in SPELT.items()})
    told["MatchingEventTypes"] = [back[one] for one in told["MatchingEventTypes"] if one in back]
    return {"Name": name, **told}


# Operations of the first API


@ses.operation(honours=["ConfigurationSet"])
def create_configuration_set(call: Call, request: dict[str, Any]) -> None:
    make(call, request["ConfigurationSet"]["Name"], {}, {})


@ses.operation
def list_configuration_sets(call: Call, next_token: str = "", max_items: int = 1000) -> dict[str, Any]:
    invalid = wrong(call, "Invalid NextToken")
    page = ConfigurationSet.page(call, limit=min(max_items, 1000), token=next_token, invalid=invalid)
    return {"ConfigurationSets": [{"Name": one.name} for one in page.items], "NextToken": page.token}


@ses.operation
def describe_configuration_set(
    call: Call, configuration_set_name: str, configuration_set_attribute_names: list[str] = []
) -> dict[str, Any]:
    found, asked = existing(call, configuration_set_name), configuration_set_attribute_names
    told: dict[str, Any] = {"ConfigurationSet": {"Name": found.name}}
    if "eventDestinations" in asked:
        told["EventDestinations"] = [to_first(name, one) for name, one in found.destinations.items()]
    if "trackingOptions" in asked and "TrackingOptions" in found.options:
        told["TrackingOptions"] = found.options["TrackingOptions"]
    if "deliveryOptions" in asked and (policy := found.options.get("DeliveryOptions", {}).get("TlsPolicy")):
        told["DeliveryOptions"] = {"TlsPolicy": policy.capitalize()}
    if "reputationOptions" in asked:
        reputation = found.options.get("ReputationOptions", {}).get("ReputationMetricsEnabled", False)
        told["ReputationOptions"] = {"SendingEnabled": found.sending, "ReputationMetricsEnabled": reputation}
    return told


@ses.operation
def create_configuration_set_tracking_options(
    call: Call, configuration_set_name: str, tracking_options: dict[str, str]
) -> None:
    if "TrackingOptions" in existing(call, configuration_set_name).options:
        text = f"Tracking options of configuration set <{configuration_set_name}> already exist."
        raise Fault("TrackingOptionsAlreadyExistsException", text, ConfigurationSetName=configuration_set_name)
    change(call, configuration_set_name, TrackingOptions=tracking_options)


@ses.operation
def update_configuration_set_tracking_options(
    call: Call, configuration_set_name: str, tracking_options: dict[str, str]
) -> None:
    tracked(call, configuration_set_name)
    change(call, configuration_set_name, TrackingOptions=tracking_options)


@ses.operation
def delete_configuration_set_tracking_options(call: Call, configuration_set_name: str) -> None:
    tracked(call, configuration_set_name)
    change(call, configuration_set_name, TrackingOptions={})


def tracked(call: Call, name: str) -> None:
    if "TrackingOptions" not in existing(call, name).options:
        text = f"Tracking options of configuration set <{name}> do not exist."
        raise Fault("TrackingOptionsDoesNotExistException", text, ConfigurationSetName=name)


@ses.operation
def delete_configuration_set(call: Call, configuration_set_name: str) -> None:
    existing(call, configuration_set_name).delete(call)


@ses.operation
def create_configuration_set_event_destination(
    call: Call, configuration_set_name: str, event_destination: dict[str, Any]
) -> None:
    direct(call, existing(call, configuration_set_name), *from_first(event_destination), new=True)


@ses.operation
def update_configuration_set_event_destination(
    call: Call, configuration_set_name: str, event_destination: dict[str, Any]
) -> None:
    direct(call, existing(call, configuration_set_name), *from_first(event_destination), new=False)


@ses.operation
def delete_configuration_set_event_destination(
    call: Call, configuration_set_name: str, event_destination_name: str
) -> None:
    undirect(call, existing(call, configuration_set_name), event_destination_name)


def undirect(call: Call, found: ConfigurationSet, name: str) -> None:
    if found.destinations.pop(name, None) is None:
        raise missing(call, "EventDestinationDoesNotExistException", f"Event destination <{name}> does not exist.")
    found.put(call)


@ses.operation
def update_configuration_set_sending_enabled(call: Call, configuration_set_name: str, enabled: bool) -> None:
    change(call, configuration_set_name, SendingOptions={"SendingEnabled": enabled})


@ses.operation
def update_configuration_set_reputation_metrics_enabled(call: Call, configuration_set_name: str, enabled: bool) -> None:
    change(call, configuration_set_name, ReputationOptions={"ReputationMetricsEnabled": enabled})


@ses.operation
def put_configuration_set_delivery_options(
    call: Call, configuration_set_name: str, delivery_options: dict[str, Any] = {}
) -> None:
    policy = delivery_options.get("TlsPolicy", "Optional").upper()
    change(call, configuration_set_name, DeliveryOptions={"TlsPolicy": policy})


def change(call: Call, name: str, **options: dict[str, Any]) -> None:
    """Replace some of a set's options; those without a value go."""
    found = existing(call, name)
    for option, value in options.items():
        if value:
            found.options[option] = value
        else:
            found.options.pop(option, None)
    found.put(call)
