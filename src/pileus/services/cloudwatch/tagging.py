"""Tags of alarms, mute rules, dashboards, metric streams, Contributor Insights rules and query definitions."""

from __future__ import annotations

from pileus.kernel import tagging

from . import alarms, cloudwatch, contributors, dashboards, definitions, mutes, streams

TAGGED = (alarms.Alarm, dashboards.Dashboard, streams.Stream, mutes.MuteRule, contributors.Rule, definitions.Definition)
tagging.declare(cloudwatch)
