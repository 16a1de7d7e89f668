"""POST uploads: a browser's form with a file, and a signed policy that says what may be in it.

"Browser-Based Uploads Using POST", S3 API Reference. The file must be the last field; it is stored as it arrives.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

from pileus import models
from pileus.kernel import Call, Fault, identity
from pileus.kernel.call import Signature
from pileus.kernel.edge import Answer
from pileus.kernel.identity import ANONYMOUS, Credential, Principal
from pileus.models.validation import violations

from . import access, faults, form_policies, websites, writing
from .buckets import Bucket

if TYPE_CHECKING:
    from pileus.gateway.message import Request

MOST_FIELDS = 20 * 1024
"""Bytes of all fields but the file."""


class Form:
    """A multipart/form-data body (RFC 7578) as it arrives: fields first, then the file."""

    def __init__(self, body: AsyncIterator[bytes], boundary: bytes) -> None:
        self._body = aiter(body)
        self._boundary = b"\r\n--" + boundary
        self._buffer = b"\r\n"
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.file_type = ""

    async def _more(self) -> bool:
        piece = await anext(self._body, b"")
        self._buffer += piece
        return bool(piece)

    async def _until(self, mark: bytes, most: int) -> bytes:
        """What comes before a mark, which is taken too."""
        while (at := self._buffer.find(mark)) < 0:
            if len(self._buffer) > most or not await self._more():
                raise broken()
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        return found

    async def begin(self) -> None:
        """Read all fields that come before the file."""
        await self._until(self._boundary, MOST_FIELDS)
        total = 0
        while True:
            while len(self._buffer) < 2 and await self._more():
                pass
            if self._buffer.startswith(b"--"):
                words = "POST requires exactly one file upload per request."
                raise faults.invalid_argument(words, "file", "0")
            head = await self._until(b"\r\n\r\n", MOST_FIELDS)
            name, filename, kind = disposition(head)
            if name.lower() == "file":
                self.filename, self.file_type = filename, kind
                return
            value = await self._until(self._boundary, MOST_FIELDS)
            total += len(value) + len(name)
            if total > MOST_FIELDS:
                words = "Your POST request fields preceding the upload file were too large."
                raise faults.fault("MaxPostPreDataLengthExceeded", words)
            self.fields[name.lower()] = text(value)

    async def file(self) -> AsyncIterator[bytes]:
        """The bytes of the file."""
        mark = self._boundary
        while (at := self._buffer.find(mark)) < 0:
            keep = len(mark)
            if len(self._buffer) > keep:
                piece, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
                yield piece
            if not await self._more():
                raise broken()
        if at:
            yield self._buffer[:at]
        self._buffer = b""


def disposition(head: bytes) -> tuple[str, str, str]:
    """The name, file name and type of a field."""
    from email.message import Message

    message = Message()
    for line in head.decode("utf-8", "replace").strip().split("\r\n"):
        name, _, value = line.partition(":")
        message[name.strip()] = value.strip()
    field = message.get_param("name", "", header="content-disposition")
    filename = message.get_param("filename", "", header="content-disposition")
    return str(field), str(filename), str(message.get("content-type", ""))


def text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise broken() from None


def broken() -> Fault:
    return faults.fault("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")


async def post(call: Call, request: Request, labels: dict[str, str]) -> Answer:
    """Store a form's file, if the form is allowed to say what it says."""
    from email.message import Message  # few clients send forms

    message = Message()
    message["content-type"] = request.headers.get("content-type")
    boundary = str(message.get_param("boundary", ""))
    if not boundary or request.stream is None:
        raise broken()
    form = Form(aiter(request.stream), boundary.encode())
    await form.begin()
    fields = form.fields
    if "key" not in fields:
        words = (
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
        )
        raise faults.invalid_argument(words, "key", "")
    key = fields["key"].replace("${filename}", form.filename.replace("\\", "/").rpartition("/")[2])
    if not key:
        raise faults.invalid_argument("User key must have a length greater than 0.", "key", "")
    principal = signer(call, fields)
    name = unquote(labels["Bucket"])
    put = members(fields, form.file_type)
    check_members({"Bucket": name, "Key": key, **put})
    call = call.at(
        account=principal.account,
        operation="PutObject",
        principal=principal,
        region=region(call, fields),
        members={"Bucket": name, "Key": key, **put},
        signature=None if principal is ANONYMOUS else partial(signature, call, fields),
    )
    least, most = 0, None
    if "policy" in fields:
        least, most = form_policies.check(call, {**fields, "bucket": name, "key": key})
    bucket = access.to_some(call, name)
    access.check_listed(call, bucket, key)
    counted = Counted(form.file(), least, most)
    done = await writing.put(call, bucket, key, put, counted, "Post")
    return answered(call, bucket, key, fields, done)


class Counted:
    """A file's bytes, which must not be fewer or more than the policy allows."""

    def __init__(self, body: AsyncIterator[bytes], least: int, most: int | None) -> None:
        self._body = body
        self._least = least
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._body:
            size += len(piece)
            if self._most is not None and size > self._most:
                raise faults.too_large(size, self._most)
            yield piece
        if size < self._least:
            words = "Your proposed upload is smaller than the minimum allowed size"
            raise faults.fault("EntityTooSmall", words, ProposedSize=size, MinSizeAllowed=self._least)


# Who sends it


def signer(call: Call, fields: dict[str, str]) -> Principal:
    """Who signed the policy; nobody in particular, where there is none."""
    if "policy" not in fields:
        return ANONYMOUS
    new = "x-amz-signature" in fields
    key = fields.get("x-amz-credential", "").partition("/")[0] if new else fields.get("awsaccesskeyid", "")
    signature = fields.get("x-amz-signature" if new else "signature", "")
    if not key or not signature:
        words = (
            "Bucket POST must contain a field named 'AWSAccessKeyId'.  If it is specified, please check the "
            "order of the fields."
        )
        raise faults.invalid_argument(words, "AWSAccessKeyId", "")
    credential = Credential.get(call.cloud.system, key)
    if credential is None:
        if call.cloud.strict or key.startswith("ASIA"):
            words = "The AWS Access Key Id you provided does not exist in our records."
            raise faults.fault("InvalidAccessKeyId", words, 403, AWSAccessKeyId=key)
        return identity.root(identity.account_of(key), key)
    if credential.expires is not None and credential.expires <= call.now:
        raise faults.fault("ExpiredToken", "The provided token has expired.")
    if credential.token != fields.get("x-amz-security-token", ""):
        raise faults.fault("InvalidToken", "The provided token is malformed or otherwise invalid.")
    expected = signed(credential.secret, fields) if new else signed_v2(credential.secret, fields)
    if not hmac.compare_digest(expected, signature):
        words = (
            "The request signature we calculated does not match the signature you provided. Check your key "
            "and signing method."
        )
        raise faults.fault("SignatureDoesNotMatch", words, 403, AWSAccessKeyId=key, StringToSign=fields["policy"])
    return credential.principal


def signature(call: Call, fields: dict[str, str]) -> Signature:
    """What policies may know of it: s3:authType is `POST`."""
    algorithm = "AWS4-HMAC-SHA256" if "x-amz-signature" in fields else "AWS"
    return Signature(algorithm, "POST", call.now)


def signed(secret: str, fields: dict[str, str]) -> str:
    """ "Calculating a signature" of POST in the S3 API Reference: the policy is the string to sign."""
    key = f"AWS4{secret}".encode()
    for part in fields["x-amz-credential"].split("/")[1:]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, fields["policy"].encode(), "sha256").hex()


def signed_v2(secret: str, fields: dict[str, str]) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), fields["policy"].encode(), "sha1")).decode()


def region(call: Call, fields: dict[str, str]) -> str:
    parts = fields.get("x-amz-credential", "").split("/")
    return parts[2] if len(parts) == 5 else call.region


# What is put


def members(fields: dict[str, str], file_type: str) -> dict[str, Any]:
    """The members of PutObject that a form's fields are."""
    operation = models.load("s3").operation("PutObject")
    assert operation.input is not None
    request: dict[str, Any] = {}
    for name, part in operation.input.members.items():
        if part.traits.get("location") == "header" and part.type in READ:
            wire = part.traits["locationName"].lower()
            if wire in fields:
                request[name] = READ[part.type](fields[wire])
    if "acl" in fields:
        request["ACL"] = fields["acl"]
    if "tagging" in fields:
        request["Tagging"] = tags_header(fields["tagging"])
    metadata = {name[11:]: value for name, value in fields.items() if name.startswith("x-amz-meta-")}
    if metadata:
        request["Metadata"] = metadata
    if "ContentType" not in request and file_type:
        request["ContentType"] = file_type
    return request


def check_members(request: dict[str, Any]) -> None:
    """Refuse what the model of PutObject does not have."""
    operation = models.load("s3").operation("PutObject")
    if wrong := [each for each in violations(operation.input, request) if not faults.accepted(each)]:
        raise faults.in_s3_words(operation, wrong)


def moment(text: str) -> float:
    """A time as the header has it that the field stands for."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        words = "The retain until date must be provided in ISO 8601 format"
        raise faults.invalid_argument(words, "x-amz-object-lock-retain-until-date", text) from None


READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "boolean": lambda text: text.lower() == "true",
    "timestamp": moment,
}


def tags_header(document: str) -> str:
    """A form has its tags as XML."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        raise faults.malformed() from None
    pairs = [[node.text or "" for node in tag] for tag in root.iter() if tag.tag.endswith("Tag")]
    return urlencode([(pair[0], pair[1]) for pair in pairs if len(pair) == 2])


def answered(call: Call, bucket: Bucket, key: str, fields: dict[str, str], done: dict[str, Any]) -> Answer:
    """A redirection, or the status that the form asks for."""
    from xml.sax.saxutils import escape

    head = websites.own_fields(call)
    head.append(("etag", done["ETag"]))
    if "VersionId" in done:
        head.append(("x-amz-version-id", done["VersionId"]))
    location = call.url(f"{bucket.name}/{quote(key)}")
    to = fields.get("success_action_redirect") or fields.get("redirect", "")
    if to.startswith(("http://", "https://")):
        mark = "&" if "?" in to else "?"
        query = urlencode({"bucket": bucket.name, "key": key, "etag": done["ETag"]})
        return Answer(303, [*head, ("location", f"{to}{mark}{query}")])
    head.append(("location", location))
    status = fields.get("success_action_status", "204")
    if status == "200":
        return Answer(200, head)
    if status != "201":
        return Answer(204, head)
    parts = {"Location": location, "Bucket": bucket.name, "Key": key, "ETag": done["ETag"]}
    document = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{document}</PostResponse>'
    return Answer(201, [*head, ("content-type", "application/xml")], body.encode())
