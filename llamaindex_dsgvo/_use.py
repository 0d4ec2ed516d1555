"""One call that sets LlamaIndex's LLM and embedding model together."""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from typing import Any, Final, Literal, TypeVar

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import resolve_embed_model
from llama_index.core.settings import Settings

from dsgvo._secrets import without_frames
from dsgvo.errors import ConfigurationError
from dsgvo.providers import PROVIDERS, get_provider
from llamaindex_dsgvo._embedding import EmbeddingModel, NoEmbedding
from llamaindex_dsgvo._llm import ChatModel
from llamaindex_dsgvo._settings import VendorSettings

__all__ = ["use"]


class _Unset(Enum):
    UNSET = "unset"


_UNSET: Final = _Unset.UNSET
_OWN_MODELS = ("local", "clip")
_Class = TypeVar("_Class", bound=VendorSettings)


@without_frames
def use(
    provider: str,
    model: str | None = None,
    *,
    embed_model: BaseEmbedding | str | Literal[_Unset.UNSET] | None = _UNSET,
    **arguments: Any,
) -> None:
    """Set ``Settings.llm`` and ``Settings.embed_model`` together.

    LlamaIndex's defaults are OpenAI's: **a program that sets one of the two and forgets the other
    sends its documents, or its questions, to OpenAI.** So this function sets both or none.

    Args:
        provider: ``"innogpt"``, ``"meingpt"``, ``"neuroflash"`` or ``"sovrgpt"``.
        model: The vendor's chat model id; else the environment's, such as ``SOVRGPT_MODEL``.
        embed_model: An embedding model, the id of one of the same vendor's, or LlamaIndex's name
            of one on this machine, such as ``"local:BAAI/bge-m3"``. By default the
            one that the vendor's page names; for a vendor that documents no embeddings it must be
            given. ``None`` says that none is needed: asking for an embedding is an error then.
        **arguments: Further arguments of the LLM's class. Those that say who is talked to and how
            (``api_key``, ``api_base``, ``timeout``, …) go to the embedding model as well, if it is
            the same vendor's.

    Raises:
        ConfigurationError: If something is missing or wrong, or the vendor documents no embeddings
            and ``embed_model`` is not given. Nothing is changed then.

    Examples:
        >>> from llama_index.core import Settings
        >>> from llamaindex_dsgvo import MeinGPTEmbedding, use
        >>> use("innogpt", "gpt-5")
        >>> Settings.llm.class_name(), Settings.embed_model.class_name()
        ('InnoGPT', 'InnoGPTEmbedding')
        >>> use("sovrgpt", "qwen3.5-9b", embed_model=MeinGPTEmbedding())
        >>> Settings.llm.class_name(), Settings.embed_model.class_name()
        ('SovrGPT', 'MeinGPTEmbedding')
    """
    spec = get_provider(provider)
    if model is not None:
        arguments["model"] = model
    if embed_model is _UNSET and not spec.embeddings.documented:
        others = [
            _of_vendor(EmbeddingModel, name).__name__
            for name, other in PROVIDERS.items()
            if other.embeddings.documented
        ]
        raise ConfigurationError(
            f"embed_model is missing: {spec.title} documents no embeddings ({spec.page}), and "
            "LlamaIndex would send your documents to OpenAI. Pass an embedding model, such as "
            f"{' or '.join(f'embed_model={name}()' for name in others)}, or embed_model=None if "
            "none is needed",
            provider=spec.name,
        )
    llm = _of_vendor(ChatModel, spec.name)(**arguments)
    embedding = _embedding(spec.name, embed_model, arguments)
    Settings.llm = llm
    Settings.embed_model = embedding


def _of_vendor(base: type[_Class], provider: str) -> type[_Class]:
    """Return the class of a vendor: the one that stands right below the base."""
    if all(cls.provider != provider for cls in base.__subclasses__()):
        import_module(f"llamaindex_dsgvo.{provider}")
    return next(cls for cls in base.__subclasses__() if cls.provider == provider)


def _embedding(
    provider: str,
    given: BaseEmbedding | str | Literal[_Unset.UNSET] | None,
    arguments: dict[str, Any],
) -> BaseEmbedding:
    if isinstance(given, BaseEmbedding):
        return given
    if given is None:
        return NoEmbedding()
    if given == "default":
        raise ConfigurationError(
            "embed_model='default' is OpenAI's in LlamaIndex: name the embedding model to use"
        )
    if isinstance(given, str) and given.partition(":")[0] in _OWN_MODELS:
        # LlamaIndex's names for models on this machine, which no vendor has.
        return resolve_embed_model(given)
    cls = _of_vendor(EmbeddingModel, provider)
    shared = {
        name: value
        for name, value in arguments.items()
        if cls.aliases.get(name, name) in cls.client_arguments
    }
    if isinstance(given, str):
        return cls(model_name=given, **shared)
    return cls(**shared)
