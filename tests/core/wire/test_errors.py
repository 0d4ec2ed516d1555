"""Error bodies: all four vendors', OpenAI's, FastAPI's, web pages and none, as one tree."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo import PROVIDERS, Completion, errors
from dsgvo.errors import APIStatusError, DsgvoError, IncompleteStreamError
from dsgvo.wire.errors import (
    describe_body,
    error_from_body,
    is_error,
    mentions,
    redact,
    retry_after_seconds,
)

OPENAI = {"error": {"message": "kaputt", "type": "invalid_request_error", "code": "oops"}}
BODIES: dict[str, tuple[Any, str, str | None]] = {
    "OpenAI": (OPENAI, "kaputt", "oops"),
    "OpenAI, no code": ({"error": {"message": "kaputt", "type": "t", "code": None}}, "kaputt", "t"),
    "OpenAI, no message": ({"error": {"code": 7}}, "without a description", "7"),
    "meinGPT": ({"status": "error", "message": "kaputt"}, "kaputt", None),
    "neuroflash": ({"error": "kaputt", "code": "oops"}, "kaputt", "oops"),
    "neuroflash, fields": (
        {
            "errors": [
                {"field": "seed", "message": "kaputt", "type": "validation"},
                {"field": "stop", "message": "auch", "type": "validation"},
            ]
        },
        "seed: kaputt; stop: auch",
        None,
    ),
    "FastAPI": (
        {"detail": [{"loc": ["body", "messages", 0], "msg": "kaputt", "input": "Meine IBAN"}]},
        "body.messages.0: kaputt",
        None,
    ),
    "FastAPI, text": ({"detail": "kaputt"}, "kaputt", None),
    "OAuth": ({"error": "invalid_client", "error_description": "kaputt"}, "invalid_client", None),
    "problem details": ({"type": "about:blank", "title": "kaputt"}, "kaputt", "about:blank"),
    "errors as text": ({"errors": "kaputt"}, "kaputt", None),
    "errors as an object": ({"errors": {"seed": "kaputt"}}, "seed: kaputt", None),
    "errors with a code": ({"errors": [{"message": "kaputt"}], "code": "oops"}, "kaputt", "oops"),
    "errors as text with a code": ({"errors": "kaputt", "code": "oops"}, "kaputt", "oops"),
    "errors as an object with a code": (
        {"errors": {"seed": "kaputt", "stop": "auch"}, "code": "oops"},
        " seed: kaputt; stop: auch",
        "oops",
    ),
    "OpenAI, a detail": ({"error": {"detail": "kaputt"}}, " kaputt", None),
    "OpenAI, a title": ({"error": {"title": "kaputt"}}, " kaputt", None),
    "OpenAI, a description": ({"error": {"error_description": "kaputt"}}, " kaputt", None),
    "errors without a field": ({"errors": [{"message": "kaputt"}, {}]}, " kaputt; invalid", None),
    "errors with a value": ({"errors": {"stop": ["Meine IBAN"]}}, " stop: invalid", None),
    "errors of texts": ({"errors": ["kaputt", "auch"]}, "kaputt; auch", None),
    "an object without anything": ({}, "without a description", None),
    "a list": ([1], "without a description", None),
    "web page": (b"<html><title>502 Bad\nGateway</title>", "a web page titled '502 Bad", None),
    "empty": (b"", "an empty body", None),
    "text": (b"upstream connect error", "text that is not JSON", None),
    "cut": (b'{"error": {"mess', "breaks off or is malformed", None),
    "not UTF-8": (b"\xff\xfe", "text that is not JSON", None),
}
KINDS = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.APIStatusError,
    408: errors.APIStatusError,
    413: errors.RequestTooLargeError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
    500: errors.InternalServerError,
    503: errors.InternalServerError,
    529: errors.InternalServerError,
}


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize("status", KINDS)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("body", "message", "code"), BODIES.values(), ids=BODIES.keys())
def test_every_body_under_every_status(
    body: Any, message: str, code: str | None, provider: str, status: int
) -> None:
    error = error_from_body(
        PROVIDERS[provider], status, raw(body), request_id="r-1", retry_after=7.0, hint="Rat"
    )
    assert type(error) is KINDS[status]
    assert message in str(error)
    assert "IBAN" not in str(error)
    assert str(error).startswith(f"{PROVIDERS[provider].title}: {status}: ")
    hint = PROVIDERS[provider].status_hints.get(status, "Rat")
    assert str(error).endswith(f" ({hint}; the vendor asks to wait 7 s)")
    assert (error.provider, error.status_code, error.code, error.request_id, error.retry_after) == (
        provider,
        status,
        code,
        "r-1",
        7.0,
    )


def test_what_the_pages_say_of_a_status() -> None:
    assert {name: provider.status_hints for name, provider in PROVIDERS.items()} == {
        "innogpt": {},
        "meingpt": {403: "the completions API is not enabled for this organisation"},
        # "Wird er weggelassen, gibt die API 400 Bad Request zurück"
        "neuroflash": {
            400: "the page answers a missing x-workspace-id with 400",
            403: "permission is missing, or the workspace's limit is reached",
            429: "the rate limit or the workspace's quota is reached",
        },
        "sovrgpt": {},
    }


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "This model's maximum context length is 8192 tokens."}},
        {"error": {"message": "zu lang", "code": "context_length_exceeded"}},
        {"status": "error", "message": "prompt exceeds the context window"},
    ],
)
def test_a_prompt_longer_than_the_model_takes(body: Any) -> None:
    kind = errors.ContextWindowExceededError
    assert type(error_from_body(PROVIDERS["meingpt"], 400, body)) is kind
    assert type(error_from_body(PROVIDERS["meingpt"], 500, body)) is errors.InternalServerError


@pytest.mark.parametrize(("status", "meant"), [(200, 429), (399, 429), (400, 400), (500, 500)])
def test_a_code_tells_the_status_only_under_success(status: int, meant: int) -> None:
    for code in ("429", "rate_limit_exceeded"):
        body = {"error": {"message": "x", "code": code}}
        error = error_from_body(PROVIDERS["innogpt"], status, body)
        assert (error.status_code, error.code) == (meant, code)
        assert type(error) is (errors.RateLimitError if meant == 429 else KINDS[meant])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (OPENAI, True),
        ({"error": "kaputt"}, True),
        ({"errors": [{"field": "x"}]}, True),
        ({"status": "error", "message": "kaputt"}, True),
        ({"error": None, "choices": [{}]}, False),
        ({"error": {"message": "x"}, "choices": [{}]}, True),
        ({"status": "error", "choices": [{}]}, False),
        ({"status": "ok"}, False),
        ({}, False),
    ],
)
def test_which_objects_are_errors(body: dict[str, Any], error: bool) -> None:
    assert is_error(body) is error


@pytest.mark.parametrize(
    ("text", "secrets", "blotted"),
    [
        ("key hunter2 is wrong", ["hunter2"], "key *** is wrong"),
        ("hunter22 hunter2", ["hunter2", "hunter22"], "*** ***"),
        ("key a-bcdefgh", ["bcdefgh", "a-bcdefgh"], "key ***"),
        ("Incorrect key sk-proj-AbC_123*", [], "Incorrect key ***"),
        ("sk_meingpt_0123 is wrong", [], "*** is wrong"),
        ("Authorization: Bearer abcDEF.x.y failed", [], "Authorization: *** failed"),
        ("nichts zu sehen", ["", "abc"], "nichts zu sehen"),
        ("task-force and risk-free", [], "task-force and risk-free"),
    ],
)
def test_secrets_are_blotted_out(text: str, secrets: list[str], blotted: str) -> None:
    assert redact(text, secrets) == blotted


@pytest.mark.parametrize(
    "quoted",
    [
        "Der Patient Erwin Beispiel leidet an Gicht.",
        "Der Patient Erwin Beispiel lei",
        "Patient Erwin Beispiel leidet an",
    ],
)
def test_an_excerpt_of_a_prompt_is_blotted_out_too(quoted: str) -> None:
    prompt = "Der Patient Erwin Beispiel leidet an Gicht."
    message = redact(f"invalid content '{quoted}…' in messages[0]", [prompt])
    assert "Erwin" not in message
    assert "Beispiel" not in message
    assert "invalid content" in message
    assert "in messages[0]" in message


PROMPT = "Der Patient Erwin Beispiel leidet an Gicht."


@pytest.mark.parametrize(
    ("text", "blotted"),
    [
        (f"x «{PROMPT[4:20]}» y", "x «***» y"),
        (f"x «{PROMPT[4:19]}» y", f"x «{PROMPT[4:19]}» y"),
        (f"x «{PROMPT[4:21]}» y", "x «***» y"),
        (f"x «{PROMPT[4:35]}» y", "x «***» y"),
        (f"x «{PROMPT[4:20]}", "x «***"),
        (f"x «{PROMPT[4:21]}", "x «***"),
        (f"{PROMPT[:16]}» y", "***» y"),
        (f"{PROMPT[:20]}{PROMPT[3:30]}» y", "******» y"),
        (PROMPT[1:], "***"),
        (f"{PROMPT[:15]}", PROMPT[:15]),
    ],
)
def test_what_is_quoted_is_blotted_out_and_no_more(text: str, blotted: str) -> None:
    assert redact(text, [PROMPT]) == blotted


def test_a_message_is_cut_at_its_bound() -> None:
    assert redact("x " * 200) == "x " * 200
    assert redact("x " * 200 + "y") == ("x " * 200)[:399] + "…"


def test_an_excerpt_is_blotted_out_before_a_long_message_is_cut() -> None:
    prompt = "Der Patient Erwin Beispiel leidet an Gicht. " * 50
    message = redact(f"{'x' * 380} {prompt}", [prompt])
    assert len(message) <= 400
    assert "Patient" not in message


def test_what_the_vendor_quotes_is_blotted_out_of_message_and_code() -> None:
    body = {"error": {"message": "user said: Meine IBAN", "code": "Meine IBAN"}}
    error = error_from_body(PROVIDERS["innogpt"], 400, body, secrets=["Meine IBAN"])
    assert "IBAN" not in f"{error} {error!r} {vars(error)}"


def test_a_long_message_is_shortened() -> None:
    error = error_from_body(PROVIDERS["innogpt"], 400, {"error": {"message": "x" * 5000}})
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "an empty body"),
        (b" \n", "an empty body"),
        (b"<HTML><TITLE lang='de'> An &amp; Ab </TITLE>", "a web page titled 'An &amp; Ab'"),
        (b"<title>" + b"x" * 500 + b"</title>", f"'{'x' * 80}'"),
        (b"<title>Anm\xe4lden</title>", "titled 'Anm\N{REPLACEMENT CHARACTER}lden', perhaps"),
        (b"<?xml version='1.0'?>", "a web page, perhaps a sign-in or proxy page; check base_url"),
        (b"{", "JSON that breaks off"),
        (b"[1,", "JSON that breaks off"),
        (b"Geheim", "text that is not JSON"),
    ],
)
def test_a_body_is_described_and_not_quoted(body: bytes, said: str) -> None:
    assert said in describe_body(body)
    assert "Geheim" not in describe_body(body)


def test_a_body_that_names_a_field() -> None:
    body = b'{"error": {"message": "Unrecognized request argument supplied: stream_options"}}'
    assert mentions(body, "stream_options")
    assert not mentions(body, "encoding_format")


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-3", 0.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("", None),
        (None, None),
        ("bald", None),
        ("nan", None),
        ("inf", None),
        ("Mon, 99 Foo 2023", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@given(
    st.text(st.characters(max_codepoint=255), max_size=40)
    | st.from_regex(
        r"\w{3}, \d{1,2} \w{3} \d{1,5} \d\d?:\d\d?:\d\d? [+-]?\w{2,5}",
        fullmatch=True,
        alphabet=st.characters(max_codepoint=127),
    )
)
def test_any_retry_after_is_seconds_or_nothing(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or seconds >= 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "errors", "detail", "message", "code", "type", "field", "loc", "msg"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(json_values | st.binary(max_size=40), st.sampled_from([200, 400, 401, 422, 500]))
def test_any_body_becomes_an_error(body: Any, status: int) -> None:
    error = error_from_body(PROVIDERS["neuroflash"], status, raw(body))
    assert isinstance(error, APIStatusError)
    assert str(error)


def all_errors() -> list[type[DsgvoError]]:
    return [
        item
        for item in vars(errors).values()
        if inspect.isclass(item) and issubclass(item, DsgvoError)
    ]


@pytest.mark.parametrize("kind", all_errors())
@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])
def test_errors_survive_pickling_with_all_they_carry(kind: type[DsgvoError], copied: Any) -> None:
    error = kind(
        "kaputt",
        provider="sovrgpt",
        status_code=429,
        code="oops",
        request_id="r-1",
        retry_after=7.0,
    )
    error.add_note("beim Einbetten")
    if isinstance(error, IncompleteStreamError):
        error.partial = Completion("sovrgpt", content="Guten")
    again = copied(error)
    assert type(again) is kind
    assert str(again) == "kaputt"
    assert vars(again) == vars(error)
    assert "Guten" not in f"{again} {again!r}"


def test_the_tree_drawn_at_the_top_of_the_module_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for kind in all_errors():
        assert f" {kind.__name__} " in drawn.replace("\n", " \n") or kind is DsgvoError
        assert kind.__name__ in errors.__all__
