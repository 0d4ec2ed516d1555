"""Thoughts and the answer, told apart."""

import json

import pytest

from dsgvo.wire.thinking import ThinkSplitter, thought_rest, thought_text, thought_unopened

MENTION = "Das Tag <think>x</think> heißt so."
# text → (thoughts, answer)
TABLE: dict[str, tuple[str, str]] = {
    " \nJa.": ("", " \nJa."),
    " \n": ("", " \n"),  # white space without a thought stays
    "\n <think>\nHm.\n</think>\n\nJa.\n": ("Hm.", "Ja.\n"),
    "<think> A </think><think>\nB </think> Ja.": ("A\n\nB", "Ja."),
    "<think>A</think> \n<thi": ("A", "<thi"),
    "<think>Ich</thi": ("Ich</thi", ""),
    "</thi": ("", "</thi"),  # tags that are not whole are text
    "<think>Hm.</think>\n \n": ("Hm.", ""),
    MENTION: ("", MENTION),
    "<think>Hm.</think>Man schreibt <think>.": ("Hm.", "Man schreibt <think>."),
    "<think>A</think></think> Ja.": ("A", "Ja."),
    "<think>a < b </ c</think>d": ("a < b </ c", "d"),
}
# text whose opening tag the prompt's template has written → (thoughts, answer)
OPENED: dict[str, tuple[str, str]] = {
    " \nHm.\n</think>\n\nJa.": ("Hm.", "Ja."),
    "\n<think> Hm. </think> Ja.": ("Hm.", "Ja."),  # a tag of its own
    "</think>\nJa.": ("", "Ja."),
    "Hm.</think>Ja, </think>.": ("Hm.", "Ja, </think>."),
}


def split(*pieces: str, opened: bool = False, cut: bool = True) -> tuple[str, str]:
    splitter = ThinkSplitter(opened=True) if opened else ThinkSplitter()
    splits = [*map(splitter.feed, pieces), splitter.flush(cut=cut)]
    text = "".join(pieces)
    was_answer = opened and not cut and not text.isspace() and "</think>" not in text
    assert splitter.thought_was_answer is was_answer
    return "".join(s.reasoning for s in splits), "".join(s.content for s in splits)


@pytest.mark.parametrize("text", TABLE)
def test_text_is_told_apart_in_whatever_pieces(text: str) -> None:
    cuts = [(text[:at], "", text[at:]) for at in range(len(text) + 1)]
    assert {split(*pieces) for pieces in [(text,), tuple(text), *cuts]} == {TABLE[text]}


def test_a_thought_that_the_template_opened_or_in_a_field_of_its_own() -> None:
    for text, parts in OPENED.items():
        for cut in (False, True):
            assert split(text, opened=True, cut=cut) == split(*text, opened=True, cut=cut) == parts
    text = "  Ja, </thi"
    assert split(*text, opened=True, cut=True) == ("Ja, </thi", "")
    assert split(*text, opened=True, cut=False) == ("Ja,", text)
    apart, both, rest = ThinkSplitter(opened=True), ThinkSplitter(), ThinkSplitter(before="")
    assert "".join(map(apart.think, ["\n", "A ", " ", "\n", "B \n"])) == "A  \nB"
    assert (apart.feed("\n \nJa. "), apart.think("C")) == (("", "Ja. "), " \nC")
    assert (both.think("A\n"), both.feed("<think>B</think> Ja.")) == ("A", ("\n\nB", "Ja."))
    assert rest.feed("<think>B</think> \ner") == ("B", "er")  # the word may be the rest of one


UNOPENED = [
    *("Hm.\n</think>\n\nJa.", "Hm.</think>Ja.", "Hm.</think> Ja.", "Hm. </think>\nJa."),
    *("Hm.\t</think>\r\nJa.", "Hm </think>Ja.", "</think>Ja.", "Hm.\n</think>"),
    "Hm.</think>Das <think>x </think> heißt so.",
]
WHOLE = [
    *("", "Ja.", "\t</think>, so.", "<think>Hm.</think>Ja.", "<a></think>\n</a>"),
    *("A <think> B </think>\n.", "A </think> am Ende.", "So </think>.", "`</think>`", "„</think>“"),
    *("Log: Hm</think>, dann", "Nutze r'^.*</think>\\s*'.", "So:\n```\n</think>\n```\n"),
]


def test_whether_a_whole_answer_begins_inside_a_thought() -> None:
    assert [text for text in UNOPENED + WHOLE if thought_unopened(text)] == UNOPENED


TEXTS: list[tuple[object, str]] = [
    (7, ""),
    ({"type": "thinking", "thinking": [{"type": "text", "text": "H"}, "m."]}, "Hm."),
    ({"summary": [{"type": "summary_text", "text": "Hm."}]}, "Hm."),
    ({"thinking": "", "content": "Hm."}, "Hm."),
    ({"type": "x"}, ""),
    *(
        (json.loads(start * levels + '"tief"' + end * levels), said)
        for start, end in ("[]", ('{"text":', "}"))
        for levels, said in ((7, "tief"), (8, ""))
    ),
]


def test_the_text_of_thoughts_of_any_shape_and_what_is_beside_it() -> None:
    assert [(value, thought_text(value)) for value, _ in TEXTS] == TEXTS
    signed = {"type": "thinking", "signature": "s"}
    assert thought_rest("Hm.") is None
    assert thought_rest({"type": "thinking", "index": 0, "thinking": "Hm."}) == {}
    values = [7, signed | {"thinking": "Hm."}, [{"text": "Hm."}, {"data": "x"}, "Hm."]]
    assert [*map(thought_rest, values)] == [7, signed, [{"data": "x"}]]
