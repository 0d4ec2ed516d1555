"""Both clients of one model object: kept as long as its settings are, and never longer."""

from __future__ import annotations

import copy
import pickle

import pytest

from dsgvo import AsyncClient, Client
from dsgvo.errors import ConfigurationError
from dsgvo.transport import ClientPair

SETTINGS = {"api_key": "k", "base_url": "https://gate.example/v1"}


def test_a_pair_is_two_clients_with_the_same_settings() -> None:
    pair = ClientPair.of(None, "sovrgpt", SETTINGS)
    assert type(pair.sync) is Client
    assert type(pair.asynchronous) is AsyncClient
    assert pair.sync.config is pair.asynchronous.config
    assert pair.sync.config.base_url == "https://gate.example/v1"
    assert pair.sync.provider == "sovrgpt"


def test_a_pair_is_kept_while_the_settings_are_the_same() -> None:
    pair = ClientPair.of(None, "sovrgpt", dict(SETTINGS))
    assert ClientPair.of(pair, "sovrgpt", dict(SETTINGS)) is pair
    other = ClientPair.of(pair, "sovrgpt", SETTINGS | {"api_key": "neu"})
    assert other is not pair
    assert other.sync.config.secrets() == ("neu",)
    assert ClientPair.of(other, "sovrgpt", SETTINGS | {"api_key": "neu"}) is other


def test_settings_that_are_wrong_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_retries=-1"):
        ClientPair.of(None, "sovrgpt", SETTINGS | {"max_retries": -1})


def test_a_pair_says_nothing_about_whether_two_models_are_the_same() -> None:
    pair = ClientPair.of(None, "sovrgpt", SETTINGS)
    assert pair == ClientPair.of(None, "meingpt", SETTINGS | {"strict": True})
    assert pair != SETTINGS
    assert copy.copy(pair) == pair
    assert pickle.loads(pickle.dumps(pair)).settings == SETTINGS
