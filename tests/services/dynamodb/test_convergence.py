"""Global tables converge: whatever is written where, and in whichever order it arrives, the last writes win."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.kernel.call import Call
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store

ACCOUNT = "111122223333"
REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
TABLE = "table"

writes = st.tuples(st.just("write"), st.sampled_from(REGIONS), st.sampled_from("abc"), st.integers(0, 9) | st.none())
passing = st.tuples(st.just("pass"), st.sampled_from([0.0, 0.000001, 0.3]))
shipping = st.tuples(st.just("ship"), st.sampled_from(REGIONS), st.sampled_from(REGIONS))


class World:
    """A table in three Regions, whose replication happens only when it is told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.cloud = Cloud(open_store(None), Clock(lambda: self.now))
        self.service = self.cloud.service("dynamodb")
        self.do(
            "us-east-1",
            "CreateTable",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.service.tasks["activate"](self.call("us-east-1"), name=TABLE)
        others = [{"Create": {"RegionName": region}} for region in REGIONS[1:]]
        self.do("us-east-1", "UpdateTable", ReplicaUpdates=others)
        box = self.do("us-east-1", "DescribeTable")
        assert box["Table"]["Replicas"]
        self.boxes = {region: self.box(region) for region in REGIONS}
        for region in REGIONS[1:]:
            here = self.call("us-east-1")
            self.service.tasks["fill_replica"](here, name=TABLE, box=self.boxes["us-east-1"], peer=region, after=b"")

    def call(self, region: str, operation: str = "") -> Call:
        return self.cloud.call("dynamodb", operation, account=ACCOUNT, region=region, principal=root(ACCOUNT))

    def box(self, region: str) -> str:
        found: Any = self.service.bound("DescribeTable").find(self.call(region), {"TableName": TABLE})
        return str(found.box)

    def do(self, region: str, operation: str, **members: Any) -> Any:
        return self.cloud.perform(self.call(region, operation), operation, {"TableName": TABLE, **members})

    def write(self, region: str, key: str, value: int | None) -> None:
        if value is None:
            self.do(region, "DeleteItem", Key={"pk": {"S": key}})
        else:
            self.do(region, "PutItem", Item={"pk": {"S": key}, "v": {"N": str(value)}})

    def ship(self, region: str, peer: str) -> None:
        if region != peer:
            self.service.tasks["ship"](self.call(region), name=TABLE, box=self.boxes[region], peer=peer)

    def items(self, region: str) -> dict[str, str]:
        return {item["pk"]["S"]: item["v"]["N"] for item in self.do(region, "Scan")["Items"]}


@settings(max_examples=60, deadline=None)
@given(st.lists(writes | passing | shipping, max_size=40))
def test_all_regions_end_with_the_same_items(events: list[Any]) -> None:
    world = World()
    last: dict[str, int | None] = {}
    moments: dict[str, float] = {}
    for kind, *what in events:
        if kind == "pass":
            world.now += what[0]
        elif kind == "ship":
            world.ship(*what)
        else:
            region, key, value = what
            if value is None and key not in world.items(region):
                continue  # to delete what has not arrived is to do nothing, and nothing is replicated
            world.write(region, key, value)
            if world.now > moments.get(key, 0.0) + 0.001:  # writes of one moment are ordered by their Regions
                last[key] = value
            else:
                last.pop(key, None)
            moments[key] = world.now
    for _ in range(2):
        for region in REGIONS:
            for peer in REGIONS:
                world.ship(region, peer)
    items = [world.items(region) for region in REGIONS]
    assert items[0] == items[1] == items[2]
    for key, value in last.items():
        assert items[0].get(key) == (None if value is None else str(value))
