"""Errors that are this project's and LangChain's at once, and what they carry."""

import pickle
from typing import Any

import pytest
from langchain_core import exceptions as langchain

import langchain_dsgvo.errors as ours
from dsgvo import errors
from dsgvo.emulator import Disconnect, Reply, Server, Status, Truncate
from tests.langchain.support import Way, chat

# LangChain's errors, with those of the core that are one.
KINDS: dict[type[Exception], str] = {
    langchain.ContextOverflowError: "ContextWindowExceededError",
    langchain.ModelAPIError: "IncompleteStreamError InternalServerError StreamError",
    langchain.ModelAuthenticationError: "AuthenticationError",
    langchain.ModelConnectionError: "APIConnectionError",
    langchain.ModelError: "APIError APIResponseError APIStatusError ConflictError RedirectError",
    langchain.ModelInvalidRequestError: (
        "BadRequestError CapabilityError ConfigurationError RequestTooLargeError ResidencyError "
        "UnprocessableEntityError"
    ),
    langchain.ModelNotFoundError: "NotFoundError",
    langchain.ModelPermissionDeniedError: "PermissionDeniedError",
    langchain.ModelRateLimitError: "QuotaExceededError RateLimitError",
    langchain.ModelTimeoutError: "APITimeoutError",
}
EXPECTED = {name: kind for kind, names in KINDS.items() for name in names.split()}


@pytest.mark.parametrize(
    ("step", "core"),
    [
        (Status(404, message="ging nicht"), errors.NotFoundError),
        (Status(400, message="maximum context length is 8"), errors.ContextWindowExceededError),
        (Truncate(after=2, reply=Reply(chunks=["Guten", " Tag"])), errors.IncompleteStreamError),
        (Status(200, body="<html>"), errors.APIResponseError),
        (Disconnect(), errors.APIConnectionError),
    ],
)
def test_an_error_is_one_of_both_trees_and_carries_what_is_known(
    server: Server, way: Way, step: Any, core: type[Exception]
) -> None:
    server.script("innogpt", step)
    # It streams, whatever is asked for, so that whole answers break off too.
    with pytest.raises(EXPECTED[core.__name__]) as caught:
        way.answer(chat("innogpt", model="gpt-5", max_retries=0))
    error: Any = caught.value
    assert type(error) is getattr(ours, core.__name__)
    assert error.provider == "innogpt"
    if isinstance(step, Truncate):
        assert error.partial.content == "Guten"
    if isinstance(step, Status):
        assert error.status_code == step.status
        assert (error.request_id or "").startswith("emulator-")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__


def test_every_error_of_the_core_has_its_twin() -> None:
    def kinds(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    own = {kind for kind in kinds(errors.DsgvoError) if kind.__module__ == "dsgvo.errors"}
    assert {kind.__name__ for kind in own - {errors.DsgvoError}} == EXPECTED.keys()
    for name, kind in EXPECTED.items():
        twin = getattr(ours, name)
        assert issubclass(twin, kind)
        assert issubclass(twin, getattr(errors, name))
    assert {name for name in ours.__all__ if getattr(ours, name).is_retryable} == {
        *("APIConnectionError", "APITimeoutError", "ConflictError", "IncompleteStreamError"),
        *("InternalServerError", "RateLimitError", "StreamError"),
    }
