"""Event source mappings: which queue or stream a function is fed from, and how.

Developer Guide, "How Lambda processes records from stream and queue-based event sources". Left out: Kafka, MQ and
DocumentDB.
"""

from __future__ import annotations

import inspect
from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import destinations, faults, lambda_, reach, sealing
from .fleet import Fleet
from .qualifiers import Meant, parsed

Members = dict[str, Any]

QUEUE = {
    "BatchSize",
    "FilterCriteria",
    "FunctionResponseTypes",
    "KMSKeyArn",
    "MaximumBatchingWindowInSeconds",
    "MetricsConfig",
    "ProvisionedPollerConfig",
    "ScalingConfig",
}
STREAM = {
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "KMSKeyArn",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
}
FIXED = {"StartingPosition", "StartingPositionTimestamp"}
QUEUE_DEFAULTS = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []}
STREAM_DEFAULTS = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
MOST_FILTERS = 5
FEWEST_POLLERS, MOST_POLLERS = 2, 200
"""What provisioned mode has for a queue, unless it is said."""
SOURCES = {"sqs": "sqs", "kinesis": "kinesis", "dynamodb": "dynamodb"}
BUILDING = {"kafka", "mq", "rds"}


class Mapping(
    Record,
    arn="event-source-mapping:{id}",
    cfn="AWS::Lambda::EventSourceMapping",
    indexes={"function": ("function",), "source": ("source",)},
    kw_only=True,
):
    """A mapping as its owner configured it."""

    id: str
    function: str
    qualifier: str
    source: str
    """The ARN of the queue or stream."""
    settings: Members
    modified: float
    state: str = "Creating"
    enabled: bool = True
    result: str = ""
    """How the latest batch went."""
    tags: dict[str, str] = {}
    created: float = 0.0

    @property
    def service(self) -> str:
        return self.source.split(":")[2]

    def shown(self, call: Call) -> Members:
        suffix = f":{self.qualifier}" if self.qualifier else ""
        return {
            "UUID": self.id,
            "EventSourceMappingArn": self.arn(call),
            "EventSourceArn": self.source,
            "FunctionArn": call.arn(f"function:{self.function}{suffix}"),
            "LastModified": self.modified,
            "LastProcessingResult": self.result or ("No records processed" if self.service != "sqs" else None),
            "State": self.state,
            "StateTransitionReason": "USER_INITIATED" if self.service == "sqs" else "User action",
            **self.settings,
            **sealing.shown_filters(call, self.arn(call), self.settings),
        }

    @classmethod
    def by_id(cls, call: Call, uuid: str) -> Mapping:
        found = cls.get(call, uuid)
        if found is None:
            raise faults.none_such("The resource you requested does not exist.")
        return found


@lambda_.operation(honours=[*QUEUE, *STREAM, "EventSourceArn", "FunctionName", "Enabled", "Tags"])
def create_event_source_mapping(call: Call, request: Members) -> Members:
    """Feed a function from a queue or a stream."""
    source = request.get("EventSourceArn", "")
    service = source.split(":")[2] if source else ""
    if service not in SOURCES:
        if service in BUILDING or "SelfManagedEventSource" in request:
            raise Unfinished(f"Pileus does not feed functions from {service or 'such sources'} yet.")
        raise faults.invalid("Unrecognized event source.")
    given = parsed(request["FunctionName"])
    meant = Meant.by_name(call, request["FunctionName"])
    members = QUEUE if service == "sqs" else STREAM
    check_members(request, service)
    settings = (QUEUE_DEFAULTS if service == "sqs" else STREAM_DEFAULTS) | {
        member: request[member] for member in members & request.keys()
    }
    check(call, meant, source, settings)
    for other in Mapping.scan(call, source, index="source"):
        if other.function == meant.name and other.qualifier == given.qualifier:
            kind = {"sqs": "SQS queue", "kinesis": "Kinesis stream", "dynamodb": "DynamoDB stream"}[service]
            raise faults.conflict(
                f'An event source mapping with {kind} arn (" {source} ") and function (" {meant.name} ") already '
                f"exists. Please update or delete the existing mapping with UUID {other.id}"
            )
    mapping = Mapping(
        id=names.uuid4(),
        function=meant.name,
        qualifier=given.qualifier,
        source=source,
        settings=tidy(settings),
        modified=call.now,
        created=call.now,
        enabled=request.get("Enabled", True),
        tags=request.get("Tags", {}),
    )
    sealing.sealed_filters(call, mapping.arn(call), mapping.settings)
    settled.later(call, uuid=mapping.id)
    return mapping.put(call).shown(call)


def tidy(settings: Members) -> Members:
    """Settings as they are shown: without what says nothing."""
    found = {name: value for name, value in settings.items() if value is not None}
    if not {"Filters", "Sealed"} & {name for name, value in found.get("FilterCriteria", {}).items() if value}:
        found.pop("FilterCriteria", None)
    for name in ("KMSKeyArn", "ScalingConfig", "ProvisionedPollerConfig"):
        if not found.get(name):
            found.pop(name, None)
    if destination := found.get("DestinationConfig"):
        found["DestinationConfig"] = {"OnFailure": destination.get("OnFailure", {})}
    return found


def check_members(request: Members, service: str) -> None:
    if service != "sqs" and "ProvisionedPollerConfig" in request:
        raise faults.invalid("ProvisionedPollerConfig is not supported for this event source.")


def check_pollers(settings: Members) -> None:
    """Provisioned mode: at least so many pollers, at most so many, and nothing else that says how many batches."""
    if not (pollers := settings.get("ProvisionedPollerConfig")):
        return
    least, most = pollers_of(pollers)
    if least < FEWEST_POLLERS or most < least:
        raise faults.invalid(
            f"MinimumPollers must be at least {FEWEST_POLLERS}, and MaximumPollers not less than MinimumPollers."
        )
    if settings.get("ScalingConfig"):
        raise faults.invalid("MaximumConcurrency is not supported for event source mappings in provisioned mode.")


def pollers_of(config: Members) -> tuple[int, int]:
    least = config.get("MinimumPollers", FEWEST_POLLERS)
    return least, config.get("MaximumPollers", max(MOST_POLLERS, least))


def check(call: Call, meant: Meant, source: str, settings: Members) -> None:
    """Refuse what does not go together, and a source that the function's role cannot read."""
    service = source.split(":")[2]
    size, window = settings["BatchSize"], settings["MaximumBatchingWindowInSeconds"]
    if size > 10 and window < 1 and service == "sqs":
        raise faults.invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    if source.endswith(".fifo"):
        if size > 10:
            raise faults.invalid("Batch size must be at most 10 for a FIFO queue")
        if window:
            raise faults.invalid("Batching window is not supported for FIFO queues.")
    if service == "dynamodb" and size > 10_000:
        raise faults.invalid("Batch size must be at most 10000")
    if service != "sqs" and "StartingPosition" not in settings:
        raise faults.invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if settings.get("StartingPosition") == "AT_TIMESTAMP" and service != "kinesis":
        raise faults.invalid("Unsupported starting position for event source type: AT_TIMESTAMP")
    if (settings.get("StartingPosition") == "AT_TIMESTAMP") != ("StartingPositionTimestamp" in settings):
        raise faults.invalid("StartingPositionTimestamp is required for the position AT_TIMESTAMP, and only for that.")
    check_filters(settings.get("FilterCriteria", {}).get("Filters", []))
    check_pollers(settings)
    if destination := settings.get("DestinationConfig"):
        destinations.check(destination)
    if service == "sqs":
        check_queue(call, meant, source)
    else:
        check_stream(call, meant, source)


def check_filters(filters: list[dict[str, str]]) -> None:
    from pileus.kernel.patterns import InvalidPattern, parse  # few calls have filters, and every one waits for imports

    if len(filters) > MOST_FILTERS:
        raise faults.invalid("The number of filters exceeds the limit of 5.")
    for each in filters:
        try:
            parse(each.get("Pattern", ""))
        except InvalidPattern as error:
            raise faults.invalid(f"Invalid filter pattern definition: {error}") from None


def check_queue(call: Call, meant: Meant, source: str) -> None:
    """The function's role must reach the queue, whose visibility timeout must leave the function its time."""
    principal = call.cloud.engine(Fleet).session(call, meant.version).principal
    account, name = source.split(":")[4:6]
    try:
        answer = call.aws("sqs", principal=principal).get_queue_attributes(
            queue_url=call.url(f"{account}/{name}"), attribute_names=["VisibilityTimeout", "Policy"]
        )
    except Fault as fault:
        if "NonExistent" in fault.code or fault.code == "QueueDoesNotExist":
            raise faults.invalid(
                f"Error occurred while ReceiveMessage. SQS Error Code: {fault.code}. SQS Error Message: {fault.message}"
            ) from None
        raise faults.invalid(
            "The function execution role does not have permissions to call ReceiveMessage on SQS"
        ) from None
    for action in ("ReceiveMessage", "DeleteMessage"):
        reach.check(call, principal, action, source, answer["Attributes"].get("Policy", ""))
    visibility, timeout = int(answer["Attributes"]["VisibilityTimeout"]), meant.version.settings["Timeout"]
    if visibility < timeout:
        raise faults.invalid(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )


def check_stream(call: Call, meant: Meant, source: str) -> None:
    """There must be such a stream, or such a consumer of one, and the function's role must reach it."""
    principal = call.cloud.engine(Fleet).session(call, meant.version).principal
    kinesis = call.aws("kinesis", principal=principal)
    try:
        if source.split(":")[2] == "dynamodb":
            found = call.aws("dynamodbstreams", principal=principal).describe_stream(stream_arn=source)
        elif "/consumer/" in source:
            found = kinesis.describe_stream_consumer(consumer_arn=source)
        else:
            found = kinesis.describe_stream(stream_arn=source)
        assert not inspect.isawaitable(found)
    except Fault as fault:
        if fault.code == "ResourceNotFoundException":
            raise faults.invalid(f"Stream not found: {source}") from None
        raise faults.invalid(
            f"Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, "
            "DescribeStream, ListShards, and ListStreams Actions on your stream in IAM."
        ) from None


@lambda_.operation(on=Mapping.by_id)
def get_event_source_mapping(call: Call, mapping: Mapping) -> Members:
    return mapping.shown(call)


@lambda_.operation
def list_event_source_mappings(
    call: Call, event_source_arn: str = "", function_name: str = "", marker: str = "", max_items: int = 100
) -> Members:
    """The account's mappings, or those of a function or a source."""
    given = parsed(function_name) if function_name else None
    if given:
        Meant.by_name(call, function_name)
    where: dict[str, Any] = {"limit": min(max_items, 100), "token": marker}
    if event_source_arn:
        found = Mapping.page(
            call,
            event_source_arn,
            index="source",
            where=lambda each: given is None or each.function == given.name,
            **where,
        )
    elif given:
        found = Mapping.page(call, given.name, index="function", **where)
    else:
        found = Mapping.page(call, **where)
    return {"EventSourceMappings": [mapping.shown(call) for mapping in found.items], "NextMarker": found.token}


@lambda_.operation(on=Mapping.by_id, honours=[*QUEUE, *(STREAM - FIXED), "FunctionName", "Enabled"])
def update_event_source_mapping(call: Call, mapping: Mapping, request: Members) -> Members:
    """Change what is given; it takes effect with the next batch."""
    members = (QUEUE if mapping.service == "sqs" else STREAM) - FIXED
    check_members(request, mapping.service)
    held = mapping.settings
    if "KMSKeyArn" in request and "FilterCriteria" not in request:
        held = held | {"FilterCriteria": sealing.opened_filters(call, mapping.arn(call), held)}
    settings = held | {member: request[member] for member in members & request.keys()}
    if name := request.get("FunctionName"):
        mapping.function, mapping.qualifier = parsed(name).name, parsed(name).qualifier
    meant = Meant.of(call, mapping.function, mapping.qualifier)
    check(call, meant, mapping.source, settings)
    mapping.settings = tidy(settings)
    if {"KMSKeyArn", "FilterCriteria"} & request.keys():
        sealing.sealed_filters(call, mapping.arn(call), mapping.settings)
    mapping.enabled = request.get("Enabled", mapping.enabled)
    mapping.state = "Updating" if mapping.enabled else "Disabling"
    mapping.modified = call.now
    settled.later(call, uuid=mapping.id)
    return mapping.put(call).shown(call)


@lambda_.operation(on=Mapping.by_id)
def delete_event_source_mapping(call: Call, mapping: Mapping) -> Members:
    """Delete a mapping. A batch that is being worked on is finished."""
    mapping.state = "Deleting"
    settled.later(call, uuid=mapping.id)
    return mapping.put(call).shown(call)


@lambda_.task
def settled(call: Call, uuid: str) -> None:
    """A change takes effect."""
    from .polling import poll

    mapping = Mapping.get(call, uuid)
    if mapping is None:
        return
    if mapping.state == "Deleting":
        poll.end(call, uuid=uuid)
        forget(call, mapping)
        return
    mapping.state = "Enabled" if mapping.enabled else "Disabled"
    mapping.put(call)
    if mapping.enabled:
        poll.begin(call, uuid=uuid)
        call.wake(("mapping", uuid))
    else:
        poll.end(call, uuid=uuid)


class Checkpoint(Record, key=("mapping", "shard"), kw_only=True):
    """Up to where a stream's shard has been handled."""

    mapping: str
    shard: str
    sequence: str = ""
    begin: str = ""
    """The first record that was read, as long as none has been handled."""
    tries: int = 0
    """How often the batch after it has failed."""
    size: int = 0
    """How many records are tried together, where a batch has been split."""
    window: float = 0.0
    """The start of the tumbling window that is open."""
    window_state: Members = {}
    done: bool = False
    """The shard has ended, and all of it has been handled."""


def forget(call: Call, mapping: Mapping) -> None:
    mapping.delete(call)
    for checkpoint in list(Checkpoint.scan(call, mapping.id)):
        checkpoint.delete(call)
