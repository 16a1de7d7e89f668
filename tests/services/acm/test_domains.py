"""Which hosted zone proves a name. While there is no Route 53, one that answers as its model says stands in for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pileus.services.acm import domains


class Route53:
    """Hosted zones by name, and their CNAME records."""

    def __init__(self, zones: dict[str, dict[str, str]], private: tuple[str, ...] = ()) -> None:
        self.zones = zones
        self.private = private

    def list_hosted_zones_by_name(self, dns_name: str, max_items: str) -> dict[str, Any]:
        after = sorted((name for name in self.zones if name >= dns_name), key=lambda name: name != dns_name)
        found = [
            {"Id": f"/hostedzone/{name}", "Name": name, "Config": {"PrivateZone": name in self.private}}
            for name in after[: int(max_items)]
        ]
        return {"HostedZones": found}

    async def list_resource_record_sets(
        self, hosted_zone_id: str, start_record_name: str, start_record_type: str, max_items: str
    ) -> dict[str, Any]:
        records = sorted(self.zones[hosted_zone_id].items())
        found = [
            {"Name": name, "Type": "CNAME", "ResourceRecords": [{"Value": value}]}
            for name, value in records
            if name >= start_record_name
        ]
        return {"ResourceRecordSets": found[: int(max_items)]}


class Call:
    """As much of a call as asking needs."""

    def __init__(self, route53: Route53) -> None:
        self.route53 = route53

    def aws(self, service: str, principal: Any) -> Route53:
        assert service == "route53"
        return self.route53


RECORD = {"Name": "_a.www.example.com.", "Type": "CNAME", "Value": "_b.c.acm-validations.aws."}


@pytest.mark.parametrize(
    ("zones", "private", "proven"),
    [
        ({"example.com.": {RECORD["Name"]: RECORD["Value"]}}, (), True),
        ({"example.com.": {RECORD["Name"]: RECORD["Value"].rstrip(".")}}, (), True),
        ({"www.example.com.": {RECORD["Name"]: RECORD["Value"]}, "example.com.": {}}, (), True),
        ({"www.example.com.": {}, "example.com.": {RECORD["Name"]: RECORD["Value"]}}, (), False),
        ({"example.com.": {RECORD["Name"]: "_other.acm-validations.aws."}}, (), False),
        ({"example.com.": {RECORD["Name"]: RECORD["Value"]}}, ("example.com.",), False),
        ({"example.org.": {RECORD["Name"]: RECORD["Value"]}}, (), False),
        ({}, (), False),
    ],
    ids=["record", "no dot", "smaller zone", "the smaller zone decides", "value", "private", "another", "none"],
)
def test_the_smallest_public_zone_of_a_name_proves_it(
    zones: dict[str, dict[str, str]], private: tuple[str, ...], proven: bool
) -> None:
    call: Any = Call(Route53(zones, private))
    assert asyncio.run(domains.published(call, RECORD)) is proven
