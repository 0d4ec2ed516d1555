"""``make cassettes-live``, tried with a vendor that is the emulator behind a false face."""

from pathlib import Path

import pytest

from dsgvo.emulator import Server, Status
from tests.cassettes import record

SELECTION = ["tests/cassettes/test_core.py", "-k", "test_has and models and sovrgpt"]


@pytest.fixture(autouse=True)
def vendor(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(record, "HOME", tmp_path)
    for name, value in server.environ("sovrgpt").items():
        monkeypatch.setenv(name, value)
    models = {"object": "list", "data": [{"id": "m", "echo": f"Bearer {server.api_key}"}]}
    server.script("sovrgpt", Status(200, models, {"Server": "nginx"}), path="/models")


@pytest.mark.slow
def test_live(tmp_path: Path, server: Server) -> None:
    assert record.main(["--live", "sovrgpt", "--yes", *SELECTION]) == 0
    [path] = record.recorded(tmp_path).values()
    text = path.read_text(encoding="utf-8")
    assert "uri: https://sovrgpt.com/api/v1/models" in text
    assert "echo: Bearer SCRUBBED" in text
    assert record.origins(path) == {"live"}
    # It was paid for: the emulator's does not take its place unless it is told to.
    assert record.main(SELECTION) == 0
    assert path.read_text(encoding="utf-8") == text
    assert record.main(["--replace-live", *SELECTION]) == 0
    assert record.origins(path) == {"emulator"}


def test_it_asks_first_and_wants_a_key(capfd: pytest.CaptureFixture[str]) -> None:
    assert record.main(["--live", "sovrgpt"], lambda _: "n") == 1
    assert "nothing was sent" in capfd.readouterr().out
    assert record.main(["--live", "meingpt", "--yes"]) == 2
    assert capfd.readouterr().err == "no key: set MEINGPT_API_KEY to yours\n"
