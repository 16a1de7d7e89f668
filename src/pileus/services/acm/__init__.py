"""AWS Certificate Manager: certificates requested, validated, issued, renewed, imported and exported.

An authority of the cloud's own plays Amazon's; who is to trust its certificates fetches its root from
`/_pileus/at/acm/ca.pem`. A way through the package, from the ground up:

    certificates, domains   what a certificate is, and how its domain names are proven
    authority, issuing      the cloud's authority; certificates by it, and by private ones
    requesting, validating, letters
    importing, exporting, renewing, expiring
    options, listing, searching, accounts
    acme_…                  endpoints at which clients order certificates themselves, by the protocol ACME

A name is proven by a CNAME record in a hosted zone of Route 53 in the same account, or by the link in a mail that the
outbox has (`/_pileus/mail`). A cloud that is told `--acm-validate auto` takes every name as proven.

Left out: the root hierarchies of Amazon N2 certificates; validation by HTTP, which CloudFront alone may ask for.
"""

from pileus.kernel import Service

acm = Service("acm", engine="cryptography")
