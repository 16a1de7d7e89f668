"""What anomaly detectors do: events are put together into patterns, and each period is held against those before it.

A detector is trained with what its group has had in the last two weeks. From then on a task comes round every period in
which there may be something to see: it is roused by events, and an idle group costs nothing. Left out: what is fewer
than usual; AWS's own model, so thresholds are those of `insights.deviations`; events that come in when the period of
their time is over; and what is beyond MOST_EVENTS at a time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from pileus.kernel import Call, names

from . import logs, metric_filters, patterns, protection, retention
from .anomalies import Anomaly, Known, suppression
from .groups import Group, name_in
from .insights import deviations
from .insights.deviations import Deviation, Moments
from .insights.patterns import FIXED, Alike, Shelves, words
from .parts import DAY, Stream
from .scanning import across

if TYPE_CHECKING:
    from .detectors import Detector

TRAINED_ON = 14 * DAY
MOST_SAMPLES = 10
MOST_VALUES = 10
"""Values of one word that are kept: a word with more can be anything."""
MOST_LOOKED_AT = 200
"""Events of one pattern and period whose words are looked at."""
MOST_EVENTS = 200_000
BREATH = 1000
"""Events after which others get their turn."""


def rouse(call: Call, group: Group) -> None:
    """Events have come: have the group's detectors look at them when the period is over."""
    from .detectors import Detector  # which imports this

    for detector in list(Detector.scan(call, group.id, index="by_group")):
        if detector.enabled and not detector.waiting:
            detector.waiting = True
            detector.put(call)
            look.later(call, detector=detector.id, due=period_end(detector.period, call.now))


def period_end(period: int, now: float) -> float:
    return (int(now * 1000) // period + 1) * period / 1000


@logs.task
async def look(call: Call, detector: str) -> None:
    """Train a new detector, or look at what has come since the last time."""
    from .detectors import Detector

    found = Detector.get(call, detector)
    group = Group.get(call, name_in(found.groups[0])) if found else None
    if found is None or group is None or group.id != found.box or not found.enabled:
        rest(call, detector)
        return
    end = int(call.now * 1000) // found.period * found.period
    start = found.seen or end - TRAINED_ON // found.period * found.period
    events = await gathered(call, group, found.pattern, start, end)
    brain = Brain(call, found)
    await brain.learn(events, start, end)
    with call.transaction():
        brain.save(call)
        if current := Detector.get(call, detector):
            current.seen, current.waiting = end, False
            current.put(call)
            count(call, current.name or current.id, brain.fresh)
    with call.transaction():
        if later(call, group, end) and (current := Detector.get(call, detector)) and not current.waiting:
            rouse(call, group)


def rest(call: Call, detector: str) -> None:
    from .detectors import Detector

    with call.transaction():
        if found := Detector.get(call, detector):
            found.waiting = False
            found.put(call)


def later(call: Call, group: Group, end: int) -> bool:
    """Whether there is something to look at the next time."""
    return any(stream.latest >= end for stream in Stream.scan(call, group.id))


async def gathered(call: Call, group: Group, pattern: str, start: int, end: int) -> list[tuple[int, str]]:
    """The times and messages of the events that a detector looks at."""
    wanted = patterns.compiled(pattern) if pattern.strip() else None
    mask = protection.mask(call, group)
    start = max(start, retention.horizon(call, group))
    streams = [
        one for one in Stream.scan(call, group.id) if one.ingested and one.earliest < end and one.latest >= start
    ]
    found: list[tuple[int, str]] = []
    for event, _ in islice(across(call, streams, start, end, wanted), MOST_EVENTS) if streams else ():
        found.append((event.at, mask(event.ingested, event.message) if mask else event.message))
        if len(found) % BREATH == 0:
            await asyncio.sleep(0)
    return found


class Brain:
    """What a detector knows while it looks."""

    def __init__(self, call: Call, detector: Detector) -> None:
        self.call = call
        self.detector = detector.id
        self.period = detector.period
        self.visible = detector.visibility * DAY / 1000
        """Seconds after which what goes on is nothing unusual any more."""
        self.known: dict[int, Known] = {}
        self.shelves = Shelves()
        self.fresh: list[Anomaly] = []
        """Anomalies that were not there before."""
        self.anomalies = {(one.pattern, one.kind): one for one in Anomaly.scan(call, detector.id)}
        for one in Known.scan(call, detector.id):
            alike = one.alike
            self.shelves.shelf(alike.words).append(alike)
            self.known[id(alike)] = one
        enough = any(one.counts.number >= deviations.FEWEST_COUNTS for one in self.known.values())
        self.trained = bool(detector.seen) and enough
        """Whether enough has been seen to say what is unusual."""

    async def learn(self, events: list[tuple[int, str]], start: int, end: int) -> None:
        periods: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for event in events:
            periods[event[0] // self.period * self.period].append(event)
        before = start
        for at in sorted(periods):
            self.nothing((at - before) // self.period)
            self.look_at(at, periods[at])
            before = at + self.period
            await asyncio.sleep(0)
        self.nothing((end - before) // self.period)

    def nothing(self, periods: int) -> None:
        """So many periods had no events at all."""
        for one in self.known.values():
            one.counts.add(0.0, periods)

    def look_at(self, at: int, events: list[tuple[int, str]]) -> None:
        """One period."""
        seen: dict[int, list[tuple[int, str]]] = defaultdict(list)
        alikes: dict[int, Alike] = {}
        for event in events:
            alike = self.shelves.put(words(event[1]), 1)
            alikes[id(alike)] = alike
            seen[id(alike)].append(event)
        for key, alike in alikes.items():
            known = self.known.get(key)
            if known is None:
                known = self.known[key] = self.met(alike, at)
            found = self.judged(known, alike, seen[key], at)
            known.counts.add(float(len(seen[key])))
            known.words, known.total = alike.words, known.total + len(seen[key])
            for deviation in found:
                self.report(known, deviation, at, seen[key])
        for key, known in self.known.items():
            if key not in seen:
                known.counts.add(0.0)

    def met(self, alike: Alike, at: int) -> Known:
        return Known(
            detector=self.detector,
            id=names.uuid4().replace("-", ""),
            words=alike.words,
            counts=Moments(),
            since=at / 1000,
            usual=not self.trained,
        )

    def judged(self, known: Known, alike: Alike, events: list[tuple[int, str]], at: int) -> list[Deviation]:
        text, (first, sample) = alike.text(), events[0]
        found = list(self.valued(known, alike, text, events))
        if not self.trained:
            return []
        known.usual = known.usual or at / 1000 - known.since > self.visible
        if not known.usual:
            return [deviations.of_new(text, len(events), first, sample)]
        if score := known.counts.score(len(events)):
            found.append(deviations.of_frequency(text, known.counts.mean, len(events), score, first, sample))
        return found

    def valued(self, known: Known, alike: Alike, text: str, events: list[tuple[int, str]]) -> list[Deviation]:
        """Keep the values of what varies; those that are new where there have been but a few."""
        found: list[Deviation] = []
        kinds = [kind for kind, _ in alike.words if kind not in FIXED]
        if len(known.values) != len(kinds):  # something more varies now: numbers have changed
            known.values = {str(number): {} for number in range(1, len(kinds) + 1)}
        for at, message in events[:MOST_LOOKED_AT]:
            for number, (kind, value) in alike.values(message).items():
                held = known.values[str(number)]
                if value not in held:
                    few = 0 < len(held) <= deviations.MOST_DIFFERENT and kind != "Time"
                    if few and sum(held.values()) >= deviations.FEWEST_VALUES * len(held):
                        found.append(deviations.of_token(text, number, value, list(held), at, message))
                    if len(held) > MOST_VALUES:
                        continue
                held[value] = held.get(value, 0) + 1
        return found

    def report(self, known: Known, deviation: Deviation, at: int, events: list[tuple[int, str]]) -> None:
        """Tell of an anomaly, or that it goes on."""
        one = self.anomalies.get((known.id, deviation.kind))
        if one and one.usual and deviation.kind == deviations.NEW:
            return
        if one is None or (not one.usual and at / 1000 - one.last_seen > 3 * self.period / 1000) or one.usual:
            if suppression(self.call, self.detector, known.id):
                return
            one = self.anomalies[known.id, deviation.kind] = self.found(known, deviation, at)
            self.fresh.append(one)
        if suppression(self.call, self.detector, known.id, one.id):
            return
        here = deviation.kind not in (deviations.TOKEN, deviations.NUMBER)
        counted = events if here else [(deviation.at, deviation.sample)]
        stamp = str((at + self.period) // 1000)
        one.histogram[stamp] = one.histogram.get(stamp, 0) + len(counted)
        one.last_seen = max(one.last_seen, counted[-1][0] / 1000)
        one.samples = (one.samples + counted[:MOST_SAMPLES])[:MOST_SAMPLES]
        one.words, one.values = known.words, known.values

    def found(self, known: Known, deviation: Deviation, at: int) -> Anomaly:
        return Anomaly(
            detector=self.detector,
            id=names.uuid4(),
            pattern=known.id,
            kind=deviation.kind,
            description=deviation.description,
            priority=deviation.priority,
            words=known.words,
            first_seen=deviation.at / 1000,
            last_seen=deviation.at / 1000,
        )

    def save(self, call: Call) -> None:
        """What somebody has said of all this in the meantime stays."""
        for known in self.known.values():
            if current := Known.get(call, self.detector, known.id):
                known.usual = known.usual or current.usual
                known.counts.most = max(known.counts.most, current.counts.most)
            known.put(call)
        for anomaly in self.anomalies.values():
            if current_one := Anomaly.get(call, self.detector, anomaly.id):
                anomaly.usual = anomaly.usual or current_one.usual
            anomaly.put(call)


def count(call: Call, detector: str, found: list[Anomaly]) -> None:
    """Metrics that alarms can watch ("Create alarms on anomalies", User Guide)."""
    for priority in sorted({one.priority for one in found}):
        dimensions = {"LogAnomalyDetector": detector, "LogAnomalyPriority": priority}
        datum = {
            "MetricName": "AnomalyCount",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Timestamp": call.now,
            "Value": float(sum(one.priority == priority for one in found)),
            "Unit": "None",
        }
        metric_filters.publish.later(call, namespace="AWS/Logs", data=[datum])
