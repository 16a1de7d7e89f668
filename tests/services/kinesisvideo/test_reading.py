"""What was put comes back: as Matroska, by number and by time, as a film, and over HLS."""

from __future__ import annotations

import base64
import struct
import subprocess
import urllib.error
import urllib.request
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin

import pytest
from botocore.exceptions import ClientError

import pileus
from pileus.engines.matroska import CLUSTER, EBML, Ended, Reader

from .conftest import FRAMES, Producer

START = 1_700_000_000


@pytest.fixture
def numbers(aws: Any, producer: Producer, movie: bytes) -> list[str]:
    """A stream `cam` with three fragments: their numbers."""
    aws.client("kinesisvideo").create_stream(StreamName="cam", DataRetentionInHours=1)
    _, said = producer.put(
        movie, stream_name="cam", fragment_timecode_type="RELATIVE", producer_start_timestamp=str(START)
    )
    return [one["FragmentNumber"] for one in said if one["EventType"] == "PERSISTED"]


def data(aws: Any, service: str, api: str) -> Any:
    """A client at the address that the stream's data are read at."""
    found = aws.client("kinesisvideo").get_data_endpoint(StreamName="cam", APIName=api)["DataEndpoint"]
    return aws.session().client(service, endpoint_url=found)


def taken(aws: Any, clusters: int, **selector: Any) -> bytes:
    """The first so many fragments that GetMedia gives, which would go on."""
    media = data(aws, "kinesis-video-media", "GET_MEDIA")
    answer = media.get_media(StreamName="cam", StartSelector=selector)
    assert answer["ContentType"] == "video/webm"
    read = b""
    reader = Reader(10_000_000)
    while clusters:
        piece = answer["Payload"]._raw_stream.read1(65536)
        assert piece, "the stream has ended"
        read += piece
        clusters -= sum(isinstance(event, Ended) for event in reader.feed(piece))
    answer["Payload"].close()
    return read


def test_get_media_gives_playable_matroska_with_aws_tags(aws, numbers, frames, refused):
    read = taken(aws, 3, StartSelectorType="EARLIEST")
    assert frames(read) == FRAMES
    for number in numbers:
        assert number.encode() in read
    assert b"AWS_KINESISVIDEO_PRODUCER_TIMESTAMP" in read
    assert f"{START}.000".encode() in read
    first = {"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": numbers[0]}
    assert numbers[0].encode() not in taken(aws, 2, **first)
    token = {"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": numbers[1]}
    assert numbers[2].encode() in taken(aws, 1, **token)
    within = {"StartSelectorType": "PRODUCER_TIMESTAMP", "StartTimestamp": START + 3}
    assert numbers[1].encode() in taken(aws, 1, **within)
    assert numbers[2].encode() in taken(aws, 1, StartSelectorType="NOW")
    with refused("InvalidArgumentException"):
        taken(aws, 1, StartSelectorType="FRAGMENT_NUMBER")


def test_get_media_goes_on_with_what_comes(aws, numbers, producer, movie):
    media = data(aws, "kinesis-video-media", "GET_MEDIA")
    selector = {"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": numbers[2]}
    payload = media.get_media(StreamName="cam", StartSelector=selector)["Payload"]
    _, said = producer.put(movie, stream_name="cam", fragment_timecode_type="ABSOLUTE")
    number = said[1]["FragmentNumber"].encode()
    read = b""
    while number not in read:
        piece = payload._raw_stream.read1(65536)
        assert piece, "the stream has ended"
        read += piece
    payload.close()


def test_fragments_are_listed_by_the_clock_of_the_producer_or_of_the_cloud(aws, numbers, refused):
    archive = data(aws, "kinesis-video-archived-media", "LIST_FRAGMENTS")
    page = archive.list_fragments(StreamName="cam", MaxResults=2)
    rest = archive.list_fragments(StreamName="cam", MaxResults=2, NextToken=page["NextToken"])
    listed = page["Fragments"] + rest["Fragments"]
    assert [one["FragmentNumber"] for one in listed] == numbers
    assert "NextToken" not in rest
    assert [one["FragmentLengthInMilliseconds"] for one in listed] == pytest.approx([2000] * 3, abs=150)
    assert listed[0]["ProducerTimestamp"] == datetime.fromtimestamp(START, UTC)

    def between(start: float, end: float) -> list[str]:
        span = {"StartTimestamp": START + start, "EndTimestamp": START + end}
        selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span}
        found = archive.list_fragments(StreamName="cam", FragmentSelector=selector)["Fragments"]
        return [one["FragmentNumber"] for one in found]

    assert between(1, 3) == numbers[1:2]
    assert between(0, 3) == numbers[:2]
    assert between(7, 9) == []
    with refused("InvalidArgumentException"):
        between(3, 1)


def test_fragments_by_their_numbers(aws, numbers, frames, refused):
    archive = data(aws, "kinesis-video-archived-media", "GET_MEDIA_FOR_FRAGMENT_LIST")
    read = archive.get_media_for_fragment_list(StreamName="cam", Fragments=numbers[::-1])["Payload"].read()
    assert read.count(EBML.to_bytes(4, "big")) == read.count(CLUSTER.to_bytes(4, "big")) == 3
    assert frames(read) == FRAMES
    with refused("ResourceNotFoundException"):
        archive.get_media_for_fragment_list(StreamName="cam", Fragments=["123"])


def test_a_clip_is_an_mp4(aws, numbers, frames, refused):
    archive = data(aws, "kinesis-video-archived-media", "GET_CLIP")

    def clip(start: float, end: float) -> Any:
        span = {"StartTimestamp": START + start, "EndTimestamp": START + end}
        selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span}
        return archive.get_clip(StreamName="cam", ClipFragmentSelector=selector)

    answer = clip(0, 3)
    assert answer["ContentType"] == "video/mp4"
    film = answer["Payload"].read()
    assert film[4:8] == b"ftyp"
    assert frames(film) == FRAMES * 2 // 3
    with refused("ResourceNotFoundException"):
        clip(100, 200)


@pytest.mark.parametrize("form", ["FRAGMENTED_MP4", "MPEG_TS"])
def test_a_player_plays_it_over_hls(aws, numbers, frames, form):
    archive = data(aws, "kinesis-video-archived-media", "GET_HLS_STREAMING_SESSION_URL")
    span = {"StartTimestamp": START, "EndTimestamp": START + 60}
    address = archive.get_hls_streaming_session_url(
        StreamName="cam",
        PlaybackMode="ON_DEMAND",
        ContainerFormat=form,
        HLSFragmentSelector={"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span},
    )["HLSStreamingSessionURL"]
    assert frames(address) == FRAMES


def test_the_fragments_of_hls_follow_each_other_whatever_is_predicted_from_what(aws, ffmpeg, producer, tmp_path):
    """Pictures that are decoded earlier than they are shown are where they belong."""
    path = tmp_path / "predicted.mkv"
    pictures = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=6"]
    codec = ["-c:v", "libx264", "-bf", "2", "-g", "20", "-sc_threshold", "0", "-pix_fmt", "yuv420p"]
    shape = ["-cluster_time_limit", "2500", "-f", "matroska", "-live", "1"]
    subprocess.run([ffmpeg, "-v", "error", *pictures, *codec, *shape, str(path)], check=True, timeout=60)
    aws.client("kinesisvideo").create_stream(StreamName="cam", DataRetentionInHours=1)
    producer.put(path.read_bytes(), stream_name="cam", fragment_timecode_type="ABSOLUTE")
    archive = data(aws, "kinesis-video-archived-media", "GET_HLS_STREAMING_SESSION_URL")
    span = {"StartTimestamp": 0, "EndTimestamp": 60}
    address = archive.get_hls_streaming_session_url(
        StreamName="cam",
        PlaybackMode="ON_DEMAND",
        HLSFragmentSelector={"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span},
    )["HLSStreamingSessionURL"]
    command = [ffmpeg, "-v", "error", "-copyts", "-i", address, "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    lines = [line.split(",") for line in done.stdout.decode().splitlines() if not line.startswith("#")]
    shown = [int(line[2]) for line in lines]
    assert len(shown) == FRAMES
    assert {after - before for before, after in pairwise(shown)} == {1}


def fetched(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_a_live_playlist_has_the_latest_fragments_until_its_session_expires(aws, clock, numbers, producer, movie):
    archive = data(aws, "kinesis-video-archived-media", "GET_HLS_STREAMING_SESSION_URL")
    address = archive.get_hls_streaming_session_url(
        StreamName="cam", MaxMediaPlaylistFragmentResults=3, DiscontinuityMode="ON_DISCONTINUITY"
    )["HLSStreamingSessionURL"]
    master = fetched(address).splitlines()
    assert "avc1." in master[2]
    inner = urljoin(address, master[3])
    playlist = fetched(inner)
    assert "#EXT-X-MEDIA-SEQUENCE:1\n" in playlist
    assert "#EXT-X-ENDLIST" not in playlist
    assert playlist.count("#EXTINF") == 3
    producer.put(movie, stream_name="cam", fragment_timecode_type="ABSOLUTE")
    moved = fetched(inner)
    assert "#EXT-X-MEDIA-SEQUENCE:4\n" in moved
    assert numbers[2] not in moved
    clock.advance(301)
    with pytest.raises(urllib.error.HTTPError) as gone:
        fetched(inner)
    assert gone.value.code == 403


def test_fragments_go_when_the_retention_is_over(aws, cloud, clock, producer, movie):
    video, archive = aws.client("kinesisvideo"), aws.client("kinesis-video-archived-media")
    video.create_stream(StreamName="cam", DataRetentionInHours=2)
    video.create_stream(StreamName="live")

    def count(name: str) -> int:
        return len(archive.list_fragments(StreamName=name)["Fragments"])

    producer.put(movie, stream_name="cam", fragment_timecode_type="ABSOLUTE")
    producer.put(movie, stream_name="live", fragment_timecode_type="ABSOLUTE")
    clock.advance(299)
    assert (count("cam"), count("live")) == (3, 3)
    clock.advance(2)
    assert (count("cam"), count("live")) == (3, 0)
    clock.advance(3600)
    producer.put(movie, stream_name="cam", fragment_timecode_type="ABSOLUTE")
    assert count("cam") == 6
    version = video.describe_stream(StreamName="cam")["StreamInfo"]["Version"]
    video.update_data_retention(
        StreamName="cam",
        CurrentVersion=version,
        Operation="DECREASE_DATA_RETENTION",
        DataRetentionChangeInHours=1,
    )
    assert count("cam") == 3
    version = video.describe_stream(StreamName="cam")["StreamInfo"]["Version"]
    video.update_data_retention(
        StreamName="cam",
        CurrentVersion=version,
        Operation="INCREASE_DATA_RETENTION",
        DataRetentionChangeInHours=1,
    )
    assert count("cam") == 3, "what was thrown away does not come back"
    clock.advance(7300)
    assert count("cam") == 0


def test_data_can_only_be_read_through_the_api_and_by_whoever_may(aws, numbers):
    """There is no bucket in which they lie, and policies decide on each API of the data."""
    assert aws.client("s3").list_buckets()["Buckets"] == []
    iam = aws.client("iam")
    iam.create_user(UserName="watcher")
    arn = aws.client("kinesisvideo").describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"]
    allowed = f'{{"Effect": "Allow", "Action": "kinesisvideo:ListFragments", "Resource": "{arn}"}}'
    document = f'{{"Version": "2012-10-17", "Statement": [{allowed}]}}'
    iam.put_user_policy(UserName="watcher", PolicyName="list", PolicyDocument=document)
    key = iam.create_access_key(UserName="watcher")["AccessKey"]
    own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    archive = aws.client("kinesis-video-archived-media", **own)
    assert len(archive.list_fragments(StreamName="cam")["Fragments"]) == 3
    with pytest.raises(ClientError, match="AccessDenied"):
        archive.get_media_for_fragment_list(StreamName="cam", Fragments=numbers)
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("kinesis-video-media", **own).get_media(
            StreamName="cam", StartSelector={"StartSelectorType": "EARLIEST"}
        )


def test_fragments_are_encrypted_under_the_key_of_the_stream(aws, producer, movie, refused):
    kms, video = aws.client("kms"), aws.client("kinesisvideo")
    key = kms.create_key()["KeyMetadata"]
    with refused("InvalidArgumentException"):
        video.create_stream(StreamName="cam", KmsKeyId="alias/none")
    video.create_stream(StreamName="cam", KmsKeyId=key["KeyId"], DataRetentionInHours=1)
    assert video.describe_stream(StreamName="cam")["StreamInfo"]["KmsKeyId"] == key["Arn"]
    _, said = producer.put(movie, stream_name="cam", fragment_timecode_type="ABSOLUTE")
    assert said[-1]["EventType"] == "PERSISTED"
    assert taken(aws, 3, StartSelectorType="EARLIEST")
    kms.disable_key(KeyId=key["KeyId"])
    with refused("NotAuthorizedException"):
        taken(aws, 3, StartSelectorType="EARLIEST")
    status, _ = producer.put(movie, stream_name="cam", fragment_timecode_type="ABSOLUTE")
    assert status == 401


def test_images_at_intervals(aws, numbers, refused):
    archive = data(aws, "kinesis-video-archived-media", "GET_IMAGES")

    def images(start: float, end: float, **asked: Any) -> dict[str, Any]:
        answer: dict[str, Any] = archive.get_images(
            StreamName="cam",
            ImageSelectorType="PRODUCER_TIMESTAMP",
            StartTimestamp=START + start,
            EndTimestamp=START + end,
            **asked,
        )
        return answer

    page = images(0.5, 6.5, Format="JPEG", SamplingInterval=3000, MaxResults=2, WidthPixels=64, HeightPixels=48)
    rest = images(0.5, 6.5, Format="JPEG", SamplingInterval=3000, NextToken=page["NextToken"])
    first, second = (base64.b64decode(one["ImageContent"]) for one in page["Images"])
    assert first[:2] == second[:2] == b"\xff\xd8"
    assert first != second
    assert [one.get("Error") for one in rest["Images"]] == ["NO_MEDIA"]
    [picture] = images(1, 1, Format="PNG")["Images"]
    drawn = base64.b64decode(picture["ImageContent"])
    assert drawn[:4] == b"\x89PNG"
    assert struct.unpack_from(">II", drawn, 16) == (320, 240)
    with refused("InvalidArgumentException"):
        images(0, 301, Format="PNG")
    with refused("InvalidArgumentException"):
        images(0, 1, Format="PNG", SamplingInterval=100)


@pytest.mark.timeout(60)
def test_fragments_go_where_floats_have_less_room(movie):
    """From 2038 on, 2**31 seconds after the epoch, a sum of theirs may fall short of what is due."""
    with pileus.cloud(sockets=True) as cloud:
        cloud.clock.freeze()
        cloud.clock.advance(2**31 - 1800 - cloud.clock.now())
        aws = cloud.account()
        aws.client("kinesisvideo").create_stream(StreamName="cam", DataRetentionInHours=1)
        for _ in range(4):
            Producer(aws).put(movie, stream_name="cam", fragment_timecode_type="ABSOLUTE")
            cloud.clock.advance(0.123456789)
        cloud.clock.advance(3700)
        assert aws.client("kinesis-video-archived-media").list_fragments(StreamName="cam")["Fragments"] == []
