"""Where a vendor departs from OpenAI, or is alone in what it has, as the official SDK shows it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion

from dsgvo.emulator import Server
from tests.emulator.support import LIMITS, QUESTION, Person, Sdk

PDF = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
PNG = b"\x89PNG\r\n\x1a\n"
IMAGE_URL = "https://example.com/image.jpg"
IMAGE_DATA = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def with_part(text: str, part: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": text}, part]}]


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def text_of(chunks: list[Any]) -> str:
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    return "".join(delta.content or "" for delta in deltas)


class TestInnoGPT:
    """Source: the help page "Endpoints"."""

    # "GPT-5-Serie, o3-mini und o4-mini streamen automatisch, auch wenn stream: false gesetzt ist."
    @pytest.mark.parametrize(
        "model", ["gpt-5", "gpt-5-mini", "GPT-5.1", "o3-mini", "O3-Mini-high", "o4-mini"]
    )
    @pytest.mark.parametrize("asked", [{}, {"stream": False}])
    def test_an_answer_that_streams_unasked_is_text_to_the_sdk(
        self, sdk: Sdk, model: str, asked: dict[str, bool]
    ) -> None:
        client = sdk("innogpt")
        answer = client.chat.completions.create(model=model, messages=QUESTION, **asked)
        # Not a ChatCompletion: the body as it came, on which ``answer.choices`` fails.
        assert type(answer) is str
        events = answer.removesuffix("\n\n").split("\n\n")
        assert events[-1] == "data: [DONE]"
        first = json.loads(events[0].removeprefix("data: "))
        assert (first["object"], first["model"]) == ("chat.completion.chunk", model)
        # Who asks for the stream has the answer.
        chunks = client.chat.completions.create(model=model, messages=QUESTION, stream=True)
        assert "Emulator" in text_of(chunks)
        assert chunks[-1].choices[0].finish_reason == "stop"

    @pytest.mark.parametrize("model", ["o3", "o4", "gpt-4.1", "claude-4-5-sonnet", "mein-gpt-5"])
    def test_other_models_answer_plainly(self, sdk: Sdk, model: str) -> None:
        answer = sdk("innogpt").chat.completions.create(model=model, messages=QUESTION)
        assert type(answer) is ChatCompletion
        assert answer.model == model

    def test_structured_output_of_gpt_5_breaks_in_the_sdk(self, sdk: Sdk) -> None:
        with pytest.raises(AttributeError, match="'str' object has no attribute 'choices'"):
            sdk("innogpt").chat.completions.parse(
                model="gpt-5", messages=QUESTION, response_format=Person
            )

    def test_structured_output_of_gpt_5_comes_as_the_stream_that_is_asked_for(
        self, sdk: Sdk
    ) -> None:
        chunks = sdk("innogpt").chat.completions.create(
            model="gpt-5",
            messages=[{"role": "user", "content": "„Anna Schmidt“ ist 34 Jahre alt."}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "Person", "schema": Person.model_json_schema()},
            },
            stream=True,
        )
        assert Person.model_validate_json(text_of(chunks)) == Person(name="Anna Schmidt", alter=34)

    def test_a_client_that_validates_says_why(self, sdk: Sdk) -> None:
        with pytest.raises(openai.APIResponseValidationError, match="received `text/event-stream`"):
            sdk("innogpt", _strict_response_validation=True).chat.completions.create(
                model="gpt-5", messages=QUESTION
            )

    @pytest.mark.parametrize(
        ("asked", "part"),
        [
            ("Was ist auf diesem Bild?", image(IMAGE_URL)),
            ("Was ist auf diesem Bild?", image(IMAGE_DATA)),
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
    def test_images_and_documents_are_parts(
        self, sdk: Sdk, asked: str, part: dict[str, Any]
    ) -> None:
        messages = with_part(asked, part)
        client = sdk("innogpt")
        chunks = client.chat.completions.create(model="gpt-5", messages=messages, stream=True)
        plain = client.chat.completions.create(model="claude-4-5-sonnet", messages=messages)
        for said in (text_of(chunks), plain.choices[0].message.content):
            assert "Dateien, die ich nicht ansehen kann: 1." in said
            assert asked in said

    def test_a_pdf_is_uploaded_by_hand(self, sdk: Sdk) -> None:
        # The SDK has no method for it: chat with files is innoGPT's own.
        messages = [
            {"role": "user", "content": "Bis wie viel Euro genehmigt die Führungskraft Reisen?"}
        ]
        payload = {"model": "claude-4-5-sonnet", "messages": messages}
        answer = sdk("innogpt").post(
            "/chat/completions",
            cast_to=ChatCompletion,
            body={"payload": json.dumps(payload)},
            files=[("file", ("document.pdf", PDF.read_bytes(), "application/pdf"))],
            options={"headers": {"Content-Type": "multipart/form-data"}},
        )
        assert type(answer) is ChatCompletion
        assert "2.500 Euro" in (answer.choices[0].message.content or "")

    @pytest.mark.parametrize(
        ("asked", "field", "prefix"),
        [
            ({}, "url", "data:image/png;base64,"),
            ({"response_format": "url"}, "url", "data:image/png;base64,"),
            ({"response_format": "b64_json"}, "b64_json", ""),
        ],
    )
    def test_images_are_generated(
        self, sdk: Sdk, asked: dict[str, Any], field: str, prefix: str
    ) -> None:
        prompt = "ein minimalistisches App-Icon"
        answer = sdk("innogpt").images.generate(prompt=prompt, n=2, **asked)
        pictures = [picture.model_dump(exclude_none=True) for picture in answer.data]
        assert [set(picture) for picture in pictures] == [{field, "revised_prompt"}] * 2
        assert [picture["revised_prompt"] for picture in pictures] == [prompt] * 2
        values = [picture[field] for picture in pictures]
        assert len(set(values)) == 2
        for value in values:
            assert value.startswith(prefix)
            assert base64.b64decode(value.removeprefix(prefix)).startswith(PNG)

    def test_a_picture_needs_a_prompt(self, sdk: Sdk) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            sdk("innogpt").images.generate(prompt="")
        assert caught.value.body == {
            "message": "prompt must have at least 1 character",
            "type": "invalid_request_error",
            "param": "prompt",
            "code": "invalid_request",
        }

    @pytest.mark.parametrize("vendor", ["meingpt", "neuroflash", "sovrgpt"])
    def test_no_other_vendor_generates_pictures(self, sdk: Sdk, vendor: str) -> None:
        with pytest.raises(openai.NotFoundError):
            sdk(vendor).images.generate(prompt="ein minimalistisches App-Icon")


@LIMITS
def test_a_limit_that_is_honoured(sdk: Sdk, vendor: str, model: str, field: str) -> None:
    answer = sdk(vendor).chat.completions.create(model=model, messages=QUESTION, **{field: 2})
    assert answer.choices[0].message.content == "Ich bin"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize(
    ("vendor", "ignored"),
    [
        # "jedoch werden nicht alle Parameter beachtet"
        ("meingpt", {"max_tokens": 2}),
        ("meingpt", {"max_completion_tokens": 2}),
        ("meingpt", {"stop": " Emulator"}),
        ("meingpt", {"n": 3, "seed": 7, "top_p": 9, "frequency_penalty": 9, "user": "ich"}),
        # Not among the seventeen fields of the page.
        ("neuroflash", {"max_completion_tokens": 2}),
        ("neuroflash", {"n": 3, "top_p": 9, "user": "ich"}),
        ("sovrgpt", {"max_completion_tokens": 2}),
        # "Ignoriert (nicht crashend): seed, logit_bias, user, n, presence_penalty, …"
        ("sovrgpt", {"n": 1, "seed": 7, "logit_bias": {"1": 5}, "user": "ich"}),
        ("sovrgpt", {"presence_penalty": 9, "frequency_penalty": 9}),
    ],
)
def test_what_is_not_honoured_has_no_effect(
    sdk: Sdk, vendor: str, model: str, ignored: dict[str, Any]
) -> None:
    plain, answer = (
        sdk(vendor).chat.completions.create(model=model, messages=QUESTION, **fields)
        for fields in ({}, ignored)
    )
    assert answer.choices == plain.choices
    assert answer.choices[0].finish_reason == "stop"


class TestMeinGPT:
    """Sources: the pages "Completions" and "Modell API"."""

    def test_a_stream_never_counts(self, sdk: Sdk) -> None:
        chunks = sdk("meingpt").chat.completions.create(
            model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        assert all(chunk.choices and chunk.usage is None for chunk in chunks)

    # "eine Anfrage mit Tools an ein nicht unterstütztes Modell (z. B. Perplexity) liefert 400"
    @pytest.mark.parametrize(
        "model",
        [
            "llama-3.1-sonar-large-128k-online",
            "llama-3.1-sonar-small-128k-online",
            "Llama-3.1-Sonar-Huge-128k-Online",
        ],
    )
    def test_perplexity_has_no_tools(self, sdk: Sdk, model: str) -> None:
        client = sdk("meingpt")
        tools = [{"type": "function", "function": {"name": "f"}}]
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=model, messages=QUESTION, tools=tools)
        reason = f"The model {model} does not support tool calling"
        assert caught.value.body == {"status": "error", "message": reason}
        # Without any it answers.
        for without in ({}, {"tools": []}):
            answer = client.chat.completions.create(model=model, messages=QUESTION, **without)
            assert answer.choices[0].finish_reason == "stop"

    def test_other_llamas_have_tools(self, sdk: Sdk) -> None:
        tools = [{"type": "function", "function": {"name": "f"}}]
        answer = sdk("meingpt").chat.completions.create(
            model="llama-3.1-70b", messages=QUESTION, tools=tools, tool_choice="required"
        )
        assert answer.choices[0].finish_reason == "tool_calls"

    def test_embeddings_need_no_model(self, sdk: Sdk) -> None:
        answer = sdk("meingpt").embeddings.create(input="hallo", model=openai.omit)
        assert len(answer.data[0].embedding) == 3072
        with pytest.raises(openai.BadRequestError, match="model is required"):
            sdk("innogpt").embeddings.create(input="hallo", model=openai.omit)


class TestNeuroflash:
    """Source: the page "Chat-Vervollständigungen"."""

    MODEL = "openai/gpt-4.1-mini"

    def test_an_answer_has_no_date_but_counts_words(self, sdk: Sdk) -> None:
        answer = sdk("neuroflash").chat.completions.create(model=self.MODEL, messages=QUESTION)
        assert answer.created is None
        assert answer.id.startswith("gen-1775000000-")
        assert answer.usage.words_used == len(answer.choices[0].message.content.split())

    def test_a_stream_counts_words_when_asked(self, sdk: Sdk) -> None:
        chunks = sdk("neuroflash").chat.completions.create(
            model=self.MODEL, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        assert {chunk.created for chunk in chunks} == {None}
        words = len(text_of(chunks).split())
        assert [chunk.usage.words_used for chunk in chunks if chunk.usage] == [words]

    def test_fields_that_openai_does_not_have(self, sdk: Sdk) -> None:
        own = {
            "reasoning": {"effort": "low"},
            "repetition_penalty": 1.1,
            "structured_outputs": True,
        }
        answer = sdk("neuroflash").chat.completions.create(
            model=self.MODEL,
            messages=QUESTION,
            reasoning_effort="low",
            web_search_options={},
            seed=7,
            extra_body=own,
        )
        assert "Emulator" in answer.choices[0].message.content

    def test_a_token_is_a_key_until_it_expires(
        self, sdk: Sdk, http: Callable[..., httpx.Response], server: Server
    ) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            "scope": "openid",
        }
        token = http("neuroflash", "//oauth/v2/token", data=form).json()["access_token"]
        client = sdk("neuroflash", api_key=token)
        answer = client.chat.completions.create(model=self.MODEL, messages=QUESTION)
        assert answer.choices[0].finish_reason == "stop"
        server.expire_tokens()
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model=self.MODEL, messages=QUESTION)
        expected = {"error": "Incorrect API key provided", "code": "invalid_api_key"}
        assert caught.value.response.json() == expected

    def test_the_model_list_is_elsewhere(self, sdk: Sdk, server: Server) -> None:
        with pytest.raises(openai.NotFoundError):
            sdk("neuroflash").models.list()
        # Its shape is OpenAI's, so a base URL of its own is enough.
        lists = sdk("neuroflash", base_url=f"{server.base_url('neuroflash')}/model_selection")
        models = lists.models.list()
        assert self.MODEL in [model.id for model in models]
        assert {(model.object, model.owned_by, model.created) for model in models} == {
            ("model", "emulator", None)
        }


class TestSovrGPT:
    """Source: the page "POST /v1/chat/completions"."""

    MODEL = "qwen3.5-9b"

    def test_the_model_list_says_what_a_model_can_do(self, sdk: Sdk) -> None:
        models = {model.id: model for model in sdk("sovrgpt").models.list()}
        assert {model.object for model in models.values()} == {"model"}
        assert models[self.MODEL].owned_by == "emulator"
        assert models["gemma-4-26b-a4b"].accepts_vision is True
        assert models["qwen3.5-9b-text"].accepts_vision is False
        assert models["qwen3.5-27b-thinking"].tier == "reasoning"

    @pytest.mark.parametrize("vendor", ["innogpt", "meingpt"])
    def test_other_vendors_have_no_list(self, sdk: Sdk, vendor: str) -> None:
        with pytest.raises(openai.NotFoundError):
            sdk(vendor).models.list()

    @pytest.mark.parametrize("url", [IMAGE_URL, IMAGE_DATA])
    def test_images_are_for_models_that_see(self, sdk: Sdk, url: str) -> None:
        client = sdk("sovrgpt")
        messages = with_part("Was ist auf dem Bild?", image(url))
        answer = client.chat.completions.create(model="gemma-4-26b-a4b", messages=messages)
        assert "Dateien, die ich nicht ansehen kann: 1." in answer.choices[0].message.content
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="qwen3.5-9b-text", messages=messages)
        assert caught.value.body == {
            "message": "The model qwen3.5-9b-text does not accept images",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "invalid_request",
        }

    def test_the_accept_header_makes_an_answer_text_to_the_sdk(self, sdk: Sdk) -> None:
        answer = sdk("sovrgpt").chat.completions.create(
            model=self.MODEL, messages=QUESTION, extra_headers={"Accept": "text/event-stream"}
        )
        assert type(answer) is str
        assert answer.endswith("data: [DONE]\n\n")

    def test_structured_output_by_json_schema_is_refused(self, sdk: Sdk) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            sdk("sovrgpt").chat.completions.parse(
                model=self.MODEL, messages=QUESTION, response_format=Person
            )
        assert caught.value.body == {
            "message": "response_format.type must be 'json_object'",
            "type": "invalid_request_error",
            "param": "response_format.type",
            "code": "invalid_request",
        }

    @pytest.mark.parametrize(
        ("asked", "param"),
        [
            ({"n": 2}, "n"),
            ({"messages": [{"role": "developer", "content": "Hallo"}]}, "messages[0].role"),
        ],
    )
    def test_what_openai_takes_and_sovrgpt_does_not(
        self, sdk: Sdk, asked: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            sdk("sovrgpt").chat.completions.create(
                **{"model": self.MODEL, "messages": QUESTION} | asked
            )
        assert caught.value.param == param

    def test_thoughts_are_in_the_text(self, sdk: Sdk) -> None:
        client = sdk("sovrgpt")
        asked = {"model": "qwen3.5-27b-thinking", "messages": QUESTION}
        content = client.chat.completions.create(**asked).choices[0].message.content
        thought, _, said = content.partition("</think>\n\n")
        assert thought.startswith("<think>\n")
        assert said.startswith("Ich bin der lokale Emulator von SovrGPT")
        assert text_of(client.chat.completions.create(**asked, stream=True)) == content
