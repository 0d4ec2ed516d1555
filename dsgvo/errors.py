"""Everything that can go wrong, as one tree.

::

    DsgvoError
    ├── ConfigurationError            the caller's mistake, found before anything is sent
    │   ├── CapabilityError           the vendor or the model does not offer this
    │   └── ResidencyError            the model's place of processing is not accepted
    └── APIError                      something went wrong on the way or at the vendor
        ├── APIConnectionError        no answer, or the connection broke
        │   └── APITimeoutError
        ├── APIStatusError            the vendor answered with an error
        │   ├── BadRequestError              400
        │   │   └── ContextWindowExceededError   the prompt is longer than the model's window
        │   ├── AuthenticationError          401
        │   ├── PermissionDeniedError        403
        │   ├── NotFoundError                404
        │   ├── ConflictError                409
        │   ├── RequestTooLargeError         413
        │   ├── UnprocessableEntityError     422
        │   ├── RateLimitError               429
        │   │   └── QuotaExceededError           … used up: asking again is no use
        │   └── InternalServerError          500 and above
        └── APIResponseError          the vendor answered, but not as it documents
            ├── RedirectError                a redirect, never followed: prompts are personal data
            └── IncompleteStreamError        carries what had arrived in ``partial``
                └── StreamError              the vendor broke the answer off with an error

    UserWarning
    ├── IgnoredParameterWarning       the vendor accepts the parameter and does not honour it
    ├── ModelListWarning              a model list cannot be had, the catalogue stands in for it
    └── ResidencyWarning              another model has answered, which runs elsewhere

Names are those of the OpenAI SDK where it has one. Messages never hold keys, prompts or answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dsgvo.wire.chat import Completion
    from dsgvo.wire.models import GeneratedImage

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
    "DsgvoError",
    "IgnoredParameterWarning",
    "IncompleteStreamError",
    "InternalServerError",
    "ModelListWarning",
    "NotFoundError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "RedirectError",
    "RequestTooLargeError",
    "ResidencyError",
    "ResidencyWarning",
    "StreamError",
    "UnprocessableEntityError",
]


_E = TypeVar("_E", bound="DsgvoError")


class DsgvoError(Exception):
    """Base of every error this project raises.

    Args:
        message: What happened and what to do about it.
        provider: Name of the provider, such as ``"sovrgpt"``.
        status_code: HTTP status of the answer, if there was one.
        code: The vendor's own error code, if it sent one.
        request_id: The vendor's id of the request, for its support.
        retry_after: Seconds the vendor asked to wait.

    Examples:
        >>> error = RateLimitError("slow down", provider="sovrgpt", status_code=429, retry_after=7)
        >>> error.retry_after
        7
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.status_code = status_code
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after

    def add(self, more: str) -> None:
        """Add to the message what was learnt after the error."""
        self.message = f"{self.message} ({more})"
        self.args = (self.message,)

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException rebuilds with positional args only; the state carries the rest.
        return rebuilt, (type(self), self.args, self.__dict__)


def rebuilt(cls: type[_E], args: tuple[Any, ...], state: dict[str, Any]) -> _E:
    """Return an error of a kind with what another one holds."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(DsgvoError):
    """An argument is missing or wrong. Nothing was sent."""

    of_environment = False
    """Whether no request could be made there: for its key, certificates, proxy or audit trail."""


def environment_error(message: str, provider: str | None = None) -> ConfigurationError:
    """Return the error for an environment in which no request can be made."""
    error = ConfigurationError(message, provider=provider)
    error.of_environment = True
    return error


class CapabilityError(ConfigurationError):
    """The vendor does not document this, or the model is known not to offer it."""


class ResidencyError(ConfigurationError):
    """The place where the model runs is not accepted by the ``residency`` setting."""


class APIError(DsgvoError):
    """The request was made, or tried, and did not give a whole, valid answer.

    Attributes:
        image: A :class:`dsgvo.wire.models.GeneratedImage` that was made, and could not be fetched
            to be saved.
    """

    image: GeneratedImage | None = None


class APIConnectionError(APIError):
    """The server could not be reached, or the connection broke before the answer was whole."""


class APITimeoutError(APIConnectionError):
    """The server did not answer within ``timeout`` seconds."""


class APIStatusError(APIError):
    """The vendor answered with an error status, or with an error body under status 200."""


class BadRequestError(APIStatusError):
    """Status 400: the vendor found the request invalid."""


class ContextWindowExceededError(BadRequestError):
    """The prompt does not fit into the model's context window."""


class AuthenticationError(APIStatusError):
    """Status 401, or a sign-in that is refused: the key or secret is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """Status 403: the key is valid, but not for this."""


class NotFoundError(APIStatusError):
    """Status 404: no such path or model."""


class ConflictError(APIStatusError):
    """Status 409: the request collides with another one."""


class RequestTooLargeError(APIStatusError):
    """Status 413, or a 429 that no waiting helps: the request is larger than the vendor accepts."""


class UnprocessableEntityError(APIStatusError):
    """Status 422: a field of the request is invalid."""


class RateLimitError(APIStatusError):
    """Status 429: too many requests, or the quota is used up. See ``retry_after``."""


class QuotaExceededError(RateLimitError):
    """The account's quota or credit is used up, says the vendor; waiting does not help."""


class InternalServerError(APIStatusError):
    """Status 500 and above: the vendor failed."""


class APIResponseError(APIError):
    """The answer is not what the vendor documents: a login page, no choices, missing vectors."""


class RedirectError(APIResponseError):
    """The server answered with a redirect, which is never followed."""


class IncompleteStreamError(APIResponseError):
    """The answer broke off before its end.

    Attributes:
        partial: What had arrived, as a :class:`dsgvo.Completion`. Never part of the message.
    """

    def __init__(self, message: str, *, partial: Completion | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.partial = partial


class StreamError(IncompleteStreamError):
    """The vendor broke the answer off: an error event, or a finish reason that is an error.

    Where the vendor's words or code say more, ``__cause__`` is the error of that class.
    """


class IgnoredParameterWarning(UserWarning):
    """A parameter was sent that the vendor says it does not honour."""


class ModelListWarning(UserWarning):
    """The vendor's model list cannot be had; what is known of its models stands in for it."""


class ResidencyWarning(UserWarning):
    """Another model has answered than was asked, and it is said to run at a place not accepted."""
