"""AWS Security Token Service: temporary credentials, and who one is.

A role that IAM knows lets in whom its trust policy names, for as long as it allows. One that nobody has created lets in
an account's root alone, which may then do everything in the role's account; not even that where the cloud is strict.

Left out: the signatures of web identity tokens and SAML assertions against their registered providers; AssumeRoot,
GetDelegatedAccessToken, GetWebIdentityToken.
"""

from pileus.kernel import Service

sts = Service("sts")
