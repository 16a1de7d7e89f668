"""Amazon CloudWatch Logs: groups and streams of events, filters, subscriptions, Logs Insights.

faults, names                       errors and what things are called
groups, streams, retention, tags    where events go, and how long they stay
parts, putting                      how events are stored: many in one record
scanning, reading, filtering        getting them back
patterns                            the filter pattern language
"""

from pileus.kernel import Service

from .faults import in_own_words

logs = Service("logs", invalid=in_own_words)
