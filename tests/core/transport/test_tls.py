"""TLS: who is talked to is checked, and who cannot be trusted gets no request."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from dsgvo.errors import APIConnectionError, ConfigurationError
from dsgvo.transport import _pools
from tests.core.support import Mode, answer, http, raised, raw_server

AUTHORITY = trustme.CA()
GOOD = AUTHORITY.issue_cert("127.0.0.1")
BAD = {
    "an authority that nobody knows": trustme.CA().issue_cert("127.0.0.1"),
    "another host's": AUTHORITY.issue_cert("sovrgpt.example"),
    "expired": AUTHORITY.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1)),
}


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates are read anew, and the authority's is the one that this machine trusts."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setattr(_pools.runtime.pools, "ssl", None)


def serving(certificate: trustme.LeafCert, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if newest is not None:
        context.minimum_version = context.maximum_version = newest
    return context


def test_whom_the_authority_vouches_for_is_talked_to(mode: Mode) -> None:
    with raw_server(http(answer()), tls=serving(GOOD)) as raw:
        assert raw.url.startswith("https://")
        assert mode.chat(mode.client("sovrgpt", raw)).content == "Ja."


@pytest.mark.parametrize("certificate", BAD.values(), ids=BAD.keys())
def test_no_redirect_whom_it_does_not_vouch_for_gets_no_request(
    mode: Mode, certificate: trustme.LeafCert, naps: list[float]
) -> None:
    with raw_server(http(answer()), tls=serving(certificate)) as raw:
        error = raised(APIConnectionError, mode.chat, mode.client("sovrgpt", raw))
        assert (raw.requests, raw.accepted, naps) == ([], 1, [])
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_server_of_an_old_protocol_gets_no_request(mode: Mode) -> None:
    with raw_server(http(answer()), tls=serving(GOOD, ssl.TLSVersion.TLSv1_1)) as raw:
        client = mode.client("sovrgpt", raw, max_retries=0)
        assert "cannot reach" in str(raised(APIConnectionError, mode.chat, client))
        assert raw.requests == []


@pytest.mark.parametrize("content", [None, b"", b"kein Zertifikat"])
def test_certificates_that_cannot_be_read(
    mode: Mode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    file = tmp_path / "eigene.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    client = mode.client("sovrgpt", api_key="k", base_url="https://gate.example")
    error = raised(ConfigurationError, mode.chat, client)
    assert str(error).startswith("SSL_CERT_FILE and SSL_CERT_DIR: no certificates could be")
