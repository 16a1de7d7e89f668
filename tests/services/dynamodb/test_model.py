"""Random operations against a model that is too simple to be wrong: a dict of items, looked through from end to end."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.errors import Fault
from pileus.kernel.identity import root
from pileus.kernel.store import open_store
from pileus.services.dynamodb.streams import Change

ACCOUNT = "111122223333"
PKS = st.sampled_from(["a", "b", "c\0", "c"])
SKS = st.sampled_from(["-10", "-1", "0", "0.5", "1", "2", "10"])
GS = st.one_of(st.none(), st.sampled_from(["x", "y", "xx"]))
NUMBERS = st.integers(-3, 3)
TABLE = "table"
Key = tuple[str, str]
Item = dict[str, Any]


def item_of(key: Key, g: str | None, number: int) -> Item:
    item = {"pk": {"S": key[0]}, "sk": {"N": key[1]}, "n": {"N": str(number)}, "rest": {"S": "o"}}
    return item | ({"g": {"S": g}} if g else {})


KEYS = st.tuples(PKS, SKS)


class Tables(RuleBasedStateMachine):
    """A table with a global index that leaves items out, a local one, and a stream."""

    @initialize()
    def create(self) -> None:
        self.store = open_store(None)
        self.cloud = Cloud(self.store, Clock(lambda: 1_700_000_000.0))
        self.items: dict[Key, Item] = {}
        self.events: list[tuple[Item | None, Item | None]] = []

        def keys(*names: str) -> list[dict[str, str]]:
            return [{"AttributeName": n, "KeyType": k} for n, k in zip(names, ("HASH", "RANGE"), strict=False)]

        self.do(
            "CreateTable",
            KeySchema=keys("pk", "sk"),
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind}
                for name, kind in zip(["pk", "sk", "g", "n"], "SNSN", strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[
                {"IndexName": "byG", "KeySchema": keys("g", "n"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            ],
            LocalSecondaryIndexes=[
                {"IndexName": "byN", "KeySchema": keys("pk", "n"), "Projection": {"ProjectionType": "ALL"}}
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        call = self.cloud.call("dynamodb", account=ACCOUNT)
        self.cloud.service("dynamodb").tasks["activate"](call, name=TABLE)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def do(self, operation: str, **members: Any) -> Any:
        call = self.cloud.call("dynamodb", operation, account=ACCOUNT, principal=root(ACCOUNT))
        whole = members if "TransactItems" in members else {"TableName": TABLE} | members
        return self.cloud.perform(call, operation, whole)

    def set(self, key: Key, item: Item | None) -> None:
        old = self.items.pop(key, None)
        if item is not None:
            self.items[key] = item
        if old != item:
            self.events.append((old, item))

    def key(self, key: Key) -> Item:
        return {"pk": {"S": key[0]}, "sk": {"N": key[1]}}

    @rule(key=KEYS, g=GS, number=NUMBERS)
    def put(self, key: Key, g: str | None, number: int) -> None:
        self.do("PutItem", Item=item_of(key, g, number))
        self.set(key, item_of(key, g, number))

    @rule(key=KEYS, g=GS, number=NUMBERS, limit=NUMBERS)
    def put_if_smaller(self, key: Key, g: str | None, number: int, limit: int) -> None:
        old = self.items.get(key)
        holds = old is None or int(old["n"]["N"]) < limit
        try:
            self.do(
                "PutItem",
                Item=item_of(key, g, number),
                ConditionExpression="attribute_not_exists(pk) OR n < :limit",
                ExpressionAttributeValues={":limit": {"N": str(limit)}},
            )
            assert holds
            self.set(key, item_of(key, g, number))
        except Fault as fault:
            assert fault.code == "ConditionalCheckFailedException" and not holds  # noqa: PT017

    @rule(key=KEYS, number=NUMBERS)
    def add(self, key: Key, number: int) -> None:
        self.do(
            "UpdateItem",
            Key=self.key(key),
            UpdateExpression="ADD n :n SET rest = :o REMOVE g",
            ExpressionAttributeValues={":n": {"N": str(number)}, ":o": {"S": "o"}},
        )
        old = self.items.get(key)
        self.set(key, item_of(key, None, (int(old["n"]["N"]) if old else 0) + number))

    @rule(key=KEYS)
    def delete(self, key: Key) -> None:
        self.do("DeleteItem", Key=self.key(key))
        self.set(key, None)

    @rule(payer=KEYS, payee=KEYS, amount=st.integers(0, 5))
    def transfer(self, payer: Key, payee: Key, amount: int) -> None:
        """Take from one and give to another, if the one has it and the other is there."""
        values = {":a": {"N": str(amount)}}

        def part(key: Key, sign: str, condition: str) -> Any:
            return {
                "Update": {
                    "TableName": TABLE,
                    "Key": self.key(key),
                    "UpdateExpression": f"SET n = n {sign} :a",
                    "ConditionExpression": condition,
                    "ExpressionAttributeValues": values,
                }
            }

        one, other = self.items.get(payer), self.items.get(payee)
        holds = one is not None and int(one["n"]["N"]) >= amount and other is not None and payer != payee
        try:
            self.do(
                "TransactWriteItems",
                TransactItems=[part(payer, "-", "n >= :a"), part(payee, "+", "attribute_exists(n)")],
            )
        except Fault:
            assert not holds
            return
        assert holds and one and other
        self.set(payer, one | {"n": {"N": str(int(one["n"]["N"]) - amount)}})
        self.set(payee, other | {"n": {"N": str(int(other["n"]["N"]) + amount)}})

    @rule(pk=PKS, low=NUMBERS, forward=st.booleans(), size=st.integers(1, 4), index=st.sampled_from(["", "byN"]))
    def query(self, pk: str, low: int, forward: bool, size: int, index: str) -> None:
        name = "n" if index else "sk"
        wanted = [item for key, item in self.items.items() if key[0] == pk and float(item[name]["N"]) >= low]
        found = self.paged(
            "Query",
            KeyConditionExpression=f"pk = :p AND {name} >= :low",
            ExpressionAttributeValues={":p": {"S": pk}, ":low": {"N": str(low)}},
            ScanIndexForward=forward,
            Limit=size,
            **({"IndexName": index} if index else {}),
        )
        order = [float(item[name]["N"]) for item in found]
        assert order == sorted(order, reverse=not forward)
        assert self.sorted(found) == self.sorted(wanted)

    @rule(g=st.sampled_from(["x", "y", "xx"]), size=st.integers(1, 4), forward=st.booleans())
    def query_index(self, g: str, size: int, forward: bool) -> None:
        found = self.paged(
            "Query",
            IndexName="byG",
            KeyConditionExpression="g = :g",
            ExpressionAttributeValues={":g": {"S": g}},
            ScanIndexForward=forward,
            Limit=size,
        )
        wanted = [
            {name: value for name, value in item.items() if name != "rest"}
            for item in self.items.values()
            if item.get("g") == {"S": g}
        ]
        assert self.sorted(found) == self.sorted(wanted)

    def paged(self, operation: str, **members: Any) -> list[Item]:
        found: list[Item] = []
        while True:
            answer = self.do(operation, **members)
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            members["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def sorted(self, items: Any) -> list[Item]:
        return sorted(items, key=str)

    @invariant()
    def a_scan_finds_all(self) -> None:
        if hasattr(self, "items"):
            assert self.sorted(self.do("Scan")["Items"]) == self.sorted(self.items.values())

    @invariant()
    def the_stream_tells_all_that_happened(self) -> None:
        if hasattr(self, "items"):
            call = self.cloud.call("dynamodb", account=ACCOUNT)
            assert [(one.old, one.new) for one in Change.scan(call, TABLE)] == self.events


TestTables = Tables.TestCase
TestTables.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
