"""REST with XML documents: S3, S3 Control, CloudFront and Route 53.

https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.kernel.names import host_id
from pileus.models import Model, Operation, Shape

from . import faults, query, rest, xml, xml_shapes
from .faults import Malformed
from .places import OUTSIDE_RESPONSE

CONTENT_TYPE = "application/xml"
NAMESPACES = {
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
    "s3": "http://s3.amazonaws.com/doc/2006-03-01/",
    "s3control": "http://awss3control.amazonaws.com/doc/2018-08-20/",
}
# The root elements of S3's documents where they are not their shapes' names, which botocore's model leaves out
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html).
S3_ROOTS = {
    "CompleteMultipartUploadOutput": "CompleteMultipartUploadResult",
    "CreateMultipartUploadOutput": "InitiateMultipartUploadResult",
    "CreateSessionOutput": "CreateSessionResult",
    "DeleteObjectsOutput": "DeleteResult",
    "GetBucketAccelerateConfigurationOutput": "AccelerateConfiguration",
    "GetBucketAclOutput": "AccessControlPolicy",
    "GetBucketCorsOutput": "CORSConfiguration",
    "GetBucketLifecycleConfigurationOutput": "LifecycleConfiguration",
    "GetBucketLifecycleOutput": "LifecycleConfiguration",
    "GetBucketLocationOutput": "LocationConstraint",
    "GetBucketLoggingOutput": "BucketLoggingStatus",
    "GetBucketRequestPaymentOutput": "RequestPaymentConfiguration",
    "GetBucketTaggingOutput": "Tagging",
    "GetBucketVersioningOutput": "VersioningConfiguration",
    "GetBucketWebsiteOutput": "WebsiteConfiguration",
    "GetObjectAclOutput": "AccessControlPolicy",
    "GetObjectAttributesOutput": "GetObjectAttributesResponse",
    "GetObjectTaggingOutput": "Tagging",
    "ListBucketAnalyticsConfigurationsOutput": "ListBucketAnalyticsConfigurationsResult",
    "ListBucketInventoryConfigurationsOutput": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurationsOutput": "ListMetricsConfigurationsResult",
    "ListBucketsOutput": "ListAllMyBucketsResult",
    "ListDirectoryBucketsOutput": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploadsOutput": "ListMultipartUploadsResult",
    "ListObjectVersionsOutput": "ListVersionsResult",
    "ListObjectsOutput": "ListBucketResult",
    "ListObjectsV2Output": "ListBucketResult",
    "ListPartsOutput": "ListPartsResult",
    "NotificationConfigurationDeprecated": "NotificationConfiguration",
}
MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"


def decode(operation: Operation, request: Request, labels: dict[str, str]) -> dict[str, Any]:
    try:
        members: dict[str, Any] = rest.decode(operation, request, labels, _parse)
    except Malformed as error:
        raise _refused(operation, error) from None
    return members


def _parse(shape: Shape, body: bytes) -> Any:
    return xml_shapes.reader(shape)(xml.parse(body))


def _refused(operation: Operation, error: Malformed) -> Fault:
    """S3 tells bad arguments from bad documents; the others do not."""
    if operation.model.name not in ("s3", "s3control"):
        return Fault("MalformedInput", str(error), status=400)
    if isinstance(error, rest.Unreadable):
        return Fault("InvalidURI", "Couldn't parse the specified URI.", status=400, URI=error.text[:256])
    if isinstance(error, rest.Misplaced):
        message = f"Provided {error.place} is not valid: {error}"
        return Fault("InvalidArgument", message, status=400, ArgumentName=error.place, ArgumentValue=error.text[:256])
    return Fault("MalformedACLError" if operation.name.endswith("Acl") else "MalformedXML", MALFORMED_XML, status=400)


def encode(operation: Operation, result: dict[str, Any], request_id: str) -> Response:
    fields = request_id_fields(operation.model, request_id)
    return rest.encode(operation, result, fields, render, CONTENT_TYPE)


def render(shape: Shape, value: Any) -> bytes:
    """A shape as a document; none for an output whose members are all elsewhere."""
    write = _document(shape)
    if write is None:
        if value:
            raise KeyError(f"{shape.name} has no member {sorted(value)} in its body")
        return b""
    out = [xml.DECLARATION]
    write(value, out)
    return "".join(out).encode()


@cache
def _document(shape: Shape) -> xml_shapes.Write | None:
    if all(part.traits.get("location") in OUTSIDE_RESPONSE for part in shape.members.values()):
        return None
    namespace = shape.traits.get("xmlNamespace") or NAMESPACES.get(shape.model.name)
    root = shape.traits.get("locationName", shape.name)
    if shape.model.name == "s3":
        root = S3_ROOTS.get(root, root)
        if root == "LocationConstraint":
            return _text_document(shape, root, namespace)
    return xml_shapes.structure_writer(shape, root, namespace)


def _text_document(shape: Shape, root: str, namespace: Any) -> xml_shapes.Write:
    """GetBucketLocation's document is its one member's text in the root element."""

    def write(value: dict[str, Any], out: list[str]) -> None:
        if unknown := value.keys() - {root}:
            raise KeyError(f"{shape.name} has no member {sorted(unknown)} in its body")
        out.append(f"{xml.start_tag(root, namespace)}{xml.escaped(value.get(root) or '')}</{root}>")

    return write


def request_id_fields(model: Model, request_id: str) -> rest.Fields:
    if model.name not in ("s3", "s3control"):
        return [("x-amzn-RequestId", request_id)]
    return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id)), ("Server", "AmazonS3")]


def encode_error(model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
    tell = _s3_error if model.name == "s3" else _error
    wire, out = tell(model, fault, request_id)
    fields = request_id_fields(model, request_id) + fault.headers
    if wire.shape is not None:
        rest.head(wire.shape, wire.members, fields)
    if wire.status == 304 or (operation is not None and operation.method == "HEAD"):
        return Response(wire.status, fields)
    return Response(wire.status, [("Content-Type", CONTENT_TYPE), *fields], "".join(out).encode())


Told = Callable[[Model, Fault, str], tuple[faults.WireFault, list[str]]]


def _s3_error(model: Model, fault: Fault, request_id: str) -> tuple[faults.WireFault, list[str]]:
    """S3 tells what an error is about in elements that its model does not have, such as `BucketName` and `Key`."""
    wire = faults.told(model, fault, faults.S3_SPELLING, faults.S3_STATUS)._replace(shape=None)
    out = [xml.DECLARATION, "<Error>", xml.leaf("Code", wire.code)]
    query.write_members(wire, out)
    out += [xml.leaf("RequestId", request_id), xml.leaf("HostId", host_id(request_id)), "</Error>"]
    return wire, out


def _error(model: Model, fault: Fault, request_id: str) -> tuple[faults.WireFault, list[str]]:
    wire = faults.told(model, fault, faults.QUERY_SPELLING, {})
    out = [xml.DECLARATION, xml.start_tag("ErrorResponse", NAMESPACES.get(model.name)), "<Error>"]
    out += [xml.leaf("Type", wire.party), xml.leaf("Code", wire.code)]
    query.write_members(wire, out)
    out += ["</Error>", xml.leaf("RequestId", request_id), "</ErrorResponse>"]
    return wire, out
