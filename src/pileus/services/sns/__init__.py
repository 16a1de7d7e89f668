"""Amazon Simple Notification Service: topics, standard and FIFO, and everything that can subscribe to one.

A way through the package, from the ground up:

    settings, topics, tags, permissions     what a topic is, how it is configured, and who may use it
    subscriptions, confirmations, filters   who wants which of its messages, and in what form
    messages, protection                    what may be published
    publishing, fifo, archive               publishing itself; order, deduplication and replay
    envelopes, signatures                   what subscribers are shown, and how they know that it is true
    audience, fanout, delivering, retries   how messages get there, or end as dead letters
    platforms, texting, sms_reports         mobile push, and text messages
    status                                  the delivery logs

Messages for SQS are put into the queues by the same transaction that publishes them: they are there when Publish
answers, in order, and each once. All other deliveries are tasks.

Left out: throttling; sending mail, text messages and pushes to the world outside: they are kept, and can be read at
`/_pileus/mail`, `/_pileus/sms` and `/_pileus/push`; numbers leased from carriers.
"""

from pileus.kernel import Service

from .faults import in_sns_words

sns = Service("sns", invalid=in_sns_words)
