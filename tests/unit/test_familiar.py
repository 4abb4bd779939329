"""Familiar places: the owner is told of a sign-in from a new one, once, and of nothing else."""

import pytest

from auth_service.adapters.memory.core import MemoryCore
from auth_service.domain.errors import BadCredentials
from auth_service.domain.familiar import key_of
from auth_service.domain.model import Client

from .support import ANOTHER, LAPTOP, PASSWORD, PHONE, at_once, calling, delivered, house, mailed_link, make, sign_in

DAY = 86_400.0


async def told(core: MemoryCore) -> list[tuple[str, str]]:
    """Do the postman's round and return what was mailed about devices."""
    return [(kind, to) for kind, to in await delivered(core) if kind == "new_device"]


class TestNewDevice:
    """Who is told what."""

    async def test_of_the_first_sign_in_ever_nobody_is_told(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        await sign_in(core)
        assert await told(core) == []

    async def test_of_one_from_somewhere_new_the_owner_is_told_when_where_and_with_what(self) -> None:
        core = house(new_device_email=True)
        user = await make(core)
        await sign_in(core, client=LAPTOP)
        core.clock.advance(DAY)
        at = core.clock.now()
        await sign_in(core, client=PHONE)
        core.clock.advance(100)
        (letter,) = await core.deliver()
        assert (letter.kind, letter.to, letter.link) == ("new_device", user.email, None)
        assert (letter.address, letter.agent, letter.at) == (PHONE.address, PHONE.agent, at)

    async def test_of_a_second_one_from_there_nobody_is_told(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        for client in (LAPTOP, PHONE, LAPTOP, PHONE):
            await sign_in(core, client=client)
            await core.tokens.issue_opaque("ann", PASSWORD, client)
        assert len(await told(core)) == 1

    async def test_many_at_once_are_told_once(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        await sign_in(core, client=LAPTOP)
        assert await at_once(lambda _: sign_in(core, client=PHONE)) == {"done": 20}
        assert len(await told(core)) == 1

    async def test_of_a_wrong_password_nobody_is_told(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        await sign_in(core, client=LAPTOP)
        with pytest.raises(BadCredentials):
            await sign_in(core, password=ANOTHER, client=PHONE)
        assert await told(core) == []

    async def test_nobody_is_told_unless_that_is_wanted(self) -> None:
        core = house()
        await make(core)
        await sign_in(core, client=LAPTOP)
        await sign_in(core, client=PHONE)
        assert await told(core) == []

    async def test_of_a_place_that_is_not_known_nobody_is_told(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        await sign_in(core, client=LAPTOP)
        await sign_in(core, client=Client())
        assert await told(core) == []

    async def test_whoever_resets_the_password_knows_where_they_are(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        await sign_in(core, client=LAPTOP)
        await core.credentials.request_reset("password_reset", "ann@example.org", PHONE)
        link = await mailed_link(core, "password_reset")
        await core.credentials.confirm_password_reset(link.uid, link.token, ANOTHER, PHONE)
        await sign_in(core, password=ANOTHER, client=PHONE)
        assert await told(core) == []
        await sign_in(core, password=ANOTHER, client=LAPTOP)
        assert await told(core) == [("new_device", "ann@example.org")]

    async def test_a_password_set_by_the_operator_makes_every_place_new(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        await sign_in(core, client=LAPTOP)
        await core.people.set_password("ann", ANOTHER)
        await sign_in(core, password=ANOTHER, client=PHONE)
        assert await told(core) == []

    async def test_a_sign_in_that_is_not_stored_is_not_told(self) -> None:
        core = house(new_device_email=True)
        await make(core)
        caller = await calling(core, client=LAPTOP)

        async def race(number: int) -> None:
            if number == 0:
                await core.profiles.leave(caller, LAPTOP)
            else:
                await sign_in(core, client=PHONE)

        outcomes = await at_once(race)
        assert outcomes["done"] <= 20
        assert await core.users.by_username("ann") is None
        assert await told(core) == []


class TestPlaces:
    """What counts as one place."""

    @pytest.mark.parametrize(
        "other",
        [
            Client("2001:db8::ffff", "Firefox/130.0"),
            Client("2001:DB8:0:0:1::1", "Firefox/131.0.2"),
        ],
    )
    def test_spellings_and_versions_are_one(self, other: Client) -> None:
        assert key_of(1, other) == key_of(1, Client("2001:db8::1", "Firefox/130.0"))

    @pytest.mark.parametrize(
        ("user_id", "other"),
        [
            (2, Client("192.0.2.1", "Firefox/130.0")),
            (1, Client("192.0.2.2", "Firefox/130.0")),
            (1, Client("192.0.2.1", "Chrome/130.0")),
            (1, Client("192.0.2.1")),
        ],
    )
    def test_accounts_addresses_and_programs_are_told_apart(self, user_id: int, other: Client) -> None:
        assert key_of(user_id, other) != key_of(1, Client("192.0.2.1", "Firefox/130.0"))

    @pytest.mark.parametrize("client", [Client(), Client("", "Firefox/130.0")])
    def test_without_an_address_there_is_no_place(self, client: Client) -> None:
        assert key_of(1, client) == ""

    def test_any_agent_makes_a_key_of_one_length_that_tells_nothing(self) -> None:
        for agent in ("", "x" * 9_000, "\ud800", "\0"):
            key = key_of(1, Client("192.0.2.1", agent))
            assert len(key) == 32
            assert "192" not in key or set(key) <= set("0123456789abcdef")
