"""Widgets as pictures: what is drawn is there in the colours that were asked for."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from pileus.testing.account import Account
from pileus.testing.local import CloudClock, LocalCloud

Image = pytest.importorskip("PIL.Image", reason="Pillow comes with matplotlib")
pytest.importorskip("matplotlib")

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 128, 0)


def drawn(client: Any, **widget: Any) -> Any:
    told = client.get_metric_widget_image(MetricWidget=json.dumps(widget))["MetricWidgetImage"]
    assert told[:8] == b"\x89PNG\r\n\x1a\n"
    return Image.open(io.BytesIO(told)).convert("RGB")


def places(picture: Any, color: tuple[int, int, int]) -> list[tuple[int, int]]:
    """Where a colour is, from the left."""
    width, _ = picture.size
    return sorted((n % width, n // width) for n, pixel in enumerate(pixels(picture)) if pixel == color)


def pixels(picture: Any) -> list[tuple[int, ...]]:
    data = picture.tobytes()
    return list(zip(data[::3], data[1::3], data[2::3], strict=True))


def test_curves_math_and_marks(metrics: Any, put: Callable[..., None], minute: int, clock: CloudClock) -> None:
    for step in range(10):
        put(float(step), at=minute - 600 + 60 * step, Dimensions=[{"Name": "Host", "Value": "a"}])
    clock.advance(60)
    picture = drawn(
        metrics,
        width=500,
        height=300,
        period=60,
        stat="Sum",
        start="-PT10M",
        title="Load",
        legend={"position": "hidden"},
        metrics=[
            ["Works", "Load", "Host", "a", {"color": "#ff0000", "id": "m"}],
            ["...", "nobody", {"color": "#008000"}],
            [{"expression": "10 - m", "color": "#0000ff", "label": "rest ${LAST}"}],
        ],
        yAxis={"left": {"min": 0, "max": 12}},
        annotations={"horizontal": [{"value": 11, "color": "#800080", "label": "limit"}]},
    )
    assert picture.size == (500, 300)
    red, blue = places(picture, RED), places(picture, BLUE)
    assert red[0][1] > red[-1][1]  # it rises, and rows are counted from the top
    assert blue[0][1] < blue[-1][1]
    assert not places(picture, GREEN)  # there are no such values
    assert len({y for _, y in places(picture, (128, 0, 128))}) < 20
    for view in ("bar", "pie", "singleValue"):
        shown = drawn(metrics, view=view, theme="dark", metrics=[["Works", "Load", "Host", "a"]])
        assert shown.size == (600, 400)
        assert len(set(pixels(shown))) > 2
    stacked = drawn(metrics, stacked=True, metrics=[["Works", "Load", "Host", "a", {"color": "#ff0000"}]])
    assert stacked.size == (600, 400)


def test_what_is_no_widget(metrics: Any) -> None:
    for text, why in (
        ("{", "not valid JSON"),
        ("{}", "metrics or annotations"),
        ('{"metrics": [["Works"]]}', "namespace, a name"),
        ('{"metrics": [["Works", "Load"]], "view": "cloud"}', "view"),
        ('{"metrics": [["Works", "Load"]], "start": "yesterday"}', "not valid"),
        ('{"metrics": [[{"expression": "nothing"}]]}', "undefined"),
        ('{"metrics": [["Works", "Load"]], "width": 9999}', "width"),
    ):
        with pytest.raises(ClientError, match=why):
            metrics.get_metric_widget_image(MetricWidget=text)


def test_a_bare_picture_for_those_who_speak_http(aws: Account, cloud: LocalCloud, metrics: Any) -> None:
    """The query protocol, and `image/png` for the format: the answer is the picture (API reference, OutputFormat)."""
    widget = {"metrics": [["Works", "Load", {"color": "#ff0000"}]], "width": 200, "height": 100}
    form = {
        "Action": "GetMetricWidgetImage",
        "Version": "2010-08-01",
        "OutputFormat": "image/png",
        "MetricWidget": json.dumps(widget),
    }
    request = AWSRequest("POST", cloud.endpoint, data=urlencode(form).encode())
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    SigV4Auth(Credentials(aws.id, "test"), "monitoring", "us-east-1").add_auth(request)
    sent = urllib.request.Request(cloud.endpoint, request.body, dict(request.headers))
    with urllib.request.urlopen(sent) as answer:
        assert answer.headers["Content-Type"] == "image/png"
        assert Image.open(io.BytesIO(answer.read())).size == (200, 100)
    with pytest.raises(ClientError, match="OutputFormat is invalid"):
        metrics.get_metric_widget_image(MetricWidget=json.dumps(widget), OutputFormat="gif")
