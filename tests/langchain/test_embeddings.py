"""Embeddings: LangChain's own suites, and what the suites do not ask."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from inline_snapshot import snapshot
from langchain_core.embeddings import Embeddings
from langchain_core.exceptions import ModelError, ModelInvalidRequestError
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from dsgvo import emulator, errors
from dsgvo.emulator import DropVectors, DuplicateVectors, Server, ShuffleVectors, Status
from langchain_dsgvo import (
    InnoGPTEmbeddings,
    MeinGPTEmbeddings,
    NeuroflashEmbeddings,
    SovrGPTEmbeddings,
)
from tests.langchain.support import EMBEDDINGS, Mode, bodies

TEXTS = [f"Satz Nummer {number} über den Datenschutz." for number in range(10)]


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
    variables: ClassVar[dict[str, str]]

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        expected = {"api_key": "key-of-the-environment", "base_url": "https://ki.example.com/v1"}
        return self.variables, self.params, expected


class InnoGPT:
    embeddings = InnoGPTEmbeddings


class TestInnoGPTUnit(InnoGPT, Unit, EmbeddingsUnitTests):
    variables: ClassVar = {
        "INNOGPT_API_KEY": "key-of-the-environment",
        "INNOGPT_BASE_URL": "https://ki.example.com/v1",
    }


class TestInnoGPT(InnoGPT, Vendor, EmbeddingsIntegrationTests):
    pass


class MeinGPT:
    embeddings = MeinGPTEmbeddings


class TestMeinGPTUnit(MeinGPT, Unit, EmbeddingsUnitTests):
    variables: ClassVar = {
        "MEINGPT_API_KEY": "key-of-the-environment",
        "MEINGPT_BASE_URL": "https://ki.example.com/v1",
    }


class TestMeinGPT(MeinGPT, Vendor, EmbeddingsIntegrationTests):
    pass


@pytest.fixture(scope="module")
def undocumented_server() -> Iterator[Server]:
    """An emulator whose vendors all have embeddings."""
    with emulator.running(undocumented_embeddings=True) as running:
        yield running


class Undocumented(Vendor):
    params: ClassVar = {"model": "text-embedding-3-small", "allow_undocumented": True}

    @pytest.fixture(autouse=True)
    def answered(
        self, vendors: Server, undocumented_server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider: str = self.embeddings.provider  # pyright: ignore[reportAttributeAccessIssue]
        for name, value in undocumented_server.environ(provider).items():
            monkeypatch.setenv(name, value)


class Neuroflash:
    embeddings = NeuroflashEmbeddings


class TestNeuroflashUnit(Neuroflash, Undocumented, Unit, EmbeddingsUnitTests):
    variables: ClassVar = {
        "NEUROFLASH_API_KEY": "key-of-the-environment",
        "NEUROFLASH_BASE_URL": "https://ki.example.com/v1",
    }


class TestNeuroflash(Neuroflash, Undocumented, EmbeddingsIntegrationTests):
    pass


class SovrGPT:
    embeddings = SovrGPTEmbeddings


class TestSovrGPTUnit(SovrGPT, Undocumented, Unit, EmbeddingsUnitTests):
    variables: ClassVar = {
        "SOVR_KEY": "key-of-the-environment",
        "SOVRGPT_BASE_URL": "https://ki.example.com/v1",
    }

    @pytest.fixture(autouse=True)
    def the_vendors_own_variable(self, answered: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SOVRGPT_API_KEY")
        monkeypatch.setenv("SOVR_KEY", "key")


class TestSovrGPT(SovrGPT, Undocumented, EmbeddingsIntegrationTests):
    pass


@pytest.fixture(params=["innogpt", "meingpt"])
def documented(request: pytest.FixtureRequest) -> str:
    """Each vendor that documents embeddings."""
    return request.param


def test_plain_text_goes_out_and_the_documented_model_is_the_default(
    server: Server, documented: str, mode: Mode
) -> None:
    vectors = mode.call(EMBEDDINGS[documented](), "embed_documents", ["Guten Tag", "Ade"])
    model, dimensions = {
        "innogpt": ("text-embedding-3-small", 1536),
        "meingpt": ("text-embedding-3-large", 3072),
    }[documented]
    assert [len(vector) for vector in vectors] == [dimensions, dimensions]
    assert bodies(server) == [
        {"model": model, "input": ["Guten Tag", "Ade"], "encoding_format": "base64"}
    ]


def test_a_query_has_the_vector_of_the_same_document(mode: Mode) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=64)
    assert [mode.call(embeddings, "embed_query", TEXTS[0])] == mode.call(
        embeddings, "embed_documents", TEXTS[:1]
    )


def test_batches_run_side_by_side_and_come_back_in_order(server: Server, mode: Mode) -> None:
    one_by_one = InnoGPTEmbeddings(dimensions=16)
    expected = [one_by_one.embed_query(text) for text in TEXTS]
    server.clear()
    batched = InnoGPTEmbeddings(dimensions=16, batch_size=3, max_concurrency=2)
    assert mode.call(batched, "embed_documents", TEXTS) == expected
    sent = [body["input"] for body in bodies(server)]
    assert sorted(sent) == sorted([TEXTS[0:3], TEXTS[3:6], TEXTS[6:9], TEXTS[9:10]])


def test_batches_are_cut_by_bytes_too(server: Server, mode: Mode) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16, max_batch_bytes=10)
    mode.call(embeddings, "embed_documents", ["äää", "ö", "üüüü"])
    assert sorted(body["input"] for body in bodies(server)) == [["äää", "ö"], ["üüüü"]]


def test_shuffled_vectors_find_their_texts(server: Server, documented: str, mode: Mode) -> None:
    embeddings = EMBEDDINGS[documented](dimensions=16)
    expected = mode.call(embeddings, "embed_documents", TEXTS)
    server.script(documented, ShuffleVectors(seed=3))
    assert mode.call(embeddings, "embed_documents", TEXTS) == expected


@pytest.mark.parametrize("fault", [DropVectors(1), DuplicateVectors()])
def test_missing_vectors_are_an_error(server: Server, mode: Mode, fault: Any) -> None:
    server.script("innogpt", fault)
    with pytest.raises(errors.APIResponseError, match="texts 0 to 9") as caught:
        mode.call(InnoGPTEmbeddings(), "embed_documents", TEXTS)
    assert isinstance(caught.value, ModelError)


def test_a_batch_that_is_too_large_is_halved(server: Server, mode: Mode) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16)
    expected = mode.call(embeddings, "embed_documents", TEXTS)
    server.clear()
    server.limit_embeddings("innogpt", texts=3)
    assert mode.call(embeddings, "embed_documents", TEXTS) == expected
    assert sorted(len(body["input"]) for body in bodies(server)) == [2, 2, 3, 3, 5, 10]


def test_a_server_without_base64_is_asked_for_numbers_and_remembered(
    server: Server, mode: Mode
) -> None:
    server.refuse("innogpt", "encoding_format")
    embeddings = InnoGPTEmbeddings(dimensions=16)
    first = mode.call(embeddings, "embed_query", "Guten Tag")
    assert mode.call(embeddings, "embed_query", "Guten Tag") == first
    assert ["encoding_format" in body for body in bodies(server)] == [True, False, False]


def test_an_empty_list_costs_no_request(server: Server, mode: Mode) -> None:
    assert mode.call(InnoGPTEmbeddings(), "embed_documents", []) == []
    assert server.requests == []


def test_an_empty_text_is_an_error_that_names_its_index(server: Server, mode: Mode) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        mode.call(InnoGPTEmbeddings(), "embed_documents", ["Guten Tag", ""])
    assert str(caught.value) == snapshot("texts[1] is empty: leave it out")
    assert isinstance(caught.value, ModelInvalidRequestError)
    with pytest.raises(errors.ConfigurationError, match=r"texts\[0\] is empty"):
        mode.call(InnoGPTEmbeddings(), "embed_query", "")
    assert server.requests == []


def test_dimensions_and_further_fields_go_out(server: Server, mode: Mode) -> None:
    embeddings = MeinGPTEmbeddings(dimensions=32, extra_body={"user": "abteilung-7"})
    assert len(mode.call(embeddings, "embed_query", "Guten Tag")) == 32
    [body] = bodies(server)
    assert (body["dimensions"], body["user"]) == (32, "abteilung-7")


def test_progress_is_shown_on_wish(mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16, batch_size=4, show_progress=True)
    assert len(mode.call(embeddings, "embed_documents", TEXTS)) == 10
    assert "10/10" in capsys.readouterr().err


def test_a_failed_batch_is_told_by_its_texts(server: Server, mode: Mode) -> None:
    server.script("innogpt", *[Status(400, message="no")] * 2)  # it is asked again without base64
    with pytest.raises(errors.BadRequestError) as caught:
        mode.call(InnoGPTEmbeddings(), "embed_documents", TEXTS)
    assert caught.value.__notes__ == ["while embedding texts 0 to 9"]
    assert isinstance(caught.value, ModelInvalidRequestError)


def test_one_object_serves_loop_after_loop_and_threads(server: Server) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16)
    expected = embeddings.embed_query("Guten Tag")
    for mode in (Mode("async"), Mode("sync"), Mode("async")):
        assert mode.call(embeddings, "embed_query", "Guten Tag") == expected


@pytest.mark.parametrize(
    "twin",
    [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), lambda one: one],
    ids=["copy", "deepcopy", "pickle", "used"],
)
def test_copies_work_and_hold_the_key_unseen(server: Server, twin: Any) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16)
    before = embeddings.embed_query("Guten Tag")
    again = twin(embeddings)
    assert again.embed_query("Guten Tag") == before
    assert server.api_key not in repr(again)


def test_argument_names_of_other_integrations_are_understood() -> None:
    embeddings = EMBEDDINGS["innogpt"](
        model_name="text-embedding-3-large",
        chunk_size=5,
        request_timeout=3,
        api_base="https://a.de",
    )
    assert (embeddings.model, embeddings.batch_size, embeddings.timeout, embeddings.base_url) == (
        "text-embedding-3-large",
        5,
        3,
        "https://a.de",
    )


@pytest.mark.parametrize(
    "wrong", [{"dimensions": 0}, {"batch_size": 0}, {"max_concurrency": 0}, {"max_batch_bytes": -1}]
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    [name] = wrong
    with pytest.raises(errors.ConfigurationError, match=f"{name}=.* is out of range: use 1 or mo"):
        InnoGPTEmbeddings(**wrong)  # pyright: ignore[reportArgumentType]


def test_an_unknown_argument_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(errors.ConfigurationError, match="did you mean 'dimensions'"):
        InnoGPTEmbeddings(dimension=5)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("provider", ["neuroflash", "sovrgpt"])
def test_vendors_without_embeddings_name_those_that_have_them(
    server: Server, provider: str
) -> None:
    with pytest.raises(errors.CapabilityError) as caught:
        EMBEDDINGS[provider](model="text-embedding-3-small")
    title = {"neuroflash": "neuroflash", "sovrgpt": "SovrGPT"}[provider]
    page = {
        "neuroflash": "neuroflash: Chat-Vervollständigungen",
        "sovrgpt": "SovrGPT: POST /v1/chat/completions",
    }[provider]
    assert str(caught.value) == (
        f"{title} documents no embeddings ({page}); innoGPT and meinGPT do. If your account has "
        "them all the same, pass allow_undocumented=True"
    )
    assert server.requests == []


def test_undocumented_embeddings_name_their_model(server: Server) -> None:
    with pytest.raises(errors.ConfigurationError, match="model is missing: SovrGPT documents no"):
        SovrGPTEmbeddings(allow_undocumented=True)


def test_undocumented_embeddings_that_are_not_there(server: Server, mode: Mode) -> None:
    embeddings = SovrGPTEmbeddings(model="e5", allow_undocumented=True)
    with pytest.raises(errors.NotFoundError):
        mode.call(embeddings, "embed_query", "Guten Tag")
