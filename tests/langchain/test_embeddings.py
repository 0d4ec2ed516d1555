"""Embeddings: LangChain's own suites, and what the suites do not ask."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from dsgvo import errors
from dsgvo.emulator import Server
from langchain_dsgvo import (
    InnoGPTEmbeddings,
    MeinGPTEmbeddings,
    NeuroflashEmbeddings,
    SovrGPTEmbeddings,
)
from tests.langchain.support import EMBEDDINGS, Mode, bodies


class Vendor:
    embeddings: ClassVar[type[Embeddings]]
    params: ClassVar[dict[str, Any]] = {}

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return self.embeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return self.params


class Unit(Vendor):
    variable: ClassVar[str]
    base_url: ClassVar[str]

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        expected = {"api_key": "key-of-the-environment", "base_url": "https://ki.example.com/v1"}
        variables = dict(zip((self.variable, self.base_url), expected.values(), strict=True))
        return variables, self.params, expected


class TestInnoGPTUnit(Unit, EmbeddingsUnitTests):
    embeddings = InnoGPTEmbeddings
    variable, base_url = "INNOGPT_API_KEY", "INNOGPT_BASE_URL"


class TestInnoGPT(Vendor, EmbeddingsIntegrationTests):
    embeddings = InnoGPTEmbeddings


class TestMeinGPTUnit(Unit, EmbeddingsUnitTests):
    embeddings = MeinGPTEmbeddings
    variable, base_url = "MEINGPT_API_KEY", "MEINGPT_BASE_URL"


class TestMeinGPT(Vendor, EmbeddingsIntegrationTests):
    embeddings = MeinGPTEmbeddings


UNDOCUMENTED: Any = {"model": "e5", "allow_undocumented": True}


class TestNeuroflashUnit(Unit, EmbeddingsUnitTests):
    embeddings = NeuroflashEmbeddings
    params: ClassVar = UNDOCUMENTED
    variable, base_url = "NEUROFLASH_API_KEY", "NEUROFLASH_BASE_URL"


class TestSovrGPTUnit(Unit, EmbeddingsUnitTests):
    embeddings = SovrGPTEmbeddings
    params: ClassVar = UNDOCUMENTED
    variable, base_url = "SOVR_KEY", "SOVRGPT_BASE_URL"

    @pytest.fixture(autouse=True)
    def the_vendors_own_variable(self, vendors: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SOVRGPT_API_KEY")
        monkeypatch.setenv("SOVR_KEY", "key")


def test_batches_are_cut_by_bytes_too(server: Server, mode: Mode) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16, max_batch_bytes=10)
    mode.call(embeddings, "embed_documents", ["äää", "ö", "üüüü"])
    assert sorted(body["input"] for body in bodies(server)) == [["äää", "ö"], ["üüüü"]]


def test_argument_names_of_other_integrations_are_understood() -> None:
    given = ("text-embedding-3-large", 5, 3, "https://a.de")
    names = ("model_name", "chunk_size", "request_timeout", "api_base")
    made = EMBEDDINGS["innogpt"](**dict(zip(names, given, strict=True)))
    assert (made.model, made.batch_size, made.timeout, made.base_url) == given


def test_a_count_out_of_range_is_refused() -> None:
    with pytest.raises(errors.ConfigurationError, match="max_batch_bytes=-1 is out of range: use"):
        InnoGPTEmbeddings(max_batch_bytes=-1)
