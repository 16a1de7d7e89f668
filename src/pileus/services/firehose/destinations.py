"""Where a stream leads: what a request says of it, with AWS's defaults, and what of it is told again."""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel.errors import Unfinished

from . import prefixes
from .faults import bad_argument

S3, EXTENDED, HTTP = "S3", "ExtendedS3", "HttpEndpoint"
SPLUNK, OPENSEARCH = "Splunk", "Amazonopensearchservice"
OUTSIDE = (HTTP, SPLUNK, OPENSEARCH)
"""What is outside of the cloud, and is spoken to by HTTP."""
BUILT = (S3, EXTENDED, *OUTSIDE)

OTHERS = ("Redshift", "Elasticsearch", "AmazonOpenSearchServerless", "Iceberg", "Snowflake")

PLAIN_S3: dict[str, Any] = {
    "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
    "CompressionFormat": "UNCOMPRESSED",
    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    "CloudWatchLoggingOptions": {"Enabled": False},
}
PLAIN: dict[str, dict[str, Any]] = {
    S3: PLAIN_S3,
    EXTENDED: PLAIN_S3 | {"S3BackupMode": "Disabled"},
    HTTP: {
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CloudWatchLoggingOptions": {"Enabled": False},
        "RetryOptions": {"DurationInSeconds": 300},
        "S3BackupMode": "FailedDataOnly",
        "RequestConfiguration": {"ContentEncoding": "NONE"},
    },
    SPLUNK: {
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 60},
        "CloudWatchLoggingOptions": {"Enabled": False},
        "HECAcknowledgmentTimeoutInSeconds": 180,
        "RetryOptions": {"DurationInSeconds": 3600},
        "S3BackupMode": "FailedEventsOnly",
    },
    OPENSEARCH: {
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CloudWatchLoggingOptions": {"Enabled": False},
        "IndexRotationPeriod": "OneDay",
        "RetryOptions": {"DurationInSeconds": 300},
        "S3BackupMode": "FailedDocumentsOnly",
    },
}
EVERYTHING = ("AllData", "AllEvents", "AllDocuments")
"""As destinations outside say it: that all goes to S3 too."""
NESTED = {"S3BackupConfiguration": "S3BackupDescription", "S3Configuration": "S3DestinationDescription"}
"""Members of a configuration that hold a plain S3 destination, and what they are called when they are told."""


class Destination(msgspec.Struct):
    kind: str
    settings: dict[str, Any]
    """As it was configured, in wire names."""

    @property
    def bucket(self) -> dict[str, Any]:
        """The S3 destination: of an endpoint, the one for what fails."""
        found: dict[str, Any] = self.settings["S3Configuration"] if self.kind in OUTSIDE else self.settings
        return found

    @property
    def backup(self) -> dict[str, Any] | None:
        """Where all records go as they came, if they are to."""
        if self.kind in OUTSIDE:
            return self.bucket if self.settings["S3BackupMode"] in EVERYTHING else None
        return self.settings.get("S3BackupConfiguration") if self.settings.get("S3BackupMode") == "Enabled" else None

    @property
    def hints(self) -> dict[str, int]:
        found: dict[str, int] = self.settings["BufferingHints"]
        return found

    def processors(self) -> list[dict[str, Any]]:
        configuration = self.settings.get("ProcessingConfiguration", {})
        return list(configuration.get("Processors", ())) if configuration.get("Enabled") else []

    def processor(self, kind: str) -> dict[str, str] | None:
        """The parameters of the processor of that type, if there is one."""
        for one in self.processors():
            if one["Type"] == kind:
                return {each["ParameterName"]: each["ParameterValue"] for each in one.get("Parameters", ())}
        return None

    @property
    def partitioned(self) -> bool:
        return bool(self.settings.get("DynamicPartitioningConfiguration", {}).get("Enabled"))


def chosen(request: dict[str, Any]) -> Destination:
    """The destination of a new stream; there must be one, and only one."""
    for kind in OTHERS:
        if f"{kind}DestinationConfiguration" in request:
            raise Unfinished(f"Pileus does not deliver to {kind} yet.")
    given = [kind for kind in BUILT if f"{kind}DestinationConfiguration" in request]
    if len(given) != 1:
        raise bad_argument("Exactly one destination configuration is supported for a Firehose")
    kind = given[0]
    return checked(Destination(kind, filled(kind, request[f"{kind}DestinationConfiguration"])))


def filled(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    settings = dict(PLAIN[kind])
    for name, value in given.items():
        if name in NESTED:
            settings[name] = filled(S3, value)
        elif name == "BufferingHints":
            settings[name] = settings[name] | value
        else:
            settings[name] = value
    return settings


def updated(destination: Destination, request: dict[str, Any]) -> Destination:
    """The destination with the members that an update gives; it stays of its kind."""
    given = [kind for kind in BUILT if f"{kind}DestinationUpdate" in request]
    same = {S3: EXTENDED, EXTENDED: S3}
    if len(given) != 1 or destination.kind not in (given[0], same.get(given[0])):
        raise bad_argument("The update must be of the kind of destination that the stream has")
    settings = dict(destination.settings)
    for name, value in request[f"{given[0]}DestinationUpdate"].items():
        name = {"S3BackupUpdate": "S3BackupConfiguration", "S3Update": "S3Configuration"}.get(name, name)
        inner = isinstance(value, dict) and isinstance(settings.get(name), dict)
        settings[name] = settings[name] | value if inner else value
    kind = EXTENDED if EXTENDED in (destination.kind, given[0]) else destination.kind
    return checked(Destination(kind, PLAIN[kind] | settings))


def described(destination: Destination) -> dict[str, Any]:
    """As DescribeDeliveryStream tells it: secrets left out, and every S3 destination in its plain form too."""
    told: dict[str, Any] = {}
    for name, value in destination.settings.items():
        if name == "EndpointConfiguration":
            told[name] = {key: text for key, text in value.items() if key != "AccessKey"}
        else:
            told[NESTED.get(name, name)] = value
    if destination.kind in OUTSIDE:
        return {f"{destination.kind}DestinationDescription": told}
    plain = {
        name: value
        for name, value in told.items()
        if name in ("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix") or name in PLAIN_S3
    }
    return {"S3DestinationDescription": plain, "ExtendedS3DestinationDescription": PLAIN[EXTENDED] | told}


# Checks


def checked(destination: Destination) -> Destination:
    settings = destination.settings
    if settings.get("DataFormatConversionConfiguration", {}).get(
        "Enabled", "DataFormatConversionConfiguration" in settings
    ):
        raise Unfinished("Pileus does not convert formats yet: it has no catalogue of schemas.")
    if destination.kind in OUTSIDE:
        check_outside(destination)
    else:
        check_names(settings, partitioned=destination.partitioned)
    if destination.partitioned:
        check_partitions(destination)
    if settings.get("S3BackupMode") == "Enabled" and "S3BackupConfiguration" not in settings:
        raise bad_argument("S3BackupConfiguration is required when S3BackupMode is Enabled.")
    if (function := destination.processor("Lambda")) and not function.get("LambdaArn", "").startswith("arn:"):
        raise bad_argument("The processor Lambda needs the parameter LambdaArn.")
    return destination


def check_outside(destination: Destination) -> None:
    settings = destination.settings
    if "S3Configuration" not in settings:
        raise bad_argument("S3Configuration is required.")
    check_names(settings["S3Configuration"], partitioned=False)
    if destination.kind == OPENSEARCH and "DomainARN" in settings:
        raise Unfinished("Pileus has no OpenSearch domains yet: name a cluster by ClusterEndpoint.")
    address = {
        HTTP: settings.get("EndpointConfiguration", {}).get("Url", ""),
        SPLUNK: settings.get("HECEndpoint", ""),
        OPENSEARCH: settings.get("ClusterEndpoint", ""),
    }[destination.kind]
    if not address.startswith(("https://", "http://")):
        raise bad_argument("The Url of an endpoint must begin with https:// or http://.")
    from_secret = settings.get("SecretsManagerConfiguration", {}).get("Enabled")
    if destination.kind == SPLUNK and not settings.get("HECToken") and not from_secret:
        raise bad_argument("HECToken is required, or a secret that has it.")


def check_names(settings: dict[str, Any], *, partitioned: bool) -> None:
    prefix, errors = settings.get("Prefix", ""), settings.get("ErrorOutputPrefix", "")
    for text in (prefix, errors):
        prefixes.check(text)
    if prefixes.has_expressions(prefix) and not errors:
        raise bad_argument("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions.")
    if "error-output-type" in prefix:
        raise bad_argument("Prefix cannot contain firehose:error-output-type.")
    if "partitionKeyFrom" in errors:
        raise bad_argument("ErrorOutputPrefix cannot contain partition keys.")
    if ("partitionKeyFrom" in prefix) != partitioned:
        raise bad_argument(
            "Partition keys in the prefix need dynamic partitioning, and dynamic partitioning needs them there."
        )


def check_partitions(destination: Destination) -> None:
    if destination.hints["SizeInMBs"] < 64:
        raise bad_argument("BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled.")
    prefix = destination.settings.get("Prefix", "")
    queries = destination.processor("MetadataExtraction")
    if "partitionKeyFromQuery" in prefix and not queries:
        raise bad_argument("MetadataExtraction processor should be present when Prefix has partitionKeyFromQuery.")
    if "partitionKeyFromLambda" in prefix and not destination.processor("Lambda"):
        raise bad_argument("Lambda processor should be present when Prefix has partitionKeyFromLambda.")
    if queries and queries.get("JsonParsingEngine") != "JQ-1.6":
        raise bad_argument("JsonParsingEngine must be JQ-1.6.")
