"""LangChain's own suites for embeddings."""

from typing import Any, ClassVar

from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_dsgvo import InnoGPTEmbeddings, MeinGPTEmbeddings


class Vendor:
    embeddings_class: ClassVar[type[Embeddings]]
    embedding_model_params: ClassVar[dict[str, Any]] = {}


class TestInnoGPTUnit(Vendor, EmbeddingsUnitTests):
    embeddings_class = InnoGPTEmbeddings

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        expected = {"api_key": "key-of-the-environment", "base_url": "https://ki.example.com/v1"}
        return {f"INNOGPT_{name.upper()}": value for name, value in expected.items()}, {}, expected


class TestInnoGPT(Vendor, EmbeddingsIntegrationTests):
    embeddings_class = InnoGPTEmbeddings


class TestMeinGPT(Vendor, EmbeddingsIntegrationTests):
    embeddings_class = MeinGPTEmbeddings
