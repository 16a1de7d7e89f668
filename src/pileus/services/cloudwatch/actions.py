"""What alarms do when their state changes: tell topics, functions and EventBridge, act on instances and groups.

Every action is a durable task, and an item of the alarm's history, whether it succeeds or not.
"""

from __future__ import annotations

import datetime
import json
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, identity, names, regions
from pileus.kernel.identity import Principal

from . import cloudwatch, history
from .alarms import Alarm, State
from .checking import COMPOSITE, LOG
from .composites import children, parse
from .evaluation import stamp

Half = dict[str, Any]


class Change(NamedTuple):
    """What is told of."""

    before: Half
    after: Half
    at: float
    contributor: list[Any] | None = None
    """The id and the attributes of the contributor that has changed, where it is one."""


RECOVERY = {"stop": "stop_instances", "terminate": "terminate_instances", "reboot": "reboot_instances"}


@cloudwatch.task
async def act(
    call: Call, alarm: str, action: str, before: Half, after: Half, at: float, contributor: list[Any] | None = None
) -> None:
    """Carry out one action, and write down how it went."""
    found = Alarm.get(call, alarm)
    if found is None:
        return
    try:
        await carry_out(call, found, action, Change(before, after, at, contributor))
        error = ""
    except Fault as fault:
        error = str(fault)
    with call.transaction():
        outcome = (
            f"Failed to execute action {action}. Received error: {error}"
            if error
            else f"Successfully executed action {action}"
        )
        data = {
            "actionState": "Failed" if error else "Succeeded",
            "notificationResource": action,
            "error": error or None,
        }
        kind = "AlarmContributorAction" if contributor else "Action"
        history.note(call, alarm, found.type, kind, outcome, data, tuple(contributor) if contributor else ("", {}))


async def carry_out(call: Call, alarm: Alarm, action: str, change: Change) -> None:
    parts = action.split(":")
    service, resource = parts[2], ":".join(parts[5:])
    if service == "sns":
        lines = await log_lines(call, alarm)
        with call.transaction():
            message = json.dumps(notification(call, alarm, change) | lines)
            subject = f'{change.after["stateValue"]}: "{alarm.name}" in {region_name(call)}'
            call.aws("sns", principal=as_alarm(call, alarm)).publish(
                topic_arn=action, message=message, subject=subject[:100]
            )
    elif service == "lambda":
        event = invocation(call, alarm, change)
        await call.aws("lambda", principal=as_alarm(call, alarm, "lambda.alarms.cloudwatch")).invoke(
            function_name=action, invocation_type="Event", payload=json.dumps(event).encode()
        )
    elif (service, resource.split(":")[0]) == ("automate", "ec2"):
        await on_instance(call, alarm, resource.split(":")[1])
    elif service == "swf":  # the older spelling: action/actions/AWS_EC2.InstanceId.Stop/1.0
        await on_instance(call, alarm, resource.partition("InstanceId.")[2].partition("/")[0].lower())
    elif service == "autoscaling":
        with call.transaction():
            call.aws("autoscaling", principal=as_alarm(call, alarm)).execute_policy(policy_name=action)
    else:
        raise Fault("InvalidAction", f"{service} cannot be an alarm's action here.")


def as_alarm(call: Call, alarm: Alarm, name: str = "cloudwatch") -> Principal:
    """CloudWatch, acting for an alarm."""
    return identity.service(f"{name}.amazonaws.com", alarm.arn(call), call.account)


async def on_instance(call: Call, alarm: Alarm, what: str) -> None:
    """Stop, terminate or reboot the instance that the alarm's metric is about."""
    dimensions = {one["Name"]: one["Value"] for one in alarm.configuration.get("Dimensions", ())}
    if what not in RECOVERY or "InstanceId" not in dimensions:
        raise Fault("InvalidAction", f"The alarm has no instance to {what}.")
    with call.transaction():
        ec2 = call.aws("ec2", principal=as_alarm(call, alarm, "events"))
        getattr(ec2, RECOVERY[what])(instance_ids=[dimensions["InstanceId"]])


def region_name(call: Call) -> str:
    return regions.partitions()[call.partition].regions.get(call.region, call.region)


# What is told


async def log_lines(call: Call, alarm: Alarm) -> dict[str, Any]:
    """The log lines that a log alarm shows; why there are none, where its role may not read them."""
    if alarm.type != LOG:
        return {}
    from .log_alarms import lines

    try:
        found = await lines(call, alarm)
    except Fault as fault:
        return {"LogLinesError": str(fault)}
    return {} if found is None else {"LogLines": found}


def notification(call: Call, alarm: Alarm, change: Change) -> dict[str, Any]:
    """The message to a topic (User Guide, "Alarm notification formats")."""
    configuration, (before, after, at, contributor) = alarm.configuration, change
    common = {
        "AlarmName": alarm.name,
        "AlarmDescription": configuration.get("AlarmDescription"),
        "AWSAccountId": call.account,
        "AlarmConfigurationUpdatedTimestamp": stamp(alarm.updated),
        "NewStateValue": after["stateValue"],
        "NewStateReason": after["stateReason"],
        "StateChangeTime": stamp(at),
        "Region": region_name(call),
        "AlarmArn": alarm.arn(call),
        "OldStateValue": before["stateValue"],
        **{
            member: configuration.get(member, []) for member in ("OKActions", "AlarmActions", "InsufficientDataActions")
        },
    }
    if contributor:
        common |= {"AlarmContributorId": contributor[0], "AlarmContributorAttributes": contributor[1]}
    if (tags := propagated(alarm)) is not None:
        common |= {"AlarmTags": tags}
    if alarm.type == COMPOSITE:
        rule = configuration["AlarmRule"]
        return common | {"AlarmRule": rule, "TriggeringChildren": triggering(call, rule)}
    return common | {"Trigger": trigger(configuration)}


def propagated(alarm: Alarm) -> dict[str, str] | None:
    """The tags that notifications and events have, if they are to have any. By what name is ours."""
    asked = alarm.configuration.get("ActionConfiguration", {}).get("AlarmTagsPropagation", {})
    if not asked.get("Enabled"):
        return None
    only, never = asked.get("IncludedTagKeys"), asked.get("ExcludedTagKeys", ())
    return {name: text for name, text in alarm.tags.items() if name not in never and (not only or name in only)}


def triggering(call: Call, rule: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for name in sorted(children(parse(rule))):
        state = State.get(call, name)
        if state:
            arn = call.arn(f"alarm:{name}", "cloudwatch")
            told.append({"Arn": arn, "State": {"Value": state.value, "Timestamp": stamp(state.updated)}})
    return told


def trigger(configuration: dict[str, Any]) -> dict[str, Any]:
    if criteria := configuration.get("EvaluationCriteria"):
        return {"EvaluationCriteria": criteria, "EvaluationInterval": configuration["EvaluationInterval"]}
    if "ScheduledQueryConfiguration" in configuration:
        members = ("ScheduledQueryConfiguration", "QueryResultsToEvaluate", "QueryResultsToAlarm", "Threshold")
        told = {name: configuration[name] for name in (*members, "ComparisonOperator")}
        return told | {"TreatMissingData": configuration.get("TreatMissingData", "missing")}
    common = {
        "EvaluationPeriods": configuration["EvaluationPeriods"],
        **({"DatapointsToAlarm": configuration["DatapointsToAlarm"]} if "DatapointsToAlarm" in configuration else {}),
        "ComparisonOperator": configuration["ComparisonOperator"],
        **({"Threshold": configuration["Threshold"]} if "Threshold" in configuration else {}),
        **({"ThresholdMetricId": configuration["ThresholdMetricId"]} if "ThresholdMetricId" in configuration else {}),
        "TreatMissingData": configuration.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": configuration.get("EvaluateLowSampleCountPercentile", ""),
    }
    if configuration.get("Metrics"):
        return {"Metrics": configuration["Metrics"], **common}
    simple = configuration.get("Statistic")
    names = {"SampleCount": "SAMPLE_COUNT"}
    kind = (
        {"StatisticType": "Statistic", "Statistic": names.get(simple, simple.upper())}
        if simple
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": configuration["ExtendedStatistic"]}
    )
    dimensions = [{"value": one["Value"], "name": one["Name"]} for one in configuration.get("Dimensions", ())]
    return {
        "MetricName": configuration["MetricName"],
        "Namespace": configuration["Namespace"],
        **kind,
        "Unit": configuration.get("Unit"),
        "Dimensions": dimensions,
        "Period": configuration["Period"],
        **common,
    }


def detail(alarm: Alarm, change: Change) -> dict[str, Any]:
    """What EventBridge and functions are told."""
    before, after, at, contributor = change

    def state(one: Half, when: float | None) -> dict[str, Any]:
        told = {"value": one["stateValue"], "reason": one["stateReason"]}
        told |= {"reasonData": json.dumps(one["stateReasonData"])} if "stateReasonData" in one else {}
        return told | ({"timestamp": stamp(when)} if when is not None else {})

    told: dict[str, Any] = {"alarmName": alarm.name}
    if contributor:
        told["alarmContributor"] = {"id": contributor[0], "attributes": contributor[1]}
    if (tags := propagated(alarm)) is not None:
        told["tags"] = tags
    return told | {
        "state": state(after, at),
        "previousState": state(before, None),
        "configuration": configured(alarm.configuration),
    }


def configured(configuration: dict[str, Any]) -> dict[str, Any]:
    about = {"description": configuration.get("AlarmDescription", "")}
    if rule := configuration.get("AlarmRule"):
        return about | {"alarmRule": rule}
    if "EvaluationCriteria" in configuration or "ScheduledQueryConfiguration" in configuration:
        trigger_of = trigger(configuration)
        return about | {name[0].lower() + name[1:]: value for name, value in trigger_of.items()}
    if not configuration.get("Metrics"):
        dimensions = {one["Name"]: one["Value"] for one in configuration.get("Dimensions", ())}
        metric = {
            "namespace": configuration["Namespace"],
            "name": configuration["MetricName"],
            "dimensions": dimensions,
        }
        stat = configuration.get("Statistic") or configuration["ExtendedStatistic"]
        stats = {"metric": metric, "period": configuration["Period"], "stat": stat}
        return about | {"metrics": [{"id": names.uuid4(), "metricStat": stats, "returnData": True}]}
    return about | {"metrics": [queried(query) for query in configuration["Metrics"]]}


def queried(query: dict[str, Any]) -> dict[str, Any]:
    told = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "Expression" in query:
        return told | {"expression": query["Expression"]} | ({"label": query["Label"]} if "Label" in query else {})
    stat = query["MetricStat"]
    dimensions = {one["Name"]: one["Value"] for one in stat["Metric"].get("Dimensions", ())}
    metric = {"namespace": stat["Metric"]["Namespace"], "name": stat["Metric"]["MetricName"], "dimensions": dimensions}
    return told | {"metricStat": {"metric": metric, "period": stat["Period"], "stat": stat["Stat"]}}


def invocation(call: Call, alarm: Alarm, change: Change) -> dict[str, Any]:
    when = datetime.datetime.fromtimestamp(change.at, datetime.UTC)
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn(call),
        "accountId": call.account,
        "time": when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}+0000",
        "region": call.region,
        "alarmData": detail(alarm, change),
    }


@cloudwatch.task
def announce(
    call: Call, alarm: str, before: Half, after: Half, at: float, contributor: list[Any] | None = None
) -> None:
    """Tell the default bus of EventBridge."""
    found = Alarm.get(call, alarm)
    if found is None:
        return
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": f"CloudWatch Alarm {'Contributor ' if contributor else ''}State Change",
        "Resources": [found.arn(call)],
        "Time": at,
        "Detail": json.dumps(detail(found, Change(before, after, at, contributor))),
    }
    if call.cloud.built("events"):
        call.aws("events", principal=as_alarm(call, found)).put_events(entries=[entry])
