"""Amazon CloudWatch Logs: groups and streams of events, filters, subscriptions, Logs Insights.

    faults                                            errors in its own words
    groups, streams, retention, tags, clearing        where events go, and how long they stay
    parts, ciphers, putting                           how events are stored: many in one record
    scanning, reading, filtering, tail                getting them back
    patterns                                          the filter pattern language
    transformers, transform                           documents that are made of events
    metric_filters, embedded, subscriptions, destinations
                                                      where events go on to
    insights, queries, scheduled_queries, lookup_tables, definitions, pointers, fields
                                                      Logs Insights
    protection, indexes, account_policies, retention_policies, criteria, resource_policies, selection
                                                      what is said of groups
    listing, data_sources, storage_tiers              what groups there are, and where their events come from
    detectors, detecting, anomalies                   what is unusual in groups
    syslog, syslog_port, collecting                   messages that come by syslog, or by plain HTTP
    exports, imports                                  files in S3, and what CloudTrail Lake has
    deliveries, templates                             logs of other services: where they go

Left out, and answering 501: integrations with OpenSearch, S3 tables, large objects of OpenTelemetry and its protocol
buffers, parts of PPL, and the Insights commands join, addtotals and relevantfields. There is
no throttling.
"""

from pileus.kernel import Service

from .faults import in_own_words

logs = Service("logs", invalid=in_own_words)
