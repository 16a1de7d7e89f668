"""Allowed images: which images an account lets itself use, and whether that is only looked at or enforced.

EC2 User Guide, "Control the discovery and use of AMIs in Amazon EC2 with Allowed AMIs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import matcher, wildcard
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, invalid

if TYPE_CHECKING:
    from .images import Image

MOST_CRITERIA = 10
MOST_VALUES = 200
DAY = 86400.0
PUBLISHERS = ("amazon", "aws-marketplace", "aws-backup-vault", "none")


class Allowed(Record, key=("name",)):
    """What an account allows itself in a Region."""

    state: str = "disabled"
    criteria: list[Members] = []
    name: str = "images"


def chosen(call: Call) -> Allowed:
    return Allowed.get(call, "images") or Allowed()


def enforced(call: Call) -> bool:
    return chosen(call).state == "enabled"


def lets(call: Call, image: Image) -> bool:
    """Whether an image may be used: always, unless it is forbidden and that is enforced."""
    return chosen(call).state != "enabled" or allows(call, image)


def allows(call: Call, image: Image) -> bool:
    """Whether an image fulfils one of the criteria, if there are any that count; one's own always do."""
    settings = chosen(call)
    if settings.state == "disabled" or image.owner == call.account or not settings.criteria:
        return True
    return any(_fulfils(call, one, image) for one in settings.criteria)


def _fulfils(call: Call, criterion: Members, image: Image) -> bool:
    providers, names = criterion.get("ImageProviders"), criterion.get("ImageNames")
    if providers and not {image.owner, image.alias} & {*providers}:
        return False
    if names and not matcher(names, wildcard)(image.name):
        return False
    oldest = criterion.get("CreationDateCondition", {}).get("MaximumDaysSinceCreated")
    if oldest is not None and call.now - image.created > oldest * DAY:
        return False
    latest = criterion.get("DeprecationTimeCondition", {}).get("MaximumDaysSinceDeprecated")
    if latest is not None and image.deprecated and call.now - image.deprecated > latest * DAY:
        return False
    return not criterion.get("MarketplaceProductCodes")


@ec2.operation
def get_allowed_images_settings(call: Call) -> Members:
    settings = chosen(call)
    return {"State": settings.state, "ImageCriteria": settings.criteria, "ManagedBy": "account"}


@ec2.operation
def enable_allowed_images_settings(call: Call, allowed_images_settings_state: str) -> Members:
    """Enforce the criteria, or only say which images they would allow."""
    if allowed_images_settings_state not in ("enabled", "audit-mode"):
        raise bad_value("AllowedImagesSettingsState", allowed_images_settings_state)
    settings = chosen(call)
    settings.state = allowed_images_settings_state
    settings.put(call)
    return {"AllowedImagesSettingsState": settings.state}


@ec2.operation
def disable_allowed_images_settings(call: Call) -> Members:
    settings = chosen(call)
    settings.state = "disabled"
    settings.put(call)
    return {"AllowedImagesSettingsState": "disabled"}


@ec2.operation
def replace_image_criteria_in_allowed_images_settings(call: Call, image_criteria: list[dict[str, Any]] = []) -> Members:
    if len(image_criteria) > MOST_CRITERIA:
        raise invalid(f"The maximum number of image criteria is {MOST_CRITERIA}.")
    for one in image_criteria:
        _check(one)
    settings = chosen(call)
    settings.criteria = image_criteria
    settings.put(call)
    return {"ReturnValue": True}


def _check(criterion: Members) -> None:
    if sum(len(value) for value in criterion.values() if isinstance(value, list)) > MOST_VALUES:
        raise Fault("InvalidParameterValue", f"The maximum number of values in a criterion is {MOST_VALUES}.")
    for provider in criterion.get("ImageProviders", []):
        if provider not in PUBLISHERS and not (len(provider) == 12 and provider.isdigit()):
            raise bad_value("ImageProvider", provider)
