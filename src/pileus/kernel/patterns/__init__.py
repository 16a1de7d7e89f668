"""What an event or a message must look like: the language in which EventBridge, SNS, Lambda and Pipes filter.

    conditions      what may be asked of one value
    grammar         a pattern's JSON, validated, as alternatives of conditions by path
    pattern         one pattern against one event
    index           many patterns against one event, at once

`parse(json)` gives a `Pattern`; `pattern.matches(event)` decides. `Index({key: pattern, …}).matching(event)` gives the
keys of those that match. `InvalidPattern` says why a pattern is none, in AWS's words without the service's frame.

EventBridge User Guide, "Creating Amazon EventBridge event patterns"; SNS Developer Guide, "Amazon SNS subscription
filter policies".
"""

from .grammar import InvalidPattern
from .index import Index
from .pattern import Pattern, parse

__all__ = ["Index", "InvalidPattern", "Pattern", "parse"]
