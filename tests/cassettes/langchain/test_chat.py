"""LangChain's standard suite for chat models, replayed: no server, and the network cut."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.langchain import test_standard_chat as standard


class TestInnoGPT(standard.TestInnoGPT):
    provider: ClassVar = "innogpt"


class TestInnoGPTThatStreamsUnasked(standard.TestInnoGPTThatStreamsUnasked):
    provider: ClassVar = "innogpt"
    suite = "chat-that-streams-unasked"


@pytest.mark.filterwarnings("ignore:meinGPT accepts 'stop'")
class TestMeinGPT(standard.TestMeinGPT):
    provider: ClassVar = "meingpt"


class TestNeuroflash(standard.TestNeuroflash):
    provider: ClassVar = "neuroflash"


class TestSovrGPT(standard.TestSovrGPT):
    provider: ClassVar = "sovrgpt"


class TestSovrGPTThatThinks(standard.TestSovrGPTThatThinks):
    provider: ClassVar = "sovrgpt"
    suite = "chat-that-thinks"


class TestInnoGPTJsonSchema(standard.TestInnoGPTJsonSchema):
    provider: ClassVar = "innogpt"
    suite = "json-schema"
    only = "structured_output"


class TestInnoGPTJsonMode(standard.TestInnoGPTJsonMode):
    provider: ClassVar = "innogpt"
    suite = "json-mode"
    only = "structured_output"


class TestMeinGPTJsonSchema(standard.TestMeinGPTJsonSchema):
    provider: ClassVar = "meingpt"
    suite = "json-schema"
    only = "structured_output"


class TestMeinGPTJsonMode(standard.TestMeinGPTJsonMode):
    provider: ClassVar = "meingpt"
    suite = "json-mode"
    only = "structured_output"


class TestNeuroflashFunctionCalling(standard.TestNeuroflashFunctionCalling):
    provider: ClassVar = "neuroflash"
    suite = "function-calling"
    only = "structured_output"


class TestNeuroflashJsonMode(standard.TestNeuroflashJsonMode):
    provider: ClassVar = "neuroflash"
    suite = "json-mode"
    only = "structured_output"


class TestSovrGPTJsonMode(standard.TestSovrGPTJsonMode):
    provider: ClassVar = "sovrgpt"
    suite = "json-mode"
    only = "structured_output"
