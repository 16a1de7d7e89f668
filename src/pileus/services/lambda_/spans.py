"""Active tracing: the two segments of each invocation in a trace that is sampled.

One is Lambda's, that takes the request, one the function's, with its initialization, invocation and overhead
("Understanding X-Ray traces", Developer Guide). The runtime gets the second as its parent, so that what the X-Ray SDK
sends is below it. Left out: the time that events wait, links to the messages of a batch but the first.
"""

from __future__ import annotations

import time
from typing import Any

from pileus.kernel import Call, traces

from .functions import Version
from .invocation import Invocation, Outcome


class Span:
    """An invocation that is traced."""

    def __init__(self, call: Call, invocation: Invocation) -> None:
        self.call = call
        self.invocation = invocation
        self.header = invocation.trace
        self.began = call.cloud.clock.now()
        self._clock = time.perf_counter()
        self.outer, self.inner = traces.new_id(), traces.new_id()

    @classmethod
    def of(cls, call: Call, version: Version, invocation: Invocation) -> Span | None:
        """None where the function is not traced. If it is, what it does is below its own segment from now on."""
        active = version.settings.get("TracingConfig", {}).get("Mode") == "Active"
        if not active or not traces.sampled(invocation.trace):
            if "Parent" not in traces.parts(invocation.trace):
                invocation.trace = traces.under(invocation.trace, traces.new_id())
            return None
        span = cls(call, invocation)
        invocation.trace = traces.under(invocation.trace, span.inner)
        return span

    def send(self, version: Version, outcome: Outcome) -> None:
        """The invocation is over."""
        elapsed = time.perf_counter() - self._clock
        ended = self.began + elapsed
        resource = {"resource_arn": self.invocation.arn}
        about = {"aws": {"request_id": self.invocation.id}, "http": {"response": {"status": 200}}}
        outer = self.segment(version.function, "AWS::Lambda", ended, **resource, **about) | {"id": self.outer}
        more: dict[str, Any] = {"aws": {"function_arn": self.invocation.arn, "account_id": self.call.account}}
        if outcome.error:
            more["fault"] = True
        inner = self.segment(version.function, "AWS::Lambda::Function", ended, **resource, **more)
        inner |= {"id": self.inner, "parent_id": self.outer, "subsegments": self.stages(outcome, ended)}
        with self.call.cloud.store.attempt():
            traces.send(self.call, outer, inner)

    def segment(self, name: str, origin: str, ended: float, **more: Any) -> traces.Document:
        return traces.segment(self.header, name, origin, self.began, ended, **more)

    def stages(self, outcome: Outcome, ended: float) -> list[traces.Document]:
        """What the function's time went into."""
        init, duration = outcome.init / 1000, outcome.duration / 1000
        invoked = max(self.began, ended - duration)
        told = [("Initialization", invoked - init, invoked)] if init else []
        told += [("Invocation", invoked, ended), ("Overhead", ended, ended)]
        return [
            {"id": traces.new_id(), "name": name, "start_time": start, "end_time": end} for name, start, end in told
        ]
