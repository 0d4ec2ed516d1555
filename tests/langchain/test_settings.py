"""A model object: how it is made, shown, copied, stored, traced and measured."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from inline_snapshot import snapshot
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool
from pydantic import SecretStr

from dsgvo import PROVIDERS, __version__, errors
from dsgvo.emulator import Reply, Server
from tests.langchain.support import CHAT, Way, bodies, chat
from tests.vendors import MODELS

KEY = "sk-geheim-4711-geheim"
BETA = pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")


def test_argument_names_of_other_integrations_are_understood(server: Server) -> None:
    model = CHAT["sovrgpt"](
        model_name="m",
        api_base="https://ki.example.com/v1",
        request_timeout=3,
        max_completion_tokens=5,
        stop_sequences=["X"],
    )
    shown = (model.model, model.base_url, model.timeout, model.max_tokens, model.stop)
    assert shown == ("m", "https://ki.example.com/v1", 3, 5, ["X"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"temprature": 1},
            "ChatSovrGPT has no argument 'temprature': did you mean 'temperature'?",
        ),
        (
            {"grammar": "g"},
            (
                "ChatSovrGPT has no argument 'grammar': fields of the request's body go into "
                "model_kwargs={'grammar': …}"
            ),
        ),
        ({"api_key": 7}, "api_key is a int, not a str"),
        ({"temperature": "warm"}, "temperature='warm'"),
        ({"model": "a", "model_name": "b"}, "model and model_name are the same argument"),
        ({"default_headers": {"x": ["geheim"]}}, "default_headers['x'] holds characters"),
    ],
)
def test_mistakes_are_told_with_the_way_out(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        chat("sovrgpt", **wrong)
    assert says in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_what_is_shown_holds_no_key(server: Server, provider: str) -> None:
    model = chat(provider, api_key=KEY, default_headers={"x-gateway-key": "geheim-0815"})
    bound = model.bind(stop=["X"])
    chain = model.with_structured_output({"title": "a", "type": "object", "properties": {}})
    shown = [repr(model), str(model), repr(bound), repr(chain), repr(model.model_dump())]
    shown += [model.model_dump_json(), repr(model.asdict()), repr(model._get_ls_params())]
    assert [text for text in shown if KEY in text] == []
    assert [text for text in shown[:4] if "geheim-0815" in text] == []
    assert MODELS[provider] in repr(model)


def test_what_identifies_a_model(server: Server) -> None:
    model = chat("sovrgpt", temperature=0.5, base_url="https://ki.example.com/v1")
    assert model._llm_type == "sovrgpt-chat"
    assert model.asdict() == snapshot(
        {
            "provider": "sovrgpt",
            "model": "qwen3.5-9b",
            "base_url": "https://ki.example.com/v1",
            "temperature": 0.5,
            "_type": "sovrgpt-chat",
        }
    )


# Copies


def again_by_pickle(model: Any) -> Any:
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, again_by_pickle, lambda model: model.model_copy()]
)
@pytest.mark.parametrize("used", [False, True])
def test_copies_ask_as_the_original(
    server: Server, provider: str, way: Way, twin: Any, used: bool
) -> None:
    server.script(provider, *[Reply("Ja.")] * 2)
    model = chat(provider, temperature=0.5)
    if used:
        way.answer(model)
    again = twin(model)
    assert again == model
    assert way.answer(again).content == "Ja."
    assert bodies(server)[-1]["temperature"] == 0.5


def test_pickled_chains_ask_too_with_a_gateways_headers(server: Server) -> None:
    model = chat("sovrgpt", default_headers={"x-gateway-key": "geheim-123"})
    assert "geheim-123" not in dumps(model) + repr(model)
    again_by_pickle(copy.deepcopy(model).bind(stop=["X"])).invoke("Hallo!")
    assert server.requests[0].headers["x-gateway-key"] == "geheim-123"
    assert bodies(server)[0]["stop"] == ["X"]


def test_a_changed_copy_asks_with_its_own_settings(server: Server, way: Way) -> None:
    model = chat("sovrgpt", temperature=0.5)
    way.answer(model)
    changed = model.model_copy(
        update={"temperature": 0.1, "model": "gemma-4-26b-a4b", "api_key": SecretStr("falsch")}
    )
    with pytest.raises(errors.AuthenticationError):
        way.answer(changed)
    way.answer(model)
    sent = [(body["model"], body["temperature"]) for body in bodies(server)]
    assert sent == [("qwen3.5-9b", 0.5), ("gemma-4-26b-a4b", 0.1), ("qwen3.5-9b", 0.5)]
    keys = [request.headers["authorization"] for request in server.requests]
    assert keys == [f"Bearer {server.api_key}", "Bearer falsch", f"Bearer {server.api_key}"]


def test_a_changed_attribute_is_used(server: Server, way: Way) -> None:
    model = chat("sovrgpt", default_headers={"x-a": "1"})
    way.answer(model)
    model.default_headers = {"x-a": "2"}
    model.temperature = 0.9
    way.answer(model)
    assert [request.headers["x-a"] for request in server.requests] == ["1", "2"]
    assert bodies(server)[1]["temperature"] == 0.9


# Storing


def test_dumps_names_the_key_and_does_not_hold_it(server: Server, provider: str) -> None:
    model = chat(provider, api_key=KEY, temperature=0.5)
    text = dumps(model)
    assert KEY not in text
    stored = json.loads(text)
    assert stored["id"] == ["langchain_dsgvo", provider, type(model).__name__]
    variable = PROVIDERS[provider].key_variables[0]
    assert stored["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": [variable]}
    assert model.lc_secrets["api_key"] == variable


@BETA
def test_loads_makes_the_same_model_with_the_key_of_the_map_or_the_environment(
    server: Server, provider: str
) -> None:
    settings = {"temperature": 0.5, "stop": ["X"], "model_kwargs": {"top_k": 3}}
    variable = PROVIDERS[provider].key_variables[0]
    for key, secrets in ((KEY, {variable: KEY}), (server.api_key, {})):
        model = chat(provider, api_key=SecretStr(key), **settings)
        again = loads(
            dumps(model),
            allowed_objects=[type(model)],
            valid_namespaces=["langchain_dsgvo"],
            secrets_map=secrets,
        )
        assert again == model
        assert again.api_key == SecretStr(key)


def test_neuroflashs_client_secret_is_a_secret_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEUROFLASH_API_KEY")
    model = chat("neuroflash", client_id=server.client_id, client_secret=server.client_secret)
    assert server.client_secret not in dumps(model) + repr(model)
    assert model.lc_secrets == {
        "api_key": "NEUROFLASH_API_KEY",
        "client_secret": "NEUROFLASH_CLIENT_SECRET",
    }
    assert model.invoke("Hallo!").text
    assert again_by_pickle(model).invoke("Hallo!").text
    assert server.token_requests >= 1


# Configuring at run time


@pytest.mark.parametrize("name", ["model", "model_name"])
def test_fields_can_be_configured_at_run_time(server: Server, way: Way, name: str) -> None:
    fields = {"temperature": ConfigurableField(id="heat"), name: ConfigurableField(id="model")}
    model = chat("sovrgpt", temperature=0.1).configurable_fields(**fields)
    way.answer(model)
    way.answer(model, config={"configurable": {"heat": 0.9, "model": "gemma-4-26b-a4b"}})
    way.answer(model.with_config(configurable={"heat": 0.5}))
    sent = [(body["model"], body["temperature"]) for body in bodies(server)]
    assert sent == [("qwen3.5-9b", 0.1), ("gemma-4-26b-a4b", 0.9), ("qwen3.5-9b", 0.5)]


def test_alternatives_can_be_chosen_at_run_time(server: Server, way: Way) -> None:
    model = chat("sovrgpt").configurable_alternatives(
        ConfigurableField(id="vendor"), default_key="sovrgpt", innogpt=chat("innogpt")
    )
    way.answer(model)
    way.answer(model, config={"configurable": {"vendor": "innogpt"}})
    assert [request.provider for request in server.requests] == ["sovrgpt", "innogpt"]


# Tracing


class Traced(BaseCallbackHandler):
    def __init__(self) -> None:
        self.starts: list[dict[str, Any]] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.starts.append({"serialized": serialized, **kwargs})


def test_traces_show_what_was_asked_for_and_no_secret(server: Server, way: Way) -> None:
    handler = Traced()
    model = chat(
        "sovrgpt", temperature=0.5, max_tokens=9, default_headers={"x-gateway-key": "geheim"}
    )
    way.answer(model, config={"callbacks": [handler]}, stop=["X"], top_p=0.5)
    [start] = handler.starts
    assert start["invocation_params"] == snapshot(
        {
            "model": "qwen3.5-9b",
            "temperature": 0.5,
            "max_tokens": 9,
            "top_p": 0.5,
            "stop": ["X"],
            "_type": "sovrgpt-chat",
        }
    )
    assert {k: v for k, v in start["metadata"].items() if k.startswith("ls_")} == snapshot(
        {
            "ls_provider": "sovrgpt",
            "ls_model_type": "chat",
            "ls_stop": ["X"],
            "ls_model_name": "qwen3.5-9b",
            "ls_temperature": 0.5,
            "ls_max_tokens": 9,
            "ls_integration": "langchain_chat_model",
        }
    )
    assert server.api_key not in repr(start)


def test_traces_carry_the_versions_at_work_and_the_settings_of_the_call(
    server: Server, provider: str
) -> None:
    handler = Traced()
    model = chat(provider, metadata={"abteilung": 7}, temperature=0.5, max_tokens=9, stop="X")
    called = {"stop": ["Y"], "model": "m", "temperature": 0.1, "max_tokens": 3}
    expected = {"model_name" if name == "model" else name: value for name, value in called.items()}
    assert (
        model._get_ls_params(**called).items()
        >= {
            **{f"ls_{name}": value for name, value in expected.items()},
            "ls_provider": provider,
            "ls_model_type": "chat",
        }.items()
    )
    chat(provider, metadata={"abteilung": 7}).invoke("Hallo!", config={"callbacks": [handler]})
    metadata = handler.starts[0]["metadata"]
    assert metadata["abteilung"] == 7
    assert metadata["lc_versions"]["dsgvo-llm"] == __version__
    assert {"langchain-core", "langchain"} < metadata["lc_versions"].keys()


# What is known of a model


def test_tokens_are_counted_without_a_tokenizer_and_without_a_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket

    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    monkeypatch.setitem(__import__("sys").modules, "tiktoken", None)
    model = chat("sovrgpt")

    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    messages = [SystemMessage("Knapp."), HumanMessage("Der Datenschutz gilt."), AIMessage("Ja.")]
    assert model.get_num_tokens("Der Datenschutz gilt.") == 6
    plain = model.get_num_tokens_from_messages(messages)
    assert 15 <= plain <= 30
    assert model.get_num_tokens_from_messages(messages, tools=[add]) > plain + 20
    assert model.get_num_tokens("") == 0
    call: Any = {"name": "suche", "args": {"frage": "x" * 100}, "id": "1", "type": "tool_call"}
    messages[-1] = AIMessage("Ja.", tool_calls=[call])
    assert model.get_num_tokens_from_messages(messages) > plain + 20


def test_token_ids_need_a_tokenizer_of_the_user() -> None:
    with pytest.raises(errors.CapabilityError, match="publishes no tokenizer"):
        chat("sovrgpt").get_token_ids("Hallo")
    model = chat("sovrgpt", custom_get_token_ids=lambda text: [len(word) for word in text.split()])
    assert model.get_token_ids("Der Datenschutz") == [3, 11]
    assert model.get_num_tokens("Der Datenschutz") == 2
