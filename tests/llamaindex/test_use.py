"""``use()``: both of LlamaIndex's models are set, or none."""

import pytest
from llama_index.core import Settings, VectorStoreIndex

from dsgvo.emulator import Server
from dsgvo.errors import ConfigurationError
from llamaindex_dsgvo import InnoGPTEmbedding, MeinGPTEmbedding, use
from tests.llamaindex.support import HOW_MANY_DAYS, VACATION, documents


def nothing_is_set() -> bool:
    return Settings._llm is None and Settings._embed_model is None


@pytest.mark.parametrize(
    ("provider", "model", "embed_model"),
    [("innogpt", "gpt-5", InnoGPTEmbedding), ("meingpt", "gpt-4o", MeinGPTEmbedding)],
)
def test_a_vendor_with_embeddings(provider: str, model: str, embed_model: type) -> None:
    use(provider, model, temperature=0.2, timeout=30)
    assert isinstance(Settings.embed_model, embed_model)
    assert Settings.llm.metadata.model_name == model
    assert [one.to_dict()["timeout"] for one in (Settings.llm, Settings.embed_model)] == [30, 30]
    engine = VectorStoreIndex.from_documents(documents()).as_query_engine(similarity_top_k=1)
    assert str(engine.query(HOW_MANY_DAYS)) == VACATION


@pytest.mark.parametrize("provider", ["neuroflash", "sovrgpt"])
def test_a_vendor_without_embeddings_needs_one(provider: str) -> None:
    with pytest.raises(ConfigurationError, match="would send your documents to OpenAI") as caught:
        use(provider, "ein-modell")
    assert "embed_model=InnoGPTEmbedding() or embed_model=MeinGPTEmbedding()" in str(caught.value)
    assert nothing_is_set()
    use(provider, "ein-modell", embed_model=MeinGPTEmbedding())
    assert isinstance(Settings.embed_model, MeinGPTEmbedding)
    use(provider, "ein-modell", embed_model=None)
    assert Settings.llm.complete("Hallo!").text
    with pytest.raises(ConfigurationError, match="embed_model=None"):
        VectorStoreIndex.from_documents(documents())


def test_nothing_is_changed_by_a_mistake(server: Server) -> None:
    for mistake in (
        lambda: use("innogpt", "gpt-5", embed_model="local:BAAI/bge-m3"),  # is LlamaIndex's
        lambda: use("chatgpt"),
        lambda: use("meingpt"),
        lambda: use("meingpt", "gpt-4o", temperature=3),
        lambda: use("sovrgpt", "ein-modell", embed_model="text-embedding-3-small"),
        lambda: use("meingpt", "gpt-4o", embed_model="default"),
    ):
        with pytest.raises((ConfigurationError, ImportError), match=r"[a-z]+=|embeddings-"):
            mistake()
        assert nothing_is_set()
    assert server.requests == []
