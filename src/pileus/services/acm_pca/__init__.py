"""AWS Private Certificate Authority: authorities of one's own, and the certificates that they issue.

A way through the package, from the ground up:

    subjects, extensions    names and extensions of X.509, as requests have them
    authorities, lives      what an authority is, from its creation to its deletion
    installing              how an authority gets its certificate
    templates, issuing      what certificates are like, and how they are issued
    revoking, lists, status revoked certificates: lists (CRLs) in S3, and answers by OCSP
    reports, permissions, policies

Left out: SM2 keys; EdiPartyName; the quota of reports in half an hour; more than one partition of a partitioned list.
"""

from pileus.kernel import Service

acm_pca = Service("acm-pca", engine="cryptography")
