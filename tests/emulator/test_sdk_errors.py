"""Errors as a user of the official OpenAI SDK meets them: its class and the vendor's whole body."""

from typing import Any

import openai
import pytest

from dsgvo.emulator import Delay, Disconnect, Reply, Server, Status
from tests.emulator.support import QUESTION, Sdk, paired

# Status: the SDK's class, and the type and code of a body in OpenAI's shape.
STATUSES = {
    400: (openai.BadRequestError, "invalid_request_error", "error"),
    401: (openai.AuthenticationError, "authentication_error", "unauthorized"),
    403: (openai.PermissionDeniedError, "permission_error", "forbidden"),
    404: (openai.NotFoundError, "invalid_request_error", "not_found"),
    408: (openai.APIStatusError, "invalid_request_error", "timeout"),
    413: (openai.APIStatusError, "invalid_request_error", "request_too_large"),
    422: (openai.UnprocessableEntityError, "invalid_request_error", "invalid_request"),
    429: (openai.RateLimitError, "rate_limit_error", "rate_limit_exceeded"),
    500: (openai.InternalServerError, "server_error", "error"),
    503: (openai.InternalServerError, "server_error", "error"),
}


def body(vendor: str, message: str, kind: str, code: str) -> Any:
    """Return the body in which a vendor says it."""
    if vendor == "meingpt":
        return {"status": "error", "message": message}
    if vendor == "neuroflash":
        return {"error": message, "code": code}
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refused(sdk: Sdk, vendor: str, **request: Any) -> openai.APIStatusError:
    """Ask a question that is refused."""
    with pytest.raises(openai.APIStatusError) as caught:
        sdk(vendor).chat.completions.create(model="ein-modell", messages=QUESTION, **request)
    return caught.value


@paired("status", STATUSES)
def test_a_status_has_its_class_and_its_body(
    sdk: Sdk, server: Server, vendor: str, status: int
) -> None:
    expected, kind, code = STATUSES[status]
    server.script(vendor, Status(status, message="Das geht nicht"))
    error = refused(sdk, vendor)
    assert (type(error), error.status_code) == (expected, status)
    assert error.response.json() == body(vendor, "Das geht nicht", kind, code)
    assert str(error.request_id).startswith("emulator-")


def test_what_the_sdk_reads_from_a_wrong_field(sdk: Sdk, vendor: str) -> None:
    error = refused(sdk, vendor, temperature=3)
    said = "must be less than or equal to 2"
    read = (type(error), error.body, error.type, error.param, error.code, str(error))
    if vendor == "neuroflash":
        told = {"errors": [{"field": "temperature", "message": said, "type": "validation"}]}
        wrong = openai.UnprocessableEntityError
        assert read == (wrong, told, None, None, None, "Error code: 422")
        return
    text, wrong = f"temperature {said}", openai.BadRequestError
    if vendor == "meingpt":
        told, attributes = {"status": "error", "message": text}, (None, None, None)
    else:
        attributes = ("invalid_request_error", "temperature", "invalid_request")
        told = dict(zip(("type", "param", "code"), attributes, strict=True), message=text)
    assert read == (wrong, told, *attributes, f"Error code: 400 - {text}")


def test_a_key_that_opens_nothing(sdk: Sdk, vendor: str) -> None:
    for given, message in (
        ("Bearer sk-falsch", "Incorrect API key provided"),
        (openai.Omit(), "Missing API key"),
    ):
        error = refused(sdk, vendor, extra_headers={"Authorization": given})
        assert type(error) is openai.AuthenticationError
        told = body(vendor, message, "authentication_error", "invalid_api_key")
        assert error.response.json() == told


def test_an_endpoint_that_no_vendor_has(sdk: Sdk, server: Server, vendor: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        sdk(vendor).completions.create(model="ein-modell", prompt="Hallo")
    path = server.base_url(vendor).removeprefix(server.url) + "/completions"
    told = body(vendor, f"Not found: {path}", "invalid_request_error", "not_found")
    assert caught.value.response.json() == told


def test_a_line_that_goes_dead_and_a_retry(sdk: Sdk, server: Server) -> None:
    server.script("sovrgpt", Disconnect(), Delay(5))
    asked = {"model": "m", "messages": QUESTION}
    with pytest.raises(openai.APIConnectionError, check=lambda e: type(e).__name__[3] == "C"):
        sdk("sovrgpt").chat.completions.create(**asked)
    with pytest.raises(openai.APITimeoutError):
        sdk("sovrgpt", timeout=0.2).chat.completions.create(**asked)
    server.script("innogpt", Status(429, headers={"Retry-After": "0"}), Reply("da bin ich"))
    answer = sdk("innogpt", max_retries=1).chat.completions.create(**asked)
    assert answer.choices[0].message.content == "da bin ich"
