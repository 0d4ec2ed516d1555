"""What chat models and embeddings share: who is talked to, and arguments checked by name."""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from dsgvo import PROVIDERS, AsyncClient, Client, Provider
from dsgvo.transport import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, ClientPair
from dsgvo.wire.arguments import unknown_argument, wrong_argument
from dsgvo.wire.residency import Residency, check_residency
from langchain_dsgvo.errors import ConfigurationError, translated

__all__ = ["VendorSettings"]


class VendorSettings(BaseModel):
    """Connection settings of one vendor; a base of the public classes, not for use alone."""

    provider: ClassVar[str]
    """Name of the provider in ``dsgvo.PROVIDERS``."""

    connection_fields: ClassVar[tuple[str, ...]] = (
        "api_key",
        "base_url",
        "timeout",
        "max_retries",
        "default_headers",
        "strict",
        "residency",
        "trusted_models",
    )
    """Fields that the core's clients are built from, by the same names."""

    api_key: SecretStr | None = None
    base_url: str | None = Field(
        default=None, validation_alias=AliasChoices("base_url", "api_base")
    )
    timeout: float | None = Field(
        default=DEFAULT_TIMEOUT,
        validation_alias=AliasChoices("timeout", "request_timeout"),
        strict=True,
    )
    max_retries: int = Field(default=DEFAULT_MAX_RETRIES, strict=True)
    # Headers can hold a gateway's key, so ``dumps`` and traces leave them out.
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    extra_body: dict[str, Any] | None = None
    strict: bool = False
    residency: Residency | None = None
    trusted_models: tuple[str, ...] = ()

    _clients: ClientPair | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _say_what_is_wrong(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            faults = "; ".join(map(_fault, error.errors(include_url=False)))
            raise ConfigurationError(f"{cls.__name__}: {faults}") from None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_arguments(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = cast("dict[str, object]", values)
        known: set[str] = set()
        for name, info in cls.model_fields.items():
            known.add(name)
            if info.alias:
                known.add(info.alias)
            if isinstance(info.validation_alias, AliasChoices):
                known.update(map(str, info.validation_alias.choices))
        for name, value in given.items():
            if name not in known:
                hint = cls._unknown_argument_hint
                raise ConfigurationError(unknown_argument(cls.__name__, name, known, hint))
            if name in {"api_key", "client_secret"} and not isinstance(
                value, str | SecretStr | None
            ):
                # Said here, since pydantic's message would show the value.
                raise ConfigurationError(f"{name} is a {type(value).__name__}, not a str")
            if name in {"base_url", "api_base"} and not isinstance(value, str | None):
                variable = PROVIDERS[cls.provider].base_url_variable
                raise ConfigurationError(
                    f"{name}={value!r} (argument or {variable}) is a {type(value).__name__}, "
                    "not a str"
                )
        return given

    _unknown_argument_hint: ClassVar[str] = "fields of the request's body go into extra_body={…}"

    @model_validator(mode="after")
    def _check_connection(self) -> Self:
        with translated:
            connection = self._client.config
            connection.require_arguments()
        if connection.api_key is not None:
            self.api_key = connection.api_key
        self.base_url = connection.base_url
        return self

    @property
    def spec(self) -> Provider:
        """What the vendor says about itself."""
        return PROVIDERS[self.provider]

    @property
    def _client(self) -> Client:
        return self._both_clients().sync

    @property
    def _async_client(self) -> AsyncClient:
        return self._both_clients().asynchronous

    def _check_model(self, model: str) -> str:
        """Return the model, if the residency setting accepts it."""
        connection = self._client.config
        check_residency(self.spec, model, connection.residency, connection.trusted_models)
        return model

    def _both_clients(self) -> ClientPair:
        settings = {name: getattr(self, name) for name in self.connection_fields}
        self._clients = ClientPair.of(self._clients, self.provider, settings)
        return self._clients


def _fault(error: ErrorDetails) -> str:
    return wrong_argument(".".join(map(str, error["loc"])), error["input"], error["msg"])
