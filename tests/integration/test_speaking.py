"""Whoever asks over HTTP is written to in the language their browser wishes for."""

from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec.structs import replace

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.api.app import create_app
from auth_service.api.options import Options
from auth_service.settings import Settings

ANN = {"username": "ann", "email": "ann@example.org", "password": "correct horse battery"}


@pytest.fixture
def core() -> MemoryCore:
    return memory_core(replace(Settings().policy(), activation="optional"))


@pytest.fixture
async def client(core: MemoryCore) -> AsyncIterator[httpx.AsyncClient]:
    async def ping() -> None: ...

    transport = httpx.ASGITransport(create_app(core, Options(), ping=ping))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://auth.test") as client:
        yield client


@pytest.mark.parametrize("path", ["/auth/users/", "/api/register"])
@pytest.mark.parametrize(
    ("header", "saved", "language"),
    [
        (b"pl-PL,pl;q=0.9,en;q=0.8", "pl", "pl"),
        (b"tlh", "", "en"),
        (b"", "", "en"),
        (b"\xff\xfe;q=\xff", "", "en"),
        (b"de;q=0.1," + b"x" * 5_000, "de", "de"),
    ],
)
async def test_a_newcomer_is_written_to_in_the_language_they_wish_for_and_it_is_kept(
    client: httpx.AsyncClient, core: MemoryCore, path: str, header: bytes, saved: str, language: str
) -> None:
    answer = await client.post(path, json=ANN, headers=[(b"accept-language", header)])
    assert answer.status_code == 201
    assert (await core.people.find("ann")).language == saved
    (letter,) = await core.deliver()
    assert letter.language == language


async def test_the_wires_show_no_language(client: httpx.AsyncClient) -> None:
    await client.post("/auth/users/", json=ANN, headers={"Accept-Language": "pl"})
    tokens = (await client.post("/auth/jwt/create/", json=ANN)).json()
    headers = {"Authorization": f"Bearer {tokens['access']}"}
    for path in ("/auth/users/me/", "/api/user"):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200
        assert "language" not in answer.json()
