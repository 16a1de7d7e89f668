"""A producer as the SDKs for cameras are one: signed requests whose body is Matroska, acknowledged while it is sent."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

FRAMES, RATE, FRAGMENTS = 60, 10, 3


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    exe: str = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed").get_ffmpeg_exe()
    return exe


@pytest.fixture(scope="session")
def movie(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Six seconds of H.264 and AAC, in three clusters of two seconds that begin with key frames."""
    path = tmp_path_factory.mktemp("kvs") / "movie.mkv"
    pictures = ["-f", "lavfi", "-i", f"testsrc2=size=320x240:rate={RATE}:duration={FRAMES // RATE}"]
    sound = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={FRAMES // RATE}"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-keyint_min", "20", "-sc_threshold", "0"]
    shape = [
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        "-shortest",
        "-cluster_time_limit",
        "2500",
        "-cluster_size_limit",
        "4M",
        "-f",
        "matroska",
    ]
    subprocess.run(
        [ffmpeg, "-v", "error", *pictures, *sound, *codecs, *shape, "-live", "1", str(path)], check=True, timeout=60
    )
    return path.read_bytes()


@pytest.fixture(scope="session")
def frames(ffmpeg: str) -> Callable[[Any], int]:
    """How many pictures ffmpeg decodes of some bytes, or of what is at an address."""

    def count(source: Any) -> int:
        given = isinstance(source, bytes)
        command = [
            ffmpeg,
            "-v",
            "error",
            "-i",
            "pipe:0" if given else str(source),
            "-map",
            "0:v",
            "-f",
            "framemd5",
            "-",
        ]
        done = subprocess.run(command, input=source if given else None, capture_output=True, timeout=60)
        # ffmpeg remarks on a segment behind another one, which is what GetMedia gives, and reads it nonetheless.
        complaints = [line for line in done.stderr.splitlines() if b"unknown-length element" not in line]
        assert not complaints, done.stderr.decode()
        return sum(not line.startswith(b"#") for line in done.stdout.splitlines())

    return count


class Producer:
    """Puts media on a stream."""

    def __init__(self, aws: Any, **keys: str) -> None:
        self._client = aws.client("kinesisvideo", **keys)

    def put(self, body: bytes | Iterator[bytes], declared: str = "UNSIGNED-PAYLOAD", **headers: str) -> tuple[int, Any]:
        """The status, and the acknowledgements or the error."""
        video = self._client
        address = urlsplit(video.meta.endpoint_url)
        named = {f"x-amzn-{name.replace('_', '-')}": value for name, value in headers.items()}
        if declared:
            named["X-Amz-Content-SHA256"] = declared
        request = AWSRequest("POST", f"{video.meta.endpoint_url}/putMedia", headers=named)
        credentials = video._request_signer._credentials
        SigV4Auth(credentials, "kinesisvideo", video.meta.region_name).add_auth(request)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        sent = iter([body[at : at + 8000] for at in range(0, len(body), 8000)]) if isinstance(body, bytes) else body
        connection.request("POST", "/putMedia", sent, dict(request.headers.items()), encode_chunked=True)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != 200:
            return answer.status, {"code": answer.headers["x-amzn-errortype"], **json.loads(text)}
        return answer.status, [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def producer(aws: Any) -> Producer:
    return Producer(aws)
