"""The deliverability dashboard: tests of letters, and what became of those of subscribed domains.

A test looks at a letter as SES's own receiving does (spam, viruses, SPF, DKIM): there is one provider here, the cloud's
mailbox. Statistics and campaigns are those of the letters that were really sent; who complained had it for spam. No
address here is on anybody's block list.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names, paging
from pileus.services.ses import arrivals, identities, letters
from pileus.services.ses import sending as ses_sending
from pileus.services.ses.arrivals import Envelope
from pileus.services.ses.faults import wrong
from pileus.services.ses.insights import DAY, Outgoing, between

from . import sending, sesv2
from .tagging import with_tags

TEST_TAKES = float(DAY)
PROVIDER = "Mailbox"
PARTS = ("Inbox", "Spam", "Missing", "Spf", "Dkim")

Domain = dict[str, Any]


class Dashboard(Record, table="sesv2.DeliverabilityDashboard"):
    id: str
    enabled: bool
    domains: list[Domain]


def dashboard(call: Call) -> Dashboard:
    return Dashboard.get(call, "dashboard") or Dashboard("dashboard", False, [])


@sesv2.operation
def put_deliverability_dashboard_option(
    call: Call, dashboard_enabled: bool, subscribed_domains: list[Domain] = []
) -> None:
    """Switch the dashboard on for some domains, or off."""
    for one in subscribed_domains:
        if identities.get(call, one.get("Domain", "")) is None:
            raise Fault("NotFoundException", f"Domain {one.get('Domain')} does not exist.")
    domains = [{"SubscriptionStartDate": call.now, **one} for one in subscribed_domains]
    Dashboard("dashboard", dashboard_enabled, domains if dashboard_enabled else []).put(call)


@sesv2.operation
def get_deliverability_dashboard_options(call: Call) -> dict[str, Any]:
    found = dashboard(call)
    status = "ACTIVE" if found.enabled else "DISABLED"
    return {
        "DashboardEnabled": found.enabled,
        "AccountStatus": status,
        "ActiveSubscribedDomains": found.domains,
        "PendingExpirationSubscribedDomains": [],
    }


def subscribed(call: Call, domain: str) -> None:
    if not any(one["Domain"] == domain for one in dashboard(call).domains):
        raise Fault("NotFoundException", f"Domain {domain} is not subscribed to the deliverability dashboard.")


# Tests


class TestReport(
    Record,
    arn="arn:{partition}:ses:{region}:{account}:deliverability-test-report/{id}",
    indexes={"by_time": ("created",)},
    table="sesv2.DeliverabilityTestReport",
):
    __test__ = False

    id: str
    name: str
    sender: str
    subject: str
    message: str
    verdicts: dict[str, str]
    created: float
    tags: dict[str, str] = {}

    def status(self, call: Call) -> str:
        return "COMPLETED" if call.now >= self.created + TEST_TAKES else "IN_PROGRESS"

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "ReportId": self.id,
            "ReportName": self.name or None,
            "Subject": self.subject,
            "FromEmailAddress": self.sender,
            "CreateDate": self.created,
            "DeliverabilityTestStatus": self.status(call),
        }

    def placement(self) -> dict[str, float]:
        good = {name: self.verdicts[name] != "FAIL" for name in ("spam", "virus")}
        arrives, inbox = good["virus"], good["virus"] and good["spam"]
        signed = {name: self.verdicts[name] == "PASS" for name in ("spf", "dkim")}
        claims = (inbox, arrives and not inbox, not arrives, signed["spf"], signed["dkim"])
        return {f"{part}Percentage": 100.0 if claim else 0.0 for part, claim in zip(PARTS, claims, strict=True)}


@sesv2.operation
def create_deliverability_test_report(
    call: Call,
    from_email_address: str,
    content: dict[str, Any],
    report_name: str = "",
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Test a letter; the result is there a day later."""
    ses_sending.check_sender(call, from_email_address)
    message = sending.composed(call, content, from_email_address)
    letter = ses_sending.sealed(call, message, [f"inbox@{ses_sending.SIMULATOR}"], {})
    verdicts = arrivals.verdicts(call, Envelope(letter.sender, letter.to), letter.raw, True)
    held, text = with_tags({}, tags), letters.plain_text(message)
    made = TestReport(
        names.uuid4(), report_name, from_email_address, letter.subject, text, verdicts, call.now, held
    ).put(call)
    return {"ReportId": made.id, "DeliverabilityTestStatus": made.status(call)}


def existing(call: Call, report_id: str) -> TestReport:
    found = TestReport.get(call, report_id)
    if found is None:
        raise Fault("NotFoundException", f"Deliverability test report {report_id} does not exist.")
    return found


@sesv2.operation(on=existing)
def get_deliverability_test_report(call: Call, found: TestReport) -> dict[str, Any]:
    done = found.status(call) == "COMPLETED"
    placement = found.placement() if done else {}
    return {
        "DeliverabilityTestReport": found.shown(call),
        "OverallPlacement": placement,
        "IspPlacements": [{"IspName": PROVIDER, "PlacementStatistics": placement}] if done else [],
        "Message": found.message,
        "Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()],
    }


@sesv2.operation
def list_deliverability_test_reports(call: Call, next_token: str = "", page_size: int = 100) -> dict[str, Any]:
    invalid = wrong(call, "Invalid NextToken")
    page = TestReport.page(call, index="by_time", reverse=True, limit=page_size, token=next_token, invalid=invalid)
    return {"DeliverabilityTestReports": [one.shown(call) for one in page.items], "NextToken": page.token}


@sesv2.operation
def get_blacklist_reports(call: Call, blacklist_item_names: list[str]) -> dict[str, Any]:
    return {"BlacklistReport": {name: [] for name in blacklist_item_names}}


# Domains


@sesv2.operation
def get_domain_statistics_report(call: Call, domain: str, start_date: float, end_date: float) -> dict[str, Any]:
    """Letters of a domain that were delivered, opened, and taken for spam: in all, by day and by provider."""
    subscribed(call, domain)
    by_day: dict[int, dict[str, dict[str, int]]] = {}
    for volume in between(call, start_date, end_date):
        if of_domain(volume.identity, domain):
            counts = by_day.setdefault(volume.day, {}).setdefault(volume.isp, {})
            counts[volume.metric] = counts.get(volume.metric, 0) + volume.count
    whole: dict[str, dict[str, int]] = {}
    for isps in by_day.values():
        for isp, counts in isps.items():
            held = whole.setdefault(isp, {})
            for metric, count in counts.items():
                held[metric] = held.get(metric, 0) + count
    delivered, opened = (sum(counts.get(metric, 0) for counts in whole.values()) for metric in ("DELIVERY", "OPEN"))
    return {
        "OverallVolume": volumes(whole) | {"ReadRatePercent": 100.0 * opened / delivered if delivered else 0.0},
        "DailyVolumes": [{"StartDate": day * DAY, **volumes(isps)} for day, isps in sorted(by_day.items())],
    }


def of_domain(identity: str, domain: str) -> bool:
    name = identity.rpartition("@")[2]
    return name == domain or name.endswith(f".{domain}")


def volumes(isps: dict[str, dict[str, int]]) -> dict[str, Any]:
    placements = [{"IspName": isp, **placed(counts)} for isp, counts in sorted(isps.items())]
    inbox, spam = (sum(one[f"{part}RawCount"] for one in placements) for part in ("Inbox", "Spam"))
    told = {"InboxRawCount": inbox, "SpamRawCount": spam, "ProjectedInbox": inbox, "ProjectedSpam": spam}
    return {"VolumeStatistics": told, "DomainIspPlacements": placements}


def placed(counts: dict[str, int]) -> dict[str, Any]:
    """Who complained had had it in the inbox first."""
    spam = counts.get("COMPLAINT", 0)
    inbox = counts.get("DELIVERY", 0)
    whole = inbox + spam
    shares = {part: 100.0 * count / whole if whole else 0.0 for part, count in (("Inbox", inbox), ("Spam", spam))}
    return {"InboxRawCount": inbox, "SpamRawCount": spam} | {f"{part}Percentage": one for part, one in shares.items()}


# Campaigns: letters of one sender with one subject. A campaign's id is that of its first letter.


@sesv2.operation
def list_domain_deliverability_campaigns(
    call: Call, start_date: float, end_date: float, subscribed_domain: str, next_token: str = "", page_size: int = 100
) -> dict[str, Any]:
    subscribed(call, subscribed_domain)
    groups: dict[tuple[str, str], list[Outgoing]] = {}
    for letter in Outgoing.scan(call, index="by_time", since=(start_date,), upto=(end_date,)):
        if of_domain(letter.sender, subscribed_domain):
            groups.setdefault((letter.sender, letter.subject), []).append(letter)
    found = [campaign(some) for some in groups.values()]
    start = paging.opened(call, next_token, wrong(call, "Invalid NextToken")) if next_token else 0
    following = paging.sealed(call, start + page_size) if start + page_size < len(found) else None
    return {"DomainDeliverabilityCampaigns": found[start : start + page_size], "NextToken": following}


@sesv2.operation
def get_domain_deliverability_campaign(call: Call, campaign_id: str) -> dict[str, Any]:
    first = Outgoing.get(call, campaign_id)
    if first is None:
        raise Fault("NotFoundException", f"Campaign {campaign_id} does not exist.")
    subscribed(call, first.sender.rpartition("@")[2])
    alike = [
        letter
        for letter in Outgoing.scan(call, index="by_time", since=(first.at,))
        if (letter.sender, letter.subject) == (first.sender, first.subject)
    ]
    return {"DomainDeliverabilityCampaign": campaign(alike)}


def campaign(some: list[Outgoing]) -> dict[str, Any]:
    kinds = [kind for letter in some for _, _, kind, _ in letter.events]
    inbox, spam, opened = (kinds.count(kind) for kind in ("DELIVERY", "COMPLAINT", "OPEN"))
    return {
        "CampaignId": some[0].id,
        "Subject": some[0].subject,
        "FromAddress": some[0].sender,
        "FirstSeenDateTime": some[0].at,
        "LastSeenDateTime": some[-1].at,
        "InboxCount": inbox,
        "SpamCount": spam,
        "ReadRate": opened / inbox if inbox else 0.0,
        "ProjectedVolume": inbox + spam,
        "Esps": ["Amazon SES"],
    }
