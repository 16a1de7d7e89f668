"""AWS Resource Access Manager: resources of one account that others may use.

A way through the package, from the ground up:

    types, templates            what can be shared, and what a permission says
    permissions                 permissions, AWS's own and the customer's
    organization                what RAM knows of the owner's organization
    shares, associations        resource shares; who and what is in them
    publishing                  what the access decision is told of all that
    invitations                 asking accounts outside the organization
    sharing, looking            making and changing shares; looking at one's own and at others'
    replacing, tagging, tokens
    deciding                    what the access decision must know of requests

A service says by `@service.shareable("ssm:Parameter")` that its resources may be shared.

Left out: shares that AWS makes from policies on resources, and so their promotion; zones in which a resource cannot be
reached; limits of how much may be shared.
"""

from pileus.kernel import Service

ram = Service("ram")
