"""AWS Security Token Service: temporary credentials, and who one is.

A role that IAM knows lets in whom its trust policy names, for as long as it allows. One that nobody has created lets in
an account's root alone, which may then do everything in the role's account; not even that where the cloud is strict.

A way through the package:

    sessions, trust, factors, callers   credentials for roles, federated users, oneself; whom roles trust; who calls
    tokens, webidentity                 ID tokens, verified by their issuers' keys, and the roles that they open
    signatures, saml                    SAML assertions, verified by their providers' certificates
    roots                               sessions as the root of a member account
    delegated                           credentials for partners who were lent rights
    vouching                            tokens with which principals of an account prove elsewhere who they are

Left out: encrypted SAML assertions; access tokens of OAuth 2.0 (ProviderId); contexts that IAM Identity Center
provides.
"""

from pileus.kernel import Service

sts = Service("sts")
