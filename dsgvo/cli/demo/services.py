"""Who answers: a vendor's real service, or the emulator in this process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from dsgvo.cli.demo.metering import Meter
from dsgvo.cli.emulated import emulated
from dsgvo.cli.options import chosen_model, documented_models, require_access
from dsgvo.errors import ConfigurationError
from dsgvo.providers import PROVIDERS, Provider, get_provider

__all__ = ["Services", "services"]

DEFAULT_PROVIDER = "innogpt"


@dataclass(frozen=True)
class Services:
    """The chat model and the embedding model of a run.

    Args:
        chat: Provider of the chat model.
        model: Its id.
        embeddings: Provider of the embedding model.
        embedding_model: Its id.
        emulated: Whether both are the emulator's.
    """

    chat: Provider
    model: str
    embeddings: Provider
    embedding_model: str
    emulated: bool

    def meters(self) -> tuple[Meter, Meter]:
        """Return fresh meters for the chat model and the embedding model."""
        chat, embedder = self.chat, self.embeddings
        return (
            Meter(chat.title, self.model, chat.chat_path),
            Meter(embedder.title, self.embedding_model, embedder.embeddings.path, estimated=True),
        )


@contextmanager
def services(
    provider: str | None,
    model: str | None,
    embeddings: str | None,
    *,
    use_emulator: bool,
    visible: bool,
) -> Generator[Services]:
    """Settle who answers, start the emulator if it is that, and set the environment to it.

    Args:
        provider: The user's choice; none means the emulator.
        model: Chat model id, or none.
        embeddings: Provider of the embeddings; none means the same, or the first that has any.
        use_emulator: Use the emulator even with a provider.
        visible: Whether somebody watches the answers stream.

    Raises:
        ConfigurationError: If a key, a model or an embeddings provider is missing.
    """
    use_emulator = use_emulator or provider is None
    chat = get_provider(provider or DEFAULT_PROVIDER)
    if not use_emulator:
        require_access(chat)
    embedder = _embedder(chat, embeddings, emulated=use_emulator)
    embedding_model = embedder.embeddings.default_model or ""
    if not use_emulator:
        require_access(embedder)
        model = chosen_model(chat, model)
        yield Services(chat, model, embedder, embedding_model, emulated=False)
        return
    model = model or documented_models(chat)[0]
    with emulated(embedder.name, chat.name, visible=visible):
        yield Services(chat, model, embedder, embedding_model, emulated=True)


def _embedder(chat: Provider, wanted: str | None, *, emulated: bool) -> Provider:
    having = [spec for spec in PROVIDERS.values() if spec.embeddings.documented]
    if wanted is not None:
        spec = get_provider(wanted)
        if spec not in having:
            names = " or ".join(other.name for other in having)
            raise ConfigurationError(
                f"{spec.title} documents no embeddings: use --embeddings {names}"
            )
        return spec
    if chat.embeddings.documented:
        return chat
    if emulated:
        return having[0]
    choices = " or ".join(f"{spec.name} (with {spec.key_variables[0]})" for spec in having)
    raise ConfigurationError(
        f"{chat.title} documents no embeddings, and a search needs some: add --embeddings {choices}"
    )
