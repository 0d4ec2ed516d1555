"""``make cassettes-live`` asks before it costs money."""

import pytest

from tests.cassettes import record


def test_it_asks_first_and_wants_a_key(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOVRGPT_API_KEY", "k")
    assert record.main(["--live", "sovrgpt"], lambda _: "n") == 1
    assert "nothing was sent" in capfd.readouterr().out
    assert record.main(["--live", "meingpt", "--yes"]) == 2
    assert capfd.readouterr().err == "no key: set MEINGPT_API_KEY to yours\n"
