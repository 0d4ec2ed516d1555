"""The vendors' own examples, as requests of the same content, and where they depart from OpenAI."""

import base64
import json
from pathlib import Path

import httpx
import pytest

from dsgvo.emulator import Server
from tests.emulator.support import Http

PDF = (Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf").read_bytes()
HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hallo"}]}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}}
DATA_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
FILE_URL = {"url": "https://example.com/document.pdf", "mime_type": "application/pdf"}
FUNCTION = {
    "name": "get_price",
    "description": "Holt aktuellen Preis",
    "parameters": {
        "type": "object",
        "properties": {"symbol": {"type": "string"}},
        "required": ["symbol"],
    },
}
TOOLS = {"tools": [{"type": "function", "function": FUNCTION}]}


def events(answer: httpx.Response) -> list[dict]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def text(found: list[dict]) -> str:
    return "".join(event["choices"][0]["delta"].get("content", "") for event in found)


def asking(*content: dict) -> dict:
    return {"messages": [{"role": "user", "content": [*content]}]}


class TestInnoGPT:
    """Source: the help page "Endpoints"."""

    @pytest.mark.covers("innogpt", "endpoint POST */chat/completions")
    @pytest.mark.covers(
        "innogpt",
        "behaviour The GPT-5 series, o3-mini and o4-mini stream even when `stream` is false",
        "Doc",
    )
    @pytest.mark.covers(
        "innogpt", "behaviour Streams are server-sent events, token by token", "Doc"
    )
    @pytest.mark.parametrize("model", ["gpt-5", "GPT-5-mini", "O3-mini", "o4-Mini-high"])
    def test_these_models_always_stream(self, http: Http, model: str) -> None:
        for stream in ({}, {"stream": False}, {"stream": True}):
            first, *_, last = events(http("innogpt", json=HELLO | {"model": model} | stream))
            assert first["choices"][0]["delta"]["role"] == "assistant"
            assert last["choices"][0]["finish_reason"] == "stop"
        assert http("innogpt", json=HELLO).json()["object"] == "chat.completion"

    @pytest.mark.covers("innogpt", "content `image_url` with a web address or a data URL", "Doc")
    @pytest.mark.covers(
        "innogpt", "content `file_url` with `url` and `mime_type`: a PDF by its address", "Doc"
    )
    @pytest.mark.parametrize("part", [IMAGE, {"type": "file_url", "file_url": FILE_URL}])
    def test_image_and_pdf_by_url(self, http: Http, part: dict) -> None:
        asked = asking({"type": "text", "text": "Was ist das?"}, part)
        said = text(events(http("innogpt", json={"model": "gpt-5", **asked})))
        assert "1." in said
        assert "Was ist das?" in said

    @pytest.mark.covers(
        "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request", "Doc"
    )
    def test_pdf_upload(self, http: Http) -> None:
        question = "Bis wie viel Euro genehmigt die Führungskraft Reisen?"
        payload = {"model": "gpt-5", "messages": [{"role": "user", "content": question}]}
        form, part = {"payload": json.dumps(payload)}, ("file", ("a.pdf", PDF, "application/pdf"))
        assert "2.500 Euro" in text(events(http("innogpt", data=form, files=[part])))
        no_pdf = ("file", ("a.pdf", b"kein PDF"))
        for data, files, says in (
            (form, [("other", b"x")], "The part 'file' is missing"),
            (form, [part, part], "The part 'file' must be there once"),
            ({}, [part], "The part 'payload' is missing"),
            ({"payload": "{"}, [part], "The body is not valid JSON"),
            (form, [no_pdf], "The file is not a readable PDF"),
        ):
            answer = http("innogpt", data=data, files=files)
            assert answer.status_code == 400
            assert answer.json()["error"]["message"].startswith(says)
        for vendor in ("meingpt", "neuroflash", "sovrgpt"):
            assert http(vendor, data=form, files=[part]).status_code == 400

    @pytest.mark.covers("innogpt", "endpoint POST */embeddings")
    def test_embeddings(self, http: Http) -> None:
        body = {"input": ["hello world", "another text"], "model": "text-embedding-3-small"}
        data = http("innogpt", "/embeddings", json=body).json()["data"]
        assert [len(one["embedding"]) for one in data] == [1536, 1536]

    @pytest.mark.covers("innogpt", "endpoint POST */images/generations", "Doc")
    def test_image_generation(self, http: Http) -> None:
        prompt, path = "ein minimalistisches App-Icon", "/images/generations"
        url, plain = ("url", "data:image/png;base64,"), ("b64_json", "")
        for asked, (field, prefix) in (
            ({}, url),
            ({"response_format": "url"}, url),
            ({"response_format": "b64_json"}, plain),
        ):
            data = http("innogpt", path, json={"prompt": prompt, "n": 2, **asked}).json()["data"]
            assert [(set(one), one["revised_prompt"]) for one in data] == [
                ({field, "revised_prompt"}, prompt)
            ] * 2
            one, other = [base64.b64decode(one[field].removeprefix(prefix)) for one in data]
            assert one.startswith(b"\x89PNG\r\n\x1a\n")
            assert one != other
        for vendor in ("meingpt", "neuroflash", "sovrgpt"):
            assert http(vendor, path, json={"prompt": prompt}).status_code == 404

    @pytest.mark.covers("neuroflash", "endpoint POST */image_generation/", "Public")
    def test_image_generation_of_neuroflash(self, http: Http) -> None:
        body = {"prompt": "ein minimalistisches App-Icon"}
        data = http("neuroflash", "/image_generation/", json=body).json()["data"]
        assert data[0]["url"].startswith("data:image/png;base64,iVBORw0KGgo")


class TestMeinGPT:
    """Sources: the pages "Completions" and "Modell API"."""

    @pytest.mark.covers("meingpt", "endpoint POST */chat/completions")
    def test_the_curl_example(self, http: Http) -> None:
        body = {"messages": [{"role": "system", "content": "string"}], "model": "string"}
        answer = http("meingpt", json=body).json()
        assert set(answer) >= {"id", "object", "created", "model", "choices", "usage"}
        assert answer["choices"][0]["finish_reason"] == "stop"

    @pytest.mark.covers("meingpt", "behaviour Streams carry no usage, even when asked", "Inferred")
    def test_a_stream_has_no_usage_even_when_asked(self, http: Http) -> None:
        asked = {"stream": True, "stream_options": {"include_usage": True}}
        found = events(http("meingpt", json=HELLO | asked))
        assert all("usage" not in event and event["choices"] for event in found)

    @pytest.mark.covers(
        "meingpt",
        "behaviour Models without tools, as Perplexity's: 400, or refused before sending",
        "Doc",
    )
    def test_tools_for_perplexity_are_refused(self, http: Http) -> None:
        perplexity = {"model": "llama-3.1-sonar-large-128k-online"}
        answer = http("meingpt", json=HELLO | TOOLS | perplexity)
        assert (answer.status_code, answer.json()["status"]) == (400, "error")
        assert http("meingpt", json=HELLO | TOOLS | {"model": "llama-3.1-70b"}).status_code == 200

    @pytest.mark.covers("meingpt", "endpoint POST */embeddings")
    @pytest.mark.covers("meingpt", "parameter `model` of embeddings may be left out", "Public")
    def test_embeddings_need_no_model(self, http: Http) -> None:
        for given, count in (("hallo", 1), ([1, 2, 3], 1), ([[1, 2, 3], [4]], 2)):
            data = http("meingpt", "/embeddings", json={"input": given}).json()["data"]
            assert [len(one["embedding"]) for one in data] == [3072] * count


class TestNeuroflash:
    """Source: the page "Chat-Vervollständigungen"."""

    BODY = HELLO | {"model": "openai/gpt-4.1-mini", "temperature": 0.7}

    @pytest.mark.covers("neuroflash", "endpoint POST */chat/completions")
    @pytest.mark.covers(
        "neuroflash", "behaviour The answer has an id like `gen-…` and no `created`", "Doc"
    )
    @pytest.mark.covers(
        "neuroflash",
        "behaviour `usage.words_used` is what the quota counts, plain and streamed",
        "Doc",
    )
    def test_the_curl_example(self, http: Http) -> None:
        answer = http("neuroflash", json=self.BODY).json()
        assert "created" not in answer
        assert answer["id"].startswith("gen-1775000000-")
        assert len(answer["id"]) == len("gen-1775000000-AbCdEfGh")
        words = len(answer["choices"][0]["message"]["content"].split())
        asked = {"stream": True, "stream_options": {"include_usage": True}}
        streamed = events(http("neuroflash", json=self.BODY | asked))[-1]
        assert answer["usage"]["words_used"] == streamed["usage"]["words_used"] == words

    @pytest.mark.covers("neuroflash", "header x-workspace-id")
    def test_the_workspace_is_needed(self, http: Http) -> None:
        # "Alle Anfragen an /api/ds-prototypes benötigen … x-workspace-id"
        for path, method in (
            ("/chat/completions", "POST"),
            ("/model_selection/models", "GET"),
            ("/health", "GET"),
        ):
            for given, status, code, says in (
                ("", 400, "missing_workspace", "Missing required header: x-workspace-id"),
                ("fremd", 403, "forbidden", "No permission for this workspace"),
            ):
                # The body is wrong, too, and is not looked at before the headers fit.
                answer = http("neuroflash", path, method, headers={"x-workspace-id": given})
                assert answer.status_code == status
                assert answer.json() == {"error": says, "code": code}
        # The key is looked at first.
        wrong = {"authorization": "Bearer falsch", "x-workspace-id": "fremd"}
        assert http("neuroflash", json=self.BODY, headers=wrong).status_code == 401

    @pytest.mark.covers(
        "neuroflash",
        "parameter types are OpenAI's: the page's table says `object`, its examples send numbers",
        "Inferred",
    )
    def test_all_seventeen_fields(self, http: Http) -> None:
        fields = {
            "max_tokens": 100,
            "reasoning": {"effort": "low"},
            "reasoning_effort": "minimal",
            "tools": [],
            "tool_choice": "auto",
            "seed": 7,
            "response_format": {"type": "text"},
            "web_search_options": {},
            "structured_outputs": True,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.1,
            "repetition_penalty": 1.1,
            "stop": ["###"],
            "stream": False,
        }
        assert len(self.BODY | fields) == 17
        for more in ({}, {"structured_outputs": {"name": "x"}, "stream_options": {}}):
            assert http("neuroflash", json=self.BODY | fields | more).status_code == 200

    def test_wrong_fields_are_named(self, http: Http) -> None:
        wrong = {
            "temperature": "warm",
            "max_tokens": 0,
            "reasoning": "viel",
            "reasoning_effort": 1,
            "tools": {},
            "tool_choice": "vielleicht",
            "seed": 1.5,
            "response_format": [],
            "web_search_options": [],
            "structured_outputs": "ja",
            "frequency_penalty": 9,
            "presence_penalty": True,
            "repetition_penalty": -1,
            "stop": 3,
            "stream": "ja",
            "stream_options": [],
            "messages": [],
            "model": 1,
        }
        answer = http("neuroflash", json=wrong)
        assert answer.status_code == 422
        faults = answer.json()["errors"]
        assert [one["type"] for one in faults] == ["validation"] * len(wrong)
        assert {one["field"] for one in faults} == set(wrong)

    @pytest.mark.covers("neuroflash", "endpoint GET *", "Public")
    def test_lists(self, http: Http, server: Server) -> None:
        models = http("neuroflash", "/model_selection/models", "GET").json()
        assert "openai/gpt-4.1-mini" in [model["id"] for model in models]
        assert http("neuroflash", "/health", "GET").json()["status"] == "ok"
        path = "//api/workspace-service/v1/workspaces"
        spaces = http("neuroflash", path, "GET", headers={"x-workspace-id": ""}).json()
        assert spaces["data"][0]["id"] == server.workspace_id

    @pytest.mark.covers("neuroflash", "endpoint POST /oauth/v2/token", "Public")
    def test_a_token_opens_the_api_until_it_expires(self, http: Http, server: Server) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            "scope": "openid",
        }
        none = {"authorization": "", "x-workspace-id": ""}
        before = server.token_requests
        token = http("neuroflash", "//oauth/v2/token", headers=none, data=form).json()
        assert (token["token_type"], token["expires_in"]) == ("Bearer", 14399)
        headers = {"authorization": f"Bearer {token['access_token']}"}
        assert http("neuroflash", json=self.BODY, headers=headers).status_code == 200
        assert server.token_requests == before + 1
        server.expire_tokens()
        assert http("neuroflash", json=self.BODY, headers=headers).status_code == 401
        for wrong, status, code in (
            ({"client_secret": "falsch"}, 401, "invalid_client"),
            ({"client_id": "fremd"}, 401, "invalid_client"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({"scope": "email"}, 400, "invalid_scope"),
        ):
            answer = http("neuroflash", "//oauth/v2/token", headers=none, data=form | wrong)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert http("neuroflash", "//oauth/v2/token", json=form).status_code == 400


class TestSovrGPT:
    """Source: the page "POST /v1/chat/completions"."""

    BODY = HELLO | {"model": "qwen3.5-9b", "temperature": 0.5, "max_tokens": 400}

    @pytest.mark.covers("sovrgpt", "endpoint POST */chat/completions")
    def test_the_curl_example(self, http: Http) -> None:
        answer = http("sovrgpt", json=self.BODY).json()
        assert answer["object"] == "chat.completion"
        assert answer["id"].startswith("chatcmpl-")

    @pytest.mark.covers(
        "sovrgpt", "header Accept: `text/event-stream` asks for a stream as `stream` does", "Doc"
    )
    @pytest.mark.parametrize(
        "accept", ["text/event-stream", "Text/Event-Stream", "application/json, text/event-stream"]
    )
    def test_the_accept_header_asks_for_a_stream(self, http: Http, accept: str) -> None:
        found = events(http("sovrgpt", json=self.BODY, headers={"accept": accept}))
        assert found[-1]["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}

    @pytest.mark.covers(
        "sovrgpt", "parameter n: more than one answer is refused before sending", "Doc"
    )
    @pytest.mark.covers(
        "sovrgpt",
        "behaviour JSON mode is `json_object` alone: JSON schemas are refused before sending",
        "Doc",
    )
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"n": 2}, "n > 1 is not supported"),
            ({"response_format": {"type": "json_schema"}}, "must be 'json_object'"),
            ({"response_format": {"type": "text"}}, "must be 'json_object'"),
            ({"messages": [{"role": "developer", "content": "x"}]}, "messages[0].role must be"),
        ],
    )
    def test_what_openai_takes_and_this_vendor_does_not(
        self, http: Http, change: dict, says: str
    ) -> None:
        answer = http("sovrgpt", json=self.BODY | change)
        assert answer.status_code == 400
        assert says in answer.json()["error"]["message"]

    @pytest.mark.covers("sovrgpt", "content `image_url` with a web address or a data URL", "Doc")
    def test_vision(self, http: Http) -> None:
        body = asking({"type": "text", "text": "Was ist das?"}, IMAGE, DATA_IMAGE)
        assert http("sovrgpt", json=body | {"model": "gemma-4-26b-a4b"}).status_code == 200
        listed = http("sovrgpt", "/models", "GET").json()["data"]
        assert {(model["object"], model["owned_by"]) for model in listed} == {("model", "emulator")}
        blind = next(model["id"] for model in listed if not model["accepts_vision"])
        assert http("sovrgpt", json=body | {"model": blind}).status_code == 400

    @pytest.mark.covers("sovrgpt", "content A tool's result as a `tool` message", "Doc")
    def test_the_tools_example(self, http: Http) -> None:
        messages: list = [{"role": "user", "content": "Welchen Preis hat „BTC“?"}]
        body = self.BODY | TOOLS | {"messages": messages}
        choice = http("sovrgpt", json=body).json()["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        call = choice["message"]["tool_calls"][0]
        assert json.loads(call["function"]["arguments"]) == {"symbol": "BTC"}
        result = {"role": "tool", "tool_call_id": call["id"], "content": '{"preis": "77 Euro"}'}
        messages += [choice["message"], result]
        answer = http("sovrgpt", json=body).json()
        assert answer["choices"][0]["message"]["content"] == "77 Euro"

    @pytest.mark.covers(
        "sovrgpt",
        "behaviour `<think>…</think>` before the answer: kept apart, and not sent back",
        "Doc",
    )
    def test_reasoning_models_think_aloud(self, http: Http) -> None:
        listed = http("sovrgpt", "/models", "GET").json()["data"]
        thinker = next(model["id"] for model in listed if model["tier"] == "reasoning")
        body = self.BODY | {"model": thinker}
        content = http("sovrgpt", json=body).json()["choices"][0]["message"]["content"]
        assert content.startswith("<think>")
        assert content.index("</think>") < content.index("Emulator")
        streamed = events(http("sovrgpt", json=body | {"stream": True}))
        pieces = [event["choices"][0]["delta"].get("content", "") for event in streamed]
        assert "".join(pieces) == content
        assert not any("<think>" in piece or "</think>" in piece for piece in pieces)
        cut = http("sovrgpt", json=body | {"max_tokens": 5}).json()["choices"][0]
        assert cut["finish_reason"] == "length"
        assert "</think>" not in cut["message"]["content"]
