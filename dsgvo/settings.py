"""Settings of model objects: the fields that the classes of both framework packages share."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    SkipValidation,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from dsgvo._secrets import without_frames
from dsgvo.errors import ConfigurationError
from dsgvo.peers import PEER_ARGUMENTS, check_peer_argument
from dsgvo.providers import PROVIDERS, Provider
from dsgvo.transport import (
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    HTTP_CLIENTS,
    AsyncClient,
    Client,
    ClientPair,
    KeyFunction,
    Query,
    RequestOptions,
    Timeout,
    require_model,
    without_http_clients,
)
from dsgvo.wire.arguments import (
    as_number,
    equal,
    require_json,
    unknown_argument,
    wrong_argument,
)
from dsgvo.wire.assistants import require_assistant, require_assistants
from dsgvo.wire.embeddings import MAX_BATCH_BYTES, OnEmpty, check_count, require_embeddings
from dsgvo.wire.request import check_parameter
from dsgvo.wire.rerank import MAX_BATCH_DOCUMENTS, require_reranking
from dsgvo.wire.residency import Residency, check_residency

__all__ = [
    "AssistantSettings",
    "BaseURL",
    "ChatSettings",
    "EmbeddingSettings",
    "ImageSettings",
    "NeuroflashChatSettings",
    "RerankSettings",
    "Settings",
    "WorkspaceSettings",
    "merged_body",
]

# What the core checks is left to it, so that its messages are the same everywhere.
BaseURL: TypeAlias = Annotated[
    SkipValidation[str | None],
    Field(
        description="Address before paths such as `/chat/completions`; else the environment's, "
        "such as `SOVRGPT_BASE_URL`, else the vendor's own. Plain `http://` only to this machine."
    ),
]
Secret: TypeAlias = SkipValidation[SecretStr | str | None]
Key: TypeAlias = SkipValidation[SecretStr | str | KeyFunction | None]


class Settings(BaseModel):
    """Connection settings of one vendor, and how a class of them is made."""

    # No message shows a value: it may be a key. What validates is built when the first is made.
    model_config = ConfigDict(
        hide_input_in_errors=True, arbitrary_types_allowed=True, defer_build=True
    )

    provider: ClassVar[str]
    """Name of the provider in ``dsgvo.PROVIDERS``."""

    client_arguments: ClassVar[Mapping[str, str]] = {
        name: name
        for name in (
            "api_key",
            "timeout",
            "max_retries",
            "default_headers",
            "default_query",
            "include_response_headers",
            "purpose",
            "rate_limit",
            "strict",
            "residency",
            "trusted_models",
            "max_response_bytes",
            "http_transport",
            "http_async_transport",
        )
    }
    """Fields that the core's clients are made of, and the names of the arguments there."""

    aliases: ClassVar[Mapping[str, str]] = {
        "openai_api_key": "api_key",
        "request_timeout": "timeout",
    }
    """Other names by which users know an argument."""

    body_argument: ClassVar[str] = "extra_body"
    """The argument for fields of the request's body that have none of their own."""

    raising: ClassVar[AbstractContextManager[None]] = nullcontext()
    """Context that makes the core's errors the framework's."""

    api_key: Key = Field(
        default=None,
        exclude=True,
        repr=False,
        description="The vendor's key; else the environment's, such as `SOVRGPT_API_KEY`. Or a "
        "function that gives it, called before each request; an async one for calls with `await`.",
    )
    timeout: SkipValidation[Timeout] = Field(
        default=DEFAULT_TIMEOUT,
        description="Seconds of silence after which a request fails, above 0; `None`: never. What "
        "a server sends to keep the connection open ends a silence. Or `(connect, read)`, or an "
        "`httpx.Timeout`, of which these two are used.",
    )
    max_retries: SkipValidation[int] = Field(
        default=DEFAULT_MAX_RETRIES,
        description="How often a request is made again, 0 or more.",
    )
    # Headers can hold a gateway's key, so ``dumps`` and traces leave them out.
    default_headers: SkipValidation[dict[str, str] | None] = Field(
        default=None, exclude=True, repr=False, description="Further headers of every request."
    )
    default_query: SkipValidation[Query | None] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Parameters that are added to the address of every request.",
    )
    include_response_headers: SkipValidation[bool | Sequence[str]] = Field(
        default=False,
        description="Keep an answer's headers in its metadata, all or those named; never cookies "
        "and what signs in.",
    )
    purpose: SkipValidation[str | None] = Field(
        default=None,
        description="What requests are for, such as `'Kundendienst'`: it is written to the audit "
        "trail and sent to nobody.",
    )
    rate_limit: SkipValidation[Literal["adaptive"] | None] = Field(
        default=None,
        description="`'adaptive'`: embeddings and whole chat answers go as fast as the vendor "
        "takes them, in step with all objects of this process that have the same key.",
    )
    strict: bool = Field(
        default=False,
        description="Refuse parameters that the vendor ignores, instead of warning once.",
    )
    residency: SkipValidation[Residency | None] = Field(
        default=None,
        description="`'eu'` refuses models that the vendor says run outside the European Economic "
        "Area, `'strict'` also those of which it does not say where they run, `'any'` none; else "
        "`DSGVO_RESIDENCY`, else `'eu'`.",
    )
    trusted_models: SkipValidation[tuple[str, ...]] = Field(
        default=(),
        description="Ids of models that you have checked yourself; they are never refused.",
    )
    max_response_bytes: SkipValidation[int] = Field(
        default=DEFAULT_MAX_RESPONSE_BYTES,
        description="Largest answer, decompressed, 1 or more; by default what 2,048 long vectors "
        "as JSON need thrice. JSON of many small objects takes 35 times its bytes in memory: where "
        "a server is not trusted, 16 MiB hold all chat answers but for images and many logprobs.",
    )
    http_transport: SkipValidation[Any] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="An `httpx.BaseTransport` of your own, for calls without `await`: mTLS, a "
        "company's own authority, a proxy for one vendor, mocks.",
    )
    http_async_transport: SkipValidation[Any] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="An `httpx.AsyncBaseTransport` of your own, for calls with `await`.",
    )

    _clients: ClientPair | None = PrivateAttr(default=None)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Add a class's own arguments to those of its bases."""
        super().__init_subclass__(**kwargs)
        for table in ("client_arguments", "aliases", "embed_arguments"):
            tables = [vars(base).get(table, {}) for base in reversed(cls.__mro__)]
            setattr(cls, table, {name: value for own in tables for name, value in own.items()})

    if not TYPE_CHECKING:  # type checkers take the fields for arguments

        @without_frames
        def __init__(self, /, **arguments: Any) -> None:
            super().__init__(**arguments)

    @model_validator(mode="wrap")
    @classmethod
    def _make(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        with cls.raising:
            names = tuple(cast("Mapping[str, Any]", values)) if isinstance(values, Mapping) else ()
            if names:
                values = cls._normalize_arguments(cast("Mapping[str, Any]", values))
            try:
                made = handler(values)
            except ValidationError as error:
                given = {cls.aliases.get(name, name): name for name in names}
                found = error.errors(include_url=False)
                faults = dict.fromkeys(_fault(one, given) for one in found)
                message = f"{cls.__name__}: {'; '.join(faults)}"
                raise ConfigurationError(message, provider=cls.provider) from None
            made._check_settings()  # noqa: SLF001 - of this class
            return made

    @classmethod
    def _normalize_arguments(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments by the names of their fields, without those that change nothing.

        Raises:
            ConfigurationError: If one is unknown, or asks for what there is not.
        """
        arguments: dict[str, Any] = {}
        named: dict[str, str] = {}
        if not HTTP_CLIENTS.keys().isdisjoint(given):
            given = without_http_clients(cls.__name__, given)
        for name, value in given.items():
            field = name if name in cls.model_fields else cls.aliases.get(name, name)
            if field not in cls.model_fields:
                if not check_peer_argument(cls.__name__, name, value, cls.body_argument):
                    known = [*cls.model_fields, *cls.aliases]
                    hint = (
                        f"fields of the request's body go into {cls.body_argument}={{{name!r}: …}}"
                    )
                    raise ConfigurationError(unknown_argument(cls.__name__, name, known, hint))
                continue
            if field == "max_retries" and value is None:
                continue
            if field in arguments and not equal(arguments[field], value):
                raise ConfigurationError(
                    f"{named[field]} and {name} are the same argument: pass one"
                )
            arguments[field], named[field] = as_number(value), name
        # Each may hold a gateway's key, which dumps, traces and caches leave out of these alone.
        for name, own in (("extra_headers", "default_headers"), ("extra_query", "default_query")):
            for field in {cls.body_argument, "extra_body"}.intersection(arguments):
                body = arguments[field]
                if isinstance(body, Mapping) and name in body:
                    fields = dict(cast("Mapping[str, Any]", body))
                    arguments[own] = merged_body(arguments.get(own), fields.pop(name))
                    arguments[field] = fields
        return arguments

    def _check_settings(self) -> None:
        """Find a missing or wrong setting now, and keep what the environment gave.

        What is kept goes with the object into other processes, whose environment may differ.
        """
        config = self._client.config
        config.require_arguments()
        self._keep(base_url=config.base_url, residency=config.residency)
        if config.api_key is not None:
            self._keep(api_key=config.api_key)
        for name in {self.body_argument, "extra_body"} & vars(self).keys():
            require_json(vars(self)[name] or {}, name)

    def _keep(self, **values: Any) -> None:
        for field, argument in self.client_arguments.items():
            if argument in values:
                setattr(self, field, values[argument])

    @property
    def spec(self) -> Provider:
        """What the vendor says about itself."""
        return PROVIDERS[self.provider]

    def _check_residency(self, model: str) -> None:
        config = self._client.config
        check_residency(self.spec, model, config.residency, config.trusted_models)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a copy that shares the user's transports, gate and key's function.

        Connections and locks cannot be copied.
        """
        memo = {} if memo is None else memo
        given = self.http_transport, self.http_async_transport, self.rate_limit, self.api_key
        memo |= {id(shared): shared for shared in given}
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Refuse to travel without a key or transport that cannot: LlamaIndex would leave it out.

        Raises:
            ConfigurationError: If one cannot be pickled.
        """
        pickle.dumps(self._client.config)
        return super().__getstate__()

    @property
    def _client(self) -> Client:
        return self._both_clients().sync

    @property
    def _async_client(self) -> AsyncClient:
        return self._both_clients().asynchronous

    @without_frames
    def _both_clients(self) -> ClientPair:
        fields = vars(self)  # each call asks, and a model's attributes are slow
        settings = {name: fields[field] for field, name in self.client_arguments.items()}
        private = self.__pydantic_private__ or {}  # thirty times as fast as to ask for one of it
        kept: ClientPair | None = private.get("_clients")
        clients = ClientPair.of(kept, self.provider, settings)
        if clients is not kept:  # to set an attribute takes longer than all the rest
            self._clients = clients
        return clients


def merged_body(own: Mapping[str, Any] | None, given: Any) -> Any:
    """Return an object's fields of the body with those of a call, which the core checks."""
    if given is None or not isinstance(given, Mapping):
        return own if given is None else given
    return {**(own or {}), **cast("Mapping[str, Any]", given)}


def _fault(error: ErrorDetails, given: Mapping[str, str]) -> str:
    """Say what is wrong with an argument, by the name that it was given by."""
    said = error["msg"].removeprefix("Value error, ")  # pydantic's words before a validator's own
    loc = [*map(str, error["loc"])]
    loc[:1] = [given.get(field, field) for field in loc[:1]]
    return wrong_argument(".".join(loc), error["input"], said)


class WorkspaceSettings(Settings):
    """Sign-in with a workspace, and with OAuth2 client credentials in place of a key."""

    client_arguments: ClassVar[Mapping[str, str]] = {
        name: name for name in ("workspace_id", "client_id", "client_secret")
    }

    workspace_id: str | None = Field(
        default=None,
        description="The workspace that is charged, `'auto'` for the account's only one; else "
        "`NEUROFLASH_WORKSPACE_ID`. Required.",
    )
    client_id: str | None = Field(
        default=None,
        description="OAuth2 client credentials in place of `api_key`; tokens are fetched, shared "
        "and renewed. Else `NEUROFLASH_CLIENT_ID`.",
    )
    client_secret: Secret = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Secret of `client_id`; else `NEUROFLASH_CLIENT_SECRET`.",
    )

    def _check_settings(self) -> None:
        super()._check_settings()
        config = self._client.config
        self._keep(**config.arguments)
        if (signed_in := config.credentials) is not None:
            self._keep(client_id=signed_in.client_id, client_secret=signed_in.client_secret)


class NeuroflashChatSettings(WorkspaceSettings):
    """Settings that only chat models of neuroflash have."""

    own_parameters: ClassVar[tuple[str, ...]] = (
        "reasoning",
        "web_search_options",
        "structured_outputs",
        "repetition_penalty",
        "continue_cut_answers",
    )

    reasoning: dict[str, Any] | None = Field(
        default=None, description="Parameters of the reasoning mode."
    )
    web_search_options: dict[str, Any] | None = Field(
        default=None, description="Options of the web search."
    )
    structured_outputs: bool | dict[str, Any] | None = Field(
        default=None, description="The vendor's own switch for structured output."
    )
    repetition_penalty: float | None = Field(default=None, description="0 to 2.")
    continue_cut_answers: int = Field(
        default=0,
        description="How often the rest of an answer is asked for that was cut, by `length` or "
        "without an end, as the vendor's hosting does after about 150 seconds: 0 or more. The text "
        "so far is sent back, and a stream asked for.",
    )


_PER_CALL = frozenset(
    {
        *("model", "stream_usage", "send_reasoning", "extra_body", "timeout", "max_retries"),
        *("purpose", "metadata"),  # LangChain's, and a field of OpenAI's body
    }
)
"""Fields of a chat model that a call may set, beside parameters."""


@cache
def _of_the_object(kind: type[ChatSettings]) -> frozenset[str]:
    return frozenset(kind.model_fields.keys() - _PER_CALL.union(kind.parameter_fields))


class ChatSettings(Settings):
    """Settings of a chat model: the model, and parameters of its requests."""

    aliases: ClassVar[Mapping[str, str]] = {
        "model_name": "model",
        "max_completion_tokens": "max_tokens",
        "max_new_tokens": "max_tokens",
        "stop_sequences": "stop",
    }

    parameter_fields: ClassVar[tuple[str, ...]] = (
        "temperature",
        "max_tokens",
        "top_p",
        "stop",
        "reasoning_effort",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "user",
    )
    """Fields that go into the body of a request, by the same names."""

    model: str = Field(
        default="",
        description="The vendor's model id; else the environment's, such as `SOVRGPT_MODEL`.",
    )
    temperature: float | None = Field(
        default=None,
        description="0 to 2; lower is more deterministic. `None`, here and below: the vendor's "
        "default holds. A parameter that the vendor ignores is warned about once.",
    )
    max_tokens: int | None = Field(default=None, description="Longest answer in tokens, 1 or more.")
    top_p: float | None = Field(default=None, description="Nucleus sampling, 0 to 1.")
    stop: list[str] | str | None = Field(
        default=None, description="Text or texts before which the answer ends."
    )
    reasoning_effort: str | None = Field(
        default=None, description="How much to reason, such as `'low'`, where the model can."
    )
    seed: int | None = Field(default=None, description="Whole number, for answers that repeat.")
    frequency_penalty: float | None = Field(default=None, description="-2 to 2.")
    presence_penalty: float | None = Field(default=None, description="-2 to 2.")
    logit_bias: dict[str, float] | None = Field(
        default=None, description="Token ids and what is added to their log odds, -100 to 100."
    )
    user: str | None = Field(default=None, description="Your name for who asks.")
    stream_usage: bool = Field(default=True, description="Ask for token counts in streams.")
    send_reasoning: bool | None = Field(
        default=None,
        description="Send the thoughts of earlier turns, and what else came with their calls of "
        "tools; by default once the server has said that it wants them.",
    )

    def _check_settings(self) -> None:
        super()._check_settings()
        self.model = require_model(self.spec, self.model)
        self._check_residency(self.model)
        for name, value in self._parameters().items():
            check_parameter(name, value, self.spec)
        require_json(self._parameters())

    def _of_call(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a call's arguments by the names of fields, without those that change nothing.

        Raises:
            ConfigurationError: If one configures more than a call.
        """
        found: dict[str, Any] = {}
        if given:  # it is checked by the names that were given
            RequestOptions.check(given, _of_the_object(type(self)))
        for name, value in given.items():
            peer = PEER_ARGUMENTS.get(name)
            if peer is not None and not peer.per_call:
                check_peer_argument(type(self).__name__, name, value, self.body_argument)
            else:
                found[self.aliases.get(name, name)] = value
        if found:
            RequestOptions.check(found)  # of which one may go by another name
        return found

    def _parameters(self) -> dict[str, Any]:
        fields = vars(self)
        names = self.parameter_fields
        own = {name: value for name in names if (value := fields[name]) is not None}
        further = fields[self.body_argument]
        return own | self._of_call(further) if further else own


class EmbeddingSettings(Settings):
    """Settings of an embedding model, apart from those that each framework names its own way."""

    embed_arguments: ClassVar[Mapping[str, str]] = {
        name: name for name in ("dimensions", "allow_undocumented", "encoding_format", "on_empty")
    }
    """Fields that each request is made of, and the names of the arguments of ``Client.embed``."""

    dimensions: int | None = Field(
        default=None,
        description="Length of the vectors, 1 or more, where the model can shorten them.",
    )
    encoding_format: Literal["base64", "float"] | None = Field(
        default=None,
        description="How vectors travel: `'base64'`, a fifth of the bytes, `'float'`, for servers "
        "that cannot do it, or by default what the server turns out to take.",
    )
    on_empty: OnEmpty = Field(
        default="error",
        description="What becomes of a blank text: `'error'` if it is empty, and blanks are sent; "
        "`'zero'` for a vector of zeros in its place. The client's `'skip'` is refused: texts get "
        "their vectors by place.",
    )
    allow_undocumented: bool = Field(
        default=False,
        description="Use the path that OpenAI's API has for embeddings where the vendor "
        "documents none.",
    )

    def _check_settings(self) -> None:
        super()._check_settings()
        fields = {argument: field for field, argument in self.embed_arguments.items()}
        model = require_embeddings(
            self.spec,
            getattr(self, fields["model"]),
            allow_undocumented=self.allow_undocumented,
        )
        setattr(self, fields["model"], model)
        self._check_residency(model)
        if self.on_empty == "skip":
            raise ConfigurationError(
                "on_empty='skip': frameworks give texts their vectors by place; use 'zero'"
            )
        for argument in ("dimensions", "batch_size", "max_batch_bytes", "max_concurrency"):
            field = fields.get(argument, "")
            if (value := getattr(self, field, None)) is not None:
                check_count(field, value)

    def _embed_arguments(self, options: Mapping[str, Any], **others: Any) -> dict[str, Any]:
        """Return the arguments of ``Client.embed``: the call's options before the object's."""
        own = {name: getattr(self, field) for field, name in self.embed_arguments.items()}
        given = {**own, **{name: value for name, value in others.items() if value is not None}}
        given |= options
        given["extra_body"] = merged_body(own["extra_body"], options.get("extra_body"))
        # ``timeout=None`` says that there is no limit.
        return {k: v for k, v in given.items() if v is not None or k in options}


class RerankSettings(Settings):
    """Settings of a reranker."""

    model: str = Field(
        default="",
        description="The reranking model's id; by default the one that is known of the vendor.",
    )
    top_n: int | None = Field(
        default=None, description="How many of the best are returned, 1 or more; by default all."
    )
    batch_size: int = Field(
        default=MAX_BATCH_DOCUMENTS, description="Documents a request, 1 or more."
    )
    max_batch_bytes: int = Field(
        default=MAX_BATCH_BYTES, description="UTF-8 bytes of documents a request, 1 or more."
    )

    def _check_settings(self) -> None:
        super()._check_settings()
        default = require_reranking(self.spec).default_model
        self.model = require_model(self.spec, self.model or default)
        self._check_residency(self.model)
        for name in ("top_n", "batch_size", "max_batch_bytes"):
            if (value := getattr(self, name)) is not None:
                check_count(name, value)

    def _rerank_arguments(self, extra_body: dict[str, Any] | None) -> dict[str, Any]:
        """Return the arguments of ``Client.rerank`` beside query and documents."""
        names = ("top_n", "model", "batch_size", "max_batch_bytes")
        return {name: getattr(self, name) for name in names} | {"extra_body": extra_body or None}


class ImageSettings(Settings):
    """Settings of a tool that makes images."""

    model: str | None = Field(
        default=None,
        description="Image model id; the vendor's page shows requests without one.",
    )
    save_dir: Path | None = Field(
        default=None,
        description="Folder to save images to, as `image-1.png` and so on; existing files are "
        "kept.",
    )

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.model is not None:
            self._check_residency(self.model)
        if self.save_dir is not None:
            try:
                self.save_dir = self.save_dir.expanduser()
                found = self.save_dir.is_dir()
            except (OSError, RuntimeError):  # a name that no folder can have, a home unknown
                found = False
            if not found:
                raise ConfigurationError(f"save_dir={str(self.save_dir)!r} is not a folder")


class AssistantSettings(Settings):
    """Settings of an assistant of the customer's organisation."""

    assistant_id: str = Field(
        default="", description="Its id; `Client.assistants()` and `dsgvo assistants` list them."
    )

    def _check_settings(self) -> None:
        super()._check_settings()
        require_assistants(self.spec)
        config = self._client.config
        self.assistant_id = require_assistant(
            self.spec, self.assistant_id, config.residency, config.trusted_models
        )
