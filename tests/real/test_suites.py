"""LangChain's standard suite, and the emulator before a real model under OpenAI's SDK."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import openai
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests

from dsgvo import PROVIDERS
from langchain_dsgvo import ChatInnoGPT
from tests.langchain.standard import TEXT_ALONE, Integration
from tests.processes import next_line, started
from tests.real.servers import Target

SMALL = "SmolLM2 has 135 million parameters: "
RULED_OUT: dict[str, str] = dict.fromkeys(TEXT_ALONE, "SmolLM2 reads text alone") | {
    "test_tool_choice": SMALL + "of two tools it calls none, and llama.cpp lets it talk on",
    "test_tool_calling_with_no_arguments": SMALL + "it answers by itself where nothing is passed",
    "test_unicode_tool_call_integration": SMALL + "asked for a record, it writes a letter",
    "test_json_mode": SMALL + "it does not follow a schema that stands in the prompt alone",
}


class TestStandard(Integration, ChatModelIntegrationTests):
    """The suite as it is; what the model's size explains is named one by one."""

    chat_model_class: ClassVar[type[BaseChatModel]] = ChatInnoGPT
    model_override_value = "smollm2"
    structured_output_kwargs: ClassVar = {"method": "json_schema"}
    ruled_out: ClassVar = RULED_OUT

    @pytest.fixture(autouse=True)
    def server(self, llama: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("INNOGPT_BASE_URL", llama.base_url)
        monkeypatch.setenv("INNOGPT_API_KEY", llama.key)

    # It repeats itself until its window is full, if it is let.
    body: ClassVar = {"max_tokens": 120, "repeat_penalty": 1.2, "repeat_last_n": 16}
    chat_model_params: ClassVar = {"model": "smollm2", "temperature": 0, "extra_body": body}


@pytest.fixture(scope="module")
def emulated(llama: Target) -> Iterator[dict[str, str]]:
    """What ``dsgvo emulator --upstream`` tells to put into the environment."""
    command = [str(Path(sys.executable).with_name("dsgvo")), "emulator", "--port", "0"]
    command += ["--upstream", llama.base_url, "--upstream-model", llama.model]
    with started(command, {**os.environ, "DSGVO_UPSTREAM_KEY": llama.key}) as process:
        told: dict[str, str] = {}
        while not {"SOVRGPT_API_KEY", "SOVRGPT_BASE_URL"} <= told.keys():
            if line := re.match(r"export (\w+)=(\S+)", next_line(process)):
                told[line[1]] = line[2]
        yield told


@pytest.mark.parametrize("vendor", PROVIDERS)
def test_the_emulator_in_front_of_a_model(vendor: str, emulated: dict[str, str]) -> None:
    name = PROVIDERS[vendor].env
    server: Any = {"base_url": emulated[f"{name}_BASE_URL"], "api_key": emulated[f"{name}_API_KEY"]}
    headers = {"x-workspace-id": emulated["NEUROFLASH_WORKSPACE_ID"]}
    client = openai.OpenAI(default_headers=headers, max_retries=0, **server)
    asked: dict[str, Any] = {"model": "openai/gpt-4.1-mini", "temperature": 0}
    asked["messages"] = [{"role": "user", "content": "Say hello!"}]
    answer = client.chat.completions.create(**asked)
    said = answer.choices[0].message.content
    assert said
    assert answer.usage
    assert answer.usage.completion_tokens > 0
    chunks = list(client.chat.completions.create(**asked, stream=True))
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == said
