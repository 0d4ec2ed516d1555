"""The vendors' own examples, as requests of the same content, and where they depart from OpenAI."""

import json
from io import BytesIO
from typing import ClassVar

import httpx
import pytest

from dsgvo.emulator import Server
from tests.emulator.support import Http


def events(answer: httpx.Response) -> list[dict]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def text(found: list[dict]) -> str:
    return "".join(event["choices"][0]["delta"].get("content", "") for event in found)


def pdf(*lines: str) -> bytes:
    """Write a PDF of one page by hand."""
    shown = " ".join(f"({line}) Tj 0 -14 Td" for line in lines)
    stream = f"BT /F1 12 Tf 50 700 Td {shown} ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            " /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(out)
    out += f"xref\n0 6\n0000000000 65535 f \n{table}".encode()
    return out + f"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()


class TestInnoGPT:
    """Source: the help page "Endpoints"."""

    @pytest.mark.covers("innogpt", "endpoint POST */chat/completions")
    def test_standard_request(self, http: Http) -> None:
        body = {
            "model": "gpt-5",
            "messages": [
                {"role": "system", "content": "Du bist hilfreich"},
                {"role": "user", "content": "Hallo!"},
            ],
            "temperature": 0.3,
        }
        # The page's own example is answered with a stream, since GPT-5 streams unasked.
        assert events(http("innogpt", json=body))[-1]["choices"][0]["finish_reason"] == "stop"

    @pytest.mark.covers(
        "innogpt",
        "behaviour The GPT-5 series, o3-mini and o4-mini stream even when `stream` is false",
        "Doc",
    )
    @pytest.mark.parametrize("model", ["gpt-5", "GPT-5-mini", "O3-mini", "o4-Mini-high"])
    def test_these_models_always_stream(self, http: Http, model: str) -> None:
        body = {"model": model, "messages": [{"role": "user", "content": "Hallo"}]}
        for stream in ({}, {"stream": False}):
            assert events(http("innogpt", json=body | stream))

    def test_other_models_do_not(self, http: Http) -> None:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hallo"}]}
        assert http("innogpt", json=body).json()["object"] == "chat.completion"

    @pytest.mark.covers(
        "innogpt", "behaviour Streams are server-sent events, token by token", "Doc"
    )
    def test_streaming_request(self, http: Http) -> None:
        body = {
            "model": "gpt-5",
            "messages": [{"role": "user", "content": "Stream bitte"}],
            "stream": True,
        }
        assert events(http("innogpt", json=body))[0]["choices"][0]["delta"]["role"] == "assistant"

    @pytest.mark.covers("innogpt", "content `image_url` with a web address or a data URL", "Doc")
    @pytest.mark.covers(
        "innogpt", "content `file_url` with `url` and `mime_type`: a PDF by its address", "Doc"
    )
    @pytest.mark.parametrize(
        ("asked", "part"),
        [
            (
                "Was ist auf diesem Bild?",
                {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}},
            ),
            (
                "Fasse dieses Dokument zusammen",
                {
                    "type": "file_url",
                    "file_url": {
                        "url": "https://example.com/document.pdf",
                        "mime_type": "application/pdf",
                    },
                },
            ),
        ],
    )
    def test_image_and_pdf_by_url(self, http: Http, asked: str, part: dict) -> None:
        content = [{"type": "text", "text": asked}, part]
        body = {"model": "gpt-5", "messages": [{"role": "user", "content": content}]}
        said = text(events(http("innogpt", json=body)))
        assert "1." in said
        assert asked in said

    @pytest.mark.covers(
        "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request", "Doc"
    )
    def test_pdf_upload(self, http: Http) -> None:
        payload = {
            "model": "gpt-5",
            "messages": [{"role": "user", "content": "Wie lange dauert der Urlaub?"}],
        }
        document = pdf("Der Urlaub dauert dreissig Tage.", "Der Antrag geht an die Leitung.")
        answer = http(
            "innogpt",
            data={"payload": json.dumps(payload)},
            files={"file": ("document.pdf", BytesIO(document), "application/pdf")},
        )
        # GPT-5 streams unasked for an uploaded file too.
        assert "dreissig Tage" in text(events(answer))

    @pytest.mark.parametrize("missing", ["file", "payload"])
    def test_an_upload_without_a_part_is_refused(self, http: Http, missing: str) -> None:
        files = {
            "file": ("a.pdf", pdf("Hallo"), "application/pdf"),
            "payload": (None, '{"model": "gpt-4o", "messages": []}'),
        }
        del files[missing]
        answer = http("innogpt", files=files)
        assert answer.status_code == 400
        assert missing in answer.json()["error"]["message"]

    def test_an_upload_that_is_no_pdf_is_refused(self, http: Http) -> None:
        files = {"file": ("a.pdf", b"kein PDF"), "payload": (None, "{}")}
        answer = http("innogpt", files=files)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_file")

    @pytest.mark.parametrize("vendor", ["meingpt", "neuroflash", "sovrgpt"])
    def test_no_other_vendor_takes_uploads(self, http: Http, vendor: str) -> None:
        payload = '{"model": "m", "messages": [{"role": "user", "content": "Hallo"}]}'
        files = {"file": ("a.pdf", pdf("Hallo")), "payload": (None, payload)}
        assert http(vendor, files=files).status_code == 400

    @pytest.mark.covers("innogpt", "endpoint POST */embeddings")
    def test_embeddings(self, http: Http) -> None:
        body = {"input": ["hello world", "another text"], "model": "text-embedding-3-small"}
        data = http("innogpt", "/embeddings", json=body).json()["data"]
        assert [len(one["embedding"]) for one in data] == [1536, 1536]

    @pytest.mark.covers("innogpt", "endpoint POST */images/generations")
    def test_image_generation(self, http: Http) -> None:
        body = {"prompt": "ein minimalistisches App-Icon"}
        data = http("innogpt", "/images/generations", json=body).json()["data"]
        assert data[0]["url"].startswith("data:image/png;base64,iVBORw0KGgo")
        body["response_format"] = "b64_json"
        data = http("innogpt", "/images/generations", json=body).json()["data"]
        assert data[0]["b64_json"].startswith("iVBORw0KGgo")


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
        body = {
            "messages": [{"role": "user", "content": "Hallo"}],
            "model": "gpt-4o",
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        found = events(http("meingpt", json=body))
        assert all("usage" not in event and event["choices"] for event in found)

    @pytest.mark.covers(
        "meingpt",
        "behaviour Models without tools, as Perplexity's: 400, or refused before sending",
        "Doc",
    )
    def test_tools_for_perplexity_are_refused(self, http: Http) -> None:
        function = {"name": "f", "parameters": {"type": "object", "properties": {}}}
        body = {
            "messages": [{"role": "user", "content": "Hallo"}],
            "model": "llama-3.1-sonar-large-128k-online",
            "tools": [{"type": "function", "function": function}],
        }
        answer = http("meingpt", json=body)
        assert answer.status_code == 400
        assert answer.json()["status"] == "error"

    @pytest.mark.covers("meingpt", "endpoint POST */embeddings")
    @pytest.mark.covers("meingpt", "parameter `model` of embeddings may be left out", "Public")
    def test_embeddings_need_no_model(self, http: Http) -> None:
        data = http("meingpt", "/embeddings", json={"input": "hallo"}).json()
        assert len(data["data"][0]["embedding"]) == 3072


class TestNeuroflash:
    """Source: the page "Chat-Vervollständigungen"."""

    BODY: ClassVar[dict] = {
        "messages": [{"role": "user", "content": "Write a tagline for an AI content platform."}],
        "model": "openai/gpt-4.1-mini",
        "temperature": 0.7,
    }

    @pytest.mark.covers("neuroflash", "endpoint POST */chat/completions")
    @pytest.mark.covers(
        "neuroflash", "behaviour The answer has an id like `gen-…` and no `created`", "Doc"
    )
    def test_the_curl_example(self, http: Http) -> None:
        answer = http("neuroflash", json=self.BODY).json()
        assert "created" not in answer
        assert answer["id"].startswith("gen-1775000000-")
        assert len(answer["id"]) == len("gen-1775000000-AbCdEfGh")
        content = answer["choices"][0]["message"]["content"]
        assert answer["usage"]["words_used"] == len(content.split())

    @pytest.mark.covers(
        "neuroflash",
        "behaviour `usage.words_used` is what the quota counts, plain and streamed",
        "Doc",
    )
    def test_words_are_counted_in_a_stream_too(self, http: Http) -> None:
        asked = {"stream": True, "stream_options": {"include_usage": True}}
        found = events(http("neuroflash", json=self.BODY | asked))
        assert found[-1]["usage"]["words_used"] > 0

    @pytest.mark.covers("neuroflash", "header x-workspace-id")
    def test_the_workspace_is_needed(self, http: Http) -> None:
        missing = http("neuroflash", json=self.BODY, headers={"x-workspace-id": ""})
        assert missing.status_code == 400
        assert set(missing.json()) == {"error", "code"}
        other = http("neuroflash", json=self.BODY, headers={"x-workspace-id": "fremd"})
        assert other.status_code == 403

    # "Alle Anfragen an /api/ds-prototypes benötigen … x-workspace-id"
    @pytest.mark.parametrize("path", ["/model_selection/models", "/health"])
    def test_lists_need_the_workspace_too(self, http: Http, path: str) -> None:
        missing = http("neuroflash", path, "GET", headers={"x-workspace-id": ""})
        assert (missing.status_code, missing.json()["code"]) == (400, "missing_workspace")

    def test_all_seventeen_fields(self, http: Http) -> None:
        fields = {
            "max_tokens": 100,
            "reasoning": {"effort": "low"},
            "reasoning_effort": "low",
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
        assert http("neuroflash", json=self.BODY | fields).status_code == 200

    @pytest.mark.covers(
        "neuroflash",
        "parameter types are OpenAI's: the page's table says `object`, its examples send numbers",
        "Inferred",
    )
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("structured_outputs", {"name": "x"}),
            ("structured_outputs", False),
            ("reasoning_effort", "minimal"),
            ("stream_options", {"include_usage": True}),
        ],
    )
    def test_fields_of_several_forms(self, http: Http, field: str, value: object) -> None:
        assert http("neuroflash", json=self.BODY | {field: value}).status_code == 200

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
        models = http("neuroflash", "/model_selection/models", "GET").json()["data"]
        assert "openai/gpt-4.1-mini" in [model["id"] for model in models]
        assert http("neuroflash", "/health", "GET").json()["status"] == "ok"
        path = "//api/workspace-service/v1/workspaces"
        spaces = http("neuroflash", path, "GET", headers={"x-workspace-id": ""}).json()
        assert spaces["workspaces"][0]["id"] == server.workspace_id

    def token(self, http: Http, server: Server, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            "scope": "openid",
        }
        headers = {"authorization": "", "x-workspace-id": ""}
        return http("neuroflash", "//oauth/v2/token", headers=headers, data=form | changes)

    @pytest.mark.covers("neuroflash", "endpoint POST /oauth/v2/token", "Public")
    def test_a_token_opens_the_api_until_it_expires(self, http: Http, server: Server) -> None:
        before = server.token_requests
        token = self.token(http, server).json()
        assert token["token_type"] == "Bearer"
        assert token["expires_in"] == 14399
        headers = {"authorization": f"Bearer {token['access_token']}"}
        assert http("neuroflash", json=self.BODY, headers=headers).status_code == 200
        assert server.token_requests == before + 1
        server.expire_tokens()
        assert http("neuroflash", json=self.BODY, headers=headers).status_code == 401

    def test_a_wrong_secret_gets_no_token(self, http: Http, server: Server) -> None:
        for wrong, status, code in (
            ({"client_secret": "falsch"}, 401, "invalid_client"),
            ({"client_id": "fremd"}, 401, "invalid_client"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({"scope": "email"}, 400, "invalid_scope"),
        ):
            answer = self.token(http, server, **wrong)
            assert (answer.status_code, answer.json()["code"]) == (status, code)


class TestSovrGPT:
    """Source: the page "POST /v1/chat/completions"."""

    BODY: ClassVar[dict] = {
        "model": "qwen3.5-9b",
        "messages": [
            {"role": "system", "content": "Du bist ein hilfreicher Assistent."},
            {"role": "user", "content": "Erkläre Diffusionsmodelle in zwei Sätzen."},
        ],
        "temperature": 0.5,
        "max_tokens": 400,
    }

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
    def test_more_than_one_answer_is_refused(self, http: Http) -> None:
        assert http("sovrgpt", json=self.BODY | {"n": 2}).status_code == 400

    @pytest.mark.covers(
        "sovrgpt",
        "behaviour JSON mode is `json_object` alone: JSON schemas are refused before sending",
        "Doc",
    )
    @pytest.mark.parametrize("kind", ["json_schema", "text"])
    def test_json_object_is_the_only_format(self, http: Http, kind: str) -> None:
        answer = http("sovrgpt", json=self.BODY | {"response_format": {"type": kind}})
        assert answer.status_code == 400
        assert "json_object" in answer.json()["error"]["message"]

    @pytest.mark.covers("sovrgpt", "content `image_url` with a web address or a data URL", "Doc")
    @pytest.mark.parametrize(
        "url", ["https://example.com/foto.jpg", "data:image/png;base64,iVBORw0KGgo="]
    )
    def test_vision(self, http: Http, url: str) -> None:
        content = [
            {"type": "text", "text": "Was ist auf dem Bild?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
        body = {"model": "gemma-4-26b-a4b", "messages": [{"role": "user", "content": content}]}
        assert http("sovrgpt", json=body).status_code == 200
        listed = http("sovrgpt", "/models", "GET").json()["data"]
        blind = next(model["id"] for model in listed if not model["accepts_vision"])
        assert http("sovrgpt", json=body | {"model": blind}).status_code == 400

    @pytest.mark.covers("sovrgpt", "content A tool's result as a `tool` message", "Doc")
    def test_the_tools_example(self, http: Http) -> None:
        parameters = {
            "type": "object",
            "properties": {"symbol": {"type": "string"}},
            "required": ["symbol"],
        }
        function = {
            "name": "get_price",
            "description": "Holt aktuellen Preis",
            "parameters": parameters,
        }
        body = {
            "model": "qwen3.5-9b",
            "messages": [{"role": "user", "content": "Welchen Preis hat „BTC“?"}],
            "tools": [{"type": "function", "function": function}],
        }
        choice = http("sovrgpt", json=body).json()["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        call = choice["message"]["tool_calls"][0]["function"]
        assert json.loads(call["arguments"]) == {"symbol": "BTC"}

    @pytest.mark.covers(
        "sovrgpt",
        "behaviour `<think>…</think>` before the answer: kept apart, and not sent back",
        "Doc",
    )
    def test_reasoning_models_think_aloud(self, http: Http) -> None:
        listed = http("sovrgpt", "/models", "GET").json()["data"]
        thinker = next(model["id"] for model in listed if model["tier"] == "reasoning")
        plain = http("sovrgpt", json=self.BODY | {"model": thinker}).json()
        content = plain["choices"][0]["message"]["content"]
        assert content.startswith("<think>")
        assert content.index("</think>") < content.index("Emulator")
        streamed = events(http("sovrgpt", json=self.BODY | {"model": thinker, "stream": True}))
        pieces = [event["choices"][0]["delta"].get("content", "") for event in streamed]
        assert "".join(pieces) == content
        assert not any("<think>" in piece or "</think>" in piece for piece in pieces)

    def test_a_thought_can_be_cut_short(self, http: Http) -> None:
        body = self.BODY | {"model": "qwen3.5-27b-thinking", "max_tokens": 5}
        choice = http("sovrgpt", json=body).json()["choices"][0]
        assert choice["finish_reason"] == "length"
        assert "</think>" not in choice["message"]["content"]

    def test_developer_is_no_role_here(self, http: Http) -> None:
        messages = [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]
        assert http("sovrgpt", json=self.BODY | {"messages": messages}).status_code == 400
