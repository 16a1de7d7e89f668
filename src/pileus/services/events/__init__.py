"""Amazon EventBridge: buses, rules, and targets of every kind that there is in the cloud.

A way through the package, from the ground up:

    buses, permissions, tags            where events arrive, and who may send them
    rules, matching                     what is looked for: patterns, compiled into one index for each bus; schedules
    targets                             what a rule calls
    publishing                          PutEvents: from entries to events to deliveries
    transforming, invoking, delivering  what a target is given, how it is called, and what is done where it fails
    archives, replays                   events that are kept, and sent once more
    bus_logs                            what buses tell of their events in logs
    connections, destinations           HTTP endpoints outside, and how to prove oneself to them
    endpoints, partners                 global endpoints; event sources of partners

Rules are matched in the transaction of PutEvents; each delivery is a task.

Left out: throttling; private connections; encryption by customer keys, since events lie in the store as they are.
"""

from pileus.kernel import Service

events = Service("events")
