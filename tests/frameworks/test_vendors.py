"""What the vendors document, through the chat models of both frameworks."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Reply, Server, Status
from langchain_dsgvo import InnoGPTImageGeneration
from llamaindex_dsgvo import InnoGPTImageToolSpec, use
from tests import calls
from tests.calls import bodies
from tests.frameworks.support import Way
from tests.vendors import MODELS, THINKING_MODEL

WHO = "Wer bist du?"
THOUGHT, ANSWER = "Berlin hat 3,7 Millionen, also mehr als Hamburg.", "Berlin ist größer."


def get_price(symbol: str) -> float:
    """Holt den aktuellen Preis."""
    return {"BTC": 97000.0}.get(symbol, 1.0)


TOOLS = [convert_to_openai_tool(get_price)]


class Person(BaseModel):
    """Eine Person."""

    name: str
    age: int


ANNA = Person(name="Anna", age=34)

# Thoughts


@pytest.mark.covers(
    "sovrgpt", "behaviour `<think>…</think>` before the answer: kept apart, and not sent back"
)
@pytest.mark.parametrize("field", [None, "reasoning_content", "reasoning"])
def test_thoughts_are_apart_and_not_sent_back(server: Server, way: Way, field: Any) -> None:
    model = way.model("sovrgpt", model=THINKING_MODEL)
    server.script("sovrgpt", Reply(ANSWER, reasoning=THOUGHT, reasoning_field=field))
    answer = way.answer(model)
    assert (answer.text, answer.thoughts.strip()) == (ANSWER, THOUGHT)
    assert answer.kinds == ["thoughts", "text"]
    way.answer(model, ["Hallo!", answer.message, "Und Hamburg?"])
    assert bodies(server)[-1]["messages"][1] == {"role": "assistant", "content": ANSWER}
    assert THOUGHT.encode() not in server.requests[-1].body


@pytest.mark.parametrize("size", [1, 3, 7])
def test_tags_may_be_split_anywhere(server: Server, way: Way, size: int) -> None:
    text = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    server.script("sovrgpt", *[Reply(chunks=pieces)] * 2)
    model = way.model("sovrgpt", model=THINKING_MODEL)
    shown = way.pieces(model)
    assert "".join(shown) == ANSWER
    assert not any("<" in piece or "think" in piece for piece in shown)
    answer = way.answer(model)
    assert (answer.text, answer.thoughts.strip()) == (ANSWER, THOUGHT)


CALL = {"name": "get_price", "arguments": {"symbol": "BTC"}}
MENTIONED = "Modelle schreiben <think>Gedanken</think> vor die Antwort."


@pytest.mark.parametrize(
    ("provider", "reply", "text", "kinds"),
    [
        (
            "sovrgpt",
            Reply(chunks=["<think>", THOUGHT, " Also"], finish_reason="length"),
            "",
            ["thoughts"],
        ),
        ("sovrgpt", Reply(MENTIONED), MENTIONED, ["text"]),
        # Gateways put models behind a vendor's name that write them.
        ("meingpt", Reply(f"<think>{THOUGHT}</think>{ANSWER}"), ANSWER, ["thoughts", "text"]),
        ("sovrgpt", Reply(reasoning=THOUGHT, tool_calls=[CALL]), "", ["thoughts", "tool_call"]),
    ],
    ids=["cut by max_tokens", "a text about the tag", "any vendor", "before a tool call"],
)
def test_where_thoughts_end(
    server: Server, way: Way, provider: str, reply: Reply, text: str, kinds: list[str]
) -> None:
    server.script(provider, reply)
    answer = way.answer(way.model(provider))
    assert (answer.text, answer.kinds) == (text, kinds)
    assert answer.finish_reason == (reply.finish_reason or ("stop" if text else "tool_calls"))
    assert answer.calls == ([] if "tool_call" not in kinds else [("get_price", {"symbol": "BTC"})])


@pytest.mark.parametrize("method", ["json_mode", "function_calling"])
def test_no_thought_in_structured_output(server: Server, way: Way, method: str) -> None:
    thought = 'Vielleicht {"name": "Bert", "age": 1}?'
    call = {"name": "Person", "arguments": ANNA.model_dump()}
    reply = Reply(reasoning=thought, tool_calls=[call])
    if method == "json_mode":
        reply = Reply(ANNA.model_dump_json(), reasoning=thought)
    server.script("sovrgpt", reply)
    model = way.model("sovrgpt", model=THINKING_MODEL)
    assert way.structured(model, Person, method, "Wer?") == ANNA


# Parameters


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_unknown_models_are_asked_as_they_are(server: Server, way: Way, provider: str) -> None:
    answer = way.answer(way.model(provider, model="Modell-von-morgen:Q4"))
    assert answer.model == bodies(server)[0]["model"] == "Modell-von-morgen:Q4"


def test_a_cut_answer_says_so(way: Way) -> None:
    answer = way.answer(way.model("innogpt", max_tokens=2), WHO)
    assert (answer.finish_reason, answer.usage["completion_tokens"]) == ("length", 2)


def test_stop_ends_the_answer(server: Server, way: Way) -> None:
    free = way.answer(way.model("sovrgpt"), WHO).text
    word = free.split()[2]
    assert way.answer(way.model("sovrgpt"), WHO, stop=[word]).text == free.split(word)[0]
    assert way.answer(way.model("sovrgpt", stop=word), WHO).text == free.split(word)[0]
    assert [body.get("stop") for body in bodies(server)] == [None, [word], word]


IGNORED = [
    *(("sovrgpt", field, 1, False) for field in ("seed", "presence_penalty", "frequency_penalty")),
    ("sovrgpt", "logit_bias", {"1": 1}, False),
    ("sovrgpt", "user", "u", False),
    ("meingpt", "max_tokens", 9, True),
    ("meingpt", "top_p", 0.5, True),
    ("meingpt", "stop", ["x"], True),
    ("meingpt", "seed", 7, False),
]


@pytest.mark.covers("sovrgpt", "parameter seed")
@pytest.mark.parametrize(("provider", "field", "value", "own"), IGNORED)
def test_what_a_vendor_ignores_is_said_once(
    server: Server, way: Way, provider: str, field: str, value: Any, own: bool
) -> None:
    settings = {field: value} if own else {"body": {field: value}}
    says = f"accepts '{field}' and does not honour it"
    with pytest.warns(errors.IgnoredParameterWarning, match=says) as seen:
        way.answer(way.model(provider, **settings))
    # It points at the line of the user, who is tests/calls.py here.
    assert {warning.filename for warning in seen} == {calls.__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        way.answer(way.model(provider, **settings))
    assert [body[field] for body in bodies(server)] == [value, value]
    with pytest.raises(errors.CapabilityError, match=says):
        way.answer(way.model(provider, strict=True, **settings))
    assert len(server.requests) == 2


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_documented_parameters_pass_without_a_word(way: Way, provider: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        way.answer(way.model(provider, temperature=0.5, strict=True))


@pytest.mark.covers("neuroflash", "parameter *")
def test_all_seventeen_fields_of_neuroflash_can_be_set(server: Server, way: Way) -> None:
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
    model = way.model("neuroflash", strict=True, **typed)
    assert typed.keys() <= type(model).model_fields.keys()
    further = {"response_format": {"type": "text"}, "tools": TOOLS, "tool_choice": "auto"}
    way.answer(model, **further)
    [body] = bodies(server)
    assert body.items() >= (typed | further).items()
    documented = PROVIDERS["neuroflash"].documented
    assert len(documented) == 17
    assert body.keys() - {"stream_options"} == documented - (set() if way.streamed else {"stream"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reasoning", "viel"),
        ("web_search_options", True),
        ("structured_outputs", "ja"),
        ("seed", 1.5),
        ("reasoning_effort", 3),
    ],
)
def test_fields_are_typed(way: Way, name: str, value: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=f"euroflash: {name}"):
        way.model("neuroflash", **{name: value})


@pytest.mark.covers(
    "neuroflash, sovrgpt",
    "parameter stream_options: usage of a stream; left out where it is refused",
)
def test_a_server_without_stream_options_is_asked_without(server: Server, way: Way) -> None:
    server.refuse("sovrgpt", "stream_options")
    for _ in range(2):
        assert way.pieces(way.model("sovrgpt"))
    assert ["stream_options" in body for body in bodies(server)] == [True, False, False]


@pytest.mark.covers(
    "neuroflash", "behaviour `usage.words_used` is what the quota counts, plain and streamed"
)
def test_words_used_come_with_the_answer(way: Way) -> None:
    answer = way.answer(way.model("neuroflash"))
    assert answer.usage["words_used"] == len(answer.text.split()) > 0


def test_meingpts_streams_carry_no_usage(way: Way) -> None:
    assert bool(way.answer(way.model("meingpt")).usage) is not way.streamed


# What is refused


SCHEMA = {"type": "json_schema", "json_schema": {"name": "P", "schema": {"type": "object"}}}
SONAR = "llama-3.1-sonar-large-128k-online"


@pytest.mark.covers(
    "sovrgpt", "behaviour JSON mode is `json_object` alone: JSON schemas are refused before sending"
)
@pytest.mark.parametrize(
    ("provider", "settings", "options", "says"),
    [
        ("sovrgpt", {"body": {"n": 2}}, {}, "n=2: SovrGPT gives one answer a request"),
        ("sovrgpt", {}, {"n": 2}, "n=2: SovrGPT gives one answer a request"),
        ("sovrgpt", {}, {"response_format": SCHEMA}, "'json_schema' is not documented by SovrGPT"),
        ("meingpt", {"model": SONAR}, {"tools": TOOLS}, "does not take tools"),
        ("meingpt", {"model": "sonar-pro"}, {"tools": TOOLS}, "does not take tools"),
    ],
    ids=["n of the model", "n of a call", "JSON schema", "tools for sonar", "for sonar-pro"],
)
def test_what_a_vendor_has_not_is_refused_before_sending(
    server: Server, way: Way, provider: str, settings: Any, options: Any, says: str
) -> None:
    with pytest.raises(errors.CapabilityError, match=says):
        way.answer(way.model(provider, **settings), **options)
    assert server.requests == []


@pytest.mark.parametrize(
    ("provider", "status", "kind", "says"),
    [
        (
            "neuroflash",
            Status(429, message="Quota reached", code="quota"),
            errors.RateLimitError,
            "neuroflash: 429: Quota reached",
        ),
        (
            "meingpt",
            Status(400, message="tools[0]: tools are not supported"),
            errors.CapabilityError,
            r"meinGPT refused them for model 'gpt-4o'.*tools\[0\]",
        ),
        (
            "meingpt",
            Status(400, message="messages is invalid"),
            errors.BadRequestError,
            "messages is invalid",
        ),
        (
            "meingpt",
            Status(403, message="Forbidden"),
            errors.PermissionDeniedError,
            "the completions API is not enabled for this organisation",
        ),
    ],
    ids=["neuroflash's quota", "tools refused", "something else refused", "API not enabled"],
)
def test_a_vendors_refusal_says_what_it_means(
    server: Server, way: Way, provider: str, status: Status, kind: Any, says: str
) -> None:
    server.script(provider, status)
    with pytest.raises(kind, match=says) as caught:
        way.answer(way.model(provider, max_retries=0), tools=TOOLS)
    assert caught.value.code == status.code


def test_a_422_names_the_field(way: Way) -> None:
    with pytest.raises(errors.UnprocessableEntityError, match="422: seed: must be a valid integer"):
        way.answer(way.model("neuroflash"), extra_body={"seed": "x"})


# Signing in


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_a_wrong_key_is_refused_and_not_shown(way: Way, provider: str) -> None:
    with pytest.raises(errors.AuthenticationError, match="api_key") as caught:
        way.answer(way.model(provider, api_key="falsch-4711"))
    assert "falsch-4711" not in str(caught.value)


@pytest.mark.covers("neuroflash", "endpoint POST /oauth/v2/token")
def test_client_credentials(server: Server, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEUROFLASH_API_KEY")
    monkeypatch.setenv("NEUROFLASH_CLIENT_ID", server.client_id)
    monkeypatch.setenv("NEUROFLASH_CLIENT_SECRET", server.client_secret)
    before = server.token_requests
    model = way.model("neuroflash")
    for _ in range(2):
        way.answer(model)
    assert server.token_requests == before + 1
    server.expire_tokens()
    way.answer(model)
    assert server.token_requests == before + 2
    assert server.client_secret not in f"{model!r} {model.model_dump()} {model.model_dump_json()}"


def test_the_workspace_is_asked_for_before_anything_is_sent(
    server: Server, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEUROFLASH_WORKSPACE_ID")
    with pytest.raises(errors.ConfigurationError, match=r"pass workspace_id=….*workspaces\(\) li"):
        way.model("neuroflash")
    way.answer(way.model("neuroflash", workspace_id=server.workspace_id))
    assert [one.headers["x-workspace-id"] for one in server.requests] == [server.workspace_id]


# Where the data goes

EMBEDDING = "text-embedding-3-small"


def every_class(way: Way, **kwargs: Any) -> list[Any]:
    """Return what makes an object of each class, for a given model."""
    makers: list[Any] = [
        lambda model, provider=provider: way.model(provider, model=model, **kwargs)
        for provider in PROVIDERS
    ]
    makers += [
        lambda model, provider=provider: way.embeddings(
            provider, model=model, allow_undocumented=True, **kwargs
        )
        for provider in PROVIDERS
    ]
    if way.is_langchain:
        return [*makers, lambda model: InnoGPTImageGeneration(model=model, **kwargs)]
    trusting: Any = {"trusted_models": [EMBEDDING]} | kwargs
    return [
        *makers,
        lambda model: InnoGPTImageToolSpec(model=model, **kwargs),
        lambda model: use("innogpt", model, embed_model=None, **kwargs),
        lambda model: use("innogpt", EMBEDDING, embed_model=model, **trusting),
    ]


def test_strict_refuses_unknown_places_on_every_class(
    server: Server, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    for make in every_class(way, residency="strict"):
        with pytest.raises(errors.ResidencyError):
            make("ganz-neu")
    for make in every_class(way, residency="strict", trusted_models=["ganz-neu", EMBEDDING]):
        make("ganz-neu")
    monkeypatch.setenv("DSGVO_RESIDENCY", "strict")
    for make in every_class(way):
        with pytest.raises(errors.ResidencyError):
            make("ganz-neu")
    for make in every_class(way, residency="any"):
        make("ganz-neu")
    assert server.requests == []


@pytest.mark.parametrize("model", ["o1-us", "o1-mini-us"])
def test_models_that_name_the_us_are_refused_by_default(
    server: Server, way: Way, model: str
) -> None:
    makers: list[Any] = [way.model, way.embeddings]
    if not way.is_langchain:
        makers += [
            lambda provider, model, **more: use(provider, model, **more),
            lambda provider, model, **more: use(provider, "gpt-4o", embed_model=model, **more),
        ]
    for make in makers:
        with pytest.raises(errors.ResidencyError, match="runs in US"):
            make("meingpt", model=model)
        make("meingpt", model=model, residency="any")
    assert server.requests == []


def test_a_model_named_at_the_call_is_looked_at(server: Server, way: Way) -> None:
    model, elsewhere = way.model("meingpt"), {"model": "o1-us"}
    for asked_for in (
        lambda: way.answer(model, **elsewhere),
        lambda: way.answer(model, extra_body=elsewhere),
        lambda: way.answer(way.model("meingpt", body=elsewhere)),
        lambda: way.answer(way.model("meingpt", body={"extra_body": elsewhere})),
        lambda: way.answer(model.model_copy(update=elsewhere)),
    ):
        with pytest.raises(errors.ResidencyError):
            asked_for()
    assert server.requests == []


def test_an_unknown_residency_is_refused(way: Way) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"residency='usa' .*'eu', 'strict' or 'an"):
        way.model("meingpt", residency="usa")


# Profiles and metadata


@pytest.mark.covers("*", "model *")
@pytest.mark.parametrize("provider", list(MODELS))
def test_what_is_known_of_a_model_comes_from_the_catalogue(way: Way, provider: str) -> None:
    chat = [one for one in PROVIDERS[provider].models if one.kind == "chat" and "*" not in one.id]
    assert chat
    facts = {"images": "image_inputs", "files": "pdf_inputs", "tools": "tool_calling"}
    for known in chat:
        model = way.model(provider, model=known.id, residency="any")
        if way.is_langchain:
            found = {name: getattr(known, fact) for fact, name in facts.items()}
            assert (model.profile or {}) == {k: v for k, v in found.items() if v is not None}
            continue
        metadata = model.metadata
        assert metadata.model_name == known.id
        assert metadata.is_function_calling_model is (known.tools is not False)
        assert metadata.context_window == (known.context_window or 32_768)
        assert metadata.is_chat_model
