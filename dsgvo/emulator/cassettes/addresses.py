"""The emulator's addresses as the vendors', and back."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from dsgvo import PROVIDERS
from dsgvo.emulator.vendors import DIALECTS
from dsgvo.providers import Provider

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def vendor_url(url: str) -> str:
    """Return a vendor's own address for one of the emulator's; any other URL as it is.

    Args:
        url: Address of a request.

    Example:
        >>> vendor_url("http://127.0.0.1:8080/sovrgpt/api/v1/models")
        'https://sovrgpt.com/api/v1/models'
        >>> vendor_url("http://127.0.0.1:8080/neuroflash/oauth/v2/token")
        'https://id.neuroflash.com/oauth/v2/token'
    """
    parts = urlsplit(url)
    if parts.hostname not in _LOOPBACK:
        return url
    for name, dialect in DIALECTS.items():
        path = parts.path.removeprefix(dialect.root)
        if parts.path.startswith(f"{dialect.root}/"):
            home = urlsplit(_home(PROVIDERS[name], path))
            return urlunsplit((home.scheme, home.netloc, path, parts.query, ""))
    return url


def emulator_url(url: str, server: str) -> str | None:
    """Return where the emulator answers what a vendor's address would.

    Args:
        url: The vendor's address.
        server: Address of the emulator, as ``Server.url``.

    Returns:
        The address, or None if the URL is no vendor's.
    """
    parts = urlsplit(url)
    for name, dialect in DIALECTS.items():
        if parts.netloc in {urlsplit(known).netloc for known in _known(PROVIDERS[name])}:
            query = f"?{parts.query}" if parts.query else ""
            return f"{server}{dialect.root}{parts.path}{query}"
    return None


def provider_of(url: str) -> str | None:
    """Return the name of the vendor whose address this is."""
    netloc = urlsplit(url).netloc
    return next(
        (
            name
            for name, provider in PROVIDERS.items()
            if netloc in {urlsplit(known).netloc for known in _known(provider)}
        ),
        None,
    )


def _home(provider: Provider, path: str) -> str:
    """Return the known address of a vendor that shares most of its path."""

    def shared(url: str) -> int:
        known = urlsplit(url).path
        return len(known) if path == known or path.startswith(f"{known}/") else 0

    return max(_known(provider), key=shared)


def _known(provider: Provider) -> Iterator[str]:
    yield provider.base_url
    token_url = provider.oauth.token_url if provider.oauth else None
    for url in (provider.models_url, provider.workspaces_url, token_url):
        if url:
            yield url
