"""Environments that are there beforehand, and code that is run where it is edited."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from pathlib import Path

import pileus

from .conftest import Functions
from .test_queues import eventually

KIND = """
    import os

    def handler(event, context):
        return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


def test_provisioned_concurrency_has_environments_ready(functions: Functions, refused) -> None:
    client = functions.client
    functions.create(KIND, Publish=True)
    with refused("InvalidParameterValueException", "cannot be applied to unpublished function versions"):
        client.put_provisioned_concurrency_config(
            FunctionName="function", Qualifier="$LATEST", ProvisionedConcurrentExecutions=1
        )
    made = client.put_provisioned_concurrency_config(
        FunctionName="function", Qualifier="1", ProvisionedConcurrentExecutions=2
    )
    assert made["Status"] == "IN_PROGRESS"

    def status() -> bool:
        found = client.get_provisioned_concurrency_config(FunctionName="function", Qualifier="1")
        return found["Status"] == "READY" and found["AllocatedProvisionedConcurrentExecutions"] == 2

    assert eventually(status)
    answer = functions.invoke(Qualifier="1")
    assert answer.json == "provisioned-concurrency"
    assert functions.invoke().json == "on-demand"
    listed = client.list_provisioned_concurrency_configs(FunctionName="function")["ProvisionedConcurrencyConfigs"]
    assert [each["FunctionArn"].split(":")[-1] for each in listed] == ["1"]
    client.delete_provisioned_concurrency_config(FunctionName="function", Qualifier="1")
    with refused("ProvisionedConcurrencyConfigNotFoundException"):
        client.get_provisioned_concurrency_config(FunctionName="function", Qualifier="1")


def test_an_edit_of_a_mounted_folder_takes_effect_at_once(tmp_path: Path, refused) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    source = folder / "app.py"
    source.write_text("def handler(event, context): return 'first'")
    with pileus.cloud(hot_reload=tmp_path, sockets=True) as cloud:
        functions = Functions(cloud.account())
        functions.create("", Code={"S3Bucket": "hot-reload", "S3Key": "work"})
        assert [functions.invoke().json for _ in range(2)] == ["first"] * 2
        source.write_text("def handler(event, context): return 'second'")
        assert functions.invoke().json == "second"
        with refused("InvalidParameterValueException", "is no folder below"):
            functions.create("", name="other", Code={"S3Bucket": "hot-reload", "S3Key": "/etc"})


def test_a_package_can_be_fetched_from_where_get_function_says(functions: Functions) -> None:
    functions.create("def handler(e, c): return 1")
    code = functions.client.get_function(FunctionName="function")["Code"]
    assert code["RepositoryType"] == "S3"
    data = urllib.request.urlopen(code["Location"]).read()
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["app.py"]
    layer = functions.client.publish_layer_version(LayerName="layer", Content={"ZipFile": data})
    assert urllib.request.urlopen(layer["Content"]["Location"]).read() == data


def test_a_log_goes_to_cloudwatch_logs(functions: Functions) -> None:
    functions.create("def handler(event, context):\n    print(event)")
    functions.invoke({"hello": "logs"})
    logs = functions.account.client("logs")

    def events() -> list[str]:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/function")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        messages = [event["message"] for event in found]
        return messages if any(message.startswith("REPORT") for message in messages) else []

    found = eventually(events)
    assert "{'hello': 'logs'}" in [line.strip() for line in found]
    assert found[0].startswith("INIT_START")
    assert json.dumps(found).count("REPORT RequestId") == 1


def test_what_belongs_to_an_alias_goes_with_it(functions: Functions, refused) -> None:
    client = functions.client
    functions.create(KIND, Publish=True)
    named = {"FunctionName": "function", "Qualifier": "live"}
    client.create_alias(FunctionName="function", Name="live", FunctionVersion="1")
    client.create_function_url_config(**named, AuthType="AWS_IAM")
    client.put_function_event_invoke_config(**named, MaximumRetryAttempts=1)
    client.put_provisioned_concurrency_config(**named, ProvisionedConcurrentExecutions=1)
    client.delete_alias(FunctionName="function", Name="live")
    client.create_alias(FunctionName="function", Name="live", FunctionVersion="1")
    for gone in (client.get_function_url_config, client.get_function_event_invoke_config):
        with refused("ResourceNotFoundException"):
            gone(**named)
    with refused("ProvisionedConcurrencyConfigNotFoundException"):
        client.get_provisioned_concurrency_config(**named)


def test_each_tenant_has_environments_of_its_own(functions: Functions, refused) -> None:
    source = """
        seen = []

        def handler(event, context):
            seen.append(context.tenant_id)
            return seen
    """
    made = functions.create(source, TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
    assert made["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
    assert functions.invoke(TenantId="ann").json == ["ann"]
    assert functions.invoke(TenantId="bob").json == ["bob"]
    assert functions.invoke(TenantId="ann").json == ["ann", "ann"]
    with refused("InvalidParameterValueException", "Add a valid tenant ID"):
        functions.invoke()
    functions.create(source, name="other")
    with refused("InvalidParameterValueException", "Remove the tenant ID"):
        functions.invoke(name="other", TenantId="ann")


SNAPPED = """
    import os
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    said = []

    @register_before_snapshot
    def first():
        said.append("first")

    @register_before_snapshot
    def last():
        said.append("last")

    register_after_restore(said.append, "restored")

    @register_after_restore
    def fail():
        if os.environ.get("FAIL"):
            raise ValueError("no network")

    def handler(event, context):
        return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], *said]
"""


def test_the_hooks_of_snap_start_run_in_published_versions(functions: Functions) -> None:
    functions.create(SNAPPED, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True)
    assert functions.invoke().json == ["on-demand"]
    answer = functions.invoke(Qualifier="1")
    assert answer.json == ["snap-start", "last", "first", "restored"]
    assert answer.log.startswith("RESTORE_START Runtime Version: python:3.11")
    assert "\nRESTORE_REPORT Restore Duration: " in answer.log
    assert "\tRestore Duration: " in answer.log
    assert "Init" not in answer.log
    variables = {"Variables": {"FAIL": "yes"}}
    functions.create(
        SNAPPED, name="fails", Environment=variables, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True
    )
    told = functions.invoke(name="fails", Qualifier="1")
    assert (told.error, told.json["errorType"]) == ("Unhandled", "Runtime.AfterRestoreError")
    assert told.json["errorMessage"] == "no network"


def test_a_version_and_its_alias_are_not_both_kept_ready(functions: Functions, refused) -> None:
    client = functions.client
    functions.create(KIND, Publish=True)
    client.create_alias(FunctionName="function", Name="live", FunctionVersion="1")
    give = client.put_provisioned_concurrency_config
    give(FunctionName="function", Qualifier="live", ProvisionedConcurrentExecutions=1)
    with refused("InvalidParameterValueException", "Version is pointed by a Provisioned Concurrency alias"):
        give(FunctionName="function", Qualifier="1", ProvisionedConcurrentExecutions=1)
    client.delete_provisioned_concurrency_config(FunctionName="function", Qualifier="live")
    give(FunctionName="function", Qualifier="1", ProvisionedConcurrentExecutions=1)
    with refused("InvalidParameterValueException", "Alias can't be used for Provisioned Concurrency configuration"):
        give(FunctionName="function", Qualifier="live", ProvisionedConcurrentExecutions=1)
    client.delete_provisioned_concurrency_config(FunctionName="function", Qualifier="1")
