"""Metric streams in OpenTelemetry's formats 0.7 and 1.0: export requests as protocol buffers, each after its length.

"OpenTelemetry 1.0.0 format" and "OpenTelemetry 0.7.0 format", User Guide. A metric is a summary: its least value is the
quantile 0, its greatest the quantile 1, and percentiles that are asked for stand between them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

UNITS = {
    "Seconds": "s", "Microseconds": "us", "Milliseconds": "ms", "Percent": "%", "Count": "{Count}", "None": "1",
    "Bytes": "By", "Kilobytes": "kBy", "Megabytes": "MBy", "Gigabytes": "GBy", "Terabytes": "TBy",
    "Bits": "bit", "Kilobits": "kbit", "Megabits": "MBit", "Gigabits": "GBit", "Terabits": "TBit",
}  # fmt: skip
"""By CloudWatch's names; what is per second has `/s` behind it."""
MINUTE = 60


class Point(NamedTuple):
    """A metric's statistics of one minute."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    at: int
    unit: str
    samples: float
    total: float
    quantiles: Mapping[float, float]


def exported(point: Point, resource: Mapping[str, str], version: str) -> bytes:
    """An ExportMetricsServiceRequest, after its length."""
    about = b"".join(text_field(1, key, value) for key, value in resource.items())
    metric = string(1, f"amazonaws.com/{point.namespace}/{point.name}") + string(3, unit_of(point.unit))
    metric += message(11, message(1, summary(point, version)))
    request = message(1, message(1, about) + message(2, message(2, metric)))
    return varint(len(request)) + request


def summary(point: Point, version: str) -> bytes:
    """A SummaryDataPoint; in 0.7 a DoubleSummaryDataPoint, whose labels are other fields than attributes."""
    if version == "0.7":
        labels = {"Namespace": point.namespace, "MetricName": point.name, **point.dimensions}
        told = b"".join(message(1, string(1, key) + string(2, value)) for key, value in labels.items())
    else:
        told = text_field(7, "Namespace", point.namespace) + text_field(7, "MetricName", point.name)
        pairs = b"".join(text_field(1, key, value) for key, value in point.dimensions.items())
        told += message(7, string(1, "Dimensions") + message(2, message(6, pairs)))
    told += fixed(2, point.at * 10**9) + fixed(3, (point.at + MINUTE) * 10**9)
    told += fixed(4, round(point.samples)) + double(5, point.total)
    for quantile, value in sorted(point.quantiles.items()):
        told += message(6, double(1, quantile) + double(2, value))
    return told


def unit_of(unit: str) -> str:
    base, slash, _ = unit.partition("/")
    return UNITS.get(base, base) + ("/s" if slash else "")


# Protocol buffers (protobuf.dev, "Encoding")


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def string(field: int, text: str) -> bytes:
    return message(field, text.encode())


def text_field(field: int, key: str, value: str) -> bytes:
    """A KeyValue whose value is a string."""
    return message(field, string(1, key) + message(2, string(1, value)))


def fixed(field: int, number: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", number)


def double(field: int, number: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", number)
