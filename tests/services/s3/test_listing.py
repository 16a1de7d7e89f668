"""Lists, beside a naive model of what is in a bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus import LocalCloud
from pileus.kernel import Call
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store

from .conftest import fresh, put, refused

KEYS = ["asdf", "boo/bar", "boo/baz/xyzzy", "cquux/bla", "cquux/thud"]


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        put(s3, bucket, key)
    return bucket


def keys(answer: Any) -> list[str]:
    return [each["Key"] for each in answer.get("Contents", [])]


def common(answer: Any) -> list[str]:
    return [each["Prefix"] for each in answer.get("CommonPrefixes", [])]


def test_pages_of_the_first_version(s3: Any, filled: str) -> None:
    answer = s3.list_objects(Bucket=filled, MaxKeys=2)
    assert (keys(answer), answer["IsTruncated"], answer["MaxKeys"]) == (KEYS[:2], True, 2)
    assert "NextMarker" not in answer
    answer = s3.list_objects(Bucket=filled, MaxKeys=10, Marker=KEYS[1])
    assert (keys(answer), answer["IsTruncated"], answer["Marker"]) == (KEYS[2:], False, KEYS[1])


def test_common_prefixes_count_as_keys(s3: Any, filled: str) -> None:
    seen, marker = [], ""
    while True:
        answer = s3.list_objects(Bucket=filled, Delimiter="/", MaxKeys=1, Marker=marker)
        seen += keys(answer) + common(answer)
        if not answer["IsTruncated"]:
            break
        marker = answer["NextMarker"]
    assert seen == ["asdf", "boo/", "cquux/"]
    answer = s3.list_objects_v2(Bucket=filled, Delimiter="/", Prefix="boo/")
    assert (keys(answer), common(answer), answer["KeyCount"]) == (["boo/bar"], ["boo/baz/"], 2)


def test_pages_of_the_second_version(s3: Any, filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, MaxKeys=3, StartAfter="asdf", FetchOwner=True)
    assert keys(answer) == KEYS[1:4]
    assert len(answer["Contents"][0]["Owner"]["ID"]) == 64
    rest = s3.list_objects_v2(Bucket=filled, ContinuationToken=answer["NextContinuationToken"])
    assert (keys(rest), rest["IsTruncated"]) == (KEYS[4:], False)
    assert refused(s3.list_objects_v2, Bucket=filled, ContinuationToken="made up") == ("InvalidArgument", 400)
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=0)["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=5000)["MaxKeys"] == 1000
    assert refused(s3.list_objects_v2, Bucket=filled, MaxKeys=-1) == ("InvalidArgument", 400)
    paginator = s3.get_paginator("list_objects_v2").paginate(Bucket=filled, PaginationConfig={"PageSize": 2})
    assert [key for page in paginator for key in keys(page)] == KEYS


def test_the_order_is_that_of_utf_8(s3: Any, bucket: str) -> None:
    names = ["\u00e9", "z", "\U0001f600", "\uffee", "A", "a b", "a+b", "a\u0001"]
    for name in names:
        put(s3, bucket, name)
    listed = keys(s3.list_objects_v2(Bucket=bucket))
    assert listed == sorted(names, key=str.encode)
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="\uffee")) == ["\uffee"]


def test_an_overwritten_key_is_listed_once_and_a_deleted_one_not(s3: Any, filled: str) -> None:
    put(s3, filled, "asdf", b"12")
    s3.delete_object(Bucket=filled, Key="boo/bar")
    answer = s3.list_objects_v2(Bucket=filled)
    assert keys(answer) == ["asdf", *KEYS[2:]]
    assert answer["Contents"][0]["Size"] == 2


def test_uploads_are_listed_by_key_and_age(s3: Any, bucket: str) -> None:
    ids = {}
    for key in ("b", "a", "a", "dir/x", "dir/y"):
        ids.setdefault(key, []).append(s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
    listed = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [each["Key"] for each in listed["Uploads"]] == ["a", "a", "b"]
    assert common(listed) == ["dir/"]
    first = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1)
    rest = s3.list_multipart_uploads(
        Bucket=bucket, KeyMarker=first["NextKeyMarker"], UploadIdMarker=first["NextUploadIdMarker"], MaxUploads=2
    )
    assert {first["Uploads"][0]["UploadId"], rest["Uploads"][0]["UploadId"]} == set(ids["a"])
    assert (rest["Uploads"][1]["Key"], rest["IsTruncated"]) == ("b", True)


# A naive model. It talks to the operations themselves, so that hypothesis can try many things.


class Model:
    """A bucket as lists of versions by key, from the oldest to the newest."""

    def __init__(self) -> None:
        self.state = ""
        self.keys: dict[str, list[tuple[str, bool]]] = {}

    def add(self, key: str, version: str, marker: bool) -> None:
        found = self.keys.setdefault(key, [])
        if version == "null":
            found[:] = [each for each in found if each[0] != "null"]
        found.append((version, marker))

    def remove(self, key: str, version: str) -> None:
        found = self.keys.get(key, [])
        found[:] = [each for each in found if each[0] != version]

    def current(self) -> list[str]:
        return sorted((key for key, found in self.keys.items() if found and not found[-1][1]), key=str.encode)

    def versions(self) -> list[tuple[str, str, bool, bool]]:
        return [
            (key, version, marker, at == 0)
            for key in sorted(self.keys, key=str.encode)
            for at, (version, marker) in enumerate(reversed(self.keys[key]))
        ]


def rolled(names: list[Any], key: Any, prefix: str, delimiter: str) -> list[Any]:
    """What a list shows of names: themselves, and each common prefix once."""
    shown: list[Any] = []
    for each in names:
        name = key(each)
        if not name.startswith(prefix):
            continue
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        entry = each if end < 0 else name[: end + len(delimiter)]
        if entry not in shown:
            shown.append(entry)
    return shown


def perform(call: Call, name: str, request: dict[str, Any]) -> Any:
    operation = call.at(service="s3", operation=name)
    result = call.cloud.perform(operation, name, request)
    return asyncio.run(result) if asyncio.iscoroutine(result) else result


@pytest.fixture(scope="module")
def kernel() -> Iterator[Call]:
    store = open_store(None)
    cloud = Cloud(store)
    yield cloud.call("s3", account="111122223333", principal=root("111122223333"))
    cloud.blobs.close()
    store.close()


names = st.text(alphabet="ab/\x00\u00e9\uffee\U0001f600", min_size=1, max_size=4)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("put"), names),
        st.tuples(st.just("delete"), names),
        st.tuples(st.just("remove"), st.integers(0, 30)),
        st.tuples(st.just("set"), st.sampled_from(["Enabled", "Suspended"])),
    ),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(
    actions=actions,
    prefix=st.text(alphabet="ab/\u00e9", max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "b/"]),
    size=st.integers(1, 4),
)
def test_lists_agree_with_a_naive_model(
    kernel: Call, actions: list[tuple[str, Any]], prefix: str, delimiter: str, size: int
) -> None:
    bucket = {"Bucket": fresh()}
    perform(kernel, "CreateBucket", bucket)
    model = Model()
    for action, what in actions:
        act(kernel, bucket, model, action, what)
    frame = {**bucket, "Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
    assert list(paged(kernel, frame)) == rolled(model.current(), lambda name: name, prefix, delimiter)
    versions = rolled(model.versions(), lambda version: version[0], prefix, delimiter)
    assert list(paged_versions(kernel, frame)) == versions


def act(call: Call, bucket: dict[str, str], model: Model, action: str, what: Any) -> None:
    if action == "set":
        model.state = what
        perform(call, "PutBucketVersioning", {**bucket, "VersioningConfiguration": {"Status": what}})
    elif action == "put":
        done = perform(call, "PutObject", {**bucket, "Key": what, "Body": b"x"})
        model.add(what, done.get("VersionId", "null"), False)
    elif action == "delete":
        done = perform(call, "DeleteObject", {**bucket, "Key": what})
        if model.state:
            model.add(what, done["VersionId"], True)
        else:
            model.remove(what, "null")
    elif found := model.versions():
        key, version, *_ = found[what % len(found)]
        perform(call, "DeleteObject", {**bucket, "Key": key, "VersionId": version})
        model.remove(key, version)


def paged(call: Call, frame: dict[str, Any]) -> Iterator[str]:
    request = dict(frame)
    while True:
        page = perform(call, "ListObjectsV2", request)
        shown = keys(page) + common(page)
        assert len(shown) == page["KeyCount"] <= frame["MaxKeys"]
        yield from sorted(shown, key=str.encode)
        if not page["IsTruncated"]:
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def paged_versions(call: Call, frame: dict[str, Any]) -> Iterator[Any]:
    request = dict(frame)
    while True:
        page = perform(call, "ListObjectVersions", request)
        shown: list[Any] = [
            (each["Key"], each["VersionId"], marker, each["IsLatest"])
            for name, marker in (("Versions", False), ("DeleteMarkers", True))
            for each in page[name]
        ]
        yield from in_order(call, frame, shown, common(page))
        if not page["IsTruncated"]:
            return
        request["KeyMarker"] = page["NextKeyMarker"]
        request["VersionIdMarker"] = page.get("NextVersionIdMarker", "")


def in_order(call: Call, frame: dict[str, Any], shown: list[Any], prefixes: list[str]) -> list[Any]:
    """Versions and delete markers come in two lists: put together by key and age."""
    from pileus.services.s3.buckets import Bucket
    from pileus.services.s3.versions import lookup

    bucket = Bucket.named(call, frame["Bucket"])

    def age(each: Any) -> tuple[bytes, int]:
        if isinstance(each, str):
            return each.encode(), 0
        found = lookup(call, bucket, each[0], each[1])
        return each[0].encode(), -found.serial if hasattr(found, "serial") else found.order  # type: ignore[union-attr]

    return sorted([*shown, *prefixes], key=age)


def test_a_frozen_cloud_keeps_the_order_of_versions(cloud: LocalCloud, s3: Any, versioned: str) -> None:
    cloud.clock.freeze()
    try:
        ids = [put(s3, versioned, "k")["VersionId"] for _ in range(5)]
    finally:
        cloud.clock.resume()
    listed = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [each["VersionId"] for each in listed] == ids[::-1]
