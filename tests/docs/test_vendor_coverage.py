"""docs/vendor-coverage.md is what the tests' markers say, and no stated fact is without a test."""

import pytest

from docs.coverage import FACTS, PAGE, Mark, confirmed, facts_page, faults, marks, page
from dsgvo import PROVIDERS

COVERED = list(marks())


def test_the_page_is_current_and_every_fact_has_its_test_and_standing() -> None:
    assert page(COVERED) == PAGE.read_text("utf-8"), "make vendor-coverage"
    assert faults(COVERED) == []


def test_every_fact_that_no_page_states_has_a_probe_or_says_why_not() -> None:
    assert facts_page() == FACTS.read_text("utf-8"), "make vendor-coverage"
    known = [one for spec in PROVIDERS.values() for one in confirmed(spec)]
    assert [fact.text for fact, probes in known if bool(probes) == bool(fact.by_hand)] == []


@pytest.mark.parametrize(
    ("provider", "fact", "standing", "fault"),
    [
        ("nobody", "parameter seed", "", "nobody states"),
        ("sovrgpt", "behaviour It sings", "", "no standing of behaviour It sings"),
        ("sovrgpt", "parameter seed", "Public", "is Doc, not Public"),
    ],
)
def test_planted_markers_are_found(provider: str, fact: str, standing: str, fault: str) -> None:
    mark = Mark("t", provider, fact, *filter(None, [standing]))
    assert any(fault in found for found in faults([*COVERED, mark]))
