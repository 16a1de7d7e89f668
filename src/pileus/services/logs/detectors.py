"""Anomaly detectors: what is unusual in a group is looked for as often as they say (see `detecting`)."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Record, names

from . import anomalies, detecting, faults, logs, patterns
from .groups import Group, check_key, check_tags, name_in, standard

MINUTE = 60_000
PERIODS = {
    "ONE_MIN": MINUTE,
    "FIVE_MIN": 5 * MINUTE,
    "TEN_MIN": 10 * MINUTE,
    "FIFTEEN_MIN": 15 * MINUTE,
    "THIRTY_MIN": 30 * MINUTE,
    "ONE_HOUR": 60 * MINUTE,
}
MOST_DETECTORS = 500

Members = dict[str, Any]


class Detector(
    Record,
    arn="anomaly-detector:{id}",
    cfn="AWS::Logs::LogAnomalyDetector",
    indexes={"by_group": ("box", "id")},
    kw_only=True,
):
    """A detector of a group."""

    id: str
    box: str
    """The identifier of its group, which tells it from later ones of that name."""
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
    seen: int = 0
    """Up to when it has looked at events, in milliseconds; 0 before it has been trained."""
    waiting: bool = False
    """Whether a task will look for more."""

    @property
    def period(self) -> int:
        """Milliseconds from one look to the next."""
        return PERIODS[self.frequency]

    def status(self, call: Call) -> str:
        if not self.enabled:
            return "PAUSED"
        if (group := Group.get(call, name_in(self.groups[0]))) is None or group.id != self.box:
            return "DELETED"
        return "ANALYZING" if self.seen else "TRAINING"

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
    group = standard(Group.named(call, name_in(log_group_arn_list[0])))
    if sum(1 for _ in Detector.scan(call, limit=MOST_DETECTORS)) >= MOST_DETECTORS:
        raise faults.limit(f"An account can have up to {MOST_DETECTORS} anomaly detectors.")
    check_tags(tags)
    check_key(call, kms_key_id)
    if filter_pattern:
        patterns.compiled(filter_pattern)
    found = Detector(
        id=names.uuid4(),
        box=group.id,
        groups=log_group_arn_list,
        name=detector_name,
        frequency=evaluation_frequency,
        pattern=filter_pattern,
        key=kms_key_id,
        visibility=anomaly_visibility_time,
        created=call.now,
        modified=call.now,
        tags=tags,
        waiting=True,
    ).put(call)
    group.detectors += 1
    group.put(call)
    detecting.look.later(call, detector=found.id)
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
    if filter_pattern:
        patterns.compiled(filter_pattern)
    if enabled and not detector.enabled:
        detector.seen = max(detector.seen, int(call.now * 1000))  # what came while it was paused is not looked at
    detector.enabled = enabled
    detector.frequency = evaluation_frequency or detector.frequency
    detector.pattern = detector.pattern if filter_pattern is None else filter_pattern
    detector.visibility = anomaly_visibility_time or detector.visibility
    detector.modified = call.now
    detector.put(call)


@logs.operation(on=Detector.named)
def get_log_anomaly_detector(call: Call, detector: Detector) -> Members:
    return described(call, detector)


@logs.operation
def list_log_anomaly_detectors(
    call: Call, filter_log_group_arn: str = "", limit: int = 50, next_token: str = ""
) -> Members:
    name = name_in(filter_log_group_arn)
    page = Detector.page(call, limit=limit, token=next_token, where=lambda one: name in ("", name_in(one.groups[0])))
    return {
        "anomalyDetectors": [{"anomalyDetectorArn": one.arn(call)} | described(call, one) for one in page.items],
        "nextToken": page.token,
    }


@logs.operation(on=Detector.named)
def delete_log_anomaly_detector(call: Call, detector: Detector) -> None:
    detector.delete(call)
    anomalies.Anomaly.delete_all(call, detector.id)
    anomalies.Known.delete_all(call, detector.id)
    anomalies.Suppressed.delete_all(call, detector.id)
    if (group := Group.get(call, name_in(detector.groups[0]))) and group.id == detector.box:
        group.detectors -= 1
        group.put(call)


def described(call: Call, one: Detector) -> Members:
    return {
        "detectorName": one.name or None,
        "logGroupArnList": one.groups,
        "evaluationFrequency": one.frequency,
        "filterPattern": one.pattern or None,
        "anomalyDetectorStatus": one.status(call),
        "kmsKeyId": one.key or None,
        "creationTimeStamp": int(one.created * 1000),
        "lastModifiedTimeStamp": int(one.modified * 1000),
        "anomalyVisibilityTime": one.visibility,
    }
