"""The journal of a run: what it was asked to do, and one line of JSON for each finished part."""

from __future__ import annotations

import heapq
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import IO, Any, TypeGuard, cast

from dsgvo._warnings import warn_once
from dsgvo.errors import ConfigurationError

__all__ = ["Journal", "as_line", "read_lines", "real_path", "sync"]

_NOT_IN_A_LINE = re.compile("[\x7f-\x9f\u2028\u2029]")  # that a terminal or a reader obeys
_OWN = re.compile(r"part-\d{6,}-[0-9a-f]{16}\.jsonl|retried\.jsonl|\d{6,}-\d+\.vectors")
"""Names of what runs put into their folder for work."""


class Journal:
    """Notes beside a target, and the folder of what is under way.

    ``TARGET.journal.jsonl`` begins with the settings of the run; a later line of a part replaces an
    earlier one. ``TARGET.errors.jsonl`` has a line for each row without a result. ``TARGET.work``
    is removed when all is done; ``TARGET.retry`` takes its place when failed rows are tried again.

    Args:
        source: The input.
        target: The file or folder that is made.
        settings: What must be the same when the run goes on.
        retry: Whether failed rows are tried again.

    Raises:
        ConfigurationError: If the settings differ from those noted, there is a target without a
            journal or no run to try again, none can be made, the journal is damaged, the source is
            one of these files, or another process is at work.
    """

    def __init__(
        self, source: Path, target: Path, settings: Mapping[str, Any], *, retry: bool = False
    ) -> None:
        self.target = target = real_path(target)
        self.path = target.with_name(f"{target.name}.journal.jsonl")
        self.errors = target.with_name(f"{target.name}.errors.jsonl")
        self.work = target.with_name(f"{target.name}.{'retry' if retry else 'work'}")
        self.parts: dict[int, dict[str, Any]] = {}
        self._again = False  # whether errors of parts that were done before are in their file
        if (read := source.resolve()) in (self.path, self.errors, self.work):
            raise ConfigurationError(
                f"{read.name!r} is a name of the run's own, beside {target.name!r}: rename the "
                "source, or give another target"
            )
        try:
            if not self.path.exists():
                if retry:
                    raise ConfigurationError(
                        f"{str(target)!r}: there is no run whose failed rows could be tried again"
                    )
                self._require_new()
            target.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path)
            try:
                self._open(settings)
            except BaseException:
                self._lock.close()
                raise
        except OSError as error:
            raise ConfigurationError(f"target {str(target)!r} cannot be made: {error}") from None

    def _open(self, settings: Mapping[str, Any]) -> None:
        *lines, torn = self.path.read_bytes().split(b"\n")
        if lines:
            self._lock.truncate(self.path.stat().st_size - len(torn))  # by a kill
            first, *parts = map(_read, lines)
            if first is None or not all(map(_is_note, parts)):
                raise self.damaged("its journal has lines that no run has written")
            self._compare(first, settings)
            self.parts = {line["part"]: line for line in parts if line is not None}
            if len(self.parts) <= max(self.parts, default=-1):
                raise self.damaged("its journal lacks lines")
        else:
            self._require_new()
            for kind in ("work", "retry"):  # of a run that was begun otherwise
                _empty(self.target.with_name(f"{self.target.name}.{kind}"))
            self._lock.truncate(0)
            self._lock.write(as_line(settings))
            sync(self._lock)
        self.work.mkdir(exist_ok=True)
        if self.errors.exists():
            write_whole(self.errors, self._noted_errors())

    def _require_new(self) -> None:
        made = self.target.exists() and not _is_empty_folder(self.target)
        # That of an earlier run may be written anew.
        foreign = self.errors.exists() and next(_errors(self.errors), None) is None
        if made or (foreign and self.errors.stat().st_size):
            raise ConfigurationError(
                f"{str(self.target if made else self.errors)!r} exists, and no journal says what "
                "made it: give another target"
            )

    def _noted_errors(self) -> Iterator[dict[str, Any]]:
        """Yield as many errors of a part as are noted: of each row the last, of rows the last.

        There may be millions, so no more than a part's are in memory: each run has written its
        parts in their order.
        """
        begins, before = [0], 0
        for at, line in _errors(self.errors):
            if line["part"] < before:
                begins.append(at)
            before = line["part"]
        runs = (_errors(self.errors, *span) for span in pairwise([*begins, sys.maxsize]))
        lines = (line for _, line in heapq.merge(*runs, key=lambda one: one[1]["part"]))
        for part, found in groupby(lines, key=lambda line: line["part"]):
            rows: dict[int, dict[str, Any]] = {}
            for line in found:
                rows.pop(line["row"], None)
                rows[line["row"]] = line
            failed = self.parts[part]["failed"] if part in self.parts else 0
            noted = list(rows.values())[max(len(rows) - failed, 0) :]
            yield from sorted(noted, key=lambda line: line["row"])

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

    def require_rows(self, total: int) -> None:
        """Raise ConfigurationError unless the parts have as many rows as the input."""
        if sum(line["rows"] for line in self.parts.values()) != total:
            raise self.changed("the input has changed while it was read")

    def damaged(self, what: str) -> ConfigurationError:
        """Return the error for files that are not as a run leaves them."""
        return ConfigurationError(
            f"{str(self.target)!r}: {what}. Put back what it was, or remove {self.target.name!r} "
            f"and {self.path.name!r} to begin anew"
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
        self._again |= part in self.parts  # anew at the end: for each part would be quadratic
        if found:
            with self.errors.open("a", encoding="utf-8") as file:
                file.writelines(map(as_line, found))
                sync(file)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.parts[part] = {"part": part, **facts, "failed": len(found), "written": now}
        self._lock.write(as_line(self.parts[part]))
        sync(self._lock)

    def close(self, *, finished: bool) -> None:
        """Let go of the target; without what was under way, if all is done."""
        with self._lock:
            if self._again:
                write_whole(self.errors, self._noted_errors())
            if finished:
                with suppress(OSError):  # what else is in it stays
                    _empty(self.work)
                    self.work.rmdir()
                if self.errors.exists() and not self.errors.stat().st_size:
                    self.errors.unlink()


def real_path(target: Path) -> Path:
    """Return a target that has a name, and beside which its files can be."""
    try:
        real = target.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"target {str(target)!r} is no path: {error}") from None
    if not real.name:
        raise ConfigurationError(f"target {str(target)!r} has no name: give one that has")
    return real


def _number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and value >= 0


def _is_note(line: Mapping[str, Any] | None) -> bool:
    if line is None or not isinstance(line.get("source"), str):
        return False
    return all(_number(line.get(name)) for name in ("part", "rows", "failed"))


def _empty(work: Path) -> None:
    """Remove what runs have put into a folder for work."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in filter(lambda one: _OWN.fullmatch(one.name), work.iterdir()):
            path.unlink()


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None


def _locked(path: Path) -> IO[str]:
    file = path.open("a", encoding="utf-8")
    with suppress(ModuleNotFoundError):  # Windows has none
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            file.close()
            raise ConfigurationError(f"another process is at work on {path.name!r}") from None
        except OSError as error:
            said = f"{str(path)!r} cannot be locked ({error.strerror}): start no second process"
            warn_once(("lock", str(path)), said, UserWarning)
    return file


def as_line(value: Mapping[str, Any]) -> str:
    """Return a line of JSON, without loss: what UTF-8 cannot hold or may end it is escaped."""
    line = json.dumps(value, ensure_ascii=False, default=str)
    line = _NOT_IN_A_LINE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
    try:
        line.encode()
    except UnicodeEncodeError:
        line = json.dumps(value, default=str)
    return f"{line}\n"


def _read(line: str | bytes) -> dict[str, Any] | None:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file's whole lines; none if there is no file."""
    with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.endswith("\n") and (found := _read(line)) is not None:
                yield found


def _errors(
    path: Path, begin: int = 0, end: int = sys.maxsize
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the errors in a file, or in some of its bytes, and where each begins."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(begin)
        for text in file:
            if begin >= end:
                return
            line = _read(text) if text.endswith(b"\n") else None
            if line is not None and _number(line.get("part")) and _number(line.get("row")):
                yield begin, line
            begin += len(text)


def write_whole(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of JSON lines anew, so that it is never seen half written."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(map(as_line, lines))
        sync(file)
    temporary.replace(path)


def sync(file: IO[Any]) -> None:
    """Have a file's bytes on the disk, not just on their way."""
    file.flush()
    os.fsync(file.fileno())
