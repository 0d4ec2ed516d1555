"""A model object: how it is made, shown, copied, stored, traced and measured."""

import copy
import json
import pickle
import socket
import sys
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import SecretStr

from dsgvo import PROVIDERS, __version__, errors
from dsgvo.emulator import Server
from tests.frameworks.test_answers import add
from tests.langchain.support import Way, bodies, chat
from tests.vendors import MODELS

KEY = "sk-geheim-4711-geheim"


def test_what_is_shown_holds_no_key(provider: str) -> None:
    model = chat(provider, api_key=KEY, default_headers={"x-gateway-key": "geheim-0815"})
    bound = model.bind(stop=["X"])
    chain = model.with_structured_output({"title": "a", "type": "object", "properties": {}})
    shown = [repr(model), str(model), repr(bound), repr(chain), repr(model.model_dump())]
    shown += [model.model_dump_json(), repr(model.asdict()), repr(model._get_ls_params())]
    assert [text for text in shown if KEY in text] == []
    assert [text for text in shown[:4] if "geheim-0815" in text] == []
    assert MODELS[provider] in repr(model)


def test_copies_ask_as_the_original_and_changed_ones_by_theirs(server: Server, way: Way) -> None:
    model = chat("sovrgpt", default_headers={"x-a": "1"})
    way.answer(model)
    for twin in (copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        copied = twin(model)
        assert copied == model
        way.answer(copied)
    changed = model.model_copy(update={"model": "andere", "api_key": SecretStr("falsch")})
    with pytest.raises(errors.AuthenticationError):
        way.answer(changed)
    model.default_headers = {"x-a": "2"}
    way.answer(model)
    model.default_headers["x-a"] = "3"  # in place
    way.answer(model)
    assert [body["model"] for body in bodies(server)][4:] == ["andere", *[model.model] * 2]
    sent = [(one.headers["authorization"], one.headers["x-a"]) for one in server.requests]
    own = f"Bearer {server.api_key}"
    assert sent == [*[(own, "1")] * 4, ("Bearer falsch", "1"), (own, "2"), (own, "3")]


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_dumps_names_the_key_and_loads_makes_the_same_model(provider: str) -> None:
    variable = PROVIDERS[provider].key_variables[0]
    secrets = {"X-Gateway-Key": "geheim", "X-Tenant": "a1b2c3d4e5f6g7h8i9"}
    settings: Any = {"api_key": KEY, "temperature": 0.5, "model_kwargs": {"top_k": 3}}
    model = chat(provider, **settings, default_headers={"X-Team": "rag", **secrets})
    text = dumps(model)
    assert [secret for secret in (KEY, *secrets.values()) if secret in text] == []
    stored = json.loads(text)
    assert stored["id"] == ["langchain_dsgvo", provider, type(model).__name__]
    assert stored["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": [variable]}
    allowed: Any = {"allowed_objects": [type(model)], "valid_namespaces": ["langchain_dsgvo"]}
    again = loads(text, **allowed, secrets_map={variable: KEY})
    assert again == chat(provider, **settings, default_headers={"X-Team": "rag"})
    assert again.api_key == SecretStr(KEY)


def test_neuroflashs_client_secret_is_a_secret_too() -> None:
    model = chat("neuroflash", api_key=None, client_id="c", client_secret=KEY)
    assert KEY not in f"{dumps(model)} {model!r} {model.model_dump()} {model.model_dump_json()}"
    assert model.lc_secrets["client_secret"] == "NEUROFLASH_CLIENT_SECRET"


class Traced(BaseCallbackHandler):
    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.start = {"serialized": serialized, **kwargs}


def test_traces_show_what_was_asked_for_versions_and_no_secret(server: Server, way: Way) -> None:
    traced = Traced()
    settings = {"temperature": 0.5, "max_tokens": 9, "metadata": {"abteilung": 7}}
    model = chat("sovrgpt", **settings, default_headers={"x-gateway-key": "geheim"})
    way.answer(model, config={"callbacks": [traced]}, stop=["X"], top_p=0.5)
    asked = {"model": "qwen3.5-9b", "temperature": 0.5, "max_tokens": 9, "stop": ["X"]}
    assert traced.start["invocation_params"] == asked | {"top_p": 0.5, "_type": "sovrgpt-chat"}
    metadata = traced.start["metadata"]
    asked |= {"provider": "sovrgpt", "model_type": "chat", "model_name": asked.pop("model")}
    asked["integration"] = "langchain_chat_model"
    told = {name: value for name, value in metadata.items() if name.startswith("ls_")}
    assert told == {f"ls_{name}": value for name, value in asked.items()}
    assert (metadata["abteilung"], metadata["lc_versions"]["dsgvo-llm"]) == (7, __version__)
    assert {"langchain-core", "langchain"} < metadata["lc_versions"].keys()
    assert [text for text in (server.api_key, "geheim") if text in repr(traced.start)] == []
    assert chat("sovrgpt", stop="X")._get_ls_params()["ls_stop"] == ["X"]


# What is known of a model


def test_tokens_are_counted_without_a_tokenizer_or_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    for package in ("transformers", "tiktoken"):
        monkeypatch.setitem(sys.modules, package, None)
    model = chat("sovrgpt")
    call: Any = {"name": "suche", "args": {"frage": "x" * 100}, "id": "1", "type": "tool_call"}
    asked = [SystemMessage("Knapp."), HumanMessage("Der Datenschutz gilt.")]
    assert model.get_num_tokens("Der Datenschutz gilt.") == 6
    plain = model.get_num_tokens_from_messages([*asked, AIMessage("Ja.")])
    assert 15 <= plain <= 30
    for more, tools in ((AIMessage("Ja."), [add]), (AIMessage("Ja.", tool_calls=[call]), [])):
        assert model.get_num_tokens_from_messages([*asked, more], tools=tools) > plain + 20
    with pytest.raises(errors.CapabilityError, match="publishes no tokenizer"):
        model.get_token_ids("Hallo")
