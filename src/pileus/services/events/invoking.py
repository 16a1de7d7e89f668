"""How each kind of target is called. A target of a kind that the cloud has not got is a dead letter at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from pileus.kernel import Arn, Call, Fault, Principal, arn, identity, names, roles, templates
from pileus.kernel.access.enforcement import authorize

from . import buses, transforming
from .buses import Bus
from .delivering import Failed
from .rules import Rule
from .targets import Target

MOST_HOPS = 8


class Later(Exception):
    """The target may not be called before so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Delivery(NamedTuple):
    """One event on its way to one target."""

    call: Call
    rule: Rule
    target: Target
    to: Arn
    event: dict[str, Any]
    accounts: tuple[str, ...]
    """Those that the event has passed through, from bus to bus."""

    @property
    def text(self) -> str:
        return transforming.text_for(self.call, self.rule, self.target, self.event)

    @property
    def transformed(self) -> bool:
        return any(name in self.target for name in ("Input", "InputPath", "InputTransformer"))

    @property
    def service(self) -> Principal:
        return identity.service("events.amazonaws.com", self.rule.arn(self.call), self.call.account)

    def principal(self) -> Principal:
        """As whom the target is called: the role that is named for it, or EventBridge."""
        role = self.target.get("RoleArn") or self.rule.role
        if not role:
            return self.service
        with self.call.transaction():
            return roles.taken_on(self.call, role, names.token(16, names.HEX), self.service)

    def aws(self, service: str, *, at_owner: bool = False) -> Any:
        """Another service in the target's Region; in its account, where no ARN says which that is."""
        here = self.call.at(region=self.to.region or None, account=self.to.account if at_owner else None)
        return here.aws(service, principal=self.principal())


async def invoke(call: Call, rule: Rule, target: Target, event: dict[str, Any], accounts: tuple[str, ...] = ()) -> None:
    """Call a target; `Failed` where it does not take the event."""
    to = arn.parse(target["Arn"])
    delivery = Delivery(call, rule, target, to, event, accounts)
    kind = to.service
    if kind == "events":
        kind = to.resource.partition("/")[0]
    way = WAYS.get(kind)
    if way is None:
        raise Failed("NO_RESOURCE", f"there is no target of the kind of {target['Arn']}", final=True)
    try:
        result = way(delivery)
        if isinstance(result, Awaitable):
            await result
    except Fault as fault:
        raise Failed.of(fault) from fault


def to_queue(delivery: Delivery) -> Any:
    group = delivery.target.get("SqsParameters", {}).get("MessageGroupId")
    url = f"{delivery.call.endpoint}/{delivery.to.account}/{delivery.to.resource}"
    return delivery.aws("sqs").send_message(queue_url=url, message_body=delivery.text, message_group_id=group)


def to_topic(delivery: Delivery) -> Any:
    return delivery.aws("sns").publish(target_arn=str(delivery.to), message=delivery.text)


def to_function(delivery: Delivery) -> Any:
    return delivery.aws("lambda").invoke(
        function_name=str(delivery.to), invocation_type="Event", payload=delivery.text.encode()
    )


def to_stream(delivery: Delivery) -> Any:
    path = delivery.target.get("KinesisParameters", {}).get("PartitionKeyPath")
    key = templates.at(path, delivery.event) if path else delivery.event["id"]
    return delivery.aws("kinesis").put_record(
        stream_arn=str(delivery.to), data=delivery.text.encode(), partition_key=str(key)
    )


def to_firehose(delivery: Delivery) -> Any:
    name = delivery.to.resource.partition("/")[2]
    record = {"Data": delivery.text.encode()}
    return delivery.aws("firehose", at_owner=True).put_record(delivery_stream_name=name, record=record)


def to_log(delivery: Delivery) -> None:
    group = delivery.to.resource.removeprefix("log-group:").removesuffix(":*")
    logs, stream = delivery.aws("logs", at_owner=True), names.uuid4()
    text = delivery.text
    told = transforming.document(text) if "InputTransformer" in delivery.target else None
    line = {"timestamp": int(delivery.call.now * 1000), "message": text}
    if isinstance(told, dict) and {"timestamp", "message"} <= told.keys():
        line = {"timestamp": int(told["timestamp"]), "message": str(told["message"])}
    with delivery.call.transaction():
        logs.create_log_stream(log_group_name=group, log_stream_name=stream)
        logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=[line])


def to_state_machine(delivery: Delivery) -> Any:
    return delivery.aws("stepfunctions").start_execution(
        state_machine_arn=str(delivery.to), input=delivery.text, name=f"{delivery.event['id']}_{names.uuid4()}"[:80]
    )


def to_tasks(delivery: Delivery) -> Any:
    given = delivery.target["EcsParameters"]
    members: dict[str, Any] = {
        "cluster": str(delivery.to),
        "task_definition": given["TaskDefinitionArn"],
        "count": given.get("TaskCount", 1),
        "started_by": f"events-rule/{delivery.rule.name}"[:36],
    }
    for member, name in ECS.items():
        members[name] = given.get(member)
    if network := given.get("NetworkConfiguration"):
        members["network_configuration"] = network
    if delivery.transformed:
        members["overrides"] = lowered(transforming.document(delivery.text))
    return delivery.aws("ecs").run_task(**members)


ECS = {
    "LaunchType": "launch_type",
    "PlatformVersion": "platform_version",
    "Group": "group",
    "EnableECSManagedTags": "enable_ecs_managed_tags",
    "EnableExecuteCommand": "enable_execute_command",
    "PropagateTags": "propagate_tags",
    "ReferenceId": "reference_id",
    "CapacityProviderStrategy": "capacity_provider_strategy",
    "PlacementConstraints": "placement_constraints",
    "PlacementStrategy": "placement_strategy",
}


def lowered(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def to_job(delivery: Delivery) -> Any:
    given = delivery.target["BatchParameters"]
    parameters = transforming.document(delivery.text) if delivery.transformed else {}
    size = given.get("ArrayProperties", {}).get("Size")
    attempts = given.get("RetryStrategy", {}).get("Attempts")
    return delivery.aws("batch").submit_job(
        job_name=given["JobName"],
        job_queue=str(delivery.to),
        job_definition=given["JobDefinition"],
        array_properties={"size": size} if size else None,
        retry_strategy={"attempts": attempts} if attempts else None,
        parameters=parameters.get("Parameters") if isinstance(parameters, dict) else None,
    )


def to_command(delivery: Delivery) -> Any:
    """Run Command, or an automation; the input is the document's parameters."""
    kind, _, name = delivery.to.resource.partition("/")
    given = transforming.document(delivery.text) if delivery.transformed else {}
    ssm = delivery.aws("ssm", at_owner=True)
    if kind == "automation-definition":
        return ssm.start_automation_execution(document_name=name.partition(":")[0], parameters=lowered(given) or None)
    targets = [dict(one) for one in delivery.target.get("RunCommandParameters", {}).get("RunCommandTargets", ())]
    return ssm.send_command(document_name=name, targets=targets, parameters=lowered(given) or None)


def to_build(delivery: Delivery) -> Any:
    name = delivery.to.resource.partition("/")[2]
    given = lowered(transforming.document(delivery.text)) if delivery.transformed else {}
    build = delivery.aws("codebuild", at_owner=True)
    variables = given.get("environmentVariablesOverride")
    return build.start_build(project_name=name, environment_variables_override=variables)


def to_pipeline(delivery: Delivery) -> Any:
    return delivery.aws("codepipeline", at_owner=True).start_pipeline_execution(name=delivery.to.resource)


def to_warehouse(delivery: Delivery) -> Any:
    given = delivery.target["RedshiftDataParameters"]
    data = delivery.aws("redshift-data", at_owner=True)
    return data.execute_statement(
        cluster_identifier=delivery.to.resource.rpartition(":")[2],
        database=given["Database"],
        db_user=given.get("DbUser"),
        secret_arn=given.get("SecretManagerArn"),
        sql=given.get("Sql"),
        statement_name=given.get("StatementName"),
        with_event=given.get("WithEvent"),
    )


def to_bus(delivery: Delivery) -> None:
    """To another bus goes the event as it is. It does not leave a second account for a third (User Guide, "Sending and
    receiving events between AWS accounts")."""
    from .publishing import accept

    call, to = delivery.call, delivery.to
    passed = (*delivery.accounts, call.account)
    crossings = sum(one != other for one, other in zip(passed, (*passed[1:], to.account), strict=True))
    if crossings > 1 or len(passed) > MOST_HOPS:
        return
    role = delivery.target.get("RoleArn")
    who = delivery.principal() if role else identity.root(call.account)
    there = call.at(account=to.account, region=to.region)
    from . import permissions

    authorize(call.at(principal=who), "events:PutEvents", permissions.target(call, str(to)))
    with call.transaction():
        accept(there, Bus.named(there, buses.name_of(str(to))), delivery.event, accounts=passed)


def to_destination(delivery: Delivery) -> Awaitable[None]:
    from . import destinations

    return destinations.request(delivery.call, delivery.to, delivery.target, delivery.text)


Way = Callable[[Delivery], Any]
WAYS: dict[str, Way] = {
    "api-destination": to_destination,
    "batch": to_job,
    "codebuild": to_build,
    "codepipeline": to_pipeline,
    "ecs": to_tasks,
    "event-bus": to_bus,
    "firehose": to_firehose,
    "kinesis": to_stream,
    "lambda": to_function,
    "logs": to_log,
    "redshift": to_warehouse,
    "sns": to_topic,
    "sqs": to_queue,
    "ssm": to_command,
    "states": to_state_machine,
}
