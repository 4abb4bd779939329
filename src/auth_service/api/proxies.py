"""Proxies: whose request it is when somebody we trust has passed it on.

What a header says of the client is anybody's word. It counts only from a peer that the operator named, and is read from
the right: each proxy adds whom it spoke with at the end, so the first address that is no trusted proxy is the client's,
whatever the client itself wrote before it (CVE-2024-47070).
"""

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network
# A proxy shows in the first requests there are; after that nobody need look any more.
_LOOKED_AT = 1_000
_log = logging.getLogger(__name__)
_Address = IPv4Address | IPv6Address

# RFC 7239, 4 and 6: for=192.0.2.60, for="[2001:db8::1]:4711"
_FORWARDED_FOR = re.compile(r'(?i)(?:^|;)\s*for\s*=\s*"?([^";]+)"?')


class BehindProxies:
    """Puts the client's own address in the place of a trusted proxy's."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as its client's."""
        peer = scope.get("client") if scope["type"] == ScopeType.HTTP else None
        if peer is not None:
            address = _address(peer[0])
            if address is not None and self._trusts(address):
                scope["client"] = (str(self._client(scope, address)), 0)
        await self._app(scope, receive, send)

    def _client(self, scope: Scope, peer: _Address) -> _Address:
        """Return the first address from the right that is no trusted proxy, or the last one that could be read."""
        last = peer
        for text in reversed(_chain(scope)):
            address = _address(text)
            if address is None:
                return last
            if not self._trusts(address):
                return address
            last = address
        return last

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


class UnnamedProxy:
    """Says once that somebody passes requests on whom the operator has not named; what they say counts for nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._looks = _LOOKED_AT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as it came."""
        if self._looks and scope["type"] == ScopeType.HTTP:
            self._look(scope)
        await self._app(scope, receive, send)

    def _look(self, scope: Scope) -> None:
        self._looks -= 1
        peer = scope.get("client")
        address = _address(peer[0]) if peer else None
        # Anybody may write the header. A neighbour who does is a proxy.
        if address is not None and address.is_private and any(_chain(scope)):
            self._looks = 0
            _log.warning(
                "A proxy at %s passes requests on, and TRUSTED_PROXIES does not name it: all who come by it count as"
                " one client. Set TRUSTED_PROXIES=%s if it is yours.",
                address,
                address,
            )


def _chain(scope: Scope) -> list[str]:
    """Return whom the proxies spoke with, in their order; `Forwarded` is read where `X-Forwarded-For` is missing."""
    by_name: dict[bytes, list[str]] = {b"x-forwarded-for": [], b"forwarded": []}
    for name, value in cast("Sequence[tuple[bytes, bytes]]", scope["headers"]):
        if name in by_name:
            by_name[name] += value.decode("latin-1").split(",")
    if by_name[b"x-forwarded-for"]:
        return by_name[b"x-forwarded-for"]
    found = [_FORWARDED_FOR.search(element) for element in by_name[b"forwarded"]]
    return [match[1] if match else "" for match in found]


def _address(text: str) -> _Address | None:
    """Return the address in a text that may have a port, or None where there is none (`unknown`, `_hidden`)."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    with suppress(ValueError):
        address = ip_address(text.partition("%")[0])
        return getattr(address, "ipv4_mapped", None) or address
    return None
