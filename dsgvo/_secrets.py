"""Names under which secrets travel; who looks for secrets by their names looks for these."""

from __future__ import annotations

import re

__all__ = ["SECRET_FIELD", "SECRET_NAME"]

SECRET_NAME = re.compile("(?i)auth|cookie|credential|key|pass|secret|sig|token|^code$")
"""Found in the name of a header or of a query's parameter that may hold a secret."""

SECRET_FIELD = re.compile(
    r"(?i).*(kennwort|passphrase|passw(or)?[dt]|secret|authorization|credentials?|.token"
    r"|(access|account|api|auth|private|secret|subscription)[-_]?key)|(.*[-_])?pwd"
    r"|(.*[-_])?client[-_]?(assertion|id)"
)
"""Matches the name of a field that holds a secret; ``token`` is none, as texts have tokens."""
