"""The embeddings: what is like what in German text. test_handbook searches by them."""

import pytest

from dsgvo.emulator.vectors import embed


@pytest.mark.parametrize("text", ["", " ", "😀", "!!!", "der die das", "x"])
@pytest.mark.parametrize("dimensions", [1, 2, 1536])
def test_every_text_has_a_direction(text: str, dimensions: int) -> None:
    vector = embed(text, dimensions)
    assert len(vector) == dimensions
    assert sum(value**2 for value in vector) == pytest.approx(1, abs=1e-5)


def test_it_is_the_same_every_time_and_blind_to_case() -> None:
    assert embed("Ämter und Behörden", 64).tolist() == embed("ÄMTER  UND BEHÖRDEN", 64).tolist()
    assert embed("Urlaub", 64).tolist() != embed("Reise", 64).tolist()


def likeness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one, 3072), embed(other, 3072), strict=True))


def test_compounds_are_like_their_parts() -> None:
    assert (
        likeness("Meldefrist", "Frist der Meldung") > likeness("Meldefrist", "Rand der Wiese") + 0.2
    )
    assert likeness("Wie viel Urlaub?", "Urlaubstage") > 0.3


def test_numbers_are_not_like_their_neighbours() -> None:
    assert likeness("2024", "2025") < 0.1
    assert likeness("Bericht 2024", "Der Bericht von 2024") > likeness("Bericht 2024", "Bericht")


def test_repeating_a_word_counts_less_each_time() -> None:
    once = likeness("Urlaub", "Urlaub Reise Passwort")
    often = likeness("Urlaub", "Urlaub Urlaub Urlaub Urlaub Reise Passwort")
    assert once < often < 4 * once
