"""Organization trails: what the members do, in the management account's bucket."""

from __future__ import annotations

import json
from typing import Any


def test_a_trail_of_an_organization_has_what_its_members_do(aws: Any, clock: Any, refused: Any) -> None:
    orgs, trail, s3 = aws.client("organizations"), aws.client("cloudtrail"), aws.client("s3")
    bucket = f"org-{aws.id}"
    s3.create_bucket(Bucket=bucket)
    wish = {"Name": "main", "S3BucketName": bucket, "IsOrganizationTrail": True, "IsMultiRegionTrail": True}
    with refused("OrganizationsNotInUseException"):
        trail.create_trail(**wish)
    number = orgs.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    with refused("CloudTrailAccessNotEnabledException"):
        trail.create_trail(**wish)
    orgs.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    service = {"Service": "cloudtrail.amazonaws.com"}
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
        {
            "Effect": "Allow",
            "Principal": service,
            "Action": "s3:PutObject",
            "Resource": [f"arn:aws:s3:::{bucket}/AWSLogs/{owner}/*" for owner in (aws.id, number)],
        },
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert trail.create_trail(**wish)["IsOrganizationTrail"] is True
    trail.start_logging(Name="main")
    orgs.create_account(Email="member@example.com", AccountName="member")
    clock.advance(60)
    accounts = orgs.list_accounts()["Accounts"]
    member = next(account["Id"] for account in accounts if account["Id"] != aws.id)
    aws.cloud.account(member).client("sqs").create_queue(QueueName="theirs")
    clock.advance(600)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.startswith(f"AWSLogs/{number}/{member}/CloudTrail/us-east-1/") for key in keys)
    assert any(key.startswith(f"AWSLogs/{number}/{aws.id}/CloudTrail/us-east-1/") for key in keys)
    with refused("NotOrganizationMasterAccountException"):
        aws.cloud.account(member).client("cloudtrail").create_trail(**wish)
    (seen,) = aws.cloud.account(member).client("cloudtrail").describe_trails()["trailList"]
    assert (seen["TrailARN"], seen["IsOrganizationTrail"]) == (trail.get_trail(Name="main")["Trail"]["TrailARN"], True)
    with refused("TrailNotFoundException"):
        aws.cloud.account(member).client("cloudtrail").stop_logging(Name=seen["TrailARN"])
    trail.stop_logging(Name="main")


def test_a_delegated_administrator_keeps_the_events_of_the_organization(aws: Any, clock: Any, refused: Any) -> None:
    orgs, trail = aws.client("organizations"), aws.client("cloudtrail")
    with refused("OrganizationsNotInUseException"):
        trail.register_organization_delegated_admin(MemberAccountId=aws.id)
    orgs.create_organization(FeatureSet="ALL")
    for name in ("one", "two"):
        orgs.create_account(Email=f"{name}-{aws.id}@mail.example", AccountName=name)
    clock.advance(60)
    one, two = (aws.cloud.account(each["Id"]) for each in orgs.list_accounts()["Accounts"] if each["Id"] != aws.id)
    with refused("CannotDelegateManagementAccountException"):
        trail.register_organization_delegated_admin(MemberAccountId=aws.id)
    wish = {"Name": "all-events", "OrganizationEnabled": True, "TerminationProtectionEnabled": False}
    trail.register_organization_delegated_admin(MemberAccountId=one.id)
    with refused("AccountRegisteredException"):
        trail.register_organization_delegated_admin(MemberAccountId=one.id)
    with refused("NotOrganizationMasterAccountException"):
        two.client("cloudtrail").create_event_data_store(**wish)
    ours = one.client("cloudtrail")
    store = ours.create_event_data_store(**wish)["EventDataStoreArn"].rpartition("/")[2]
    clock.advance(1)
    two.client("sns").create_topic(Name="theirs")
    statement = f"SELECT recipientAccountId FROM {store} WHERE eventName = 'CreateTopic'"
    query = ours.start_query(QueryStatement=statement)["QueryId"]
    clock.advance(0)
    rows = ours.get_query_results(QueryId=query)["QueryResultRows"]
    assert rows == [[{"recipientAccountId": two.id}]]
    trail.deregister_organization_delegated_admin(DelegatedAdminAccountId=one.id)
    with refused("AccountNotRegisteredException"):
        trail.deregister_organization_delegated_admin(DelegatedAdminAccountId=one.id)
