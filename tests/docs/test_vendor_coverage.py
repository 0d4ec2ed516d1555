"""docs/vendor-coverage.md is what the tests' markers say, and no stated fact is without a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.coverage import PAGE, Mark, faults, marks, page, table

COVERED = list(marks())


def test_the_page_is_current() -> None:
    assert page(COVERED) == PAGE.read_text("utf-8"), "make vendor-coverage"


def test_every_fact_has_its_test_and_standing() -> None:
    assert faults(COVERED) == []


@pytest.mark.parametrize(
    ("mark", "fault"),
    [
        (Mark("t", "nobody", "parameter seed"), "nobody states"),
        (Mark("t", "sovrgpt", "model gpt-9"), "nobody states"),
        (Mark("t", "sovrgpt", "endpoint GET /v9"), "nobody states"),
        (Mark("t", "sovrgpt", "rumour of tools"), "nobody states"),
        (Mark("t", "sovrgpt", "behaviour It sings", "Rumour"), "nobody states"),
        (Mark("t", "sovrgpt", "behaviour It sings"), "no standing of behaviour It sings"),
        (Mark("t", "sovrgpt", "parameter seed", "Public"), "is Doc, not Public"),
    ],
)
def test_planted_markers_are_found(mark: Mark, fault: str) -> None:
    assert any(fault in found for found in faults([*COVERED, mark]))


def test_what_no_test_proves_is_found() -> None:
    found = faults([mark for mark in COVERED if mark.fact != "parameter *"])
    assert "sovrgpt: no test of parameter logit_bias" in found
    assert "meingpt: no test of parameter all others" in found


def test_patterns_hold_for_what_a_vendor_states_alone() -> None:
    rows, wrong = table([Mark("t", "*", "parameter s*")])
    assert wrong == []
    assert rows["innogpt"]["parameter stream"].tests == ["t"]
    assert "parameter seed" not in rows["innogpt"]
    assert rows["neuroflash"]["parameter seed"].tests == ["t"]


def test_markers_of_functions_and_classes_are_read(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "@pytest.mark.covers('sovrgpt', 'behaviour a', 'Doc')\n"
        "@pytest.mark.covers('meingpt', 'behaviour b')\n"
        "async def test_one(): ...\n"
        "@pytest.mark.covers('*', 'model *')\n"
        "class TestTwo:\n"
        "    @pytest.mark.covers('innogpt', 'parameter stop')\n"
        "    def test_three(self): ...\n"
    )
    assert list(marks(tmp_path)) == [
        Mark("test_x.py::test_one", "sovrgpt", "behaviour a", "Doc"),
        Mark("test_x.py::test_one", "meingpt", "behaviour b"),
        Mark("test_x.py::TestTwo", "*", "model *"),
        Mark("test_x.py::TestTwo::test_three", "innogpt", "parameter stop"),
    ]
