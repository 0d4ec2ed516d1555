"""The vendors, by name. A further one is a further file in this folder and its line below."""

from __future__ import annotations

from dsgvo.errors import ConfigurationError
from dsgvo.providers._makers import with_published
from dsgvo.providers._spec import (
    AssistantSupport,
    EmbeddingSupport,
    Fact,
    HeaderArgument,
    Model,
    OAuth,
    ParameterSupport,
    Provider,
    RerankSupport,
    Standing,
    StructuredOutputMethod,
)
from dsgvo.providers.innogpt import INNOGPT
from dsgvo.providers.meingpt import MEINGPT
from dsgvo.providers.neuroflash import NEUROFLASH
from dsgvo.providers.sovrgpt import SOVRGPT

__all__ = [
    "PROVIDERS",
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
    "get_provider",
    "with_published",
]

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (INNOGPT, MEINGPT, NEUROFLASH, SOVRGPT)
}


def get_provider(name: str) -> Provider:
    """Return the spec of a provider.

    Raises:
        ConfigurationError: If there is no provider of that name; the message lists those there are.

    Examples:
        >>> get_provider("meingpt").title
        'meinGPT'
    """
    try:
        return PROVIDERS[name.lower()]
    except (KeyError, AttributeError, TypeError):  # or no text at all
        # A number's digits may be too many to be written.
        text = isinstance(name, str | None)  # pyright: ignore[reportUnnecessaryIsInstance]
        said = repr(name)[:80] if text else f"<{type(name).__name__}>"
        raise ConfigurationError(
            f"provider={said} is not known: use one of {', '.join(PROVIDERS)}"
        ) from None
