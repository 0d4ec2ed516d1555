"""What the vendors have besides chat: sign-in, lists, uploads, images, and faults."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dsgvo import PROVIDERS, AsyncClient, Client, errors, file_part
from dsgvo.emulator import Status, Truncate
from dsgvo.emulator.access import Access
from tests.cassettes.conftest import MODE, Tape
from tests.cassettes.record import ROOT
from tests.vendors import MODELS

pytestmark = pytest.mark.usefixtures("cassette")
QUESTION = [{"role": "user", "content": "Guten Tag!"}]
TEXTS = ["Ein Hund bellt.", "30 Tage Urlaub."]
PDF = ROOT / "examples" / "handbuch" / "06-reiserichtlinie.pdf"


def vendors(fact: str) -> pytest.MarkDecorator:
    """Run a test for the vendors whose spec has something."""
    return pytest.mark.parametrize(
        "provider", [n for n in PROVIDERS if getattr(PROVIDERS[n], fact)]
    )


# what a vendor has, by its spec → a call of it that has an answer
HAS: dict[str, Callable[[Client], Any]] = {
    "workspaces_url": lambda client: all(one.id for one in client.workspaces()),
    "models_url": lambda client: all(one.id for one in client.models()),
    "quotas_url": lambda client: {one.kind for one in client.quotas()} == {"tokens", "images"},
    "reranking": lambda client: client.rerank("Wie viel Urlaub?", TEXTS)[0].index == 1,
    "assistants": lambda client: client.run_assistant(client.assistants()[0].id, QUESTION).text,
    "images_path": lambda client: client.generate_image("ein minimalistisches App-Icon").data,
}


@pytest.mark.parametrize(
    ("provider", "fact"), [(n, one) for one in HAS for n in PROVIDERS if getattr(PROVIDERS[n], one)]
)
def test_has(provider: str, fact: str) -> None:
    assert HAS[fact](Client(provider))


@vendors("oauth")
def test_oauth(provider: str, cassette: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    """One token for two requests; a live recording has the user's own credentials."""
    spec = PROVIDERS[provider]
    assert spec.oauth
    monkeypatch.delenv(spec.key_variables[0], raising=False)
    if MODE != "live":
        secret = Access().client_secret if cassette.server else "secret-of-the-replay"
        monkeypatch.setenv(spec.oauth.id_variable, Access().client_id)
        monkeypatch.setenv(spec.oauth.secret_variable, secret)
    client = Client(provider)
    answers = [client.chat(QUESTION, model=MODELS[provider]) for _ in range(2)]
    assert [answer.finish_reason for answer in answers] == ["stop", "stop"]


@vendors("file_upload")
def test_upload(provider: str) -> None:
    content = [{"type": "text", "text": "Wie hoch ist die Pauschale?"}, file_part(path=PDF)]
    answer = Client(provider).chat([{"role": "user", "content": content}], model="gpt-5")
    assert answer.finish_reason == "stop"


@vendors("name")
def test_error(provider: str) -> None:
    with pytest.raises(errors.APIStatusError) as caught:
        Client(provider).chat(QUESTION, model=MODELS[provider], extra_body={"temperature": 9})
    assert caught.value.status_code in {400, 422}
    assert caught.value.request_id


@pytest.mark.scripted
@vendors("name")
def test_faults(provider: str, cassette: Tape) -> None:
    """A limit that passes is waited for; a stream that breaks off is an error."""
    cassette.script(provider, Status(429, headers={"Retry-After": "0"}), Status(503))
    answer = asyncio.run(AsyncClient(provider).chat(QUESTION, model=MODELS[provider]))
    assert answer.finish_reason == "stop"
    cassette.script(provider, Truncate(after=2))
    with pytest.raises(errors.IncompleteStreamError):
        list(Client(provider).stream(QUESTION, model=MODELS[provider]))
