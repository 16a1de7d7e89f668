"""Contributors of alarms: the time series of an alarm that looks at several, each with a state of its own.

Alarms on Metrics Insights queries with GROUP BY, on PromQL queries, and on logs by fields have them. Such an alarm is
in ALARM while one of them is; topics and functions are told of each contributor, everything else of the alarm as a
whole (User Guide, "Alarm contributors"). A contributor of which nothing is seen any more is forgotten. While
a rule mutes the alarm, nobody is told of contributors, nor is it made up for later.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pileus.kernel import Call, Record

from . import cloudwatch, history
from .alarms import Alarm, State, alarm_named
from .checking import ALARM, INSUFFICIENT_DATA, OK
from .faults import bad_token

PAGE = 100
APART = ("sns", "lambda")
"""Services that are told of each contributor."""


class AlarmContributor(Record, key=("alarm", "id"), kw_only=True):
    alarm: str
    id: str
    attributes: dict[str, str]
    value: str = INSUFFICIENT_DATA
    reason: str = ""
    data: str = ""
    turned: float
    recent: list[float | None] = []
    """What was seen of late, the latest first, where nobody else keeps it."""
    since: float = 0.0
    """From when on it has been as it is seen now, where a change has to last."""


def id_of(attributes: dict[str, str]) -> str:
    text = json.dumps(sorted(attributes.items()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def known(call: Call, alarm: Alarm, attributes: dict[str, str], *, value: str = INSUFFICIENT_DATA) -> AlarmContributor:
    """The contributor of these attributes; a new one begins with `value`."""
    name = id_of(attributes)
    return AlarmContributor.get(call, alarm.name, name) or AlarmContributor(
        alarm=alarm.name, id=name, attributes=attributes, value=value, turned=call.now
    )


def turn(call: Call, alarm: Alarm, one: AlarmContributor, value: str, why: str, data: str) -> None:
    """Make it the contributor's state; where it is another than before, write that down and tell."""
    before, changed, old = half(one), value != one.value, one.value
    one.value, one.reason, one.data = value, why, data
    if not changed:
        one.put(call)
        return
    one.turned = call.now
    one.put(call)
    told = {"version": "1.0", "oldState": before, "newState": half(one)}
    history.note(
        call,
        alarm.name,
        alarm.type,
        "AlarmContributorStateUpdate",
        f"Alarm contributor updated from {old} to {value}",
        told,
        (one.id, one.attributes),
    )
    from .actions import act, announce
    from .mutes import muted_until

    change = {"before": before, "after": half(one), "at": call.now, "contributor": [one.id, one.attributes]}
    announce.later(call, alarm=alarm.name, **change)
    if alarm.configuration["ActionsEnabled"] and muted_until(call, alarm.name) is None:
        for action in dict.fromkeys(alarm.actions(value)):
            if apart(action):
                act.later(call, alarm=alarm.name, action=action, **change)


def apart(action: str) -> bool:
    return action.split(":")[2] in APART


def half(one: AlarmContributor) -> dict[str, Any]:
    found: dict[str, Any] = {"stateValue": one.value, "stateReason": one.reason}
    return found | ({"stateReasonData": json.loads(one.data)} if one.data else {})


def settle(call: Call, alarm: Alarm, state: State, seen: set[str]) -> None:
    """The alarm's state by its contributors', after those in `seen` have been looked at; the others are gone."""
    from .evaluation import turn as turn_whole

    states: list[AlarmContributor] = []
    for one in list(AlarmContributor.scan(call, alarm.name)):
        if one.id in seen:
            states.append(one)
        else:
            turn(call, alarm, one, OK, "The contributor is no longer in the result of the query.", "")
            one.delete(call)
    alarming = sum(one.value == ALARM for one in states)
    quiet = OK if "EvaluationCriteria" in alarm.configuration else INSUFFICIENT_DATA
    value = ALARM if alarming else OK if any(one.value == OK for one in states) else quiet
    if alarming:
        why = f"{alarming} of {len(states)} contributors {'is' if alarming == 1 else 'are'} in ALARM state."
    else:
        why = f"None of {len(states)} contributors is in ALARM state."
    turn_whole(call, alarm, state, value, why, "", contributors=True)


def forget(call: Call, alarm: str) -> None:
    AlarmContributor.delete_all(call, alarm)


@cloudwatch.operation(on=alarm_named)
def describe_alarm_contributors(call: Call, alarm: Alarm, next_token: str = "") -> dict[str, Any]:
    """The contributors that are in ALARM now."""
    page = AlarmContributor.page(
        call,
        alarm.name,
        limit=PAGE,
        token=next_token,
        invalid=bad_token(),
        where=lambda one: one.value == ALARM and bool(one.attributes),
    )
    told = [
        {
            "ContributorId": one.id,
            "ContributorAttributes": one.attributes,
            "StateReason": one.reason[:1023],
            "StateTransitionedTimestamp": one.turned,
        }
        for one in page.items
    ]
    return {"AlarmContributors": told, "NextToken": page.token}
