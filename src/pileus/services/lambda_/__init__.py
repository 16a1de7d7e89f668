"""AWS Lambda: functions that really run, each in a sandbox of its own.

A way through the package, from the ground up:

    faults                              what is wrong, in Lambda's words
    archives, images, downloads         deployment packages: fetched, checked, kept, unpacked, handed out
    functions, qualifiers               what a function and its versions are, and which one a request means
    configuration, sealing, reach, layers
                                        how a function is configured, and what functions share
    creating, states, updating, versions, aliases, tagging, permissions, policies, signing, capacity, management
                                        the life of all that
    runtimes, bootstrap                 which interpreter of this machine is which runtime; what runs handlers in it
    runtime_api, extensions, telemetry, invocation, environment, logs
                                        one execution environment, and the API by which what is in it talks to us
    fleet, shipping                     the environments of a cloud: started, reused, reaped; their logs
    throttling, provisioned, waiting    how many may run, and which are there beforehand
    invoking, streaming, urls, web      invocations, by the API and by HTTP
    events, destinations, traces        what was invoked asynchronously: retried, passed on, stopped in a loop
    durable                             executions that outlast an invocation
    mappings, polling, batches, queues, shards
                                        functions that are fed from queues and streams

Left out: images in registries, checking signatures of code; Kafka, MQ and DocumentDB as sources.
File systems, VPC networks and managed instances are kept and shown, and change nothing. There are no snapshots: where
SnapStart would make one, each environment is initialised, and runs the hooks that Python functions have for them.
"""

from pileus.kernel import Service

from .faults import in_lambdas_words

lambda_ = Service("lambda", engine="sandboxed processes", invalid=in_lambdas_words)
