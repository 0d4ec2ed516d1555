"""LangChain's own suites for chat models, against the emulator over real sockets.

``DO_NOT_OVERRIDE`` is respected: what a vendor's page rules out is skipped with the page's name by
``ruled_out``, and what happens instead is tested right here.
"""

from __future__ import annotations

from base64 import b64decode
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from pydantic import BaseModel

from dsgvo.emulator import Server
from langchain_dsgvo import ChatInnoGPT, ChatMeinGPT, ChatNeuroflash, ChatSovrGPT
from langchain_dsgvo.errors import CapabilityError
from tests.langchain.support import Mode
from tests.vendors import THINKING_MODEL

PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
PDF = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
INNOGPT_PAGE = "innoGPT: Endpoints"
NEUROFLASH_PAGE = "neuroflash: Chat-Vervollständigungen"
lc_load = import_module("langchain_core.load.load")  # its package hides it behind a function
SOVRGPT_PAGE = "SovrGPT: POST /v1/chat/completions"
MEINGPT_PAGE = "meinGPT: Completions"


TEXT_ALONE = (
    "test_audio_inputs",
    "test_image_inputs",
    "test_pdf_inputs",
    "test_image_tool_message",
    "test_pdf_tool_message",
)


def not_on(page: str, *tests: str) -> dict[str, str]:
    """Return the tests of input that a vendor's page does not document, each with the reason."""
    return dict.fromkeys(tests, f"{page}: this input is not among those that it documents")


class Vendor:
    """What is the same in a vendor's unit and integration tests."""

    chat: ClassVar[type[BaseChatModel]]
    params: ClassVar[dict[str, Any]]
    ruled_out: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def skip_what_the_page_rules_out(self, request: pytest.FixtureRequest) -> None:
        if reason := self.ruled_out.get(request.node.originalname):
            pytest.skip(reason)

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return self.chat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return self.params


class Unit(Vendor):
    variable: ClassVar[str]
    more_variables: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def vendors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Nothing is sent here; without the emulator's port the snapshots stay the same.
        for name, value in {"API_KEY": "key", **self.more_variables}.items():
            monkeypatch.setenv(f"{self.variable}_{name}", value)

    @pytest.fixture(autouse=True)
    def known_to_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # ``allowed_objects="all"`` means the partners that langchain-core lists by name. The way
        # for users, ``allowed_objects=[ChatSovrGPT]``, is tested in test_settings.py.
        path = tuple(self.chat.lc_id())
        monkeypatch.setitem(lc_load.ALL_SERIALIZABLE_MAPPINGS, path, path)
        monkeypatch.setattr(lc_load, "_default_class_paths_cache", {})

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        variables = {
            f"{self.variable}_API_KEY": "key-of-the-environment",
            f"{self.variable}_BASE_URL": "https://ki.example.com/v1",
            **{f"{self.variable}_{name}": value for name, value in self.more_variables.items()},
        }
        expected = {
            "api_key": "key-of-the-environment",
            "base_url": "https://ki.example.com/v1",
            "model": self.params["model"],
        }
        return variables, self.params, expected


@pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")
class Integration(Vendor):
    override: ClassVar[str]
    images: ClassVar[bool] = False
    documents: ClassVar[bool] = False
    method: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def pictures_and_documents_without_a_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The suite fetches them from the Internet with this function, which is not ours.
        def get(url: str, **_: Any) -> SimpleNamespace:
            return SimpleNamespace(content=PDF.read_bytes() if url.endswith(".pdf") else PIXEL)

        monkeypatch.setattr(httpx, "get", get)

    @pytest.fixture
    def vcr(self) -> SimpleNamespace:
        """The emulator in place of a recording: what is streamed is never taken from one."""
        return SimpleNamespace(responses=())

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return self.images

    @property
    def supports_image_urls(self) -> bool:
        return self.images

    @property
    def supports_pdf_inputs(self) -> bool:
        return self.documents

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return self.method

    @property
    def model_override_value(self) -> str:
        return self.override


class InnoGPT:
    chat = ChatInnoGPT
    params: ClassVar = {"model": "claude-4-5-sonnet"}


class TestInnoGPTUnit(InnoGPT, Unit, ChatModelUnitTests):
    variable = "INNOGPT"


class TestInnoGPT(InnoGPT, Integration, ChatModelIntegrationTests):
    override = "gpt-5-mini"
    images = True
    documents = True
    # Images and PDFs stand in the user's messages there.
    ruled_out: ClassVar = not_on(
        INNOGPT_PAGE, "test_audio_inputs", "test_image_tool_message", "test_pdf_tool_message"
    )


class TestInnoGPTJsonSchema(TestInnoGPT):
    method: ClassVar = {"method": "json_schema"}


class TestInnoGPTJsonMode(TestInnoGPT):
    method: ClassVar = {"method": "json_mode"}


class TestInnoGPTThatStreamsUnasked(TestInnoGPT):
    params: ClassVar = {"model": "gpt-5"}
    override = "claude-4-5-sonnet"


class MeinGPT:
    chat = ChatMeinGPT
    params: ClassVar = {"model": "gpt-4o"}


class TestMeinGPTUnit(MeinGPT, Unit, ChatModelUnitTests):
    variable = "MEINGPT"


@pytest.mark.filterwarnings("ignore:meinGPT accepts 'stop'")
class TestMeinGPT(MeinGPT, Integration, ChatModelIntegrationTests):
    override = "claude-3-5-sonnet"
    ruled_out: ClassVar = not_on(MEINGPT_PAGE, *TEXT_ALONE) | {
        "test_usage_metadata_streaming": f"{MEINGPT_PAGE}: stream_options is not among the "
        "parameters that are honoured, so streams carry no usage",
    }


class TestMeinGPTJsonSchema(TestMeinGPT):
    method: ClassVar = {"method": "json_schema"}


class TestMeinGPTJsonMode(TestMeinGPT):
    method: ClassVar = {"method": "json_mode"}


class Neuroflash:
    chat = ChatNeuroflash
    params: ClassVar = {"model": "openai/gpt-4.1-mini"}


class TestNeuroflashUnit(Neuroflash, Unit, ChatModelUnitTests):
    variable = "NEUROFLASH"
    more_variables: ClassVar = {"WORKSPACE_ID": "workspace-of-the-environment"}


class TestNeuroflash(Neuroflash, Integration, ChatModelIntegrationTests):
    override = "anthropic/claude-sonnet-4.5"
    ruled_out: ClassVar = not_on(NEUROFLASH_PAGE, *TEXT_ALONE)


class TestNeuroflashFunctionCalling(TestNeuroflash):
    method: ClassVar = {"method": "function_calling"}


class TestNeuroflashJsonMode(TestNeuroflash):
    method: ClassVar = {"method": "json_mode"}


class SovrGPT:
    chat = ChatSovrGPT
    params: ClassVar = {"model": "qwen3.5-9b"}


class TestSovrGPTUnit(SovrGPT, Unit, ChatModelUnitTests):
    variable = "SOVRGPT"
    ruled_out: ClassVar = {
        "test_with_structured_output": f"{SOVRGPT_PAGE}: response_format is json_object alone, so "
        "method='json_schema', which the test wants, is refused",
    }


class TestSovrGPT(SovrGPT, Integration, ChatModelIntegrationTests):
    params: ClassVar = {"model": "gemma-4-26b-a4b"}  # takes images
    override = "qwen3.5-9b"
    images = True
    # Images stand in the user's messages there.
    ruled_out: ClassVar = not_on(
        SOVRGPT_PAGE,
        "test_audio_inputs",
        "test_pdf_inputs",
        "test_image_tool_message",
        "test_pdf_tool_message",
    )


class TestSovrGPTJsonMode(TestSovrGPT):
    method: ClassVar = {"method": "json_mode"}


class TestSovrGPTThatThinks(TestSovrGPT):
    params: ClassVar = {"model": THINKING_MODEL}
    images = False  # accepts_vision is false
    ruled_out: ClassVar = not_on(SOVRGPT_PAGE, *TEXT_ALONE)


class Person(BaseModel):
    """Eine Person."""

    name: str


def test_sovrgpt_refuses_what_its_suite_skips() -> None:
    model = ChatSovrGPT(model="qwen3.5-9b")
    with pytest.raises(CapabilityError) as caught:
        model.with_structured_output(Person, method="json_schema")
    assert str(caught.value) == (
        "method='json_schema' is not documented by SovrGPT (SovrGPT: POST /v1/chat/completions): "
        "use 'function_calling' or 'json_mode'"
    )


@pytest.mark.parametrize("method", ["function_calling", "json_mode"])
def test_sovrgpt_has_the_methods_that_it_documents(method: Any) -> None:
    chain = ChatSovrGPT(model="qwen3.5-9b").with_structured_output(Person, method=method)
    assert chain.invoke("Sie heißt „Anna“.") == Person(name="Anna")


def test_meingpt_streams_carry_no_usage(server: Server, mode: Mode) -> None:
    chunks = mode.stream(ChatMeinGPT(model="gpt-4o"), "Hallo!")
    assert [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata] == []
    assert chunks[-1].response_metadata["finish_reason"] == "stop"
