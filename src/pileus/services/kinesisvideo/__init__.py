"""Amazon Kinesis Video Streams: media as fragments, kept for some time, in the order in which they came.

    streams, retention, tags      what a stream is, how long it keeps what it gets
    endpoints                     where the data are put and read
    seals                         fragments are encrypted at rest
    fragments, putting, tagged    media: PutMedia, which no model has, takes Matroska and keeps its clusters
    settings, edges               what is set about a stream
    channels                      signaling channels

Reading is in `kinesis_video_media` and `kinesis_video_archived_media`, this service's second and third APIs.

Left out: the tags that producers write into their media are not handed on. Signaling itself, images that are generated
at intervals, notifications, agents at the edge and WebRTC are not built: what is set about them is kept and told, and
nothing comes of it.
"""

from pileus.kernel import Service

kinesisvideo = Service("kinesisvideo")
