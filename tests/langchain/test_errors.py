"""Errors that are this project's and LangChain's at once, and what they carry."""

from __future__ import annotations

import asyncio
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core import exceptions as langchain
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

import langchain_dsgvo.errors as ours
from dsgvo import errors
from dsgvo.emulator import (
    Delay,
    Disconnect,
    ErrorEvent,
    Raw,
    Redirect,
    Reply,
    Server,
    Status,
    Truncate,
)
from tests.langchain.support import Mode, Way, bodies, chat
from tests.vendors import MODELS

STATUSES: list[tuple[int, type[errors.APIStatusError], type[Exception]]] = [
    (400, errors.BadRequestError, langchain.ModelInvalidRequestError),
    (401, errors.AuthenticationError, langchain.ModelAuthenticationError),
    (403, errors.PermissionDeniedError, langchain.ModelPermissionDeniedError),
    (404, errors.NotFoundError, langchain.ModelNotFoundError),
    (413, errors.RequestTooLargeError, langchain.ModelInvalidRequestError),
    (422, errors.UnprocessableEntityError, langchain.ModelInvalidRequestError),
    (429, errors.RateLimitError, langchain.ModelRateLimitError),
    (500, errors.InternalServerError, langchain.ModelAPIError),
    (503, errors.InternalServerError, langchain.ModelAPIError),
]


@pytest.mark.parametrize(("status", "own", "langchains"), STATUSES)
def test_each_status_is_an_error_of_both_trees(
    server: Server,
    provider: str,
    way: Way,
    status: int,
    own: type[errors.APIStatusError],
    langchains: type[Exception],
) -> None:
    server.script(provider, Status(status, message="ging nicht"))
    with pytest.raises(own) as caught:
        way.answer(chat(provider, max_retries=0))
    error = caught.value
    assert isinstance(error, langchains)
    assert type(error).__module__ == "langchain_dsgvo.errors"
    assert (error.provider, error.status_code) == (provider, status)
    assert "ging nicht" in str(error)
    assert error.request_id is not None
    assert error.request_id.startswith("emulator-")


def test_every_error_of_the_core_has_its_twin() -> None:
    def kinds(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    own = {kind for kind in kinds(errors.DsgvoError) if kind.__module__ == "dsgvo.errors"}
    twins = {kind.__name__ for kind in kinds(errors.DsgvoError) if kind.__module__ == ours.__name__}
    assert {kind.__name__ for kind in own} - {"DsgvoError"} == twins
    for name in twins:
        twin = getattr(ours, name)
        assert issubclass(twin, getattr(errors, name))
        assert issubclass(twin, langchain.LangChainException)


def test_what_may_be_tried_again_says_so() -> None:
    retryable = {name for name in ours.__all__ if getattr(ours, name).is_retryable}
    assert retryable == {
        "APIConnectionError",
        "APITimeoutError",
        "ConflictError",
        "IncompleteStreamError",
        "InternalServerError",
        "RateLimitError",
        "StreamError",
    }


def test_a_wrong_key_is_refused_and_not_shown(server: Server, provider: str, way: Way) -> None:
    key = "sk-falscher-schluessel-0815"
    with pytest.raises(langchain.ModelAuthenticationError) as caught:
        way.answer(chat(provider, api_key=key))
    assert key not in str(caught.value)
    assert "api_key" in str(caught.value)


def test_a_prompt_too_long_is_langchains_context_overflow(server: Server, way: Way) -> None:
    body = {"error": {"message": "maximum context length is 8 tokens", "code": "x"}}
    server.script("sovrgpt", Status(400, body=body))
    with pytest.raises(langchain.ContextOverflowError) as caught:
        way.answer(chat("sovrgpt"))
    assert isinstance(caught.value, errors.ContextWindowExceededError)


def test_the_waiting_time_is_in_the_error(server: Server, way: Way) -> None:
    server.script("sovrgpt", Status(429, headers={"Retry-After": "3600"}))
    with pytest.raises(errors.RateLimitError, match="3600 s") as caught:
        way.answer(chat("sovrgpt"))
    assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


def test_a_server_that_is_not_there(mode: Mode) -> None:
    model = chat("sovrgpt", base_url="http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(langchain.ModelConnectionError, match=r"cannot reach 127\.0\.0\.1:9"):
        mode.invoke(model, "Hallo!")


def test_a_server_that_is_silent(server: Server, way: Way) -> None:
    server.script("sovrgpt", Delay(1.0))
    with pytest.raises(langchain.ModelTimeoutError, match=r"timeout=0\.05") as caught:
        way.answer(chat("sovrgpt", timeout=0.05, max_retries=0))
    assert isinstance(caught.value, errors.APITimeoutError)


def test_a_redirect_is_not_followed(server: Server, way: Way) -> None:
    server.script("sovrgpt", Redirect("https://example.com/v1/chat/completions"))
    with pytest.raises(errors.RedirectError, match=r"https://example\.com") as caught:
        way.answer(chat("sovrgpt"))
    assert isinstance(caught.value, langchain.ModelError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html><title>Anmelden</title></html>", "a web page titled 'Anmelden'"),
        (b"", "an empty body"),
        (b'{"choices": []}', "without choices"),
        (b'{"id": "x", "cho', "malformed"),
        (b"[1, 2]", "not an object"),
    ],
)
def test_what_is_no_answer(server: Server, way: Way, body: bytes, says: str) -> None:
    server.script("sovrgpt", Raw(headers={"content-type": "application/json"}, chunks=[body]))
    with pytest.raises(errors.APIResponseError, match=says) as caught:
        way.answer(chat("sovrgpt"))
    assert isinstance(caught.value, langchain.ModelError)


def test_an_error_body_under_status_200(server: Server, way: Way) -> None:
    body = b'{"status": "error", "message": "ging nicht"}'
    server.script("meingpt", Raw(headers={"content-type": "application/json"}, chunks=[body]))
    with pytest.raises(errors.APIStatusError, match="ging nicht"):
        way.answer(chat("meingpt"))


TEXT = Reply(chunks=["Guten", " Tag", ", Frau", " Meier"])


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Truncate(after=3, reply=TEXT), errors.IncompleteStreamError, "without a finish reason"),
        (
            Truncate(after=3, clean=False, reply=TEXT),
            errors.IncompleteStreamError,
            "the connection broke",
        ),
        (ErrorEvent(after=3, reply=TEXT), errors.StreamError, "scripted error"),
        (ErrorEvent(after=3, event="error", reply=TEXT), errors.StreamError, "scripted error"),
    ],
)
@pytest.mark.parametrize("streamed_by", ["asking", "the model"])
def test_a_stream_that_breaks_off_carries_what_had_come(
    server: Server,
    mode: Mode,
    fault: Any,
    kind: type[errors.IncompleteStreamError],
    says: str,
    streamed_by: str,
) -> None:
    server.script("innogpt", fault)
    model = chat("innogpt", model="gpt-5" if streamed_by == "the model" else MODELS["innogpt"])
    way = Way(mode, streamed=streamed_by == "asking")
    with pytest.raises(kind, match=says) as caught:
        way.answer(model)
    assert isinstance(caught.value, langchain.ModelAPIError)
    assert caught.value.partial is not None
    assert caught.value.partial.content == "Guten Tag"
    assert "Guten" not in str(caught.value)


def test_what_had_come_was_handed_out_before(server: Server) -> None:
    server.script("sovrgpt", Truncate(after=3, reply=TEXT))
    stream = chat("sovrgpt").stream("Hallo!")
    assert [next(stream).text, next(stream).text] == ["Guten", " Tag"]
    with pytest.raises(errors.IncompleteStreamError):
        next(stream)
    assert len(server.requests) == 1


def test_nothing_is_asked_again_once_a_chunk_is_out(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Truncate(after=3, clean=False, reply=TEXT))
    with pytest.raises(errors.IncompleteStreamError):
        mode.stream(chat("sovrgpt", max_retries=5), "Hallo!")
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Disconnect(), Status(429, headers={"Retry-After": "0"})])
def test_what_passes_is_tried_again(server: Server, way: Way, fault: Any) -> None:
    server.script("sovrgpt", fault, fault, Reply("Ja."))
    assert way.answer(chat("sovrgpt")).content == "Ja."
    assert len(server.requests) == 3


def test_max_retries_counts(server: Server, way: Way) -> None:
    server.script("sovrgpt", *[Status(503, headers={"Retry-After": "0"})] * 5)
    with pytest.raises(errors.InternalServerError):
        way.answer(chat("sovrgpt", max_retries=3))
    assert len(server.requests) == 4


def test_errors_can_be_pickled_with_all_they_carry(server: Server) -> None:
    server.script("sovrgpt", Truncate(after=3, reply=TEXT))
    with pytest.raises(errors.IncompleteStreamError) as caught:
        chat("sovrgpt").invoke("Hallo!", stream=True)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert again.__dict__ == caught.value.__dict__


def test_neither_prompt_nor_answer_is_in_an_error(server: Server, way: Way) -> None:
    prompt = "Die IBAN von Frau Meier ist DE02120300000000202051."
    body = {"error": {"message": f"cannot read: {prompt}"}}
    server.script("sovrgpt", Status(400, body=body))
    with pytest.raises(errors.BadRequestError) as caught:
        way.answer(chat("sovrgpt"), prompt)
    assert "DE0212" not in str(caught.value)
    assert str(caught.value) == "SovrGPT: 400: cannot read: ***"


# Parameters that a vendor ignores


def test_an_ignored_parameter_is_sent_and_warned_about_once(server: Server, way: Way) -> None:
    model = chat("meingpt", max_tokens=5)
    with pytest.warns(errors.IgnoredParameterWarning, match="meinGPT accepts 'max_tokens'") as seen:
        way.answer(model)
    assert len(seen) == 1
    way.answer(model)  # a second warning would be an error here
    way.answer(chat("meingpt", max_tokens=7))
    assert [body["max_tokens"] for body in bodies(server)] == [5, 5, 7]


USES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda model: model.invoke("Hallo!"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("Hallo!")),
    "stream": lambda model: list(model.stream("Hallo!")),
    "a chain": lambda model: (ChatPromptTemplate.from_template("Hallo!") | model).invoke({}),
    "an agent": lambda model: create_agent(model).invoke({"messages": [HumanMessage("Hallo!")]}),
}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_the_warning_points_at_the_users_line(use: Callable[[Any], Any]) -> None:
    with pytest.warns(errors.IgnoredParameterWarning) as seen:
        use(chat("meingpt", max_tokens=5))
    assert [warning.filename for warning in seen] == [__file__]


def test_strict_refuses_it(server: Server, way: Way) -> None:
    model = chat("meingpt", max_tokens=5, strict=True)
    with pytest.raises(errors.CapabilityError, match="max_tokens=5: meinGPT accepts") as caught:
        way.answer(model)
    assert isinstance(caught.value, langchain.ModelInvalidRequestError)
    assert server.requests == []


def test_sovrgpt_names_what_it_ignores(server: Server) -> None:
    with pytest.warns(errors.IgnoredParameterWarning) as seen:
        chat("sovrgpt", model_kwargs={"seed": 1, "user": "anna"}).invoke("Hallo!")
    assert [str(one.message).split(" (")[0] for one in seen] == [
        "SovrGPT accepts 'seed' and does not honour it",
        "SovrGPT accepts 'user' and does not honour it",
    ]


def test_documented_parameters_pass_without_a_word(server: Server, provider: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chat(provider, temperature=0.5, strict=True).invoke("Hallo!")


# LangChain's own ways to go on after an error


def test_fallbacks_take_over(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", *[Status(500)] * 2)
    server.script("innogpt", *[Reply("Ja.")] * 2)
    model = chat("sovrgpt", max_retries=0).with_fallbacks([chat("innogpt")])
    assert mode.invoke(model, "Hallo!").response_metadata["model_name"] == MODELS["innogpt"]
    assert "".join(chunk.text for chunk in mode.stream(model, "Hallo!")) == "Ja."


def test_fallbacks_can_be_kept_to_langchains_kinds(server: Server) -> None:
    server.script("sovrgpt", Status(401))
    handled = (langchain.ModelRateLimitError,)
    fallback = RunnableLambda(lambda _: "anders")
    model = chat("sovrgpt").with_fallbacks([fallback], exceptions_to_handle=handled)
    with pytest.raises(errors.AuthenticationError):
        model.invoke("Hallo!")
    server.script("sovrgpt", Status(429, headers={"Retry-After": "3600"}))
    assert model.invoke("Hallo!") == "anders"


def test_retries_by_langchain(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Status(500), Status(500), Reply("Ja."))
    model = chat("sovrgpt", max_retries=0).with_retry(
        retry_if_exception_type=(langchain.ModelAPIError,), wait_exponential_jitter=False
    )
    assert mode.invoke(model, "Hallo!").content == "Ja."
    assert len(server.requests) == 3
