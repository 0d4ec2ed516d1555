"""Thoughts and the answer, told apart."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo.wire.thinking import ThinkSplitter

# text → (thoughts, answer)
TABLE: dict[str, tuple[str, tuple[str, str]]] = {
    "no thought": ("Ja.", ("", "Ja.")),
    "nothing": ("", ("", "")),
    "white space alone stays": (" \n", ("", " \n")),
    "a thought": ("<think>Hm.</think>Ja.", ("Hm.", "Ja.")),
    "white space around": ("\n <think>\nHm.\n</think>\n\nJa.\n", ("Hm.", "Ja.\n")),
    "white space inside": ("<think>A \n B</think>Ja.", ("A \n B", "Ja.")),
    "an empty thought before another": ("<think> </think><think>B</think>", ("B", "")),
    "white space before an answer without thought stays": ("  Ja.", ("", "  Ja.")),
    "empty thought": ("<think></think>Ja.", ("", "Ja.")),
    "several thoughts": (
        "<think>A</think>\n<think>B</think> Ja.",
        ("A\n\nB", "Ja."),
    ),
    "white space in each of several thoughts": (
        "<think> A </think><think>\nB </think> Ja.",
        ("A\n\nB", "Ja."),
    ),
    "a thought and a tag that breaks off": ("<think>A</think> \n<thi", ("A", "<thi")),
    "unfinished thought": ("<think>Ich überlege", ("Ich überlege", "")),
    "unfinished in the closing tag": ("<think>Ich</thi", ("Ich</thi", "")),
    "unfinished opening tag is text": ("<thi", ("", "<thi")),
    "only a thought": ("<think>Hm.</think>", ("Hm.", "")),
    "a thought and white space": ("<think>Hm.</think>\n \n", ("Hm.", "")),
    "a mention stays": (
        "Das Tag <think>x</think> heißt so.",
        ("", "Das Tag <think>x</think> heißt so."),
    ),
    "a mention after a thought stays": (
        "<think>Hm.</think>Man schreibt <think>.",
        ("Hm.", "Man schreibt <think>."),
    ),
    "code that opens with another tag": ("<thinking>x", ("", "<thinking>x")),
    "a mention of the opening tag in a thought": (
        "<think>a <think> b</think>c",
        ("a <think> b", "c"),
    ),
    "a closing tag alone is text": ("</think>Ja.", ("", "</think>Ja.")),
    "less-than in the thought": ("<think>a < b </ c</think>d", ("a < b </ c", "d")),
    "JSON": ('<think>{"a": 1}</think>{"b": 2}', ('{"a": 1}', '{"b": 2}')),
}


def split(*pieces: str) -> tuple[str, str]:
    splitter = ThinkSplitter()
    splits = [*map(splitter.feed, pieces), splitter.flush()]
    return "".join(s.reasoning for s in splits), "".join(s.content for s in splits)


@pytest.mark.parametrize(("text", "parts"), TABLE.values(), ids=TABLE.keys())
def test_text_is_told_apart(text: str, parts: tuple[str, str]) -> None:
    assert split(text) == parts
    assert split(*text) == parts  # character by character
    for at in range(len(text) + 1):
        assert split(text[:at], "", text[at:]) == parts


fragments = st.sampled_from(
    ["<think>", "</think>", "<thi", "nk>", "</", " ", "\n", "a", "<", "ü🦊"]
)


@given(st.lists(fragments, max_size=12).map("".join), st.lists(st.integers(0, 99), max_size=8))
def test_pieces_cut_anywhere_give_the_same(text: str, places: list[int]) -> None:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    assert split(*(text[a:b] for a, b in itertools.pairwise(edges))) == split(text)


@given(st.text(max_size=40).filter(lambda text: not text.lstrip().startswith("<think>")))
def test_text_without_a_thought_is_left_alone(text: str) -> None:
    assert split(text) == ("", text)


def test_the_answer_flows_on_at_once() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("<think>a") == ("a", "")
    assert splitter.feed("b</think>\n") == ("b", "")
    assert splitter.feed("Ja, <th") == ("", "Ja, <th")
    assert splitter.feed("ink>") == ("", "ink>")
    assert splitter.flush() == ("", "")
