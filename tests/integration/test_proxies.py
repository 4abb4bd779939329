"""Whose request it is: what headers say counts only from proxies that the operator named."""

from ipaddress import ip_network
from typing import Any

import pytest

from auth_service.api.proxies import BehindProxies

PROXY = "10.0.0.1"
TRUSTED = [ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")]


async def client_of(peer: str, *headers: tuple[str, str]) -> str:
    """Return the client that the app behind is told of."""
    told = []

    async def app(scope: Any, _receive: object, _send: object) -> None:  # noqa: ANN401 - ASGI's
        told.append(scope["client"][0])

    scope: Any = {
        "type": "http",
        "client": (peer, 4711),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    await BehindProxies(app, TRUSTED)(scope, None, None)  # type: ignore[arg-type]
    (address,) = told
    return str(address)


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::5]:4711", "2001:db8::5"),
        ("2001:db8::5", "2001:db8::5"),
        ("2001:db8::5, 2001:db8:1::7", "2001:db8::5"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("unknown", PROXY),
        ("", PROXY),
        (",,,", PROXY),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ],
)
async def test_the_first_address_from_the_right_that_is_no_proxy_is_the_client(header: str, client: str) -> None:
    assert await client_of(PROXY, ("x-forwarded-for", header)) == client


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded"])
async def test_nobody_else_is_believed(name: str) -> None:
    value = "for=203.0.113.9" if name == "forwarded" else "203.0.113.9"
    assert await client_of("192.0.2.5", (name, value)) == "192.0.2.5"


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("for=203.0.113.9", "203.0.113.9"),
        ('for=198.51.100.1, for="203.0.113.9:80";proto=https;by=10.0.0.1', "203.0.113.9"),
        ('proto=https; For="[2001:db8::5]:4711"', "2001:db8::5"),
        ("for=198.51.100.1, proto=https", PROXY),
        ("for=_hidden", PROXY),
    ],
)
async def test_the_standard_header_is_read_alike(header: str, client: str) -> None:
    assert await client_of(PROXY, ("forwarded", header)) == client


async def test_several_headers_are_one_chain() -> None:
    headers = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9")]
    assert await client_of(PROXY, *headers) == "203.0.113.9"
