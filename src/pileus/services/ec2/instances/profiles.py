"""Instance profiles of IAM, and the instances that are associated with them: one profile an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pileus.kernel import Call, Fault, Record, arn
from pileus.kernel.access.target import Target
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token
from pileus.services.ec2.faults import missing

from .announcing import AS_IAM
from .instances import PENDING, RUNNING, STOPPED, Instance, alive, instance

SECONDS = 1.0
"""From associating to associated."""


class ProfileAssociation(Record, indexes={"by_instance": ("instance_id",)}):
    """An instance's being associated with a profile."""

    association_id: str
    instance_id: str
    profile_arn: str
    profile_id: str
    since: float

    def state(self, call: Call) -> str:
        return "associated" if call.now >= self.since + SECONDS else "associating"


FILTERS = Filters({"instance-id": "InstanceId", "state": "State"}, tags=None)


def profile(call: Call, given: Mapping[str, Any]) -> Members:
    """The profile that a request names, as `Arn` and `Id`; whoever names it must be allowed to pass its role."""
    where, name = "name", given.get("Name", "")
    if wanted := given.get("Arn", ""):
        where, name = "arn", wanted.rpartition("/")[2]
    if not name:
        raise missing("IamInstanceProfile.Name", "IamInstanceProfile.Arn")
    try:
        found = call.aws("iam", principal=AS_IAM).get_instance_profile(instance_profile_name=name)["InstanceProfile"]
    except Fault:
        found = None
    if found is None or (wanted and found["Arn"] != wanted):
        text = "Invalid IAM Instance Profile ARN" if wanted else "Invalid IAM Instance Profile name"
        value = f"Value ({wanted or name}) for parameter iamInstanceProfile.{where} is invalid."
        raise Fault("InvalidParameterValue", f"{value} {text}")
    from pileus.kernel.access.enforcement import authorize  # which root's calls do without

    for role in found.get("Roles", ()):
        keys = {"iam:passedtoservice": ("ec2.amazonaws.com",)}
        authorize(call, "iam:PassRole", Target(role["Arn"], arn.parse(role["Arn"]).account, keys=keys))
    return {"Arn": found["Arn"], "Id": found["InstanceProfileId"]}


def of_instance(call: Call, instance_id: str) -> ProfileAssociation | None:
    return ProfileAssociation.first(call, instance_id, index="by_instance")


def associated(call: Call, one: Instance, found: Members) -> ProfileAssociation:
    """Give an instance a profile, for the operation and for launches."""
    one.profile = found
    one.put(call)
    return ProfileAssociation(hex_id("iip-assoc"), one.instance_id, found["Arn"], found["Id"], call.now).put(call)


def terminated(call: Call, one: Instance) -> None:
    if found := of_instance(call, one.instance_id):
        found.delete(call)


@ec2.operation
def associate_iam_instance_profile(call: Call, iam_instance_profile: Members, instance_id: str) -> Members:
    """Give an instance a profile, if it has none."""
    one = alive(call, instance_id)
    if one.state not in (PENDING, RUNNING, STOPPED):
        raise Fault("IncorrectInstanceState", f"The instance '{instance_id}' is not in a valid state.")
    found = profile(call, iam_instance_profile)
    if of_instance(call, instance_id):
        text = f"There is an existing association for instance {instance_id}"
        raise Fault("IncorrectState", text)
    return {"IamInstanceProfileAssociation": shown(call, associated(call, one, found))}


@ec2.operation
def describe_iam_instance_profile_associations(
    call: Call,
    association_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Associations: all, or those of these ids."""
    test = FILTERS.test(filters)
    if association_ids:
        found = [shown(call, association(call, what)) for what in dict.fromkeys(association_ids)]
        return {"IamInstanceProfileAssociations": [*filter(test, found)]}
    page = ProfileAssociation.page(
        call,
        limit=max_results or 1000,
        token=next_token,
        where=lambda one: test(shown(call, one)),
        invalid=bad_token(),
    )
    return answer("IamInstanceProfileAssociations", [shown(call, one) for one in page.items], page.token)


@ec2.operation
def replace_iam_instance_profile_association(call: Call, iam_instance_profile: Members, association_id: str) -> Members:
    """Give an instance another profile in the place of the one it has."""
    before = association(call, association_id)
    found = profile(call, iam_instance_profile)
    before.delete(call)
    after = associated(call, instance(call, before.instance_id), found)
    return {"IamInstanceProfileAssociation": shown(call, after)}


@ec2.operation
def disassociate_iam_instance_profile(call: Call, association_id: str) -> Members:
    """Take an instance's profile from it."""
    found = association(call, association_id)
    found.delete(call)
    if one := Instance.get(call, found.instance_id):
        one.profile = {}
        one.put(call)
    return {"IamInstanceProfileAssociation": shown(call, found) | {"State": "disassociating"}}


def association(call: Call, association_id: str) -> ProfileAssociation:
    if found := ProfileAssociation.get(call, association_id):
        return found
    raise Fault("InvalidAssociationID.NotFound", f"An invalid association-id of '{association_id}' was given")


def shown(call: Call, one: ProfileAssociation) -> Members:
    return {
        "AssociationId": one.association_id,
        "InstanceId": one.instance_id,
        "IamInstanceProfile": {"Arn": one.profile_arn, "Id": one.profile_id},
        "State": one.state(call),
        "Timestamp": one.since,
    }
