"""The routes of a transit gateway's table, written to a bucket."""

from __future__ import annotations

import json

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members

from .transit_routes import effective, searched
from .transit_tables import table


@ec2.operation
async def export_transit_gateway_routes(
    call: Call, transit_gateway_route_table_id: str, s3_bucket: str, filters: list[Members] = []
) -> Members:
    """Write the routes that fit to a bucket of the caller's."""
    with call.transaction():
        table(call, transit_gateway_route_table_id)
        routes = searched(effective(call, transit_gateway_route_table_id), filters)
    bucket, _, prefix = s3_bucket.partition("/")
    start = f"{prefix.rstrip('/')}/" if prefix else ""
    name = f"{start}VPCTransitGateway/TransitGatewayRouteTables/{transit_gateway_route_table_id}_{int(call.now)}.json"
    body = {"exportTime": int(call.now), "routes": [{k: v for k, v in one.items() if v is not None} for one in routes]}
    try:
        await call.aws("s3").put_object(bucket=bucket, key=name, body=json.dumps(body).encode())
    except Fault as fault:
        raise Fault("InvalidParameterValue", f"Cannot write to the bucket {bucket}: {fault.message}") from None
    return {"S3Location": f"s3://{bucket}/{name}"}
