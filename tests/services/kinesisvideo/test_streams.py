"""Streams and channels, and what is set about them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def video(aws: Any) -> Any:
    return aws.client("kinesisvideo")


def described(video: Any, name: str) -> dict[str, Any]:
    info: dict[str, Any] = video.describe_stream(StreamName=name)["StreamInfo"]
    return info


def test_a_stream_is_made_and_changed_by_whoever_knows_its_version(video, refused):
    arn = video.create_stream(StreamName="door", DeviceName="cam", MediaType="video/h264", Tags={"a": "1"})["StreamARN"]
    info = described(video, "door")
    assert info["StreamARN"] == arn
    assert ":stream/door/" in arn
    assert (info["Status"], info["DataRetentionInHours"], info["DeviceName"]) == ("ACTIVE", 0, "cam")
    assert info["KmsKeyId"].endswith("alias/aws/kinesisvideo")
    with refused("ResourceInUseException"):
        video.create_stream(StreamName="door")
    video.update_stream(StreamARN=arn, CurrentVersion=info["Version"], MediaType="video/h265")
    changed = described(video, "door")
    assert changed["MediaType"] == "video/h265"
    assert changed["Version"] != info["Version"]
    with refused("VersionMismatchException"):
        video.update_stream(StreamName="door", CurrentVersion=info["Version"], MediaType="video/h264")
    with refused("VersionMismatchException"):
        video.delete_stream(StreamARN=arn, CurrentVersion=info["Version"])
    video.delete_stream(StreamARN=arn, CurrentVersion=changed["Version"])
    with refused("ResourceNotFoundException"):
        video.describe_stream(StreamName="door")
    with refused("InvalidArgumentException"):
        video.describe_stream()


def test_retention_is_changed_by_hours_and_never_below_none(video, refused):
    video.create_stream(StreamName="s", DataRetentionInHours=2)

    def change(operation: str, hours: int) -> None:
        version = described(video, "s")["Version"]
        video.update_data_retention(
            StreamName="s", CurrentVersion=version, Operation=operation, DataRetentionChangeInHours=hours
        )

    change("INCREASE_DATA_RETENTION", 5)
    assert described(video, "s")["DataRetentionInHours"] == 7
    change("DECREASE_DATA_RETENTION", 7)
    assert described(video, "s")["DataRetentionInHours"] == 0
    with refused("InvalidArgumentException"):
        change("DECREASE_DATA_RETENTION", 1)
    with refused("InvalidArgumentException"):
        change("INCREASE_DATA_RETENTION", 87_601)


def test_streams_are_listed_by_the_beginning_of_their_names(video):
    for name in ("a1", "a2", "a3", "b1"):
        video.create_stream(StreamName=name)
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": "a"}
    page = video.list_streams(MaxResults=2, StreamNameCondition=condition)
    rest = video.list_streams(MaxResults=2, StreamNameCondition=condition, NextToken=page["NextToken"])
    assert [one["StreamName"] for one in page["StreamInfoList"] + rest["StreamInfoList"]] == ["a1", "a2", "a3"]
    assert "NextToken" not in rest
    assert len(video.list_streams()["StreamInfoList"]) == 4


def test_tags_of_streams_and_channels(video, refused):
    arn = video.create_stream(StreamName="s", Tags={"a": "1"})["StreamARN"]
    video.tag_stream(StreamName="s", Tags={"b": "2"})
    video.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "3"}])
    video.untag_stream(StreamARN=arn, TagKeyList=["a"])
    assert video.list_tags_for_stream(StreamName="s")["Tags"] == {"b": "2", "c": "3"}
    assert video.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2", "c": "3"}
    with refused("TagsPerResourceExceededLimitException"):
        video.tag_stream(StreamName="s", Tags={f"t{number}": "" for number in range(49)})
    channel = video.create_signaling_channel(ChannelName="c", Tags=[{"Key": "x", "Value": "y"}])["ChannelARN"]
    video.untag_resource(ResourceARN=channel, TagKeyList=["x"])
    assert video.list_tags_for_resource(ResourceARN=channel)["Tags"] == {}


def test_a_signaling_channel(video, refused):
    arn = video.create_signaling_channel(ChannelName="talk")["ChannelARN"]
    info = video.describe_signaling_channel(ChannelName="talk")["ChannelInfo"]
    assert info["SingleMasterConfiguration"] == {"MessageTtlSeconds": 60}
    with refused("ResourceInUseException"):
        video.create_signaling_channel(ChannelName="talk")
    asked = {"Protocols": ["WSS", "HTTPS"], "Role": "MASTER"}
    found = video.get_signaling_channel_endpoint(ChannelARN=arn, SingleMasterChannelEndpointConfiguration=asked)
    assert [one["Protocol"] for one in found["ResourceEndpointList"]] == ["WSS", "HTTPS"]
    setting = {"MessageTtlSeconds": 30}
    video.update_signaling_channel(ChannelARN=arn, CurrentVersion=info["Version"], SingleMasterConfiguration=setting)
    with refused("VersionMismatchException"):
        video.delete_signaling_channel(ChannelARN=arn, CurrentVersion=info["Version"])
    [listed] = video.list_signaling_channels()["ChannelInfoList"]
    assert listed["SingleMasterConfiguration"] == setting
    stream = video.create_stream(StreamName="kept")["StreamARN"]
    storage = {"StreamARN": stream, "Status": "ENABLED"}
    with refused("NoDataRetentionException"):
        video.update_media_storage_configuration(ChannelARN=arn, MediaStorageConfiguration=storage)
    version = described(video, "kept")["Version"]
    video.update_data_retention(
        StreamName="kept",
        CurrentVersion=version,
        Operation="INCREASE_DATA_RETENTION",
        DataRetentionChangeInHours=1,
    )
    video.update_media_storage_configuration(ChannelARN=arn, MediaStorageConfiguration=storage)
    assert video.describe_media_storage_configuration(ChannelARN=arn)["MediaStorageConfiguration"] == storage
    mapped = video.describe_mapped_resource_configuration(StreamName="kept")["MappedResourceConfigurationList"]
    assert mapped == [{"Type": "SIGNALING_CHANNEL", "ARN": arn}]
    video.delete_signaling_channel(ChannelARN=arn)
    assert video.list_signaling_channels()["ChannelInfoList"] == []
    assert video.describe_mapped_resource_configuration(StreamName="kept")["MappedResourceConfigurationList"] == []


def test_what_is_set_about_a_stream(video, refused):
    video.create_stream(StreamName="s", DataRetentionInHours=1)
    video.create_stream(StreamName="none")
    destination = {"Uri": "arn:aws:sns:us-east-1:123456789012:seen"}
    setting = {"Status": "ENABLED", "DestinationConfig": destination}
    with refused("NoDataRetentionException"):
        video.update_notification_configuration(StreamName="none", NotificationConfiguration=setting)
    video.update_notification_configuration(StreamName="s", NotificationConfiguration=setting)
    told = video.describe_notification_configuration(StreamName="s")
    assert told["NotificationConfiguration"] == setting
    video.update_notification_configuration(StreamName="s")
    assert "NotificationConfiguration" not in video.describe_notification_configuration(StreamName="s")
    assert video.describe_stream_storage_configuration(StreamName="s")["StreamStorageConfiguration"] == {
        "DefaultStorageTier": "HOT"
    }
    with refused("StreamEdgeConfigurationNotFoundException"):
        video.describe_edge_configuration(StreamName="s")
    hub = "arn:aws:iot:us-east-1:123456789012:thing/hub"
    recorder = {
        "MediaSourceConfig": {
            "MediaUriSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:camera-abcdef",
            "MediaUriType": "RTSP_URI",
        }
    }
    video.start_edge_configuration_update(StreamName="s", EdgeConfig={"HubDeviceArn": hub, "RecorderConfig": recorder})
    assert video.describe_edge_configuration(StreamName="s")["EdgeConfig"]["HubDeviceArn"] == hub
    [listed] = video.list_edge_agent_configurations(HubDeviceArn=hub)["EdgeConfigs"]
    assert listed["StreamName"] == "s"
    video.delete_edge_configuration(StreamName="s")
    assert video.list_edge_agent_configurations(HubDeviceArn=hub)["EdgeConfigs"] == []
