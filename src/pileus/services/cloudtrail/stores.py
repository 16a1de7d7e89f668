"""Event data stores: events kept for years, to be asked by SQL (CloudTrail Lake).

A store takes in what its selectors want of the events of its accounts and Regions (`ingesting`), or what comes by
channels and imports. Left out: configuration items and evidence; federation.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, Unfinished, names, tags
from pileus.kernel.trail import Selection

from . import cloudtrail, lookups
from .selectors import check_advanced

Members = dict[str, Any]

EXTENDABLE, FIXED = "EXTENDABLE_RETENTION_PRICING", "FIXED_RETENTION_PRICING"
LONGEST = {EXTENDABLE: 3653, FIXED: 2557}
USUAL = {EXTENDABLE: 366, FIXED: 2557}
MOST = 10
"""Stores of an account in a Region ("Quotas in AWS CloudTrail")."""
MOST_SELECTORS = 5
WAIT = 7 * 86400.0
"""How long a deleted store can be restored."""
DEFAULT: list[Members] = [
    {
        "Name": "Default management events",
        "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}],
    }
]
AUDIT, INSIGHT = "ActivityAuditLog", "Insight"
OUTSIDE = (AUDIT, INSIGHT)
"""What comes from elsewhere: such a store has one selector, and no ingestion that could be stopped."""
ENABLED, STOPPED, PENDING = "ENABLED", "STOPPED_INGESTION", "PENDING_DELETION"


class EventDataStore(Record, arn="eventdatastore/{id}", indexes={"by_name": ("name",)}, kw_only=True):
    """A store as it was configured, and how far it has come."""

    id: str
    name: str
    home: str
    selectors: list[Members]
    multi_region: bool
    organization: str = ""
    retention: int
    """Days."""
    billing: str
    protected: bool
    key: str = ""
    created: float
    updated: float
    status: str = "CREATED"
    run: int = 0
    """Counts the starts: the tasks of an earlier one stop by themselves."""
    ingested: float = 0.0
    """Up to when events have been looked at."""
    edge: list[str] = []
    """The ids of the events of that very moment that were taken in: there may come more."""
    deleted: float | None = None
    tags: dict[str, str] = {}
    policy: str = ""
    insights: list[Members] = []
    insights_since: float = 0.0
    looked: float = 0.0
    """Up to when rates have been looked at."""
    insights_destination: str = ""
    largest: str = "Standard"
    """The size of events."""
    context: dict[str, list[str]] = {}
    """The keys of tags and of requests that events tell too, by the type of selector."""

    @property
    def categories(self) -> set[str]:
        fields = [field for selector in self.selectors for field in selector["FieldSelectors"]]
        return {value for field in fields if field["Field"] == "eventCategory" for value in field["Equals"]}

    @property
    def from_outside(self) -> bool:
        return bool(self.categories & {*OUTSIDE})

    def resource_policy(self, call: Call) -> str:
        return self.policy

    def put(self, call: Call) -> EventDataStore:
        self.select(call)
        return super().put(call)

    def select(self, call: Call) -> None:
        """Say which data events are to be recorded for the store, and what is to be noted of all."""
        from .choosing import data_types

        taking = self.status == ENABLED and not self.from_outside
        types = sorted(data_types([], self.selectors)) if taking else []
        context = self.context if taking else {}
        name = f"eventdatastore/{self.id}"
        selection = Selection(call.account, self.home, name, types, self.multi_region, context=context)
        old = Selection.get(call, call.account, self.home, name)
        if (types or context) and old != selection:
            selection.put(call)
        elif not (types or context) and old:
            selection.delete(call)


def by_id(call: Call, event_data_store: str) -> EventDataStore:
    """The store of an ARN, or of the id at its end."""
    text = event_data_store
    if text.startswith("arn:"):
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[2] != "cloudtrail" or not parts[5].startswith("eventdatastore/"):
            raise Fault("EventDataStoreARNInvalidException", f"Invalid event data store ARN: {text}.")
        if parts[3] != call.region or parts[4] != call.account:
            raise absent(text)
        text = parts[5].removeprefix("eventdatastore/")
    found = EventDataStore.get(call, text)
    if found is None:
        raise absent(event_data_store)
    return found


def absent(name: str) -> Fault:
    return Fault("EventDataStoreNotFoundException", f"The event data store {name} was not found.")


def active(call: Call, event_data_store: str) -> EventDataStore:
    """The store, unless it waits for its deletion."""
    store = by_id(call, event_data_store)
    if store.status == PENDING:
        message = f"The event data store {store.arn(call)} is inactive."
        raise Fault("InactiveEventDataStoreException", message)
    return store


@cloudtrail.operation
def create_event_data_store(
    call: Call,
    name: str,
    advanced_event_selectors: list[Members] = [],
    multi_region_enabled: bool = True,
    organization_enabled: bool = False,
    retention_period: int | None = None,
    termination_protection_enabled: bool = True,
    tags_list: list[dict[str, str]] = [],
    kms_key_id: str = "",
    start_ingestion: bool = True,
    billing_mode: str = EXTENDABLE,
) -> Members:
    """Make a store, which begins to take in events unless that is to wait."""
    if EventDataStore.first(call, name, index="by_name"):
        raise Fault("EventDataStoreAlreadyExistsException", f"The event data store {name} already exists.")
    check_number(call)
    held = tags.as_map(tags_list)
    tags.check(held, code="InvalidTagParameterException")
    store = EventDataStore(
        id=names.uuid4(),
        name=name,
        home=call.region,
        selectors=checked(advanced_event_selectors or DEFAULT),
        multi_region=multi_region_enabled,
        organization=str(lookups.organization(call, delegated=True)["Id"]) if organization_enabled else "",
        retention=retention(retention_period, billing_mode),
        billing=billing_mode,
        protected=termination_protection_enabled,
        key=lookups.key_arn(call, kms_key_id),
        created=call.now,
        updated=call.now,
        ingested=call.now,
        tags=held,
    ).put(call)
    told = described(call, store) | {"TagsList": tags.as_list(held)}
    settle_store.later(call, store=store.id, status=ENABLED if start_ingestion or store.from_outside else STOPPED)
    return told


def check_number(call: Call) -> None:
    if sum(1 for _ in EventDataStore.scan(call)) >= MOST:
        message = f"Your account has used the maximum number of event data stores: {MOST}."
        raise Fault("EventDataStoreMaxLimitExceededException", message)


def retention(days: int | None, billing: str) -> int:
    if days is not None and days > LONGEST[billing]:
        message = f"RetentionPeriod can be at most {LONGEST[billing]} days with {billing}."
        raise Fault("InvalidParameterException", message, status=400)
    return days or USUAL[billing]


def checked(selectors: list[Members]) -> list[Members]:
    if len(selectors) > MOST_SELECTORS:
        message = f"An event data store can have up to {MOST_SELECTORS} advanced event selectors."
        raise Fault("InvalidEventSelectorsException", message)
    for selector in selectors:
        category = next(
            (field.get("Equals", [""])[0] for field in selector["FieldSelectors"] if field["Field"] == "eventCategory"),
            "",
        )
        if category in ("ConfigurationItem", "Evidence"):
            raise Unfinished(f"Pileus has no event data stores for {category} yet.")
        if category not in OUTSIDE:
            check_advanced(selector)
        elif len(selectors) > 1:
            message = f"A selector for {category} must be the only one."
            raise Fault("InvalidEventSelectorsException", message)
    return selectors


@cloudtrail.task
def settle_store(call: Call, store: str, status: str) -> None:
    """A store takes in events from now on, or does so no more; or its time is over."""
    from .ingesting import Batch, ingest, pause

    found = EventDataStore.get(call, store)
    if found is None:
        return
    if status == "":
        if found.status == PENDING and found.deleted is not None and found.deleted <= call.now:
            Batch.delete_all(call, store)
            found.delete(call)
        return
    if status == ENABLED and found.status in ("CREATED", "STARTING_INGESTION"):
        found.status, found.ingested, found.edge, found.run = ENABLED, call.now, [], found.run + 1
        found.put(call)
        if not found.from_outside:
            ingest.later(call, store=store, run=found.run, delay=pause(found))
    elif status == STOPPED and found.status in ("CREATED", "STOPPING_INGESTION"):
        found.status = STOPPED
        found.put(call)


def described(call: Call, store: EventDataStore) -> Members:
    return {
        "EventDataStoreArn": store.arn(call),
        "Name": store.name,
        "Status": store.status,
        "AdvancedEventSelectors": store.selectors,
        "MultiRegionEnabled": store.multi_region,
        "OrganizationEnabled": bool(store.organization),
        "RetentionPeriod": store.retention,
        "TerminationProtectionEnabled": store.protected,
        "CreatedTimestamp": store.created,
        "UpdatedTimestamp": store.updated,
        "KmsKeyId": store.key or None,
        "BillingMode": store.billing,
    }


@cloudtrail.operation(on=by_id)
def get_event_data_store(call: Call, store: EventDataStore) -> Members:
    return described(call, store)


@cloudtrail.operation
def list_event_data_stores(call: Call, next_token: str = "", max_results: int = 1000) -> Members:
    """The account's stores in this Region."""
    invalid = Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again.")
    page = EventDataStore.page(call, limit=max_results, token=next_token, invalid=invalid)
    hidden = ("KmsKeyId", "BillingMode")
    return {
        "EventDataStores": [
            {name: value for name, value in described(call, store).items() if name not in hidden}
            for store in page.items
        ],
        "NextToken": page.token,
    }


@cloudtrail.operation(on=active)
def update_event_data_store(
    call: Call,
    store: EventDataStore,
    name: str = "",
    advanced_event_selectors: list[Members] = [],
    multi_region_enabled: bool | None = None,
    organization_enabled: bool | None = None,
    retention_period: int | None = None,
    termination_protection_enabled: bool | None = None,
    kms_key_id: str = "",
    billing_mode: str = "",
) -> Members:
    """Change what is named. A key, once there is one, stays."""
    if name and name != store.name and EventDataStore.first(call, name, index="by_name"):
        raise Fault("EventDataStoreAlreadyExistsException", f"The event data store {name} already exists.")
    key = lookups.key_arn(call, kms_key_id)
    if key and store.key not in ("", key):
        raise Fault("OperationNotPermittedException", "The KMS key of an event data store cannot be changed.")
    if billing_mode == FIXED and store.billing == EXTENDABLE:
        message = "BillingMode cannot be changed to FIXED_RETENTION_PRICING."
        raise Fault("InvalidParameterException", message, status=400)
    changes: Members = {
        "name": name or store.name,
        "key": key or store.key,
        "billing": billing_mode or store.billing,
        "selectors": checked(advanced_event_selectors) if advanced_event_selectors else store.selectors,
        "multi_region": store.multi_region if multi_region_enabled is None else multi_region_enabled,
        "protected": store.protected if termination_protection_enabled is None else termination_protection_enabled,
        "updated": call.now,
    }
    if retention_period is not None:
        changes["retention"] = retention(retention_period, changes["billing"])
    if organization_enabled is not None:
        changes["organization"] = str(lookups.organization(call, delegated=True)["Id"]) if organization_enabled else ""
    changed = msgspec.structs.replace(store, **changes)
    if changed.from_outside != store.from_outside:
        raise Fault("InvalidEventSelectorsException", "The category of an event data store cannot be changed.")
    store.delete(call)  # the name is in an index
    changed.put(call)
    return described(call, changed)


@cloudtrail.operation(on=active)
def delete_event_data_store(call: Call, store: EventDataStore) -> None:
    """Delete a store in seven days, in which it can be restored."""
    from .channels import destined
    from .imports import ongoing

    if store.protected:
        message = "The event data store cannot be deleted because termination protection is enabled for it."
        raise Fault("EventDataStoreTerminationProtectedException", message)
    if destined(call, store.arn(call)):
        message = "One or more channels have the event data store as a destination."
        raise Fault("ChannelExistsForEDSException", message)
    if ongoing(call, store.arn(call)):
        message = "The event data store has an import that is not over."
        raise Fault("EventDataStoreHasOngoingImportException", message)
    store.status, store.deleted, store.updated = PENDING, call.now + WAIT, call.now
    store.put(call)
    settle_store.later(call, store=store.id, status="", due=store.deleted)


@cloudtrail.operation(on=by_id)
def restore_event_data_store(call: Call, store: EventDataStore) -> Members:
    """Keep a store after all. It takes in events again."""
    if store.status != PENDING:
        raise wrong_status(store)
    store.status, store.deleted, store.updated = "CREATED", None, call.now
    store.put(call)
    settle_store.later(call, store=store.id, status=ENABLED)
    return described(call, store)


def wrong_status(store: EventDataStore) -> Fault:
    message = f"The event data store is not in a status that supports the operation: {store.status}."
    return Fault("InvalidEventDataStoreStatusException", message)


def own_events(call: Call, event_data_store: str) -> EventDataStore:
    """A store that takes in events by itself."""
    store = by_id(call, event_data_store)
    if store.from_outside:
        message = "The event data store does not have events whose ingestion could be started or stopped."
        raise Fault("InvalidEventDataStoreCategoryException", message)
    return store


@cloudtrail.operation(on=own_events)
def start_event_data_store_ingestion(call: Call, store: EventDataStore) -> None:
    """Take in events from now on."""
    if store.status != STOPPED:
        raise wrong_status(store)
    store.status, store.updated = "STARTING_INGESTION", call.now
    store.put(call)
    settle_store.later(call, store=store.id, status=ENABLED)


@cloudtrail.operation(on=own_events)
def stop_event_data_store_ingestion(call: Call, store: EventDataStore) -> None:
    """Take in no more events than there have been."""
    from .ingesting import take_in

    if store.status != ENABLED:
        raise wrong_status(store)
    take_in(call, store, call.now)
    store.status, store.updated = "STOPPING_INGESTION", call.now
    store.put(call)
    settle_store.later(call, store=store.id, status=STOPPED)
