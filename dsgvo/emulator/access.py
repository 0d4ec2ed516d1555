"""Authentication: the one key, the one workspace, and the tokens that were handed out."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject
from dsgvo.transport._config import is_loopback


def is_own_host(header: str, bound: str) -> bool:
    """Tell whether a ``Host`` header names this server, by a loopback name or as it was started."""
    try:
        name = urlsplit(f"//{header}").hostname if header.isascii() else None
    except ValueError:
        return False
    return name is not None and (
        is_loopback(name) or name == bound.lower() or bound in ("0.0.0.0", "::")  # noqa: S104
    )


@dataclass
class Access:
    """The credentials that a server accepts."""

    # One fixed key, so that recordings of the same requests are the same.
    api_key: str = "sk-emulator-0123456789abcdef"
    workspace_id: str = "emulator-workspace"
    client_id: str = "emulator-client"
    client_secret: str = "emulator-secret"  # noqa: S105 - it opens nothing but this server
    token_seconds: float = 14399
    token_requests: int = 0
    _tokens: dict[str, float] = field(default_factory=dict[str, float])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def bearer(self, headers: Mapping[str, str]) -> None:
        """Check for the static key. Raises ApiError with 401."""
        if self._presented(headers) != self.api_key:
            raise self._unauthorized(headers)

    def bearer_or_token(self, headers: Mapping[str, str]) -> None:
        """Check for the static key or a living token. Raises ApiError with 401."""
        presented = self._presented(headers)
        with self._lock:
            expires = self._tokens.get(presented, 0.0)
        if presented != self.api_key and expires <= time.monotonic():
            raise self._unauthorized(headers)

    def workspace(self, headers: Mapping[str, str]) -> None:
        """Check for the workspace. Raises ApiError with 400 or 403."""
        given = headers.get("x-workspace-id", "")
        if not given:
            raise ApiError(400, "Missing required header: x-workspace-id", "missing_workspace")
        if given != self.workspace_id:
            raise ApiError(403, "No permission for this workspace", "forbidden")

    def issue_token(self, body: bytes) -> JsonObject:
        """Answer an OAuth2 request for a token by client credentials."""
        form = {name: values[-1] for name, values in parse_qs(body.decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials":
            raise ApiError(400, "grant_type must be client_credentials", "unsupported_grant_type")
        if "openid" not in form.get("scope", "").split():
            raise ApiError(400, "scope must contain openid", "invalid_scope")
        known = (self.client_id, self.client_secret)
        if (form.get("client_id"), form.get("client_secret")) != known:
            raise ApiError(401, "unknown client or wrong secret", "invalid_client")
        token = f"emulator-token-{secrets.token_hex(12)}"
        with self._lock:
            self.token_requests += 1
            self._tokens[token] = time.monotonic() + self.token_seconds
        seconds = int(self.token_seconds)
        return {"access_token": token, "token_type": "Bearer", "expires_in": seconds}

    def expire_tokens(self) -> None:
        """Make every token that was handed out worthless."""
        with self._lock:
            self._tokens.clear()

    @staticmethod
    def _presented(headers: Mapping[str, str]) -> str:
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        return credential.strip() if scheme.lower() == "bearer" else ""

    @staticmethod
    def _unauthorized(headers: Mapping[str, str]) -> ApiError:
        given = "Incorrect API key provided" if "authorization" in headers else "Missing API key"
        return ApiError(401, given, "invalid_api_key")
