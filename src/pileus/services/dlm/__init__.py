"""Amazon Data Lifecycle Manager: snapshots and images that are made by schedule, and go when their time is over.

    policies    what is to be made, of what, when, and how long it stays
    timing      when a schedule is due, and how long an interval is
    running     a schedule is due: what it means is found, and snapshots or images are made
    keeping     what a policy has made, and when that goes
    following   what comes after a snapshot or an image is complete: copies, sharing, fast restores

What it does it does as the policy's role, by EC2's own operations. Left out: event-based policies, which copy snapshots
that others share; scripts before and after; Outposts and Local Zones.
"""

from pileus.kernel import Service

dlm = Service("dlm", engine="tasks on the cloud's clock")
