"""Errors that are this project's and LangChain's at once, and what they carry."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core import exceptions as langchain
from langchain_core.messages import HumanMessage

import langchain_dsgvo.errors as ours
from dsgvo import errors
from dsgvo.emulator import Disconnect, Reply, Server, Status, Truncate
from tests.langchain.support import Mode, Way, chat

TRUNCATED = Truncate(after=3, reply=Reply(chunks=["Guten", " Tag", "."]))

# A step of the server with the core's error, and each further error of the core, with LangChain's.
STEPS: list[tuple[Any, type[Exception], type[Exception]]] = [
    *(
        (Status(status, message="ging nicht"), core, langchains)
        for status, core, langchains in (
            (400, errors.BadRequestError, langchain.ModelInvalidRequestError),
            (401, errors.AuthenticationError, langchain.ModelAuthenticationError),
            (403, errors.PermissionDeniedError, langchain.ModelPermissionDeniedError),
            (404, errors.NotFoundError, langchain.ModelNotFoundError),
            (409, errors.ConflictError, langchain.ModelError),
            (413, errors.RequestTooLargeError, langchain.ModelInvalidRequestError),
            (422, errors.UnprocessableEntityError, langchain.ModelInvalidRequestError),
            (429, errors.RateLimitError, langchain.ModelRateLimitError),
            (503, errors.InternalServerError, langchain.ModelAPIError),
        )
    ),
    (
        Status(400, message="maximum context length is 8"),
        errors.ContextWindowExceededError,
        langchain.ContextOverflowError,
    ),
    (TRUNCATED, errors.IncompleteStreamError, langchain.ModelAPIError),
    (Status(200, body="<html>"), errors.APIResponseError, langchain.ModelError),
    (Disconnect(), errors.APIConnectionError, langchain.ModelConnectionError),
]
OTHERS = {
    errors.ConfigurationError: langchain.ModelInvalidRequestError,
    errors.CapabilityError: langchain.ModelInvalidRequestError,
    errors.ResidencyError: langchain.ModelInvalidRequestError,
    errors.APIError: langchain.ModelError,
    errors.APITimeoutError: langchain.ModelTimeoutError,
    errors.APIStatusError: langchain.ModelError,
    errors.QuotaExceededError: langchain.ModelRateLimitError,
    errors.RedirectError: langchain.ModelError,
    errors.StreamError: langchain.ModelAPIError,
}


@pytest.mark.parametrize(("step", "core", "langchains"), STEPS)
def test_each_error_is_one_of_both_trees_and_carries_what_is_known(
    server: Server, way: Way, step: Any, core: type[Exception], langchains: type[Exception]
) -> None:
    server.script("sovrgpt", step)
    with pytest.raises(core) as caught:
        way.answer(chat("sovrgpt", model="m", max_retries=0))
    error: Any = caught.value
    assert issubclass(type(error), langchains)
    assert type(error).__module__ == "langchain_dsgvo.errors"
    assert error.provider == "sovrgpt"
    if isinstance(step, Status):
        assert error.status_code == (step.status if step.status > 200 else None)
        assert (error.request_id or "").startswith("emulator-")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__


def test_every_error_of_the_core_has_its_twin() -> None:
    def kinds(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    own = {kind for kind in kinds(errors.DsgvoError) if kind.__module__ == "dsgvo.errors"}
    expected = OTHERS | {core: langchains for _, core, langchains in STEPS}
    assert own - {errors.DsgvoError} == expected.keys()
    for kind, langchains in expected.items():
        twin = getattr(ours, kind.__name__)
        assert issubclass(twin, kind)
        assert issubclass(twin, langchains)
    retryable = {name for name in ours.__all__ if getattr(ours, name).is_retryable}
    assert retryable == {
        *("APIConnectionError", "APITimeoutError", "ConflictError", "IncompleteStreamError"),
        *("InternalServerError", "RateLimitError", "StreamError"),
    }


def test_the_warning_of_an_ignored_parameter_points_at_the_users_line() -> None:
    agent: Any = create_agent(chat("meingpt", top_p=0.5))
    with pytest.warns(errors.IgnoredParameterWarning) as seen:
        agent.invoke({"messages": [HumanMessage("Hallo!")]})
    assert [warning.filename for warning in seen] == [__file__]


def test_fallbacks_and_retries_of_langchain_know_these_errors(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Status(429, headers={"Retry-After": "3600"}), Status(401))
    model = chat("sovrgpt").with_fallbacks(
        [chat("innogpt")], exceptions_to_handle=(langchain.ModelRateLimitError,)
    )
    assert mode.stream(model, "Hallo!")[-1].response_metadata["model_provider"] == "innogpt"
    with pytest.raises(errors.AuthenticationError):
        mode.invoke(model, "Hallo!")
    server.clear()
    server.script("sovrgpt", Status(500), Status(500), Reply("Ja."))
    model = chat("sovrgpt", max_retries=0).with_retry(
        retry_if_exception_type=(langchain.ModelAPIError,), wait_exponential_jitter=False
    )
    assert mode.invoke(model, "Hallo!").content == "Ja."
    assert len(server.requests) == 3
