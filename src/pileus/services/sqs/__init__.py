"""Amazon Simple Queue Service: standard and FIFO queues, long polling, dead letters, redrive.

A way through the package, from the ground up:

    settings, queues, attributes, tags, permissions     what a queue is, and how it is configured
    messages, depths                                    what is in it
    standard, fifo, lines                               how it is kept in line
    sending, receiving, in_flight, receipts, batches    what producers and consumers do
    deduplication                                       what makes a FIFO queue deliver once
    redrive, moves                                      dead letters, and the way back
    purging                                             the end

Left out: throttling; fairness among the message groups of a standard queue, whose ids are kept and told; the encryption
that the Kms attributes ask for, since messages lie in the store as they are.
"""

from pileus.kernel import Service

from .faults import found_by_operations, in_sqs_words

sqs = Service("sqs", invalid=in_sqs_words, overlooks=found_by_operations)
