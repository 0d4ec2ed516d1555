"""What LLMs and embeddings share: who is talked to, and arguments checked by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    SkipValidation,
    ValidationError,
)
from pydantic_core import ErrorDetails

from dsgvo import PROVIDERS, AsyncClient, Client, Provider
from dsgvo.errors import ConfigurationError
from dsgvo.transport import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, ClientPair
from dsgvo.wire.arguments import unknown_argument, wrong_argument
from dsgvo.wire.residency import Residency, check_residency

__all__ = ["VendorSettings"]


class VendorSettings(BaseModel):
    """Connection settings of one vendor; a base of the public classes, not for use alone."""

    # Anything unknown is refused by name, and no message shows a value: it may be a key.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    provider: ClassVar[str]
    """Name of the provider in ``dsgvo.PROVIDERS``."""

    connection_fields: ClassVar[Mapping[str, str]] = {
        "api_key": "api_key",
        "api_base": "base_url",
        "timeout": "timeout",
        "max_retries": "max_retries",
        "default_headers": "default_headers",
        "strict": "strict",
        "residency": "residency",
        "trusted_models": "trusted_models",
    }
    """Fields that the core's clients are built from, and their names there."""

    renamed_arguments: ClassVar[Mapping[str, str]] = {
        "base_url": "api_base",
        "request_timeout": "timeout",
    }
    """Other names by which users know an argument."""

    api_key: SecretStr | str | None = Field(default=None, exclude=True, repr=False)
    # What the core checks is left to it, so that its messages are the same everywhere.
    api_base: SkipValidation[str | None] = None
    timeout: SkipValidation[float | None] = DEFAULT_TIMEOUT
    max_retries: SkipValidation[int] = DEFAULT_MAX_RETRIES
    # Headers can hold secrets as well.
    default_headers: SkipValidation[dict[str, str] | None] = Field(
        default=None, exclude=True, repr=False
    )
    strict: bool = False
    residency: SkipValidation[Residency | None] = None
    trusted_models: tuple[str, ...] = ()

    _clients: ClientPair | None = PrivateAttr(default=None)

    def __init__(self, **arguments: Any) -> None:
        try:
            super().__init__(**self._understood(arguments))
        except ValidationError as error:
            raise _configuration_error(type(self), error) from None

    @classmethod
    def _understood(cls, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments under their own names."""
        understood: dict[str, Any] = {}
        for given, value in arguments.items():
            name = cls.renamed_arguments.get(given, given)
            if name in understood and understood[name] != value:
                raise ConfigurationError(f"{name} and {given} are the same argument: pass one")
            understood[name] = value
        return understood

    def model_post_init(self, context: Any, /) -> None:
        """Find a missing or wrong connection setting now, and keep what the environment gave.

        What is kept goes with the object into other processes, whose environment may differ.
        """
        connection = self._client.config
        connection.require_arguments()
        self.api_base = connection.base_url
        self.residency = connection.residency
        if connection.api_key is not None:
            self.api_key = connection.api_key

    @property
    def spec(self) -> Provider:
        """What the vendor says about itself."""
        return PROVIDERS[self.provider]

    def _check_residency(self, model: str) -> None:
        connection = self._client.config
        check_residency(self.spec, model, connection.residency, connection.trusted_models)

    @property
    def _client(self) -> Client:
        return self._both_clients().sync

    @property
    def _async_client(self) -> AsyncClient:
        return self._both_clients().asynchronous

    def _both_clients(self) -> ClientPair:
        settings = {name: getattr(self, field) for field, name in self.connection_fields.items()}
        self._clients = ClientPair.of(self._clients, self.provider, settings)
        return self._clients


def _configuration_error(cls: type[VendorSettings], error: ValidationError) -> ConfigurationError:
    """Return pydantic's findings as our error."""
    faults = dict.fromkeys(_fault(cls, detail) for detail in error.errors(include_url=False))
    return ConfigurationError("; ".join(faults), provider=cls.provider)


def _fault(cls: type[VendorSettings], detail: ErrorDetails) -> str:
    name = str(detail["loc"][0]) if detail["loc"] else cls.__name__
    if detail["type"] != "extra_forbidden":
        return wrong_argument(name, detail["input"], detail["msg"])
    known = [*cast("Mapping[str, object]", cls.model_fields), *cls.renamed_arguments]
    otherwise = f"fields of the request's body go into additional_kwargs={{{name!r}: …}}"
    return unknown_argument(cls.__name__, name, known, otherwise)
