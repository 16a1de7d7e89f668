"""Typed tables: a record is a struct that is stored under a key made of its own fields.

    class Message(Record, key=("queue", "sequence"), indexes={"by_id": ("message_id",)}):
        queue: str
        sequence: int
        message_id: str

A record belongs to the account and Region of the call that puts it, unless its `scope` says otherwise, so accounts
never see each other's. Keys are order-preserving, so a `scan` costs what it returns. Adding a field with a default is
the one change of a stored record that needs no migration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from operator import attrgetter
from string import Formatter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Self, TypeVar, dataclass_transform

import msgspec

from . import paging
from .errors import Fault
from .store.keys import pack, unpack

if TYPE_CHECKING:
    from .call import Call

T = TypeVar("T")

encode = msgspec.msgpack.Encoder().encode

OWN_NAMES = {"layout", "get", "put", "delete", "move", "place", "scan", "first", "page", "delete_all"}

SCOPES = ("region", "account", "cloud")


class Page(NamedTuple, Generic[T]):
    """Some records, and the token that continues after them, or None at the end."""

    items: list[T]
    token: str | None


class Layout:
    """How one class of records is stored."""

    def __init__(self, cls: type, table: str, scope: str, key: tuple[str, ...], indexes: dict[str, tuple[str, ...]]):
        assert scope in SCOPES, f"{cls.__name__}: scope is one of {SCOPES}"
        self.table = table
        self.key = key
        self.indexes = indexes
        self.cls = cls
        self.scope = scope

        @lru_cache(maxsize=8192)
        def prefix(account: str, region: str, name: str = table) -> bytes:
            return pack((account if scope != "cloud" else "", region if scope == "region" else "", name))

        def path(account: str, region: str, *key: Any) -> bytes:
            return prefix(account, region) + pack(key)

        self.prefix = prefix
        # What has one name is asked for again and again; keys of more parts (messages, objects) seldom twice. `typed`
        # because 1, 1.0 and True are equal to Python and different keys.
        self.path = lru_cache(maxsize=4096, typed=True)(path) if len(key) == 1 else path
        only = key[0]
        self.place = attrgetter(*key) if len(key) > 1 else lambda record: (getattr(record, only),)

    @cached_property
    def decoder(self) -> msgspec.msgpack.Decoder[Any]:
        """Made when it is first needed: a service has many more kinds of records than one call looks at."""
        return msgspec.msgpack.Decoder(self.cls)


@dataclass_transform(field_specifiers=(msgspec.field,))
class RecordMeta(msgspec.StructMeta):
    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        key: tuple[str, ...] = (),
        scope: str = "region",
        indexes: dict[str, tuple[str, ...]] | None = None,
        arn: str = "",
        cfn: str = "",
        table: str = "",
        **options: Any,
    ) -> RecordMeta:
        cls = super().__new__(mcls, name, bases, namespace, **options)
        if fields := cls.__struct_fields__:
            module = namespace["__module__"].split(".")
            service = module[2] if module[:2] == ["pileus", "services"] else "pileus"
            assert not OWN_NAMES & {*fields}, f"{name}: {OWN_NAMES & {*fields}} would hide what every record has"
            layout = Layout(cls, table or f"{service}.{name}", scope, key or fields[:1], indexes or {})
            cls.layout, cls.arn_template, cls.cfn_type = layout, arn, cfn  # type: ignore[attr-defined]
        return cls


class Record(msgspec.Struct, metaclass=RecordMeta):
    """A row. The first field is the key unless `key=` names others."""

    layout: ClassVar[Layout]
    arn_template: ClassVar[str]
    cfn_type: ClassVar[str]
    policy_decides: ClassVar[bool] = False
    """Whether nothing is allowed that its resource policy does not allow, even within the account: KMS keys."""

    # One record

    @classmethod
    def get(cls, call: Call, *key: Any) -> Self | None:
        """The record under that key, or None."""
        value = call.store.get(cls.layout.path(call.account, call.region, *key))
        return None if value is None else cls.layout.decoder.decode(value)

    def put(self, call: Call) -> Self:
        """Store the record, over whatever stood under its key."""
        layout = self.layout
        path = layout.path(call.account, call.region, *self.place())
        if layout.indexes:
            old = call.store.get(path)
            self._reindex(call, layout.decoder.decode(old) if old else None, self)
        call.store.put(path, encode(self))
        return self

    def delete(self, call: Call) -> None:
        """Remove the record from where its present key fields say it is."""
        layout = self.layout
        if layout.indexes:
            self._reindex(call, self, None)
        call.store.delete(layout.path(call.account, call.region, *self.place()))

    def move(self, call: Call, **changes: Any) -> Self:
        """Change fields of the key (and others): removed from the old place, stored in the new one."""
        self.delete(call)
        for name, value in changes.items():
            setattr(self, name, value)
        return self.put(call)

    def place(self, index: str = "") -> tuple[Any, ...]:
        """The record's key; or where it stands in the order of an index."""
        if not index:
            key: tuple[Any, ...] = self.layout.place(self)
            return key
        return tuple([getattr(self, name) for name in (*self.layout.indexes[index], *self.layout.key)])

    def arn(self, call: Call) -> str:
        """The resource's ARN, from the template that the class declares: what comes after the account, or all of it."""
        template = self.arn_template
        fields = {name: getattr(self, name) for name in places(template)}
        if template.startswith("arn:"):
            return template.format(**fields, partition=call.partition, region=call.region, account=call.account)
        return call.arn(template.format_map(fields))

    def resource_policy(self, call: Call) -> str | None:
        """The resource-based policy, for the access decision: empty if there is none, None if there can be none."""
        return None

    def condition_tags(self, call: Call) -> Mapping[str, str]:
        """The tags by which policies may know the resource."""
        tags = getattr(self, "tags", None)
        return tags if isinstance(tags, dict) else {}

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        """Condition keys of the service's own that no member of the request tells, in lower case."""
        return {}

    @classmethod
    def _reindex(cls, call: Call, old: Self | None, new: Self | None) -> None:
        for name in cls.layout.indexes:
            entries = cls.layout.prefix(call.account, call.region, f"{cls.layout.table}.{name}")
            before = old and entries + pack(old.place(name))
            after = new and entries + pack(new.place(name))
            if before and before != after:
                call.store.delete(before)
            if after and before != after:
                call.store.put(after, b"")

    # Many records

    @classmethod
    def scan(
        cls,
        call: Call,
        *prefix: Any,
        index: str = "",
        since: tuple[Any, ...] | None = None,
        above: tuple[Any, ...] | None = None,
        before: tuple[Any, ...] | None = None,
        upto: tuple[Any, ...] | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Self]:
        """Records whose key starts with `prefix`, in the order of their keys, or of an index's.

        The next elements of the key may be bounded: from `since` (inclusive) or `above` (exclusive) to `before`
        (exclusive) or `upto` (inclusive). It is safe to write while scanning; what it has passed is not seen again.
        """
        layout = cls.layout
        table = layout.prefix(call.account, call.region, f"{layout.table}.{index}" if index else layout.table)
        start, end = bounds(table + pack(prefix), since, above, before, upto)
        for path, value in call.store.scan(start, end, reverse=reverse, limit=limit):
            if index:
                key = unpack(path[len(table) :])[len(layout.indexes[index]) :]
                found = cls.get(call, *key)
                assert found is not None, f"index {layout.table}.{index} names a record that is not there: {key}"
                yield found
            else:
                yield layout.decoder.decode(value)

    @classmethod
    def first(cls, call: Call, *prefix: Any, **bounds: Any) -> Self | None:
        """The first record that `scan` would give."""
        return next(cls.scan(call, *prefix, limit=1, **bounds), None)

    @classmethod
    def page(
        cls,
        call: Call,
        *prefix: Any,
        limit: int,
        token: str = "",
        where: Callable[[Self], bool] = lambda record: True,
        invalid: Fault | None = None,
        **scope: Any,
    ) -> Page[Self]:
        """At most `limit` records for which `where` holds, from where `token` says.

        The token names the last key given, so records that come or go between two pages shift nothing. A token that is
        not one of this call's own raises `invalid`.
        """
        if token:
            bound, replaced = ("before", "upto") if scope.get("reverse") else ("above", "since")
            scope.pop(replaced, None)
            scope[bound] = paging.opened(call, token, invalid)
        items: list[Self] = []
        for record in cls.scan(call, *prefix, **scope):
            if not where(record):
                continue
            if len(items) >= max(limit, 1):  # some models let a page be asked for that holds nothing
                return Page(items, paging.sealed(call, items[-1].place(scope.get("index", ""))[len(prefix) :]))
            items.append(record)
        return Page(items, None)

    @classmethod
    def delete_all(cls, call: Call, *prefix: Any, limit: int | None = None) -> int:
        """Remove every record whose key starts with `prefix`, or the first `limit` of them; how many there were.

        Not for tables with indexes.
        """
        assert not cls.layout.indexes
        start, end = bounds(cls.layout.prefix(call.account, call.region) + pack(prefix), None, None, None, None)
        if limit is not None:
            rows = list(call.store.scan(start, end, limit=limit))
            end = rows[-1][0] + b"\0" if rows else start
        return call.store.delete_range(start, end)


@lru_cache(maxsize=1024)
def places(arn_template: str) -> tuple[str, ...]:
    """The fields that an ARN's template names; a whole ARN's Region and account are the call's."""
    names = [name for _, name, _, _ in Formatter().parse(arn_template) if name]
    theirs = ("partition", "region", "account") if arn_template.startswith("arn:") else ()
    return tuple(name for name in names if name not in theirs)


def bounds(
    prefix: bytes,
    since: tuple[Any, ...] | None,
    above: tuple[Any, ...] | None,
    before: tuple[Any, ...] | None,
    upto: tuple[Any, ...] | None,
) -> tuple[bytes, bytes]:
    """Start (inclusive) and end (exclusive) of a range; no element of a packed key begins with byte 255."""
    start, end = prefix, prefix + b"\xff"
    if since is not None:
        start = prefix + pack(since)
    if above is not None:
        start = prefix + pack(above) + b"\xff"
    if before is not None:
        end = prefix + pack(before)
    if upto is not None:
        end = prefix + pack(upto) + b"\xff"
    return start, end
