"""Tags of alarms, dashboards and metric streams."""

from __future__ import annotations

from pileus.kernel import tagging

from . import alarms, cloudwatch, dashboards, streams

TAGGED = (alarms.Alarm, dashboards.Dashboard, streams.Stream)
tagging.declare(cloudwatch)
