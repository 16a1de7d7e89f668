"""Where lines begin: some of AWS's Direct Connect locations ("AWS Direct Connect Locations"), by Region."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import directconnect, refused

SPEEDS = ["1Gbps", "10Gbps", "100Gbps"]

LOCATIONS = {
    "us-east-1": {"EqDC2": "Equinix DC1 - DC6, DC10-DC15, Ashburn, VA", "CSDC3": "CoreSite VA1, Reston, VA"},
    "us-east-2": {"CRCO1": "Cologix COL2, Columbus, OH"},
    "us-west-1": {"EqSV5": "Equinix SV1, SV5, San Jose, CA", "CSSV4": "CoreSite SV4, Santa Clara, CA"},
    "us-west-2": {"EqSE2": "Equinix SE2, Seattle, WA", "TIPT1": "EdgeConneX, Portland, OR"},
    "eu-west-1": {"EqDB1": "Equinix DB1, Dublin, IRL"},
    "eu-west-2": {"EqLD5": "Equinix LD5, London, GBR"},
    "eu-central-1": {"EqFA5": "Equinix FR5, Frankfurt, DEU", "ItxFR": "Interxion FRA6, Frankfurt, DEU"},
    "ap-northeast-1": {"EqTY2": "Equinix TY2, Tokyo, JPN"},
    "ap-southeast-1": {"EqSG2": "Equinix SG2, Singapore, SGP"},
    "ap-southeast-2": {"EqSY3": "Equinix SY3, Sydney, AUS"},
}


@directconnect.operation
def describe_locations(call: Call) -> dict[str, Any]:
    """The locations of the Region."""
    return {
        "locations": [
            {
                "locationCode": code,
                "locationName": name,
                "region": call.region,
                "availablePortSpeeds": SPEEDS,
                "availableProviders": [],
                "availableMacSecPortSpeeds": [],
            }
            for code, name in LOCATIONS.get(call.region, {}).items()
        ]
    }


def check_location(call: Call, code: str) -> None:
    if code not in LOCATIONS.get(call.region, {}):
        raise refused(f"Location {code} is invalid in {call.region}")


def check_speed(bandwidth: str) -> None:
    if bandwidth not in SPEEDS:
        raise refused(f"Bandwidth {bandwidth} is invalid; valid values are {', '.join(SPEEDS)}")
