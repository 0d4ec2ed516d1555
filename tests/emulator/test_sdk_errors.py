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
    409: (openai.ConflictError, "invalid_request_error", "error"),
    # No vendor documents 413, and the SDK has no class for it.
    413: (openai.APIStatusError, "invalid_request_error", "request_too_large"),
    422: (openai.UnprocessableEntityError, "invalid_request_error", "invalid_request"),
    429: (openai.RateLimitError, "rate_limit_error", "rate_limit_exceeded"),
    499: (openai.APIStatusError, "invalid_request_error", "error"),
    500: (openai.InternalServerError, "server_error", "error"),
    502: (openai.InternalServerError, "server_error", "error"),
    503: (openai.InternalServerError, "server_error", "error"),
}


def as_openai(message: str, kind: str, code: str) -> Any:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def as_meingpt(message: str, kind: str, code: str) -> Any:
    del kind, code
    return {"status": "error", "message": message}


def as_neuroflash(message: str, kind: str, code: str) -> Any:
    del kind
    return {"error": message, "code": code}


BODIES = {
    "innogpt": as_openai,
    "meingpt": as_meingpt,
    "neuroflash": as_neuroflash,
    "sovrgpt": as_openai,
}


def refused(sdk: Sdk, vendor: str, request: Any = None, **settings: Any) -> openai.APIStatusError:
    """Ask a question that is refused."""
    asked = {"model": "ein-modell", "messages": QUESTION} | (request or {})
    with pytest.raises(openai.APIStatusError) as caught:
        sdk(vendor, **settings).chat.completions.create(**asked)
    return caught.value


@paired("status", STATUSES)
def test_a_status_has_its_class_and_its_body(
    sdk: Sdk, server: Server, vendor: str, status: int
) -> None:
    expected, kind, code = STATUSES[status]
    server.script(vendor, Status(status, message="Das geht nicht"))
    error = refused(sdk, vendor)
    assert type(error) is expected
    assert error.status_code == status
    assert error.response.json() == BODIES[vendor]("Das geht nicht", kind, code)
    assert str(error.request_id).startswith("emulator-")


def test_what_the_sdk_reads_from_a_wrong_field(sdk: Sdk, vendor: str) -> None:
    error = refused(sdk, vendor, {"temperature": 3})
    said = "must be less than or equal to 2"
    read = (type(error), error.body, error.type, error.param, error.code, str(error))
    if vendor == "neuroflash":
        body = {"errors": [{"field": "temperature", "message": said, "type": "validation"}]}
        wrong = openai.UnprocessableEntityError
        assert read == (wrong, body, None, None, None, "Error code: 422")
        return
    text, wrong = f"temperature {said}", openai.BadRequestError
    if vendor == "meingpt":
        told, attributes = {"status": "error", "message": text}, (None, None, None)
    else:
        attributes = ("invalid_request_error", "temperature", "invalid_request")
        told = dict(zip(("type", "param", "code"), attributes, strict=True), message=text)
    assert read == (wrong, told, *attributes, f"Error code: 400 - {text}")


WRONG_KEY = {"Authorization": "Bearer sk-falsch"}
NO_KEY = {"Authorization": openai.Omit()}
NO_WORKSPACE = {"x-workspace-id": openai.Omit()}
FOREIGN_WORKSPACE = {"x-workspace-id": "fremd"}


@paired(
    "headers message",
    [(WRONG_KEY, "Incorrect API key provided"), (NO_KEY, "Missing API key")] * 2,
)
def test_a_key_that_opens_nothing(
    sdk: Sdk, vendor: str, headers: dict[str, Any], message: str
) -> None:
    error = refused(sdk, vendor, {"extra_headers": headers})
    assert type(error) is openai.AuthenticationError
    expected = BODIES[vendor](message, "authentication_error", "invalid_api_key")
    assert error.response.json() == expected


@pytest.mark.parametrize(
    ("headers", "expected", "body"),
    [
        (
            NO_WORKSPACE,
            openai.BadRequestError,
            {"error": "Missing required header: x-workspace-id", "code": "missing_workspace"},
        ),
        (
            FOREIGN_WORKSPACE,
            openai.PermissionDeniedError,
            {"error": "No permission for this workspace", "code": "forbidden"},
        ),
        # The key is looked at before the workspace.
        (
            NO_KEY | NO_WORKSPACE,
            openai.AuthenticationError,
            {"error": "Missing API key", "code": "invalid_api_key"},
        ),
        (
            WRONG_KEY | FOREIGN_WORKSPACE,
            openai.AuthenticationError,
            {"error": "Incorrect API key provided", "code": "invalid_api_key"},
        ),
    ],
)
def test_neuroflash_wants_a_workspace_of_the_account(
    sdk: Sdk, headers: dict[str, Any], expected: type[openai.APIStatusError], body: Any
) -> None:
    # The body is wrong too, and is not looked at before the headers fit.
    error = refused(sdk, "neuroflash", {"extra_headers": headers, "temperature": 3})
    assert type(error) is expected
    assert error.response.json() == body


def test_an_endpoint_that_no_vendor_has(sdk: Sdk, server: Server, vendor: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        sdk(vendor).completions.create(model="ein-modell", prompt="Hallo")
    path = server.base_url(vendor).removeprefix(server.url) + "/completions"
    expected = BODIES[vendor](f"Not found: {path}", "invalid_request_error", "not_found")
    assert caught.value.response.json() == expected


def test_the_sdk_retries_what_the_script_breaks(sdk: Sdk, server: Server) -> None:
    server.script("innogpt", Status(429, headers={"Retry-After": "0"}), Reply("da bin ich"))
    answer = sdk("innogpt", max_retries=1).chat.completions.create(model="m", messages=QUESTION)
    assert answer.choices[0].message.content == "da bin ich"
    assert len(server.requests) == 2


def test_a_line_that_goes_dead(sdk: Sdk, server: Server) -> None:
    server.script("sovrgpt", Disconnect(), Delay(5))
    asked = {"model": "m", "messages": QUESTION}
    with pytest.raises(openai.APIConnectionError, check=lambda e: type(e).__name__[3] == "C"):
        sdk("sovrgpt").chat.completions.create(**asked)
    with pytest.raises(openai.APITimeoutError):
        sdk("sovrgpt", timeout=0.2).chat.completions.create(**asked)
