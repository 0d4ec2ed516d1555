"""The embeddings: what is like what in German text."""

import pytest

from dsgvo.emulator.vectors import embed


@pytest.mark.parametrize("text", ["", "😀", "der die das"])
def test_every_text_has_a_direction_which_is_the_same_every_time(text: str) -> None:
    for dimensions in (1, 1536):
        vector = embed(text, dimensions)
        assert sum(value**2 for value in vector) == pytest.approx(1, abs=1e-5)
        assert embed(text.upper(), dimensions).tolist() == vector.tolist()


def likeness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one, 3072), embed(other, 3072), strict=True))


def test_what_is_like_what() -> None:
    # A compound is like its parts, and a number is not like its neighbour.
    near, far = likeness("Meldefrist", "Frist der Meldung"), likeness("Meldefrist", "Wiesenrand")
    assert near > far + 0.2
    assert likeness("2024", "2025") < 0.1
