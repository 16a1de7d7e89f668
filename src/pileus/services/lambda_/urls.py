"""Function URLs: an HTTPS address for a function or an alias.

Developer Guide, "Creating and managing Lambda function URLs". Here an address is
`http://ID.lambda-url.REGION.localhost` with the cloud's own port; `web` answers what is sent there.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pileus.kernel import Call, Record, names

from . import faults, lambda_
from .functions import LATEST, stamp
from .qualifiers import Meant, whole

Members = dict[str, Any]


class Url(Record, key=("function", "qualifier"), arn="function:{function}", cfn="AWS::Lambda::Url", kw_only=True):
    """The address of a function (an empty qualifier) or of an alias."""

    function: str
    qualifier: str
    id: str
    auth: str
    created: float
    modified: float
    cors: Members = {}
    mode: str = "BUFFERED"

    def shown(self, call: Call) -> Members:
        suffix = f":{self.qualifier}" if self.qualifier else ""
        answer = {
            "FunctionUrl": address(call, self.id),
            "FunctionArn": call.arn(f"function:{self.function}{suffix}"),
            "AuthType": self.auth,
            "CreationTime": stamp(self.created),
            "LastModifiedTime": stamp(self.modified),
            "InvokeMode": self.mode,
        }
        return answer | ({"Cors": self.cors} if self.cors else {})


class Place(Record, scope="cloud", key=("id",), kw_only=True):
    """Whose an address is: whoever asks for one knows nothing of accounts."""

    id: str
    account: str
    region: str
    function: str
    qualifier: str


def address(call: Call, name: str) -> str:
    """An address at the port by which the caller has reached the cloud."""
    here = urlsplit(call.endpoint)
    port = f":{here.port}" if here.port else ""
    return f"{here.scheme}://{name}.lambda-url.{call.region}.localhost{port}/"


def existing(call: Call, function_name: str, qualifier: str = "") -> Url:
    meant = Meant.by_name(call, function_name, qualifier)
    found = Url.get(call, meant.name, meant.qualifier)
    if found is None:
        raise faults.none_such("The resource you requested does not exist.")
    return found


@lambda_.operation(on=Meant.by_name)
def create_function_url_config(
    call: Call, meant: Meant, auth_type: str, cors: Members = {}, invoke_mode: str = "BUFFERED"
) -> Members:
    """Give a function, or one of its aliases, an address."""
    if meant.qualifier == LATEST or meant.qualifier.isdigit():
        raise faults.invalid("Function URLs are for functions and their aliases only.")
    if Url.get(call, meant.name, meant.qualifier):
        arn = meant.arn(call)
        raise faults.conflict(
            f"Failed to create function url config for [functionArn = {arn}]. Error message:  FunctionUrlConfig exists "
            "for this Lambda function"
        )
    url = Url(
        function=meant.name,
        qualifier=meant.qualifier,
        id=names.token(32, names.LOWER),
        auth=auth_type,
        cors=cors,
        mode=invoke_mode,
        created=call.now,
        modified=call.now,
    ).put(call)
    Place(id=url.id, account=call.account, region=call.region, function=meant.name, qualifier=meant.qualifier).put(call)
    return {name: value for name, value in url.shown(call).items() if name != "LastModifiedTime"}


@lambda_.operation(on=existing)
def get_function_url_config(call: Call, url: Url) -> Members:
    return url.shown(call)


@lambda_.operation(on=existing)
def update_function_url_config(
    call: Call, url: Url, auth_type: str = "", cors: Members | None = None, invoke_mode: str = ""
) -> Members:
    """Change what is given."""
    url.auth = auth_type or url.auth
    url.cors = url.cors if cors is None else cors
    url.mode = invoke_mode or url.mode
    url.modified = call.now
    return url.put(call).shown(call)


@lambda_.operation(on=existing)
def delete_function_url_config(call: Call, url: Url) -> None:
    forget(call, url)


@lambda_.operation(on=whole)
def list_function_url_configs(call: Call, meant: Meant, marker: str = "", max_items: int = 50) -> Members:
    found = Url.page(call, meant.name, limit=max_items, token=marker)
    return {"FunctionUrlConfigs": [url.shown(call) for url in found.items], "NextMarker": found.token}


def forget(call: Call, url: Url) -> None:
    url.delete(call)
    if place := Place.get(call, url.id):
        place.delete(call)
