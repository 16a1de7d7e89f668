"""Screenshots: what a screen at an instance's console shows by now, as a picture.

Instances have a serial console and no graphics; the picture is of 25 lines of 80 characters, the last that it said.
"""

from __future__ import annotations

import base64
import io
import re

from pileus.kernel import Call, Unfinished
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import unsupported

from . import machines
from .instances import RUNNING, instance, wrong_state
from .types import table

ROWS, COLUMNS = 25, 80
ACROSS, DOWN = 6, 11
"""Dots of a character."""
TIMES = 2
BLACK, GREY = 0, 190
CONTROL = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|[\x00-\x08\x0b-\x1f\x7f]")
"""Escape sequences, and what a terminal does not show."""


@ec2.operation
def get_console_screenshot(call: Call, instance_id: str, wake_up: bool = False) -> Members:
    """A picture of the console; `wake_up` presses a key there."""
    one = instance(call, instance_id)
    if one.state != RUNNING:
        raise wrong_state(f"The instance '{instance_id}' is not in the 'running' state.")
    if (kind := table().get(one.instance_type)) and kind.metal:
        raise unsupported("GetConsoleScreenshot is not supported for bare metal instances.")
    engine = machines.machines(call)
    if wake_up and engine and (machine := engine.running.get(instance_id)):
        call.after_commit(lambda: machine.typed(b"\n"))
    said = engine.console(instance_id).read() if engine else b""
    return {"InstanceId": instance_id, "ImageData": base64.b64encode(picture(screen(said))).decode()}


def screen(said: bytes) -> list[str]:
    """The lines that a terminal shows at last."""
    rows: list[str] = []
    for line in said.expandtabs(8).replace(b"\r\n", b"\n").split(b"\n"):
        shown = CONTROL.sub(b"", line.rpartition(b"\r")[2]).decode(errors="replace")
        rows += [shown[at : at + COLUMNS] for at in range(0, len(shown), COLUMNS)] or [""]
    return rows[-ROWS:]


def picture(rows: list[str]) -> bytes:
    """Text as a JPEG."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise Unfinished('Screenshots need Pillow: pip install "pileus[screens]"') from None
    canvas = Image.new("L", (COLUMNS * ACROSS, ROWS * DOWN), BLACK)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default_imagefont()
    for number, row in enumerate(rows):
        text = row.encode("latin-1", errors="replace").decode("latin-1")
        draw.text((0, number * DOWN), text, fill=GREY, font=font)
    drawn = io.BytesIO()
    canvas.resize((canvas.width * TIMES, canvas.height * TIMES), Image.Resampling.NEAREST).save(drawn, "JPEG")
    return drawn.getvalue()
