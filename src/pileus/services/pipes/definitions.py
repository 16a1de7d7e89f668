"""Pipes: create, change, start, stop, delete. What they are asked to be, a task makes them."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Arn, Call, Fault, Record, Unfinished, arn, identity, jsonpath, log_delivery, names, roles
from pileus.kernel import tags as tagging
from pileus.kernel.patterns import InvalidPattern, parse
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tagging import declare

from . import pipes

PER_PAGE = 100
RUNNING, STOPPED = "RUNNING", "STOPPED"
SOURCES = {
    "sqs": "SqsQueueParameters",
    "kinesis": "KinesisStreamParameters",
    "dynamodb": "DynamoDBStreamParameters",
}
UNBUILT = ("ActiveMQBrokerParameters", "RabbitMQBrokerParameters", "ManagedStreamingKafkaParameters")
LEVELS = ("OFF", "ERROR", "INFO", "TRACE")
Members = dict[str, Any]


def validation(message: str) -> Fault:
    return Fault("ValidationException", message)


@resource_type(
    pipes,
    "Name",
    create="CreatePipe",
    read="DescribePipe",
    update="UpdatePipe",
    list="ListPipes",
    delete="DeletePipe",
    missing="NotFoundException",
)
class Pipe(Record, arn="pipe/{name}", cfn="AWS::Pipes::Pipe", kw_only=True):
    name: str
    source: str
    target: str
    role: str
    source_parameters: Members
    enrichment: str = ""
    enrichment_parameters: Members = {}
    target_parameters: Members = {}
    description: str = ""
    desired: str = RUNNING
    state: str = "CREATING"
    reason: str = ""
    logs: Members = {}
    key: str = ""
    course: str = ""
    """Of its present run: what an earlier one read is another's affair."""
    tags: dict[str, str] = {}
    created: float
    modified: float

    @classmethod
    def named(cls, call: Call, name: str) -> Self:
        found = cls.get(call, name)
        if found is None:
            raise Fault("NotFoundException", f"Pipe {name} does not exist.")
        return found

    @property
    def kind(self) -> str:
        return arn.parse(self.source).service

    @property
    def settings(self) -> Members:
        """The block of parameters of its source."""
        found: Members = self.source_parameters.get(SOURCES[self.kind], {})
        return found

    def answer(self, call: Call) -> Members:
        return {
            "Arn": self.arn(call),
            "Name": self.name,
            "DesiredState": self.desired,
            "CurrentState": self.state,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }


# Checks


def parsed(text: str, parameter: str) -> Arn:
    try:
        return arn.parse(text)
    except ValueError:
        raise validation(f"{parameter} is not a valid ARN: {text}") from None


def check(call: Call, pipe: Pipe) -> None:
    source = parsed(pipe.source, "Source") if not pipe.source.startswith("smk://") else None
    if source and source.service not in (*SOURCES, "kafka", "mq"):
        raise validation(f"The source is not supported: {pipe.source}")
    if source is None or source.service not in SOURCES or any(name in pipe.source_parameters for name in UNBUILT):
        raise Unfinished(f"Pileus does not implement pipes from {pipe.source} yet.")
    if source.service != "sqs" and "StartingPosition" not in pipe.settings:
        raise validation(f"{SOURCES[source.service]} with a StartingPosition are required for the source.")
    for place in (pipe.enrichment, pipe.target):
        to = parsed(place, "Target") if place else None
        if to and to.service == "execute-api":
            raise Unfinished(f"Pileus does not implement pipes to {place} yet.")
    for pattern in filters(pipe):
        try:
            parse(pattern)
        except InvalidPattern as error:
            raise validation(f"Filter pattern is not valid. Reason: {error}") from None
    check_paths(pipe.target_parameters)
    check_logs(call, pipe)
    service = identity.service("pipes.amazonaws.com", source_account=call.account)
    try:
        roles.taken_on(call, pipe.role, "check", service)
    except Fault:
        raise validation("Pipes is not authorized to assume the role provided.") from None


def check_logs(call: Call, pipe: Pipe) -> None:
    """Raise for logs in a format that there is not yet; let delivery write to where they go."""
    form = pipe.logs.get("S3LogDestination", {}).get("OutputFormat", "json")
    if form != "json":
        raise validation(f"OutputFormat {form} is not supported. The supported format is json.")
    from .logs import places

    for destination in places(call, pipe):
        log_delivery.admit(call, destination)


def check_paths(parameters: Members) -> None:
    for value in parameters.values():
        if isinstance(value, dict):
            check_paths(value)
        elif isinstance(value, str) and value.startswith("$."):
            try:
                jsonpath.parse(value)
            except ValueError:
                raise validation(f"{value} is not a valid JSON path.") from None


def filters(pipe: Pipe) -> list[str]:
    criteria = pipe.source_parameters.get("FilterCriteria") or {}
    return [one["Pattern"] for one in criteria.get("Filters") or () if one.get("Pattern")]


# Operations


@pipes.operation
def create_pipe(
    call: Call,
    name: str,
    source: str,
    target: str,
    role_arn: str,
    description: str = "",
    desired_state: str = RUNNING,
    source_parameters: Members = {},
    enrichment: str = "",
    enrichment_parameters: Members = {},
    target_parameters: Members = {},
    tags: dict[str, str] = {},
    log_configuration: Members = {},
    kms_key_identifier: str = "",
) -> Members:
    if Pipe.get(call, name):
        raise Fault("ConflictException", f"Pipe {name} already exists.", resourceId=name, resourceType="Pipe")
    tagging.check(tags)
    pipe = Pipe(
        name=name,
        source=source,
        target=target,
        role=role_arn,
        source_parameters=source_parameters,
        enrichment=enrichment,
        enrichment_parameters=enrichment_parameters,
        target_parameters=target_parameters,
        description=description,
        desired=desired_state,
        logs=log_configuration,
        key=kms_key_identifier,
        tags=tags,
        created=call.now,
        modified=call.now,
    )
    check(call, pipe)
    pipe.put(call)
    settle.later(call, name=name)
    return pipe.answer(call)


@pipes.operation(on=Pipe.named)
def update_pipe(
    call: Call,
    pipe: Pipe,
    role_arn: str,
    description: str | None = None,
    desired_state: str = "",
    source_parameters: Members | None = None,
    enrichment: str | None = None,
    enrichment_parameters: Members | None = None,
    target: str = "",
    target_parameters: Members | None = None,
    log_configuration: Members | None = None,
    kms_key_identifier: str | None = None,
) -> Members:
    """Change what is given; what is left out stays. A running pipe begins anew, from where it was."""
    check_steady(pipe)
    pipe.role = role_arn
    if source_parameters is not None:
        block = SOURCES[pipe.kind]
        merged = pipe.settings | source_parameters.get(block, {})
        pipe.source_parameters = pipe.source_parameters | source_parameters | ({block: merged} if merged else {})
    given = {
        "description": description,
        "enrichment": enrichment,
        "enrichment_parameters": enrichment_parameters,
        "target_parameters": target_parameters,
        "logs": log_configuration,
        "key": kms_key_identifier,
        "target": target or None,
        "desired": desired_state or None,
    }
    for field, value in given.items():
        if value is not None:
            setattr(pipe, field, value)
    check(call, pipe)
    change(call, pipe, "UPDATING")
    return pipe.answer(call)


def check_steady(pipe: Pipe) -> None:
    if pipe.state.endswith("ING") and pipe.state != RUNNING:
        words = f"Pipe {pipe.name} is {pipe.state} and cannot be changed now."
        raise Fault("ConflictException", words, resourceId=pipe.name, resourceType="Pipe")


def change(call: Call, pipe: Pipe, state: str) -> None:
    """Make a pipe be what it should be."""
    pipe.state, pipe.modified = state, call.now
    pipe.put(call)
    settle.later(call, name=pipe.name)


@pipes.operation(on=Pipe.named)
def start_pipe(call: Call, pipe: Pipe) -> Members:
    check_steady(pipe)
    pipe.desired = RUNNING
    change(call, pipe, "STARTING")
    return pipe.answer(call)


@pipes.operation(on=Pipe.named)
def stop_pipe(call: Call, pipe: Pipe) -> Members:
    check_steady(pipe)
    pipe.desired = STOPPED
    change(call, pipe, "STOPPING")
    return pipe.answer(call)


@pipes.operation(on=Pipe.named)
def delete_pipe(call: Call, pipe: Pipe) -> Members:
    pipe.desired = "DELETED"
    change(call, pipe, "DELETING")
    return pipe.answer(call)


@pipes.task
def settle(call: Call, name: str) -> None:
    """Bring a pipe to its desired state."""
    from .flowing import Checkpoint, flow

    pipe = Pipe.get(call, name)
    if pipe is None:
        return
    if pipe.course:
        flow.end(call, name=name, course=pipe.course)
        pipe.course = ""
    if pipe.desired == "DELETED":
        pipe.delete(call)
        Checkpoint.delete_all(call, name)
        return
    if pipe.desired == RUNNING:
        pipe.course = names.token(12)
        flow.begin(call, name=name, course=pipe.course)
    pipe.state = pipe.desired
    pipe.put(call)


@pipes.operation(on=Pipe.named)
def describe_pipe(call: Call, pipe: Pipe) -> Members:
    return pipe.answer(call) | {
        "Description": pipe.description or None,
        "StateReason": pipe.reason or None,
        "Source": pipe.source,
        "SourceParameters": with_defaults(pipe),
        "Enrichment": pipe.enrichment or None,
        "EnrichmentParameters": pipe.enrichment_parameters or None,
        "Target": pipe.target,
        "TargetParameters": pipe.target_parameters or None,
        "RoleArn": pipe.role,
        "Tags": pipe.tags,
        "LogConfiguration": pipe.logs or None,
        "KmsKeyIdentifier": pipe.key or None,
    }


def with_defaults(pipe: Pipe) -> Members:
    defaults: Members = {"BatchSize": 10} if pipe.kind == "sqs" else {"BatchSize": 100, "MaximumRetryAttempts": -1}
    return pipe.source_parameters | {SOURCES[pipe.kind]: defaults | pipe.settings}


@pipes.operation
def list_pipes(
    call: Call,
    name_prefix: str = "",
    desired_state: str = "",
    current_state: str = "",
    source_prefix: str = "",
    target_prefix: str = "",
    next_token: str = "",
    limit: int = PER_PAGE,
) -> Members:
    page = Pipe.page(
        call,
        limit=limit,
        token=next_token,
        since=(name_prefix,),
        before=(name_prefix + "\U0010ffff",),
        where=lambda one: (
            desired_state in ("", one.desired)
            and current_state in ("", one.state)
            and one.source.startswith(source_prefix)
            and one.target.startswith(target_prefix)
        ),
    )
    found = [
        one.answer(call) | {"Source": one.source, "Target": one.target, "Enrichment": one.enrichment or None}
        for one in page.items
    ]
    return {"Pipes": found, "NextToken": page.token}


# Tags


def of(call: Call, resource_arn: str) -> Pipe:
    return Pipe.named(call, parsed(resource_arn, "resourceArn").resource.partition("/")[2])


declare(pipes, of)
