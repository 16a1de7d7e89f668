"""A video stream, made by Terraform."""

from __future__ import annotations

from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

STACK = """
resource "aws_kms_key" "video" {}

resource "aws_kinesis_video_stream" "door" {
  name                    = "door"
  data_retention_in_hours = 24
  device_name             = "camera"
  media_type              = "video/h264"
  kms_key_id              = aws_kms_key.video.arn
  tags                    = { team = "red" }
}

resource "aws_kinesis_video_stream" "plain" {
  name = "plain"
}
"""


def test_a_video_stream_is_applied_and_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, STACK)
    stack.apply()
    assert stack.plan_is_empty()
    video = aws.client("kinesisvideo")
    told = video.describe_stream(StreamName="door")["StreamInfo"]
    assert (told["DataRetentionInHours"], told["MediaType"], told["DeviceName"]) == (24, "video/h264", "camera")
    stack.destroy()
    assert video.list_streams()["StreamInfoList"] == []
