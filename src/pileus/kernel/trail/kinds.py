"""What the events of an operation are like: whose they are, management or data, reading or writing.

CloudTrail User Guide, "Logging data events"; each service's own guide says which of its operations are data events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import resources, secrets

if TYPE_CHECKING:
    from pileus.kernel.operation import Bound
    from pileus.models import Model


class Kind:
    """What is the same in all events of one operation."""

    __slots__ = (
        "data",
        "marks",
        "name",
        "operation",
        "places",
        "read_only",
        "request_secrets",
        "response_secrets",
        "service",
        "silent",
        "source",
        "tells",
    )

    def __init__(self, bound: Bound) -> None:
        service, name, model = bound.service.name, bound.name, bound.model
        self.service = service
        self.name = name
        self.operation = model
        self.source = source_of(model.model)
        """`sqs.amazonaws.com`"""
        self.read_only = name.startswith(READING) or name in READ_ONLY.get(service, ())
        self.data = next((kind for kind, names in DATA.get(service, {}).items() if name in names.split()), "")
        """The type of resource of a data event; empty for a management event."""
        self.tells = service == "sts" or not (self.read_only or self.data)
        """Whether events tell what was answered: what was changed, and to whom credentials were given."""
        self.request_secrets = secrets.tree(service, model.input)
        self.response_secrets = secrets.tree(service, model.output) if self.tells else None
        self.silent = service in secrets.SILENT
        """Whether secrets leave no trace."""
        self.places = resources.places(bound)
        """The members of requests that name resources."""
        self.marks = (
            ("EventName", name),
            ("EventSource", self.source),
            ("ReadOnly", "true" if self.read_only else "false"),
        )


_OBJECTS = """AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload DeleteObject DeleteObjects
    DeleteObjectTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention
    GetObjectTagging GetObjectTorrent HeadBucket HeadObject ListMultipartUploads ListObjects ListObjectsV2
    ListObjectVersions ListParts PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging
    RenameObject RestoreObject SelectObjectContent UploadPart UploadPartCopy"""
_MESSAGES = """ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes
    GetQueueUrl ListDeadLetterSourceQueues ListQueues ListQueueTags ReceiveMessage SendMessage SendMessageBatch"""
_ITEMS = """BatchExecuteStatement BatchGetItem BatchWriteItem DeleteItem ExecuteStatement ExecuteTransaction GetItem
    PutItem Query Scan TransactGetItems TransactWriteItems UpdateItem"""

DATA = {
    "cloudwatch": {"AWS::CloudWatch::Metric": "GetMetricData GetMetricStatistics GetMetricWidgetImage PutMetricData"},
    "dynamodb": {"AWS::DynamoDB::Table": _ITEMS},
    "dynamodbstreams": {"AWS::DynamoDB::Stream": "GetRecords GetShardIterator"},
    "events": {"AWS::Events::EventBus": "PutEvents"},
    "firehose": {"AWS::KinesisFirehose::DeliveryStream": "PutRecord PutRecordBatch"},
    "kinesis": {"AWS::Kinesis::Stream": "GetRecords GetShardIterator PutRecord PutRecords SubscribeToShard"},
    "lambda": {"AWS::Lambda::Function": "Invoke InvokeAsync InvokeWithResponseStream"},
    "logs": {"AWS::Logs::LogGroupAuthorization": "PutLogEvents"},
    "s3": {"AWS::S3::Object": _OBJECTS},
    "sns": {"AWS::SNS::Topic": "Publish PublishBatch"},
    "sqs": {"AWS::SQS::Queue": _MESSAGES},
    "ssmmessages": {"AWS::SSMMessages::ControlChannel": "CreateControlChannel OpenControlChannel"},
    "xray": {"AWS::XRay::Trace": "GetTraceSummaries PutTraceSegments"},
}

_READING = """Get List Describe Head Lookup Search Select BatchGet Query Scan Check Test Validate Simulate Preview View
    Estimate Discover Filter Receive Decode TransactGet BatchDescribe BatchCheck"""
READING = tuple(_READING.split())

_CIPHERS = """Decrypt DeriveSharedSecret Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext
    GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom ReEncrypt Sign Verify VerifyMac"""

READ_ONLY: dict[str, frozenset[str]] = {
    "kms": frozenset(_CIPHERS.split()),
    "sts": frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot"}),
    "logs": frozenset({"StartQuery", "StopQuery", "StartLiveTail"}),
}
"""What CloudTrail takes for reading, against its name."""


def source_of(model: Model) -> str:
    """The event source, which is the service's name where signatures have it."""
    name = model.metadata.get("signingName") or model.metadata["endpointPrefix"]
    return f"{name.lower()}.amazonaws.com"
