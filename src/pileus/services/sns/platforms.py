"""Mobile push: applications of a push platform, and the devices that are registered with one.

What is pushed is kept, and read at `/_pileus/push`: no platform outside is called.
"""

from __future__ import annotations

import json
import re
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, names, outbox

from . import sns
from .faults import invalid, not_found
from .messages import Notice
from .topics import PER_PAGE, parsed

PLATFORMS = (
    "ADM",
    "APNS",
    "APNS_SANDBOX",
    "APNS_VOIP",
    "APNS_VOIP_SANDBOX",
    "APNS_MACOS",
    "BAIDU",
    "FCM",
    "GCM",
    "MPNS",
    "WNS",
)
NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
HIDDEN = ("PlatformCredential", "PlatformPrincipal")
PIECE = 500
KNOWN = {
    *HIDDEN,
    "ApplePlatformBundleID",
    "ApplePlatformTeamID",
    "EventDeliveryFailure",
    "EventEndpointCreated",
    "EventEndpointDeleted",
    "EventEndpointUpdated",
    "FailureFeedbackRoleArn",
    "SuccessFeedbackRoleArn",
    "SuccessFeedbackSampleRate",
}
OF_ENDPOINTS = {"CustomUserData", "Enabled", "Token"}
MOST_USER_DATA = 2048


class Application(Record, key=("platform", "name")):
    """An app as its platform knows it."""

    platform: str
    name: str
    id: str
    attributes: dict[str, str]

    def arn(self, call: Call) -> str:
        return call.arn(f"app/{self.platform}/{self.name}", "sns")

    @classmethod
    def by_arn(cls, call: Call, platform_application_arn: str) -> Self:
        parts = parsed(platform_application_arn, "PlatformApplicationArn").resource.split("/")
        if len(parts) != 3 or parts[0] != "app":
            raise invalid("PlatformApplicationArn", "Wrong number of slashes in relative portion of the ARN.")
        found = cls.get(call, parts[1], parts[2])
        if found is None:
            raise not_found("PlatformApplication")
        return found

    def shown(self) -> dict[str, str]:
        return {"Enabled": "true"} | {name: value for name, value in self.attributes.items() if name not in HIDDEN}


class Endpoint(Record, key=("application", "id"), indexes={"token": ("application", "token")}):
    """A device with the app on it."""

    application: str
    """The application's id."""
    id: str
    token: str
    platform: str
    name: str
    attributes: dict[str, str]

    def arn(self, call: Call) -> str:
        return call.arn(f"endpoint/{self.platform}/{self.name}/{self.id}", "sns")

    @classmethod
    def by_arn(cls, call: Call, endpoint_arn: str) -> Self:
        parts = parsed(endpoint_arn, "EndpointArn").resource.split("/")
        if len(parts) != 4 or parts[0] != "endpoint":
            raise invalid("EndpointArn", "Wrong number of slashes in relative portion of the ARN.")
        application = Application.get(call, parts[1], parts[2])
        found = cls.get(call, application.id, parts[3]) if application else None
        if found is None:
            raise not_found("Endpoint")
        return found


@sns.operation
def create_platform_application(call: Call, name: str, platform: str, attributes: dict[str, str]) -> dict[str, Any]:
    """Register an app; repeating the call sets its attributes anew."""
    if platform not in PLATFORMS:
        raise invalid("Platform", f"{platform} is not supported")
    if not NAME.fullmatch(name):
        raise invalid("Name")
    check(attributes, KNOWN)
    if not attributes.get("PlatformCredential"):
        raise invalid("Attributes", "PlatformCredential attribute value is required")
    found = Application.get(call, platform, name) or Application(platform, name, names.token(12), {})
    found.attributes = {key: value for key, value in attributes.items() if value}
    found.put(call)
    return {"PlatformApplicationArn": found.arn(call)}


def check(attributes: dict[str, str], known: set[str]) -> None:
    for name in attributes:
        if name not in known:
            raise invalid("Attributes", f"Invalid attribute name: {name}")


@sns.operation(on=Application.by_arn)
def get_platform_application_attributes(call: Call, application: Application) -> dict[str, Any]:
    return {"Attributes": application.shown()}


@sns.operation(on=Application.by_arn)
def set_platform_application_attributes(call: Call, application: Application, attributes: dict[str, str]) -> None:
    check(attributes, KNOWN)
    laid_over = application.attributes | attributes
    application.attributes = {name: value for name, value in laid_over.items() if value}
    application.put(call)


@sns.operation
def list_platform_applications(call: Call, next_token: str = "") -> dict[str, Any]:
    page = Application.page(call, limit=PER_PAGE, token=next_token, invalid=invalid("NextToken"))
    found = [{"PlatformApplicationArn": one.arn(call), "Attributes": one.shown()} for one in page.items]
    return {"PlatformApplications": found, "NextToken": page.token}


@sns.operation
def delete_platform_application(call: Call, platform_application_arn: str) -> None:
    """Delete an app with its endpoints; one that is not there is deleted already."""
    try:
        application = Application.by_arn(call, platform_application_arn)
    except Fault as fault:
        if fault.code == "NotFoundException":
            return
        raise
    application.delete(call)
    clear_endpoints.later(call, application=application.id)


@sns.task
def clear_endpoints(call: Call, application: str) -> None:
    endpoints = list(Endpoint.scan(call, application, limit=PIECE))
    for endpoint in endpoints:
        endpoint.delete(call)
    if len(endpoints) == PIECE:
        clear_endpoints.later(call, application=application)


# Endpoints


@sns.operation(on=Application.by_arn)
def create_platform_endpoint(
    call: Call, application: Application, token: str, custom_user_data: str = "", attributes: dict[str, str] = {}
) -> dict[str, Any]:
    """Register a device; the same token with the same attributes gives the same endpoint."""
    given = attributes | ({"CustomUserData": custom_user_data} if custom_user_data else {})
    check_endpoint(given)
    if present := Endpoint.first(call, application.id, token, index="token"):
        if any(present.attributes.get(name, "") != value for name, value in given.items() if name != "Enabled"):
            words = f"Endpoint {present.arn(call)} already exists with the same Token, but different attributes."
            raise invalid("Token", words)
        return {"EndpointArn": present.arn(call)}
    attributes = {"Enabled": "true"} | given
    attributes.pop("Token", None)
    endpoint = Endpoint(application.id, names.uuid4(), token, application.platform, application.name, attributes)
    endpoint.put(call)
    announce(call, application, "EventEndpointCreated", endpoint)
    return {"EndpointArn": endpoint.arn(call)}


def check_endpoint(attributes: dict[str, str]) -> None:
    check(attributes, OF_ENDPOINTS)
    if attributes.get("Enabled", "true").lower() not in ("true", "false"):
        raise invalid("Attributes", "Invalid value for attribute Enabled: must be true or false")
    if len(attributes.get("CustomUserData", "").encode()) > MOST_USER_DATA:
        raise invalid("CustomUserData", f"must be at most {MOST_USER_DATA} bytes long in UTF-8 encoding")


@sns.operation(on=Endpoint.by_arn)
def get_endpoint_attributes(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    return {"Attributes": endpoint.attributes | {"Token": endpoint.token}}


@sns.operation(on=Endpoint.by_arn)
def set_endpoint_attributes(call: Call, endpoint: Endpoint, attributes: dict[str, str]) -> None:
    check_endpoint(attributes)
    rest = dict(attributes)
    token = rest.pop("Token", endpoint.token)
    endpoint.attributes |= rest
    endpoint.delete(call)
    endpoint.token = token
    endpoint.put(call)
    if application := Application.get(call, endpoint.platform, endpoint.name):
        announce(call, application, "EventEndpointUpdated", endpoint)


@sns.operation(on=Application.by_arn)
def list_endpoints_by_platform_application(
    call: Call, application: Application, next_token: str = ""
) -> dict[str, Any]:
    page = Endpoint.page(call, application.id, limit=PER_PAGE, token=next_token, invalid=invalid("NextToken"))
    found = [{"EndpointArn": one.arn(call), "Attributes": one.attributes | {"Token": one.token}} for one in page.items]
    return {"Endpoints": found, "NextToken": page.token}


@sns.operation
def delete_endpoint(call: Call, endpoint_arn: str) -> None:
    """Delete an endpoint; one that is not there is deleted already."""
    try:
        endpoint = Endpoint.by_arn(call, endpoint_arn)
    except Fault as fault:
        if fault.code == "NotFoundException":
            return
        raise
    endpoint.delete(call)
    if application := Application.get(call, endpoint.platform, endpoint.name):
        announce(call, application, "EventEndpointDeleted", endpoint)


def announce(call: Call, application: Application, event: str, endpoint: Endpoint) -> None:
    """Publish what happens to an endpoint to the topic that the application names for it."""
    topic_arn = application.attributes.get(event)
    if not topic_arn:
        return
    told = {
        "EventType": event.removeprefix("Event"),
        "EndpointArn": endpoint.arn(call),
        "Service": "SNS",
        "Resource": application.arn(call),
        "Time": names_time(call),
    }
    try:
        call.aws("sns").publish(topic_arn=topic_arn, message=json.dumps(told))
    except Fault:
        return  # a topic that is gone, or does not let this in, hears nothing


def names_time(call: Call) -> str:
    from .topics import iso

    return iso(call.now)


def push(call: Call, endpoint: Endpoint, notice: Notice) -> None:
    """Push a message to a device."""
    if endpoint.attributes.get("Enabled", "true").lower() != "true":
        raise Fault("EndpointDisabledException", "Endpoint is disabled")
    text = notice.text_for(endpoint.platform)
    more = {"endpoint": endpoint.arn(call), "platform": endpoint.platform, "message_id": notice.id}
    outbox.send(call, "push", endpoint.token, text, sender=endpoint.name, subject=notice.subject, more=more)
