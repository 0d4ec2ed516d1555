"""What a provider says about itself, as data.

One :class:`Provider` a vendor is filled in beside this file; everything else in the project looks
facts up here and never asks for a vendor by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal

__all__ = [
    "AssistantSupport",
    "EmbeddingSupport",
    "Fact",
    "HeaderArgument",
    "Model",
    "OAuth",
    "ParameterSupport",
    "Provider",
    "RerankSupport",
    "Standing",
    "StructuredOutputMethod",
]

ParameterSupport = Literal["documented", "ignored", "undocumented"]
"""How a vendor's page treats a parameter. ``undocumented`` ones are sent as they are."""

Standing = Literal["Doc", "Public", "Seen", "Inferred"]
"""How a fact is known: by the page of the vendor's API, another public page of the vendor, the
source of a program that talks to the service (strong evidence, no promise), or by nobody's word."""

_KEPT = 200
"""Ids whose facts are kept of a vendor, and characters of one: each request asks twice."""

StructuredOutputMethod = Literal["function_calling", "json_schema", "json_mode"]
"""The ways to get structured output, by the names LangChain gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is known of a model. ``None`` means that nobody says so, never "no".

    Args:
        id: The vendor's id, or a pattern such as ``"gpt-5*"`` for a series.
        source: The vendor page, or who else says that there is this model.
        standing: How that is known.
        figures_source: Who publishes what it can do, where the vendor does not say.
        name: Its name for people.
        owned_by: Who has made it, as the vendor says.
        available: Whether it is in the customer's plan.
        processor: Who runs it on the vendor's behalf, where the vendor names somebody, and on
            which page. It says nothing of where: see ``region``.
        kind: What the model does.
        context_window: Tokens of a prompt, and of the answer too where both share the window.
        tools: Whether it takes tools.
        images: Whether it takes images.
        files: Whether it takes PDFs.
        structured_output: Whether it follows a JSON schema of ``response_format``.
        reasoning: Whether it can think before it answers.
        streams_unasked: Whether it answers with a stream even when none was asked for.
        dimensions: Length of an embedding model's vectors.
        region: Where the vendor says that it runs, as an ISO code or ``"EU"``.
        details: The vendor's own fields, if this comes from its model list.
    """

    id: str
    source: str
    standing: Standing = "Doc"
    figures_source: str | None = None
    name: str | None = None
    owned_by: str | None = None
    available: bool | None = None
    processor: str | None = None
    kind: Literal["chat", "embedding", "image"] = "chat"
    context_window: int | None = None
    tools: bool | None = None
    images: bool | None = None
    files: bool | None = None
    structured_output: bool | None = None
    reasoning: bool | None = None
    streams_unasked: bool = False
    dimensions: int | None = None
    region: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact that the page of the vendor's API does not state; the live service may differ.

    Args:
        text: The fact, as the rest of a sentence that begins with the vendor's name.
        standing: How it is known.
        otherwise: What to set or do where it turns out to be wrong.
        by_hand: How a person can confirm it, where no request of ``dsgvo check`` does.
    """

    text: str
    standing: Standing
    otherwise: str
    by_hand: str | None = None

    def __str__(self) -> str:
        """Return the fact with its standing and the way out, for an error's message."""
        return f"that it {self.text} is {self.standing}, not promised: {self.otherwise}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderArgument:
    """A header that the vendor requires, filled from an argument or the environment."""

    header: str
    argument: str
    variable: str
    listed_by: str | None = None
    """Method of the clients that lists the values to choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """OAuth2 client credentials: where a token comes from and how it is asked for.

    The two addresses are used as they are for the vendor's own ``base_url``; under another
    ``base_url`` the path of each is looked for on that host, below the prefix it adds.
    """

    token_url: str
    scope: str
    id_variable: str
    secret_variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingSupport:
    """What the vendor says about embeddings.

    Args:
        documented: Whether the vendor documents an embeddings endpoint at all.
        path: Path below ``base_url``.
        default_model: The model id that the vendor's page names.
        base64: Whether to ask for vectors in base64, a fifth of the bytes of decimal numbers.
    """

    documented: bool
    path: str = "/embeddings"
    default_model: str | None = None
    base64: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankSupport:
    """How the vendor reranks.

    Args:
        path: Path below ``base_url``.
        default_model: A model id that is known to rerank.
        source: Who says so; a 404 quotes it.
    """

    path: str
    default_model: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantSupport:
    """Where the assistants of a customer's organisation are.

    Args:
        url: Address of their list; under another ``base_url``, the same path on that host. One is
            asked at ``{id}/run`` below it.
        source: Who says so; a 404 quotes it.
    """

    url: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One vendor: who to talk to, how to log in, what its page says it honours.

    ``choices`` are the only values of a parameter, ``closes_after`` the seconds after which an
    answer is cut, whole or not. Addresses are the vendor's own; ``ClientConfig.url`` says where
    they are under another ``base_url``. ``facts`` holds what the page does not state, by the name
    of what rests on it.

    Examples:
        >>> from dsgvo import PROVIDERS
        >>> PROVIDERS["sovrgpt"].support("seed")
        'ignored'
        >>> PROVIDERS["innogpt"].model("gpt-5-mini").streams_unasked
        True
    """

    name: str
    title: str
    page: str
    base_url: str
    other_base_urls: tuple[str, ...] = ()
    env: str
    key_variables: tuple[str, ...]
    documented: frozenset[str]
    ignored: frozenset[str] = frozenset()
    ignores_the_rest: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    chat_path: str = "/chat/completions"
    images_path: str | None = None
    models_url: str | None = None
    model_list_says_images: bool = False
    model_list_says_available: bool = False
    health_path: str | None = None
    closes_after: float | None = None
    workspaces_url: str | None = None
    quotas_url: str | None = None
    structured_output: tuple[StructuredOutputMethod, ...] = ("function_calling",)
    embeddings: EmbeddingSupport = field(default_factory=lambda: EmbeddingSupport(documented=False))
    reranking: RerankSupport | None = None
    assistants: AssistantSupport | None = None
    header_arguments: tuple[HeaderArgument, ...] = ()
    oauth: OAuth | None = None
    think_tags: bool = False
    usage_fields: frozenset[str] = frozenset()
    refuses_tools_with: int | None = None
    image_input: bool = False
    file_upload: bool = False
    models: tuple[Model, ...] = ()
    status_hints: Mapping[int, str] = field(default_factory=dict[int, str])
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])

    @property
    def base_url_variable(self) -> str:
        """Name of the environment variable that overrides ``base_url``."""
        return f"{self.env}_BASE_URL"

    @property
    def model_variable(self) -> str:
        """Name of the environment variable that gives the chat model."""
        return f"{self.env}_MODEL"

    def support(self, parameter: str) -> ParameterSupport:
        """Return how the vendor's page treats a chat parameter."""
        if parameter in self.documented:
            return "documented"
        if self.ignores_the_rest or parameter in self.ignored:
            return "ignored"
        return "undocumented"

    def model(self, model: str) -> Model:
        """Return what is known of a model id; an unknown id is never an error."""
        if (found := self._found.get(model)) is None:
            key = model.strip().lower()
            exact = next((known for known in self.models if known.id.lower() == key), None)
            fitting = (known for known in self.models if fnmatchcase(key, known.id.lower()))
            found = exact or next(fitting, None) or Model(id=model, source="unknown")
            if len(self._found) < _KEPT and len(model) < _KEPT:  # a server may name any
                self._found[model] = found
        return found

    @cached_property
    def _found(self) -> dict[str, Model]:
        return {}

    def __reduce__(self) -> tuple[object, ...]:
        from dsgvo.providers import PROVIDERS

        if PROVIDERS.get(self.name) is not self:  # a user's own spec travels as it is
            return object.__new__, (type(self),), self.__dict__
        # A spec is looked up in the process that unpickles, so that it always fits the code there.
        return _load, (self.name,)


def _load(name: str) -> Provider:
    from dsgvo.providers import PROVIDERS

    return PROVIDERS[name]
