"""The buckets of an account in a Region, as S3 Control lists them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Unfinished
from pileus.services.s3.buckets import BLOCKS, Bucket
from pileus.services.s3.faults import invalid_request

from . import mine, s3control

MOST_LISTED = 1000


@s3control.operation(on=mine)
def list_regional_buckets(
    call: Call, account: str, next_token: str = "", max_results: int = MOST_LISTED, outpost_id: str = ""
) -> dict[str, Any]:
    """The account's buckets in this Region; there are no Outposts with others."""
    if outpost_id:
        raise Unfinished("Pileus has no S3 on Outposts.")
    page = Bucket.page(
        call,
        call.partition,
        account,
        call.partition,
        limit=max(1, min(max_results, MOST_LISTED)),
        token=next_token,
        invalid=invalid_request("The continuation token provided is incorrect"),
        index="owner",
        where=lambda bucket: bucket.region == call.region and not bucket.zone and not bucket.table,
    )
    rows = [
        {
            "Bucket": bucket.name,
            "BucketArn": bucket.arn(call),
            "PublicAccessBlockEnabled": set(bucket.blocks) == set(BLOCKS),
            "CreationDate": bucket.created,
        }
        for bucket in page.items
    ]
    return {"RegionalBucketList": rows, "NextToken": page.token}
