"""Who did what: every call of every service becomes an event, as AWS CloudTrail records it.

    event       one call as it is kept, and how events lie in the store
    kinds       what an operation's events are like: whose, management or data, reading or writing
    resources   which members of a request name resources
    secrets     what is left out of requests and responses
    recorder    from the call to the store
    enriching   the tags, and keys of requests, that are noted where somebody wants them

Here events are noted, as cheaply as can be, and in the form in which the kernel has them. What CloudTrail shows and
delivers is made of them by the service `cloudtrail` when somebody asks.
"""

from .event import Data, Event, Filed, Fresh, Place, Posting, Selection, Who, noted_at, unpack
from .kinds import Kind
from .recorder import KEPT, Recorder
from .resources import named

__all__ = [
    "KEPT",
    "Data",
    "Event",
    "Filed",
    "Fresh",
    "Kind",
    "Place",
    "Posting",
    "Recorder",
    "Selection",
    "Who",
    "named",
    "noted_at",
    "unpack",
]
