"""Amazon EventBridge Pipes: from a queue or stream, through filter and enrichment, to a target.

    definitions             what a pipe is, and its states
    sources                 queues and streams, as a pipe's role reads them
    flowing                 what runs as long as a pipe does: batches, retries, dead letters
    processing              filters, templates, enrichment, targets
    logs                    what is told of it

Left out: sources other than SQS, Kinesis and DynamoDB Streams; API Gateway as enrichment or target; batches of one
shard in parallel; encryption by customer keys.
"""

from pileus.kernel import Service

pipes = Service("pipes")
