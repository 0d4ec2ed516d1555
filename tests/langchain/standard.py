"""What a vendor's chat model needs to run LangChain's own suites, against the emulator.

``DO_NOT_OVERRIDE`` is respected: what a vendor's page rules out is skipped with the page's name by
``ruled_out``.
"""

from base64 import b64decode
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import httpx
import pytest

from dsgvo import PROVIDERS

PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
PDF = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
lc_load = import_module("langchain_core.load.load")  # its package hides it behind a function
TEXT_ALONE = (
    *("test_audio_inputs", "test_image_inputs", "test_pdf_inputs"),
    *("test_image_tool_message", "test_pdf_tool_message"),
)


def not_on(page: str, *tests: str) -> dict[str, str]:
    """Return the tests of input that a vendor's page does not document, each with the reason."""
    return dict.fromkeys(tests, f"{page}: this input is not among those that it documents")


class Vendor:
    """What is the same in a vendor's unit and integration tests."""

    chat_model_class: ClassVar[Any]
    chat_model_params: ClassVar[dict[str, Any]]
    ruled_out: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def skip_what_the_page_rules_out(self, request: pytest.FixtureRequest) -> None:
        if reason := self.ruled_out.get(request.node.originalname):
            pytest.skip(reason)


class Unit(Vendor):
    more_variables: ClassVar[dict[str, str]] = {}

    def named(self, **values: str) -> dict[str, str]:
        """Return values by the names of the vendor's variables."""
        start, values = PROVIDERS[self.chat_model_class.provider].env, values | self.more_variables
        return {f"{start}_{name.upper()}": value for name, value in values.items()}

    @pytest.fixture(autouse=True)
    def vendors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Nothing is sent here; without the emulator's port the snapshots stay the same.
        for name, value in self.named(api_key="key").items():
            monkeypatch.setenv(name, value)

    @pytest.fixture(autouse=True)
    def known_to_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # ``allowed_objects="all"`` means the partners that langchain-core lists by name. The way
        # for users, ``allowed_objects=[ChatSovrGPT]``, is tested in test_settings.py.
        path = tuple(self.chat_model_class.lc_id())
        monkeypatch.setitem(lc_load.ALL_SERIALIZABLE_MAPPINGS, path, path)
        monkeypatch.setattr(lc_load, "_default_class_paths_cache", {})

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        expected = {"api_key": "key-of-the-environment", "base_url": "https://ki.example.com/v1"}
        return self.named(**expected), self.chat_model_params, expected


@pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")
class Integration(Vendor):
    model_override_value: ClassVar[str]
    structured_output_kwargs: ClassVar[dict[str, Any]] = {}
    supports_image_inputs: ClassVar[bool] = False
    supports_image_urls: ClassVar[bool] = False
    supports_pdf_inputs: ClassVar[bool] = False
    enable_vcr_tests = supports_json_mode = supports_anthropic_inputs = True

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
