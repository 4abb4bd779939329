"""Reading a body: JSON, a form or multipart, whatever the client likes, within bounds."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from multipart import MultipartError, MultipartParser, parse_options_header

LARGEST = 65_536
_MOST_FIELDS = 64

BodyFault = Literal["too_large", "media_type", "json", "form", "broken_off"]
AnyRequest = Request[Any, Any, Any]

_decode = msgspec.json.Decoder().decode


class UploadedFile:
    """A file where a text was due: no endpoint here takes one."""


class BodyRejected(Exception):  # noqa: N818 - an answer to the client
    """The body cannot be read; `about` is the media type, or why the JSON is broken."""

    def __init__(self, fault: BodyFault, about: str = "") -> None:
        super().__init__(fault, about)
        self.fault: BodyFault = fault
        self.about = about


async def read_body(request: AnyRequest) -> object:
    """Return what the body says: a mapping, or whatever else the JSON was. No body is an empty mapping."""
    body = await read_bytes(request)
    if not body:
        return {}
    given = content_type(request)
    media_type = given.partition(";")[0].strip().lower()
    if media_type == "application/json":
        return parse_json(body)
    if media_type == "application/x-www-form-urlencoded":
        return _parse_form(body)
    if media_type == "multipart/form-data":
        return _parse_multipart(body, given)
    raise BodyRejected("media_type", given)


async def read_bytes(request: AnyRequest) -> bytes:
    """Return the whole body, or refuse it as soon as it is known to be too large."""
    for name, value in request.scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > LARGEST):
            raise BodyRejected("too_large")
    message = await request.receive()
    body: bytes = message.get("body", b"")  # type: ignore[assignment]
    while message.get("more_body", False):
        message = await request.receive()
        body += message.get("body", b"")  # type: ignore[operator]
        if len(body) > LARGEST:
            raise BodyRejected("too_large")
    if message["type"] == "http.disconnect":
        raise BodyRejected("broken_off")
    if len(body) > LARGEST:
        raise BodyRejected("too_large")
    return body


def content_type(request: AnyRequest) -> str:
    """Return the content type as it was sent."""
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            return value.decode("latin-1")
    return ""


def parse_json(body: bytes) -> object:
    """Return what a JSON text says; of duplicate keys the last counts."""
    try:
        # msgspec is strict where it matters: no NaN, no lone surrogates, no bytes that are not UTF-8.
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyRejected("json", str(error)) from None


def _parse_form(body: bytes) -> Mapping[str, object]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise BodyRejected("form", "The form is not URL-encoded UTF-8, or has too many fields.") from None
    return dict(pairs)


def _parse_multipart(body: bytes, given: str) -> Mapping[str, object]:
    boundary = parse_options_header(given)[1].get("boundary", "")
    fields: dict[str, object] = {}
    try:
        parser = MultipartParser(BytesIO(body), boundary, content_length=len(body), part_limit=_MOST_FIELDS)
        for part in parser:
            fields[part.name] = UploadedFile() if part.filename else part.raw.decode()
    except (MultipartError, ValueError) as error:
        raise BodyRejected("form", f"Multipart form parse error - {error}") from None
    return fields
