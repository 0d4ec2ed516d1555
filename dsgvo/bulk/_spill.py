"""Vectors on their way into parts: kept on disk as they come, found again by their text's digest.

So nothing that was paid for is lost by a kill, and a text that comes again is not paid for again,
within a part and the parts shortly before it. Memory holds digests alone.
"""

from __future__ import annotations

import os
import re
import threading
from array import array
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Any
from zlib import crc32

__all__ = ["Spill", "digest"]

KEPT_PARTS = 16
"""Finished parts whose vectors are kept for texts that come again."""

_HEAD = Struct("<16sI")  # digest, CRC of digest and vector


def digest(text: str) -> bytes:
    """Return what a text is known by: 16 bytes of BLAKE2b."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Spill:
    """Files of vectors, one a part: records of a digest, a CRC and ``dimensions`` float32.

    Args:
        folder: Where they are; what is in it is taken up.
        dimensions: Length of the vectors, if it is known already.
    """

    def __init__(self, folder: Path, dimensions: int | None = None) -> None:
        self._folder = folder
        self.dimensions = dimensions
        self._found: dict[int, dict[bytes, int]] = {}  # offsets, by part
        self._files: dict[int, int] = {}
        self._lock = threading.Lock()  # parts are written in a thread
        for path in sorted(folder.glob("*.vectors")):
            named = re.fullmatch(r"(\d{6,})-(\d+)", path.stem)
            if named is None or not path.is_file():
                continue
            part, found = map(int, named.groups())
            self.dimensions = self.dimensions or found
            if found == self.dimensions:
                self._load(path, part)
                self._file(part)

    def _load(self, path: Path, part: int) -> None:
        size = self._size
        with path.open("r+b") as file:
            offset = 0
            while len(record := file.read(size)) == size and _is_whole(record):
                self._found.setdefault(part, {})[record[:16]] = offset
                offset += size
            file.truncate(offset)  # what a kill has torn off

    @property
    def _size(self) -> int:
        return _HEAD.size + 4 * (self.dimensions or 0)

    def _part(self, key: bytes) -> int | None:
        for part in reversed(list(self._found)):  # another thread may add one
            if key in self._found.get(part, ()):
                return part
        return None

    def add(self, part: int, keys: Sequence[bytes], vectors: Sequence[Any]) -> None:
        """Keep vectors of a part."""
        self.dimensions = self.dimensions or len(vectors[0])
        records: list[bytes] = []
        for key, vector in zip(keys, vectors, strict=True):
            data = vector.tobytes()
            records.append(_HEAD.pack(key, crc32(data, crc32(key))) + data)
        with self._lock:
            file = self._file(part)
            offset = os.lseek(file, 0, os.SEEK_END)
            _write(file, b"".join(records), offset)
            found = self._found.setdefault(part, {})
            for number, key in enumerate(keys):
                found[key] = offset + number * self._size

    def get(self, key: bytes) -> bytes | None:
        """Return a vector as bytes of float32, if it is kept."""
        with self._lock:
            part = self._part(key)
            if part is None:
                return None
            offset = self._found[part][key] + _HEAD.size
            file = self._file(part)
            os.lseek(file, offset, os.SEEK_SET)  # Windows has no pread
            return os.read(file, self._size - _HEAD.size)

    def renew(self, part: int, key: bytes) -> bool:
        """Keep a vector of an earlier part as long as those of this one, if there is one."""
        if key in self._found.get(part, ()):
            return True
        if (data := self.get(key)) is None:
            return False
        self.add(part, [key], [array("f", data)])
        return True

    def forget(self, before: int) -> None:
        """Remove the vectors of parts before one, but for the last few."""
        with self._lock:
            for part in [one for one in self._files if one < before - KEPT_PARTS]:
                os.close(self._files.pop(part))
                self._path(part).unlink(missing_ok=True)
                self._found.pop(part, None)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _path(self, part: int) -> Path:
        return self._folder / f"{part:06}-{self.dimensions}.vectors"

    def _file(self, part: int) -> int:
        if part not in self._files:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows
            self._files[part] = os.open(self._path(part), flags)
        return self._files[part]


def _write(file: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        os.ftruncate(file, offset)  # no part of a record stays before the next ones
        raise


def _is_whole(record: bytes) -> bool:
    key, check = _HEAD.unpack_from(record)
    return crc32(record[_HEAD.size :], crc32(key)) == check
