"""Registration that tells nobody who has an account: the answer is the same, and the owner gets a mail."""

import pytest
from msgspec.structs import replace

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.domain.errors import BadCredentials, Problem
from auth_service.domain.model import Client, User
from auth_service.domain.policy import Policy
from auth_service.domain.registration import SignUp

from .support import ANOTHER, LAPTOP, PASSWORD, PHONE, at_once, delivered, house, make, now, problems_of, put, sign_in


def hiding() -> MemoryCore:
    """Build a service that hides who has an account."""
    return house(registration_hides_accounts=True)


async def knock(core: MemoryCore, name: str | None, address: str, client: Client = PHONE) -> User:
    """Register with a name and an address."""
    return await core.registration.register(SignUp(username=name, email=address, password=ANOTHER), client)


async def test_a_taken_address_and_a_free_one_are_answered_alike() -> None:
    core = hiding()
    await make(core)
    taken, free = await knock(core, "eve", "Ann@Example.org"), await knock(core, "eva", "eva@example.org")
    assert (taken.username, taken.email) == ("eve", "Ann@example.org")
    assert free.id == taken.id + 1
    alike = {"id": 0, "username": "", "email": "", "stamp": "", "password_hash": ""}
    assert replace(taken, **alike) == replace(free, **alike)


async def test_the_owner_is_told_and_nobody_else() -> None:
    core = hiding()
    ann = await make(core)
    await knock(core, "eve", "ANN@example.org")
    (letter,) = await core.deliver()
    assert (letter.kind, letter.to, letter.username, letter.link) == (
        "already_registered",
        ann.email,
        ann.username,
        None,
    )
    assert (letter.address, letter.agent) == (PHONE.address, PHONE.agent)
    assert await now(core, ann) == ann


async def test_an_owner_who_never_confirmed_gets_the_link_again() -> None:
    core = hiding()
    await knock(core, "ann", "ann@example.org")
    await knock(core, "anna", "ann@example.org")
    assert await delivered(core) == [("activation", "ann@example.org")] * 2


async def test_an_owner_who_was_shut_out_is_told_nothing() -> None:
    core = hiding()
    await make(core)
    await core.people.deactivate("ann")
    await knock(core, "eve", "ann@example.org")
    assert await delivered(core) == []


async def test_what_was_typed_opens_nothing_and_belongs_to_nobody() -> None:
    core = hiding()
    ann = await make(core)
    seeming = await knock(core, "eve", "ann@example.org")
    for name in ("eve", "ann", "ann@example.org"):
        with pytest.raises(BadCredentials):
            await sign_in(core, name, ANOTHER)
    await sign_in(core)
    stored = await now(core, seeming)
    assert stored.state == "deactivated"
    assert stored.email.endswith("@taken.invalid")
    assert await core.users.by_email("ann@example.org") == ann


async def test_the_name_is_taken_afterwards_as_if_it_had_been_real() -> None:
    core = hiding()
    await make(core)
    await knock(core, "eve", "ann@example.org")
    await knock(core, "eva", "eva@example.org")
    for name in ("eve", "EVE", "eva"):
        assert await problems_of(knock(core, name, "new@example.org")) == [Problem("username", "taken")]


async def test_of_a_taken_name_and_a_taken_address_only_the_name_is_told() -> None:
    core = hiding()
    await make(core)
    assert await problems_of(knock(core, "ann", "ann@example.org")) == [Problem("username", "taken")]
    assert await problems_of(knock(core, "ann", "no address")) == [
        Problem("username", "taken"),
        Problem("email", "email_form"),
    ]


async def test_a_newcomer_without_a_name_is_hidden_too() -> None:
    core = hiding()
    await make(core)
    taken, free = await knock(core, None, "ann@example.org"), await knock(core, None, "eva@example.org")
    assert (taken.username, free.username) == (None, None)
    assert free.id == taken.id + 1


async def test_of_many_at_once_with_one_address_all_are_answered_alike_and_one_is_real() -> None:
    core = hiding()
    assert await at_once(lambda number: knock(core, f"n{number}", "ann@example.org")) == {"done": 20}
    owner = await core.users.by_email("ann@example.org")
    assert owner is not None
    assert owner.state == "pending"
    found = [await core.users.by_username(f"n{number}") for number in range(20)]
    assert [user.state for user in found if user].count("deactivated") == 19


async def test_a_password_is_judged_before_and_alike() -> None:
    core = hiding()
    await make(core)
    for address in ("ann@example.org", "eva@example.org"):
        new = SignUp(username="eve", email=address, password="12345")
        assert {problem.code for problem in await problems_of(core.registration.register(new, LAPTOP))} == {
            "password_short",
            "password_common",
            "password_numeric",
        }


@pytest.mark.parametrize("address", ["ann@example.org", "nobody@example.org"])
async def test_an_address_gets_five_of_them_an_hour_whether_somebody_has_it_or_not(address: str) -> None:
    core = memory_core(Policy(registration_hides_accounts=True), throttled=True)
    await make(core)
    outcomes = await at_once(lambda number: knock(core, f"n{number}", address, Client(f"192.0.2.{number}")), 8)
    assert outcomes == {"done": 5, "TooManyAttempts": 3}


async def test_where_it_is_not_wanted_a_taken_address_is_told() -> None:
    core = house()
    await make(core)
    assert await problems_of(knock(core, "eve", "ann@example.org")) == [Problem("email", "taken")]


async def test_an_owner_who_is_active_and_unconfirmed_is_told_as_any_other() -> None:
    core = hiding()
    await put(core, await make(core), email_confirmed=False)
    await knock(core, "eve", "ann@example.org")
    assert await delivered(core) == [("already_registered", "ann@example.org")]


async def test_with_a_known_password_too() -> None:
    core = hiding()
    await make(core)
    new = SignUp(username="eve", email="ann@example.org", password=PASSWORD)
    await core.registration.register(new, LAPTOP)
    with pytest.raises(BadCredentials):
        await sign_in(core, "eve")
