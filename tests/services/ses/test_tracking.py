"""Who opens letters and follows their links, and letters that are not sent at all."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from pileus.testing.account import Account

from .test_people import led_to
from .test_sending import FRIEND, SENDER, Post

RICH = """<html><body><p>See <a class="x" href="https://example.com/a?b=1&amp;c=2">here</a>
or <a ses:no-track href="https://example.com/plain">there</a>.</p></body></html>"""


@pytest.fixture
def post(aws: Account) -> Post:
    return Post(aws)


def watched(post: Post, *kinds: str) -> Any:
    topic, heard = post.topic()
    post.first.create_configuration_set(ConfigurationSet={"Name": "set"})
    destination = {"Name": "d", "Enabled": True, "MatchingEventTypes": [*kinds]}
    post.first.create_configuration_set_event_destination(
        ConfigurationSetName="set", EventDestination=destination | {"SNSDestination": {"TopicARN": topic}}
    )
    return heard


def send(post: Post, **body: Any) -> str:
    message = {"Subject": {"Data": "s"}, "Body": body}
    to = {"ToAddresses": [FRIEND]}
    name: str = post.first.send_email(Source=SENDER, Destination=to, Message=message, ConfigurationSetName="set")[
        "MessageId"
    ]
    return name


def test_opens_and_clicks_are_told(post: Post, clock: Any) -> None:
    heard = watched(post, "open", "click")
    name = send(post, Html={"Data": RICH}, Text={"Data": "See https://example.com/text."})
    letter = post.raw(name)
    html, text = (letter.get_body((kind,)).get_content() for kind in ("html", "plain"))
    link = re.search(r'<a class="x" href="([^"]+)"', html)[1]  # type: ignore[index]
    assert '<a href="https://example.com/plain">' in html and "example.com/a" not in html
    picture = re.search(r'<img alt="" src="([^"]+)"', html)[1]  # type: ignore[index]
    assert html.index(picture) < html.index("</body>")
    assert led_to(link) == "https://example.com/a?b=1&c=2"
    in_text = re.search(r"See (\S+)\.", text)[1]  # type: ignore[index]
    assert led_to(in_text) == "https://example.com/text"
    with urllib.request.urlopen(picture) as answer:
        assert answer.headers["Content-Type"] == "image/gif" and answer.read().startswith(b"GIF89a")
    clock.advance(1)
    told = heard()
    assert {event["eventType"] for event in told} == {"Click", "Open"}
    assert {event["mail"]["messageId"] for event in told} == {name}
    assert sorted(event["click"]["link"] for event in told if "click" in event) == [
        "https://example.com/a?b=1&c=2",
        "https://example.com/text",
    ]
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{link}9")


def test_letters_are_left_alone_where_nobody_watches(post: Post) -> None:
    watched(post, "send")
    name = send(post, Html={"Data": RICH})
    assert post.raw(name).get_content().split() == RICH.split()


def test_a_virus_is_not_sent(post: Post, clock: Any) -> None:
    heard = watched(post, "send", "reject", "delivery")
    virus = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    name = send(post, Text={"Data": virus})
    assert post.letters() == []
    clock.advance(1)
    told = {event["eventType"]: event for event in heard()}
    assert set(told) == {"Send", "Reject"}
    assert told["Reject"]["reject"] == {"reason": "Bad content"} and told["Reject"]["mail"]["messageId"] == name
    (point,) = post.first.get_send_statistics()["SendDataPoints"]
    assert point["Rejects"] == 1
