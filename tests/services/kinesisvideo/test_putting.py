"""PutMedia: Matroska in, acknowledgements out, while it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Producer

START = "1700000000"


@pytest.fixture
def video(aws: Any) -> Any:
    made = aws.client("kinesisvideo")
    made.create_stream(StreamName="cam", DataRetentionInHours=1)
    return made


def test_each_fragment_is_acknowledged_as_it_begins_is_complete_and_is_stored(video, producer, movie):
    status, said = producer.put(
        movie, stream_name="cam", fragment_timecode_type="RELATIVE", producer_start_timestamp=START
    )
    assert status == 200
    assert [one["EventType"] for one in said] == ["BUFFERING", "RECEIVED", "PERSISTED"] * 3
    received = [one for one in said if one["EventType"] == "RECEIVED"]
    numbers = [one["FragmentNumber"] for one in received]
    assert numbers == sorted(set(numbers))
    assert all(len(number) == 47 and number.isdigit() for number in numbers)
    times = [one["FragmentTimecode"] / 1000 - int(START) for one in received]
    assert times == pytest.approx([0, 2, 4], abs=0.1)


def test_a_stream_without_retention_persists_nothing(aws, producer, movie):
    aws.client("kinesisvideo").create_stream(StreamName="live")
    _, said = producer.put(movie, stream_name="live", fragment_timecode_type="ABSOLUTE")
    assert [one["EventType"] for one in said] == ["BUFFERING", "RECEIVED"] * 3


@pytest.mark.parametrize("declared", ["", "UNSIGNED-PAYLOAD"])
def test_a_producer_may_sign_as_if_there_were_no_body(aws, video, movie, declared):
    """Those who send no hash beside it, as AWS's C producers do, sign the one of nothing."""
    arn = video.describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"]
    iam = aws.client("iam")
    iam.create_user(UserName="camera")
    key = iam.create_access_key(UserName="camera")["AccessKey"]

    def put(secret: str) -> tuple[int, Any]:
        own = Producer(aws, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=secret)
        return own.put(movie, declared=declared, stream_arn=arn, fragment_timecode_type="ABSOLUTE")

    assert put("another")[1]["code"] == "InvalidSignatureException"
    assert put(key["SecretAccessKey"])[1]["code"] == "AccessDeniedException"
    allowed = f'{{"Effect": "Allow", "Action": "kinesisvideo:PutMedia", "Resource": "{arn}"}}'
    document = f'{{"Version": "2012-10-17", "Statement": [{allowed}]}}'
    iam.put_user_policy(UserName="camera", PolicyName="put", PolicyDocument=document)
    status, said = put(key["SecretAccessKey"])
    assert status == 200
    assert len(said) == 9


def test_what_is_wrong_with_a_request_is_told_before_anything_is_taken(video, producer, movie):
    def refused(**headers: str) -> tuple[int, str]:
        status, said = producer.put(movie, **headers)
        return status, said["code"]

    assert refused(fragment_timecode_type="ABSOLUTE") == (400, "InvalidArgumentException")
    assert refused(stream_name="cam", fragment_timecode_type="OTHER") == (400, "InvalidArgumentException")
    assert refused(stream_name="cam", fragment_timecode_type="RELATIVE") == (400, "InvalidArgumentException")
    assert refused(stream_name="none", fragment_timecode_type="ABSOLUTE") == (404, "ResourceNotFoundException")


def test_what_is_no_matroska_ends_the_stream(video, producer, movie):
    _, said = producer.put(b"RIFF" + bytes(100), stream_name="cam", fragment_timecode_type="ABSOLUTE")
    assert [(one["EventType"], one["ErrorCode"]) for one in said] == [("ERROR", "INVALID_MKV_DATA")]
    _, said = producer.put(movie[:-50], stream_name="cam", fragment_timecode_type="ABSOLUTE")
    assert [one["EventType"] for one in said].count("PERSISTED") == 2
    assert said[-1]["ErrorCode"] == "INVALID_MKV_DATA"


def test_a_body_that_is_not_what_was_signed_is_not_taken_as_complete(video, producer, movie):
    other = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(Exception):  # noqa: B017 - the connection ends in the middle of the answer
        producer.put(movie, declared=other, stream_name="cam", fragment_timecode_type="ABSOLUTE")


def test_acknowledgements_come_while_the_producer_still_sends(video, aws, producer, movie):
    """The last third is sent only when what came before can be read."""
    archive = aws.client("kinesis-video-archived-media")
    seen: list[int] = []

    def sent() -> Iterator[bytes]:
        yield movie[: len(movie) * 5 // 6]
        for _ in range(200):
            seen.append(len(archive.list_fragments(StreamName="cam")["Fragments"]))
            if seen[-1] == 2:
                break
        yield movie[len(movie) * 5 // 6 :]

    _, said = producer.put(sent(), stream_name="cam", fragment_timecode_type="ABSOLUTE")
    assert seen[-1] == 2
    assert len(said) == 9
