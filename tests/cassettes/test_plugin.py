"""What other projects get: ``docs/testing.md``, done as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dsgvo.emulator import cassettes
from tests.cassettes.support import ROOT

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The page's files, in a folder of their own."""
    for name, text in BLOCKS:
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def pytest_in(folder: Path, *options: str, **variables: str) -> str:
    """Run pytest there as a user would, with warnings as errors; return what it printed."""
    foreign = ("PYTEST_", "DSGVO_", "COV_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
    command += ["-p", "no:asyncio", "-W", "error", "--rootdir", str(folder), *options]
    result = subprocess.run(
        command, cwd=folder, env=environ | variables, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_block_of_the_page_has_a_file() -> None:
    names = [name for name, _ in BLOCKS]
    assert len(names) == len(set(names)) == PAGE.count("```python")


def test_the_page_does_what_it_says(project: Path) -> None:
    recorded = pytest_in(project, "--record-mode=rewrite", RECORD="1")
    assert "5 passed" in recorded
    files = sorted(
        path.relative_to(project).as_posix() for path in project.rglob("cassettes/**/*.*")
    )
    assert files == [
        "cassettes/test_recording/test_the_vacation_with_pytest_recording.dsgvo.yaml",
        "cassettes/vacation.yaml",
    ]
    texts = [(project / name).read_text(encoding="utf-8") for name in files]
    parsed = [cassettes.parse(text) for text in texts]
    assert parsed[0] == parsed[1]
    assert [one["request"]["url"] for one in parsed[0]["interactions"]] == [
        "https://app.meingpt.com/api/openai/v1/embeddings",
        "https://app.meingpt.com/api/openai/v1/embeddings",
        "https://app.meingpt.com/api/openai/v1/chat/completions",
    ]
    options = ("--disable-socket", "-k", "vacation or secret")
    replayed = pytest_in(project, *options)
    assert "3 passed" in replayed
    assert [(project / name).read_text(encoding="utf-8") for name in files] == texts


def test_a_changed_request_fails_there_too(project: Path) -> None:
    pytest_in(project, "test_cassette.py", RECORD="1")
    application = project / "handbuch.py"
    text = application.read_text(encoding="utf-8")
    application.write_text(text.replace("temperature=0", "temperature=1"), encoding="utf-8")
    with pytest.raises(AssertionError) as caught:
        pytest_in(project, "test_cassette.py", "--disable-socket")
    assert "-  temperature: 0.0\n" in str(caught.value)
    assert "+  temperature: 1.0\n" in str(caught.value)
