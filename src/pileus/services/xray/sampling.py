"""Sampling: rules by which clients record requests, and the quotas that they are given.

A rule's reservoir of requests a second is shared by the clients that asked for it lately; beyond it a fixed share is
recorded (Developer Guide, "Configuring sampling rules").
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.resource_type import resource_type

from . import xray
from .faults import bad_request
from .groups import tagged

MOST = 25
INTERVAL = 10
"""Seconds for which a quota is good, and after which clients ask again."""
BOOSTED = 60
"""Seconds that a boost lasts."""
DEFAULT = "Default"
PLAIN = {
    "RuleName": DEFAULT,
    "ResourceARN": "*",
    "Priority": 10000,
    "FixedRate": 0.05,
    "ReservoirSize": 1,
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "Version": 1,
    "Attributes": {},
}
CHANGEABLE_DEFAULT = ("FixedRate", "ReservoirSize")


@resource_type(
    xray, "RuleName", create="CreateSamplingRule", delete="DeleteSamplingRule", missing="ResourceNotFoundException"
)
class Rule(Record, arn="sampling-rule/{name}", cfn="AWS::XRay::SamplingRule"):
    name: str
    rule: dict[str, Any]
    created: float
    modified: float
    tags: dict[str, str] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        rule = {**self.rule, "RuleARN": self.arn(call)}
        return {"SamplingRule": rule, "CreatedAt": self.created, "ModifiedAt": self.modified}


class Client(Record, key=("rule", "client")):
    """A client that asked for a quota."""

    rule: str
    client: str
    seen: float


class Boost(Record, key=("rule", "service")):
    """Why more is recorded by a rule for a minute: a service has met with anomalies that were not recorded."""

    rule: str
    service: str
    rate: float
    until: float
    cooled: float
    """From when on there may be another one."""


class Window(Record, key=("rule", "at")):
    """What clients recorded by a rule in ten seconds."""

    rule: str
    at: float
    requests: int
    borrowed: int
    sampled: int


def default(call: Call) -> Rule:
    return Rule.get(call, DEFAULT) or Rule(DEFAULT, dict(PLAIN), 0.0, 0.0)


def rule_named(call: Call, name: str, arn: str) -> Rule:
    if bool(name) == bool(arn):
        raise bad_request("Specify exactly one of RuleName and RuleARN.")
    name = name or arn.rsplit("/", 1)[-1]
    found = default(call) if name == DEFAULT else Rule.get(call, name)
    if found is None:
        raise bad_request("Sampling rule does not exist.")
    return found


@xray.operation
def create_sampling_rule(call: Call, sampling_rule: dict[str, Any], tags: list[dict[str, str]] = []) -> dict[str, Any]:
    name = sampling_rule.get("RuleName", "")
    if not name:
        raise bad_request("RuleName is required.")
    if name == DEFAULT or Rule.get(call, name):
        raise bad_request("Sampling rule already exists.")
    if sampling_rule["Version"] != 1:
        raise bad_request("Version must be 1.")
    if len(list(Rule.scan(call, limit=MOST))) >= MOST:
        raise Fault("RuleLimitExceededException", f"The limit of {MOST} sampling rules is reached.")
    rule = {"Attributes": {}, **{key: value for key, value in sampling_rule.items() if key != "RuleARN"}}
    made = Rule(name, rule, call.now, call.now, tagged(tags)).put(call)
    return {"SamplingRuleRecord": made.shown(call)}


@xray.operation
def get_sampling_rules(call: Call, next_token: str = "") -> dict[str, Any]:
    """All rules by priority, the one for everything else last."""
    rules = sorted((rule for rule in Rule.scan(call) if rule.name != DEFAULT), key=lambda rule: rule.rule["Priority"])
    return {"SamplingRuleRecords": [rule.shown(call) for rule in [*rules, default(call)]]}


@xray.operation
def update_sampling_rule(call: Call, sampling_rule_update: dict[str, Any]) -> dict[str, Any]:
    """Change some fields; of the default rule only its rate and reservoir."""
    changes = dict(sampling_rule_update)
    rule = rule_named(call, changes.pop("RuleName", ""), changes.pop("RuleARN", ""))
    if rule.name == DEFAULT and not changes.keys() <= {*CHANGEABLE_DEFAULT}:
        raise bad_request("Only FixedRate and ReservoirSize of the default rule can be changed.")
    if not 1 <= changes.get("Priority", 1) <= 9999:
        raise bad_request("Priority must be between 1 and 9999.")
    if not 0 <= changes.get("FixedRate", 0) <= 1 or changes.get("ReservoirSize", 0) < 0:
        raise bad_request("FixedRate must be between 0 and 1, and ReservoirSize not negative.")
    rule.rule, rule.modified = rule.rule | changes, call.now
    return {"SamplingRuleRecord": rule.put(call).shown(call)}


@xray.operation
def delete_sampling_rule(call: Call, rule_name: str = "", rule_arn: str = "") -> dict[str, Any]:
    rule = rule_named(call, rule_name, rule_arn)
    if rule.name == DEFAULT:
        raise bad_request("The default rule cannot be deleted.")
    rule.delete(call)
    Client.delete_all(call, rule.name)
    Boost.delete_all(call, rule.name)
    Window.delete_all(call, rule.name)
    return {"SamplingRuleRecord": rule.shown(call)}


@xray.operation
def get_sampling_targets(
    call: Call,
    sampling_statistics_documents: list[dict[str, Any]],
    sampling_boost_statistics_documents: list[dict[str, Any]] = [],
) -> dict[str, Any]:
    """Take what clients recorded, and give each its part of the reservoirs for the next ten seconds."""
    unfit = [told for one in sampling_boost_statistics_documents if (told := boosted(call, one))]
    targets, unknown = [], []
    for document in sampling_statistics_documents:
        name = document["RuleName"]
        rule = default(call) if name == DEFAULT else Rule.get(call, name)
        if rule is None:
            unknown.append({"RuleName": name, "ErrorCode": "400", "Message": "Unknown rule"})
            continue
        note(call, document)
        targets.append(
            {
                "RuleName": name,
                "FixedRate": rule.rule["FixedRate"],
                "ReservoirQuota": quota(call, rule, document["ClientID"]),
                "ReservoirQuotaTTL": call.now + INTERVAL,
                "Interval": INTERVAL,
                "SamplingBoost": boost(call, name),
            }
        )
    modified = max([rule.modified for rule in Rule.scan(call)], default=0.0)
    return {
        "SamplingTargetDocuments": targets,
        "LastRuleModification": modified,
        "UnprocessedStatistics": unknown,
        "UnprocessedBoostStatistics": unfit,
    }


def boosted(call: Call, document: dict[str, Any]) -> dict[str, str] | None:
    """Begin a boost where anomalies were missed; or why a document is of no use. How far it goes is ours."""
    name, service = document["RuleName"], document["ServiceName"]
    rule = Rule.get(call, name)
    asked = rule.rule.get("SamplingRateBoost") if rule else None
    if rule is None or asked is None:
        return {"RuleName": name, "ErrorCode": "400", "Message": "Unknown rule, or one without a boost"}
    old = Boost.get(call, name, service)
    missed = document["AnomalyCount"] > document["SampledAnomalyCount"]
    if missed and document["TotalCount"] and (old is None or call.now >= old.cooled):
        wanted = max(2 * rule.rule["FixedRate"], document["AnomalyCount"] / document["TotalCount"])
        cooled = call.now + asked["CooldownWindowMinutes"] * 60
        Boost(name, service, min(asked["MaxRate"], wanted), call.now + BOOSTED, cooled).put(call)
    return None


def boost(call: Call, rule: str) -> dict[str, float] | None:
    """The greatest boost of a rule that still holds."""
    alive = [one for one in Boost.scan(call, rule) if call.now < one.until]
    if not alive:
        return None
    greatest = max(alive, key=lambda one: one.rate)
    return {"BoostRate": greatest.rate, "BoostRateTTL": greatest.until}


def note(call: Call, document: dict[str, Any]) -> None:
    at = call.now // INTERVAL * INTERVAL
    window = Window.get(call, document["RuleName"], at) or Window(document["RuleName"], at, 0, 0, 0)
    window.requests += document["RequestCount"]
    window.borrowed += document.get("BorrowCount", 0)
    window.sampled += document["SampledCount"]
    window.put(call)
    for old in list(Window.scan(call, document["RuleName"], before=(at - 3600,))):
        old.delete(call)


def quota(call: Call, rule: Rule, client: str) -> int:
    """A client's part of a rule's reservoir: it is shared by those that asked in the last two intervals."""
    Client(rule.name, client, call.now).put(call)
    alive = []
    for one in list(Client.scan(call, rule.name)):
        if one.seen >= call.now - 2 * INTERVAL:
            alive.append(one.client)
        else:
            one.delete(call)
    share, rest = divmod(rule.rule["ReservoirSize"], len(alive))
    return int(share + (alive.index(client) < rest))


@xray.operation
def get_sampling_statistic_summaries(call: Call, next_token: str = "") -> dict[str, Any]:
    told = [
        {
            "RuleName": window.rule,
            "Timestamp": window.at,
            "RequestCount": window.requests,
            "BorrowCount": window.borrowed,
            "SampledCount": window.sampled,
        }
        for window in Window.scan(call)
    ]
    return {"SamplingStatisticSummaries": told}
