"""The shared table of bad input, through this package: nothing is sent, and the text says why."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.exceptions import ModelInvalidRequestError

from dsgvo import errors
from dsgvo.emulator import Server
from langchain_dsgvo._chat import ChatModel
from tests.bad_input import CASES, KEY, MODEL, BadInput
from tests.langchain.support import CHAT, EMBEDDINGS, Mode


def ask(case: BadInput, server: Server, mode: Mode) -> Any:
    """Make the mistake; fields of a model are arguments of its class, as users write them."""
    settings: dict[str, Any] = {"api_key": KEY, "base_url": server.base_url(case.provider)}
    if case.provider == "neuroflash":
        settings["workspace_id"] = "workspace"
    params = dict(case.params)
    if case.call == "embed":
        texts = params.pop("texts", ["a"])
        settings |= params
        given = {k: v for k, v in (settings | dict(case.settings)).items() if k not in case.without}
        return mode.call(EMBEDDINGS[case.provider](**given), "embed_documents", texts)
    kind: type[ChatModel] = CHAT[case.provider]
    settings["model"] = MODEL
    settings |= {name: params.pop(name) for name in list(params) if name in kind.model_fields}
    given = {k: v for k, v in (settings | dict(case.settings)).items() if k not in case.without}
    return mode.invoke(kind(**given), "Hallo!", **params)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input(
    case: BadInput, server: Server, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in CHAT:
        for name in server.environ(provider):
            monkeypatch.delenv(name, raising=False)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(getattr(errors, case.error)) as caught:
        ask(case, server, mode)
    message = str(caught.value)
    assert [text for text in case.says if text not in message] == []
    assert [text for text in (*case.hides, KEY) if text in message] == []
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert server.requests == []
