"""Instances, from the ground up.

    types, describing_types, requirements       what can run, from a table of AWS's own figures
    key_pairs, launch_templates                 what launches name
    instances, states, lifetime                 the records, their life, and what is asked for in it
    machines, attending, console                the machines behind them
    specification, launching, running           from a request to records; its disks, networking, profiles,
                                                metadata_options, cpu_credits
    placement, placement_groups, hosts, sharing
    capacity, capacity_use, commitments, interruptible_capacity, capacity_billing, capacity_fleets
    capacity_blocks, block_extensions
    capacity_manager, capacity_samples, capacity_metrics, capacity_exports
    describing_instances, filtering, attributes, overviews
    checks, events, event_windows, console_access, metric_categories
    application_checks, application_status, policy_reports
    screens, firmware, enclaves, macs, sql_ha, retired
    prices, spot, spot_requests, spot_datafeed  the spot market
    fleets, fleet_pools, fleet_requests, spot_fleets
    reserved_offerings, reserved, reserved_listings, host_reservations
    launch_access                               what launches need to be allowed

What else has to happen when an instance enters a state is declared with `@states.follows`.
"""
