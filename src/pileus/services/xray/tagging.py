"""Tags of groups and sampling rules."""

from __future__ import annotations

from pileus.kernel import tagging

from . import groups, sampling, xray

TAGGED = (groups.Group, sampling.Rule)
tagging.declare(xray)
