"""Thoughts and the answer, told apart."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo.wire.thinking import ThinkSplitter, thought_rest, thought_text, thought_unopened

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
    "several thoughts": ("<think>A</think>\n<think>B</think> Ja.", ("A\n\nB", "Ja.")),
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
    "an empty thought that the template opened": ("</think>\n\nJa.", ("", "Ja.")),
    "two closing tags": ("<think>A</think></think> Ja.", ("A", "Ja.")),
    "a closing tag that breaks off": ("</thi", ("", "</thi")),
    "a closing tag within the answer is text": ("Ja </think>.", ("", "Ja </think>.")),
    "less-than in the thought": ("<think>a < b </ c</think>d", ("a < b </ c", "d")),
    "JSON": ('<think>{"a": 1}</think>{"b": 2}', ('{"a": 1}', '{"b": 2}')),
}


def split(*pieces: str, opened: bool = False, cut: bool = True) -> tuple[str, str]:
    splitter = ThinkSplitter(opened=opened)
    splits = [*map(splitter.feed, pieces), splitter.flush(cut=cut)]
    return "".join(s.reasoning for s in splits), "".join(s.content for s in splits)


@pytest.mark.parametrize(("text", "parts"), TABLE.values(), ids=TABLE.keys())
def test_text_is_told_apart(text: str, parts: tuple[str, str]) -> None:
    assert split(text) == parts
    assert split(*text) == parts  # character by character
    for at in range(len(text) + 1):
        assert split(text[:at], "", text[at:]) == parts


# text whose opening tag the prompt's template has written → (thoughts, answer)
OPENED: dict[str, tuple[str, tuple[str, str]]] = {
    "a thought": (" \nHm.\n</think>\n\nJa.", ("Hm.", "Ja.")),
    "a thought with a tag of its own": ("\n<think> Hm. </think> Ja.", ("Hm.", "Ja.")),
    "no thought": ("</think>\nJa.", ("", "Ja.")),
    "two thoughts": ("A</think><think>B</think>Ja.", ("A\n\nB", "Ja.")),
    "nothing": (" ", ("", " ")),
    "a mention after it": ("Hm.</think>Ja, </think>.", ("Hm.", "Ja, </think>.")),
}


@pytest.mark.parametrize(("text", "parts"), OPENED.values(), ids=OPENED.keys())
@pytest.mark.parametrize("cut", [False, True])
def test_a_thought_that_the_template_opened(text: str, parts: tuple[str, str], cut: bool) -> None:
    assert split(text, opened=True, cut=cut) == parts
    assert split(*text, opened=True, cut=cut) == parts


def test_a_thought_that_the_template_did_not_open_after_all_is_the_answer() -> None:
    text = "  Ja, </thi"
    assert split(*text, opened=True, cut=True) == ("Ja, </thi", "")
    shown, answer = split(*text, opened=True, cut=False)
    assert (shown, answer) == ("Ja,", text)


def test_whether_a_thought_was_the_answer_is_told() -> None:
    for opened, cut, was_answer in [
        (True, False, True),
        (True, True, False),
        (False, False, False),
    ]:
        splitter = ThinkSplitter(opened=opened)
        splitter.feed("Ja.")
        splitter.flush(cut=cut)
        assert splitter.thought_was_answer is was_answer


def test_a_thought_in_a_field_of_its_own() -> None:
    splitter = ThinkSplitter(opened=True)
    assert "".join(map(splitter.think, ["\n", "A ", " ", "\n", "B \n"])) == "A  \nB"
    assert splitter.feed("\n \nJa. ") == ("", "Ja. ")
    assert splitter.think("C") == " \nC"


def test_a_thought_in_both_places() -> None:
    splitter = ThinkSplitter()
    assert splitter.think("A\n") == "A"
    assert splitter.feed("<think>B</think> Ja.") == ("\n\nB", "Ja.")


@pytest.mark.parametrize(
    ("text", "unopened"),
    [
        ("Hm.\n</think>\n\nJa.", True),
        ("Hm.</think>Ja.", True),
        ("Hm.</think> Ja.", True),
        ("Hm. </think>\nJa.", True),
        ("Hm.\t</think>\r\nJa.", True),
        ("\t</think>, so.", False),
        ("Hm </think>Ja.", True),
        ("</think>Ja.", True),
        ("Hm.\n</think>", True),
        ("", False),
        ("Ja.", False),
        ("<think>Hm.</think>Ja.", False),
        ("Es gibt <think> und </think>\n.", False),
        ("Man schreibt </think> am Ende.", False),
        ("Man schreibt </think>.", False),
        ("Man schreibt `</think>`", False),
        ("Man schreibt „</think>“", False),
        ("<a></think>\n</a>", False),
    ],
)
def test_whether_a_whole_answer_begins_inside_a_thought(text: str, unopened: bool) -> None:
    assert thought_unopened(text) is unopened


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Hm.", "Hm."),
        ({"text": "Hm."}, "Hm."),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "H"}, "m."]}, "Hm."),
        ({"summary": [{"type": "summary_text", "text": "Hm."}]}, "Hm."),
        ({"type": "reasoning.encrypted", "data": "abc"}, ""),
        ({"thinking": "", "content": "Hm."}, "Hm."),
        (7, ""),
        (None, ""),
        ([[[[[["tief"]]]]]], "tief"),
        ([[[[[[[["zu tief"]]]]]]]], ""),
        ({"text": {"text": {"text": {"text": {"text": {"text": "tief"}}}}}}, "tief"),
    ],
)
def test_the_text_of_thoughts_of_any_shape(value: object, text: str) -> None:
    assert thought_text(value) == text


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("Hm.", None),
        (7, 7),
        ({"type": "thinking", "index": 0, "thinking": "Hm."}, {}),
        (
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "thinking", "signature": "s"},
        ),
        ([{"text": "Hm."}, {"data": "x"}, "Hm."], [{"data": "x"}]),
    ],
)
def test_what_an_object_holds_beside_its_thought(value: object, rest: object) -> None:
    assert thought_rest(value) == rest


@pytest.mark.parametrize("unit", [" ", "\n", "a", "<", "</", "<think>", "</think>", "<think> "])
@pytest.mark.parametrize("opened", [False, True])
def test_a_text_in_many_pieces_is_copied_once(unit: str, opened: bool) -> None:
    def cost(pieces: int) -> int:
        splitter = ThinkSplitter(opened=opened)
        copied = 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal copied
            if event == "c_call":
                copied += sum(
                    len(value) for value in frame.f_locals.values() if isinstance(value, str)
                )

        sys.setprofile(count)
        try:
            for _ in range(pieces):
                splitter.feed(unit)
        finally:
            sys.setprofile(None)
        return copied

    assert cost(800) <= 2.2 * cost(400) + 1000


fragments = st.sampled_from(
    ["<think>", "</think>", "<thi", "nk>", "</", " ", "\n", "a", "<", "ü🦊"]
)


@given(st.lists(fragments, max_size=12).map("".join), st.lists(st.integers(0, 99), max_size=8))
def test_pieces_cut_anywhere_give_the_same(text: str, places: list[int]) -> None:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    assert split(*(text[a:b] for a, b in itertools.pairwise(edges))) == split(text)


@given(
    st.text(max_size=40).filter(lambda text: not text.lstrip().startswith(("<think>", "</think>")))
)
def test_text_without_a_thought_is_left_alone(text: str) -> None:
    assert split(text) == ("", text)


def test_the_answer_flows_on_at_once() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("<think>a") == ("a", "")
    assert splitter.feed("b</think>\n") == ("b", "")
    assert splitter.feed("Ja, <th") == ("", "Ja, <th")
    assert splitter.feed("ink>") == ("", "ink>")
    assert splitter.flush() == ("", "")
