"""AWS CloudTrail: who did what. The event history, trails, and what they deliver.

The kernel notes every call (`pileus.kernel.trail`); here is what is made of that.

    events, identities, wording        a noted call as CloudTrail's record
    history                            LookupEvents
    trails, tagging, lookups           trails: their lives, and what they need of others
    selectors, choosing                which events a trail wants
    insights, rates, detecting         unusual numbers of calls and errors
    delivery, notices, announcing      log files in S3, and who is told of them and of events
    digests, signatures                what proves that log files are unchanged
    stores, ingesting, imports         event data stores, and how events get into them
    enrichment                         what events of a store tell beside: tags, and keys of requests
    channels                           events from outside of AWS (PutAuditEvents is in `cloudtrail_data`)
    statements, queries, results, samples
                                       SQL over event data stores
    dashboards, policies, delegates, permissions
                                       what stands around them

Left out: federation with Lake Formation, queries in plain language, configuration items and evidence,
aggregated events; members of an organization see its trails in DescribeTrails alone; names of Lambda's operations
are told without their dates (`Invoke`, not `Invoke20150331`); throttling.
"""

from pileus.kernel import Service

cloudtrail = Service("cloudtrail", engine="store, DuckDB")
