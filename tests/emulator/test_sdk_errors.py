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


@pytest.mark.parametrize(
    ("vendor", "body", "attributes", "text"),
    [
        (
            "innogpt",
            {
                "message": "temperature must be less than or equal to 2",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "invalid_request",
            },
            ("invalid_request_error", "temperature", "invalid_request"),
            "Error code: 400 - temperature must be less than or equal to 2",
        ),
        (
            "meingpt",
            {"status": "error", "message": "temperature must be less than or equal to 2"},
            (None, None, None),
            "Error code: 400 - temperature must be less than or equal to 2",
        ),
        (
            "neuroflash",
            {
                "errors": [
                    {
                        "field": "temperature",
                        "message": "must be less than or equal to 2",
                        "type": "validation",
                    }
                ]
            },
            (None, None, None),
            "Error code: 422",
        ),
        (
            "sovrgpt",
            {
                "message": "temperature must be less than or equal to 2",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "invalid_request",
            },
            ("invalid_request_error", "temperature", "invalid_request"),
            "Error code: 400 - temperature must be less than or equal to 2",
        ),
    ],
)
def test_what_the_sdk_reads_from_a_wrong_field(
    sdk: Sdk, vendor: str, body: Any, attributes: tuple[str | None, ...], text: str
) -> None:
    error = refused(sdk, vendor, {"temperature": 3})
    wrong = openai.UnprocessableEntityError if vendor == "neuroflash" else openai.BadRequestError
    assert type(error) is wrong
    # meinGPT and neuroflash depart from OpenAI: type, param and code stay empty.
    assert (error.body, (error.type, error.param, error.code)) == (body, attributes)
    assert str(error) == text


def test_of_an_error_of_neuroflash_the_sdk_reads_the_text_alone(sdk: Sdk, server: Server) -> None:
    server.script("neuroflash", Status(429, message="Kontingent erschöpft", code="quota"))
    error = refused(sdk, "neuroflash")
    assert (error.body, error.type, error.code) == ("Kontingent erschöpft", None, None)
    assert error.response.json() == {"error": "Kontingent erschöpft", "code": "quota"}


WRONG_KEY = {"Authorization": "Bearer sk-falsch"}
NO_KEY = {"Authorization": openai.Omit()}
NO_WORKSPACE = {"x-workspace-id": openai.Omit()}
FOREIGN_WORKSPACE = {"x-workspace-id": "fremd"}


@pytest.mark.parametrize(
    ("headers", "message"),
    [(WRONG_KEY, "Incorrect API key provided"), (NO_KEY, "Missing API key")],
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


@pytest.mark.parametrize("vendor", ["innogpt", "meingpt", "sovrgpt"])
@pytest.mark.parametrize("headers", [NO_WORKSPACE, FOREIGN_WORKSPACE])
def test_a_workspace_is_neuroflashs_alone(sdk: Sdk, vendor: str, headers: dict[str, Any]) -> None:
    answer = sdk(vendor).chat.completions.create(
        model="ein-modell", messages=QUESTION, extra_headers=headers
    )
    assert answer.choices[0].finish_reason == "stop"


def test_an_endpoint_that_no_vendor_has(sdk: Sdk, server: Server, vendor: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        sdk(vendor).completions.create(model="ein-modell", prompt="Hallo")
    path = server.base_url(vendor).removeprefix(server.url) + "/completions"
    expected = BODIES[vendor](f"Not found: {path}", "invalid_request_error", "not_found")
    assert caught.value.response.json() == expected


def test_the_sdk_retries_what_the_script_breaks(
    sdk: Sdk, server: Server, vendor: str, model: str
) -> None:
    server.script(vendor, Status(429, headers={"Retry-After": "0"}), Reply("da bin ich"))
    answer = sdk(vendor, max_retries=1).chat.completions.create(model=model, messages=QUESTION)
    assert answer.choices[0].message.content == "da bin ich"
    assert len(server.requests) == 2


def test_a_line_that_goes_dead(sdk: Sdk, server: Server, vendor: str, model: str) -> None:
    server.script(vendor, Disconnect())
    with pytest.raises(openai.APIConnectionError) as caught:
        sdk(vendor).chat.completions.create(model=model, messages=QUESTION)
    assert type(caught.value) is openai.APIConnectionError


def test_an_answer_that_takes_too_long(sdk: Sdk, server: Server, vendor: str, model: str) -> None:
    server.script(vendor, Delay(5))
    with pytest.raises(openai.APITimeoutError):
        sdk(vendor, timeout=0.2).chat.completions.create(model=model, messages=QUESTION)
