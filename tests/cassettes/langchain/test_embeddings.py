"""LangChain's standard suite for embeddings, replayed. Few dimensions keep the cassettes small."""

from __future__ import annotations

from typing import Any, ClassVar

from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from tests.langchain.support import EMBEDDINGS


class Vendor(EmbeddingsIntegrationTests):
    provider: ClassVar[str]
    params: ClassVar[dict[str, Any]] = {"dimensions": 8}

    @property
    def embeddings_class(self) -> Any:
        return EMBEDDINGS[self.provider]

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return self.params


class Undocumented(Vendor):
    params: ClassVar = {
        "model": "text-embedding-3-small",
        "dimensions": 8,
        "allow_undocumented": True,
    }


class TestInnoGPT(Vendor):
    provider = "innogpt"


class TestMeinGPT(Vendor):
    provider = "meingpt"


class TestNeuroflash(Undocumented):
    provider = "neuroflash"


class TestSovrGPT(Undocumented):
    provider = "sovrgpt"
