"""Anomaly detectors, which are kept: no anomalies are found."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Record, names

from . import faults, logs
from .groups import Group, check_tags, name_in

Members = dict[str, Any]


class Detector(Record, arn="anomaly-detector:{id}", cfn="AWS::Logs::LogAnomalyDetector", kw_only=True):
    """A detector of a group."""

    id: str
    groups: list[str]
    """ARNs."""
    name: str = ""
    frequency: str = ""
    pattern: str = ""
    key: str = ""
    visibility: int = 21
    """Days."""
    enabled: bool = True
    created: float
    modified: float
    tags: dict[str, str] = {}

    @classmethod
    def named(cls, call: Call, anomaly_detector_arn: str) -> Self:
        if found := cls.get(call, anomaly_detector_arn.rpartition(":")[2]):
            return found
        raise faults.missing("The specified anomaly detector does not exist.")


@logs.operation
def create_log_anomaly_detector(
    call: Call,
    log_group_arn_list: list[str],
    detector_name: str = "",
    evaluation_frequency: str = "FIVE_MIN",
    filter_pattern: str = "",
    kms_key_id: str = "",
    anomaly_visibility_time: int = 21,
    tags: dict[str, str] = {},
) -> Members:
    if len(log_group_arn_list) != 1:
        raise faults.invalid("Exactly one log group is allowed.")
    for arn in log_group_arn_list:
        Group.named(call, name_in(arn))
    check_tags(tags)
    found = Detector(
        id=names.uuid4(),
        groups=log_group_arn_list,
        name=detector_name,
        frequency=evaluation_frequency,
        pattern=filter_pattern,
        key=kms_key_id,
        visibility=anomaly_visibility_time,
        created=call.now,
        modified=call.now,
        tags=tags,
    ).put(call)
    return {"anomalyDetectorArn": found.arn(call)}


@logs.operation(on=Detector.named)
def update_log_anomaly_detector(
    call: Call,
    detector: Detector,
    enabled: bool,
    evaluation_frequency: str = "",
    filter_pattern: str | None = None,
    anomaly_visibility_time: int = 0,
) -> None:
    detector.enabled = enabled
    detector.frequency = evaluation_frequency or detector.frequency
    detector.pattern = detector.pattern if filter_pattern is None else filter_pattern
    detector.visibility = anomaly_visibility_time or detector.visibility
    detector.modified = call.now
    detector.put(call)


@logs.operation(on=Detector.named)
def get_log_anomaly_detector(call: Call, detector: Detector) -> Members:
    return described(detector)


@logs.operation
def list_log_anomaly_detectors(
    call: Call, filter_log_group_arn: str = "", limit: int = 50, next_token: str = ""
) -> Members:
    page = Detector.page(
        call, limit=limit, token=next_token, where=lambda one: filter_log_group_arn in ("", *one.groups)
    )
    return {
        "anomalyDetectors": [{"anomalyDetectorArn": one.arn(call)} | described(one) for one in page.items],
        "nextToken": page.token,
    }


@logs.operation(on=Detector.named)
def delete_log_anomaly_detector(call: Call, detector: Detector) -> None:
    detector.delete(call)


def described(one: Detector) -> Members:
    return {
        "detectorName": one.name or None,
        "logGroupArnList": one.groups,
        "evaluationFrequency": one.frequency,
        "filterPattern": one.pattern or None,
        "anomalyDetectorStatus": "INITIALIZING" if one.enabled else "PAUSED",
        "kmsKeyId": one.key or None,
        "creationTimeStamp": int(one.created * 1000),
        "lastModifiedTimeStamp": int(one.modified * 1000),
        "anomalyVisibilityTime": one.visibility,
    }
