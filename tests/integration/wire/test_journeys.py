"""The ways people take through the service, told once and walked over both wires."""

from collections.abc import Callable
from typing import Protocol

import httpx
import pytest
from msgspec import Struct

from .conftest import Serve
from .people import Person, newcomer
from .serving import Link, Server, as_bearer, let_mail_come, link_to, mails_to

NEW_PASSWORD = "another-vK8-9"


class Tokens(Struct, frozen=True):
    """What one gets for signing in."""

    access: str
    refresh: str


class Driver(Protocol):
    """What a person does, in one dialect. Every step raises `httpx.HTTPStatusError` where the service refuses it."""

    def register(self, person: Person) -> int: ...
    def activate(self, link: Link) -> None: ...
    def resend(self, address: str) -> None: ...
    def sign_in(self, person: Person) -> Tokens: ...
    def me(self, access: str) -> dict[str, object]: ...
    def refresh(self, refresh: str) -> str: ...
    def verify(self, token: str) -> None: ...
    def change_password(self, access: str, current: str, new: str) -> None: ...
    def change_address(self, access: str, new: str) -> None: ...
    def ask_for_reset(self, address: str) -> None: ...
    def reset(self, link: Link, new: str) -> None: ...
    def sign_out(self, tokens: Tokens) -> None: ...
    def delete(self, access: str, current: str) -> None: ...


class _Wire:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def _do(self, method: str, path: str, content: object = None, access: str | None = None) -> httpx.Response:
        headers = as_bearer(access) if access else {}
        return self._client.request(method, path, json=content, headers=headers).raise_for_status()


class Djoser(_Wire):
    """`/auth/…`, as a client of djoser and simplejwt walks it."""

    def register(self, person: Person) -> int:
        return int(self._do("POST", "/auth/users/", person.sign_up).json()["id"])

    def activate(self, link: Link) -> None:
        self._do("POST", "/auth/users/activation/", link.halves)

    def resend(self, address: str) -> None:
        self._do("POST", "/auth/users/resend_activation/", {"email": address})

    def sign_in(self, person: Person) -> Tokens:
        return Tokens(**self._do("POST", "/auth/jwt/create/", person.sign_in).json())

    def me(self, access: str) -> dict[str, object]:
        return dict(self._do("GET", "/auth/users/me/", None, access).json())

    def refresh(self, refresh: str) -> str:
        return str(self._do("POST", "/auth/jwt/refresh/", {"refresh": refresh}).json()["access"])

    def verify(self, token: str) -> None:
        self._do("POST", "/auth/jwt/verify/", {"token": token})

    def change_password(self, access: str, current: str, new: str) -> None:
        change = {"current_password": current, "new_password": new}
        self._do("POST", "/auth/users/set_password/", change, access)

    def change_address(self, access: str, new: str) -> None:
        self._do("PATCH", "/auth/users/me/", {"email": new}, access)

    def ask_for_reset(self, address: str) -> None:
        self._do("POST", "/auth/users/reset_password/", {"email": address})

    def reset(self, link: Link, new: str) -> None:
        self._do("POST", "/auth/users/reset_password_confirm/", {**link.halves, "new_password": new})

    def sign_out(self, tokens: Tokens) -> None:
        self._do("POST", "/auth/jwt/blacklist/", {"refresh": tokens.refresh})

    def delete(self, access: str, current: str) -> None:
        self._do("DELETE", "/auth/users/me/", {"current_password": current}, access)


class Native(_Wire):
    """`/api/…`, as our own clients walk it."""

    def register(self, person: Person) -> int:
        return int(self._do("POST", "/api/register", person.sign_up).json()["id"])

    def activate(self, link: Link) -> None:
        self._do("POST", "/api/activate", link.halves)

    def resend(self, address: str) -> None:
        self._do("POST", "/api/activate/resend", {"email": address})

    def sign_in(self, person: Person) -> Tokens:
        return Tokens(**self._do("POST", "/api/login", person.sign_in).json())

    def me(self, access: str) -> dict[str, object]:
        return dict(self._do("GET", "/api/user", None, access).json())

    def refresh(self, refresh: str) -> str:
        return str(self._do("POST", "/api/token/refresh", {"refresh": refresh}).json()["access"])

    def verify(self, token: str) -> None:
        self._do("POST", "/api/token/verify", {"token": token})

    def change_password(self, access: str, current: str, new: str) -> None:
        change = {"current_password": current, "new_password": new}
        self._do("POST", "/api/password", change, access)

    def change_address(self, access: str, new: str) -> None:
        self._do("PATCH", "/api/user", {"email": new}, access)

    def ask_for_reset(self, address: str) -> None:
        self._do("POST", "/api/reset_password", {"email": address})

    def reset(self, link: Link, new: str) -> None:
        self._do("POST", "/api/reset_password/confirm", {**link.halves, "new_password": new})

    def sign_out(self, tokens: Tokens) -> None:
        self._do("POST", "/api/logout", {"refresh": tokens.refresh})

    def delete(self, access: str, current: str) -> None:
        self._do("DELETE", "/api/user", {"current_password": current}, access)


@pytest.fixture(scope="module")
def service(serve: Serve, database: dict[str, str]) -> Server:
    return serve(**database)


@pytest.fixture(params=[Djoser, Native], ids=["djoser", "native"])
def walk(request: pytest.FixtureRequest, service: Server) -> Driver:
    dialect: Callable[[httpx.Client], Driver] = request.param
    return dialect(service.client)


@pytest.fixture(params=[Native, Djoser], ids=["then-native", "then-djoser"])
def elsewhere(request: pytest.FixtureRequest, service: Server) -> Driver:
    """Give the dialect of somebody's other client."""
    dialect: Callable[[httpx.Client], Driver] = request.param
    return dialect(service.client)


@pytest.fixture
def ann(walk: Driver, service: Server) -> Person:
    """Register somebody and let them prove their address."""
    person = newcomer()
    walk.register(person)
    walk.activate(link_to(service.mailbox, person.email))
    return person


def refuses(step: Callable[..., object], *words: object) -> bool:
    """Say whether the service refuses a step, as something that the asker got wrong."""
    with pytest.raises(httpx.HTTPStatusError) as refused:
        step(*words)
    assert 400 <= refused.value.response.status_code < 500
    return True


def test_from_registration_to_deletion(walk: Driver, service: Server) -> None:
    ann = newcomer()
    user_id = walk.register(ann)
    assert refuses(walk.sign_in, ann)

    walk.activate(link_to(service.mailbox, ann.email))
    tokens = walk.sign_in(ann)
    me = walk.me(tokens.access)
    assert (me["id"], me["username"], me["email"]) == (user_id, ann.username, ann.email)
    access = walk.refresh(tokens.refresh)
    walk.verify(access)
    assert walk.me(access) == me

    walk.change_password(access, ann.password, NEW_PASSWORD)
    assert refuses(walk.sign_in, ann)
    ann = ann.with_password(NEW_PASSWORD)
    walk.sign_in(ann)

    walk.ask_for_reset(ann.email)
    walk.reset(link_to(service.mailbox, ann.email, 2), "a-third-vK8-word")
    assert refuses(walk.me, access)
    assert refuses(walk.sign_in, ann)
    ann = ann.with_password("a-third-vK8-word")

    tokens = walk.sign_in(ann)
    walk.sign_out(tokens)
    assert refuses(walk.refresh, tokens.refresh)

    access = walk.sign_in(ann).access
    assert refuses(walk.delete, access, "not the password")
    walk.delete(access, ann.password)
    assert refuses(walk.me, access)
    assert refuses(walk.sign_in, ann)
    assert walk.register(ann) != user_id
    assert len(mails_to(service.mailbox, ann.email, 3)) == 3


def test_what_one_dialect_gave_the_other_takes(walk: Driver, elsewhere: Driver, service: Server) -> None:
    ann = newcomer()
    user_id = walk.register(ann)
    elsewhere.activate(link_to(service.mailbox, ann.email))
    tokens = walk.sign_in(ann)
    assert elsewhere.me(tokens.access)["id"] == user_id
    access = elsewhere.refresh(tokens.refresh)
    elsewhere.change_password(access, ann.password, NEW_PASSWORD)
    walk.ask_for_reset(ann.email)
    elsewhere.reset(link_to(service.mailbox, ann.email, 2), ann.password)
    again = elsewhere.sign_in(ann)
    elsewhere.sign_out(again)
    assert refuses(walk.refresh, again.refresh)
    elsewhere.delete(walk.sign_in(ann).access, ann.password)
    assert refuses(walk.sign_in, ann)


def test_a_lost_mail_is_sent_again_and_both_links_are_good(walk: Driver, service: Server) -> None:
    ann = newcomer()
    walk.register(ann)
    first = link_to(service.mailbox, ann.email)
    walk.resend(ann.email)
    walk.activate(link_to(service.mailbox, ann.email, 2))
    assert walk.me(walk.sign_in(ann).access)["email"] == ann.email
    walk.resend(ann.email)
    let_mail_come(service)
    assert len(service.mailbox.holding(ann.email)) == 2
    assert first.uid == link_to(service.mailbox, ann.email, 2).uid


def test_a_new_address_is_good_once_proven(walk: Driver, service: Server, ann: Person) -> None:
    access, new = walk.sign_in(ann).access, newcomer().email
    walk.change_address(access, new)
    assert walk.me(access)["email"] == ann.email
    walk.ask_for_reset(ann.email)
    assert link_to(service.mailbox, ann.email, 2).page == "password-reset"
    walk.activate(link_to(service.mailbox, new))
    assert walk.me(access)["email"] == new
    assert len(mails_to(service.mailbox, ann.email, 3)) == 3
    # What was mailed to the old address opens nothing any more.
    assert refuses(walk.reset, link_to(service.mailbox, ann.email, 2), NEW_PASSWORD)


def test_of_several_reset_links_one_works_once(walk: Driver, service: Server, ann: Person) -> None:
    for _ in range(2):
        walk.ask_for_reset(ann.email)
    links = [link_to(service.mailbox, ann.email, number) for number in (2, 3)]
    walk.reset(links[0], NEW_PASSWORD)
    for link in links:
        assert refuses(walk.reset, link, "a-third-vK8-word")
    walk.sign_in(ann.with_password(NEW_PASSWORD))


def test_a_reset_link_dies_with_a_change_of_password(walk: Driver, service: Server, ann: Person) -> None:
    walk.ask_for_reset(ann.email)
    link = link_to(service.mailbox, ann.email, 2)
    walk.change_password(walk.sign_in(ann).access, ann.password, NEW_PASSWORD)
    assert refuses(walk.reset, link, "a-third-vK8-word")


def test_somebody_shut_out_is_out_and_nothing_mailed_lets_them_in(walk: Driver, service: Server, ann: Person) -> None:
    tokens = walk.sign_in(ann)
    walk.ask_for_reset(ann.email)
    links = [link_to(service.mailbox, ann.email, number) for number in (1, 2)]
    service.run("users", "deactivate", ann.username)
    assert refuses(walk.me, tokens.access)
    assert refuses(walk.refresh, tokens.refresh)
    assert refuses(walk.sign_in, ann)
    assert refuses(walk.reset, links[1], NEW_PASSWORD)
    assert refuses(walk.activate, links[0])
    walk.ask_for_reset(ann.email)
    walk.resend(ann.email)
    let_mail_come(service)
    assert len(service.mailbox.holding(ann.email)) == 2
    assert refuses(walk.sign_in, ann)
    assert refuses(walk.sign_in, ann.with_password(NEW_PASSWORD))
    service.run("users", "activate", ann.username)
    assert walk.me(walk.sign_in(ann).access)["email"] == ann.email
    assert refuses(walk.me, tokens.access)
