"""Annotations of objects."""

from __future__ import annotations

from typing import Any

from .conftest import fresh, put, refused


def note(s3: Any, bucket: str, key: str, name: str, body: bytes = b"n", **more: Any) -> Any:
    return s3.put_object_annotation(Bucket=bucket, Key=key, AnnotationName=name, AnnotationPayload=body, **more)


def noted(s3: Any, bucket: str, key: str, name: str, **more: Any) -> bytes:
    found = s3.get_object_annotation(Bucket=bucket, Key=key, AnnotationName=name, **more)["AnnotationPayload"]
    body: bytes = found.read() if hasattr(found, "read") else found
    return body


def names(s3: Any, bucket: str, key: str, **more: Any) -> list[str]:
    return [
        each["AnnotationName"] for each in s3.list_object_annotations(Bucket=bucket, Key=key, **more)["Annotations"]
    ]


def test_notes_are_kept_listed_and_removed(s3: Any, bucket: str) -> None:
    assert refused(note, s3=s3, bucket=bucket, key="a", name="x") == ("NoSuchKey", 404)
    put(s3, bucket, "a", b"body")
    made = note(s3, bucket, "a", "label/x", b'{"cat": 1}')
    assert (made["Key"], made["AnnotationName"], made["ServerSideEncryption"]) == ("a", "label/x", "AES256")
    note(s3, bucket, "a", "label/y", b"z" * 100_000)
    note(s3, bucket, "a", "other")
    assert noted(s3, bucket, "a", "label/x") == b'{"cat": 1}'
    assert noted(s3, bucket, "a", "label/y") == b"z" * 100_000
    assert names(s3, bucket, "a", AnnotationPrefix="label/") == ["label/x", "label/y"]
    page = s3.list_object_annotations(Bucket=bucket, Key="a", MaxAnnotationResults=2)
    assert [each["Size"] for each in page["Annotations"]] == [10, 100_000]
    rest = s3.list_object_annotations(Bucket=bucket, Key="a", ContinuationToken=page["NextContinuationToken"])
    assert [each["AnnotationName"] for each in rest["Annotations"]] == ["other"]
    note(s3, bucket, "a", "other", b"again")
    assert noted(s3, bucket, "a", "other") == b"again"
    s3.delete_object_annotation(Bucket=bucket, Key="a", AnnotationName="other")
    s3.delete_object_annotation(Bucket=bucket, Key="a", AnnotationName="other")
    assert refused(noted, s3=s3, bucket=bucket, key="a", name="other") == ("NoSuchAnnotation", 404)


def test_what_is_refused(s3: Any, bucket: str) -> None:
    put(s3, bucket, "a", b"body")
    assert refused(note, s3=s3, bucket=bucket, key="a", name="x" * 513) == ("AnnotationNameTooLong", 400)
    assert refused(note, s3=s3, bucket=bucket, key="a", name="a\tb") == ("InvalidAnnotationName", 400)
    large = b"x" * (1024 * 1024 + 1)
    assert refused(note, s3=s3, bucket=bucket, key="a", name="x", body=large) == ("EntityTooLarge", 400)
    assert refused(note, s3=s3, bucket=bucket, key="a", name="x", ObjectIfMatch='"no"') == ("PreconditionFailed", 412)


def test_each_version_has_its_own_and_copies_take_them_along(s3: Any, versioned: str) -> None:
    first = put(s3, versioned, "a", b"1")["VersionId"]
    note(s3, versioned, "a", "x", b"first")
    put(s3, versioned, "a", b"2")
    assert names(s3, versioned, "a") == []
    assert noted(s3, versioned, "a", "x", VersionId=first) == b"first"
    source = f"{versioned}/a?versionId={first}"
    s3.copy_object(Bucket=versioned, Key="b", CopySource=source)
    assert noted(s3, versioned, "b", "x") == b"first"
    s3.copy_object(Bucket=versioned, Key="c", CopySource=source, AnnotationDirective="EXCLUDE")
    assert names(s3, versioned, "c") == []
    s3.delete_object(Bucket=versioned, Key="a", VersionId=first)
    assert noted(s3, versioned, "b", "x") == b"first"


def test_a_new_object_has_nothing_of_the_old(s3: Any) -> None:
    bucket = fresh()
    s3.create_bucket(Bucket=bucket)
    put(s3, bucket, "a", b"1")
    note(s3, bucket, "a", "x")
    put(s3, bucket, "a", b"2")
    assert names(s3, bucket, "a") == []
