"""The Reachability Analyzer: paths that are asked about, and analyses of them.

An analysis looks at the records of the account in the Region, and of further accounts if it may, and really computes.
Left out: load balancers and firewalls.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.errors import Unfinished
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.kinds import kind, kind_of, named, new_id
from pileus.services.ec2.network import interfaces
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import insight_accounts
from .insight_loading import world
from .insight_paths import Way, Why
from .insight_questions import PORTS, Question, answered
from .insight_showing import components, explanation
from .insight_world import NUMBERS, World

SOON = 1.0
"""How long an analysis takes, in seconds."""
ENDS = ("i", "igw", "eni", "tgw", "tgw-attach", "vpce", "pcx", "vgw")
"""What a path may begin and end with, by the beginnings of ids."""


@kind(
    "network-insights-path",
    "nip",
    missing=("InvalidNetworkInsightsPathId.NotFound", "The network insights path '{}' does not exist"),
)
class InsightsPath(
    Record,
    arn="network-insights-path/{network_insights_path_id}",
    cfn="AWS::EC2::NetworkInsightsPath",
    table="ec2.NetworkInsightsPath",
):
    """A question."""

    network_insights_path_id: str
    source: str
    protocol: str
    created: float
    destination: str = ""
    source_ip: str = ""
    destination_ip: str = ""
    destination_port: int | None = None
    at_source: dict[str, Any] = {}
    at_destination: dict[str, Any] = {}
    owners: dict[str, str] = {}
    """Whose its ends are that are not the account's own."""
    tags: dict[str, str] = {}


@kind(
    "network-insights-analysis",
    "nia",
    missing=("InvalidNetworkInsightsAnalysisId.NotFound", "The network insights analysis '{}' does not exist"),
)
class InsightsAnalysis(
    Record,
    arn="network-insights-analysis/{network_insights_analysis_id}",
    cfn="AWS::EC2::NetworkInsightsAnalysis",
    table="ec2.NetworkInsightsAnalysis",
    indexes={"of_path": ("path",)},
):
    """An answer."""

    network_insights_analysis_id: str
    path: str
    started: float
    status: str = "running"
    message: str = ""
    through: list[str] = []
    avoiding: list[str] = []
    accounts: list[str] = []
    """Further accounts, into whose networks it looks."""
    found: dict[str, Any] = {}
    """What it has found, in wire names."""
    tags: dict[str, str] = {}


def _ports(where: str, which: str) -> Any:
    """Reads a range of ports of a path, as a filter compares it: `80-443`."""

    def read(path: InsightsPath) -> str | None:
        given = getattr(path, where).get(which)
        return f"{given.get('FromPort', 0)}-{given.get('ToPort', 65535)}" if given else None

    return read


PATH_FILTERS = Filters(
    {
        "filter-at-source.source-port-range": _ports("at_source", "SourcePortRange"),
        "filter-at-source.destination-port-range": _ports("at_source", "DestinationPortRange"),
        "filter-at-destination.source-port-range": _ports("at_destination", "SourcePortRange"),
        "filter-at-destination.destination-port-range": _ports("at_destination", "DestinationPortRange"),
        "destination": "destination",
        "filter-at-source.source-address": "at_source.SourceAddress",
        "filter-at-source.destination-address": "at_source.DestinationAddress",
        "filter-at-destination.source-address": "at_destination.SourceAddress",
        "filter-at-destination.destination-address": "at_destination.DestinationAddress",
        "protocol": "protocol",
        "source": "source",
    }
)
FIELDS: dict[str, Any] = {"path-found": "found.NetworkPathFound", "status": "status"}
"""The filters of analyses."""


@ec2.operation
def create_network_insights_path(
    call: Call,
    source: str,
    protocol: str,
    client_token: str,
    source_ip: str = "",
    destination_ip: str = "",
    destination: str = "",
    destination_port: int | None = None,
    tag_specifications: list[Members] = [],
    filter_at_source: Members = {},
    filter_at_destination: Members = {},
) -> Members:
    """Ask about a path."""
    if before := made_before(call, client_token):
        return {"NetworkInsightsPath": path_shown(call, named(call, InsightsPath, before))}
    if not destination and not destination_ip and not filter_at_source.get("DestinationAddress"):
        raise Fault("InvalidParameterCombination", "Specify a destination or a destination IP address.")
    if filter_at_source and (source_ip or destination_ip or destination_port is not None):
        text = "FilterAtSource cannot be combined with SourceIp, DestinationIp or DestinationPort."
        raise Fault("InvalidParameterCombination", text)
    if filter_at_destination.get("DestinationAddress") and destination_ip:
        raise Fault("InvalidParameterCombination", "FilterAtDestination cannot be combined with DestinationIp.")
    made = InsightsPath(
        network_insights_path_id=new_id(InsightsPath),
        source=checked(call, source, "source"),
        protocol=protocol,
        created=call.now,
        destination=checked(call, destination, "destination") if destination else "",
        source_ip=source_ip,
        destination_ip=destination_ip,
        destination_port=destination_port,
        at_source=filter_at_source,
        at_destination=filter_at_destination,
        owners={
            what.rpartition("/")[2]: owner
            for what in (source, destination)
            if (owner := owner_of(call, what)) != call.account
        },
        tags=specified(tag_specifications, "network-insights-path"),
    ).put(call)
    remember(call, client_token, made.network_insights_path_id)
    return {"NetworkInsightsPath": path_shown(call, made)}


def checked(call: Call, what: str, role: str) -> str:
    """The id of what a path may begin or end with, given as such or by its ARN; it has to be there."""
    found = what.rpartition("/")[2]
    prefix = found.rpartition("-")[0]
    if prefix not in ENDS:
        raise Fault("InvalidParameterValue", f"Value ({what}) for parameter {role} is invalid.")
    one = kind_of(found)
    if one is None:
        raise Unfinished(f"Pileus knows no {prefix} yet.")
    owner = owner_of(call, what)
    insight_accounts.check(call, [owner])
    if one.record.get(call.at(account=owner), found) is None:
        raise one.absent(found)
    return found


def owner_of(call: Call, what: str) -> str:
    """The account that an ARN names; an id is the account's own."""
    return what.split(":")[4] if what.startswith("arn:") else call.account


@ec2.operation
def describe_network_insights_paths(
    call: Call,
    network_insights_path_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What was asked about."""
    ids, member = network_insights_path_ids, "NetworkInsightsPaths"
    return described(call, InsightsPath, PATH_FILTERS, member, path_shown, ids, filters, max_results, next_token)


def path_shown(call: Call, path: InsightsPath) -> Members:
    return {
        "NetworkInsightsPathId": path.network_insights_path_id,
        "NetworkInsightsPathArn": path.arn(call),
        "CreatedDate": path.created,
        "Source": path.source,
        "SourceArn": arn_of(call, path, path.source),
        "Destination": path.destination or None,
        "DestinationArn": arn_of(call, path, path.destination) if path.destination else None,
        "SourceIp": path.source_ip or None,
        "DestinationIp": path.destination_ip or None,
        "Protocol": path.protocol,
        "DestinationPort": path.destination_port,
        "FilterAtSource": path.at_source or None,
        "FilterAtDestination": path.at_destination or None,
        "Tags": shown_tags(path.tags),
    }


def arn_of(call: Call, path: InsightsPath, what: str) -> str | None:
    there, record = insight_accounts.found(call, path.owners.values(), what)
    return record.arn(there) if record else None


@ec2.operation
def delete_network_insights_path(call: Call, network_insights_path_id: str) -> Members:
    """Forget a question of which there are no analyses any more."""
    path = named(call, InsightsPath, network_insights_path_id)
    if InsightsAnalysis.first(call, network_insights_path_id, index="of_path"):
        text = f"The network insights path {network_insights_path_id} has analyses."
        raise Fault("AnalysisExistsForNetworkInsightsPath", text)
    path.delete(call)
    return {"NetworkInsightsPathId": network_insights_path_id}


# Analyses


@ec2.operation
def start_network_insights_analysis(
    call: Call,
    network_insights_path_id: str,
    client_token: str,
    filter_in_arns: list[str] = [],
    filter_out_arns: list[str] = [],
    tag_specifications: list[Members] = [],
    additional_accounts: list[str] = [],
) -> Members:
    """Begin to answer a question: perhaps only whether there is a path through, or not through, certain resources."""
    if before := made_before(call, client_token):
        return {"NetworkInsightsAnalysis": shown(call, named(call, InsightsAnalysis, before))}
    named(call, InsightsPath, network_insights_path_id)
    insight_accounts.check(call, additional_accounts)
    made = InsightsAnalysis(
        network_insights_analysis_id=new_id(InsightsAnalysis),
        path=network_insights_path_id,
        started=call.now,
        through=filter_in_arns,
        avoiding=filter_out_arns,
        accounts=additional_accounts,
        tags=specified(tag_specifications, "network-insights-analysis"),
    ).put(call)
    path_analysed.later(call, delay=SOON, what=made.network_insights_analysis_id)
    remember(call, client_token, made.network_insights_analysis_id)
    return {"NetworkInsightsAnalysis": shown(call, made)}


@ec2.task
async def path_analysed(call: Call, what: str) -> None:
    """Answer it, on another thread."""
    analysis = InsightsAnalysis.get(call, what)
    path = InsightsPath.get(call, analysis.path) if analysis else None
    if analysis is None or path is None:
        return
    try:
        there, asked = world(call, analysis.accounts), question(call, path, analysis.accounts)
    except Fault as fault:
        analysis.status, analysis.message = "failed", fault.message
    else:
        way = await asyncio.to_thread(answered, there, asked)
        way = _as_wanted(way, analysis)
        analysis.status, analysis.found = "succeeded", _found(call, there, way)
    with call.transaction():
        if InsightsAnalysis.get(call, what):
            analysis.put(call)


def question(call: Call, path: InsightsPath, accounts: list[str]) -> Question:
    """A path as the computation wants it."""
    ports = (path.destination_port, path.destination_port) if path.destination_port is not None else PORTS
    return Question(
        source=end_of(call, accounts, path.source),
        destination=end_of(call, accounts, path.destination) if path.destination else "",
        protocol=NUMBERS[path.protocol],
        source_address=path.source_ip or path.at_source.get("SourceAddress", ""),
        destination_address=path.destination_ip or path.at_source.get("DestinationAddress", ""),
        source_ports=_range(path.at_source.get("SourcePortRange"), PORTS),
        destination_ports=_range(path.at_source.get("DestinationPortRange"), ports),
    )


def _range(given: Members | None, default: tuple[int, int]) -> tuple[int, int]:
    return (given.get("FromPort", 0), given.get("ToPort", 65535)) if given else default


def end_of(call: Call, accounts: list[str], what: str) -> str:
    """The interface that stands for an instance or an endpoint; anything else for itself."""
    there, found = insight_accounts.found(call, accounts, what)
    if found is None:
        raise Fault("InvalidParameterValue", f"{what} does not exist.")
    if what.startswith("i-"):
        first = next(iter(interfaces.of_instance(there, what)), None)
        if first is None:
            raise Fault("InvalidParameterValue", f"The instance {what} has no network interface.")
        return first.network_interface_id
    if what.startswith("vpce-") and found.interfaces:
        return str(next(iter(found.interfaces.values())))
    if what.startswith("tgw-attach-"):
        return str(found.transit_gateway_id)
    return what


def _as_wanted(way: Way, analysis: InsightsAnalysis) -> Way:
    """A way that goes through all that is wanted, and through nothing else that is not."""
    passed = {step.component for step in way.forward}
    wanted = {arn.rpartition("/")[2] for arn in analysis.through}
    unwanted = {arn.rpartition("/")[2] for arn in analysis.avoiding}
    if way.found and (wanted - passed or unwanted & passed):
        return way._replace(why=Why("NO_PATH", {}))
    return way


def _found(call: Call, there: World, way: Way) -> Members:
    return {
        "NetworkPathFound": way.found,
        "ForwardPathComponents": components(call, there, way.forward) if way.found else [],
        "ReturnPathComponents": components(call, there, way.back) if way.found else [],
        "Explanations": [explanation(call, there, way.why)] if way.why else [],
    }


@ec2.operation
def describe_network_insights_analyses(
    call: Call,
    network_insights_analysis_ids: list[str] = [],
    network_insights_path_id: str = "",
    analysis_start_time: float | None = None,
    analysis_end_time: float | None = None,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The answers."""
    first, last = analysis_start_time, analysis_end_time

    def in_time(one: InsightsAnalysis) -> bool:
        return (first is None or one.started >= first) and (last is None or one.started <= last)

    fits = Filters(FIELDS | {"path": "path", "in-time": in_time})
    wanted = [*filters, {"Name": "in-time", "Values": ["true"]}]
    if network_insights_path_id:
        wanted.append({"Name": "path", "Values": [network_insights_path_id]})
    ids, member = network_insights_analysis_ids, "NetworkInsightsAnalyses"
    return described(call, InsightsAnalysis, fits, member, shown, ids, wanted, max_results, next_token)


def shown(call: Call, one: InsightsAnalysis) -> Members:
    return {
        "NetworkInsightsAnalysisId": one.network_insights_analysis_id,
        "NetworkInsightsAnalysisArn": one.arn(call),
        "NetworkInsightsPathId": one.path,
        "FilterInArns": one.through or None,
        "FilterOutArns": one.avoiding or None,
        "AdditionalAccounts": one.accounts or None,
        "StartDate": one.started,
        "Status": one.status,
        "StatusMessage": one.message or None,
        "Tags": shown_tags(one.tags),
    } | one.found


@ec2.operation
def delete_network_insights_analysis(call: Call, network_insights_analysis_id: str) -> Members:
    """Forget an answer."""
    named(call, InsightsAnalysis, network_insights_analysis_id).delete(call)
    return {"NetworkInsightsAnalysisId": network_insights_analysis_id}
