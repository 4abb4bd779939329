"""People: accounts on the operator's word."""

import pytest

from auth_service.domain.errors import BadCredentials, NotFound, Problem

from .support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    at_once,
    delivered,
    foreign,
    house,
    link_refused,
    mailed_link,
    make,
    now,
    problems_of,
    register,
    rejected,
    sign_in,
)


async def test_an_account_made_by_the_operator_signs_in_at_once_and_is_not_mailed() -> None:
    core = house(send_confirmation_email=True)
    user = await core.people.create(username="\uff21nn", email="Ann@EXAMPLE.org", password=PASSWORD, staff=True)
    assert (user.username, user.email) == ("Ann", "Ann@example.org")
    assert (user.state, user.email_confirmed, user.is_staff) == ("active", True, True)
    await sign_in(core)
    assert await delivered(core) == []


async def test_a_name_is_no_must() -> None:
    core = house()
    user = await core.people.create(username=None, email="ann@example.org", password=PASSWORD, staff=False)
    assert (user.username, user.is_staff) == (None, False)


async def test_all_that_is_wrong_is_named_together() -> None:
    core = house()
    await make(core)
    refused = await problems_of(
        core.people.create(username="ANN", email="nowhere", password="12345", staff=False),
    )
    assert refused == [
        Problem("username", "taken"),
        Problem("email", "email_form"),
        Problem("password", "password_short", "8"),
        Problem("password", "password_common"),
        Problem("password", "password_numeric"),
    ]


async def test_of_many_with_one_name_one_is_made() -> None:
    core = house()
    outcomes = await at_once(
        lambda number: core.people.create(username="ann", email=f"n{number}@x.org", password=PASSWORD, staff=False)
    )
    assert outcomes == {"done": 1, "AlreadyTaken": 19}


async def test_everybody_comes_in_order_of_id() -> None:
    core = house()
    made = [await make(core, name) for name in ("zoe", "ann", "mia")]
    assert [user async for user in core.people.everybody()] == made
    assert [user async for user in house().people.everybody()] == []


async def test_a_person_is_found_by_id_address_or_name() -> None:
    core = house()
    ann = await make(core)
    number = await make(core, "42")
    for who in ("1", "ann", "ANN", "ann@example.org", "ANN@EXAMPLE.ORG"):
        assert await core.people.find(who) == ann
    # A number is an id: whoever took one as a name is found by their address.
    with pytest.raises(NotFound):
        await core.people.find("42")
    assert await core.people.find("42@example.org") == number


@pytest.mark.parametrize(
    "who", ["", "nobody", "99", "0", "-1", "\u0661", "9" * 19, "9" * 400, "nobody@example.org", "@", "\x00", "\ud800"]
)
async def test_who_is_not_there_is_not_found(who: str) -> None:
    core = house()
    await make(core)
    for doing in (
        core.people.find(who),
        core.people.activate(who),
        core.people.deactivate(who),
        core.people.set_password(who, ANOTHER),
        core.people.delete(who),
    ):
        with pytest.raises(NotFound):
            await doing


async def test_a_newcomer_is_let_in_without_the_mail() -> None:
    core = house()
    await register(core)
    user = await core.people.activate("ann")
    assert (user.state, user.email_confirmed) == ("active", False)
    await sign_in(core)


async def test_deactivation_ends_everything_and_activation_brings_none_of_it_back() -> None:
    core = house()
    user = await make(core)
    pair = await sign_in(core)
    opaque = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    elsewhere = foreign(core, user)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    link = await mailed_link(core, "password_reset")
    core.clock.advance(5)

    assert (await core.people.deactivate("ann")).state == "deactivated"
    assert await rejected(core.tokens.identify(pair.access)) == "user_inactive"
    assert await rejected(core.tokens.identify(elsewhere)) == "user_inactive"
    with pytest.raises(BadCredentials):
        await sign_in(core)

    await core.people.activate("ann")
    assert await rejected(core.tokens.identify(pair.access)) == "revoked"
    assert await rejected(core.tokens.refresh(pair.refresh or "", LAPTOP)) == "revoked"
    assert await rejected(core.tokens.identify_opaque(opaque)) == "opaque_unknown"
    assert await rejected(core.tokens.identify(elsewhere)) == "revoked"
    assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "token"
    await sign_in(core)


async def test_the_state_one_is_in_is_not_set_again() -> None:
    core = house()
    user = await make(core)
    core.journal.facts.clear()
    assert await core.people.activate("ann") == user
    assert await now(core, user) == user
    assert core.journal.facts == []


async def test_a_password_set_by_the_operator_is_judged_and_ends_every_sign_in() -> None:
    core = house()
    user = await make(core)
    pair = await sign_in(core)
    assert await problems_of(core.people.set_password("ann", "ann@example.org")) == [
        Problem("password", "password_similar", "email")
    ]
    await core.tokens.identify(pair.access)
    await core.people.set_password("ann", ANOTHER)
    assert await rejected(core.tokens.identify(pair.access)) == "revoked"
    assert (await now(core, user)).stamp != user.stamp
    await sign_in(core, password=ANOTHER)


async def test_who_is_deleted_is_gone_with_every_sign_in() -> None:
    core = house()
    user = await make(core)
    pair = await sign_in(core)
    assert await core.people.delete("ann@example.org") == user
    assert await core.users.by_id(user.id) is None
    assert await rejected(core.tokens.identify(pair.access)) == "user_unknown"


async def test_what_the_operator_does_is_noted_as_such() -> None:
    core = house()
    await make(core)
    await core.people.deactivate("ann")
    await core.people.activate("ann")
    await core.people.set_password("ann", ANOTHER)
    await core.people.delete("ann")
    assert [fact.what for fact in core.journal.facts] == [
        "created",
        "deactivated",
        "activated",
        "password_set",
        "deleted",
    ]
    assert {fact.why for fact in core.journal.facts} == {"by the operator"}
