"""Amazon Kinesis Data Streams: ordered logs of records with many readers.

A way through the package, from the ground up:

    positions, hashes                     where a record is in a shard, and in which shard
    streams, listing, modes               what a stream is, finding, making, listing and deleting it
    shards, resharding                    its shards, which split and merge
    seals                                 records under keys of KMS
    log, limits                           records at rest, packed in batches; what a shard can take
    putting, iterators, reading           writing and reading
    consumers, subscribing                enhanced fan-out
    queues, deliveries                    records that one consumer each deals with
    channels, flowing                     records that are carried to S3
    dependents                            what is the same of queues and channels
    retention, encryption, monitoring, policies, tags, account
                                          what keeps a stream in order

Left out: channels to streaming tables. Streams on demand have the shards that they begin with, or are
given by a warm throughput, and their writers are not limited; shard-level metrics are switched on and off, but not
published.
"""

from pileus.kernel import Service

kinesis = Service("kinesis", reserved=("StreamId",))
