"""Parameters that other accounts read, settings of the account, and what AWS publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.fixture
def shared(aws: Any) -> str:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/app/shared", Value="value", Type="String", Tier="Advanced")
    return str(ssm.get_parameter(Name="/app/shared")["Parameter"]["ARN"])


def policy(account: str, arn: str) -> str:
    actions = ["ssm:DescribeParameters", "ssm:GetParameter", "ssm:GetParameters"]
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": actions, "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_shares_a_parameter_with_another_account(cloud: Any, aws: Any, shared: str, refused: Any) -> None:
    other = cloud.account()
    ours, theirs = aws.client("ssm"), other.client("ssm")
    with refused("AccessDeniedException"):
        theirs.get_parameter(Name=shared)
    put = ours.put_resource_policy(ResourceArn=shared, Policy=policy(other.id, shared))
    assert theirs.get_parameter(Name=shared)["Parameter"]["Value"] == "value"
    assert theirs.get_parameters(Names=[shared])["Parameters"][0]["ARN"] == shared
    assert [one["ARN"] for one in theirs.describe_parameters(Shared=True)["Parameters"]] == [shared]
    assert theirs.describe_parameters()["Parameters"] == []
    with refused("AccessDeniedException"):
        theirs.put_parameter(Name=shared, Value="other", Overwrite=True)
    (told,) = ours.get_resource_policies(ResourceArn=shared)["Policies"]
    assert (told["PolicyId"], told["PolicyHash"]) == (put["PolicyId"], put["PolicyHash"])
    with refused("ResourcePolicyLimitExceededException"):
        ours.put_resource_policy(ResourceArn=shared, Policy=policy(other.id, shared))
    with refused("ResourcePolicyConflictException"):
        ours.delete_resource_policy(ResourceArn=shared, PolicyId=put["PolicyId"], PolicyHash="0")
    ours.delete_resource_policy(ResourceArn=shared, PolicyId=put["PolicyId"], PolicyHash=put["PolicyHash"])
    with refused("AccessDeniedException"):
        theirs.get_parameter(Name=shared)
    assert theirs.describe_parameters(Shared=True)["Parameters"] == []


def test_what_cannot_be_shared(cloud: Any, aws: Any, shared: str, refused: Any) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/app/plain", Value="value", Type="String")
    plain = ssm.get_parameter(Name="/app/plain")["Parameter"]["ARN"]
    with refused("ResourcePolicyInvalidParameterException", "advanced tier"):
        ssm.put_resource_policy(ResourceArn=plain, Policy=policy(aws.id, plain))
    with refused("MalformedResourcePolicyDocumentException"):
        ssm.put_resource_policy(ResourceArn=shared, Policy="nonsense")
    with refused("ResourceNotFoundException"):
        ssm.get_resource_policies(ResourceArn=f"{shared}-not")


def test_the_account_chooses_the_tier_of_new_parameters(aws: Any, refused: Any) -> None:
    ssm, tier = aws.client("ssm"), "/ssm/parameter-store/default-parameter-tier"
    told = ssm.get_service_setting(SettingId=tier)["ServiceSetting"]
    assert (told["SettingValue"], told["Status"]) == ("Standard", "Default")
    ssm.update_service_setting(SettingId=told["ARN"], SettingValue="Intelligent-Tiering")
    assert ssm.get_service_setting(SettingId=tier)["ServiceSetting"]["Status"] == "Customized"
    assert ssm.put_parameter(Name="short", Value="x", Type="String")["Tier"] == "Standard"
    assert ssm.put_parameter(Name="long", Value="x" * 5000, Type="String")["Tier"] == "Advanced"
    assert ssm.reset_service_setting(SettingId=tier)["ServiceSetting"]["SettingValue"] == "Standard"
    with refused("ValidationException"):
        ssm.update_service_setting(SettingId=tier, SettingValue="Golden")
    with refused("ServiceSettingNotFound"):
        ssm.get_service_setting(SettingId="/other")


def test_regions_services_and_images_are_published(aws: Any) -> None:
    ssm = aws.client("ssm")
    place = "/aws/service/global-infrastructure"
    names = ["regions/eu-west-1/longName", "regions/eu-west-1/partition", "services/sqs"]
    found = ssm.get_parameters(Names=[f"{place}/{name}" for name in names])
    assert [one["Value"] for one in found["Parameters"]] == ["Europe (Ireland)", "aws", "sqs"]
    image = ssm.get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")["Parameter"]
    assert image["Value"].startswith("ami-") and image["DataType"] == "aws:ec2:image"
    eks = "/aws/service/eks/optimized-ami/1.33"
    below = ssm.get_parameters_by_path(Path=eks, Recursive=True)["Parameters"]
    assert len(below) == 2 and all(one["Value"].startswith("ami-") for one in below)
