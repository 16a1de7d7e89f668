"""Anomalies that detectors have found, and what they know of each pattern."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from pileus.kernel import Call, Record

from . import faults, logs
from .insights.deviations import Moments
from .insights.patterns import FIXED, Alike

if TYPE_CHECKING:
    from .detectors import Detector

DAY = 86400.0
FOR_EVER = 0.0
UNITS = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600}
ANY = {"Number": r"[+-]?[\w.]+", "Token": r"\S+"}
"""Regular expressions of what varies; else anything without a space."""

Members = dict[str, Any]


class Suppressed(Record, key=("detector", "what"), kw_only=True):
    """An anomaly or a pattern that nothing is to be told of."""

    detector: str
    what: str
    since: float
    until: float
    """FOR_EVER, or when that ends."""

    def now(self, call: Call) -> bool:
        return self.until == FOR_EVER or call.now < self.until


class Known(Record, key=("detector", "id"), kw_only=True):
    """What a detector knows of a pattern."""

    detector: str
    id: str
    words: list[tuple[str, str]]
    """Kinds and texts; the text of what varies is empty."""
    counts: Moments
    """How many events each period had."""
    total: int = 0
    values: dict[str, dict[str, int]] = {}
    """The values of what varies, by its number, as long as they are few; and how often they came."""
    since: float
    usual: bool = True
    """Whether it was there in the training, or has become usual."""

    @property
    def alike(self) -> Alike:
        return Alike(self.words, self.total)


class Anomaly(Record, key=("detector", "id"), kw_only=True):
    """Something unusual."""

    detector: str
    id: str
    pattern: str
    kind: str
    description: str
    priority: str
    words: list[tuple[str, str]]
    first_seen: float
    last_seen: float
    histogram: dict[str, int] = {}
    """Occurrences, by the seconds at which the detector has looked."""
    samples: list[tuple[int, str]] = []
    values: dict[str, dict[str, int]] = {}
    usual: bool = False
    """Whether somebody has said that this is how it is."""

    @classmethod
    def named(cls, call: Call, detector: str, anomaly_id: str) -> Self:
        if found := cls.get(call, detector, anomaly_id):
            return found
        raise faults.missing("The specified anomaly does not exist.")


def suppression(call: Call, detector: str, *what: str) -> Suppressed | None:
    """The first of these that is suppressed."""
    found = (Suppressed.get(call, detector, one) for one in what)
    return next((one for one in found if one and one.now(call)), None)


@logs.operation
def list_anomalies(
    call: Call, anomaly_detector_arn: str = "", suppression_state: str = "", limit: int = 50, next_token: str = ""
) -> Members:
    """Those of one detector or of all, as long as they are to be seen."""
    from .detectors import Detector

    only = Detector.named(call, anomaly_detector_arn).id if anomaly_detector_arn else None
    detectors: dict[str, Detector] = {one.id: one for one in Detector.scan(call)}

    def wanted(one: Anomaly) -> bool:
        if call.now - one.last_seen > detectors[one.detector].visibility * DAY:
            return False
        held = suppression(call, one.detector, one.pattern, one.id) is not None
        return suppression_state in ("", "SUPPRESSED" if held else "UNSUPPRESSED")

    page = Anomaly.page(
        call,
        *([only] if only else []),
        limit=limit,
        token=next_token,
        where=wanted,
        invalid=faults.invalid("The specified nextToken is invalid."),
    )
    return {"anomalies": [described(call, one, detectors[one.detector]) for one in page.items], "nextToken": page.token}


@logs.operation
def update_anomaly(
    call: Call,
    anomaly_detector_arn: str,
    anomaly_id: str = "",
    pattern_id: str = "",
    suppression_type: str = "",
    suppression_period: Members | None = None,
    baseline: bool = False,
) -> None:
    """Suppress an anomaly or all of a pattern, end that, or say that it is nothing unusual."""
    from .detectors import Detector

    detector = Detector.named(call, anomaly_detector_arn)
    if bool(anomaly_id) == bool(pattern_id):
        raise faults.invalid("Exactly one of anomalyId and patternId must be specified.")
    if suppression_type == "LIMITED" and not suppression_period:
        raise faults.invalid("A suppressionPeriod must be specified for a suppressionType of LIMITED.")
    known = Known.get(call, detector.id, pattern_id or Anomaly.named(call, detector.id, anomaly_id).pattern)
    if known is None:
        raise faults.missing("The specified pattern does not exist.")
    if baseline:
        accept(call, detector, known, anomaly_id)
        return
    what = anomaly_id or pattern_id
    if not suppression_type:
        if found := Suppressed.get(call, detector.id, what):
            found.delete(call)
        return
    until = FOR_EVER
    if suppression_type == "LIMITED" and suppression_period:
        until = (
            call.now + suppression_period.get("value", 0) * UNITS[suppression_period.get("suppressionUnit", "SECONDS")]
        )
    Suppressed(detector=detector.id, what=what, since=call.now, until=until).put(call)


def accept(call: Call, detector: Detector, known: Known, anomaly_id: str) -> None:
    """What has been found is usual from now on; more of it than that still is not."""
    for one in list(Anomaly.scan(call, detector.id)):
        if one.id == anomaly_id or (not anomaly_id and one.pattern == known.id):
            one.usual = True
            one.put(call)
            known.counts.most = max(known.counts.most, *one.histogram.values(), 0)
    known.usual = True
    known.put(call)


def described(call: Call, one: Anomaly, detector: Detector) -> Members:
    held = suppression(call, detector.id, one.pattern, one.id)
    state = "Baseline" if one.usual else "Suppressed" if held else "Active"
    told: Members = {
        "anomalyId": one.id,
        "patternId": one.pattern,
        "anomalyDetectorArn": detector.arn(call),
        "patternString": "".join(text if kind in FIXED else "<*>" for kind, text in one.words),
        "patternRegex": regex(one.words),
        "priority": one.priority,
        "firstSeen": int(one.first_seen * 1000),
        "lastSeen": int(one.last_seen * 1000),
        "description": one.description,
        "active": not one.usual and not held and call.now - one.last_seen <= 2 * detector.period / 1000,
        "state": state,
        "histogram": {str(int(at)): count for at, count in one.histogram.items()},
        "logSamples": [{"timestamp": at, "message": message} for at, message in one.samples],
        "patternTokens": tokens(one),
        "logGroupArnList": detector.groups,
        "suppressed": held is not None,
    }
    if held:
        told |= {
            "suppressedDate": int(held.since * 1000),
            "suppressedUntil": int(held.until * 1000),
            "isPatternLevelSuppression": held.what == one.pattern,
        }
    return told


def regex(words: list[tuple[str, str]]) -> str:
    return "".join(re.escape(text) if kind in FIXED else ANY.get(kind, r"\S+(?: \S+)?") for kind, text in words)


def tokens(one: Anomaly) -> list[Members]:
    """The words of a pattern; what varies has a number, a name and the values that were seen."""
    found: list[Members] = []
    number = 0
    for kind, text in one.words:
        if kind in FIXED:
            found.append({"isDynamic": False, "tokenString": text})
            continue
        number += 1
        found.append(
            {
                "dynamicTokenPosition": number,
                "isDynamic": True,
                "tokenString": "<*>",
                "enumerations": one.values.get(str(number), {}),
                "inferredTokenName": f"{kind}-{number}",
            }
        )
    return found
