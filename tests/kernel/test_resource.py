"""Declared resources, asked as a protocol would ask them: with requests in wire names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import new_class
from typing import Any

import pytest

from pileus.kernel import Fault, Service
from pileus.kernel.call import Call
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.resource import Resource, Row, changed, now, unique
from pileus.kernel.store import open_store
from pileus.kernel.task import run_until

from .conftest import Wall

ACCOUNT = "111122223333"

Ask = Callable[..., Any]

backup = Service("backup")


class BackupVault(Resource, service=backup, cfn="AWS::Backup::BackupVault"):
    """A named container for recovery points."""

    key = "BackupVaultName"
    arn = ("BackupVaultArn", "backup-vault:{BackupVaultName}")
    create, read, list, delete = "CreateBackupVault", "DescribeBackupVault", "ListBackupVaults", "DeleteBackupVault"
    exists, missing = "AlreadyExistsException", "ResourceNotFoundException"
    tags = "BackupVaultTags"
    fields = {"VaultType": "BACKUP_VAULT", "CreationDate": now, "NumberOfRecoveryPoints": 0, "Locked": False}
    filters = {"ByVaultType": "VaultType"}

    @staticmethod
    def before_delete(call: Call, vault: Row) -> None:
        if vault["NumberOfRecoveryPoints"]:
            raise Fault("InvalidRequestException", "It contains recovery points.")


packages = Service("mediapackagev2")


class ChannelGroup(Resource, service=packages):
    key = "ChannelGroupName"
    arn = ("Arn", "channelGroup/{ChannelGroupName}")
    create, read, update = "CreateChannelGroup", "GetChannelGroup", "UpdateChannelGroup"
    list, delete = "ListChannelGroups", "DeleteChannelGroup"
    exists, missing = "ConflictException", "ResourceNotFoundException"
    tags = "Tags"
    fields = {"EgressDomain": unique(), "CreatedAt": now, "ModifiedAt": changed}


class Channel(Resource, service=packages):
    key = "ChannelName"
    arn = ("Arn", "channelGroup/{ChannelGroupName}/channel/{ChannelName}")
    parent = (ChannelGroup, "ConflictException")
    create, read, update = "CreateChannel", "GetChannel", "UpdateChannel"
    list, delete = "ListChannels", "DeleteChannel"
    exists, missing = "ConflictException", "ResourceNotFoundException"
    tags = "Tags"
    fields = {"CreatedAt": now, "ModifiedAt": changed, "InputType": "HLS"}


class OriginEndpoint(Resource, service=packages):
    key = "OriginEndpointName"
    arn = ("Arn", "channelGroup/{ChannelGroupName}/channel/{ChannelName}/originEndpoint/{OriginEndpointName}")
    parent = (Channel, "cascade")
    create, read, list = "CreateOriginEndpoint", "GetOriginEndpoint", "ListOriginEndpoints"
    delete = "DeleteOriginEndpoint"
    exists, missing = "ConflictException", "ResourceNotFoundException"
    tags = "Tags"
    fields = {"CreatedAt": now, "ModifiedAt": changed, "Segment": {}}


accelerators = Service("globalaccelerator")


class Accelerator(Resource, service=accelerators):
    key = "AcceleratorArn"
    arn = ("AcceleratorArn", "arn:{partition}:globalaccelerator::{account}:accelerator/{Id}")
    create, read, update = "CreateAccelerator", "DescribeAccelerator", "UpdateAccelerator"
    list, delete = "ListAccelerators", "DeleteAccelerator"
    missing = "AcceleratorNotFoundException"
    tags = "Tags"
    fields = {"Id": unique(), "CreatedTime": now, "LastModifiedTime": changed, "Enabled": True}
    states = "Status: IN_PROGRESS -> DEPLOYED after 1m"


class Listener(Resource, service=accelerators):
    key = "ListenerArn"
    arn = ("ListenerArn", "{AcceleratorArn}/listener/{Id}")
    parent = (Accelerator, "AssociatedListenerFoundException")
    create, read, list, delete = "CreateListener", "DescribeListener", "ListListeners", "DeleteListener"
    missing = "ListenerNotFoundException"
    fields = {"Id": unique()}


account = Service("account")


class AlternateContact(Resource, service=account, scope="account"):
    key = "AlternateContactType"
    create = update = "PutAlternateContact"
    read, delete = "GetAlternateContact", "DeleteAlternateContact"
    missing = "ResourceNotFoundException"


@pytest.fixture
def ask(kernel: Cloud) -> Ask:
    """Perform an operation: `ask(backup, "CreateBackupVault", BackupVaultName="vv")`."""

    def ask(service: Service, operation: str, **request: Any) -> Any:
        kernel.service = lambda name: service  # type: ignore[method-assign]
        call = kernel.call(service.name, operation, account=ACCOUNT, principal=root(ACCOUNT))
        return kernel.perform(call, operation, request)

    return ask


def fault(ask: Ask, *arguments: Any, **request: Any) -> Fault:
    with pytest.raises(Fault) as raised:
        ask(*arguments, **request)
    return raised.value


def declared(service: Service, **words: Any) -> type[Resource]:
    """A resource of these words."""
    return new_class("Thing", (Resource,), {"service": service}, lambda body: body.update(words))


# One resource


def test_a_creation_answers_what_its_output_has_and_no_more(ask: Ask, wall: Wall) -> None:
    answer = ask(backup, "CreateBackupVault", BackupVaultName="vv", EncryptionKeyArn="key")
    assert answer == {
        "BackupVaultName": "vv",
        "BackupVaultArn": f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:vv",
        "CreationDate": wall.now,
    }


def test_a_read_shows_what_was_given_and_the_fields(ask: Ask, wall: Wall) -> None:
    ask(backup, "CreateBackupVault", BackupVaultName="vv", EncryptionKeyArn="key", CreatorRequestId="once")
    created = wall.now
    wall.now += 100
    assert ask(backup, "DescribeBackupVault", BackupVaultName="vv") == {
        "BackupVaultName": "vv",
        "BackupVaultArn": f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:vv",
        "EncryptionKeyArn": "key",
        "CreatorRequestId": "once",
        "VaultType": "BACKUP_VAULT",
        "CreationDate": created,
        "NumberOfRecoveryPoints": 0,
        "Locked": False,
    }


def test_an_output_that_wraps_the_resource_gets_it_wrapped(ask: Ask) -> None:
    made = ask(accelerators, "CreateAccelerator", Name="edge", IdempotencyToken="1")
    assert made.keys() == {"Accelerator"}
    assert made["Accelerator"]["Name"] == "edge"


def test_what_is_not_there_or_there_already_is_the_services_error(ask: Ask) -> None:
    assert fault(ask, backup, "DescribeBackupVault", BackupVaultName="vv").code == "ResourceNotFoundException"
    assert fault(ask, backup, "DeleteBackupVault", BackupVaultName="vv").code == "ResourceNotFoundException"
    ask(backup, "CreateBackupVault", BackupVaultName="vv")
    again = fault(ask, backup, "CreateBackupVault", BackupVaultName="vv")
    assert (again.code, again.message) == ("AlreadyExistsException", "BackupVault vv already exists.")


def test_an_error_that_names_the_resource_is_given_the_name(ask: Ask) -> None:
    listeners = fault(ask, packages, "GetChannelGroup", ChannelGroupName="g")
    assert listeners.code == "ResourceNotFoundException"
    shape = packages.model.exception("ResourceNotFoundException")
    assert shape
    assert listeners.members.keys() <= shape.members.keys()


def test_a_deleted_resource_is_gone(ask: Ask) -> None:
    ask(backup, "CreateBackupVault", BackupVaultName="vv")
    assert ask(backup, "DeleteBackupVault", BackupVaultName="vv") == {}
    assert fault(ask, backup, "DescribeBackupVault", BackupVaultName="vv").code == "ResourceNotFoundException"
    assert ask(backup, "ListBackupVaults") == {"BackupVaultList": []}


def test_a_hook_may_refuse(ask: Ask, kernel: Cloud) -> None:
    ask(backup, "CreateBackupVault", BackupVaultName="vv")
    call = kernel.call("backup", account=ACCOUNT)
    vault = BackupVault.named(call, "vv")
    vault["NumberOfRecoveryPoints"] = 1
    vault.put(call)
    assert fault(ask, backup, "DeleteBackupVault", BackupVaultName="vv").code == "InvalidRequestException"


def test_accounts_and_regions_do_not_see_each_others_resources(ask: Ask, kernel: Cloud) -> None:
    ask(backup, "CreateBackupVault", BackupVaultName="vv")
    assert BackupVault.find(kernel.call("backup", account="444455556666"), "vv") is None
    assert BackupVault.find(kernel.call("backup", account=ACCOUNT, region="eu-west-1"), "vv") is None


# Updates


def test_an_update_replaces_the_members_it_gives_and_leaves_the_rest(ask: Ask, wall: Wall) -> None:
    ask(packages, "CreateChannelGroup", ChannelGroupName="g")
    made = ask(packages, "CreateChannel", ChannelGroupName="g", ChannelName="c", Description="old", InputType="CMAF")
    wall.now += 60
    updated = ask(packages, "UpdateChannel", ChannelGroupName="g", ChannelName="c", Description="new")
    assert updated == made | {"Description": "new", "ModifiedAt": made["CreatedAt"] + 60}
    assert ask(packages, "GetChannel", ChannelGroupName="g", ChannelName="c") == updated


def test_an_operation_that_puts_creates_and_then_replaces_all(ask: Ask) -> None:
    who = {"Name": "Ann", "Title": "CFO", "EmailAddress": "ann@example.com", "PhoneNumber": "1"}
    assert ask(account, "PutAlternateContact", AlternateContactType="BILLING", **who) == {}
    ask(account, "PutAlternateContact", AlternateContactType="BILLING", **who | {"Title": "CEO"})
    got = ask(account, "GetAlternateContact", AlternateContactType="BILLING")["AlternateContact"]
    assert got == who | {"Title": "CEO", "AlternateContactType": "BILLING"}
    assert (
        fault(ask, account, "GetAlternateContact", AlternateContactType="SECURITY").code == "ResourceNotFoundException"
    )


# Idempotency


def test_the_same_creation_with_the_same_token_makes_one_resource(ask: Ask) -> None:
    request = {"Name": "edge", "IdempotencyToken": "once"}
    first = ask(accelerators, "CreateAccelerator", **request)
    assert ask(accelerators, "CreateAccelerator", **request) == first
    assert len(ask(accelerators, "ListAccelerators")["Accelerators"]) == 1


def test_another_creation_with_the_same_token_is_a_conflict(ask: Ask) -> None:
    ask(backup, "CreateBackupVault", BackupVaultName="vv", CreatorRequestId="once")
    assert ask(backup, "CreateBackupVault", BackupVaultName="vv", CreatorRequestId="once")["BackupVaultName"] == "vv"
    other = fault(ask, backup, "CreateBackupVault", BackupVaultName="ww", CreatorRequestId="once")
    assert other.code == "AlreadyExistsException"


def test_a_token_is_free_again_when_its_resource_is_gone(ask: Ask) -> None:
    ask(backup, "CreateBackupVault", BackupVaultName="vv", CreatorRequestId="once")
    ask(backup, "DeleteBackupVault", BackupVaultName="vv")
    assert ask(backup, "CreateBackupVault", BackupVaultName="ww", CreatorRequestId="once")["BackupVaultName"] == "ww"


# Lists


def test_a_list_comes_in_pages(ask: Ask) -> None:
    for name in ("cc", "aa", "bb"):
        ask(backup, "CreateBackupVault", BackupVaultName=name)
    first = ask(backup, "ListBackupVaults", MaxResults=2)
    second = ask(backup, "ListBackupVaults", MaxResults=2, NextToken=first["NextToken"])
    assert [vault["BackupVaultName"] for vault in first["BackupVaultList"]] == ["aa", "bb"]
    assert [vault["BackupVaultName"] for vault in second["BackupVaultList"]] == ["cc"]
    assert "NextToken" not in second


def test_a_token_of_another_list_is_refused_by_the_services_error(ask: Ask) -> None:
    assert fault(ask, accelerators, "ListAccelerators", NextToken="nonsense").code == "InvalidNextTokenException"
    assert fault(ask, backup, "ListBackupVaults", NextToken="nonsense").code == "ValidationException"


def test_a_declared_filter_selects(ask: Ask) -> None:
    ask(backup, "CreateBackupVault", BackupVaultName="vv")
    assert len(ask(backup, "ListBackupVaults", ByVaultType="BACKUP_VAULT")["BackupVaultList"]) == 1
    assert ask(backup, "ListBackupVaults", ByVaultType="RESTORE_ACCESS_BACKUP_VAULT") == {"BackupVaultList": []}


# Parents


def test_a_child_belongs_to_its_parent(ask: Ask) -> None:
    for group in ("g", "h"):
        ask(packages, "CreateChannelGroup", ChannelGroupName=group)
        ask(packages, "CreateChannel", ChannelGroupName=group, ChannelName=f"of-{group}")
    listed = ask(packages, "ListChannels", ChannelGroupName="g")["Items"]
    assert [(channel["ChannelGroupName"], channel["ChannelName"]) for channel in listed] == [("g", "of-g")]
    assert (
        fault(ask, packages, "GetChannel", ChannelGroupName="g", ChannelName="of-h").code == "ResourceNotFoundException"
    )


def test_a_missing_parent_is_the_parents_error(ask: Ask) -> None:
    none = "arn:aws:globalaccelerator::111122223333:accelerator/none"
    request = {"AcceleratorArn": none, "PortRanges": [{"FromPort": 80, "ToPort": 80}], "Protocol": "TCP"}
    assert fault(ask, accelerators, "CreateListener", IdempotencyToken="1", **request).code == (
        "AcceleratorNotFoundException"
    )
    assert fault(ask, accelerators, "ListListeners", AcceleratorArn=none).code == "AcceleratorNotFoundException"


def test_a_parent_with_children_is_not_deleted(ask: Ask) -> None:
    ask(packages, "CreateChannelGroup", ChannelGroupName="g")
    ask(packages, "CreateChannel", ChannelGroupName="g", ChannelName="c")
    assert fault(ask, packages, "DeleteChannelGroup", ChannelGroupName="g").code == "ConflictException"
    ask(packages, "DeleteChannel", ChannelGroupName="g", ChannelName="c")
    ask(packages, "DeleteChannelGroup", ChannelGroupName="g")


def test_children_go_with_a_parent_that_cascades(ask: Ask) -> None:
    where = {"ChannelGroupName": "g", "ChannelName": "c"}
    ask(packages, "CreateChannelGroup", ChannelGroupName="g")
    ask(packages, "CreateChannel", **where)
    ask(packages, "CreateOriginEndpoint", **where, OriginEndpointName="e", ContainerType="TS")
    ask(packages, "DeleteChannel", **where)
    ask(packages, "CreateChannel", **where)
    assert ask(packages, "ListOriginEndpoints", **where) == {"Items": []}


def test_a_child_whose_key_is_its_arn_is_found_by_it_alone(ask: Ask) -> None:
    made = ask(accelerators, "CreateAccelerator", Name="edge", IdempotencyToken="1")["Accelerator"]
    above = made["AcceleratorArn"]
    request = {"AcceleratorArn": above, "PortRanges": [{"FromPort": 80, "ToPort": 80}], "Protocol": "TCP"}
    listener = ask(accelerators, "CreateListener", IdempotencyToken="1", **request)["Listener"]
    assert listener["ListenerArn"].startswith(f"{above}/listener/")
    assert ask(accelerators, "DescribeListener", ListenerArn=listener["ListenerArn"]) == {"Listener": listener}
    assert ask(accelerators, "ListListeners", AcceleratorArn=above) == {"Listeners": [listener]}
    assert fault(ask, accelerators, "DescribeListener", ListenerArn=above).code == "ListenerNotFoundException"


# Tags


def test_tags_are_kept_in_the_spelling_of_the_model(ask: Ask) -> None:
    arn = ask(backup, "CreateBackupVault", BackupVaultName="vv", BackupVaultTags={"a": "1"})["BackupVaultArn"]
    ask(backup, "TagResource", ResourceArn=arn, Tags={"b": "2", "c": "3"})
    ask(backup, "UntagResource", ResourceArn=arn, TagKeyList=["b", "x"])
    assert ask(backup, "ListTags", ResourceArn=arn) == {"Tags": {"a": "1", "c": "3"}}
    first = ask(backup, "ListTags", ResourceArn=arn, MaxResults=1)
    assert first["Tags"] == {"a": "1"}
    assert ask(backup, "ListTags", ResourceArn=arn, NextToken=first["NextToken"]) == {"Tags": {"c": "3"}}


def test_tags_come_as_a_list_where_the_model_has_a_list(ask: Ask) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    made = ask(accelerators, "CreateAccelerator", Name="edge", IdempotencyToken="1", Tags=tags)["Accelerator"]
    assert ask(accelerators, "ListTagsForResource", ResourceArn=made["AcceleratorArn"]) == {"Tags": tags}


def test_the_tags_of_a_child_are_reached_by_its_arn(ask: Ask) -> None:
    ask(packages, "CreateChannelGroup", ChannelGroupName="g", Tags={"of": "group"})
    arn = ask(packages, "CreateChannel", ChannelGroupName="g", ChannelName="c", Tags={"of": "channel"})["Arn"]
    assert ask(packages, "ListTagsForResource", ResourceArn=arn) == {"Tags": {"of": "channel"}}


def test_the_limits_of_tags_are_held(ask: Ask) -> None:
    many = {str(number): "" for number in range(51)}
    assert fault(ask, backup, "CreateBackupVault", BackupVaultName="vv", BackupVaultTags=many).code == (
        "LimitExceededException"
    )
    arn = ask(backup, "CreateBackupVault", BackupVaultName="vv")["BackupVaultArn"]
    assert fault(ask, backup, "TagResource", ResourceArn=arn, Tags={"aws:x": "1"}).code == "ValidationException"
    assert fault(ask, backup, "TagResource", ResourceArn=f"{arn}x", Tags={"a": "1"}).code == "ResourceNotFoundException"


# States


def test_a_state_follows_from_the_cloud_time_since_the_last(ask: Ask, wall: Wall) -> None:
    made = ask(accelerators, "CreateAccelerator", Name="edge", IdempotencyToken="1")["Accelerator"]
    assert made["Status"] == "IN_PROGRESS"
    wall.now += 59
    assert ask(accelerators, "ListAccelerators")["Accelerators"][0]["Status"] == "IN_PROGRESS"
    wall.now += 1
    again = ask(accelerators, "DescribeAccelerator", AcceleratorArn=made["AcceleratorArn"])["Accelerator"]
    assert again["Status"] == "DEPLOYED"


def in_a_cloud(service: Service, scenario: Callable[[Cloud, Call], Any]) -> None:
    """Run a scenario in a cloud whose clock stands still, with its tasks."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        clock = Clock(lambda: 1_700_000_000.0)
        clock.freeze()
        clock.attach(loop)
        cloud = Cloud(open_store(None, schedule=loop.call_soon), clock)
        cloud.service = lambda name: service  # type: ignore[method-assign]
        cloud.runner.start()
        await scenario(cloud, cloud.call(service.name))
        await cloud.runner.stop()

    asyncio.run(run())


CONTAINER = {
    "key": ("Name", "ContainerName"),
    "create": "CreateContainer",
    "read": "DescribeContainer",
    "delete": "DeleteContainer",
    "exists": "ContainerInUseException",
    "missing": "ContainerNotFoundException",
    "states": "CREATING -> ACTIVE after 2s; DELETING -> gone after 1s",
}


def containers(**words: Any) -> tuple[Service, type[Resource]]:
    service = Service("mediastore")
    return service, declared(service, **CONTAINER | words)


def test_a_deletion_takes_its_time_and_then_nothing_is_left() -> None:
    service, container = containers()

    async def scenario(cloud: Cloud, call: Call) -> None:
        cloud.perform(call, "CreateContainer", {"ContainerName": "films"})
        cloud.perform(call, "DeleteContainer", {"ContainerName": "films"})
        found = cloud.perform(call, "DescribeContainer", {"ContainerName": "films"})
        assert found["Container"]["Status"] == "DELETING"
        await run_until(cloud, call.now + 1)
        later = cloud.call("mediastore")
        assert container.find(later, "films") is None
        assert not list(container.family.row.scan(later))
        assert cloud.perform(later, "CreateContainer", {"ContainerName": "films"})["Container"]["Status"] == "CREATING"

    in_a_cloud(service, scenario)


def test_a_name_is_free_the_moment_its_resource_is_gone(kernel: Cloud, wall: Wall) -> None:
    service, _ = containers()
    kernel.service = lambda name: service  # type: ignore[method-assign]
    for operation in ("CreateContainer", "DeleteContainer"):
        kernel.perform(kernel.call("mediastore"), operation, {"ContainerName": "films"})
    wall.now += 1
    kernel.perform(kernel.call("mediastore"), "CreateContainer", {"ContainerName": "films"})


def test_what_shall_happen_on_entering_a_state_happens_once_and_at_its_time() -> None:
    entered: list[str] = []
    service, container = containers(entered=lambda call, row: entered.append(row["Status"]))

    async def scenario(cloud: Cloud, call: Call) -> None:
        cloud.perform(call, "CreateContainer", {"ContainerName": "films"})
        await run_until(cloud, call.now + 1.5)
        assert entered == []
        await run_until(cloud, call.now + 60)
        assert entered == ["ACTIVE"]
        assert container.named(cloud.call("mediastore"), "films")["Status"] == "ACTIVE"

    in_a_cloud(service, scenario)


def test_an_update_may_take_its_time_and_any_operation_may_name_the_arn(kernel: Cloud, wall: Wall) -> None:
    service = Service("kinesisvideo")
    declared(
        service,
        key="StreamName",
        arn=("StreamARN", "stream/{StreamName}/{Stamp}"),
        create="CreateStream",
        read="DescribeStream",
        update="UpdateStream",
        list="ListStreams",
        delete="DeleteStream",
        exists="ResourceInUseException",
        missing="ResourceNotFoundException",
        tags="Tags",
        fields={
            "Stamp": unique(length=13, alphabet="0123456789"),
            "Version": "1",
            "MediaType": None,
            "DataRetentionInHours": 0,
        },
        states="CREATING -> ACTIVE after 2s; UPDATING -> ACTIVE after 5s; DELETING -> gone after 1s",
    )
    kernel.service = lambda name: service  # type: ignore[method-assign]

    def ask(operation: str, **request: Any) -> Any:
        return kernel.perform(kernel.call("kinesisvideo", operation), operation, request)

    arn = ask("CreateStream", StreamName="door", DataRetentionInHours=2)["StreamARN"]
    wall.now += 2
    assert ask("DescribeStream", StreamARN=arn)["StreamInfo"]["Status"] == "ACTIVE"
    assert ask("UpdateStream", StreamARN=arn, CurrentVersion="1", MediaType="video/h264") == {}
    with pytest.raises(Fault, match="ResourceNotFoundException"):
        ask("DescribeStream", StreamARN=f"{arn}1")
    updating = ask("DescribeStream", StreamName="door")["StreamInfo"]
    assert (updating["Status"], updating["MediaType"]) == ("UPDATING", "video/h264")
    wall.now += 5
    assert ask("ListStreams")["StreamInfoList"][0]["Status"] == "ACTIVE"
    ask("DeleteStream", StreamARN=arn)
    wall.now += 1
    assert ask("ListStreams") == {"StreamInfoList": []}


# Declarations


def test_members_without_effect_are_known() -> None:
    ignored = {name: bound.ignored for name, bound in backup.operations.items() if bound.ignored}
    assert ignored == {"DescribeBackupVault": {"BackupVaultAccountId"}, "ListBackupVaults": {"ByShared"}}


def test_a_member_that_is_never_shown_is_ignored_unless_a_field_names_it() -> None:
    def ignored(**words: Any) -> frozenset[str]:
        service = Service("athena")
        words |= {"key": ("Name", "WorkGroup"), "create": "CreateWorkGroup", "read": "GetWorkGroup"}
        declared(service, exists="InvalidRequestException", **words)
        return service.operations["CreateWorkGroup"].ignored

    assert ignored() == {"Tags"}
    assert ignored(tags="Tags") == frozenset()
    assert ignored(fields={"Tags": None}) == frozenset()


VAULT = {
    "key": "BackupVaultName",
    "create": "CreateBackupVault",
    "read": "DescribeBackupVault",
    "list": "ListBackupVaults",
    "exists": "AlreadyExistsException",
    "missing": "ResourceNotFoundException",
}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"colour": "red"}, "colour is no word"),
        ({"create": "MakeBackupVault"}, "no operation MakeBackupVault"),
        ({"missing": "NoSuchVault"}, "no error NoSuchVault"),
        ({"exists": ""}, "`exists` says"),
        ({"key": "VaultName"}, "nothing gives it a key"),
        ({"key": "BackupVaultArn"}, "nothing gives it a key"),
        ({"arn": ("BackupVaultArn", "backup-vault:{Colour}")}, "Colour"),
        ({"tags": "VaultTags"}, "takes no VaultTags"),
        ({"tags": "EncryptionKeyArn"}, "are no tags"),
        ({"states": "soon"}, "not a rule"),
        ({"states": "CREATING -> READY after 1s"}, "which member"),
        ({"states": "VaultState: FAILED -> gone after 1s"}, "nothing gives it its first VaultState"),
        ({"read": "GetBackupPlan"}, "does not name it"),
        ({"read": "DescribeRegionSettings"}, "shows nothing"),
        ({"list": "ListBackupJobSummaries"}, "shows nothing"),
        ({"filters": {"colour": "Colour"}}, "takes no filters"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(words: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        declared(Service("backup"), **VAULT | words)


def test_what_an_output_requires_the_resource_must_have() -> None:
    words = {"key": "ChannelGroupName", "create": "CreateChannelGroup", "exists": "ConflictException"}
    with pytest.raises(TypeError, match="EgressDomain"):
        declared(Service("mediapackagev2"), fields={"Arn": "", "CreatedAt": now, "ModifiedAt": now}, **words)


def test_the_resource_of_a_request_is_found_before_the_operation_runs(ask: Ask, kernel: Cloud) -> None:
    arn = ask(backup, "CreateBackupVault", BackupVaultName="vv")["BackupVaultArn"]
    call = kernel.call("backup", account=ACCOUNT)
    for operation, request in (
        ("DescribeBackupVault", {"BackupVaultName": "vv"}),
        ("DeleteBackupVault", {"BackupVaultName": arn}),
        ("TagResource", {"ResourceArn": arn}),
    ):
        assert backup.bound(operation).find(call, request).arn(call) == arn


def test_operations_beside_the_declaration_find_the_resource_by_any_of_its_names(kernel: Cloud) -> None:
    service, container = containers()

    def put_cors_policy(call: Call, found: Row, cors_policy: list[Any]) -> dict[str, Any]:
        return {"for": found["Name"]}

    service.operation(on=container.of("PutCorsPolicy"))(put_cors_policy)
    kernel.service = lambda name: service  # type: ignore[method-assign]
    call = kernel.call("mediastore")
    rule = {"AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
    kernel.perform(call, "CreateContainer", {"ContainerName": "films"})
    assert kernel.perform(call, "PutCorsPolicy", {"ContainerName": "films", "CorsPolicy": [rule]}) == {"for": "films"}
