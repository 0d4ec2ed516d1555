"""Embeddings: LangChain's own suites, and what the suites do not ask."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.exceptions import ModelError, ModelInvalidRequestError
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from dsgvo import emulator, errors
from dsgvo.emulator import DropVectors, Server, Status
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
    variable: ClassVar[str]
    base_url: ClassVar[str]

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        expected = {"api_key": "key-of-the-environment", "base_url": "https://ki.example.com/v1"}
        variables = dict(zip((self.variable, self.base_url), expected.values(), strict=True))
        return variables, self.params, expected


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


class TestNeuroflashUnit(Undocumented, Unit, EmbeddingsUnitTests):
    embeddings = NeuroflashEmbeddings
    variable, base_url = "NEUROFLASH_API_KEY", "NEUROFLASH_BASE_URL"


class TestNeuroflash(Undocumented, EmbeddingsIntegrationTests):
    embeddings = NeuroflashEmbeddings


class TestSovrGPTUnit(Undocumented, Unit, EmbeddingsUnitTests):
    embeddings = SovrGPTEmbeddings
    variable, base_url = "SOVR_KEY", "SOVRGPT_BASE_URL"

    @pytest.fixture(autouse=True)
    def the_vendors_own_variable(self, answered: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SOVRGPT_API_KEY")
        monkeypatch.setenv("SOVR_KEY", "key")


class TestSovrGPT(Undocumented, EmbeddingsIntegrationTests):
    embeddings = SovrGPTEmbeddings


def test_batches_are_cut_by_bytes_too(server: Server, mode: Mode) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16, max_batch_bytes=10)
    mode.call(embeddings, "embed_documents", ["äää", "ö", "üüüü"])
    assert sorted(body["input"] for body in bodies(server)) == [["äää", "ö"], ["üüüü"]]


def test_progress_is_shown_on_wish(mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings = InnoGPTEmbeddings(dimensions=16, batch_size=4, show_progress=True)
    assert len(mode.call(embeddings, "embed_documents", TEXTS)) == 10
    assert "10/10" in capsys.readouterr().err


def test_errors_are_langchains_and_name_the_texts(server: Server, mode: Mode) -> None:
    server.script("innogpt", *[Status(400, message="no")] * 2)  # it is asked again without base64
    with pytest.raises(errors.BadRequestError) as caught:
        mode.call(InnoGPTEmbeddings(), "embed_documents", TEXTS)
    assert caught.value.__notes__ == ["while embedding texts 0 to 9"]
    assert isinstance(caught.value, ModelInvalidRequestError)
    server.script("innogpt", DropVectors(1))
    with pytest.raises(ModelError):
        mode.call(InnoGPTEmbeddings(), "embed_documents", TEXTS)


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
    given = ("text-embedding-3-large", 5, 3, "https://a.de")
    names = ("model_name", "chunk_size", "request_timeout", "api_base")
    made = EMBEDDINGS["innogpt"](**dict(zip(names, given, strict=True)))
    assert (made.model, made.batch_size, made.timeout, made.base_url) == given


@pytest.mark.parametrize(
    "wrong", [{"dimensions": 0}, {"batch_size": 0}, {"max_concurrency": 0}, {"max_batch_bytes": -1}]
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    [name] = wrong
    with pytest.raises(errors.ConfigurationError, match=f"{name}=.* is out of range: use 1 or mo"):
        InnoGPTEmbeddings(**wrong)  # pyright: ignore[reportArgumentType]
