"""Who may launch what, and end which instances: by type, by tags, by network."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def user(aws):
    """A client of a user with these statements."""

    def make(*statements):
        iam = aws.client("iam")
        iam.create_user(UserName="u")
        document = json.dumps({"Version": "2012-10-17", "Statement": [*statements]})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName="u")["AccessKey"]
        return aws.client("ec2", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    return make


def allow(actions, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def launch(ec2, ami, **more):
    asked = {"ImageId": ami, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1} | more
    return ec2.run_instances(**asked)["Instances"][0]


def test_only_some_types_may_be_launched(user, ami, clock, refused):
    deny = {"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*"}
    deny["Condition"] = {"StringNotEquals": {"ec2:InstanceType": ["t3.micro", "t3.small"]}}
    other = user(allow("ec2:*"), deny)
    launch(other, ami)
    with refused("UnauthorizedOperation", "You are not authorized to perform this operation."):
        launch(other, ami, InstanceType="m5.large")
    with refused("DryRunOperation"):
        launch(other, ami, DryRun=True)
    with refused("UnauthorizedOperation"):
        launch(other, ami, InstanceType="m5.large", DryRun=True)


def test_a_launch_must_be_allowed_on_everything_that_it_uses(ec2, user, ami, clock, refused):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    mine, foreign = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in (1, 2)
    )
    kinds = ("instance", "volume", "network-interface", "security-group")
    arns = [f"arn:aws:ec2:us-east-1:*:{kind}/*" for kind in kinds]
    other = user(allow("ec2:RunInstances", [*arns, f"arn:aws:ec2:*:*:subnet/{mine}", "arn:aws:ec2:us-east-1::image/*"]))
    launch(other, ami, SubnetId=mine)
    with refused("UnauthorizedOperation"):
        launch(other, ami, SubnetId=foreign)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    with refused("UnauthorizedOperation"):
        launch(other, ami, SubnetId=mine, TagSpecifications=tags)


def test_instances_are_ended_by_those_whose_tags_they_have(ec2, user, run, clock, refused):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "red"}]}]
    red, blue = run(TagSpecifications=tags)["InstanceId"], run()["InstanceId"]
    other = user(allow("ec2:TerminateInstances", StringEquals={"aws:ResourceTag/team": "red"}))
    with refused("UnauthorizedOperation"):
        other.terminate_instances(InstanceIds=[red, blue])
    other.terminate_instances(InstanceIds=[red])
    with refused("UnauthorizedOperation"):
        other.describe_instances()


def test_an_organizations_accounts_are_reported_on(aws, ec2, cloud, clock, refused):
    bucket, s3 = f"reports-{aws.id}", aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    asked = {"S3Bucket": bucket, "S3Prefix": "status", "TargetId": aws.id}
    with refused("UnauthorizedOperation"):
        ec2.start_declarative_policies_report(**asked)
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    other = cloud.account()
    invited = organizations.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": other.id})["Handshake"]
    other.client("organizations").accept_handshake(HandshakeId=invited["Id"])
    with refused("OperationNotPermitted", "Trusted access"):
        ec2.start_declarative_policies_report(**asked)
    organizations.enable_aws_service_access(ServicePrincipal="ec2.amazonaws.com")
    with refused("InvalidParameterValue"):
        ec2.start_declarative_policies_report(**asked | {"TargetId": "ou-abcd-12345678"})
    other.client("ec2").enable_serial_console_access()
    root = organizations.list_roots()["Roots"][0]["Id"]
    report = ec2.start_declarative_policies_report(**asked | {"TargetId": root})["ReportId"]
    with refused("ReportInProgress"):
        ec2.start_declarative_policies_report(**asked)
    clock.advance(120)
    summary = ec2.get_declarative_policies_report_summary(ReportId=report)
    assert (summary["NumberOfAccounts"], summary["NumberOfFailedAccounts"]) == (2, 0)
    consoles = {one["AttributeName"]: one for one in summary["AttributeSummaries"]}["serial_console_access"]
    assert (consoles["MostFrequentValue"], consoles["NumberOfMatchedAccounts"]) == ("disabled", 1)
    [file] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert file["Key"].startswith(f"status/ec2_{root}_{report}_") and file["Key"].endswith(".csv")
    rows = s3.get_object(Bucket=bucket, Key=file["Key"])["Body"].read().decode()
    assert f"{other.id},us-east-1,serial_console_access,enabled" in rows
    [told] = ec2.describe_declarative_policies_reports(ReportIds=[report])["Reports"]
    assert told["Status"] == "complete"
    with refused("IncorrectState"):
        ec2.cancel_declarative_policies_report(ReportId=report)
