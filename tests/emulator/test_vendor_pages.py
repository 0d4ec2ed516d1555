"""The vendors' own examples, as requests of the same content, and where they depart from OpenAI."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from dsgvo.emulator import Server
from tests.emulator.conftest import QUESTION, Http
from tests.vendors import MODELS

PDF = (Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf").read_bytes()


def asking(vendor: str, *content: dict, **fields: object) -> dict:
    messages = [{"role": "user", "content": [*content]}] if content else QUESTION
    return {"model": MODELS[vendor], "messages": messages} | fields


def events(answer: httpx.Response) -> list[dict]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def pieces(answer: httpx.Response) -> list[str]:
    return [event["choices"][0]["delta"].get("content", "") for event in events(answer)]


class TestInnoGPT:
    """Source: the help page "Endpoints"."""

    @pytest.mark.covers(
        "innogpt",
        "behaviour The GPT-5 series, o3-mini and o4-mini stream even when `stream` is false",
        "Doc",
    )
    @pytest.mark.covers(
        "innogpt", "behaviour Streams are server-sent events, token by token", "Doc"
    )
    def test_these_models_always_stream(self, http: Http) -> None:
        for model in ("GPT-5-mini", "O3-mini", "o4-Mini-high"):
            body = asking("innogpt", model=model, stream=False)
            first, *_, last = events(http("innogpt", json=body))
            assert first["choices"][0]["delta"]["role"] == "assistant"
            assert last["choices"][0]["finish_reason"] == "stop"
        assert http("innogpt", json=asking("innogpt")).json()["object"] == "chat.completion"

    @pytest.mark.covers(
        "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request", "Doc"
    )
    def test_pdf_upload(self, http: Http) -> None:
        question = "Bis wie viel Euro genehmigt die Führungskraft Reisen?"
        payload = asking("innogpt", {"type": "text", "text": question}, model="gpt-5")
        form, part = {"payload": json.dumps(payload)}, ("file", ("a.pdf", PDF, "application/pdf"))
        assert "2.500 Euro" in "".join(pieces(http("innogpt", data=form, files=[part])))
        for given, says in (
            ({"data": form, "files": [("other", b"x")]}, "The part 'file' is missing"),
            ({"files": [part]}, "The part 'payload' is missing"),
            ({"data": form, "files": [("file", ("a.pdf", b"kein"))]}, "The file is not a readable"),
            ({"headers": {"Content-Type": "multipart/form-data"}}, "Malformed form"),
        ):
            answer = http("innogpt", **given)
            assert answer.status_code == 400
            assert answer.json()["error"]["message"].startswith(says)


class TestMeinGPT:
    """Sources: the pages "Completions" and "Modell API"."""

    @pytest.mark.covers("meingpt", "parameter `model` of embeddings may be left out", "Public")
    def test_embeddings_need_no_model(self, http: Http) -> None:
        for given, count in (("hallo", 1), ([1, 2, 3], 1), ([[1, 2, 3], [4]], 2)):
            data = http("meingpt", "/embeddings", json={"input": given}).json()["data"]
            assert [len(one["embedding"]) for one in data] == [3072] * count


class TestNeuroflash:
    """Source: the page "Chat-Vervollständigungen"."""

    @pytest.mark.covers("neuroflash", "header x-workspace-id")
    def test_the_workspace_is_needed(self, http: Http) -> None:
        # The body is wrong, too; it is looked at after the headers, and of these the key first.
        for key, given, status, code, said in (
            ("Bearer falsch", "fremd", 401, "invalid_api_key", "Incorrect API key provided"),
            (None, "", 400, "missing_workspace", "Missing required header: x-workspace-id"),
            (None, "fremd", 403, "forbidden", "No permission for this workspace"),
        ):
            headers = {"x-workspace-id": given} | ({"authorization": key} if key else {})
            for path, method in (("/chat/completions", "POST"), ("/health", "GET")):
                answer = http("neuroflash", path, method, headers=headers)
                assert answer.status_code == status
                assert answer.json() == {"error": said, "code": code}

    @pytest.mark.covers(
        "neuroflash",
        "parameter types are OpenAI's: the page's table says `object`, its examples send numbers",
        "Inferred",
    )
    def test_all_seventeen_fields(self, http: Http) -> None:
        # Of each field what is right, and what is wrong.
        fields: dict[str, Any] = {"messages": (QUESTION, []), "model": (MODELS["neuroflash"], 1)}
        fields |= {"temperature": (0.7, "warm"), "max_tokens": (100, 0), "seed": (7, 1.5)}
        fields |= {"reasoning": ({"effort": "low"}, "viel"), "reasoning_effort": ("minimal", 1)}
        fields |= {"tools": ([], {}), "tool_choice": ("auto", "vielleicht"), "stop": (["###"], 3)}
        fields |= {"response_format": ({"type": "text"}, []), "web_search_options": ({}, [])}
        fields |= {"structured_outputs": (True, "ja"), "stream": (False, "ja")}
        fields |= {"frequency_penalty": (0.1, 9), "presence_penalty": (0.1, True)}
        fields["repetition_penalty"] = (1.1, -1)
        right, wrong = ({name: both[at] for name, both in fields.items()} for at in (0, 1))
        for more in ({}, {"structured_outputs": {"name": "x"}, "stream_options": {}}):
            assert http("neuroflash", json=right | more).status_code == 200
        answer = http("neuroflash", json=wrong | {"stream_options": []})
        assert answer.status_code == 422
        assert {one["field"] for one in answer.json()["errors"]} == {*wrong, "stream_options"}

    @pytest.mark.covers("neuroflash", "endpoint POST /oauth/v2/token", "Public")
    def test_who_gets_a_token(self, http: Http, server: Server) -> None:
        client = {"client_id": server.client_id, "client_secret": server.client_secret}
        form = {"grant_type": "client_credentials", "scope": "openid", **client}
        none = {"authorization": "", "x-workspace-id": ""}
        token = http("neuroflash", "//oauth/v2/token", headers=none, data=form).json()
        assert (token["token_type"], token["expires_in"]) == ("Bearer", 14399)
        for wrong, status, code in (
            ({"client_secret": "falsch"}, 401, "invalid_client"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ):
            answer = http("neuroflash", "//oauth/v2/token", headers=none, data=form | wrong)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert http("neuroflash", "//oauth/v2/token", json=form).status_code == 400


class TestSovrGPT:
    """Source: the page "POST /v1/chat/completions"."""

    @pytest.mark.covers(
        "sovrgpt", "header Accept: `text/event-stream` asks for a stream as `stream` does", "Doc"
    )
    def test_the_accept_header_asks_for_a_stream(self, http: Http) -> None:
        accept = {"accept": "application/json, Text/Event-Stream"}
        found = events(http("sovrgpt", json=asking("sovrgpt"), headers=accept))
        assert found[-1]["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
