"""Run Command: documents carried out on instances, really."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pileus.testing.account import Account

from .conftest import CORE, role, until


@pytest.fixture
def ssm(aws: Account) -> Any:
    return aws.client("ssm")


def sent(ssm: Any, node: str, *commands: str, **more: Any) -> dict[str, Any]:
    """What became of commands on a node."""
    told = ssm.send_command(
        InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": list(commands)} | more
    )
    command = told["Command"]["CommandId"]

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = ssm.get_command_invocation(CommandId=command, InstanceId=node)
        return found if found["Status"] not in ("Pending", "InProgress") else None

    found: dict[str, Any] = until(done)
    return found


def test_a_command_runs_as_root_on_the_instance_and_tells_what_it_said(ssm: Any, node: str) -> None:
    told = sent(ssm, node, "id -un", "hostname", "echo trouble >&2")
    assert told["Status"] == told["StatusDetails"] == "Success"
    assert told["ResponseCode"] == 0
    user, host = told["StandardOutputContent"].split()
    assert user == "root" and host.startswith("ip-")
    assert told["StandardErrorContent"] == "trouble\n"
    assert told["PluginName"] == "aws:runShellScript"
    (listed,) = ssm.list_command_invocations(CommandId=told["CommandId"], Details=True)["CommandInvocations"]
    assert listed["CommandPlugins"][0]["Output"].startswith("root\n")
    assert listed["InstanceName"] == "web"


def test_the_script_fails_with_its_last_command_and_stops_after_its_time(ssm: Any, node: str) -> None:
    failed = sent(ssm, node, "true", "exit 3")
    assert (failed["Status"], failed["ResponseCode"]) == ("Failed", 3)
    assert "failed to run commands: exit status 3" in failed["StandardErrorContent"]
    late = sent(ssm, node, "sleep 30", executionTimeout=["1"])
    assert (late["Status"], late["StatusDetails"]) == ("TimedOut", "Execution Timed Out")
    assert sent(ssm, node, "pwd", workingDirectory=["/tmp"])["StandardOutputContent"] == "/tmp\n"


def test_instances_are_managed_if_their_role_lets_the_agent_register(
    ssm: Any, aws: Account, launch: Callable[..., str], node: str, refused: Any
) -> None:
    role(aws, "other")
    stranger, bare = launch("other"), launch()
    managed = ssm.describe_instance_information()["InstanceInformationList"]
    assert [(one["InstanceId"], one["PingStatus"], one["PlatformType"]) for one in managed] == [
        (node, "Online", "Linux")
    ]
    for other in (stranger, bare, "i-0123456789abcdef0"):
        with refused("InvalidInstanceId"):
            sent(ssm, other, "true")
    aws.client("iam").attach_role_policy(RoleName="other", PolicyArn=CORE)
    assert sent(ssm, stranger, "true")["Status"] == "Success"


def test_targets_are_found_by_tags(ssm: Any, node: str) -> None:
    told = ssm.send_command(
        Targets=[{"Key": "tag:Name", "Values": ["web"]}],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["echo hi"]},
        Comment="all webs",
    )["Command"]
    assert told["TargetCount"] == 1 and told["MaxConcurrency"] == "50" and told["MaxErrors"] == "0"
    done = until(
        lambda: [
            one
            for one in ssm.list_commands(CommandId=told["CommandId"])["Commands"]
            if one["Status"] not in ("Pending", "InProgress")
        ]
    )
    assert (done[0]["Status"], done[0]["CompletedCount"], done[0]["ErrorCount"]) == ("Success", 1, 0)


def test_a_document_of_ones_own_with_parameters_and_steps(ssm: Any, node: str, refused: Any) -> None:
    content = {
        "schemaVersion": "2.2",
        "description": "Greet",
        "parameters": {
            "who": {"type": "String", "allowedPattern": "[a-z]+"},
            "how": {"type": "String", "default": "hi"},
        },
        "mainSteps": [
            {"action": "aws:runShellScript", "name": "greet", "inputs": {"runCommand": ["echo {{ how }} {{ who }}"]}},
            {"action": "aws:runShellScript", "name": "fail", "inputs": {"runCommand": ["exit 4"]}},
            {"action": "aws:runShellScript", "name": "never", "inputs": {"runCommand": ["echo never"]}},
        ],
    }
    ssm.create_document(Name="greet", Content=json.dumps(content), DocumentType="Command")
    described = ssm.describe_document(Name="greet")["Document"]
    assert [one["Name"] for one in described["Parameters"]] == ["who", "how"]
    with refused("InvalidParameters"):
        ssm.send_command(InstanceIds=[node], DocumentName="greet", Parameters={"who": ["X1"]})
    with refused("InvalidParameters"):
        ssm.send_command(InstanceIds=[node], DocumentName="greet")
    told = ssm.send_command(InstanceIds=[node], DocumentName="greet", Parameters={"who": ["you"]})["Command"]

    def done() -> list[dict[str, Any]]:
        (one,) = ssm.list_command_invocations(CommandId=told["CommandId"], Details=True)["CommandInvocations"]
        return one["CommandPlugins"] if one["Status"] == "Failed" else []

    steps = until(done)
    assert [(one["Name"], one["Status"]) for one in steps] == [
        ("greet", "Success"),
        ("fail", "Failed"),
        ("never", "Cancelled"),
    ]
    assert steps[0]["Output"] == "hi you\n"


def test_versions_of_a_document(ssm: Any, refused: Any) -> None:
    def content(word: str) -> str:
        inputs = {"runCommand": [f"echo {word}"]}
        step = {"action": "aws:runShellScript", "name": "say", "inputs": inputs}
        return json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})

    ssm.create_document(Name="say", Content=content("one"), DocumentType="Command", VersionName="first")
    with refused("DocumentAlreadyExists"):
        ssm.create_document(Name="say", Content=content("one"), DocumentType="Command")
    with refused("DuplicateDocumentContent"):
        ssm.update_document(Name="say", Content=content("one"), DocumentVersion="$LATEST")
    with refused("InvalidDocumentContent"):
        ssm.update_document(Name="say", Content="{", DocumentVersion="$LATEST")
    ssm.update_document(Name="say", Content=content("two"), DocumentVersion="$LATEST")
    assert ssm.get_document(Name="say")["DocumentVersion"] == "1", "the default stays"
    ssm.update_document_default_version(Name="say", DocumentVersion="2")
    assert "two" in ssm.get_document(Name="say")["Content"]
    assert "one" in ssm.get_document(Name="say", VersionName="first", DocumentFormat="YAML")["Content"]
    versions = ssm.list_document_versions(Name="say")["DocumentVersions"]
    assert [(one["DocumentVersion"], one["IsDefaultVersion"]) for one in versions] == [("2", True), ("1", False)]
    mine = ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    assert [one["Name"] for one in mine] == ["say"]
    with refused("InvalidFilterKey"):
        ssm.list_documents(Filters=[{}])
    with refused("InvalidDocumentOperation"):
        ssm.delete_document(Name="say", DocumentVersion="2")
    ssm.delete_document(Name="say")
    with refused("InvalidDocument"):
        ssm.get_document(Name="say")


def test_output_goes_to_a_bucket_and_a_log_group_as_the_role_may(ssm: Any, aws: Account, node: str) -> None:
    s3, logs = aws.client("s3"), aws.client("logs")
    s3.create_bucket(Bucket=f"out-{aws.id}")
    for policy in ("AmazonS3FullAccess", "CloudWatchLogsFullAccess"):
        aws.client("iam").attach_role_policy(RoleName="managed", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    told = ssm.send_command(
        InstanceIds=[node],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["echo kept"]},
        OutputS3BucketName=f"out-{aws.id}",
        OutputS3KeyPrefix="logs",
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True},
    )["Command"]
    place = f"logs/{told['CommandId']}/{node}/awsrunShellScript/0.awsrunShellScript/stdout"
    found = until(lambda: s3.list_objects_v2(Bucket=f"out-{aws.id}").get("Contents"))
    assert [one["Key"] for one in found] == [place]
    events = until(lambda: logged(logs))
    assert [event["message"] for event in events] == ["kept"]


def logged(logs: Any) -> list[dict[str, Any]]:
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/ssm/AWS-RunShellScript")["logGroups"]
    return logs.filter_log_events(logGroupName=groups[0]["logGroupName"])["events"] if groups else []
