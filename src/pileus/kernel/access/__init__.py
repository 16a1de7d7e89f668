"""Who may do what: the decision over policies, and what it reads.

A way through the package:

    attached        the records that the decision reads, and that IAM, Organizations and RAM write
    grammar         policy documents: parsed, validated as AWS does, compiled once
    conditions      condition operators, policy variables, multivalued keys
    decision        `decide(query, policies) -> Decision`: the published evaluation logic, pure
    actions         which action, resources and condition keys an operation has (from AWS's service authorization data)
    resources       the ARNs of what a request is about
    context         its condition keys
    standing        its principal, with all policies compiled
    admission       what the cloud asks before it performs an operation: roots pass, others go on to
    enforcement     what a call is about, and the decision on each part of it; `denial` has AWS's words

A service tells what only it can know: `@service.owner`, `@service.targets`, `Record.resource_policy`,
`Record.policy_decides` (see `enforcement`).

For whoever writes IAM. Keep your own records of users, groups, roles and policies, and beside them, in the same
transaction and looking at the owner's account, put what the decision reads:

    Grants(id="AIDA…", owner=<its ARN>, inline={name: document}, attached=[policy ARNs], boundary="policy ARN",
           groups=["AGPA…"], tags={…}, trust=document).put(call)       one for every user, group and role
    ManagedDocument(policy_arn=…, document=<default version>).put(call)       one for every customer managed policy
    grants.delete(call), managed_document.delete(call)                 when the thing is deleted

and change those records with `put` and `delete` alone (never `delete_all` or `move`), for the decision keeps what it
has read until one of them is put or deleted: a changed policy then takes effect with the next call. A user's key is a
`pileus.kernel.identity.Credential` whose principal is
`Principal("IAMUser", account, user_arn, user_id="AIDA…", access_key_id)`; a role's session has
`Principal("AssumedRole", account, session_arn, user_id="AROA…:session", session={"issuer": role_arn, …})`.
AWS managed policies come from `models/data/managed_policies.z`: zlib-compressed JSON, `{"AdministratorAccess":
{document}, "service-role/…": {document}}`, read once by `attached.aws_managed()`.

    grants_of(call, principal), policies_of(call, principal), boundary_of(call, principal), tags_of(call, principal)
    documents_of(call, grants, account), trust_of(call, role_arn), managed(call, policy_arn)

For whoever writes Organizations: `Membership(account, organization, path, management, scps, rcps).put(call)` for every
account of an organization (`scps`/`rcps`: policy ids at each level, from the root down to the account; [] where the
type is not enabled) and `ControlPolicy(id, document).put(call)`.

For whoever writes RAM: `Shared(service, resource, share, document).put(call)` for everything in a resource share. For
others than the owner of the resource the document counts like a policy on it.

What the decision reads of `Principal.session`: `issuer` (ARN of the role, or of a federated user's user), `policy`,
`policy_arns`, `tags`, `source_identity`, `issued`, `mfa` (whether the credentials were made with MFA), `temporary`,
`provider` (the SAML or OIDC provider of a federated session), `improvised` (whether the role is one that nobody has
created, whose session may do everything; see STS), `keys` (further context keys of the session, such as
`{"accounts.google.com:sub": "…"}`).
"""
