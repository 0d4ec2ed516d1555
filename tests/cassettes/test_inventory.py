"""Each cassette has its test, and each test that wants one has it, whatever part of it runs."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dsgvo import PROVIDERS
from tests.cassettes.support import HOME, content, named, python, recorded


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The cassettes that the tests play, found by collecting all of them, whatever runs here."""
    names = tmp_path_factory.mktemp("inventory") / "listed"
    options = ("--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    result = python("-m", "pytest", "tests/cassettes", *options, DSGVO_CASSETTES_LIST=names)
    assert result.returncode == 0, result.stdout
    return names.read_text(encoding="utf-8").splitlines()


def test_no_cassette_is_unused(listed: list[str]) -> None:
    unused = [named(path) for path in recorded() if named(path) not in listed]
    assert unused == [], "no test plays them: make cassettes"


def test_no_two_tests_share_a_cassette(listed: list[str]) -> None:
    assert [name for name, count in Counter(listed).items() if count > 1] == []


def test_every_part_has_its_cassettes() -> None:
    parts = {path.parts[:2] for path in map(Path, map(named, recorded()))}
    assert set(product(PROVIDERS, ("core", "langchain", "llamaindex"))) <= parts
    assert set(product(["several"], ("langchain", "llamaindex"))) <= parts
    assert {provider for provider, _ in parts} == {*PROVIDERS, "several"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_vendors_cassettes_call_nobody_else(provider: str) -> None:
    spec = PROVIDERS[provider]
    own = [spec.base_url, spec.models_url, spec.oauth and spec.oauth.token_url]
    # The picture of LangChain's own tests is fetched by themselves.
    hosts = {*(urlsplit(url).netloc for url in own if url), "raw.githubusercontent.com"}
    called = {
        urlsplit(one["request"]["url"]).netloc
        for path in recorded()
        if path.relative_to(HOME).parts[0] == provider
        for one in content(path)["interactions"]
    }
    assert urlsplit(spec.base_url).netloc in called
    assert called <= hosts


def test_they_are_small() -> None:
    sizes = {named(path): path.stat().st_size for path in recorded()}
    # The longest are the README's tours: their vectors have the length that a reader gets.
    assert {name: size for name, size in sizes.items() if size > 130_000} == {}
    assert sum(sizes.values()) < 6_000_000


def test_nothing_else_lies_among_them() -> None:
    others = [path for path in HOME.rglob("*") if path.is_file() and path.suffix != ".yaml"]
    assert [path.name for path in others] == []
