"""The operations that are measured: their requests, and how much each may cost beside the bare app."""

import random
from collections.abc import Callable, Iterator
from itertools import count, cycle

import msgspec
from msgspec import Struct

from bench.load import Request, UnexpectedAnswer, answers, request

PASSWORD = "walnut-Ferry-97-lantern"  # noqa: S105 — opens nothing but a database that the run throws away

_registrations = count()


class People(Struct, frozen=True):
    """Registered and signed in: what the requests need of them, and tokens that no server has seen yet."""

    names: list[str]
    access: list[str]
    refresh: list[str]
    unseen: Iterator[str]


class Operation(Struct, frozen=True):
    """One kind of request, and the most it may cost: so many times bare, and a library's own work on top."""

    name: str
    requests: Callable[[People], Iterator[Request]]
    times_bare: float
    beyond: str = ""
    answers: int | None = None

    def limit(self, bare: float, pyjwt: float) -> float:
        """Most CPU microseconds that a request may take."""
        return self.times_bare * bare + (pyjwt if self.beyond else 0.0)

    @property
    def target(self) -> str:
        """Say the limit in words."""
        return f"≤ {self.times_bare:.2f} x bare" + (f" + {self.beyond}" if self.beyond else "")


def verify(token: str) -> Request:
    """Ask whether a token is good."""
    return request("POST", "/auth/jwt/verify/", 200, body=msgspec.json.encode({"token": token}))


def me(access: str) -> Request:
    """Ask who one is."""
    return request("GET", "/auth/users/me/", 200, bearer=access)


def refresh(token: str) -> Request:
    """Ask for a new access token."""
    return request("POST", "/auth/jwt/refresh/", 200, body=msgspec.json.encode({"refresh": token}))


def sign_in(name: str) -> Request:
    """Sign in with name and password."""
    body = msgspec.json.encode({"username": name, "password": PASSWORD})
    return request("POST", "/auth/jwt/create/", 200, body=body)


def register(name: str) -> Request:
    """Open an account."""
    body = msgspec.json.encode({"username": name, "email": f"{name}@example.com", "password": PASSWORD})
    return request("POST", "/auth/users/", 201, body=body)


def _mixed(people: People) -> Iterator[Request]:
    """Seven in ten ask who they are, three in twenty verify, one in ten refreshes, one in twenty signs in."""
    drawn = random.Random(1)  # noqa: S311 — the same order for both sides and in every run
    requests = []
    for _ in range(50):
        kinds = [me] * 14 + [verify] * 3 + [refresh] * 2 + [sign_in]
        drawn.shuffle(kinds)
        for kind in kinds:
            known = {me: people.access, verify: people.access, refresh: people.refresh, sign_in: people.names}
            requests.append(kind(drawn.choice(known[kind])))
    return cycle(requests)


def _registrations_of(prefix: str) -> Iterator[Request]:
    # Numbered over the whole run: a name taken twice would be a refusal.
    return (register(f"{prefix}{number:07d}") for number in _registrations)


VERIFY = Operation("verify", lambda people: cycle([verify(token) for token in people.access]), times_bare=0.7)
FIRST_SEEN = Operation(
    "first-seen", lambda people: map(verify, people.unseen), times_bare=0.7, beyond="PyJWT's ES256", answers=3000
)
SIGN_IN = Operation("sign-in", lambda people: cycle([sign_in(name) for name in people.names]), times_bare=2.0)
OPERATIONS = [
    VERIFY,
    FIRST_SEEN,
    Operation("me", lambda people: cycle([me(token) for token in people.access]), times_bare=1.0),
    Operation("refresh", lambda people: cycle([refresh(token) for token in people.refresh]), times_bare=1.35),
    SIGN_IN,
    Operation("registration", lambda people: _registrations_of(people.names[0]), times_bare=1.2),
    Operation("mixed", _mixed, times_bare=1.05),
]


async def settle(port: int, prefix: str, *, people: int, unseen: int) -> People:
    """Register people, sign them in, and have tokens made for later."""
    names = [f"{prefix}-{number:03d}" for number in range(people)]
    # Four at a time: more would wait longer for a slow hash than a server lets them.
    await answers(port, [register(name) for name in names], connections=4)
    pairs = [
        msgspec.json.decode(answer, type=dict[str, str])
        for answer in await answers(port, [sign_in(name) for name in names], connections=4)
    ]
    refreshes = [pair["refresh"] for pair in pairs]
    asked = [refresh(refreshes[number % people]) for number in range(unseen)]
    made = [msgspec.json.decode(answer, type=dict[str, str])["access"] for answer in await answers(port, asked)]
    if len(set(made)) < unseen:
        raise UnexpectedAnswer("Refreshing gave the same access token twice: none could be called first seen.")
    return People(names, [pair["access"] for pair in pairs], refreshes, iter(made))


async def compare_shapes(bare: int, service: int, people: People) -> None:
    """Stop when the bare app answers other fields than the service: it would be no yardstick for it."""
    for probe in (
        verify(people.access[0]),
        me(people.access[0]),
        refresh(people.refresh[0]),
        sign_in(people.names[0]),
        register(f"{people.names[0]}-shape"),
    ):
        fields = [
            set(msgspec.json.decode((await answers(port, [probe]))[0], type=dict[str, object]))
            for port in (bare, service)
        ]
        if fields[0] != fields[1]:
            asked = probe.raw.split(b"\r\n", 1)[0].decode()
            raise UnexpectedAnswer(f"{asked}: bare answers {sorted(fields[0])}, the service {sorted(fields[1])}.")
