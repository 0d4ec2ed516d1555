"""Reading of request bodies."""

import asyncio
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject, is_object
from dsgvo.emulator.values import Upload
from dsgvo.wire.body import InvalidJSONError, parse_json

Body = tuple[JsonObject, tuple[Upload, ...]]


async def read_nothing(_: Request) -> Body:
    """Read no body."""
    return {}, ()


async def read_form(request: Request) -> Body:
    """Let a URL-encoded form pass unread. Raises ApiError with 400 for anything else."""
    _expect("application/x-www-form-urlencoded", request)
    return {}, ()


async def read_json(request: Request) -> Body:
    """Read a JSON object. Raises ApiError with 400."""
    _expect("application/json", request)
    return _parsed(await request.body()), ()


async def read_json_or_upload(request: Request) -> Body:
    """Read a JSON object, or a form with one file and the object in ``payload``."""
    if _content_type(request) != "multipart/form-data":
        return await read_json(request)
    try:
        async with request.form(max_part_size=64 * 1024 * 1024) as form:
            payload = form.get("payload")
            files = [part for part in form.getlist("file") if isinstance(part, UploadFile)]
            uploads = tuple([await _upload(part) for part in files])
    except MultiPartException as error:
        raise ApiError(400, f"Malformed form: {error.message}", "invalid_form") from error
    if not isinstance(payload, str):
        raise ApiError(400, "The part 'payload' is missing", "invalid_form")
    if len(uploads) != 1:  # the page shows one
        what = "is missing" if not uploads else "must be there once"
        raise ApiError(400, f"The part 'file' {what}", "invalid_form")
    return _parsed(payload.encode()), uploads


async def _upload(part: UploadFile) -> Upload:
    data = await part.read()
    return Upload(part.filename or "", len(data), await asyncio.to_thread(_text, data))


def _text(data: bytes) -> str:
    try:
        return "\n\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)
    except PyPdfError as error:
        raise ApiError(400, "The file is not a readable PDF", "invalid_file") from error


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _expect(kind: str, request: Request) -> None:
    if (given := _content_type(request)) != kind:
        message = f"Content-Type must be {kind}, not {given or 'missing'}"
        raise ApiError(400, message, "invalid_content_type")


def _parsed(raw: bytes) -> JsonObject:
    try:
        body = parse_json(raw)
    except InvalidJSONError as error:
        raise ApiError(400, f"The body is not valid JSON: {error.what}", "invalid_json") from error
    if not is_object(body):
        raise ApiError(400, "The body must be a JSON object", "invalid_json")
    return body
