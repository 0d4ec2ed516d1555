"""LangChain's own suites for chat models, against the emulator over real sockets.

Each vendor runs them in one variant; together they have every method of structured output, and
models that take images. What meinGPT's rules out is tested in tests/frameworks.
"""

from typing import ClassVar

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_dsgvo import ChatInnoGPT, ChatMeinGPT, ChatNeuroflash, ChatSovrGPT
from tests.langchain.standard import TEXT_ALONE, Integration, Unit, not_on

SOVRGPT_PAGE = "SovrGPT: POST /v1/chat/completions"
MEINGPT_PAGE = "meinGPT: Completions"


class TestInnoGPT(Integration, ChatModelIntegrationTests):
    chat_model_class = ChatInnoGPT
    chat_model_params: ClassVar = {"model": "claude-4-5-sonnet"}
    model_override_value = "gpt-5-mini"
    supports_image_inputs = supports_image_urls = supports_pdf_inputs = True
    # Images and PDFs stand in the user's messages there.
    ruled_out: ClassVar = not_on("innoGPT: Endpoints", "test_audio_inputs", "test_pdf_tool_message")


@pytest.mark.filterwarnings("ignore:meinGPT accepts 'stop'")
class TestMeinGPT(Integration, ChatModelIntegrationTests):
    chat_model_class = ChatMeinGPT
    chat_model_params: ClassVar = {"model": "gpt-4o"}
    model_override_value = "claude-3-5-sonnet"
    structured_output_kwargs: ClassVar = {"method": "json_schema"}
    ruled_out: ClassVar = not_on(MEINGPT_PAGE, *TEXT_ALONE) | {
        "test_usage_metadata_streaming": f"{MEINGPT_PAGE}: stream_options is not among the "
        "parameters that are honoured, so streams carry no usage"
    }


class TestNeuroflashUnit(Unit, ChatModelUnitTests):
    """What asks no server is one code; test_fifth_vendor.py has a vendor without a header."""

    chat_model_class = ChatNeuroflash
    chat_model_params: ClassVar = {"model": "openai/gpt-4.1-mini"}
    more_variables: ClassVar = {"WORKSPACE_ID": "workspace-of-the-environment"}


class TestNeuroflash(Integration, ChatModelIntegrationTests):
    chat_model_class = ChatNeuroflash
    chat_model_params: ClassVar = {"model": "openai/gpt-4.1-mini"}
    model_override_value = "openai/gpt-4.1"
    structured_output_kwargs: ClassVar = {"method": "function_calling"}
    ruled_out: ClassVar = not_on("neuroflash: Chat-Vervollständigungen", *TEXT_ALONE)


class TestSovrGPT(Integration, ChatModelIntegrationTests):
    """A model that takes images, in JSON mode."""

    chat_model_class = ChatSovrGPT
    chat_model_params: ClassVar = {"model": "gemma-4-26b-a4b"}
    model_override_value = "qwen3.5-9b"
    structured_output_kwargs: ClassVar = {"method": "json_mode"}
    supports_image_inputs = supports_image_urls = True
    # Images stand in the user's messages there.
    ruled_out: ClassVar = not_on(
        SOVRGPT_PAGE, "test_audio_inputs", "test_pdf_inputs", "test_pdf_tool_message"
    )
