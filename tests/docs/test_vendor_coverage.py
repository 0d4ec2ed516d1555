"""docs/vendor-coverage.md is what the tests' markers say, and no stated fact is without a test."""

from docs.coverage import FACTS, PAGE, Mark, confirmed, facts_page, faults, marks, page
from dsgvo import PROVIDERS

COVERED = list(marks())


def test_the_page_is_current_and_every_fact_has_its_test_standing_and_probe() -> None:
    assert page(COVERED) == PAGE.read_text("utf-8"), "make vendor-coverage"
    assert faults(COVERED) == []
    assert facts_page() == FACTS.read_text("utf-8"), "make vendor-coverage"
    known = [one for spec in PROVIDERS.values() for one in confirmed(spec)]
    assert [fact.text for fact, probes in known if bool(probes) == bool(fact.by_hand)] == []


def test_planted_markers_are_found() -> None:
    rows = ("nobody", "parameter seed"), ("sovrgpt", "parameter seed", "Public")
    planted = [Mark("t", *row) for row in (*rows, ("sovrgpt", "behaviour It sings"))]
    found = ("nobody states", "is Doc, not Public", "no standing of behaviour It sings")
    told = " ".join(faults([*COVERED, *planted]))
    assert [text for text in found if text not in told] == []
