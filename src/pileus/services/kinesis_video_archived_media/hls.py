"""HLS: sessions, their playlists, and fragments as players want them.

A session is an address that nobody can guess, good until it expires on the cloud's clock. Playlists and fragments are
named as on AWS, and lie below the cloud's own address. The times of all fragments of a session count from its first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pileus.engines import matroska
from pileus.engines.matroska import Heading
from pileus.kernel import Call, Fault, Record, Unfinished, names
from pileus.kernel.edge import Answer
from pileus.services.kinesisvideo import faults
from pileus.services.kinesisvideo.fragments import Fragment, between, blocks, heading, kept, number_of, ticks, whole
from pileus.services.kinesisvideo.seals import opened
from pileus.services.kinesisvideo.streams import Stream

from . import kinesis_video_archived_media
from .films import Studio, made, playable
from .listing import Members, span, time_of
from .mp4 import initial, media

if TYPE_CHECKING:
    from pileus.gateway.message import Request

PLACE = "_pileus/at/kinesis-video-archived-media/hls"
PLAYLIST = "application/vnd.apple.mpegurl"
ANYWHERE = ("access-control-allow-origin", "*")
"""Players in browsers are pages of other origins."""
LIVE_FRAGMENTS, ARCHIVED_FRAGMENTS = 5, 5000
LEAD = 1000
"""Milliseconds before a session's first fragment: pictures that are decoded before they are shown need the room."""
GAP = 50
"""Milliseconds between two fragments from which on there is a discontinuity."""


class Session(Record, key=("account", "id"), scope="cloud", kw_only=True):
    """Somebody's way to a stream's fragments."""

    account: str
    id: str
    region: str
    stream: str
    box: str
    expires: float
    mode: str
    origin: str
    start: float
    end: float
    form: str
    discontinuity: str
    dated: bool
    secret: bytes
    """The stream's key, which whoever began the session may use, sealed by the cloud's."""
    most: int
    base: int
    """When its first fragment began, in milliseconds."""
    head: int = 0
    """The number of the first fragment in its playlist, and the place of that one in all that it has had."""
    sequence: int = 1

    @property
    def token(self) -> str:
        return f"{self.account}-{self.id}"


@kinesis_video_archived_media.forget
def forget(call: Call) -> None:
    Session.delete_all(call, call.account)


@kinesis_video_archived_media.operation(
    on=Stream.of, action="kinesisvideo:GetHLSStreamingSessionURL", name="GetHLSStreamingSessionURL"
)
def get_hls_streaming_session_url(
    call: Call,
    stream: Stream,
    playback_mode: str = "LIVE",
    hls_fragment_selector: Members = {},
    container_format: str = "FRAGMENTED_MP4",
    discontinuity_mode: str = "",
    display_fragment_timestamp: str = "NEVER",
    expires: int = 300,
    max_media_playlist_fragment_results: int = 0,
) -> Members:
    """Begin a session: the address of its master playlist."""
    if stream.retention == 0:
        raise faults.no_retention()
    live = checked(playback_mode, hls_fragment_selector)
    origin, start, end = span(hls_fragment_selector)
    most = max_media_playlist_fragment_results or (LIVE_FRAGMENTS if live else ARCHIVED_FRAGMENTS)
    found = latest(call, stream, most) if live else list(islice(between(call, stream, origin, start, end), 1))
    if not found:
        raise faults.no_fragments()
    playable(heading(call, found[0]))
    session = Session(
        account=call.account,
        id=names.token(40),
        region=call.region,
        stream=stream.name,
        box=stream.box,
        expires=call.now + expires,
        mode=playback_mode,
        origin=origin,
        start=start,
        end=end,
        form=container_format,
        discontinuity=discontinuity_mode or ("ALWAYS" if origin == "SERVER_TIMESTAMP" else "NEVER"),
        dated=display_fragment_timestamp == "ALWAYS",
        secret=call.cloud.master_key.seal(opened(call, stream)),
        most=most,
        base=round(time_of(found[0], origin) * 1000),
        head=found[0].number,
    ).put(call)
    expire.later(call, account=call.account, id=session.id, due=session.expires)
    address = call.url(f"{PLACE}/getHLSMasterPlaylist.m3u8?SessionToken={session.token}")
    return {"HLSStreamingSessionURL": address}


def checked(mode: str, selector: Members) -> bool:
    """Whether a session is live; the two kinds want different selectors."""
    if mode == "LIVE_REPLAY":
        raise Unfinished("Pileus does not implement the playback mode LIVE_REPLAY yet.")
    if mode == "LIVE" and "TimestampRange" in selector:
        raise faults.invalid("TimestampRange must not be set when PlaybackMode is LIVE.")
    if mode == "ON_DEMAND" and not {"FragmentSelectorType", "TimestampRange"} <= selector.keys():
        raise faults.invalid("FragmentSelectorType and TimestampRange are required when PlaybackMode is ON_DEMAND.")
    return mode == "LIVE"


def latest(call: Call, stream: Stream, most: int) -> list[Fragment]:
    since = (kept(call, stream),)
    return list(Fragment.scan(call, stream.box, since=since, reverse=True, limit=most))[::-1]


@kinesis_video_archived_media.task
def expire(call: Call, account: str, id: str) -> None:  # noqa: A002 - a task's argument is named as the record's field
    if session := Session.get(call, account, id):
        session.delete(call)


# What players ask for


@kinesis_video_archived_media.address
def serve(call: Call, request: Request, kind: str, name: str) -> Answer:
    """A playlist or a fragment of a session."""
    asked = {key: values[0] for key, values in parse_qs(request.query).items()}
    account, _, secret = asked.get("SessionToken", "").partition("-")
    session = Session.get(call, account, secret)
    if session is None or session.expires <= call.now:
        return refused(403, "The session token is invalid or has expired.")
    there = call.at(account=session.account, region=session.region)
    stream = Stream.get(there, session.stream)
    if stream is None or stream.box != session.box or stream.status != "ACTIVE":
        return refused(404, "The stream is not found.")
    match f"{kind}/{name}":
        case "hls/getHLSMasterPlaylist.m3u8":
            return playlist(master(there, stream, session))
        case "hls/getHLSMediaPlaylist.m3u8":
            return playlist(listed(there, stream, session))
        case "hls/getMP4InitFragment.mp4" | "hls/getMP4MediaFragment.mp4" | "hls/getTSFragment.ts":
            return segment(there, stream, session, name, asked.get("FragmentNumber", ""))
    return refused(404, "There is no such resource.")


def refused(status: int, message: str) -> Answer:
    return Answer(status, [("content-type", "text/plain"), ANYWHERE], message.encode())


def playlist(lines: list[str]) -> Answer:
    fields = [("content-type", PLAYLIST), ("cache-control", "no-cache"), ANYWHERE]
    return Answer(200, fields, "\n".join([*lines, ""]).encode())


def master(call: Call, stream: Stream, session: Session) -> list[str]:
    found = shown(call, stream, session)[:1]
    about = [f"BANDWIDTH={bandwidth(found)}"]
    if found and (codecs := names_of(heading(call, found[0]))):
        about.append(f'CODECS="{codecs}"')
    address = f"getHLSMediaPlaylist.m3u8?SessionToken={session.token}"
    return ["#EXTM3U", "#EXT-X-VERSION:6", f"#EXT-X-STREAM-INF:{','.join(about)}", address]


def bandwidth(found: list[Fragment]) -> int:
    return max((fragment.size * 8000 // max(fragment.length, 1) for fragment in found), default=1)


def names_of(before: Heading) -> str:
    """The codecs as RFC 6381 has them; nothing if one of them would take more than its profile to name."""
    told = []
    for track in before.entries:
        if track.codec in AVC:
            told.append(f"avc1.{track.private[1:4].hex()}")
        elif track.codec == "A_AAC":
            told.append(f"mp4a.40.{track.private[0] >> 3}")
        else:
            return ""
    return ",".join(told)


AVC = ("V_MPEG/ISO/AVC", "V_MPEG4/ISO/AVC")


def shown(call: Call, stream: Stream, session: Session) -> list[Fragment]:
    """The fragments in a session's playlist: the first ones of its range, or the latest ones now."""
    if session.mode == "ON_DEMAND":
        return list(islice(between(call, stream, session.origin, session.start, session.end), session.most))
    found = latest(call, stream, session.most)
    if found and found[0].number > session.head:
        gone = Fragment.scan(call, stream.box, since=(session.head,), before=(found[0].number,))
        session.sequence += sum(1 for _ in gone)
        session.head = found[0].number
        session.put(call)
    return found


def listed(call: Call, stream: Stream, session: Session) -> list[str]:
    found = shown(call, stream, session)
    longest = max((fragment.length for fragment in found), default=1000)
    lines = ["#EXTM3U", "#EXT-X-VERSION:6"]
    if session.mode == "ON_DEMAND":
        lines.append("#EXT-X-PLAYLIST-TYPE:VOD")
    lines += [f"#EXT-X-TARGETDURATION:{-(-longest // 1000)}", f"#EXT-X-MEDIA-SEQUENCE:{session.sequence}"]
    before = None
    for fragment in found:
        lines += entry(session, fragment, before)
        before = fragment
    return [*lines, "#EXT-X-ENDLIST"] if session.mode == "ON_DEMAND" else lines


def entry(session: Session, fragment: Fragment, before: Fragment | None) -> list[str]:
    """One fragment, and what has changed since the one before."""
    query = f"FragmentNumber={fragment.name}&SessionToken={session.token}"
    lines = []
    other = before is None or before.preface != fragment.preface
    if before and (other or broken(session, before, fragment)):
        lines.append("#EXT-X-DISCONTINUITY")
    if other and session.form == "FRAGMENTED_MP4":
        lines.append(f'#EXT-X-MAP:URI="getMP4InitFragment.mp4?{query}"')
    if session.dated:
        moment = datetime.fromtimestamp(time_of(fragment, session.origin), UTC)
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{moment.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}")
    name = "getMP4MediaFragment.mp4" if session.form == "FRAGMENTED_MP4" else "getTSFragment.ts"
    return [*lines, f"#EXTINF:{fragment.length / 1000:.3f},", f"{name}?{query}"]


def broken(session: Session, before: Fragment, fragment: Fragment) -> bool:
    if session.discontinuity == "ON_DISCONTINUITY":
        apart = (time_of(fragment, session.origin) - time_of(before, session.origin)) * 1000 - before.length
        return abs(apart) > GAP
    return session.discontinuity == "ALWAYS"


def segment(call: Call, stream: Stream, session: Session, name: str, number: str) -> Answer:
    """One fragment in one of the forms that players know."""
    wanted = number_of(number) if number.isdigit() else 0
    fragment = Fragment.get(call, session.box, wanted) if wanted >= kept(call, stream) else None
    if fragment is None:
        return refused(404, "The fragment is not found.")
    kind = "video/mp2t" if name.endswith(".ts") else "video/mp4"
    return Answer(
        200, [("content-type", kind), ANYWHERE], converted(call, session, fragment, heading(call, fragment), name)
    )


async def converted(
    call: Call, session: Session, fragment: Fragment, before: Heading, name: str
) -> AsyncIterator[bytes]:
    content = await blocks(call, fragment, call.cloud.master_key.open(session.secret))
    if content is None:
        raise Fault("ResourceNotFoundException", "The fragment is not there any more.")
    offset = LEAD + max(0, round(time_of(fragment, session.origin) * 1000) - session.base)
    file = whole(before, ticks(offset, before.scale), content)
    studio = call.cloud.engine(Studio)
    run: Any = studio.transport(file) if name.endswith(".ts") else studio.segment(file)
    result = await made(run)
    if name == "getMP4InitFragment.mp4":
        result = initial(result)
    elif name == "getMP4MediaFragment.mp4":
        starts = matroska.starts(content)
        begins = [offset + starts.get(one.number, 0) * before.scale / 1_000_000 for one in before.entries]
        result = media(result, begins)
    yield result
