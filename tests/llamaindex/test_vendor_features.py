"""What the vendors document beyond text, through LlamaIndex: its blocks in, its responses out."""

from __future__ import annotations

import warnings
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    VideoBlock,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from dsgvo import PROVIDERS
from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import (
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    IgnoredParameterWarning,
    PermissionDeniedError,
    RateLimitError,
    ResidencyError,
    UnprocessableEntityError,
)
from llamaindex_dsgvo import InnoGPT, InnoGPTImageToolSpec, MeinGPT, use
from tests.forms import Part, form_of, payload_of
from tests.llamaindex import support
from tests.llamaindex.support import (
    EMBEDDINGS,
    LLMS,
    Mode,
    bodies,
    llm,
)
from tests.vendors import MODELS, THINKING_MODEL

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
PDF = HANDBOOK.read_bytes()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PNG_URL = f"data:image/png;base64,{b64encode(PNG).decode()}"
WEB_IMAGE = "https://example.com/image.jpg"
WEB_PDF = "https://example.com/document.pdf"
PDF_KIND = "application/pdf"
QUESTION = "Ab welcher Fahrzeit darf man erste Klasse fahren?"
HELLO = [ChatMessage("Hallo!")]
THOUGHT = "Berlin hat 3,7 Millionen, also mehr als Hamburg."
ANSWER = "Berlin ist größer."
PERSON = PromptTemplate("Lies die Angaben zur Person.\n\n{text}")

Ask = Callable[..., Any]


def get_price(symbol: str) -> float:
    """Holt den aktuellen Preis."""
    return {"BTC": 97000.0}.get(symbol, 1.0)


TOOL = FunctionTool.from_defaults(get_price)
TOOLS = [TOOL.metadata.to_openai_tool()]


class Person(BaseModel):
    """Eine Person."""

    name: str
    age: int


@pytest.fixture(params=["plain", "streamed"])
def ask(request: pytest.FixtureRequest, mode: Mode) -> Ask:
    """Ask a model in each of the four ways, for the whole answer."""

    def plain(model: Any, messages: Any, /, **kwargs: Any) -> Any:
        return mode.call(model, "chat", messages, **kwargs)

    def streamed(model: Any, messages: Any, /, **kwargs: Any) -> Any:
        return mode.listed(model, "stream_chat", messages, **kwargs)[-1]

    return streamed if request.param == "streamed" else plain


def asked(*blocks: Any, text: str = QUESTION) -> list[ChatMessage]:
    return [ChatMessage(role="user", blocks=[TextBlock(text=text), *blocks])]


def kinds(response: ChatResponse) -> list[str]:
    return [block.block_type for block in response.message.blocks]


# Images


IMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "address": (lambda _: ImageBlock(url=WEB_IMAGE), WEB_IMAGE),
    "data URL": (lambda _: ImageBlock(url=PNG_URL), PNG_URL),
    "bytes": (lambda _: ImageBlock(image=PNG), PNG_URL),
    "stream": (lambda _: ImageBlock(image=BytesIO(PNG)), PNG_URL),
    "path": (lambda path: ImageBlock(path=path), PNG_URL),
}


@pytest.mark.covers("innogpt, sovrgpt", "content `image_url` with a web address or a data URL")
@pytest.mark.parametrize(("provider", "model"), [("innogpt", "gpt-5"), ("meingpt", "gpt-4o")])
@pytest.mark.parametrize("form", IMAGES)
def test_an_image_in_every_form(
    server: Server, ask: Ask, tmp_path: Path, form: str, provider: str, model: str
) -> None:
    path = tmp_path / "foto.png"
    path.write_bytes(PNG)
    block, url = IMAGES[form]
    ask(llm(provider, model=model), asked(block(path)))
    [request] = bodies(server)
    assert request["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": QUESTION},
                {"type": "image_url", "image_url": {"url": url}},
            ],
        }
    ]


def test_an_image_for_a_model_without_vision_is_refused_before_sending(
    server: Server, ask: Ask
) -> None:
    with pytest.raises(CapabilityError, match="does not take images"):
        ask(llm("sovrgpt", model="qwen3.5-9b-text"), asked(ImageBlock(url=WEB_IMAGE)))
    assert [request.path for request in server.requests] == ["/sovrgpt/api/v1/models"]
    seeing = llm("sovrgpt", model="gemma-4-26b-a4b")
    for block, url in ((ImageBlock(image=PNG), PNG_URL), (ImageBlock(url=WEB_IMAGE), WEB_IMAGE)):
        ask(seeing, asked(block))
        assert bodies(server)[-1]["messages"][0]["content"][1]["image_url"]["url"] == url


# PDFs


@pytest.mark.covers(
    "innogpt", "content `file_url` with `url` and `mime_type`: a PDF by its address"
)
@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (DocumentBlock(url=WEB_PDF), PDF_KIND),
        (DocumentBlock(url="https://example.com/d"), PDF_KIND),
        (DocumentBlock(url=WEB_PDF, document_mimetype="text/csv"), "text/csv"),
    ],
)
def test_a_pdf_by_its_address(server: Server, ask: Ask, block: DocumentBlock, kind: str) -> None:
    ask(InnoGPT(model="gpt-5"), asked(block))
    assert bodies(server)[0]["messages"][0]["content"] == [
        {"type": "text", "text": QUESTION},
        {"type": "file_url", "file_url": {"url": block.url, "mime_type": kind}},
    ]


UPLOADS: dict[str, tuple[Callable[[], DocumentBlock], str]] = {
    "path": (lambda: DocumentBlock(path=HANDBOOK), HANDBOOK.name),
    "bytes": (lambda: DocumentBlock(data=PDF), "document.pdf"),
    "stream": (lambda: DocumentBlock(data=BytesIO(PDF)), "document.pdf"),
    "named bytes": (lambda: DocumentBlock(data=PDF, title="r.pdf"), "r.pdf"),
}


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize("form", UPLOADS)
def test_a_pdf_that_the_user_holds_is_uploaded(server: Server, ask: Ask, form: str) -> None:
    make, name = UPLOADS[form]
    answer = ask(InnoGPT(model="gpt-5"), asked(make()))
    [request] = server.requests
    assert form_of(request)["file"] == Part(name, PDF_KIND, PDF)
    assert payload_of(request)["messages"] == [{"role": "user", "content": QUESTION}]
    assert "Klasse" in (answer.message.content or "")  # the emulator has read the PDF


def test_a_file_beside_tools_works(server: Server, ask: Ask) -> None:
    model = InnoGPT(model="gpt-5")
    messages = asked(DocumentBlock(path=HANDBOOK), text="Was kostet 'BTC'?")
    answer = ask(model, messages, tools=TOOLS, tool_choice="required")
    assert {call.tool_name for call in model.get_tool_calls_from_response(answer)} == {"get_price"}
    assert payload_of(server.requests[0])["tools"] == TOOLS


def test_several_files_are_refused(server: Server, ask: Ask) -> None:
    with pytest.raises(CapabilityError, match="2 files are to be uploaded: innoGPT documents one"):
        ask(InnoGPT(model="gpt-5"), asked(DocumentBlock(data=PDF), DocumentBlock(path=HANDBOOK)))
    assert server.requests == []


@pytest.mark.parametrize("provider", ["meingpt", "neuroflash", "sovrgpt"])
@pytest.mark.parametrize("block", [DocumentBlock(url=WEB_PDF), DocumentBlock(data=PDF)])
def test_pdfs_elsewhere_are_refused(
    server: Server, ask: Ask, provider: str, block: DocumentBlock
) -> None:
    with pytest.raises(CapabilityError, match="documents no PDF input"):
        ask(llm(provider), asked(block))
    assert server.requests == []


@pytest.mark.parametrize("block", [AudioBlock(audio=b"x", format="mp3"), VideoBlock(video=b"x")])
def test_sound_and_film_are_refused(server: Server, ask: Ask, block: Any) -> None:
    with pytest.raises(CapabilityError, match=f"documents input for a {type(block).__name__}"):
        ask(InnoGPT(model="gpt-5"), asked(block))
    assert server.requests == []


# Image generation


@pytest.mark.parametrize("arguments", [{}, {"model": "gpt-image-1"}])
def test_an_image_by_its_address(server: Server, mode: Mode, arguments: dict[str, str]) -> None:
    server.script("innogpt", Status(200, body={"data": [{"url": "https://example.com/1.png"}]}))
    [tool] = InnoGPTImageToolSpec(**arguments).to_tool_list()
    output: Any = mode.call(tool, "call", prompt="Icon")
    assert output.content == "The image is at https://example.com/1.png"
    assert bodies(server) == [{"prompt": "Icon", **arguments}]


# Thoughts


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_tags_may_be_split_anywhere(server: Server, mode: Mode, size: int) -> None:
    text = f"<think>{THOUGHT}</think>{ANSWER}"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    server.script("sovrgpt", Reply(chunks=pieces))
    parts = mode.listed(llm("sovrgpt", model=THINKING_MODEL), "stream_chat", asked(text="Berlin?"))
    assert "".join(part.delta for part in parts) == ANSWER
    assert all("<" not in (part.message.content or "") for part in parts)
    assert "".join(part.additional_kwargs.get("thinking_delta", "") for part in parts) == THOUGHT
    assert parts[-1].message.blocks == [ThinkingBlock(content=THOUGHT), TextBlock(text=ANSWER)]


def test_a_thought_cut_by_max_tokens_is_no_answer(server: Server, ask: Ask) -> None:
    server.script("sovrgpt", Reply(chunks=["<think>", THOUGHT, " Also"], finish_reason="length"))
    answer = ask(llm("sovrgpt", model=THINKING_MODEL, max_tokens=9), HELLO)
    assert not answer.message.content
    [thoughts] = [one for one in answer.message.blocks if isinstance(one, ThinkingBlock)]
    assert thoughts.content == f"{THOUGHT} Also"
    assert answer.raw["finish_reason"] == "length"


def test_a_text_that_mentions_the_tag_keeps_it(server: Server, ask: Ask) -> None:
    text = "Modelle schreiben <think>Gedanken</think> vor die Antwort."
    server.script("sovrgpt", Reply(text))
    answer = ask(llm("sovrgpt"), HELLO)
    assert answer.message.content == text
    assert kinds(answer) == ["text"]


def test_thoughts_in_tags_are_apart_at_any_vendor(server: Server, ask: Ask) -> None:
    """Gateways put models behind a vendor's name that write them."""
    server.script("meingpt", Reply(f"<think>{THOUGHT}</think>{ANSWER}"))
    answer = ask(llm("meingpt"), HELLO)
    assert answer.message.content == ANSWER
    assert kinds(answer) == ["thinking", "text"]


@pytest.mark.covers(
    "sovrgpt",
    "behaviour `<think>…</think>` before the answer: kept apart, and not sent back",
)
@pytest.mark.parametrize("field", [None, "reasoning_content", "reasoning"])
def test_thoughts_are_a_block_and_not_sent_back(server: Server, ask: Ask, field: Any) -> None:
    model = llm("sovrgpt", model=THINKING_MODEL)
    server.script("sovrgpt", Reply(ANSWER, reasoning=THOUGHT, reasoning_field=field))
    answer = ask(model, HELLO)
    assert kinds(answer) == ["thinking", "text"]
    assert answer.message.content == ANSWER
    ask(model, [*HELLO, answer.message, ChatMessage("Und Hamburg?")])
    assert bodies(server)[-1]["messages"][1] == {"role": "assistant", "content": ANSWER}
    assert THOUGHT.encode() not in server.requests[-1].body


def test_no_thought_in_a_tool_call(server: Server, ask: Ask) -> None:
    call = {"name": "get_price", "arguments": {"symbol": "BTC"}, "id": "1"}
    server.script("sovrgpt", Reply(reasoning=THOUGHT, tool_calls=[call]))
    model = llm("sovrgpt", model=THINKING_MODEL)
    answer = ask(model, [ChatMessage("Was kostet BTC?")], tools=TOOLS)
    [found] = model.get_tool_calls_from_response(answer)
    assert (found.tool_name, found.tool_kwargs) == ("get_price", {"symbol": "BTC"})
    assert not answer.message.content
    assert kinds(answer) == ["thinking", "tool_call"]


@pytest.mark.parametrize("method", ["json_mode", "function_calling"])
def test_no_thought_in_structured_output(mode: Mode, method: str) -> None:
    model = llm("sovrgpt", model=THINKING_MODEL, structured_output=method)
    person = mode.call(model, "structured_predict", Person, PERSON, text="Name: „Anna“\nAge: 34")
    assert person == Person(name="Anna", age=34)


def test_a_scripted_thought_before_a_json_answer(server: Server, mode: Mode) -> None:
    thought = 'Vielleicht {"name": "Bert", "age": 1}?'
    reply = Reply('{"name": "Anna", "age": 34}', reasoning=thought)
    server.script("sovrgpt", reply, reply)
    model = llm("sovrgpt", model=THINKING_MODEL, structured_output="json_mode")
    assert mode.call(model, "structured_predict", Person, PERSON, text="") == Person(
        name="Anna", age=34
    )
    grown = mode.listed(model, "stream_structured_predict", Person, PERSON, text="")
    assert grown[-1] == Person(name="Anna", age=34)
    assert not any("Bert" in str(one) for one in grown)


# Parameters


@pytest.mark.parametrize("provider", list(LLMS))
def test_unknown_models_are_asked_as_they_are(server: Server, ask: Ask, provider: str) -> None:
    answer = ask(llm(provider, model="Modell-von-morgen:Q4"), HELLO)
    assert answer.raw["model"] == bodies(server)[0]["model"] == "Modell-von-morgen:Q4"


@pytest.mark.parametrize("provider", ["innogpt", "neuroflash", "sovrgpt"])
def test_a_cut_answer_says_so(ask: Ask, provider: str) -> None:
    answer = ask(llm(provider, max_tokens=2), [ChatMessage("Wer bist du?")])
    assert answer.raw["finish_reason"] == "length"
    assert answer.additional_kwargs["completion_tokens"] == 2


@pytest.mark.parametrize("provider", ["neuroflash", "sovrgpt"])
def test_stop_ends_the_answer(server: Server, ask: Ask, provider: str) -> None:
    question = [ChatMessage("Wer bist du?")]
    free = ask(llm(provider), question).message.content or ""
    word = free.split()[2]
    assert ask(llm(provider), question, stop=[word]).message.content == free.split(word)[0]
    assert ask(llm(provider, stop=word), question).message.content == free.split(word)[0]
    assert [body.get("stop") for body in bodies(server)] == [None, [word], word]


@pytest.mark.usefixtures("server")
def test_a_warning_points_at_the_users_line(ask: Ask) -> None:
    with pytest.warns(IgnoredParameterWarning) as seen:
        ask(llm("meingpt", max_tokens=5), HELLO)
    assert [warning.filename for warning in seen] == [support.__file__]


@pytest.mark.parametrize(
    ("provider", "field", "value"),
    [
        ("sovrgpt", "seed", 7),
        ("sovrgpt", "logit_bias", {"1": 1}),
        ("sovrgpt", "user", "u"),
        ("sovrgpt", "presence_penalty", 1),
        ("sovrgpt", "frequency_penalty", 1),
        ("meingpt", "max_tokens", 9),
        ("meingpt", "top_p", 0.5),
        ("meingpt", "stop", ["x"]),
        ("meingpt", "seed", 7),
    ],
)
def test_what_a_vendor_ignores_is_said_once(
    server: Server, ask: Ask, provider: str, field: str, value: Any
) -> None:
    own = field in {"max_tokens", "top_p", "stop"}
    arguments = {field: value} if own else {"additional_kwargs": {field: value}}
    with pytest.warns(IgnoredParameterWarning, match=f"accepts '{field}' and does not honour it"):
        ask(llm(provider, **arguments), HELLO)
    assert bodies(server)[0][field] == value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask(llm(provider, **arguments), HELLO)
    with pytest.raises(CapabilityError, match=f"'{field}' and does not honour it"):
        ask(llm(provider, strict=True, **arguments), HELLO)
    assert len(server.requests) == 2


def test_more_than_one_answer_is_refused(server: Server, ask: Ask) -> None:
    with pytest.raises(CapabilityError, match="n=2: SovrGPT gives one answer a request"):
        ask(llm("sovrgpt", additional_kwargs={"n": 2}), HELLO)
    with pytest.raises(CapabilityError, match="n=2: SovrGPT gives one answer a request"):
        ask(llm("sovrgpt"), HELLO, n=2)
    assert server.requests == []


@pytest.mark.covers(
    "sovrgpt", "behaviour JSON mode is `json_object` alone: JSON schemas are refused before sending"
)
def test_json_object_is_sent_and_schemas_are_refused(server: Server, ask: Ask) -> None:
    question = [ChatMessage("Nenne Farben als JSON")]
    answer = ask(llm("sovrgpt"), question, response_format={"type": "json_object"})
    assert bodies(server)[0]["response_format"] == {"type": "json_object"}
    assert (answer.message.content or "").startswith("{")
    schema = {"type": "json_schema", "json_schema": {"name": "P", "schema": {"type": "object"}}}
    with pytest.raises(CapabilityError, match="json_schema"):
        ask(llm("sovrgpt"), question, response_format=schema)
    assert len(server.requests) == 1


@pytest.mark.covers(
    "neuroflash, sovrgpt",
    "parameter stream_options: usage of a stream; left out where it is refused",
)
def test_a_server_without_stream_options_is_asked_without(server: Server, mode: Mode) -> None:
    server.refuse("sovrgpt", "stream_options")
    for _ in range(2):
        assert mode.listed(llm("sovrgpt"), "stream_chat", HELLO)[-1].raw["finish_reason"] == "stop"
    assert ["stream_options" in body for body in bodies(server)] == [True, False, False]


# neuroflash


@pytest.mark.covers("neuroflash", "parameter *")
def test_all_seventeen_fields_can_be_set(server: Server, mode: Mode) -> None:
    typed: dict[str, Any] = {
        "temperature": 0.7,
        "max_tokens": 200,
        "reasoning": {"effort": "low"},
        "reasoning_effort": "low",
        "seed": 7,
        "response_format": {"type": "text"},
        "web_search_options": {"search_context_size": "low"},
        "structured_outputs": True,
        "frequency_penalty": -1.5,
        "presence_penalty": 1.5,
        "repetition_penalty": 1.1,
        "stop": ["\n\n"],
    }
    model = llm("neuroflash", strict=True, **typed)
    choice = {"user_msg": "Hallo!", "tool_choice": "auto"}
    mode.call(model, "chat_with_tools", [TOOL], **choice)
    mode.listed(model, "stream_chat_with_tools", [TOOL], **choice)
    plain, streamed = bodies(server)
    for body in (plain, streamed):
        assert {name: body[name] for name in typed} == typed
    documented = PROVIDERS["neuroflash"].documented
    assert len(documented) == 17
    assert streamed.keys() - {"stream_options"} == documented
    assert plain.keys() == documented - {"stream"}


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
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        llm("neuroflash", **wrong)


@pytest.mark.covers(
    "neuroflash", "behaviour `usage.words_used` is what the quota counts, plain and streamed"
)
def test_words_used_come_with_the_answer(ask: Ask, mode: Mode) -> None:
    answer = ask(llm("neuroflash"), HELLO)
    words = len((answer.message.content or "").split())
    assert answer.additional_kwargs["words_used"] == answer.raw["usage"]["words_used"] == words > 0
    completed = mode.call(llm("neuroflash"), "complete", "Hallo!")
    assert completed.additional_kwargs["words_used"] == words


@pytest.mark.covers("neuroflash", "endpoint POST /oauth/v2/token")
def test_client_credentials(server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEUROFLASH_API_KEY")
    monkeypatch.setenv("NEUROFLASH_CLIENT_ID", server.client_id)
    monkeypatch.setenv("NEUROFLASH_CLIENT_SECRET", server.client_secret)
    before = server.token_requests
    model = llm("neuroflash")
    for _ in range(3):
        ask(model, HELLO)
    assert server.token_requests == before + 1
    server.expire_tokens()
    ask(model, HELLO)
    assert server.token_requests == before + 2
    assert server.client_secret not in f"{model!r} {model.to_dict()}"


def test_the_workspace_is_asked_for_before_anything_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEUROFLASH_WORKSPACE_ID")
    with pytest.raises(ConfigurationError, match=r"pass workspace_id=….*workspaces\(\) lists"):
        llm("neuroflash")
    assert server.requests == []
    llm("neuroflash", workspace_id=server.workspace_id).complete("Hallo!")
    assert server.requests[0].headers["x-workspace-id"] == server.workspace_id


def test_both_error_shapes_are_readable(server: Server, ask: Ask) -> None:
    model = llm("neuroflash", max_retries=0)
    server.script("neuroflash", Status(429, message="Quota reached", code="quota"))
    with pytest.raises(RateLimitError, match="neuroflash: 429: Quota reached") as caught:
        ask(model, HELLO)
    assert caught.value.code == "quota"
    with pytest.raises(UnprocessableEntityError, match="422: seed: must be an integer"):
        ask(model, HELLO, extra_body={"seed": "x"})


# meinGPT


@pytest.mark.parametrize("model", ["llama-3.1-sonar-large-128k-online", "sonar-pro"])
def test_tools_for_perplexity_are_refused(server: Server, ask: Ask, model: str) -> None:
    with pytest.raises(CapabilityError, match="does not take tools"):
        ask(MeinGPT(model=model), [ChatMessage("Was kostet BTC?")], tools=TOOLS)
    assert server.requests == []


def test_the_vendors_own_refusal_of_tools_says_so(server: Server, ask: Ask) -> None:
    server.script("meingpt", Status(400, message="tools are not supported by this model"))
    with pytest.raises(CapabilityError, match="meinGPT refused them for model 'neu'"):
        ask(MeinGPT(model="neu"), HELLO, tools=TOOLS)
    server.script("meingpt", Status(400, message="messages is invalid"))
    with pytest.raises(BadRequestError, match="messages is invalid"):
        ask(MeinGPT(model="neu"), HELLO, tools=TOOLS)


def test_403_says_that_the_api_is_not_enabled(server: Server, ask: Ask) -> None:
    server.script("meingpt", Status(403, message="Forbidden"))
    with pytest.raises(PermissionDeniedError, match="API is not enabled for this organisation"):
        ask(MeinGPT(model="gpt-4o"), HELLO)


def test_streams_without_usage_have_no_counts(mode: Mode) -> None:
    assert mode.call(llm("meingpt"), "chat", HELLO).additional_kwargs["total_tokens"] > 0
    last = mode.listed(llm("meingpt"), "stream_chat", HELLO)[-1]
    assert last.raw["usage"] is None
    assert "total_tokens" not in last.additional_kwargs


# Embeddings


def test_the_documented_model_is_the_default(server: Server, mode: Mode) -> None:
    for provider, documented in (
        ("innogpt", "text-embedding-3-small"),
        ("meingpt", "text-embedding-3-large"),
    ):
        mode.call(EMBEDDINGS[provider](), "get_text_embedding_batch", ["Guten Tag", "Hallo"])
        body = bodies(server)[-1]
        assert (body["model"], body["input"]) == (documented, ["Guten Tag", "Hallo"])


@pytest.mark.covers("meingpt", "parameter dimensions of embeddings, 1 or more", "Public")
def test_dimensions_and_further_fields_go_out(server: Server, mode: Mode) -> None:
    model = EMBEDDINGS["meingpt"](dimensions=16, additional_kwargs={"user": "abteilung-7"})
    assert len(mode.call(model, "get_query_embedding", "Guten Tag")) == 16
    body = bodies(server)[0]
    assert (body["dimensions"], body["user"]) == (16, "abteilung-7")


@pytest.mark.parametrize("provider", ["innogpt", "meingpt"])
def test_a_server_without_base64_is_asked_for_numbers_and_remembered(
    server: Server, mode: Mode, provider: str
) -> None:
    server.refuse(provider, "encoding_format")
    model = EMBEDDINGS[provider](dimensions=16)
    first = mode.call(model, "get_query_embedding", "Guten Tag")
    assert mode.call(model, "get_query_embedding", "Guten Tag") == first
    assert ["encoding_format" in body for body in bodies(server)] == [True, False, False]


# Where the data goes


EMBEDDING = "text-embedding-3-small"


def every_class(**kwargs: Any) -> list[Callable[[str], Any]]:
    """Return what makes an object of each class, for a given model."""
    makers: list[Callable[[str], Any]] = [
        lambda model, provider=provider: llm(provider, model=model, **kwargs) for provider in MODELS
    ]
    makers += [
        lambda model, kind=kind: kind(model_name=model, allow_undocumented=True, **kwargs)
        for kind in EMBEDDINGS.values()
    ]
    llm_is_trusted: Any = {"trusted_models": [EMBEDDING]} | kwargs
    return [
        *makers,
        lambda model: InnoGPTImageToolSpec(model=model, **kwargs),
        lambda model: use("innogpt", model, embed_model=None, **kwargs),
        lambda model: use("innogpt", EMBEDDING, embed_model=model, **llm_is_trusted),
    ]


def test_strict_refuses_unknown_places_on_every_class(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for make in every_class(residency="strict"):
        with pytest.raises(ResidencyError):
            make("ganz-neu")
    for make in every_class(residency="strict", trusted_models=["ganz-neu", EMBEDDING]):
        make("ganz-neu")
    monkeypatch.setenv("DSGVO_RESIDENCY", "strict")
    for make in every_class():
        with pytest.raises(ResidencyError):
            make("ganz-neu")
    for make in every_class(residency="any"):
        make("ganz-neu")
    assert server.requests == []


@pytest.mark.parametrize("model", ["o1-us", "o1-mini-us"])
def test_models_that_name_the_us_are_refused_by_default(server: Server, model: str) -> None:
    makers: list[Callable[..., Any]] = [
        MeinGPT,
        EMBEDDINGS["meingpt"],
        lambda model, **kwargs: use("meingpt", model, **kwargs),
        lambda model, **kwargs: use("meingpt", "gpt-4o", embed_model=model, **kwargs),
    ]
    for make in makers:
        with pytest.raises(ResidencyError, match="runs in US"):
            make(model=model)
        assert Settings._llm is None
    for make in makers:
        make(model=model, residency="any")
    assert server.requests == []


def test_a_model_named_at_the_call_is_looked_at(server: Server, ask: Ask) -> None:
    model = MeinGPT(model="gpt-4o")
    elsewhere = {"model": "o1-us"}
    changed = model.model_copy(update=elsewhere)
    for asked_for in (
        lambda: ask(model, HELLO, model="o1-us"),
        lambda: ask(model, HELLO, extra_body=elsewhere),
        lambda: ask(MeinGPT(model="gpt-4o", additional_kwargs=elsewhere), HELLO),
        lambda: ask(MeinGPT(model="gpt-4o", additional_kwargs={"extra_body": elsewhere}), HELLO),
        lambda: ask(changed, HELLO),
    ):
        with pytest.raises(ResidencyError):
            asked_for()
    assert server.requests == []


def test_strict_wants_to_know_the_image_model(server: Server, mode: Mode) -> None:
    [tool] = InnoGPTImageToolSpec(residency="strict").to_tool_list()
    with pytest.raises(ResidencyError, match="model is missing: innoGPT does not say which"):
        mode.call(tool, "call", prompt="Icon")
    assert server.requests == []


# Metadata


@pytest.mark.covers("*", "model *")
@pytest.mark.parametrize("provider", list(MODELS))
def test_metadata_comes_from_the_catalogue(provider: str) -> None:
    chat = [one for one in PROVIDERS[provider].models if one.kind == "chat" and "*" not in one.id]
    assert chat
    for known in chat:
        metadata = llm(provider, model=known.id, residency="any").metadata
        assert metadata.model_name == known.id
        assert metadata.is_function_calling_model is (known.tools is not False)
        assert metadata.context_window == (known.context_window or 32_768)
        assert metadata.is_chat_model
