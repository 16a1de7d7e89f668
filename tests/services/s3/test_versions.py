"""Versions, delete markers, null versions."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import put, read, refused


def history(s3: Any, bucket: str, key: str) -> list[tuple[str, str, bool]]:
    """What is under a key, from the newest: its kind, its version, and whether it is the latest."""
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key)
    found = [("object", each) for each in listed.get("Versions", [])]
    found += [("marker", each) for each in listed.get("DeleteMarkers", [])]
    return [(kind, each["VersionId"], each["IsLatest"]) for kind, each in found if each["Key"] == key]


def suspend(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def test_versions_are_kept_and_found(s3: Any, versioned: str) -> None:
    ids = [put(s3, versioned, "k", b"%d" % number)["VersionId"] for number in range(4)]
    assert len(set(ids)) == 4
    assert read(s3, versioned, "k") == b"3"
    for number, version in enumerate(ids):
        assert read(s3, versioned, "k", VersionId=version) == b"%d" % number
    assert history(s3, versioned, "k") == [("object", version, version == ids[3]) for version in reversed(ids)]
    for nonsense in ("nonsense", "A" * 31 + "="):
        assert refused(s3.get_object, Bucket=versioned, Key="k", VersionId=nonsense) == ("InvalidArgument", 400)
    other = put(s3, versioned, "other")["VersionId"]
    assert refused(s3.get_object, Bucket=versioned, Key="k", VersionId=other) == ("NoSuchVersion", 404)


def test_a_delete_marker_covers_and_uncovers(s3: Any, versioned: str) -> None:
    first = put(s3, versioned, "k", b"x")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey) as raised:
        s3.get_object(Bucket=versioned, Key="k")
    headers = raised.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
    assert refused(s3.get_object, Bucket=versioned, Key="k", VersionId=marker["VersionId"]) == ("MethodNotAllowed", 405)
    assert refused(s3.head_object, Bucket=versioned, Key="k", VersionId=marker["VersionId"]) == ("405", 405)
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker["VersionId"])
    assert read(s3, versioned, "k") == b"x"
    assert history(s3, versioned, "k") == [("object", first, True)]


def test_the_version_below_comes_to_the_top(s3: Any, versioned: str) -> None:
    ids = [put(s3, versioned, "k", b"%d" % number)["VersionId"] for number in range(3)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert read(s3, versioned, "k") == b"1"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[0])
    assert read(s3, versioned, "k") == b"1"
    assert history(s3, versioned, "k") == [("object", ids[1], True)]


def test_what_was_there_before_is_the_null_version(s3: Any, bucket: str) -> None:
    assert "VersionId" not in put(s3, bucket, "k", b"old")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    new = put(s3, bucket, "k", b"new")["VersionId"]
    assert read(s3, bucket, "k", VersionId="null") == b"old"
    suspend(s3, bucket)
    put(s3, bucket, "k", b"newer")
    assert history(s3, bucket, "k") == [("object", "null", True), ("object", new, False)]
    assert read(s3, bucket, "k", VersionId="null") == b"newer"


def test_a_suspended_bucket_has_one_null_version_at_most(s3: Any, versioned: str) -> None:
    first = put(s3, versioned, "k", b"1")["VersionId"]
    suspend(s3, versioned)
    put(s3, versioned, "k", b"2")
    put(s3, versioned, "k", b"3")
    assert history(s3, versioned, "k") == [("object", "null", True), ("object", first, False)]
    assert s3.delete_object(Bucket=versioned, Key="k")["VersionId"] == "null"
    assert history(s3, versioned, "k") == [("object", first, False), ("marker", "null", True)]
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Enabled"})
    put(s3, versioned, "k", b"4")
    assert refused(s3.get_object, Bucket=versioned, Key="k", VersionId="null") == ("MethodNotAllowed", 405)
    suspend(s3, versioned)
    put(s3, versioned, "k", b"5")
    assert len(history(s3, versioned, "k")) == 3


def test_versioning_is_never_undone(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    suspend(s3, bucket)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={}) == (
        "IllegalVersioningConfigurationException",
        400,
    )


def test_a_copy_brings_an_old_version_back(s3: Any, versioned: str) -> None:
    old = put(s3, versioned, "k", b"old")["VersionId"]
    put(s3, versioned, "k", b"new")
    source = {"Bucket": versioned, "Key": "k", "VersionId": old}
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == old
    assert read(s3, versioned, "k") == b"old"


def test_tags_and_many_deletions_of_versions(s3: Any, versioned: str) -> None:
    ids = [put(s3, versioned, "k", Tagging=f"n={number}")["VersionId"] for number in range(3)]
    s3.put_object_tagging(
        Bucket=versioned, Key="k", VersionId=ids[0], Tagging={"TagSet": [{"Key": "n", "Value": "first"}]}
    )
    tags = [
        s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=version)["TagSet"][0]["Value"] for version in ids
    ]
    assert tags == ["first", "1", "2"]
    named = [{"Key": "k", "VersionId": version} for version in ids]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [*named, {"Key": "z"}]})
    assert [each.get("VersionId") for each in answer["Deleted"]] == [*ids, None]
    assert answer["Deleted"][3]["DeleteMarker"] is True
    assert history(s3, versioned, "k") == []
