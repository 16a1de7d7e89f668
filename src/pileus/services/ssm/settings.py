"""Service settings of Parameter Store: the tier of new parameters, and whether it is built for high throughput."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, arn

from . import ssm

TIER = "/ssm/parameter-store/default-parameter-tier"
THROUGHPUT = "/ssm/parameter-store/high-throughput-enabled"

SETTINGS = {
    TIER: ("Standard", "Advanced", "Intelligent-Tiering"),
    THROUGHPUT: ("false", "true"),
}
"""Their values, the default first. Throughput is not limited here, whatever the second says."""


class Setting(Record):
    """A setting that the account has changed in a Region."""

    id: str
    value: str
    modified: float
    user: str


def value(call: Call, setting: str) -> str:
    found = Setting.get(call, setting)
    return found.value if found else SETTINGS[setting][0]


def meant(text: str) -> str:
    """The id of a setting, in an id or an ARN."""
    if text.startswith("arn:"):
        try:
            text = "/" + arn.parse(text).resource.removeprefix("servicesetting/").lstrip("/")
        except ValueError:
            raise missing(text) from None
    if text in SETTINGS:
        return text
    if text.startswith("/ssm/"):
        raise Unfinished(f"Pileus has no service setting {text} yet.")
    raise missing(text)


def missing(text: str) -> Fault:
    return Fault("ServiceSettingNotFound", f"The specified service setting wasn't found: {text}")


def shown(call: Call, setting: str) -> dict[str, Any]:
    """ServiceSetting."""
    found = Setting.get(call, setting)
    told: dict[str, Any] = {
        "SettingId": setting,
        "SettingValue": value(call, setting),
        "ARN": call.arn(f"servicesetting{setting}"),
        "Status": "Customized" if found else "Default",
    }
    return told | ({"LastModifiedDate": found.modified, "LastModifiedUser": found.user} if found else {})


@ssm.operation
def get_service_setting(call: Call, setting_id: str) -> dict[str, Any]:
    return {"ServiceSetting": shown(call, meant(setting_id))}


@ssm.operation
def update_service_setting(call: Call, setting_id: str, setting_value: str) -> None:
    """Change a setting to one of its values."""
    setting = meant(setting_id)
    if setting_value not in SETTINGS[setting]:
        message = f"{setting_value} is not a value of {setting}; these are {', '.join(SETTINGS[setting])}."
        raise Fault("ValidationException", message)
    Setting(setting, setting_value, call.now, call.principal.arn).put(call)


@ssm.operation
def reset_service_setting(call: Call, setting_id: str) -> dict[str, Any]:
    """Go back to the default."""
    setting = meant(setting_id)
    if found := Setting.get(call, setting):
        found.delete(call)
    return {"ServiceSetting": shown(call, setting)}
