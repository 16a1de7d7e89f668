"""Service-linked roles: those that a service makes for itself, and that only it changes."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names
from pileus.kernel.identity import service
from pileus.kernel.record import Record

from . import aws_managed, iam
from .attachments import detach
from .faults import invalid, missing
from .policies import Use
from .quotas import one_less, one_more
from .roles import LINKED, Role, role_named

SERVICES = {
    "autoscaling": ("AutoScaling", "AutoScalingServiceRolePolicy"),
    "backup": ("Backup", "AWSBackupServiceLinkedRolePolicyForBackup"),
    "batch": ("Batch", "BatchServiceRolePolicy"),
    "cloudtrail": ("CloudTrail", "CloudTrailServiceRolePolicy"),
    "config": ("Config", "AWSConfigServiceRolePolicy"),
    "dax": ("DAX", "DAXServiceRolePolicy"),
    "delivery.logs": ("LogDelivery", "AWSServiceRoleForLogDeliveryPolicy"),
    "dynamodb.application-autoscaling": (
        "ApplicationAutoScaling_DynamoDBTable",
        "AWSApplicationAutoscalingDynamoDBTablePolicy",
    ),
    "ecs": ("ECS", "AmazonECSServiceRolePolicy"),
    "ecs.application-autoscaling": ("ApplicationAutoScaling_ECSService", "AWSApplicationAutoscalingECSServicePolicy"),
    "eks": ("AmazonEKS", "AmazonEKSServiceRolePolicy"),
    "eks-fargate": ("AmazonEKSForFargate", "AmazonEKSForFargateServiceRolePolicy"),
    "eks-nodegroup": ("AmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup"),
    "elasticache": ("ElastiCache", "ElastiCacheServiceRolePolicy"),
    "elasticbeanstalk": ("ElasticBeanstalk", "AWSElasticBeanstalkServiceRolePolicy"),
    "elasticfilesystem": ("AmazonElasticFileSystem", "AmazonElasticFileSystemServiceRolePolicy"),
    "elasticloadbalancing": ("ElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy"),
    "elasticmapreduce": ("EMRCleanup", "AmazonEMRCleanupPolicy"),
    "es": ("AmazonElasticsearchService", "AmazonElasticsearchServiceRolePolicy"),
    "globalaccelerator": ("GlobalAccelerator", "AWSGlobalAcceleratorSLRPolicy"),
    "guardduty": ("AmazonGuardDuty", "AmazonGuardDutyServiceRolePolicy"),
    "inspector2": ("AmazonInspector2", "AmazonInspector2ServiceRolePolicy"),
    "kafka": ("Kafka", "KafkaServiceRolePolicy"),
    "kinesisreplication.dynamodb": (
        "DynamoDBKinesisDataStreamsReplication",
        "DynamoDBKinesisReplicationServiceRolePolicy",
    ),
    "macie": ("AmazonMacie", "AmazonMacieServiceRolePolicy"),
    "ops.apigateway": ("APIGateway", "APIGatewayServiceRolePolicy"),
    "opensearchservice": ("AmazonOpenSearchService", "AmazonOpenSearchServiceRolePolicy"),
    "organizations": ("Organizations", "AWSOrganizationsServiceTrustPolicy"),
    "ram": ("ResourceAccessManager", "AWSResourceAccessManagerServiceRolePolicy"),
    "rds": ("RDS", "AmazonRDSServiceRolePolicy"),
    "redshift": ("Redshift", "AmazonRedshiftServiceLinkedRolePolicy"),
    "replication.dynamodb": ("DynamoDBReplication", "DynamoDBReplicationServiceRolePolicy"),
    "securityhub": ("SecurityHub", "AWSSecurityHubServiceRolePolicy"),
    "spot": ("EC2Spot", "AWSEC2SpotServiceRolePolicy"),
    "spotfleet": ("EC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy"),
    "ssm": ("AmazonSSM", "AmazonSSMServiceRolePolicy"),
    "sso": ("SSO", "AWSSSOServiceRolePolicy"),
    "trustedadvisor": ("TrustedAdvisor", "AWSTrustedAdvisorServiceRolePolicy"),
    "wafv2": ("WAFV2Logging", "WAFV2LoggingServiceRolePolicy"),
}
"""By the first part of the service's principal: the end of the role's name, and its policy ("AWS services that work
with IAM" and the pages that it links to). No list of them is published as data."""


class Deletion(Record, scope="account"):
    """The deletion of a service-linked role."""

    id: str
    role: str
    done: bool = False


@iam.operation
def create_service_linked_role(
    call: Call, aws_service_name: str, description: str = "", custom_suffix: str = ""
) -> dict[str, Any]:
    """A service's own role, with the policy that the service wants."""
    prefix = aws_service_name.removesuffix(".amazonaws.com")
    if prefix == aws_service_name or prefix not in SERVICES:
        raise invalid(f"Service role for {aws_service_name} is not supported: the service name is not valid.")
    if custom_suffix and prefix not in SUFFIXED:
        raise invalid(f"Custom suffix is not allowed for {aws_service_name}")
    name, policy = name_of(aws_service_name, custom_suffix), SERVICES[prefix][1]
    if Role.get(call, name.lower()):
        raise invalid(f"Service role name {name} has been taken in this account, please try a different suffix.")
    one_more(call, "Roles")
    role = Role(
        folded=name.lower(),
        name=name,
        path=f"{LINKED}{aws_service_name}/",
        id=names.unique_id("AROA"),
        created=call.now,
        trust=TRUST.replace("SERVICE", aws_service_name),
        description=description,
    )
    if f"aws-service-role/{policy}" in aws_managed.known():
        role.attached = [f"arn:{call.partition}:iam::aws:policy/aws-service-role/{policy}"]
        Use(role.attached[0], "PermissionsPolicy", "role", role.id).put(call)
    role.put(call)
    return {"Role": role.shown(call)}


def name_of(service_name: str, suffix: str = "") -> str:
    """The name of a service's role; `*` for one of a service that has none."""
    ending = SERVICES.get(service_name.removesuffix(".amazonaws.com"), ("",))[0]
    return f"AWSServiceRoleFor{ending or '*'}" + (f"_{suffix}" if suffix else "")


SUFFIXED = ("autoscaling",)
"""Services that may have several roles."""

TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"SERVICE"},'
    '"Action":"sts:AssumeRole"}]}'
)


def linked_role_named(call: Call, role_name: str) -> Role:
    role = role_named(call, role_name)
    if not role.linked:
        raise invalid(f"{role_name} is not a service-linked role.")
    return role


@iam.operation(on=linked_role_named)
def delete_service_linked_role(call: Call, role: Role) -> dict[str, Any]:
    """Begin to delete a service's role."""
    deletion = Deletion(f"task{role.path}{role.name}/{names.uuid4()}", role.folded).put(call)
    finish.later(call.at(principal=service("iam.amazonaws.com")), delay=1, deletion=deletion.id)
    return {"DeletionTaskId": deletion.id}


@iam.task
def finish(call: Call, deletion: str) -> None:
    """Delete the role; that the service uses it no longer is for the service to know."""
    found = Deletion.get(call, deletion)
    if found is None:
        return
    if role := Role.get(call, found.role):
        for arn in list(role.attached):
            detach(call, role, arn)
        role.delete(call)
        one_less(call, "Roles")
    found.done = True
    found.put(call)


@iam.operation
def get_service_linked_role_deletion_status(call: Call, deletion_task_id: str) -> dict[str, Any]:
    """How far a deletion has come."""
    deletion = Deletion.get(call, deletion_task_id)
    if deletion is None:
        raise missing(f"The deletion task with id {deletion_task_id} cannot be found.")
    return {"Status": "SUCCEEDED" if deletion.done else "IN_PROGRESS"}
