"""What the vendors have besides chat: sign-in, lists, uploads, images, and faults."""

import asyncio

import pytest

from dsgvo import PROVIDERS, AsyncClient, Client, errors, file_part
from dsgvo.emulator import Status, Truncate
from dsgvo.emulator.access import Access
from tests.cassettes.conftest import MODE, Tape
from tests.cassettes.record import ROOT
from tests.vendors import MODELS

pytestmark = pytest.mark.usefixtures("cassette")
QUESTION = [{"role": "user", "content": "Guten Tag!"}]
PDF = ROOT / "examples" / "handbuch" / "06-reiserichtlinie.pdf"


def vendors(fact: str) -> pytest.MarkDecorator:
    """Run a test for the vendors whose spec has something."""
    return pytest.mark.parametrize(
        "provider", [n for n in PROVIDERS if getattr(PROVIDERS[n], fact)]
    )


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


@vendors("workspaces_url")
def test_workspaces(provider: str) -> None:
    assert all(workspace.id for workspace in Client(provider).workspaces())


@vendors("models_url")
def test_models(provider: str) -> None:
    assert all(model.id for model in Client(provider).models())


@vendors("file_upload")
def test_upload(provider: str) -> None:
    content = [{"type": "text", "text": "Wie hoch ist die Pauschale?"}, file_part(path=PDF)]
    answer = Client(provider).chat([{"role": "user", "content": content}], model="gpt-5")
    assert answer.finish_reason == "stop"


@vendors("quotas_url")
def test_quotas(provider: str) -> None:
    assert {quota.kind for quota in Client(provider).quotas()} == {"tokens", "images"}


@vendors("reranking")
def test_reranking(provider: str) -> None:
    ranked = Client(provider).rerank("Wie viel Urlaub?", ["Ein Hund bellt.", "30 Tage Urlaub."])
    assert [one.index for one in ranked] == [1, 0]


@vendors("assistants")
def test_assistants(provider: str) -> None:
    client = Client(provider)
    assert client.run_assistant(client.assistants()[0].id, QUESTION).text


@vendors("images_path")
def test_image(provider: str) -> None:
    assert Client(provider).generate_image("ein minimalistisches App-Icon").data


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
