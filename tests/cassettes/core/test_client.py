"""What the vendors have besides chat: sign-in, lists, uploads, images, and faults."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from dsgvo import AsyncClient, Client, errors
from dsgvo.emulator import Status, Truncate
from dsgvo.emulator.access import Access
from dsgvo.wire.files import file_part
from tests.cassettes.support import MODE, ROOT, Tape
from tests.vendors import MODELS

QUESTION = [{"role": "user", "content": "Guten Tag!"}]
TRAVEL_POLICY = ROOT / "examples" / "handbuch" / "06-reiserichtlinie.pdf"


class TestSignIn:
    provider: ClassVar = "neuroflash"

    @pytest.fixture(autouse=True)
    def credentials(self, cassette: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
        """Client credentials in place of a key; a live recording has the user's own."""
        monkeypatch.delenv("NEUROFLASH_API_KEY", raising=False)
        if MODE != "live":
            monkeypatch.setenv("NEUROFLASH_CLIENT_ID", Access().client_id)
            secret = Access().client_secret if MODE == "record" else "secret-of-the-replay"
            monkeypatch.setenv("NEUROFLASH_CLIENT_SECRET", secret)

    def test_a_token_is_fetched_once(self) -> None:
        client = Client("neuroflash")
        answers = [client.chat(QUESTION, model="openai/gpt-4.1-mini") for _ in range(2)]
        assert [answer.finish_reason for answer in answers] == ["stop", "stop"]

    def test_workspaces_need_the_token_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NEUROFLASH_WORKSPACE_ID")
        assert all(workspace.id for workspace in Client("neuroflash").workspaces())


@pytest.mark.parametrize("provider", ["neuroflash", "sovrgpt"])
def test_models(provider: str) -> None:
    assert all(model.id for model in Client(provider).models())


@pytest.mark.parametrize("provider", ["innogpt"])
def test_a_pdf_is_uploaded(provider: str) -> None:
    question = {"type": "text", "text": "Wie hoch ist die Pauschale je Kilometer?"}
    content = [question, file_part(path=TRAVEL_POLICY)]
    answer = Client(provider).chat([{"role": "user", "content": content}], model="gpt-5")
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize("provider", ["innogpt"])
def test_an_image_is_made(provider: str) -> None:
    assert Client(provider).generate_image("ein minimalistisches App-Icon").data


@pytest.mark.parametrize("provider", MODELS)
def test_a_wrong_request_is_the_vendors_error(provider: str) -> None:
    with pytest.raises(errors.APIStatusError) as caught:
        Client(provider).chat(QUESTION, model=MODELS[provider], extra_body={"temperature": 9})
    assert caught.value.status_code in {400, 422}
    assert caught.value.request_id


@pytest.mark.scripted
@pytest.mark.parametrize("provider", MODELS)
def test_a_limit_is_waited_for(provider: str, cassette: Tape) -> None:
    cassette.script(Status(429, headers={"Retry-After": "0"}), Status(503))
    answer = asyncio.run(AsyncClient(provider).chat(QUESTION, model=MODELS[provider]))
    assert answer.finish_reason == "stop"


@pytest.mark.scripted
@pytest.mark.parametrize("provider", MODELS)
def test_a_broken_stream_is_an_error(provider: str, cassette: Tape) -> None:
    cassette.script(Truncate(after=2))
    with pytest.raises(errors.IncompleteStreamError):
        list(Client(provider).stream(QUESTION, model=MODELS[provider]))
