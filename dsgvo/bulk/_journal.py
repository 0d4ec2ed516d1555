"""The journal of a run: what it was asked to do, and one line of JSON for each finished part."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from dsgvo.errors import ConfigurationError

__all__ = ["Journal", "read_lines", "sync", "write_whole"]


class Journal:
    """Notes beside a target, and the folder of what is under way.

    ``TARGET.journal.jsonl`` begins with the settings of the run; a later line of a part replaces an
    earlier one. ``TARGET.errors.jsonl`` has a line for each row without a result. ``TARGET.work``
    is removed when all is done.

    Args:
        target: The file or folder that is made.
        settings: What must be the same when the run goes on.

    Raises:
        ConfigurationError: If the settings differ from those noted, there is a target without a
            journal, or another process is at work on it.
    """

    def __init__(self, target: Path, settings: Mapping[str, Any]) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.journal.jsonl")
        self.errors = target.with_name(f"{target.name}.errors.jsonl")
        self.work = target.with_name(f"{target.name}.work")
        self.parts: dict[int, dict[str, Any]] = {}
        if not self.path.exists() and target.exists() and not _is_empty_folder(target):
            raise ConfigurationError(
                f"{str(target)!r} exists, and no journal says what made it: give another target"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.path)
        try:
            self._open(settings)
        except BaseException:
            self._lock.close()
            raise

    def _open(self, settings: Mapping[str, Any]) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        self._lock.truncate(whole)  # what a kill has torn off
        if whole:
            first, *parts = read_lines(self.path)
            self._compare(first, settings)
            self.parts = {line["part"]: line for line in parts}
        else:
            self._lock.write(_line(settings))
            sync(self._lock)
        self.work.mkdir(exist_ok=True)
        kept = [line for line in read_lines(self.errors) if line.get("part") in self.parts]
        if self.errors.exists():
            write_whole(self.errors, kept)

    def _compare(self, noted: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        for name in dict.fromkeys((*noted, *settings)):
            before, now = noted.get(name), settings.get(name)
            if before != now:
                raise self.changed(f"{name} was {before!r} and is now {now!r}")

    def changed(self, what: str) -> ConfigurationError:
        """Return the error for a run that is not the one that was begun."""
        return ConfigurationError(
            f"{str(self.target)!r} was begun otherwise: {what}. Run it as before, or give another "
            f"target, or remove {self.target.name!r} and {self.path.name!r} to begin anew"
        )

    def done(self, index: int, source: str) -> bool:
        """Return whether a part is finished.

        Raises:
            ConfigurationError: If it is, and its rows are others by now.
        """
        noted = self.parts.get(index)
        if noted is not None and noted["source"] != source:
            raise self.changed(f"the input has changed in the rows of part {index}")
        return noted is not None

    def note(self, part: int, errors: Iterable[Mapping[str, Any]], **facts: Any) -> None:
        """Note that a part is finished: its errors first, so that none is lost by a kill."""
        found = [{"part": part, **error} for error in errors]
        if part in self.parts and self.errors.exists():
            kept = [line for line in read_lines(self.errors) if line["part"] != part]
            write_whole(self.errors, sorted([*kept, *found], key=lambda line: line["row"]))
        elif found:
            with self.errors.open("a", encoding="utf-8") as file:
                file.writelines(_line(one) for one in found)
                sync(file)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.parts[part] = {"part": part, **facts, "failed": len(found), "written": now}
        self._lock.write(_line(self.parts[part]))
        sync(self._lock)

    def close(self, *, finished: bool) -> None:
        """Let go of the target; without what was under way, if all is done."""
        if finished:
            shutil.rmtree(self.work, ignore_errors=True)
            if self.errors.exists() and not self.errors.stat().st_size:
                self.errors.unlink()
        self._lock.close()


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None


def _locked(path: Path) -> IO[str]:
    file = path.open("a", encoding="utf-8")
    with suppress(ModuleNotFoundError):  # Windows has none
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise ConfigurationError(f"another process is at work on {path.name!r}") from None
    return file


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def read_lines(path: Path) -> Iterable[dict[str, Any]]:
    """Yield the JSON objects of a file's whole lines; none if there is no file."""
    with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.endswith("\n"):
                with suppress(ValueError):
                    yield json.loads(line)


def write_whole(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of JSON lines anew, so that it is never seen half written."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(map(_line, lines))
        sync(file)
    temporary.replace(path)


def sync(file: IO[Any]) -> None:
    """Have a file's bytes on the disk, not just on their way."""
    file.flush()
    os.fsync(file.fileno())
