"""Tags of alarms, mute rules, dashboards, metric streams and Contributor Insights rules."""

from __future__ import annotations

from pileus.kernel import tagging

from . import alarms, cloudwatch, contributors, dashboards, mutes, streams

TAGGED = (alarms.Alarm, dashboards.Dashboard, streams.Stream, mutes.MuteRule, contributors.Rule)
tagging.declare(cloudwatch)
