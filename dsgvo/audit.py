"""Audit trail: one record of each request that carries a user's data, without its contents.

The logger ``dsgvo.audit`` is off until ``DSGVO_AUDIT`` names a file, which gets one JSON object a
line from any number of processes, or a program sets the logger's level to ``INFO``. A record's
message is that line, and ``record.audit`` the same as a dict.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from asyncio import CancelledError
from contextlib import nullcontext
from datetime import UTC, datetime
from os.path import samestat
from pathlib import Path
from types import TracebackType
from typing import Any

from dsgvo._warnings import warn_once
from dsgvo.errors import ConfigurationError, environment_error
from dsgvo.providers import Provider
from dsgvo.wire.usage import token_counts

__all__ = ["AUDIT_VARIABLE", "MAX_NAME", "AuditEntry", "is_other_model"]

AUDIT_VARIABLE = "DSGVO_AUDIT"

MAX_NAME = 200
"""Characters of a name that an answer gives itself."""

_OFF = logging.CRITICAL + 1
_log = logging.getLogger("dsgvo.audit")
if _log.level == logging.NOTSET:  # the level of the root logger is not meant for it
    _log.setLevel(_OFF)


class _Lines(logging.Handler):
    """Appends each record to a file in one write, so that lines of other processes stay whole."""

    def __init__(self, path: str) -> None:
        self._file = self._open(path)
        super().__init__(logging.INFO)  # from now on logging closes it when the program ends
        self.path = path
        self._full = Path(path).absolute()
        self._owed = b""

    @staticmethod
    def _open(path: str | Path) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        flags |= getattr(os, "O_NONBLOCK", 0)  # nobody may read a pipe
        return os.open(path, flags, 0o600)

    def emit(self, record: logging.LogRecord) -> None:
        self._owed += f"{record.getMessage()}\n".encode()
        try:
            self.settle()
        except OSError as error:  # the answer is not lost for it
            said = f"{error.strerror}; nothing more is asked for until it can be"
            message = f"{AUDIT_VARIABLE}={self.path!r} cannot be written: {said}"
            warn_once(("audit", self.path), message, UserWarning)

    def settle(self) -> None:
        """Write what could not be written before; to a new file where one was moved or deleted."""
        with self.lock or nullcontext():
            here = self._full.exists() and samestat(self._full.stat(), os.fstat(self._file))
            if not here:
                file = self._open(self._full)
                os.close(self._file)
                self._file = file
            while self._owed:
                self._owed = self._owed[os.write(self._file, self._owed) :]

    def close(self) -> None:
        os.close(self._file)
        super().close()


def _open() -> None:
    """Open the file that ``DSGVO_AUDIT`` names, if it is not open.

    Raises:
        ConfigurationError: If it cannot be written: nothing is sent that would go unrecorded.
    """
    path = os.environ.get(AUDIT_VARIABLE)
    lines = next((handler for handler in _log.handlers if isinstance(handler, _Lines)), None)
    if (lines.path if lines else None) != (path or None):
        if lines is not None:
            _log.removeHandler(lines)
            lines.close()
            _log.setLevel(_OFF)
        lines = None
    try:
        if lines is not None:
            lines.settle()
        elif path:
            _log.addHandler(_Lines(path))
            _log.setLevel(min(_log.level, logging.INFO))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", error)
        raise environment_error(f"{AUDIT_VARIABLE}={path!r} cannot be written: {why}") from None


class AuditEntry:
    """The record of one request: made before it, written when it has ended, however it ended.

    Args:
        spec: The vendor.
        host: The host that is asked.
        task: What is asked for: ``"chat"``, ``"embeddings"``, …
        model: The model that is asked for.
        purpose: What the user says that the request is for.
    """

    __slots__ = ("_answer", "_began", "_fields", "_spec", "_started")

    def __init__(
        self, spec: Provider, host: str, task: str, model: str | None, purpose: str | None
    ) -> None:
        self._spec = spec
        self._fields = {"host": host, "task": task, "model": model, "purpose": purpose}
        self._answer: tuple[str | None, Any, str | None] | None = None
        self._began = self._started = 0.0

    def answered(
        self, model: str | None = None, usage: Any = None, request_id: str | None = None
    ) -> None:
        """Note what the answer says of itself."""
        self._answer = model and model[:MAX_NAME], usage, request_id

    def __enter__(self) -> AuditEntry:
        _open()
        self._began, self._started = time.time(), time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if not _log.isEnabledFor(logging.INFO) or isinstance(error, ConfigurationError):
            return
        began = datetime.fromtimestamp(self._began, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {"time": began, "provider": self._spec.name, **self._fields}
        if self._answer is not None:
            fields |= self._of_answer(*self._answer)
        if kind is not None:
            ended = "abandoned" if issubclass(kind, GeneratorExit) else kind.__name__
            fields["error"] = "cancelled" if issubclass(kind, CancelledError) else ended
            fields["status"] = getattr(error, "status_code", None)
            fields["request_id"] = getattr(error, "request_id", None)
        known = self._spec.model(fields.get("answered_by") or fields["model"] or "")
        fields["region"] = known.region
        fields["region_source"] = known.source if known.region else None
        fields["seconds"] = round(time.monotonic() - self._started, 3)
        line = json.dumps(fields, ensure_ascii=False)
        _log.info("%s", line, extra={"audit": fields})

    def _of_answer(self, model: str | None, usage: Any, request_id: str | None) -> dict[str, Any]:
        counts, asked = token_counts(usage), self._fields["model"]
        other = is_other_model(asked, model)
        if other:
            said = f"{self._spec.title}: {model!r} answered in place of {asked!r}"
            warn_once((self._spec.name, "audit", asked, model), said, UserWarning)
        return {
            "status": 200,
            "other_model": other,
            "answered_by": model,
            "prompt_tokens": counts and counts.prompt,
            "completion_tokens": counts and counts.completion,
            "request_id": request_id,
        }


def is_other_model(asked: str | None, answered: str | None) -> bool:
    """Return whether another model answered than was asked for; a dated id is the same model.

    Examples:
        >>> is_other_model("gpt-4o", "gpt-4o-2024-08-06"), is_other_model("gpt-5", "gpt-5-mini")
        (False, True)
    """
    if not asked or not answered:
        return False
    one, two = (name.rpartition("/")[2].strip().lower() for name in (asked, answered))
    return one != two and not re.fullmatch(rf"{re.escape(one)}[-@:]\d{{4,}}[\d-]*", two)
