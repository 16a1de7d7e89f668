"""Amazon Kinesis Video Streams Media: the fragments of a stream as they come.

It is Kinesis Video Streams' second API and has nothing of its own: what it reads is put by, and lies with,
`kinesisvideo`. Left out: the limits of five calls a second and of 25 MB a second for each of them.
"""

from pileus.kernel import Service

kinesis_video_media = Service("kinesis-video-media")
