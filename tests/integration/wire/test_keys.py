"""Keys that are exchanged under way: over several processes, and with the libraries that others check tokens with."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from types import SimpleNamespace
from typing import Any, NamedTuple

import asyncpg
import httpx
import jwt
import pytest
from jwt import PyJWKClient, api_jwk, jwk_set_cache, jwks_client

from auth_service.adapters.crypto.keys import new_key
from auth_service.adapters.crypto.sealed_keys import SealedKeys
from auth_service.domain.keys import NewKey
from tests.integration.conformance.running import Mailbox

from .people import Person, newcomer
from .resource_server import resource_server
from .serving import SECRET, Server, as_bearer

JWKS = "/.well-known/jwks.json"


class Household(NamedTuple):
    """Two processes on one PostgreSQL, and somebody who is signed in."""

    here: Server
    there: Server
    ann: Person

    @property
    def pair(self) -> dict[str, str]:
        return tokens(self.here, self.ann)

    def rotate(self) -> str:
        """Rotate at once; return the name of the key that signs then."""
        return self.here.run("keys", "rotate", "--now").split()[0]


def tokens(server: Server, person: Person) -> dict[str, str]:
    answer = server.client.post("/auth/jwt/create/", json={"username": person.username, "password": person.password})
    found: dict[str, str] = answer.raise_for_status().json()
    return found


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def signs(server: Server) -> str:
    return str(server.client.get(JWKS).json()["keys"][0]["kid"])


def make_it_look(server: Server) -> None:
    """Send a token that names an unknown key: nothing else makes a process look for keys before its time."""
    stranger = jwt.encode({"user_id": "1"}, "x" * 32, headers={"kid": "s" * 43})
    assert is_refused(server, stranger)


def is_refused(server: Server, token: str) -> bool:
    status = server.client.post("/auth/jwt/verify/", json={"token": token}).status_code
    assert status in {200, 401}
    return status == 401


@pytest.fixture(scope="module")
def house(mailbox: Mailbox, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """Start two processes at once on a database without keys."""
    settings = {"DATABASE_URL": postgres_url, "ACTIVATION": "off"}
    servers = [Server(settings, mailbox, tmp_path_factory.mktemp("house")) for _ in range(2)]
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as pool:
            for started in pool.map(Server.__enter__, servers):
                stack.push(started.__exit__)
        ann = newcomer()
        servers[0].client.post("/api/register", json=ann.sign_up).raise_for_status()
        yield Household(servers[0], servers[1], ann)
    for server in servers:
        assert [line for line in server.lines if line.get("level") in {"error", "critical"}] == []


def test_two_that_start_together_on_one_postgresql_have_one_key_and_no_key_file(house: Household) -> None:
    assert house.here.client.get(JWKS).content == house.there.client.get(JWKS).content
    assert [list(server.folder.rglob("*.pem")) for server in (house.here, house.there)] == [[], []]


async def test_no_usable_key_stands_in_the_database(house: Household) -> None:
    connection = await asyncpg.connect(house.here.database_url)
    rows = await connection.fetch("SELECT * FROM signing_keys")
    await connection.close()
    kept = SealedKeys(SECRET)
    assert len(rows) == 2
    for row in rows:
        assert "PRIVATE" not in str(dict(row))
        assert set(json.loads(row["public"])) == {"kty", "crv", "x", "y"}
        key = NewKey(**{name: row[name] for name in NewKey.__struct_fields__})
        assert (kept.opens(key), SealedKeys("another").opens(key)) == (True, False)


class Load:
    """Refreshes at one process and verifies at the other, again and again; remembers what was refused."""

    def __init__(self, house: Household) -> None:
        self._refresh = house.pair["refresh"]
        self._servers = (house.here, house.there)
        self._over = Event()
        self.refused: list[str] = []
        self.names: set[str] = set()
        self.done = 0

    def keep_on(self, number: int) -> None:
        """Work until it is over."""
        with (
            httpx.Client(base_url=str(self._servers[number].client.base_url)) as one,
            httpx.Client(base_url=str(self._servers[1 - number].client.base_url)) as other,
        ):
            while not self._over.is_set():
                answer = one.post("/auth/jwt/refresh/", json={"refresh": self._refresh})
                if answer.status_code != 200:
                    self.refused.append(f"refresh {answer.status_code} {answer.text}")
                    continue
                access = answer.json()["access"]
                self.names.add(kid_of(access))
                for client in (other, one):
                    answer = client.post("/auth/jwt/verify/", json={"token": access})
                    if answer.status_code != 200:
                        self.refused.append(f"verify {answer.status_code} {answer.text}")
                self.done += 1

    def end(self) -> None:
        self._over.set()


def test_both_sign_with_the_new_key_within_a_minute_and_nothing_is_refused_in_between(house: Household) -> None:
    load = Load(house)
    waits = []
    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(load.keep_on, number) for number in range(2)]
        try:
            for number in range(3):
                new, began = house.rotate(), time.monotonic()
                if number:
                    # The first time they find out by themselves; then a stranger's token spares the wait, for one.
                    make_it_look(house.here)
                while not (signs(house.here) == signs(house.there) == new):
                    assert time.monotonic() - began < 60
                    if number and time.monotonic() - began > 2:
                        make_it_look(house.there)
                    time.sleep(0.05)
                waits.append(time.monotonic() - began)
                assert kid_of(tokens(house.there, house.ann)["access"]) == new
        finally:
            load.end()
        for worker in working:
            worker.result()
    assert load.refused == []
    assert len(load.names) >= 4
    assert load.done > 50


def test_what_a_cast_out_key_signed_is_refused_everywhere(house: Household) -> None:
    old = house.pair
    house.rotate()
    for server in (house.here, house.there):
        make_it_look(server)
        assert not is_refused(server, old["access"])
    house.here.run("keys", "retire", "--", kid_of(old["access"]))
    for server in (house.here, house.there):
        make_it_look(server)
        assert is_refused(server, old["access"])
        assert is_refused(server, old["refresh"])
        assert kid_of(old["access"]) not in {key["kid"] for key in server.client.get(JWKS).json()["keys"]}


# --- those who check our tokens elsewhere ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pass_time() -> Iterator[Callable[[float], None]]:
    """Let time pass for the libraries that keep our keys for a while."""
    passed = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0])

    def pass_time(seconds: float) -> None:
        passed[0] += seconds

    with pytest.MonkeyPatch.context() as patch:
        for module in (jwks_client, jwk_set_cache, api_jwk):
            patch.setattr(module, "time", clock)
        yield pass_time


Ask = Callable[[str], bool]


@pytest.fixture(scope="module", params=["Django with simplejwt", "PyJWT"])
def elsewhere(request: pytest.FixtureRequest, house: Household) -> Ask:
    """Give who says whether an access token is good: these packages as they are when nobody has turned a screw."""
    jwks = f"{house.here.client.base_url}".rstrip("/") + JWKS
    return _by_pyjwt(jwks) if request.param == "PyJWT" else _by_django(jwks)


def _by_pyjwt(jwks: str) -> Ask:
    client = PyJWKClient(jwks)

    def ask(token: str) -> bool:
        try:
            key = client.get_signing_key_from_jwt(token).key
            return bool(jwt.decode(token, key, algorithms=["ES256"])["user_id"])
        except jwt.PyJWTError:
            return False

    return ask


def _by_django(jwks: str) -> Ask:
    app = resource_server(jwks)

    def ask(token: str) -> bool:
        with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://resource.example") as client:
            answer = client.get("/whoami", headers=as_bearer(token))
        assert answer.status_code in {200, 401}, answer.text
        return answer.status_code == 200

    return ask


def test_three_rotations_are_not_noticed_elsewhere(
    house: Household, elsewhere: Ask, pass_time: Callable[[float], None]
) -> None:
    issued = [house.pair["access"]]
    assert elsewhere(issued[0])
    for _ in range(3):
        # As long as `keys rotate` asks for: by then the copy of our keys has run out and been fetched again.
        pass_time(900)
        assert elsewhere(issued[-1])
        new = house.rotate()
        make_it_look(house.here)
        issued.append(house.pair["access"])
        assert kid_of(issued[-1]) == new
        assert [elsewhere(access) for access in issued] == [True] * len(issued)
    assert len({kid_of(access) for access in issued}) == 4

    house.here.run("keys", "retire", "--", kid_of(issued[1]))
    make_it_look(house.here)
    pass_time(301)
    assert [elsewhere(access) for access in issued] == [True, False, True, True]


def test_a_key_that_was_not_published_ahead_is_fetched_by_its_name(
    house: Household, elsewhere: Ask, pass_time: Callable[[float], None]
) -> None:
    pass_time(1_000)
    assert elsewhere(house.pair["access"])
    for _ in range(2):
        house.rotate()
    make_it_look(house.here)
    access = house.pair["access"]
    assert not elsewhere(access)  # these ask again after half a minute at the earliest: why `rotate` waits
    pass_time(31)
    assert elsewhere(access)


def test_a_forgery_is_refused_elsewhere_too(house: Household, elsewhere: Ask) -> None:
    head, payload, signature = house.pair["access"].split(".")
    other = new_key("ES256")
    material: Any = other.material
    for forged in (
        f"{head}.{payload}.{signature[:-8]}AAAAAAAA",
        jwt.encode({"user_id": "1", "token_type": "access", "exp": 4_102_444_800, "jti": "a"}, material, "ES256"),
    ):
        assert not elsewhere(forged)
