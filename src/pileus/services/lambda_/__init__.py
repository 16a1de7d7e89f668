"""AWS Lambda: functions that really run, each in a sandbox of its own.

A way through the package, from the ground up:

    faults, limits              what is wrong, and how much may be
    archives                    deployment packages: fetched, checked, kept, unpacked
    functions, configuration    what a function and its versions are, and how they are configured
    qualifiers                  which version a request means
    creating, updating, versions, aliases, layers, ...      the life of all that
    runtimes                    which interpreter of this machine is which runtime
    runtime_api, environment    one execution environment, and the API by which its runtime talks to us
    fleet                       the environments of a cloud: started, reused, reaped
    invoking                    Invoke
    events                      what was invoked asynchronously: queued, retried, passed on

Left out: durable executions, capacity providers and tenant isolation; container images; SnapStart's snapshots, file
systems and VPC networks, which are kept and shown but change nothing.
"""

from pileus.kernel import Service

lambda_ = Service("lambda", engine="sandboxed processes")
