"""AWS X-Ray: segments by API and by the daemon's UDP port, traces, service graphs, sampling, groups.

A way through the package, from the ground up:

    segments        what a segment document is, and how it is kept
    filters         filter expressions
    graph           services and what flows between them
    traces          traces found again, and their graphs
    sampling        rules, and how many requests clients may record by them
    groups, policies, settings
    spans, destination, retrieval   segments as spans in CloudWatch Logs, and traces found there
    insights        faults that are more than they used to be
    daemon          segments that come by UDP

Lambda and SNS send segments of their own (`kernel/traces`). Traces are kept for 30 days.
"""

from pileus.kernel import Service

from .faults import invalid

xray = Service("xray", invalid=invalid)
