"""What goes with a log group: everything in it and on it."""

from __future__ import annotations

from pileus.kernel import Call

from .ciphers import DataKey
from .groups import Group, Volume
from .indexes import IndexPolicy
from .metric_filters import MetricFilter
from .parts import Chunk, Stream
from .protection import Protection
from .subscriptions import SubscriptionFilter
from .syslog import SyslogConfiguration
from .transformers import Transformer


def clear(call: Call, group: Group) -> None:
    Chunk.delete_all(call, group.id)
    DataKey.delete_all(call, group.id)
    Stream.delete_all(call, group.id)
    MetricFilter.delete_all(call, group.id)
    SubscriptionFilter.delete_all(call, group.id)
    SyslogConfiguration.delete_all(call, group.name)
    for one in (Protection.get(call, group.id), IndexPolicy.get(call, group.id), Transformer.get(call, group.id)):
        if one:
            one.delete(call)
    if volume := Volume.get(call, group.id):
        volume.delete(call)
