"""AWS Security Token Service: temporary credentials, and who one is.

Left out until IAM is there: the role's trust policy and longest session, MFA codes, the signatures of web identity
tokens and SAML assertions against their registered providers; AssumeRoot, GetDelegatedAccessToken, GetWebIdentityToken.
"""

from pileus.kernel import Service

sts = Service("sts")
