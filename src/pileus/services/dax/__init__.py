"""Amazon DynamoDB Accelerator: clusters of nodes that keep items and queries of DynamoDB in memory.

    parameters, subnets                   what clusters are configured with
    clusters, nodes, describing, events, tags
                                          their life
    lexdecimal, wire, expressions, names  the protocol that clients speak
    cache, methods, bulk, answers         what is kept, and what is asked of DynamoDB
    callers, endpoint                     who speaks, and where

Left out: endpoints with TLS (such a cluster has none), and nodes that answer for themselves: those of a cluster share
one address and one memory.
"""

from pileus.kernel import Service

dax = Service("dax")
