"""Opens and clicks: a picture and links that lead through the cloud, where a set's destinations want to hear of them.

"Configuring custom domains to handle open and click tracking" and "Open and click tracking FAQs", Developer Guide. The
cloud itself is the domain of all links. A link with the attribute `ses:no-track` is left alone.
"""

from __future__ import annotations

import html
import re
from typing import Any

from pileus.kernel import Call, Record, names
from pileus.kernel.edge import Answer

from . import events, insights
from .events import stamp
from .sets import ConfigurationSet

HREF = re.compile(r"""<a\b[^>]*?\bhref\s*=\s*(["'])(https?://.*?)\1[^>]*>""", re.IGNORECASE | re.DOTALL)
NO_TRACK = re.compile(r"\s*\bses:no-track\b(\s*=\s*(\"[^\"]*\"|'[^']*'))?", re.IGNORECASE)
PLAIN_URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
KEPT = 60 * 86400.0


class Tracked(Record, scope="cloud"):
    """A letter whose links lead through the cloud."""

    token: str
    account: str
    region: str
    set: str
    urls: list[str]
    until: float
    mail: dict[str, Any] = {}
    """The letter as events tell of it."""


class Tracker:
    """Puts links and a picture into one letter."""

    def __init__(self, call: Call, found: ConfigurationSet, overrides: dict[str, str]) -> None:
        wanted = {
            kind
            for one in found.destinations.values()
            if one.get("Enabled")
            for kind in one["MatchingEventTypes"]
            if kind in ("OPEN", "CLICK")
        }
        self._call = call
        self._opens, self._clicks = (
            overrides.get(f"{spelt}TrackingEnabled", "ENABLED" if kind in wanted else "") == "ENABLED"
            for spelt, kind in (("Open", "OPEN"), ("Click", "CLICK"))
        )
        self._record = Tracked(names.token(40), call.account, call.region, found.name, [], call.now + KEPT)

    @classmethod
    def of(cls, call: Call, found: ConfigurationSet | None, overrides: dict[str, str]) -> Tracker | None:
        """None where nobody wants to know. `overrides` say so for one letter."""
        made = cls(call, found, overrides) if found else None
        return made if made and (made._opens or made._clicks) else None

    def mark(self, message: Any) -> None:
        """Change the texts of a letter."""
        for part in message.walk():
            kind = part.get_content_type()
            if kind not in ("text/html", "text/plain") or part.get_content_disposition() == "attachment":
                continue
            try:
                text = part.get_content()
            except LookupError:  # nobody knows this charset
                continue
            marked = self.html(text) if kind == "text/html" else self.plain(text)
            if marked != text:
                part.set_content(marked, subtype=kind.partition("/")[2])

    def html(self, text: str) -> str:
        if self._clicks:
            text = HREF.sub(self._anchor, text)
        if not self._opens:
            return text
        picture = f'<img alt="" src="{self._address("open", "0")}" style="display: none; width: 1px; height: 1px;">'
        head, body, rest = text.rpartition("</body>")
        return f"{head}{picture}{body}{rest}" if body else f"{text}{picture}"

    def _anchor(self, match: re.Match[str]) -> str:
        whole = match[0]
        if NO_TRACK.search(whole):
            return NO_TRACK.sub("", whole)
        return whole.replace(match[2], self._link(html.unescape(match[2])), 1)

    def plain(self, text: str) -> str:
        return PLAIN_URL.sub(lambda match: self._link(match[0]), text) if self._clicks else text

    def _link(self, url: str) -> str:
        self._record.urls.append(url)
        return self._address("click", str(len(self._record.urls) - 1))

    def _address(self, kind: str, number: str) -> str:
        return self._call.url(f"_pileus/at/ses/{kind}/{self._record.token}.{number}")

    def keep(self, mail: dict[str, Any]) -> None:
        """The letter is sent."""
        self._record.mail = mail
        self._record.put(self._call)


def opened(call: Call, request: Any, token: str) -> Answer:
    """Somebody looks at a letter."""
    found = Tracked.get(call, token.partition(".")[0])
    if found:
        tell(call, request, found, "OPEN", "open", {})
    return Answer(200, [("content-type", "image/gif"), ("cache-control", "no-store")], PIXEL)


def clicked(call: Call, request: Any, token: str) -> Answer:
    """Somebody follows a link."""
    name, _, number = token.partition(".")
    found = Tracked.get(call, name)
    if found is None or not number.isdecimal() or int(number) >= len(found.urls):
        return Answer(404, [("content-type", "text/plain")], b"There is no such link.\n")
    url = found.urls[int(number)]
    tell(call, request, found, "CLICK", "click", {"link": url, "linkTags": None})
    return Answer(302, [("location", url)])


def tell(call: Call, request: Any, found: Tracked, kind: str, member: str, about: dict[str, Any]) -> None:
    if call.now > found.until:
        return
    told = {
        "ipAddress": "127.0.0.1",
        "timestamp": stamp(call.now),
        "userAgent": request.headers.get("user-agent") or "",
    }
    document = {"eventType": events.SPELT[kind], "mail": found.mail, member: told | about}
    there = call.at(account=found.account, region=found.region)
    insights.engaged(there, found.mail["messageId"], kind)
    events.destine.later(there, set_name=found.set, kind=kind, document=document)
