"""Who answers: a vendor's real service, or the emulator in this process."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from dsgvo.cli.demo.metering import Meter
from dsgvo.cli.screen import extra
from dsgvo.errors import ConfigurationError, DsgvoError
from dsgvo.providers import PROVIDERS, Provider, get_provider
from dsgvo.transport import Client

__all__ = ["Services", "services"]

DEFAULT_PROVIDER = "innogpt"
PACE_SECONDS = 0.012
"""Between two pieces of an emulated answer, so that a reader sees it stream."""


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
    emulated: bool,
    visible: bool,
) -> Generator[Services]:
    """Settle who answers, start the emulator if it is that, and set the environment to it.

    Args:
        provider: The user's choice; none means the emulator.
        model: Chat model id, or none.
        embeddings: Provider of the embeddings; none means the same, or the first that has any.
        emulated: Use the emulator even with a provider.
        visible: Whether somebody watches the answers stream.

    Raises:
        ConfigurationError: If a key, a model or an embeddings provider is missing.
    """
    emulated = emulated or provider is None
    chat = get_provider(provider or DEFAULT_PROVIDER)
    if not emulated:
        _require_access(chat)
    embedder = _embedder(chat, embeddings, emulated=emulated)
    embedding_model = embedder.embeddings.default_model or ""
    if not emulated:
        _require_access(embedder)
        yield Services(chat, _model(chat, model), embedder, embedding_model, emulated)
        return
    with extra("emulator"):
        from dsgvo import emulator

        running = emulator.running(pace=PACE_SECONDS if visible else 0.0, record=False)
    model = model or _documented_models(chat)[0]
    with running as server:
        values = {**server.environ(embedder.name), **server.environ(chat.name), **_direct()}
        with _environment(values):
            yield Services(chat, model, embedder, embedding_model, emulated)


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


def _require_access(spec: Provider) -> None:
    try:
        Client(spec).connection.require_arguments()
    except DsgvoError as error:
        raise ConfigurationError(f"{error}; or leave out --provider for the emulator") from None


def _model(spec: Provider, wanted: str | None) -> str:
    model = wanted or os.environ.get(spec.model_variable)
    if not model:
        raise ConfigurationError(
            f"the model is missing: add --model {_documented_models(spec)[0]}, or another of "
            f"{spec.title}'s, or set {spec.model_variable}"
        )
    return model


def _documented_models(spec: Provider) -> list[str]:
    return [one.id for one in spec.models if one.kind == "chat" and "*" not in one.id]


def _direct() -> dict[str, str]:
    """Keep a proxy of the user's away from the emulator, which it could not reach."""
    names = ("no_proxy", "NO_PROXY")
    set_ = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return dict.fromkeys(names, ",".join(filter(None, (set_, "127.0.0.1"))))


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
