"""Templates of CloudFormation by which Athena reads the flow logs in a bucket.

A table over the files as they are delivered, whose partitions Athena computes by itself (partition projection) in the
place of the function that AWS's templates load them with; a work group for the results, and questions to begin with.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import named

from .flow_log_formats import BASIC
from .flow_logs import BUCKET, FlowLog

NUMBERS = ("version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags", "traffic-path")
FIELD = re.compile(r"\$\{([\w-]+)\}")
UNITS = {"none": "DAYS", "daily": "DAYS", "weekly": "WEEKS", "monthly": "MONTHS"}
FORMATS = {"none": "yyyy/MM/dd", "daily": "yyyy/MM/dd", "weekly": "yyyy/MM/dd", "monthly": "yyyy/MM"}

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
PLAIN = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": " ", "serialization.format": " "},
    },
}

QUERIES = {
    "VpcFlowLogsAcceptedTraffic": ("action = 'ACCEPT'", ["action"], "start DESC"),
    "VpcFlowLogsRejectedTraffic": ("action = 'REJECT'", ["action"], "start DESC"),
    "VpcFlowLogsAdminPortTraffic": ("dstport IN (22, 3389)", ["dstport"], "start DESC"),
    "VpcFlowLogsTopTalkers": ("bytes IS NOT NULL", ["bytes"], "bytes DESC"),
}
"""Questions by their names: what has to hold, the fields that they need, and the order."""


@ec2.operation
async def get_flow_logs_integration_template(
    call: Call, flow_log_id: str, config_delivery_s3_destination_arn: str, integrate_services: Members
) -> Members:
    """Make a template for a flow log's files, and keep it in a bucket of the caller's."""
    with call.transaction():
        log = named(call, FlowLog, flow_log_id)
        if log.destination_type != BUCKET:
            raise Fault("InvalidParameterValue", f"The flow log {flow_log_id} does not publish to Amazon S3.")
        found = template(call, log, integrate_services.get("AthenaIntegrations", []))
    text = json.dumps(found, indent=2)
    bucket, key = _place(config_delivery_s3_destination_arn, "ConfigDeliveryS3DestinationArn")
    name = f"{key}VPCFlowLogsIntegrationTemplate/{flow_log_id}.json"
    try:
        await call.aws("s3").put_object(bucket=bucket, key=name, body=text.encode())
    except Fault as fault:
        raise Fault("InvalidParameterValue", f"Cannot write to the bucket {bucket}: {fault.message}") from None
    return {"Result": text}


def _place(arn: str, parameter: str) -> tuple[str, str]:
    """The bucket of an ARN, and the folder with its last slash, if there is one."""
    start, _, rest = arn.partition(":s3:::")
    bucket, _, folder = rest.partition("/")
    if not start.startswith("arn:") or not bucket:
        raise bad_value(parameter, arn)
    return bucket, f"{folder.strip('/')}/" if folder.strip("/") else ""


def template(call: Call, log: FlowLog, integrations: list[Members]) -> dict[str, Any]:
    """The template: a database, and for each integration a table, a work group and questions."""
    if not integrations:
        raise Fault("MissingParameter", "The request must contain the parameter AthenaIntegrations")
    resources: dict[str, Any] = {"VpcFlowLogsDatabase": _database(log)}
    for number, one in enumerate(integrations, 1):
        end = str(number) if len(integrations) > 1 else ""
        resources |= _integration(call, log, one, end)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Integration of the flow log {log.flow_log_id} with Amazon Athena",
        "Resources": resources,
    }


def _database(log: FlowLog) -> dict[str, Any]:
    return {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": _called(log, "database")}},
    }


def _called(log: FlowLog, what: str) -> str:
    return f"vpcflowlogsathena{what}{log.flow_log_id.replace('-', '')}"


def _integration(call: Call, log: FlowLog, asked: Members, end: str) -> dict[str, Any]:
    bucket, folder = _place(asked["IntegrationResultS3DestinationArn"], "IntegrationResultS3DestinationArn")
    table = _called(log, "table") + end
    group = f"{log.flow_log_id}workgroup{end}"
    made = {
        f"VpcFlowLogsTable{end}": {
            "Type": "AWS::Glue::Table",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseName": {"Ref": "VpcFlowLogsDatabase"},
                "TableInput": _table(call, log, asked, table),
            },
        },
        f"VpcFlowLogsWorkGroup{end}": {
            "Type": "AWS::Athena::WorkGroup",
            "Properties": {
                "Name": group,
                "WorkGroupConfiguration": {"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/{folder}"}},
            },
        },
    }
    fields = _fields(log)
    for name, (condition, needed, order) in QUERIES.items():
        if {*needed, order.split()[0]} <= {*fields}:
            made[name + end] = {
                "Type": "AWS::Athena::NamedQuery",
                "DependsOn": [f"VpcFlowLogsWorkGroup{end}", f"VpcFlowLogsTable{end}"],
                "Properties": {
                    "Database": {"Ref": "VpcFlowLogsDatabase"},
                    "Name": name + end,
                    "QueryString": f'SELECT * FROM "{table}" WHERE {condition} ORDER BY {order} LIMIT 100',
                    "WorkGroup": group,
                },
            }
    return made


def _fields(log: FlowLog) -> list[str]:
    return FIELD.findall(log.log_format) or BASIC


def _table(call: Call, log: FlowLog, asked: Members, name: str) -> dict[str, Any]:
    parquet = log.file_options.get("FileFormat") == "parquet"
    bucket, folder = _place(log.destination, "LogDestination")
    location = f"s3://{bucket}/{folder}AWSLogs/{call.account}/vpcflowlogs/{call.region}/"
    columns = [
        {"Name": field.replace("-", "_"), "Type": "bigint" if field in NUMBERS else "string"} for field in _fields(log)
    ]
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "date", "Type": "string"}],
        "Parameters": {"skip.header.line.count": "0" if parquet else "1", "EXTERNAL": "TRUE"}
        | _projection(call, log, asked, location),
        "StorageDescriptor": (PARQUET if parquet else PLAIN) | {"Columns": columns, "Location": location},
    }


def _projection(call: Call, log: FlowLog, asked: Members, location: str) -> dict[str, str]:
    """Where the files of each period are, from when the log began, or a request says, on."""
    frequency = asked["PartitionLoadFrequency"]
    first = datetime.fromtimestamp(asked.get("PartitionStartDate", log.created), UTC)
    pattern = FORMATS[frequency]
    written = "%Y/%m" if frequency == "monthly" else "%Y/%m/%d"
    end = asked.get("PartitionEndDate")
    last = datetime.fromtimestamp(end, UTC).strftime(written) if end else "NOW"
    return {
        "projection.enabled": "true",
        "projection.date.type": "date",
        "projection.date.format": pattern,
        "projection.date.interval": "1",
        "projection.date.interval.unit": UNITS[frequency],
        "projection.date.range": f"{first.strftime(written)},{last}",
        "storage.location.template": location + "${date}",
    }
