"""AWS Identity and Access Management: who there is in an account, what they may do, and how they prove who they are.

A way through the package:

    identities, users, groups, roles            who there is; each tells the access decision what it was granted
    policies, versions, aws_managed             managed policies, the customer's and AWS's own
    inline, attachments, boundaries             what hangs on users, groups and roles
    trusts                                      whom roles trust
    instance_profiles, linked_roles             roles as services use them
    access_keys, passwords, mfa, ssh_keys,
    certificates, service_credentials           what a user proves itself by
    providers                                   those who vouch for users from elsewhere
    accounts, details, report, last_accessed    what an account looks like as a whole
    simulation                                  what the access decision would say
    root_access, organization_reports           what an organization's management account may do and learn
    outbound                                    the account as an issuer of tokens (STS GetWebIdentityToken)
    delegation_requests                         rights that partners ask for, and are lent for a while
    tags, lists, quotas, faults                 what all of them share

Everything is global: records belong to the account, whichever Region a call names.

Left out: summaries in prose, role templates and the account properties that steer them. Versions of AWS's own policies
before their present one are not known.
"""

from pileus.kernel import Service

from .faults import in_iam_words

iam = Service("iam", invalid=in_iam_words)
