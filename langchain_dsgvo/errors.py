"""Errors that are this project's and LangChain's at once, so that code catching either works."""

from __future__ import annotations

from types import TracebackType

from langchain_core import exceptions as langchain

from dsgvo import errors

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "CapabilityError",
    "ConfigurationError",
    "ConflictError",
    "ContextWindowExceededError",
    "IncompleteStreamError",
    "InternalServerError",
    "NotFoundError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "RedirectError",
    "RequestTooLargeError",
    "ResidencyError",
    "StreamError",
    "UnprocessableEntityError",
]


class ConfigurationError(errors.ConfigurationError, langchain.ModelInvalidRequestError):
    """An argument is missing or wrong. Nothing was sent."""


class CapabilityError(errors.CapabilityError, langchain.ModelInvalidRequestError):
    """The vendor or the model does not offer this."""


class ResidencyError(errors.ResidencyError, langchain.ModelInvalidRequestError):
    """The place where the model runs is not accepted."""


class APIError(errors.APIError, langchain.ModelError):
    """The request did not give a whole, valid answer."""


class APIConnectionError(errors.APIConnectionError, langchain.ModelConnectionError):
    """The server could not be reached, or the connection broke."""


class APITimeoutError(errors.APITimeoutError, langchain.ModelTimeoutError):
    """The server did not answer in time."""


class APIStatusError(errors.APIStatusError, langchain.ModelError):
    """The vendor answered with an error."""


class BadRequestError(errors.BadRequestError, langchain.ModelInvalidRequestError):
    """Status 400."""


class ContextWindowExceededError(errors.ContextWindowExceededError, langchain.ContextOverflowError):
    """The prompt does not fit into the model's context window."""


class AuthenticationError(errors.AuthenticationError, langchain.ModelAuthenticationError):
    """Status 401."""


class PermissionDeniedError(errors.PermissionDeniedError, langchain.ModelPermissionDeniedError):
    """Status 403."""


class NotFoundError(errors.NotFoundError, langchain.ModelNotFoundError):
    """Status 404."""


class ConflictError(errors.ConflictError, langchain.ModelError):
    """Status 409."""

    is_retryable = True


class RequestTooLargeError(errors.RequestTooLargeError, langchain.ModelInvalidRequestError):
    """Status 413."""


class UnprocessableEntityError(errors.UnprocessableEntityError, langchain.ModelInvalidRequestError):
    """Status 422."""


class RateLimitError(errors.RateLimitError, langchain.ModelRateLimitError):
    """Status 429."""


class QuotaExceededError(errors.QuotaExceededError, langchain.ModelRateLimitError):
    """The account's quota or credit is used up."""

    is_retryable = False


class InternalServerError(errors.InternalServerError, langchain.ModelAPIError):
    """Status 500 and above."""


class APIResponseError(errors.APIResponseError, langchain.ModelError):
    """The answer is not what the vendor documents."""


class RedirectError(errors.RedirectError, langchain.ModelError):
    """The server answered with a redirect, which is never followed."""


class IncompleteStreamError(errors.IncompleteStreamError, langchain.ModelAPIError):
    """The answer broke off before its end; ``partial`` holds what had come."""


class StreamError(errors.StreamError, langchain.ModelAPIError):
    """The vendor broke the answer off with an error."""


_BY_BASE: dict[type[errors.DsgvoError], type[errors.DsgvoError]] = {
    kind.__bases__[0]: kind
    for kind in (
        ConfigurationError,
        CapabilityError,
        ResidencyError,
        APIError,
        APIConnectionError,
        APITimeoutError,
        APIStatusError,
        BadRequestError,
        ContextWindowExceededError,
        AuthenticationError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        RequestTooLargeError,
        UnprocessableEntityError,
        RateLimitError,
        QuotaExceededError,
        InternalServerError,
        APIResponseError,
        RedirectError,
        IncompleteStreamError,
        StreamError,
    )
}


class _LangChainErrors:
    """Turns errors of the core into those above; a class, since it wraps hot loops."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, errors.DsgvoError) and (target := _BY_BASE.get(type(error))):
            twin = target.__new__(target, *error.args)
            twin.__dict__.update(error.__dict__)
            raise twin.with_traceback(traceback) from error.__cause__


langchain_errors = _LangChainErrors()
"""Context in which errors of the core become LangChain's too."""
