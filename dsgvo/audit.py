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
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any

from dsgvo._warnings import warn_once
from dsgvo.errors import ConfigurationError, environment_error
from dsgvo.providers import Provider
from dsgvo.wire.residency import EUROPEAN
from dsgvo.wire.usage import token_counts

__all__ = ["AUDIT_VARIABLE", "AuditEntry", "is_other_model", "warn_of_other_model"]

AUDIT_VARIABLE = "DSGVO_AUDIT"

_OFF = logging.CRITICAL + 1
_log = logging.getLogger("dsgvo.audit")
if _log.level == logging.NOTSET:  # the level of the root logger is not meant for it
    _log.setLevel(_OFF)


class _Trail:
    """The file that ``DSGVO_AUDIT`` names: a record is one write, so that lines stay whole.

    It is no handler of logging, whose configuration closes handlers and turns loggers off. It is
    opened for each record, as it may be moved or deleted, and descriptors closed.
    """

    def __init__(self) -> None:
        self.named: str | None = None
        self._path = Path()
        self._begin()
        if hasattr(os, "register_at_fork"):  # Windows has none
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock = RLock()  # an abandoned stream may end in the middle of another record
        self._owed = b""

    def follow(self, named: str | None) -> None:
        """Turn to the file of a name, or to none, and write what could not be written before."""
        with self._lock:
            if named != self.named:
                path = Path(named).absolute() if named else Path()
                self.named, self._path, self._owed = named, path, b""
                _log.setLevel(min(_log.level, logging.INFO) if named else _OFF)
            if named:
                self.add(b"")

    def add(self, line: bytes) -> None:
        """Append a line."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        flags |= getattr(os, "O_NONBLOCK", 0)  # nobody may read a pipe
        with self._lock:
            owed, self._owed = self._owed + line, b""  # a record in the middle writes its own
            try:
                file = os.open(self._path, flags, 0o600)
                try:
                    while owed:
                        owed = owed[os.write(file, owed) :]
                finally:
                    os.close(file)
            finally:
                self._owed = owed + self._owed


_trail = _Trail()


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
        """Note what the answer says of itself, all or bit by bit; nothing private."""
        known = self._answer and self._answer[0]
        if known and (model is None or self._spec.model(known).region not in {None, *EUROPEAN}):
            model = known  # whatever is named later, the data has been there
        self._answer = model, usage, request_id

    def __enter__(self) -> AuditEntry:
        named = os.environ.get(AUDIT_VARIABLE) or None
        try:
            if named or _trail.named:
                _trail.follow(named)
        except (OSError, ValueError) as error:  # nothing is sent that would go unrecorded
            why = getattr(error, "strerror", error)
            said = f"{AUDIT_VARIABLE}={named!r} cannot be written: {why}"
            raise environment_error(said) from None
        self._began, self._started = time.time(), time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if isinstance(error, ConfigurationError):
            return
        if not _trail.named and not _log.isEnabledFor(logging.INFO):
            return
        began = datetime.fromtimestamp(self._began, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {"time": began, "provider": self._spec.name, **self._fields}
        if self._answer is not None:
            told = is_other_model if kind else partial(warn_of_other_model, self._spec)
            fields |= self._of_answer(told, *self._answer)
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
        if _trail.named:
            self._write(line)
        _log.info("%s", line, extra={"audit": fields})

    def _write(self, line: str) -> None:
        try:
            _trail.add(f"{line}\n".encode())
        except OSError as error:  # the answer is not lost for it
            said = f"{error.strerror}; nothing more is asked for until it can be"
            message = f"{AUDIT_VARIABLE}={_trail.named!r} cannot be written: {said}"
            warn_once(("audit", _trail.named), message, UserWarning)

    def _of_answer(
        self,
        is_other: Callable[[str | None, str | None], bool],
        model: str | None,
        usage: Any,
        request_id: str | None,
    ) -> dict[str, Any]:
        counts = token_counts(usage)
        return {
            "status": 200,
            "other_model": is_other(self._fields["model"], model),
            "answered_by": model,
            "prompt_tokens": counts and counts.prompt,
            "completion_tokens": counts and counts.completion,
            "request_id": request_id,
        }


def warn_of_other_model(spec: Provider, asked: str | None, answered: str | None) -> bool:
    """Return whether another model answered than was asked for; of one that did, warn once."""
    other = is_other_model(asked, answered)
    if other and answered:
        said = f"{spec.title}: {answered!r} answered in place of {asked!r}"
        warn_once((spec.name, "audit", asked, answered), said, UserWarning)
    return other


def is_other_model(asked: str | None, answered: str | None) -> bool:
    """Return whether another model answered than was asked for: a date or version makes none.

    Examples:
        >>> is_other_model("gpt-4o", "gpt-4o-2024-08-06"), is_other_model("gpt-5", "gpt-5-mini")
        (False, True)
        >>> is_other_model("text-embedding-ada-002", "text-embedding-ada-002-v2")
        False
    """
    if not asked or not answered:
        return False
    one, two = (name.rpartition("/")[2].strip().lower() for name in (asked, answered))
    return one != two and not re.fullmatch(rf"{re.escape(one)}[-@:](\d{{4}}[\d-]*|v[\d.]+)", two)
