"""ffmpeg: media turned from one container into another, and into pictures, by the program of PyPI's imageio-ffmpeg.

Codecs stay as they are, but for pictures. A run is a process of its own, awaited on a thread; there are no more of them
at a time than there are processors.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path

TIMEOUT = 120


class Absent(Exception):
    """There is no ffmpeg."""


class Unusable(Exception):
    """ffmpeg makes nothing of it, and says why."""


def program() -> str:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise Absent("This needs ffmpeg: pip install 'pileus[video]'.") from None
    path: str = imageio_ffmpeg.get_ffmpeg_exe()
    return path


class Ffmpeg:
    """Runs of ffmpeg."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(os.cpu_count() or 1)

    async def segment(self, matroska: bytes) -> bytes:
        """A fragmented MP4 of one fragment, in which each track begins at 0."""
        flags = "empty_moov+default_base_moof+skip_trailer+frag_custom"
        return await self._piped(matroska, "-f", "mp4", "-movflags", flags)

    async def transport(self, matroska: bytes) -> bytes:
        """An MPEG transport stream."""
        return await self._piped(matroska, "-f", "mpegts", "-muxdelay", "0", "-muxpreload", "0")

    async def film(self, matroska: bytes) -> bytes:
        """An MP4 with its index in front."""
        with tempfile.TemporaryDirectory(prefix="pileus-") as folder:
            made = Path(folder, "film.mp4")
            out = ("-c", "copy", "-f", "mp4", "-movflags", "+faststart", str(made))
            await self._run(("-i", "pipe:0", *out), matroska)
            return await asyncio.to_thread(made.read_bytes)

    async def picture(self, matroska: bytes, after: float, *form: str) -> bytes:
        """The picture that is shown some seconds after the beginning."""
        with tempfile.TemporaryDirectory(prefix="pileus-") as folder:
            made = Path(folder, "picture")
            shown = ("-map", "0:v:0", "-t", f"{max(after, 0.0) + 0.001:.3f}", "-fps_mode", "passthrough")
            out = (*shown, *form, "-update", "1", "-f", "image2", str(made))
            await self._run(("-i", "pipe:0", *out), matroska)
            if not made.exists():
                raise Unusable("There is no picture.")
            return await asyncio.to_thread(made.read_bytes)

    async def _piped(self, matroska: bytes, *form: str) -> bytes:
        return await self._run(("-copyts", "-i", "pipe:0", "-c", "copy", *form, "pipe:1"), matroska)

    async def _run(self, arguments: tuple[str, ...], given: bytes) -> bytes:
        command = [program(), "-v", "error", *arguments]
        async with self._free:
            done = await asyncio.to_thread(
                subprocess.run, command, input=given, capture_output=True, timeout=TIMEOUT, check=False
            )
        if done.returncode:
            raise Unusable(done.stderr.decode(errors="replace").strip())
        return done.stdout
