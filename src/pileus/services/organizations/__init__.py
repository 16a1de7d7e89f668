"""AWS Organizations: accounts under one management account, in a tree of units, limited by policies that they inherit.

A way through the package, from the ground up:

    organization, addresses     the organization, its root, the call that looks at its management account; email
    nodes                       units and accounts, and what both are alike in
    kinds, policies             what kinds of policies there are; the policies themselves
    attachments, attaching      where policies hang
    control                     what of all that the access decision is told
    membership, announcing      how accounts join and depart, and who is told
    founding, units, accounts, creation, closing, policy_types, tags
    merging, effective          how policies of units and accounts add up to what holds for an account
    handshakes, invitations, all_features
    services, delegation        services and member accounts that may look into the organization
    permissions, resource_policy    who may call what

Everything of an organization lies in its management account. An account that no organization created has the name
"Account 111122223333" and the address 111122223333@example.com, until an organization gives it better ones.

Left out: payment, and so whatever waits for it: created accounts may leave at once, and nobody verifies addresses; the
transfer of billing between organizations; validation errors of effective policies; how many accounts an organization
may have is what AWS grants at most.
"""

from pileus.kernel import Service

from .faults import invalid

organizations = Service("organizations", invalid=invalid)
