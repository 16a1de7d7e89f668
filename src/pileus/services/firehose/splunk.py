"""Splunk: records for its HTTP Event Collector, which acknowledges what its indexers have ("Splunk", Developer Guide).

Splunk's own documentation, "Format events for HTTP Event Collector" and "About HTTP Event Collector Indexer
Acknowledgment".
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pileus.kernel import Call, names, web

from .endpoints import Refused, secret
from .processing import Failed, Item
from .streams import Stream

SECONDS = 30.0
PAUSE = 0.5
"""Real seconds between two questions whether events are indexed."""
CODES = {1: "Splunk.DisabledToken", 4: "Splunk.InvalidToken", 6: "Splunk.InvalidDataFormat", 7: "Splunk.InvalidIndex"}
"""What Splunk's answers mean to Firehose."""
NO_ACKNOWLEDGEMENTS = 14


async def send(call: Call, stream: Stream, name: str, items: list[Item], at: float) -> list[Failed]:
    """Send records as one request, and wait until they are acknowledged."""
    settings = stream.destination.settings
    collector = Collector(call, settings, await secret(call, stream, "hec_token", settings.get("HECToken", "")))
    kind = "event" if settings["HECEndpointType"] == "Event" else "raw"
    told = await collector.ask(f"services/collector/{kind}", b"".join(item.data for item in items))
    acknowledgement = told.get("ackId")
    if acknowledgement is None:
        raise Refused("Splunk.DisabledAck", "Indexer acknowledgement is disabled for the HEC token.")
    patience = settings["HECAcknowledgmentTimeoutInSeconds"]
    until = call.cloud.clock.now() + patience
    question = json.dumps({"acks": [acknowledgement]}).encode()
    for _ in range(int(patience / PAUSE)):
        if call.cloud.clock.now() > until:
            break
        answer = await collector.ask("services/collector/ack", question)
        if answer.get("acks", {}).get(str(acknowledgement)):
            return []
        await asyncio.sleep(PAUSE)
    raise Refused("Splunk.AckTimeout", "Did not receive an acknowledgement before the timeout expired.")


class Collector:
    """An HTTP Event Collector, in one channel."""

    def __init__(self, call: Call, settings: dict[str, Any], token: str) -> None:
        self._address = settings["HECEndpoint"].rstrip("/")
        self._headers = {
            "Authorization": f"Splunk {token}",
            "X-Splunk-Request-Channel": names.uuid4(),
            "Content-Type": "application/json",
        }

    async def ask(self, path: str, body: bytes) -> dict[str, Any]:
        try:
            answer = await web.request(
                "POST", f"{self._address}/{path}", headers=self._headers, body=body, seconds=SECONDS
            )
        except web.Unreachable as error:
            raise Refused("Splunk.ConnectionTimeout", str(error)) from None
        try:
            told = json.loads(answer.body)
        except ValueError:
            told = None
        if answer.status == 200 and isinstance(told, dict):
            return told
        code = told.get("code") if isinstance(told, dict) else None
        if code == NO_ACKNOWLEDGEMENTS:
            raise Refused("Splunk.DisabledAck", "Indexer acknowledgement is disabled for the HEC token.")
        text = f"Splunk answered {answer.status}" + (f": {told['text']}" if told and told.get("text") else "")
        raise Refused(CODES.get(code or 0, "Splunk.ServerError"), text)
