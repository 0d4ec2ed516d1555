"""Error bodies: all four vendors', OpenAI's, FastAPI's, web pages and none, as one tree."""

import copy
import json
import pickle
from functools import partial
from typing import Any
from unittest.mock import MagicMock
from urllib.parse import quote

import pytest

from dsgvo import PROVIDERS, Completion, errors
from dsgvo.errors import DsgvoError, IncompleteStreamError
from dsgvo.wire import masking
from dsgvo.wire.body import describe_body, parse_json
from dsgvo.wire.errors import error_from_body, is_error, mask, mentions, redact
from dsgvo.wire.retry import next_delay
from tests.core.support import work

NOTHING = "an error without a description"


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def make(body: Any, status: int = 400, provider: str = "innogpt", **more: Any) -> Any:
    return error_from_body(PROVIDERS[provider], status, raw(body), **more)


def openai(message: Any = "kaputt", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message} | more}


AROUND = ERROR, LIST = '{"error": %s}', "[%s]"
MESSAGE, PROBLEMS = '{"message": %s}', '{"errors": [%s]}'


def nested(depth: int, inner: Any = "kaputt", around: str = ERROR) -> Any:
    return json.loads(around % json.dumps(nested(depth - 1, inner, around))) if depth else inner


def in_text(depth: int) -> str:
    return json.dumps({"error": in_text(depth - 1)}) if depth else "kaputt"


def problem(message: str = "kaputt", **where: Any) -> dict[str, Any]:
    return {"message": message, "type": "validation"} | where


CODED, X, ODD = {"code": "oops"}, {"code": "X"}, {"error": "kaputt", "code": {"a": "Meine IBAN"}}
OPENAI = openai(type="invalid_request_error", code="oops")
TWO, TWICE = [problem(field="seed"), problem("auch", field="stop")], "seed: kaputt; stop: auch"
FASTAPI = {"loc": ["body", "messages", 0], "msg": "kaputt", "input": "Meine IBAN"}
RAW = {"raw": '{"error": {"message": "kaputt"}}', "provider_name": "x"}
FROM_RAW = "Provider returned error: kaputt"
PROXY = "perhaps a sign-in or proxy page; check base_url"
PAGE = b"<html><title>502 Bad\nGateway</title>"
# message and code → bodies
BODIES: dict[tuple[str, str | None], list[Any]] = {
    ("kaputt", "oops"): [
        *(OPENAI, {"error": "kaputt", "code": "oops"}, {"errors": "kaputt", "code": "oops"}),
        *(openai(openai(code="oops")), openai(json.dumps(openai()), code="oops")),
    ],
    ("kaputt", None): [
        *({"detail": "kaputt"}, {"errors": "kaputt"}, {"error": {"error_description": "kaputt"}}),
        *(nested(6), {"detail": {"message": "kaputt", "code": "x"}}),
        *(nested(6, around=MESSAGE), nested(5, {"message": "kaputt"}, PROBLEMS)),
        *(in_text(3).encode(), {"errors": [problem(field=7)]}, ODD),
        *(openai(code=2**63), openai(metadata=[1]), openai() | {"message": "außen"}),
        *({"error": said, "message": "kaputt"} for said in ("kaputt", True)),
    ],
    ("kaputt", "t"): [{"type": "t", "title": "kaputt"}],
    ("kaputt", "400"): [[openai(code=400, status="INVALID_ARGUMENT")]],  # Google's
    ("kaputt", "X"): [{"errorMessage": "kaputt", "errorCode": "X"}, {"details": "kaputt"} | X],
    ("kaputt", "9" * 399 + "…"): [openai(code="9" * 5000)],
    (FROM_RAW, "400"): [openai("Provider returned error", code=400, metadata=RAW)],
    (NOTHING, "7"): [{"error": {"code": 7}}],
    (NOTHING, "oops"): [openai(nested(4, CODED, MESSAGE)), *(nested(6, CODED, x) for x in AROUND)],
    (NOTHING, None): [
        *({}, [1], nested(7), nested(7, CODED), nested(7, CODED, LIST)),
        *(openai(nested(5, CODED, MESSAGE)), nested(7, around=MESSAGE)),
    ],
    ("invalid", None): [nested(6, {"message": "kaputt"}, PROBLEMS)],
    ('{"error": "kaputt"}', None): [in_text(4).encode()],
    ("kaputt", f"{2**63 - 1}"): [openai(code=2**63 - 1)],
    (TWICE, "oops"): [{"errors": TWO, "code": "oops"}],
    ("seed: x; n: y", "c"): [
        {where: {"seed": "x", "n": "y"}, "code": "c"} for where in ("errors", "detail", "details")
    ],
    ("stop: invalid", None): [{"errors": {"stop": ["Meine IBAN"]}}],
    ("kaputt; invalid", None): [{"errors": ["kaputt", {}]}],
    ("body.messages.0: kaputt", None): [{"detail": [FASTAPI]}],
    ("Ungültig: seed: kaputt", None): [{"message": "Ungültig", "errors": TWO[:1]}],
    ("[x] kaputt", None): [{"error": "[x] kaputt"}],
    ("x", None): [b'{"error": "x", "code": ' + b"9" * 4300 + b"}"],
    ("kap\ufffdutt \ufffd", None): [b'{"error": "kap\xffutt \\udc00"}'],
    (f"a web page titled '502 Bad\\nGateway', {PROXY}", None): [PAGE],
    ("JSON nested deeper than 200 levels", None): [b'{"error":' * 300],
}
KINDS: dict[int, type[errors.APIStatusError]] = dict.fromkeys((405, 408), errors.APIStatusError)
KINDS |= dict.fromkeys((500, 503, 529), errors.InternalServerError)
KINDS |= {400: errors.BadRequestError, 401: errors.AuthenticationError, 404: errors.NotFoundError}
KINDS |= {403: errors.PermissionDeniedError, 409: errors.ConflictError, 429: errors.RateLimitError}
KINDS |= {413: errors.RequestTooLargeError, 422: errors.UnprocessableEntityError}


@pytest.mark.covers(
    "neuroflash",
    'behaviour Errors are `{"error": …, "code": …}`, or `{"errors": [{"field": …, "message": …}]}`',
    "Public",
)
@pytest.mark.parametrize(("said", "code"), BODIES)
def test_the_words_and_the_code_of_every_body(said: str, code: str | None) -> None:
    carried: dict[str, Any] = {"request_id": "r-1", "retry_after": 7.0}
    known = carried | {"provider": "innogpt", "status_code": 418, "code": code}
    for body in BODIES[said, code]:
        error = make(body, 418, hint="Rat", **carried)
        assert str(error) == f"innoGPT: 418: {said} (Rat; the vendor asks to wait 7 s)"
        assert vars(error).items() >= known.items()


@pytest.mark.covers(
    "meingpt", "behaviour 403: the completions API is not enabled for the organisation", "Public"
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_class_and_the_hint_of_every_status(provider: str) -> None:
    spec = PROVIDERS[provider]
    for status, kind in KINDS.items():
        error = make(OPENAI, status, provider, hint="Rat")
        hint = spec.status_hints.get(status, "Rat")
        assert (type(error), str(error)) == (kind, f"{spec.title}: {status}: kaputt ({hint})")
        says_all = status >= 500 or status in {408, 413, 429}
        assert (PROXY in str(make(PAGE, status, provider))) is not says_all


OVERFLOWS = [  # of OpenAI, Anthropic, vLLM, llama.cpp, LiteLLM, Gemini, TGI, Bedrock, Groq, …
    *("This model's maximum context length is 8192 tokens.", "Prompt ist zu lang"),
    "The decoder prompt (length 9) is longer than the maximum model length of 8",
    *("prompt is too long: 9 tokens > 8 maximum", "exceeds the available context size, try more"),
    "litellm.ContextWindowExceededError: litellm.BadRequestError: too much",
    "The input token count (12) exceeds the maximum number of tokens allowed (10).",
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    *("Input is too long for requested model.", "Prompt token count of 9 exceeds the limit of 8"),
    "the input token count is 12 but model only supports up to 10. Reduce the input",
    "Range of input length should be [1, 129024]",
    *("too many total text bytes: 9 > 8", "Your request exceeded model token limit: 8"),
    "too many tokens: total number of tokens in the prompt cannot exceed 8 - received 9.",
    *("Please reduce the length of the messages or completion.", "Prompt exceeds max length"),
    *("max_tokens must be at least 1, got -7584.", "too many tokens: size limit exceeded by 9"),
]
OTHERS = [
    "max_tokens is too large: 50000. This model supports at most 16384 completion tokens",
    "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000",
    "Number of input tokens per minute exceeds the limit of 80000, then the context window",
    "Too many stop sequences: 5 exceeds 4; messages[0].name is too long: at most 64 characters",
    *("Unknown parameter: 'context_window'.", "Range of max_tokens should be [1, 8192]"),
    *("reduce the length of the input image", "image exceeds 5 MB maximum: 6 bytes > 5 bytes"),
]


def test_a_prompt_longer_than_the_model_takes_in_all_common_words() -> None:
    too_long = dict.fromkeys((200, 400, 413, 422), errors.ContextWindowExceededError)
    for said in OVERFLOWS:
        found = {status: type(make(openai(said), status)) for status in (*too_long, 500)}
        assert found == too_long | {500: errors.InternalServerError}, said
    said = "input (9 tokens) is too large to process. increase the physical batch size"  # llama.cpp
    assert [type(make(openai(said), at)) for at in (400, 500)] == [too_long[400]] * 2
    assert {type(make(openai(said))) for said in OTHERS} == {errors.BadRequestError}
    assert type(alone := make(openai(OTHERS[1]), 429)) is errors.RequestTooLargeError
    assert next_delay(alone, 0, 2, retry=True, jitter=0.5) is None  # nor is it ever taken


# code → class, and the status that it usually has
CODES: dict[str, tuple[type[DsgvoError], int]] = {
    "context_length_exceeded": (errors.ContextWindowExceededError, 400),
    "insufficient_quota": (errors.QuotaExceededError, 429),
    "rate_limit_exceeded": (errors.RateLimitError, 429),
}
# An error under success → the status that it names
NAMED: list[tuple[Any, int]] = [
    ({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, 529),
    ([openai(status="RESOURCE_EXHAUSTED")], 429),
    (openai(code="oops", type="server_error"), 500),
    (openai({"error": {"code": 503}}), 503),
    ({"errorMessage": "x", "errorCode": "X", "statusCode": 401}, 401),
    ({"error": "Service Unavailable", "status": 503}, 503),
    (openai(code=7) | {"status": True}, 200),
    *((openai(code=code), 200) for code in ("12", "²³")),
]
ERRORS: list[dict[str, Any]] = [
    *(OPENAI, {"error": "kaputt"}, {"errors": [{"field": "x"}]}, {"errorMessage": "kaputt"}),
    *({key: "error", "message": "kaputt"} for key in ("status", "object")),
    *({"message": "kaputt"} | more for more in (X, {"success": False}, {"status": 400})),
    *({name: "kaputt"} | X for name in ("detail", "details")),
    {"error": {"message": "x"}, "choices": [{}]},
    *({"msg": "kaputt"} | X, {"error_code": 50001, "text": "kaputt"}),
]
NO_ERRORS: list[dict[str, Any]] = [
    *({}, {"message": "x"}, {"status": "ok"}, {"message": {"content": "x"}, "code": 7}),
    *(more | {"choices": [{}]} for more in ({"error": None}, {"status": "error"})),
    *({"message": "kaputt", "code": 7, key: []} for key in ("data", "choices")),
    *({"code": code, "msg": "ok"} for code in (0, "0", "000", 200, "201", "OK", "Success")),
    *({name: "success", "data": [{}]} for name in ("error", "error_msg", "error_message")),
    *({"error_code": code, "choices": choices} for code in ("0", "none") for choices in ([], [{}])),
]


def test_which_objects_are_errors_and_the_code_tells_the_kind_or_the_status_of_success() -> None:
    assert [body for body in ERRORS + NO_ERRORS if is_error(body)] == ERRORS
    for code, (kind, status) in CODES.items():
        for body in (openai("x", code=code), {"error": "x", "type": code}):
            found = [type(make(body, given)) for given in (200, status, 500)]
            assert found == [kind, kind, errors.InternalServerError]
    spent = openai(code="429", type="budget_exceeded")  # LiteLLM's
    kinds = {type(make(spent, status)) for status in (200, 400, 429)} | {type(make({}, 402))}
    assert kinds == {errors.QuotaExceededError}
    for status, meant in ((200, 429), (399, 429), (400, 400), (500, 500)):
        for code in ("429", "rate_limit_exceeded"):
            error = make(openai(code=code), status)
            assert (error.status_code, error.code, type(error)) == (meant, code, KINDS[meant])
    assert [(body, make(body, 200).status_code) for body, _ in NAMED] == NAMED
    long: Any = [{"error": [{}] * n, "errors": dict.fromkeys(range(n), "x")} for n in (2000, 4000)]
    costs = [work(partial(error_from_body, PROVIDERS["innogpt"], 200, one)) for one in long]
    assert costs[0] == costs[1]  # no more is read of a list than is shown


PROMPT = "Der Patient Erwin Beispiel leidet an Gicht."
LONG = "Straße am İzmir-Ufer, 10. 2.\u3000„Zöe“ und Οδός"
FORMS = [str.upper, lambda text: quote(quote(text)), lambda text: quote(json.dumps(text)[1:-1])]
FORMS += [lambda text: text.swapcase().translate({32: "\u2009\n\u3000\xa0"})]
LONG_KEY, KEY = "geheim-4711-lang-genug", 'Ä"\\gß😀'
ESCAPED = [r"\u00c4\"\\g\u00df\ud83d\ude00", r"\\u00C4\\\"\\g\\xdf\\ud83d\\uDE00"]
ESCAPED += [KEY, r'Ä"\\gß😀', r"&Auml;&quot;\g&#223;&#x1F600;", KEY.encode().decode("latin-1")]
REDACTED: list[tuple[str, list[str], str]] = [
    ("ahunter hunter", ["hunter", "ahunter"], "*** ***"),
    ("Incorrect key sk-proj-AbC_123*", [], "Incorrect key ***"),
    ("Authorization: Bearer abcDEF.x.y failed", [], "Authorization: *** failed"),
    ("task-force and risk-free", ["", "abc"], "task-force and risk-free"),
    # What is quoted of a prompt: thirteen letters and digits or more, and no others
    *((f"x «{PROMPT[at : at + 15]}", [PROMPT], "x «***") for at in (1, 4, 7)),
    *((f"x «{p}", [PROMPT], f"x «{p}") for p in (PROMPT[-15:], PROMPT[4:18] + "» y")),
    (f"{PROMPT[:20]}{PROMPT[3:30]}» y", [PROMPT], "*** ***» y"),
    *((f"x «{form(p)}» y", [p], "x «***» y") for p in (LONG, LONG[:12]) for form in FORMS),
    *((f"x «{'|'.join(p)}» y", [p], "x «***» y") for p in (LONG, "Zoe Bonn")),
    (r'x "F\u00fcr Z\u00f6e\nK\xc3\xb6ln"', ["Für Zöe\nKöln"], 'x "***"'),
    *((f"x {form} y", [KEY], "x *** y") for form in ESCAPED),
    ("1+1%20 x Zoe%20Bonn, Zoe+Bonn", ["Zoe\r\nBonn"], "1+1%20 x ***, ***"),
    ("b+c/d%3D=  \n\x1b\x9b\u202e", ["b+c/d%3D="], "*** "),
    ("q=%5A%6fe%0ABonn 7% \n ", ["\n", "Zoe\tBonn"], "q=*** 7% "),
    *(("x " * 200 + "y"[:more], [], ("x " * 200)[: 400 - more] + "…"[:more]) for more in (0, 1)),
    (f"{'x' * 380} {PROMPT * 50}", [PROMPT * 50], f"{'x' * 380} ***"),
    (f"{PROMPT * 37}: {LONG_KEY * 99}", [PROMPT * 37, LONG_KEY], "***: ***"),  # cut in the key
]


def test_secrets_and_quotes_are_masked_and_no_more_for_what_the_prompt_is_long() -> None:
    assert [(text, secrets, redact(text, secrets)) for text, secrets, _ in REDACTED] == REDACTED
    cut = {"a geheim-4711-lang…": "a ***…", "a gehe…, geh…": "a ***…, geh…", "gehe": "gehe"}
    for said, masked in cut.items():
        error = errors.APIResponseError(said, code=LONG_KEY, request_id=LONG_KEY)
        mask(error, [LONG_KEY])
        found = (error.message, error.args, error.code, error.request_id)
        assert found == (masked, (masked,), "***", "***")
    blocks = {masking._wide(("ab" * 4)[at : at + 7]) for at in (0, 1)}
    windows = MagicMock(**{"__contains__.return_value": False})
    assert not [*masking._shared(("ab" * 7 + "c") * 9000, windows, blocks)]
    assert 0 < windows.__contains__.call_count <= 15 * masking._BLOCK  # not for each of 9,000


DESCRIBED = {
    b" \n": "an empty body",
    b"<HTML><TITLE lang='de'> An &amp; Ab </TITLE>": "a web page titled 'An &amp; Ab'",
    b"<title>" + b"x" * 81 + b"</title>": f"'{'x' * 79}…'",
    b"<title>" + b"x" * 80 + b"</title>": f"'{'x' * 80}'",
    b"</title><p><title>Anm\xe4lden</title>": "titled 'Anm\N{REPLACEMENT CHARACTER}lden', perhaps",
    b"[1,": "JSON that breaks off or is malformed",
    b"Geheim\xff": "text that is not JSON",
    b"<title>A</title><p>Oh</title><title>B</title>": "a web page titled 'A', perhaps",
    b"<p>Oh</title>": "a web page, perhaps",
    b"<title>" * 9000: f"a web page, {PROXY}",
    b"<html>" + b" " * 70_000 + b"<title>zu weit</title>": "a web page, perhaps",
}


def test_a_body_is_described_and_not_quoted() -> None:
    for body, said in DESCRIBED.items():
        assert said in describe_body(body)
        assert "Geheim" not in describe_body(body)
    assert parse_json('\ufeff"a\ud83d"') == "a" + "\ufffd" * 3  # the three bytes that it would have
    named = b'{"error": {"message": "Unrecognized request argument supplied: stream_options"}}'
    assert mentions(named, "stream_options")
    assert not mentions(named, "encoding_format")


@pytest.mark.parametrize("kind", [getattr(errors, one) for one in errors.__all__ if "Error" in one])
def test_errors_survive_pickling_with_all_they_carry(kind: type[DsgvoError]) -> None:
    carried: dict[str, Any] = {"provider": "sovrgpt", "status_code": 429, "code": "oops"}
    error = kind("kaputt", **carried, request_id="r-1", retry_after=7.0)
    error.add_note("beim Einbetten")
    if isinstance(error, IncompleteStreamError):
        error.partial = Completion("sovrgpt", content="Guten")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(again), str(again), vars(again)) == (kind, "kaputt", vars(error))
        assert "Guten" not in f"{again} {again!r}"
