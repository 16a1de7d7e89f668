"""Amazon S3 Control: what an account sets up around its buckets.

    blocks            the public access block of the account
    points            access points, their policies, their tags
    multi_region      Multi-Region access points: asked for with a token, done by a task; routes
    object_lambda     Object Lambda access points
    jobs, manifests   batch operations: jobs, and what they are about
    batches           the work of a job
    generating        manifests that jobs make themselves
    batch_checksums   checksums that jobs compute
    grants…           Access Grants: instances, locations, grants; `data_access` gives credentials for them
    lens…             Storage Lens: configurations and groups; what is counted every day, and where that is told
    tagging           tags of all of them

This is S3's second API and shares its records: it imports `services/s3`, as DynamoDB Streams does DynamoDB.

Left out: what Access Grants does with IAM Identity Center; S3 on Outposts.
"""

from typing import Any

from pileus.kernel import Call, Service
from pileus.services.s3.faults import denied, in_s3_words

OVERLOOKED = (" at 'mrap' ", " at 'resourceArn' ")
"""The model's pattern for `Mrap` has no slash, but the ARN that it is has one; its pattern for ARNs of what has tags
wants a Region, and those of buckets have none.
"""

s3control = Service(
    "s3control", invalid=in_s3_words, overlooks=lambda broken: any(place in broken for place in OVERLOOKED)
)


@s3control.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account that a request names."""
    return str(request.get("AccountId", ""))


def mine(call: Call, account_id: str) -> str:
    """The account of a request, which is one's own."""
    if call.principal.account != account_id and call.principal.type != "AWSService":
        raise denied()
    return account_id
