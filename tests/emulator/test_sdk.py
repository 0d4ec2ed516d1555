"""Every documented capability of the four dialects, and errors, as the OpenAI SDK reads them."""

from typing import Any

import openai
import pytest

from dsgvo.emulator import Server, Status
from tests.emulator.conftest import Sdk


@pytest.mark.covers("meingpt", "behaviour Streams carry no usage, even when asked", "Inferred")
def test_a_stream_counts_tokens_only_when_asked(ask: Sdk, vendor: str) -> None:
    for options, counted in (({"include_usage": True}, vendor != "meingpt"), ({}, False)):
        chunks = ask(vendor, stream=True, stream_options=options)
        told = [chunk for chunk in chunks if chunk.usage]
        assert told == chunks[-1:] * counted
        assert all(bool(one.choices) is (vendor == "neuroflash") for one in told)


@pytest.mark.parametrize(
    ("vendor", "fields", "said"),
    [
        ("innogpt", {"max_tokens": 2, "n": 2}, "Ich bin"),
        ("innogpt", {"max_completion_tokens": 2}, "Ich bin"),
        ("innogpt", {"stop": " lokale"}, "Ich bin der"),
        ("neuroflash", {"max_tokens": 2}, "Ich bin"),
        ("neuroflash", {"stop": [" lokale"]}, "Ich bin der"),
        ("sovrgpt", {"stop": [" Emulator", " lokale"]}, "Ich bin der"),
        # "jedoch werden nicht alle Parameter beachtet"
        ("meingpt", {"max_tokens": 2, "max_completion_tokens": 2, "stop": " Emulator"}, None),
        ("meingpt", {"n": 3, "seed": 7, "top_p": 9, "frequency_penalty": 9, "user": "ich"}, None),
        # Not among the seventeen fields of the page.
        ("neuroflash", {"max_completion_tokens": 2, "n": 3, "top_p": 9, "user": "ich"}, None),
        # "Ignoriert (nicht crashend): seed, logit_bias, user, n, presence_penalty, …"
        ("sovrgpt", {"max_completion_tokens": 2, "n": 1, "seed": 7, "user": "ich"}, None),
        ("sovrgpt", {"presence_penalty": 9, "frequency_penalty": 9, "logit_bias": {"1": 5}}, None),
    ],
)
def test_what_is_honoured_cuts_the_answer_and_the_rest_has_no_effect(
    ask: Sdk, vendor: str, fields: dict[str, Any], said: str | None
) -> None:
    answer = ask(vendor, **fields)
    if said is None:
        assert answer.choices == ask(vendor).choices
    else:
        [choice] = answer.choices
        reason = "stop" if "stop" in fields else "length"
        assert (choice.message.content, choice.finish_reason) == (said, reason)
        assert answer.usage.completion_tokens == len(said.split())


@pytest.mark.parametrize(
    ("vendor", "status", "kind", "code"),
    [
        ("innogpt", 401, "authentication_error", "unauthorized"),
        ("sovrgpt", 403, "permission_error", "forbidden"),
        ("innogpt", 429, "rate_limit_error", "rate_limit_exceeded"),
        ("sovrgpt", 503, "server_error", "error"),
        ("meingpt", 408, "", ""),
        ("neuroflash", 404, "", "not_found"),
    ],
)
def test_a_status_has_the_vendors_body(
    ask: Sdk, server: Server, vendor: str, status: int, kind: str, code: str
) -> None:
    server.script(vendor, Status(status, message="Geht nicht"))
    with pytest.raises(openai.APIStatusError) as caught:
        ask(vendor)
    error = {"message": "Geht nicht", "type": kind, "param": None, "code": code}
    own = {"meingpt": {"status": "error", "message": "Geht nicht"}}
    own["neuroflash"] = {"error": "Geht nicht", "code": code}
    assert caught.value.status_code == status
    assert caught.value.response.json() == own.get(vendor, {"error": error})
    assert str(caught.value.request_id).startswith("emulator-")
