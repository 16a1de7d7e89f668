"""Amazon Data Firehose: records in, objects in S3 or requests to an HTTP endpoint out.

A way through the package, from the ground up:

    streams, destinations       what a stream is, and where it leads
    prefixes, packing           the names of objects, and how they are compressed
    putting, buffers            records come, and wait until there are enough of them or they have waited long enough
    processing                  what is done to them: functions, partition keys, deaggregation, delimiters
    delivering                  where they go, and what becomes of those that cannot
    endpoints, splunk, opensearch
                                destinations outside, by HTTP
    sources                     records from Kinesis

Left out: the destinations Redshift, Elasticsearch, Snowflake and Iceberg, and domains of OpenSearch; MSK and databases
as sources; conversion to Parquet and ORC, which needs a catalogue of schemas.
"""

from pileus.kernel import Service

from .faults import invalid, plain_address

firehose = Service("firehose", engine="S3, HTTP", invalid=invalid, overlooks=plain_address)
