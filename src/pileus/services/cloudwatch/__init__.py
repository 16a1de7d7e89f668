"""Amazon CloudWatch: metrics, metric math, alarms, dashboards, anomaly detectors, metric streams.

Data points are kept as AWS keeps them: seconds for three hours, minutes for 15 days, five minutes for 63 days, hours
for 455 days. Alarms are evaluated on the cloud clock, and only while something could change them. Left out: metrics of
other accounts (OAM), metrics by OTLP, PromQL over HTTP.
"""

from pileus.kernel import Service

from .faults import invalid

cloudwatch = Service("cloudwatch", invalid=invalid)
