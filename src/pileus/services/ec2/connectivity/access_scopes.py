"""The Network Access Analyzer: scopes that say which paths there should not be, and analyses that look for such.

Left out: prefix lists as conditions, and paths that begin outside the account.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, paged
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .insight_loading import world
from .insight_paths import Way
from .insight_questions import PORTS, Question, answered
from .insight_showing import components
from .insight_world import NUMBERS, World, within

SOON = 1.0
MOST_FINDINGS = 1000

TYPES = {
    "AWS::EC2::NetworkInterface": "eni",
    "AWS::EC2::Instance": "i",
    "AWS::EC2::InternetGateway": "igw",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::VPCPeeringConnection": "pcx",
    "AWS::EC2::TransitGateway": "tgw",
    "AWS::EC2::TransitGatewayAttachment": "tgw-attach",
    "AWS::EC2::NatGateway": "nat",
    "AWS::EC2::VPNGateway": "vgw",
    "AWS::EC2::VPCEndpoint": "vpce",
    "AWS::EC2::SecurityGroup": "sg",
}


@kind(
    "network-insights-access-scope",
    "nis",
    missing=("InvalidNetworkInsightsAccessScopeId.NotFound", "The network access scope '{}' does not exist"),
)
class AccessScope(
    Record,
    arn="network-insights-access-scope/{network_insights_access_scope_id}",
    cfn="AWS::EC2::NetworkInsightsAccessScope",
    table="ec2.NetworkInsightsAccessScope",
):
    """Paths to look for, and those of them that are all right."""

    network_insights_access_scope_id: str
    match: list[dict[str, Any]]
    exclude: list[dict[str, Any]]
    created: float
    tags: dict[str, str] = {}


@kind(
    "network-insights-access-scope-analysis",
    "nisa",
    missing=(
        "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound",
        "The network access scope analysis '{}' does not exist",
    ),
)
class AccessScopeAnalysis(
    Record,
    arn="network-insights-access-scope-analysis/{network_insights_access_scope_analysis_id}",
    cfn="AWS::EC2::NetworkInsightsAccessScopeAnalysis",
    table="ec2.NetworkInsightsAccessScopeAnalysis",
    indexes={"of_scope": ("scope",)},
):
    """What was found."""

    network_insights_access_scope_analysis_id: str
    scope: str
    started: float
    status: str = "running"
    ended: float = 0.0
    interfaces: int = 0
    findings: int = 0
    tags: dict[str, str] = {}


class Finding(Record, key=("analysis", "number"), table="ec2.NetworkInsightsFinding"):
    """A path that there should not be."""

    analysis: str
    number: int
    components: list[dict[str, Any]]


@ec2.operation
def create_network_insights_access_scope(
    call: Call,
    client_token: str,
    match_paths: list[Members] = [],
    exclude_paths: list[Members] = [],
    tag_specifications: list[Members] = [],
) -> Members:
    """Say which paths to look for."""
    if before := made_before(call, client_token):
        scope = named(call, AccessScope, before)
        return {"NetworkInsightsAccessScope": shown(call, scope), "NetworkInsightsAccessScopeContent": content(scope)}
    for path in [*match_paths, *exclude_paths]:
        for kinds in _types(path):
            if kinds not in TYPES:
                raise Fault("InvalidParameterValue", f"Value ({kinds}) for parameter resourceTypes is invalid.")
    scope = AccessScope(
        network_insights_access_scope_id=new_id(AccessScope),
        match=match_paths,
        exclude=exclude_paths,
        created=call.now,
        tags=specified(tag_specifications, "network-insights-access-scope"),
    ).put(call)
    remember(call, client_token, scope.network_insights_access_scope_id)
    return {"NetworkInsightsAccessScope": shown(call, scope), "NetworkInsightsAccessScopeContent": content(scope)}


def _types(path: Members) -> Iterator[str]:
    for part in (path.get("Source", {}), path.get("Destination", {}), *path.get("ThroughResources", [])):
        yield from part.get("ResourceStatement", {}).get("ResourceTypes", [])


@ec2.operation
def describe_network_insights_access_scopes(
    call: Call,
    network_insights_access_scope_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's scopes."""
    ids, member = network_insights_access_scope_ids, "NetworkInsightsAccessScopes"
    return described(call, AccessScope, Filters({}), member, shown, ids, filters, max_results, next_token)


def shown(call: Call, scope: AccessScope) -> Members:
    return {
        "NetworkInsightsAccessScopeId": scope.network_insights_access_scope_id,
        "NetworkInsightsAccessScopeArn": scope.arn(call),
        "CreatedDate": scope.created,
        "UpdatedDate": scope.created,
        "Tags": shown_tags(scope.tags),
    }


def content(scope: AccessScope) -> Members:
    return {
        "NetworkInsightsAccessScopeId": scope.network_insights_access_scope_id,
        "MatchPaths": scope.match,
        "ExcludePaths": scope.exclude,
    }


@ec2.operation
def get_network_insights_access_scope_content(call: Call, network_insights_access_scope_id: str) -> Members:
    """What a scope says."""
    return {"NetworkInsightsAccessScopeContent": content(named(call, AccessScope, network_insights_access_scope_id))}


@ec2.operation
def delete_network_insights_access_scope(call: Call, network_insights_access_scope_id: str) -> Members:
    """Forget a scope of which there are no analyses any more."""
    scope = named(call, AccessScope, network_insights_access_scope_id)
    if AccessScopeAnalysis.first(call, network_insights_access_scope_id, index="of_scope"):
        text = f"The network access scope {network_insights_access_scope_id} has analyses."
        raise Fault("AnalysisExistsForNetworkInsightsAccessScope", text)
    scope.delete(call)
    return {"NetworkInsightsAccessScopeId": network_insights_access_scope_id}


# Analyses


@ec2.operation
def start_network_insights_access_scope_analysis(
    call: Call, network_insights_access_scope_id: str, client_token: str, tag_specifications: list[Members] = []
) -> Members:
    """Begin to look for the paths of a scope."""
    if before := made_before(call, client_token):
        made = named(call, AccessScopeAnalysis, before)
        return {"NetworkInsightsAccessScopeAnalysis": analysis_shown(call, made)}
    named(call, AccessScope, network_insights_access_scope_id)
    made = AccessScopeAnalysis(
        network_insights_access_scope_analysis_id=new_id(AccessScopeAnalysis),
        scope=network_insights_access_scope_id,
        started=call.now,
        tags=specified(tag_specifications, "network-insights-access-scope-analysis"),
    ).put(call)
    access_analysed.later(call, delay=SOON, what=made.network_insights_access_scope_analysis_id)
    remember(call, client_token, made.network_insights_access_scope_analysis_id)
    return {"NetworkInsightsAccessScopeAnalysis": analysis_shown(call, made)}


@ec2.task
async def access_analysed(call: Call, what: str) -> None:
    """Look for them, on another thread."""
    analysis = AccessScopeAnalysis.get(call, what)
    scope = AccessScope.get(call, analysis.scope) if analysis else None
    if analysis is None or scope is None:
        return
    there = world(call)
    ways = await asyncio.to_thread(lambda: [*islice(found(there, scope), MOST_FINDINGS)])
    with call.transaction():
        if AccessScopeAnalysis.get(call, what) is None:
            return
        for number, way in enumerate(ways, 1):
            Finding(analysis=what, number=number, components=components(call, there, way.forward)).put(call)
        analysis.findings, analysis.interfaces = len(ways), len(there.interfaces)
        analysis.status, analysis.ended = "succeeded", call.now
        analysis.put(call)


def found(there: World, scope: AccessScope) -> Iterator[Way]:
    """The paths that a scope looks for, each pair of ends once."""
    seen = set()
    for path in scope.match:
        for question in questions(there, path):
            pair = question.source, question.destination
            if pair in seen:
                continue
            way = answered(there, question)
            if (
                way.found
                and passes(there, way, path)
                and not any(is_like(there, way, other) for other in scope.exclude)
            ):
                seen.add(pair)
                yield way


def questions(there: World, path: Members) -> Iterator[Question]:
    """What a path of a scope asks: between all that can be its ends."""
    source, destination = path.get("Source", {}), path.get("Destination", {})
    header = source.get("PacketHeaderStatement", {}) | destination.get("PacketHeaderStatement", {})
    ends = [*there.interfaces, *there.gateways]
    for one in (what for what in ends if is_meant(there, what, source)):
        for other in (what for what in ends if what != one and is_meant(there, what, destination)):
            if one in there.gateways and other in there.gateways:
                continue
            for protocol in header.get("Protocols", ["tcp", "udp"]):
                for ports in header.get("DestinationPorts", [""]):
                    yield Question(one, other, NUMBERS[protocol], destination_ports=_range(ports))


def _range(text: str) -> tuple[int, int]:
    if not text:
        return PORTS
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def is_meant(there: World, what: str, statement: Members) -> bool:
    """Whether an end is one that a statement is about: itself, or what it belongs to."""
    resources = statement.get("ResourceStatement", {})
    named_ids = {one.rpartition("/")[2] for one in resources.get("Resources", [])}
    prefixes = {TYPES[one] for one in resources.get("ResourceTypes", [])}
    if not named_ids and not prefixes:
        return True
    belongs = [what]
    if interface := there.interfaces.get(what):
        belongs += [interface.subnet, interface.vpc, interface.instance, *interface.groups]
    return any(one in named_ids or one.rpartition("-")[0] in prefixes for one in belongs if one)


def passes(there: World, way: Way, path: Members) -> bool:
    """Whether a way goes through all that a path names."""
    through = [step.component for step in way.forward[1:-1]]
    return all(any(is_meant(there, one, part) for one in through) for part in path.get("ThroughResources", []))


def is_like(there: World, way: Way, path: Members) -> bool:
    """Whether a way is one that a path excludes."""
    source, destination = path.get("Source", {}), path.get("Destination", {})
    ends = is_meant(there, way.forward[0].component, source) and is_meant(there, way.forward[-1].component, destination)
    packet = way.forward[0].packet
    header = source.get("PacketHeaderStatement", {}) | destination.get("PacketHeaderStatement", {})
    protocols = [NUMBERS[one] for one in header.get("Protocols", [])]
    ports = [_range(one) for one in header.get("DestinationPorts", [])]
    return (
        ends
        and (not protocols or packet.protocol in protocols)
        and (not ports or any(low <= packet.destination_port <= high for low, high in ports))
        and all(
            not header.get(name) or any(within(address, block) for block in header[name])
            for name, address in (("SourceAddresses", packet.source), ("DestinationAddresses", packet.destination))
        )
        and passes(there, way, path)
    )


@ec2.operation
def describe_network_insights_access_scope_analyses(
    call: Call,
    network_insights_access_scope_analysis_ids: list[str] = [],
    network_insights_access_scope_id: str = "",
    analysis_start_time_begin: float | None = None,
    analysis_start_time_end: float | None = None,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The analyses of the account, of one scope, or of some time."""
    first, last = analysis_start_time_begin, analysis_start_time_end

    def in_time(one: AccessScopeAnalysis) -> bool:
        return (first is None or one.started >= first) and (last is None or one.started <= last)

    fits = Filters({"findings-found": lambda one: one.findings > 0, "scope": "scope", "in-time": in_time})
    wanted = [*filters, {"Name": "in-time", "Values": ["true"]}]
    if network_insights_access_scope_id:
        wanted.append({"Name": "scope", "Values": [network_insights_access_scope_id]})
    ids, member = network_insights_access_scope_analysis_ids, "NetworkInsightsAccessScopeAnalyses"
    return described(call, AccessScopeAnalysis, fits, member, analysis_shown, ids, wanted, max_results, next_token)


def analysis_shown(call: Call, one: AccessScopeAnalysis) -> Members:
    done = one.status != "running"
    return {
        "NetworkInsightsAccessScopeAnalysisId": one.network_insights_access_scope_analysis_id,
        "NetworkInsightsAccessScopeAnalysisArn": one.arn(call),
        "NetworkInsightsAccessScopeId": one.scope,
        "Status": one.status,
        "StartDate": one.started,
        "EndDate": one.ended if done else None,
        "FindingsFound": ("true" if one.findings else "false") if done else "unknown",
        "AnalyzedEniCount": one.interfaces,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def get_network_insights_access_scope_analysis_findings(
    call: Call, network_insights_access_scope_analysis_id: str, max_results: int = 0, next_token: str = ""
) -> Members:
    """The paths that were found."""
    analysis = named(call, AccessScopeAnalysis, network_insights_access_scope_analysis_id)
    there = [
        {
            "NetworkInsightsAccessScopeAnalysisId": one.analysis,
            "NetworkInsightsAccessScopeId": analysis.scope,
            "FindingId": f"AnalysisFinding-{one.number}",
            "FindingComponents": one.components,
        }
        for one in Finding.scan(call, network_insights_access_scope_analysis_id)
    ]
    page = paged(call, "AnalysisFindings", there, max_results, next_token)
    about = {"NetworkInsightsAccessScopeAnalysisId": network_insights_access_scope_analysis_id}
    return page | about | {"AnalysisStatus": analysis.status}


@ec2.operation
def delete_network_insights_access_scope_analysis(
    call: Call, network_insights_access_scope_analysis_id: str
) -> Members:
    """Forget an analysis with what it has found."""
    named(call, AccessScopeAnalysis, network_insights_access_scope_analysis_id).delete(call)
    Finding.delete_all(call, network_insights_access_scope_analysis_id)
    return {"NetworkInsightsAccessScopeAnalysisId": network_insights_access_scope_analysis_id}
