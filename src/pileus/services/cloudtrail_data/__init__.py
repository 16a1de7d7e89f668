"""CloudTrail's data API: events from outside of AWS, put into event data stores by channels."""

from pileus.kernel import Service

cloudtrail_data = Service("cloudtrail-data")
