"""Errors that are this project's and LangChain's at once, and what they carry."""

from __future__ import annotations

import asyncio
import pickle
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
    Disconnect,
    Reply,
    Server,
    Status,
    Truncate,
)
from tests.langchain.support import Mode, Way, chat
from tests.vendors import MODELS

TEXT = Reply(chunks=["Guten", " Tag", ", Frau", " Meier"])

# A status with the core's error, and each further error of the core, with LangChain's.
STATUSES = {
    400: (errors.BadRequestError, langchain.ModelInvalidRequestError),
    401: (errors.AuthenticationError, langchain.ModelAuthenticationError),
    403: (errors.PermissionDeniedError, langchain.ModelPermissionDeniedError),
    404: (errors.NotFoundError, langchain.ModelNotFoundError),
    409: (errors.ConflictError, langchain.ModelError),
    413: (errors.RequestTooLargeError, langchain.ModelInvalidRequestError),
    422: (errors.UnprocessableEntityError, langchain.ModelInvalidRequestError),
    429: (errors.RateLimitError, langchain.ModelRateLimitError),
    500: (errors.InternalServerError, langchain.ModelAPIError),
    503: (errors.InternalServerError, langchain.ModelAPIError),
}
OTHERS = {
    errors.ConfigurationError: langchain.ModelInvalidRequestError,
    errors.CapabilityError: langchain.ModelInvalidRequestError,
    errors.ResidencyError: langchain.ModelInvalidRequestError,
    errors.APIError: langchain.ModelError,
    errors.APIConnectionError: langchain.ModelConnectionError,
    errors.APITimeoutError: langchain.ModelTimeoutError,
    errors.APIStatusError: langchain.ModelError,
    errors.ContextWindowExceededError: langchain.ContextOverflowError,
    errors.QuotaExceededError: langchain.ModelRateLimitError,
    errors.APIResponseError: langchain.ModelError,
    errors.RedirectError: langchain.ModelError,
    errors.IncompleteStreamError: langchain.ModelAPIError,
    errors.StreamError: langchain.ModelAPIError,
}


@pytest.mark.parametrize("provider", ["innogpt", "neuroflash"])
@pytest.mark.parametrize("status", STATUSES)
def test_each_status_is_an_error_of_both_trees(
    server: Server, provider: str, way: Way, status: int
) -> None:
    server.script(provider, Status(status, message="ging nicht"))
    own, langchains = STATUSES[status]
    with pytest.raises(own, match="ging nicht") as caught:
        way.answer(chat(provider, max_retries=0))
    error = caught.value
    assert isinstance(error, langchains)
    assert type(error).__module__ == "langchain_dsgvo.errors"
    assert (error.provider, error.status_code) == (provider, status)
    assert (error.request_id or "").startswith("emulator-")


def test_every_error_of_the_core_has_its_twin() -> None:
    def kinds(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    own = {kind for kind in kinds(errors.DsgvoError) if kind.__module__ == "dsgvo.errors"}
    expected = OTHERS | dict(STATUSES.values())
    assert own - {errors.DsgvoError} == expected.keys()
    for kind, langchains in expected.items():
        assert issubclass(getattr(ours, kind.__name__), kind)
        assert issubclass(getattr(ours, kind.__name__), langchains)
    retryable = {name for name in ours.__all__ if getattr(ours, name).is_retryable}
    assert retryable == {
        *("APIConnectionError", "APITimeoutError", "ConflictError", "IncompleteStreamError"),
        *("InternalServerError", "RateLimitError", "StreamError"),
    }


@pytest.mark.parametrize(
    ("step", "langchains"),
    [
        (
            Status(400, body={"error": {"message": "maximum context length is 8", "code": "x"}}),
            langchain.ContextOverflowError,
        ),
        (Truncate(after=3, reply=TEXT), langchain.ModelAPIError),
        (Status(200, body="<html>"), langchain.ModelError),
        (Disconnect(), langchain.ModelConnectionError),
    ],
)
def test_errors_of_each_origin_are_langchains(
    server: Server, way: Way, step: Any, langchains: type[Exception]
) -> None:
    server.script("sovrgpt", step)
    with pytest.raises(langchains):
        way.answer(chat("sovrgpt", model="m", max_retries=0))


def test_what_had_come_was_handed_out_before(server: Server) -> None:
    server.script("sovrgpt", Truncate(after=3, reply=TEXT))
    stream = chat("sovrgpt").stream("Hallo!")
    assert [next(stream).text, next(stream).text] == ["Guten", " Tag"]
    with pytest.raises(errors.IncompleteStreamError):
        next(stream)
    assert len(server.requests) == 1


def test_errors_can_be_pickled_with_all_they_carry(server: Server) -> None:
    server.script("sovrgpt", Truncate(after=3, reply=TEXT))
    with pytest.raises(errors.IncompleteStreamError) as caught:
        chat("sovrgpt").invoke("Hallo!", stream=True)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert again.__dict__ == caught.value.__dict__


# Parameters that a vendor ignores


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
