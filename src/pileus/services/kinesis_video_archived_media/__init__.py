"""Amazon Kinesis Video Streams Archived Media: the fragments of a stream by number and by time, and as films.

It is Kinesis Video Streams' third API: what it reads is put by, and lies with, `kinesisvideo`. Its own are sessions of
HLS. ffmpeg turns Matroska into MP4 and transport streams; there is one if the extra `video` is installed.

Left out, and answered with 501: DASH, and HLS in the mode LIVE_REPLAY.
"""

from pileus.kernel import Service

kinesis_video_archived_media = Service("kinesis-video-archived-media", engine="ffmpeg")
