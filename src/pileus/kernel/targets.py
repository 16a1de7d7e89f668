"""Targets: what rules, schedules and pipes call with a text, each kind in its own way.

    await invoke(Sending(call, arn, text, parameters, principal))

`parameters` are the blocks by which customers say more (`EcsParameters`, `KinesisParameters`, …). Raises `Failed` for
what was not taken. A target of a kind that the cloud has not got is one that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pileus import models

from . import names, universal
from .arn import Arn
from .call import Call
from .errors import Fault
from .identity import Principal

Members = dict[str, Any]


class Failed(Exception):
    """A target did not take what it was sent. One that is `final` would not, however often it was asked."""

    def __init__(self, code: str, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.code = code
        self.final = final

    @classmethod
    def of(cls, fault: Fault) -> Failed:
        """What a fault of another service means for a delivery."""
        code = fault.code
        if (fault.status or 400) >= 500 and code != "NotImplemented":
            return cls("INTERNAL_ERROR", str(fault), final=False)
        if "Throttl" in code or "TooManyRequests" in code or "LimitExceeded" in code:
            return cls("THROTTLING", str(fault), final=False)
        if "AccessDenied" in code or "NotAuthorized" in code or "AuthorizationError" in code:
            return cls("NO_PERMISSIONS", str(fault), final=True)
        if "NotFound" in code or "DoesNotExist" in code or "NonExistent" in code:
            return cls("NO_RESOURCE", str(fault), final=True)
        return cls("SDK_CLIENT_ERROR", str(fault), final=True)


class Sending(NamedTuple):
    """One text on its way to one target."""

    call: Call
    to: Arn
    text: str
    parameters: Mapping[str, Any]
    principal: Principal
    """As whom the target is called."""
    id: str = ""
    """What tells it from others, for targets that want to know."""
    given: bool = True
    """Whether the text is the customer's own, and not just the event: some targets heed no other."""
    wait: bool = False
    """Whether a function's answer is waited for."""

    def aws(self, service: str, *, at_owner: bool = False) -> Any:
        """Another service in the target's Region; in its account, where no ARN says which that is."""
        here = self.call.at(region=self.to.region or None, account=self.to.account if at_owner else None)
        return here.aws(service, principal=self.principal)

    def block(self, name: str) -> Members:
        found: Members = self.parameters.get(name) or {}
        return found

    def document(self) -> Any:
        """The text as JSON; where it is none, as a string."""
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text

    def members(self) -> Members:
        """The text as a JSON object, if it is the customer's own and one."""
        found = self.document() if self.given else None
        return found if isinstance(found, dict) else {}


Way = Callable[[Sending], Any]


async def invoke(sending: Sending, ways: Mapping[str, Way] | None = None) -> Any:
    """Call a target; `Failed` where it does not take the text."""
    kind = kind_of(sending.to)
    way = (ways or WAYS).get(kind) or own_way(sending, kind)
    if way is None:
        raise Failed("NO_RESOURCE", f"there is no target of the kind of {sending.to}", final=True)
    try:
        result = way(sending)
        return await result if isinstance(result, Awaitable) else result
    except Fault as fault:
        raise Failed.of(fault) from fault


def own_way(sending: Sending, kind: str) -> Way | None:
    """The way that the target's own service has declared."""
    cloud, service = sending.call.cloud, sending.to.service
    return cloud.service(service).ways.get(kind) if cloud.built(service) else None


def kind_of(to: Arn) -> str:
    """The service, and for EventBridge what of it."""
    return to.resource.partition("/")[0] if to.service == "events" else to.service


def to_queue(sending: Sending) -> Any:
    url = f"{sending.call.endpoint}/{sending.to.account}/{sending.to.resource}"
    block = sending.block("SqsParameters") or sending.block("SqsQueueParameters")
    return sending.aws("sqs").send_message(
        queue_url=url,
        message_body=sending.text,
        message_group_id=block.get("MessageGroupId"),
        message_deduplication_id=block.get("MessageDeduplicationId"),
    )


def to_topic(sending: Sending) -> Any:
    return sending.aws("sns").publish(target_arn=str(sending.to), message=sending.text)


def to_function(sending: Sending) -> Any:
    return sending.aws("lambda").invoke(
        function_name=str(sending.to),
        invocation_type="RequestResponse" if sending.wait else "Event",
        payload=sending.text.encode(),
    )


def to_stream(sending: Sending) -> Any:
    block = sending.block("KinesisParameters") or sending.block("KinesisStreamParameters")
    return sending.aws("kinesis").put_record(
        stream_arn=str(sending.to), data=sending.text.encode(), partition_key=block.get("PartitionKey") or sending.id
    )


def to_firehose(sending: Sending) -> Any:
    name = sending.to.resource.partition("/")[2]
    record = {"Data": sending.text.encode()}
    return sending.aws("firehose", at_owner=True).put_record(delivery_stream_name=name, record=record)


def to_log(sending: Sending) -> None:
    group = sending.to.resource.removeprefix("log-group:").removesuffix(":*")
    logs, stream = sending.aws("logs", at_owner=True), names.uuid4()
    told = sending.members()
    line = {"timestamp": int(sending.call.now * 1000), "message": sending.text}
    if {"timestamp", "message"} <= told.keys():
        line = {"timestamp": int(told["timestamp"]), "message": str(told["message"])}
    with sending.call.transaction():
        logs.create_log_stream(log_group_name=group, log_stream_name=stream)
        logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=[line])


def to_state_machine(sending: Sending) -> Any:
    name = f"{sending.id}_{names.uuid4()}"[:80] if sending.id else names.uuid4()
    return sending.aws("stepfunctions").start_execution(
        state_machine_arn=str(sending.to), input=sending.text, name=name
    )


def to_tasks(sending: Sending) -> Any:
    """The block has RunTask's own members, but for the case of their names."""
    block = sending.block("EcsParameters") or sending.block("EcsTaskParameters")
    members = block | {
        "cluster": str(sending.to),
        "taskDefinition": block.get("TaskDefinitionArn"),
        "count": block.get("TaskCount", 1),
        "overrides": sending.members() or block.get("Overrides"),
    }
    shape = models.load("ecs").operation("RunTask").input
    assert shape
    request = universal.fitted(shape, members)
    return sending.aws("ecs").run_task(**{models.snake_case(name): value for name, value in request.items()})


def to_job(sending: Sending) -> Any:
    block = sending.block("BatchParameters") or sending.block("BatchJobParameters")
    size = block.get("ArrayProperties", {}).get("Size")
    attempts = block.get("RetryStrategy", {}).get("Attempts")
    return sending.aws("batch").submit_job(
        job_name=block.get("JobName"),
        job_queue=str(sending.to),
        job_definition=block.get("JobDefinition"),
        array_properties={"size": size} if size else None,
        retry_strategy={"attempts": attempts} if attempts else None,
        parameters=sending.members().get("Parameters"),
    )


def to_command(sending: Sending) -> Any:
    """Run Command, or an automation; the text is the document's parameters."""
    kind, _, name = sending.to.resource.partition("/")
    ssm, parameters = sending.aws("ssm", at_owner=True), sending.members() or None
    if kind == "automation-definition":
        return ssm.start_automation_execution(document_name=name.partition(":")[0], parameters=parameters)
    wanted = sending.block("RunCommandParameters").get("RunCommandTargets", ())
    return ssm.send_command(document_name=name, targets=[dict(one) for one in wanted], parameters=parameters)


def to_build(sending: Sending) -> Any:
    variables = sending.members().get("environmentVariablesOverride")
    return sending.aws("codebuild", at_owner=True).start_build(
        project_name=sending.to.resource.partition("/")[2], environment_variables_override=variables
    )


def to_pipeline(sending: Sending) -> Any:
    return sending.aws("codepipeline", at_owner=True).start_pipeline_execution(name=sending.to.resource)


def to_warehouse(sending: Sending) -> Any:
    block = sending.block("RedshiftDataParameters")
    return sending.aws("redshift-data", at_owner=True).execute_statement(
        cluster_identifier=sending.to.resource.rpartition(":")[2],
        database=block.get("Database"),
        db_user=block.get("DbUser"),
        secret_arn=block.get("SecretManagerArn"),
        sql=block.get("Sql"),
        statement_name=block.get("StatementName"),
        with_event=block.get("WithEvent"),
    )


WAYS: dict[str, Way] = {
    "batch": to_job,
    "codebuild": to_build,
    "codepipeline": to_pipeline,
    "ecs": to_tasks,
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


# Where nothing helps


MOST_RETRIES = 185
LONGEST = 86_400
LONGEST_DELAY = 600.0


def retry(policy: Mapping[str, int], tries: int, since: float, now: float) -> tuple[float, str]:
    """Seconds before the next try, and why there is none, if there is none (`tries` have been made again already).

    EventBridge User Guide, "How EventBridge retries delivering events": for a day, 185 times, later and later.
    """
    delay = min(2.0**tries, LONGEST_DELAY)
    if tries + 1 > policy.get("MaximumRetryAttempts", MOST_RETRIES):
        return delay, "MaximumRetryAttempts"
    if now + delay - since > policy.get("MaximumEventAgeInSeconds", LONGEST):
        return delay, "MaximumEventAgeInSeconds"
    return delay, ""


def bury(call: Call, queue: Arn, body: str, told: Mapping[str, str], principal: Principal) -> None:
    """Put a dead letter into a queue; raises the queue's fault."""
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items() if value}
    call.at(region=queue.region).aws("sqs", principal=principal).send_message(
        queue_url=f"{call.endpoint}/{queue.account}/{queue.resource}",
        message_body=body,
        message_attributes=attributes,
    )
