"""What the vendors document beyond text, through LangChain: its blocks in, its messages out."""

from __future__ import annotations

import warnings
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.exceptions import ModelInvalidRequestError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel, SecretStr

from dsgvo import PROVIDERS
from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import IgnoredParameterWarning
from dsgvo.wire.models import GeneratedImage
from langchain_dsgvo import (
    ChatInnoGPT,
    ChatMeinGPT,
    ChatNeuroflash,
    ChatSovrGPT,
    InnoGPTImageGeneration,
)
from langchain_dsgvo.errors import (
    AuthenticationError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    PermissionDeniedError,
    RateLimitError,
    ResidencyError,
    UnprocessableEntityError,
)
from tests.forms import Part, form_of, payload_of
from tests.langchain.support import EMBEDDINGS, Mode, Way, chat, whole
from tests.vendors import MODELS, THINKING_MODEL

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
PDF = HANDBOOK.read_bytes()
PDF_TEXT = b64encode(PDF).decode()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PNG_TEXT = b64encode(PNG).decode()
PNG_URL = f"data:image/png;base64,{PNG_TEXT}"
WEB_IMAGE = "https://example.com/image.jpg"
WEB_PDF = "https://example.com/document.pdf"
PDF_KIND = "application/pdf"
QUESTION = "Ab welcher Fahrzeit darf man erste Klasse fahren?"


@tool
def get_price(symbol: str) -> float:
    """Holt den aktuellen Preis."""
    return {"BTC": 97000.0}.get(symbol, 1.0)


class Person(BaseModel):
    """Eine Person."""

    name: str
    age: int


def asked(*blocks: Any, text: str = QUESTION) -> list[Any]:
    return [HumanMessage(content=[{"type": "text", "text": text}, *blocks])]


def in_file(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


# innoGPT: images


@pytest.mark.covers("innogpt, sovrgpt", "content `image_url` with a web address or a data URL")
@pytest.mark.parametrize(
    ("block", "url"),
    [
        ({"type": "image", "url": WEB_IMAGE}, WEB_IMAGE),
        ({"type": "image", "url": PNG_URL}, PNG_URL),
        ({"type": "image", "base64": PNG_TEXT, "mime_type": "image/png"}, PNG_URL),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, PNG_URL),
        ({"type": "image", "source_type": "url", "url": WEB_IMAGE}, WEB_IMAGE),
        (
            {"type": "image", "source_type": "base64", "data": PNG_TEXT, "mime_type": "image/png"},
            PNG_URL,
        ),
        ({"type": "image_url", "image_url": {"url": WEB_IMAGE}}, WEB_IMAGE),
        ({"type": "image_url", "image_url": {"url": PNG_URL}}, PNG_URL),
        ({"type": "image_url", "image_url": WEB_IMAGE}, WEB_IMAGE),
        ({"type": "image", "source": {"type": "url", "url": WEB_IMAGE}}, WEB_IMAGE),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT},
            },
            PNG_URL,
        ),
    ],
)
def test_an_image_in_every_form(server: Server, way: Way, block: dict[str, Any], url: str) -> None:
    way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    assert server.requests[0].json["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": QUESTION},
                {"type": "image_url", "image_url": {"url": url}},
            ],
        }
    ]


def test_an_image_of_this_machine(server: Server, way: Way, tmp_path: Path) -> None:
    path = in_file(tmp_path, "foto.png", PNG)
    way.answer(ChatInnoGPT(model="gpt-5"), asked({"type": "image", "path": path}))
    [_, image] = server.requests[0].json["messages"][0]["content"]
    assert image == {"type": "image_url", "image_url": {"url": PNG_URL}}


def test_what_openais_form_says_besides_is_kept(server: Server) -> None:
    block = {"type": "image_url", "image_url": {"url": WEB_IMAGE, "detail": "low"}}
    ChatInnoGPT(model="gpt-5").invoke(asked(block))
    assert server.requests[0].json["messages"][0]["content"][1] == block


# innoGPT: PDFs


@pytest.mark.covers(
    "innogpt", "content `file_url` with `url` and `mime_type`: a PDF by its address"
)
@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ({"type": "file", "url": WEB_PDF}, PDF_KIND),
        ({"type": "file", "url": WEB_PDF, "mime_type": PDF_KIND}, PDF_KIND),
        ({"type": "file", "url": WEB_PDF, "mime_type": "text/csv"}, "text/csv"),
        ({"type": "file", "source_type": "url", "url": WEB_PDF, "mime_type": PDF_KIND}, PDF_KIND),
        ({"type": "file_url", "file_url": {"url": WEB_PDF, "mime_type": PDF_KIND}}, PDF_KIND),
        ({"type": "document", "source": {"type": "url", "url": WEB_PDF}}, PDF_KIND),
        ({"type": "text-plain", "url": WEB_PDF, "mime_type": "text/plain"}, "text/plain"),
    ],
)
def test_a_pdf_by_its_address(server: Server, way: Way, block: dict[str, Any], kind: str) -> None:
    way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    assert server.requests[0].json["messages"][0]["content"] == [
        {"type": "text", "text": QUESTION},
        {"type": "file_url", "file_url": {"url": WEB_PDF, "mime_type": kind}},
    ]


V0_FILE = {"type": "file", "source_type": "base64", "data": PDF_TEXT, "mime_type": PDF_KIND}


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "file", "base64": PDF_TEXT, "mime_type": PDF_KIND}, "document.pdf"),
        ({"type": "file", "base64": PDF_TEXT}, "document.pdf"),
        ({"type": "file", "base64": PDF}, "document.pdf"),
        ({"type": "file", "base64": PDF_TEXT, "filename": "r.pdf"}, "r.pdf"),
        ({"type": "file", "base64": PDF_TEXT, "extras": {"filename": "r.pdf"}}, "r.pdf"),
        ({"type": "file", "url": f"data:{PDF_KIND};base64,{PDF_TEXT}"}, "document.pdf"),
        (V0_FILE, "document.pdf"),
        (V0_FILE | {"metadata": {"filename": "r.pdf"}}, "r.pdf"),
        (
            {
                "type": "file",
                "file": {"file_data": f"data:{PDF_KIND};base64,{PDF_TEXT}", "filename": "r.pdf"},
            },
            "r.pdf",
        ),
        ({"type": "file", "file": {"file_data": PDF_TEXT, "filename": "r.pdf"}}, "r.pdf"),
        (
            {
                "type": "document",
                "title": "r.pdf",
                "source": {"type": "base64", "media_type": PDF_KIND, "data": PDF_TEXT},
            },
            "r.pdf",
        ),
        ({"type": "file", "path": str(HANDBOOK)}, "06-reiserichtlinie.pdf"),
    ],
)
def test_a_pdf_that_the_user_holds_is_uploaded(
    server: Server, way: Way, block: dict[str, Any], name: str
) -> None:
    answer = way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    [request] = server.requests
    assert form_of(request)["file"] == Part(name, PDF_KIND, PDF)
    assert payload_of(request)["messages"] == [{"role": "user", "content": QUESTION}]
    assert "Klasse" in answer.text  # the emulator has read the PDF


def test_a_file_beside_tools_works(server: Server, way: Way) -> None:
    model = ChatInnoGPT(model="gpt-5").bind_tools([get_price], tool_choice="any")
    block = {"type": "file", "path": str(HANDBOOK)}
    answer = way.answer(model, asked(block, text="Was kostet 'BTC'?"))
    assert {call["name"] for call in answer.tool_calls} == {"get_price"}
    assert payload_of(server.requests[0])["tools"][0]["function"]["name"] == "get_price"


def test_a_file_is_asked_about_turn_after_turn(server: Server, mode: Mode) -> None:
    history = [
        SystemMessage("Antworte kurz."),
        *asked({"type": "file", "path": str(HANDBOOK)}),
        AIMessage("Ab drei Stunden."),
        HumanMessage("Und was gilt für Taxis?"),
    ]
    mode.invoke(ChatInnoGPT(model="gpt-5"), history)
    [request] = server.requests
    assert form_of(request)["file"].data == PDF
    assert [message["role"] for message in payload_of(request)["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text-plain", "text": "Nur Text."},
        {"type": "text-plain", "base64": b64encode(b"Nur Text.").decode()},
        {"type": "document", "source": {"type": "text", "data": "Nur Text."}},
    ],
)
def test_a_document_that_is_text_is_sent_as_text(
    server: Server, mode: Mode, provider: str, block: dict[str, Any]
) -> None:
    mode.invoke(chat(provider), asked(block, text="Was steht da?"))
    content = server.requests[0].json["messages"][0]["content"]
    assert content == "Was steht da?\nNur Text."


# What no vendor takes


@pytest.mark.parametrize(
    ("block", "kind", "said"),
    [
        ({"type": "file", "file_id": "f-1"}, CapabilityError, "the file block names a file by its"),
        ({"type": "image", "file_id": "f-1"}, CapabilityError, "the image block names a file by"),
        (
            {"type": "file", "source_type": "id", "id": "f-1"},
            CapabilityError,
            "names a file by its id: none of the vendors documents a store of files",
        ),
        ({"type": "file", "file": {"file_id": "f-1"}}, CapabilityError, "store of files"),
        (
            {"type": "document", "source": {"type": "file", "file_id": "f-1"}},
            CapabilityError,
            "the document block names a file by its id",
        ),
        ({"type": "audio", "base64": "AA=="}, CapabilityError, "documents audio input"),
        ({"type": "video", "url": "https://example.com/v"}, CapabilityError, "documents video"),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            CapabilityError,
            "documents audio input",
        ),
        ({"type": "input_audio"}, CapabilityError, "documents no input_audio input"),
        ({"type": "image"}, ConfigurationError, "the image block has no url, base64 or path"),
        ({"type": "file"}, ConfigurationError, "the file block has no url, base64 or path"),
        (
            {"type": "image", "url": "foto.jpg"},
            ConfigurationError,
            "is not a web address: pass path=",
        ),
        ({"type": "text-plain", "base64": "/w=="}, ConfigurationError, "not UTF-8 text"),
        ({"type": "file", "path": "/nirgends.pdf"}, ConfigurationError, "is not a file"),
    ],
)
def test_what_nobody_takes_is_refused_with_the_reason(
    server: Server, way: Way, block: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as caught:
        way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    assert said in str(caught.value)
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert not server.requests


def test_several_files_are_refused(server: Server, way: Way) -> None:
    blocks = [{"type": "file", "base64": PDF_TEXT}, {"type": "file", "path": __file__}]
    with pytest.raises(CapabilityError, match="2 files are to be uploaded: innoGPT documents one"):
        way.answer(ChatInnoGPT(model="gpt-5"), asked(*blocks))
    assert not server.requests


@pytest.mark.parametrize("other", ["meingpt", "neuroflash", "sovrgpt"])
@pytest.mark.parametrize(
    "block", [{"type": "file", "url": WEB_PDF}, {"type": "file", "base64": PDF_TEXT}]
)
def test_pdfs_elsewhere_are_refused(
    server: Server, way: Way, other: str, block: dict[str, Any]
) -> None:
    with pytest.raises(CapabilityError, match="documents no PDF input"):
        way.answer(chat(other), asked(block))
    assert not server.requests
    assert not server.requests


# innoGPT: image generation


def test_the_image_tool(server: Server, mode: Mode) -> None:
    image_tool = InnoGPTImageGeneration()
    assert image_tool.name == "generate_image"
    assert list(image_tool.args) == ["prompt"]
    said = mode.invoke(image_tool, {"prompt": "ein minimalistisches App-Icon"})
    assert said.startswith("The image was made (")
    assert server.requests[0].json == {"prompt": "ein minimalistisches App-Icon"}


@pytest.mark.parametrize("saved", [True, False])
def test_a_tool_message_carries_the_image_as_artifact(
    server: Server, mode: Mode, tmp_path: Path, saved: bool
) -> None:
    save_dir = tmp_path if saved else None
    image_tool = InnoGPTImageGeneration(model="gpt-image-1", save_dir=save_dir)
    call = {"name": "generate_image", "args": {"prompt": "Icon"}, "id": "1", "type": "tool_call"}
    message = mode.invoke(image_tool, call)
    assert isinstance(message, ToolMessage)
    assert isinstance(message.artifact, GeneratedImage)
    assert message.artifact.data is not None
    if saved:
        assert message.content == f"The image is in the file {tmp_path / 'image-1.png'}"
        assert (tmp_path / "image-1.png").read_bytes() == message.artifact.data
    else:
        assert "The image was made" in message.text
    assert server.requests[0].json == {"prompt": "Icon", "model": "gpt-image-1"}


def test_an_image_by_its_address(server: Server, mode: Mode) -> None:
    server.script("innogpt", Status(200, body={"data": [{"url": "https://example.com/1.png"}]}))
    said = mode.invoke(InnoGPTImageGeneration(), {"prompt": "Icon"})
    assert said == "The image is at https://example.com/1.png"


def test_an_agent_makes_images(server: Server, mode: Mode, tmp_path: Path) -> None:
    prompts = ["ein Icon mit Brief", "ein Icon mit Stift"]
    calls = [
        {"name": "generate_image", "arguments": {"prompt": prompt}, "id": f"c{n}"}
        for n, prompt in enumerate(prompts)
    ]
    server.script("innogpt", Reply(tool_calls=calls), path="/chat/completions")
    model = ChatInnoGPT(model="claude-4-5-sonnet")
    agent = create_agent(model, [InnoGPTImageGeneration(save_dir=tmp_path)])
    state = mode.invoke(agent, {"messages": [HumanMessage("Mach mir zwei Icons.")]})
    made = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert [message.tool_call_id for message in made] == ["c0", "c1"]
    paths = {message.artifact.path for message in made}
    assert paths == {tmp_path / "image-1.png", tmp_path / "image-2.png"}
    assert all(message.artifact.path.read_bytes() == message.artifact.data for message in made)
    asked_for = [r.json["prompt"] for r in server.requests if r.path.endswith("/generations")]
    assert sorted(asked_for) == prompts
    results = [m["content"] for m in server.requests[-1].json["messages"] if m["role"] == "tool"]
    assert results == [message.content for message in made]
    assert isinstance(state["messages"][-1], AIMessage)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"save_dir": "/nirgends"}, "save_dir='/nirgends' is not a folder"),
        ({"modell": "x"}, "InnoGPTImageGeneration has no argument 'modell': did you mean 'model'?"),
        ({"api_key": 7}, "api_key is a int, not a str"),
    ],
)
def test_a_mistake_at_the_image_tool(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        InnoGPTImageGeneration(**arguments)
    assert said in str(caught.value)


def test_errors_of_the_image_tool_are_langchains_too(server: Server, mode: Mode) -> None:
    with pytest.raises(AuthenticationError):
        mode.invoke(InnoGPTImageGeneration(api_key=SecretStr("sk-wrong")), {"prompt": "Icon"})
    with pytest.raises(ConfigurationError, match="prompt is empty"):
        mode.invoke(InnoGPTImageGeneration(), {"prompt": ""})


# SovrGPT: thoughts

THOUGHT, ANSWER = "Der Nutzer fragt nach Berlin.", "Berlin hat 3,7 Millionen Einwohner."


def block_types(message: AIMessage) -> list[str]:
    return [block["type"] for block in message.content_blocks]


@pytest.mark.covers(
    "sovrgpt",
    "behaviour `<think>…</think>` before the answer: kept apart, and not sent back",
)
@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("field", [None, "reasoning_content", "reasoning"])
def test_thoughts_are_a_reasoning_block(server: Server, way: Way, field: Any, version: str) -> None:
    server.script("sovrgpt", Reply(ANSWER, reasoning=THOUGHT, reasoning_field=field))
    answer = way.answer(ChatSovrGPT(model=THINKING_MODEL, output_version=version), "Berlin?")
    assert answer.text == ANSWER
    reasoning, text = answer.content_blocks
    assert reasoning["type"] == "reasoning"
    assert reasoning["reasoning"].strip() == THOUGHT
    assert (text["type"], text["text"]) == ("text", ANSWER)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_tags_may_be_split_anywhere(server: Server, mode: Mode, size: int) -> None:
    text = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    server.script("sovrgpt", Reply(chunks=pieces))
    chunks = mode.stream(ChatSovrGPT(model=THINKING_MODEL), "Berlin?")
    assert "".join(chunk.text for chunk in chunks) == ANSWER
    assert all("think" not in chunk.text and "<" not in chunk.text for chunk in chunks)
    assert whole(chunks).content_blocks[0]["reasoning"].strip() == THOUGHT  # pyright: ignore


def test_a_thought_cut_by_max_tokens_is_no_answer(server: Server, way: Way) -> None:
    server.script("sovrgpt", Reply(chunks=["<think>", THOUGHT, " Also"], finish_reason="length"))
    answer = way.answer(ChatSovrGPT(model=THINKING_MODEL, max_tokens=9), "Berlin?")
    assert answer.text == ""
    assert block_types(answer) == ["reasoning"]
    assert answer.response_metadata["finish_reason"] == "length"


def test_a_text_that_mentions_the_tag_keeps_it(server: Server, way: Way) -> None:
    text = "Modelle schreiben <think>Gedanken</think> vor die Antwort."
    server.script("sovrgpt", Reply(text))
    answer = way.answer(ChatSovrGPT(model="qwen3.5-9b"), "Was ist der Tag?")
    assert answer.text == text
    assert block_types(answer) == ["text"]


def test_thoughts_in_tags_are_apart_at_any_vendor(server: Server, way: Way) -> None:
    """Gateways put models behind a vendor's name that write them."""
    server.script("meingpt", Reply(f"<think>{THOUGHT}</think>{ANSWER}"))
    answer = way.answer(ChatMeinGPT(model="gpt-4o"), "Berlin?")
    assert answer.text == ANSWER
    assert block_types(answer) == ["reasoning", "text"]


def test_no_thought_in_a_tool_call(server: Server, way: Way) -> None:
    call = {"name": "get_price", "arguments": {"symbol": "BTC"}, "id": "1"}
    server.script("sovrgpt", Reply(reasoning=THOUGHT, tool_calls=[call]))
    model = ChatSovrGPT(model=THINKING_MODEL).bind_tools([get_price])
    answer = way.answer(model, "Was kostet BTC?")
    assert answer.tool_calls == [
        {"name": "get_price", "args": {"symbol": "BTC"}, "id": "1", "type": "tool_call"}
    ]
    assert answer.text == ""
    assert block_types(answer) == ["reasoning", "tool_call"]


@pytest.mark.parametrize("method", ["json_mode", "function_calling"])
def test_no_thought_in_structured_output(mode: Mode, method: Any) -> None:
    chain = ChatSovrGPT(model=THINKING_MODEL).with_structured_output(Person, method=method)
    assert mode.invoke(chain, "„Anna“ ist 34 Jahre alt") == Person(name="Anna", age=34)


def test_a_scripted_thought_before_a_json_answer(server: Server, mode: Mode) -> None:
    thought = 'Vielleicht {"name": "Bert", "age": 1}?'
    server.script("sovrgpt", Reply('{"name": "Anna", "age": 34}', reasoning=thought))
    chain = ChatSovrGPT(model=THINKING_MODEL).with_structured_output(Person, method="json_mode")
    assert mode.invoke(chain, "Anna ist 34 Jahre alt") == Person(name="Anna", age=34)


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("field", [None, "reasoning_content"])
def test_thoughts_are_not_sent_back(server: Server, way: Way, version: str, field: Any) -> None:
    model = ChatSovrGPT(model=THINKING_MODEL, output_version=version)
    server.script("sovrgpt", Reply(ANSWER, reasoning=THOUGHT, reasoning_field=field))
    answer = way.answer(model, "Berlin?")
    way.answer(model, [HumanMessage("Berlin?"), answer, HumanMessage("Und Hamburg?")])
    assert server.requests[-1].json["messages"][1] == {"role": "assistant", "content": ANSWER}
    assert THOUGHT.encode() not in server.requests[-1].body


# SovrGPT: images and parameters

TEXT_ONLY = "qwen3.5-9b-text"


def test_an_image_for_a_model_without_vision_is_refused_before_sending(
    server: Server, way: Way
) -> None:
    with pytest.raises(CapabilityError, match="does not take images"):
        way.answer(ChatSovrGPT(model=TEXT_ONLY), asked({"type": "image", "url": WEB_IMAGE}))
    assert [request.path for request in server.requests] == ["/sovrgpt/api/v1/models"]
    way.answer(ChatSovrGPT(model="gemma-4-26b-a4b"), asked({"type": "image", "url": PNG_URL}))
    assert server.requests[-1].json["messages"][0]["content"][1]["image_url"]["url"] == PNG_URL


@pytest.mark.covers("sovrgpt", "parameter seed")
@pytest.mark.parametrize(
    ("provider", "field", "value"),
    [
        *(
            ("sovrgpt", field, value)
            for field, value in (
                ("seed", 7),
                ("logit_bias", {"1": 1}),
                ("user", "u"),
                ("presence_penalty", 1),
                ("frequency_penalty", 1),
            )
        ),
        ("meingpt", "max_tokens", 9),
        ("meingpt", "top_p", 0.5),
        ("meingpt", "stop", ["x"]),
        ("meingpt", "seed", 7),
    ],
)
def test_what_a_vendor_ignores_is_said_once(
    server: Server, mode: Mode, provider: str, field: str, value: Any
) -> None:
    own = field in {"max_tokens", "top_p", "stop"}
    arguments = {field: value} if own else {"model_kwargs": {field: value}}
    model = chat(provider, **arguments)
    with pytest.warns(IgnoredParameterWarning, match=f"accepts '{field}' and does not honour it"):
        mode.invoke(model, "Hallo!")
    assert server.requests[0].json[field] == value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mode.invoke(model, "Hallo!")
        mode.stream(chat(provider, **arguments), "Hallo!")
    assert len(server.requests) == 3
    with pytest.raises(CapabilityError, match=f"'{field}' and does not honour it"):
        mode.invoke(chat(provider, strict=True, **arguments), "Hallo!")
    assert len(server.requests) == 3


def test_more_than_one_answer_is_refused(server: Server, mode: Mode) -> None:
    with pytest.raises(CapabilityError, match="n=2: SovrGPT gives one answer a request"):
        mode.invoke(ChatSovrGPT(model="qwen3.5-9b", model_kwargs={"n": 2}), "Hallo!")
    assert not server.requests


@pytest.mark.covers(
    "sovrgpt", "behaviour JSON mode is `json_object` alone: JSON schemas are refused before sending"
)
def test_json_schemas_are_refused_where_json_object_is_documented(server: Server) -> None:
    model = ChatSovrGPT(model="qwen3.5-9b")
    with pytest.raises(CapabilityError, match="'json_schema' is not documented by SovrGPT"):
        model.with_structured_output(Person, method="json_schema")
    model.bind(response_format={"type": "json_object"}).invoke("Nenne Farben als JSON")
    assert server.requests[0].json["response_format"] == {"type": "json_object"}


# neuroflash


@pytest.mark.covers("neuroflash", "parameter *")
def test_all_seventeen_fields_can_be_set(server: Server, way: Way) -> None:
    typed: dict[str, Any] = {
        "temperature": 0.7,
        "max_tokens": 200,
        "reasoning": {"effort": "low"},
        "reasoning_effort": "low",
        "seed": 7,
        "web_search_options": {"search_context_size": "low"},
        "structured_outputs": True,
        "frequency_penalty": -1.5,
        "presence_penalty": 1.5,
        "repetition_penalty": 1.1,
        "stop": ["\n\n"],
    }
    assert typed.keys() <= ChatNeuroflash.model_fields.keys()
    model = ChatNeuroflash(model="openai/gpt-4.1-mini", strict=True, **typed)
    bound = model.bind_tools([get_price], tool_choice="auto")
    way.answer(bound.bind(response_format={"type": "text"}), "Hallo!")
    body = server.requests[0].json
    assert {name: body[name] for name in typed} == typed
    assert body.keys() - {"stream_options"} == PROVIDERS["neuroflash"].documented - (
        set() if way.streamed else {"stream"}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"reasoning": "viel"},
        {"web_search_options": True},
        {"structured_outputs": "ja"},
        {"seed": 1.5},
        {"reasoning_effort": 3},
    ],
)
def test_fields_are_typed(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"ChatNeuroflash: {next(iter(wrong))}"):
        ChatNeuroflash(model="openai/gpt-4.1-mini", **wrong)


@pytest.mark.covers(
    "neuroflash", "behaviour `usage.words_used` is what the quota counts, plain and streamed"
)
def test_words_used_come_with_the_answer(server: Server, way: Way) -> None:
    answer = way.answer(ChatNeuroflash(model="openai/gpt-4.1-mini"), "Hallo!")
    usage = answer.response_metadata["token_usage"]
    assert usage["words_used"] == len(answer.text.split()) > 0
    assert answer.usage_metadata["total_tokens"] == usage["total_tokens"]


@pytest.mark.covers("neuroflash", "endpoint POST /oauth/v2/token")
def test_client_credentials(server: Server, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEUROFLASH_API_KEY")
    monkeypatch.setenv("NEUROFLASH_CLIENT_ID", server.client_id)
    monkeypatch.setenv("NEUROFLASH_CLIENT_SECRET", server.client_secret)
    before = server.token_requests
    model = ChatNeuroflash(model="openai/gpt-4.1-mini")
    for _ in range(3):
        way.answer(model, "Hallo!")
    assert server.token_requests == before + 1
    server.expire_tokens()
    way.answer(model, "Hallo!")
    assert server.token_requests == before + 2
    assert server.client_secret not in f"{model!r} {model.model_dump()}"


def test_the_workspace_is_asked_for_before_anything_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEUROFLASH_WORKSPACE_ID")
    with pytest.raises(ConfigurationError, match=r"pass workspace_id=….*workspaces\(\) lists"):
        ChatNeuroflash(model="openai/gpt-4.1-mini")
    ChatNeuroflash(model="openai/gpt-4.1-mini", workspace_id=server.workspace_id).invoke("Hallo!")
    assert server.requests[0].headers["x-workspace-id"] == server.workspace_id


def test_both_error_shapes_are_readable(server: Server, way: Way) -> None:
    model = ChatNeuroflash(model="openai/gpt-4.1-mini", max_retries=0)
    server.script("neuroflash", Status(429, message="Quota reached", code="quota"))
    with pytest.raises(RateLimitError, match="neuroflash: 429: Quota reached") as caught:
        way.answer(model, "Hallo!")
    assert caught.value.code == "quota"
    with pytest.raises(UnprocessableEntityError, match="422: seed: must be an integer"):
        way.answer(model, "Hallo!", extra_body={"seed": "x"})


# meinGPT


@pytest.mark.parametrize("model", ["llama-3.1-sonar-large-128k-online", "sonar-pro"])
def test_tools_for_perplexity_are_refused(server: Server, way: Way, model: str) -> None:
    bound = ChatMeinGPT(model=model).bind_tools([get_price])
    with pytest.raises(CapabilityError, match="does not take tools"):
        way.answer(bound, "Was kostet BTC?")
    assert not server.requests


def test_the_vendors_own_refusal_of_tools_says_so(server: Server, way: Way) -> None:
    server.script("meingpt", Status(400, message="tools are not supported by this model"))
    with pytest.raises(CapabilityError, match="meinGPT refused them for model 'neu'"):
        way.answer(ChatMeinGPT(model="neu").bind_tools([get_price]), "Was kostet BTC?")
    server.script("meingpt", Status(400, message="messages is invalid"))
    with pytest.raises(BadRequestError, match="messages is invalid"):
        way.answer(ChatMeinGPT(model="neu").bind_tools([get_price]), "Was kostet BTC?")


def test_403_says_that_the_api_is_not_enabled(server: Server, way: Way) -> None:
    server.script("meingpt", Status(403, message="Forbidden"))
    with pytest.raises(PermissionDeniedError) as caught:
        way.answer(ChatMeinGPT(model="gpt-4o"), "Hallo!")
    assert "the completions API is not enabled for this organisation" in str(caught.value)


# Where the data goes


def every_class(**kwargs: Any) -> list[Any]:
    """Return what makes an object of each class, for a given model."""
    makers: list[Any] = [
        lambda model, provider=provider: chat(provider, model=model, **kwargs)
        for provider in MODELS
    ]
    makers += [
        lambda model, kind=kind: kind(model=model, allow_undocumented=True, **kwargs)
        for kind in EMBEDDINGS.values()
    ]
    return [*makers, lambda model: InnoGPTImageGeneration(model=model, **kwargs)]


def test_strict_refuses_unknown_places_on_every_class(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for make in every_class(residency="strict"):
        with pytest.raises(ResidencyError):
            make("ganz-neu")
    for make in every_class(residency="strict", trusted_models=["ganz-neu"]):
        assert make("ganz-neu").model == "ganz-neu"
    monkeypatch.setenv("DSGVO_RESIDENCY", "strict")
    for make in every_class():
        with pytest.raises(ResidencyError):
            make("ganz-neu")
    for make in every_class(residency="any"):
        assert make("ganz-neu").model == "ganz-neu"
    assert not server.requests


@pytest.mark.parametrize("model", ["o1-us", "o1-mini-us"])
def test_models_that_name_the_us_are_refused_by_default(server: Server, model: str) -> None:
    for kind in (ChatMeinGPT, EMBEDDINGS["meingpt"]):
        with pytest.raises(ResidencyError, match="runs in US") as caught:
            kind(model=model)
        assert isinstance(caught.value, ModelInvalidRequestError)
        assert kind(model=model, residency="any").model == model
    assert not server.requests


def test_a_model_named_at_the_call_is_looked_at(server: Server, way: Way) -> None:
    model = ChatMeinGPT(model="gpt-4o")
    for asked_for in (
        lambda: way.answer(model, "Hallo!", model="o1-us"),
        lambda: way.answer(model.bind(model="o1-us"), "Hallo!"),
        lambda: way.answer(model, "Hallo!", extra_body={"model": "o1-us"}),
        lambda: way.answer(ChatMeinGPT(model="gpt-4o", model_kwargs={"model": "o1-us"}), "Hallo!"),
        lambda: way.answer(ChatMeinGPT(model="gpt-4o", extra_body={"model": "o1-us"}), "Hallo!"),
        lambda: way.answer(model.model_copy(update={"model": "o1-us"}), "Hallo!"),
    ):
        with pytest.raises(ResidencyError):
            asked_for()
    assert not server.requests


def test_strict_wants_to_know_the_image_model(server: Server, mode: Mode) -> None:
    with pytest.raises(ResidencyError, match="model is missing: innoGPT does not say which"):
        mode.invoke(InnoGPTImageGeneration(residency="strict"), {"prompt": "Icon"})
    assert not server.requests


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"residency='usa' .*'eu', 'strict' or 'any'"):
        ChatMeinGPT(model="gpt-4o", residency="usa")  # pyright: ignore[reportArgumentType]


# Profiles


@pytest.mark.parametrize(
    ("provider", "model", "profile"),
    [
        ("innogpt", "gpt-5", {"image_inputs": True, "pdf_inputs": True}),
        ("meingpt", "llama-3.1-sonar-large-128k-online", {"tool_calling": False}),
        ("sovrgpt", "qwen3.5-9b", {"tool_calling": True}),
        ("sovrgpt", "gemma-4-26b-a4b", {"image_inputs": True}),
        ("meingpt", "gpt-4o", None),
        ("neuroflash", "openai/gpt-4.1-mini", None),
        ("sovrgpt", "ganz-neu", None),
    ],
)
def test_a_profile_holds_what_is_known_and_no_more(
    provider: str, model: str, profile: dict[str, bool] | None
) -> None:
    assert chat(provider, model=model).profile == profile


def test_a_users_own_profile_wins() -> None:
    own: Any = {"max_input_tokens": 128000}
    assert ChatMeinGPT(model="gpt-4o", profile=own).profile == own


@pytest.mark.covers("*", "model *")
@pytest.mark.parametrize("provider", list(MODELS))
def test_every_known_model_of_the_catalogue_has_its_profile(provider: str) -> None:
    spec = PROVIDERS[provider]
    facts = {"images": "image_inputs", "files": "pdf_inputs", "tools": "tool_calling"}
    for known in spec.models:
        if known.kind != "chat" or "*" in known.id:
            continue
        profile = chat(provider, model=known.id, residency="any").profile or {}
        expected = {
            name: getattr(known, fact)
            for fact, name in facts.items()
            if getattr(known, fact) is not None
        }
        assert profile == expected
