"""A resource's states as data: `CREATING -> ACTIVE after 2s; DELETING -> gone after 1s`.

Time is the cloud's. The states that a creation, an update and a deletion enter are those that no rule leads to: a
deletion's is the one whose rules lead to `gone`, a creation's the first of the others, an update's the second. A rule
that cannot be read, a circle, or a state of no use raises ValueError.
"""

from __future__ import annotations

import re

GONE = "gone"
"""The end of a resource, which it shows to nobody."""

_RULE = re.compile(
    r"\s*(?:(?P<member>\w+):\s*)?(?P<state>\S+)\s*->\s*(?P<next>\S+)\s+after\s+(?P<count>[\d.]+)(?P<unit>[smhd])\s*"
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Lifecycle:
    """Which state follows which, and when."""

    def __init__(self, text: str) -> None:
        self.member = ""
        """The member that shows the state, where the text begins with it: `Status: CREATING -> …`."""
        self.next: dict[str, tuple[str, float]] = {}
        for rule in re.split(r"[;\n]", text.strip()):
            self._add(rule)
        targets = {state for state, _ in self.next.values()}
        starts = [state for state in self.next if state not in targets]
        ends = {start: self._walk(start) for start in starts}
        if len({state for start in starts for state in self._chain(start)}) < len(self.next):
            raise ValueError(f"states that go round in a circle: {text}")
        deleted = [start for start in starts if ends[start] == GONE]
        others = [start for start in starts if ends[start] != GONE]
        if len(deleted) > 1 or len(others) > 2:
            raise ValueError(f"more beginnings than a creation, an update and a deletion: {starts}")
        self.created, self.updated = [*others, "", ""][:2]
        self.deleted = deleted[0] if deleted else ""

    def _add(self, text: str) -> None:
        rule = _RULE.fullmatch(text)
        if not rule:
            raise ValueError(f"not a rule such as 'CREATING -> ACTIVE after 2s': {text.strip()}")
        if rule["state"] in self.next:
            raise ValueError(f"two rules for {rule['state']}")
        self.member = rule["member"] or self.member
        self.next[rule["state"]] = rule["next"], float(rule["count"]) * _SECONDS[rule["unit"]]

    def _chain(self, state: str) -> list[str]:
        chain: list[str] = []
        while state in self.next and state not in chain:
            chain.append(state)
            state = self.next[state][0]
        return chain

    def _walk(self, state: str) -> str:
        return self.next[self._chain(state)[-1]][0]

    @property
    def states(self) -> set[str]:
        """All that are named, without the end."""
        return {*self.next, *(state for state, _ in self.next.values())} - {GONE}

    @property
    def ending(self) -> set[str]:
        """The states of a deletion."""
        return set(self._chain(self.deleted))

    def at(self, state: str, since: float, now: float) -> tuple[str, float]:
        """The state at `now` of what is in `state` since then, and since when it is in it."""
        while (rule := self.next.get(state)) and since + rule[1] <= now:
            state, since = rule[0], since + rule[1]
        return state, since

    def seconds(self, state: str) -> float:
        """How long the rules take that begin with this state."""
        return sum(self.next[step][1] for step in self._chain(state))
