"""Storage Lens configurations: what is measured of an account's storage every day, and where that is told.

"Assessing your storage activity and usage with Amazon S3 Storage Lens", S3 User Guide. What is measured is in
`lens_figures` and `lens_counting`, what is told of it in `lens_exports` and `lens_tables`. Left out: reports of
expanded prefixes, performance metrics, and what goes to the Cost and Usage Report; who asks for one is told so.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, Unfinished, identity, tags
from pileus.services.s3 import observing, rules, table_files
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.faults import fault, invalid_request, no_bucket

from . import lens_accounts, mine, s3control
from .lens_accounts import ITSELF
from .tagging import tagged

DEFAULT = "default-account-dashboard"
HOME = "us-east-1"
"""Where the default dashboard is."""
MOST = 50
MOST_LISTED = 1000

Members = dict[str, Any]


class Configuration(Record, scope="account", key=("home", "id"), kw_only=True, omit_defaults=True):
    """A configuration of an account, at home in one Region: a dashboard, in the words of the console."""

    home: str
    id: str
    content: Members
    tags: dict[str, str] = {}
    due: float = 0.0
    """When it is next measured; 0 if nobody is to be told."""

    def arn(self, call: Call) -> str:
        return call.arn(f"storage-lens/{self.id}", "s3")

    @property
    def export(self) -> Members:
        """The bucket that the metrics go to, if they go to one."""
        found: Members = self.content.get("DataExport", {}).get("S3BucketDestination", {})
        return found

    @property
    def published(self) -> bool:
        """Whether the metrics go to CloudWatch."""
        return bool(self.content.get("DataExport", {}).get("CloudWatchMetrics", {}).get("IsEnabled"))

    @property
    def table(self) -> Members:
        """What is said of the tables that the metrics go to, if they go to some."""
        found: Members = self.content.get("DataExport", {}).get("StorageLensTableDestination", {})
        return found if found.get("IsEnabled") else {}

    @property
    def told(self) -> bool:
        return bool(self.content["IsEnabled"] and (self.export or self.published or self.table))

    @property
    def active(self) -> bool:
        """Whether requests are counted for it."""
        account = self.content["AccountLevel"]
        names = ("ActivityMetrics", "DetailedStatusCodesMetrics")
        levels = (account, account["BucketLevel"])
        return self.told and any(enabled(level, name) for level in levels for name in names)


class Observing(Record, scope="account"):
    """An account whose requests are counted for a configuration of this one."""

    account: str


def enabled(level: Members, name: str) -> bool:
    return bool(level.get(name, {}).get("IsEnabled"))


def lens(call: Call, account_id: str, config_id: str) -> Configuration:
    """The configuration of a request; the default one is there from the beginning."""
    at = call.at(account=mine(call, account_id))
    found = Configuration.get(at, call.region, config_id) or (
        default() if config_id == DEFAULT and call.region == HOME else None
    )
    if found is None:
        raise fault("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    return found


def default() -> Configuration:
    content = {"Id": DEFAULT, "AccountLevel": {"BucketLevel": {}}, "IsEnabled": True}
    return Configuration(home=HOME, id=DEFAULT, content=content)


@s3control.operation(on=mine)
def put_storage_lens_configuration(
    call: Call,
    account: str,
    config_id: str,
    storage_lens_configuration: Members,
    tags: list[dict[str, str]] = [],
) -> None:
    """Add or replace a configuration. The first measuring is at the end of the day."""
    check(call, config_id, storage_lens_configuration)
    old = Configuration.get(call, call.region, config_id)
    if old is None and config_id != DEFAULT and sum(1 for _ in Configuration.scan(call, call.region)) >= MOST:
        raise fault("TooManyConfigurations", f"The number of configurations exceeds the limit of {MOST}.")
    kept = old.tags if old else {}
    new = Configuration(
        home=call.region,
        id=config_id,
        content=storage_lens_configuration,
        tags=tagged(tags) if tags else kept,
        due=old.due if old else 0.0,
    )
    plan(call, new)
    observe(call)


def check(call: Call, name: str, content: Members) -> None:
    """Refuse what cannot be, and what is not built."""
    if content["Id"] != name:
        raise invalid_request("The configuration ID in the request does not match the one in the document")
    scope = [content[kind] for kind in ("Include", "Exclude") if content.get(kind)]
    if len(scope) > 1:
        raise invalid_request("A configuration either includes or excludes buckets and Regions")
    if name == DEFAULT and (call.region != HOME or scope):
        raise invalid_request("The scope and the home Region of the default dashboard cannot be changed")
    check_built(content)
    if organization := content.get("AwsOrg"):
        lens_accounts.check(call, organization)
    to = content.get("DataExport", {}).get("S3BucketDestination")
    if to:
        target = bucket_of(to)
        there = Bucket.get(call, call.partition, target)
        if there is None:
            raise no_bucket(target)
        if there.region != call.region:
            raise invalid_request("The destination bucket must be in the home Region of the configuration")


def check_built(content: Members) -> None:
    account = content["AccountLevel"]
    absent = {
        "reports of expanded prefixes": bool(content.get("ExpandedPrefixesDataExport")),
        "access tiers": bool(content.get("IntAccessTiers", {}).get("IsEnabled")),
        "Cost and Usage Reports": enabled(content.get("CostAndUsageReportsPublish", {}), "PrefixLevel"),
        "performance metrics": any(
            enabled(level, "AdvancedPerformanceMetrics") for level in (account, account["BucketLevel"])
        ),
    }
    if enabled(content.get("DataExport", {}), "StorageLensTableDestination"):
        table_files.check_installed()
    if missing := [name for name, asked in absent.items() if asked]:
        raise Unfinished(f"Pileus has no {' and no '.join(missing)} for Storage Lens.")


def bucket_of(to: Members) -> str:
    """The bucket of a destination, whichever of its two ARNs names it."""
    name: str = to["Arn"].rpartition(":")[2].rpartition("/")[2]
    return name


def plan(call: Call, found: Configuration) -> None:
    """Have the day that is under way measured when it is over, if anybody is to be told."""
    due = rules.tomorrow(call.now) if found.told else 0.0
    if due and due != found.due:
        from .lens_exports import measure

        who = identity.service(ITSELF, found.arn(call), call.account)
        at = call.at(principal=who, source_ip="", members={})
        measure.later(at, name=found.id, planned=due, due=due)
    found.due = due
    found.put(call)


def observe(call: Call) -> None:
    """Have the requests of buckets counted, of all accounts that a configuration wants to know of, and of no others."""
    active = [each for each in Configuration.scan(call) if each.active]
    wanted = {account for each in active for account in lens_accounts.of(call, each.content)}
    for left in list(Observing.scan(call)):
        if left.account not in wanted:
            observing.measure_account(call.at(account=left.account), call.account, wanted=False)
            left.delete(call)
    for account in sorted(wanted):
        observing.measure_account(call.at(account=account), call.account, wanted=True)
        Observing(account).put(call)


@s3control.operation(on=lens)
def get_storage_lens_configuration(call: Call, found: Configuration) -> Members:
    """The configuration as it was put."""
    return {"StorageLensConfiguration": {**found.content, "StorageLensArn": found.arn(call)}}


@s3control.operation(on=mine)
def list_storage_lens_configurations(call: Call, account: str, next_token: str = "") -> Members:
    """The configurations that are at home in this Region."""
    wrong = invalid_request("The continuation token provided is incorrect")
    page = Configuration.page(call, call.region, limit=MOST_LISTED, token=next_token, invalid=wrong)
    found = page.items
    if call.region == HOME and not next_token and Configuration.get(call, HOME, DEFAULT) is None:
        found = [default(), *found]
    rows = [
        {
            "Id": each.id,
            "StorageLensArn": each.arn(call),
            "HomeRegion": call.region,
            "IsEnabled": each.content["IsEnabled"],
        }
        for each in found
    ]
    return {"StorageLensConfigurationList": rows, "NextToken": page.token}


@s3control.operation(on=lens)
def delete_storage_lens_configuration(call: Call, found: Configuration) -> None:
    """Remove a configuration; the default one cannot be."""
    if found.id == DEFAULT:
        raise invalid_request("The default dashboard cannot be deleted")
    found.delete(call)
    observe(call)


# Tags


@s3control.operation(on=lens)
def put_storage_lens_configuration_tagging(
    call: Call, found: Configuration, tags: list[dict[str, str]]
) -> dict[str, Any]:
    """Replace the tags."""
    found.tags = tagged(tags)
    found.put(call)
    return {}


@s3control.operation(on=lens)
def get_storage_lens_configuration_tagging(call: Call, found: Configuration) -> Members:
    """The tags."""
    return {"Tags": tags.as_list(found.tags)}


@s3control.operation(on=lens)
def delete_storage_lens_configuration_tagging(call: Call, found: Configuration) -> dict[str, Any]:
    """Remove the tags."""
    found.tags = {}
    found.put(call)
    return {}
