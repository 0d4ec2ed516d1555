"""Where a vendor departs from OpenAI, or is alone in what it has, as the official SDK shows it."""

import base64
import json
from pathlib import Path
from typing import Any

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
    def test_an_answer_that_streams_unasked_is_text_to_the_sdk(self, sdk: Sdk) -> None:
        client, model = sdk("innogpt"), "gpt-5"
        answer = client.chat.completions.create(model=model, messages=QUESTION)
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

    def test_other_llamas_have_tools(self, sdk: Sdk) -> None:
        tools = [{"type": "function", "function": {"name": "f"}}]
        answer = sdk("meingpt").chat.completions.create(
            model="llama-3.1-70b", messages=QUESTION, tools=tools, tool_choice="required"
        )
        assert answer.choices[0].finish_reason == "tool_calls"


class TestNeuroflash:
    """Source: the page "Chat-Vervollständigungen"."""

    MODEL = "openai/gpt-4.1-mini"

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
