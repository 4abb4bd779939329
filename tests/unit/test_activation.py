"""Activation: an address is proven by the link mailed to it, once, and nothing else comes of it."""

from typing import get_args

import pytest

from auth_service.domain.errors import LinkRejected, LinkSpent
from auth_service.domain.links import encode_uid
from auth_service.domain.model import LinkPurpose

from .support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    at_once,
    delivered,
    fresh_link,
    house,
    link_refused,
    mailed_link,
    make,
    now,
    put,
    register,
    sign_in,
)


@pytest.mark.parametrize("activation", ["required", "optional"])
async def test_the_mailed_link_proves_the_address_and_lets_in(activation: str) -> None:
    core = house(activation=activation)
    user = await register(core)
    activated = await core.registration.activate(*await mailed_link(core, "activation"), LAPTOP)
    assert (activated.state, activated.email_confirmed, activated.email) == ("active", True, user.email)
    stored = await now(core, user)
    assert (stored.state, stored.email_confirmed) == ("active", True)
    await sign_in(core)
    assert await delivered(core) == []


async def test_activating_is_confirmed_by_mail_where_the_operator_wants_it() -> None:
    core = house(send_confirmation_email=True)
    await register(core)
    await core.registration.activate(*await mailed_link(core, "activation"), LAPTOP)
    assert await delivered(core) == [("confirmation", "ann@example.org")]


async def test_a_link_from_before_works_where_activation_is_off_by_now() -> None:
    core = house(activation="off")
    user = await put(core, await register(core), state="pending")
    await core.registration.activate(*fresh_link(core, "activation", user), LAPTOP)
    await sign_in(core)


async def test_a_link_that_was_used_is_spent() -> None:
    core = house()
    user = await register(core)
    link = await mailed_link(core, "activation")
    await core.registration.activate(*link, LAPTOP)
    before = await now(core, user)
    with pytest.raises(LinkSpent):
        await core.registration.activate(*link, LAPTOP)
    assert await now(core, user) == before


async def test_of_many_uses_at_once_one_counts() -> None:
    core = house(send_confirmation_email=True)
    await register(core)
    link = await mailed_link(core, "activation")
    assert await at_once(lambda _: core.registration.activate(*link, LAPTOP)) == {"done": 1, "LinkSpent": 19}
    assert await delivered(core) == [("confirmation", "ann@example.org")]


async def test_links_mailed_earlier_stay_good_until_one_is_used() -> None:
    core = house()
    await register(core)
    first = await mailed_link(core, "activation")
    core.clock.advance(60)
    await core.registration.resend("ann@example.org", LAPTOP)
    second = await mailed_link(core, "activation")
    assert first.token != second.token
    await core.registration.activate(*first, LAPTOP)
    with pytest.raises(LinkSpent):
        await core.registration.activate(*second, LAPTOP)


@pytest.mark.parametrize("uid", ["", "Mg", "MDE", "!", "MQ==", encode_uid(2**63 - 1), "\ud800", "x" * 10_000])
async def test_a_uid_of_nobody_is_refused(uid: str) -> None:
    core = house()
    await register(core)
    link = await mailed_link(core, "activation")
    assert await link_refused(core.registration.activate(uid, link.token, LAPTOP)) == "uid"


@pytest.mark.parametrize("token", ["", "x", "x-y", "\ud800", "0-" + "0" * 32])
async def test_a_token_that_we_did_not_make_is_refused(token: str) -> None:
    core = house()
    user = await register(core)
    link = await mailed_link(core, "activation")
    assert await link_refused(core.registration.activate(link.uid, token, LAPTOP)) == "token"
    assert (await now(core, user)).state == "pending"


async def test_a_link_is_for_one_account() -> None:
    core = house()
    await register(core)
    await core.deliver()
    bob = await register(core, "bob")
    link = await mailed_link(core, "activation")
    assert await link_refused(core.registration.activate("MQ", link.token, LAPTOP)) == "token"
    assert await link_refused(core.registration.activate(encode_uid(bob.id + 1), link.token, LAPTOP)) == "uid"


@pytest.mark.parametrize(("age", "good"), [(-1.0, True), (1.0, False)])
async def test_a_link_is_good_for_its_lifetime(age: float, *, good: bool) -> None:
    core = house(activation_timeout=600.0)
    await register(core)
    link = await mailed_link(core, "activation")
    core.clock.advance(600.0 + age)
    if good:
        await core.registration.activate(*link, LAPTOP)
    else:
        assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"


async def test_the_link_of_a_deleted_account_is_nobodys_also_when_the_name_is_taken_again() -> None:
    core = house()
    await register(core)
    link = await mailed_link(core, "activation")
    await core.people.delete("ann")
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "uid"
    again = await register(core)
    assert encode_uid(again.id) != link.uid
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "uid"


async def test_a_link_dies_with_a_change_of_password() -> None:
    core = house()
    await register(core)
    link = await mailed_link(core, "activation")
    await core.people.set_password("ann", ANOTHER)
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"


async def test_a_link_outlives_a_sign_in() -> None:
    core = house(activation="optional")
    await register(core)
    link = await mailed_link(core, "activation")
    await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    await core.registration.activate(*link, LAPTOP)


async def test_nothing_mailed_lifts_a_deactivation() -> None:
    core = house()
    user = await register(core)
    before = await mailed_link(core, "activation")
    user = await core.people.deactivate("ann")
    await core.registration.resend("ann@example.org", LAPTOP)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    await core.credentials.request_reset("username_reset", "ann@example.org", LAPTOP)
    assert await delivered(core) == []

    # Not even a link that is genuine for the account as it is now.
    user = await now(core, user)
    fresh = {purpose: fresh_link(core, purpose, user) for purpose in get_args(LinkPurpose)}
    for link in (before, fresh["activation"]):
        assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"
    for link in (before, fresh["password_reset"]):
        assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "token"
    for link in (before, fresh["username_reset"]):
        assert await link_refused(core.credentials.confirm_name_reset(*link, "anna", LAPTOP)) == "token"
    assert await now(core, user) == user


async def test_a_link_serves_its_own_purpose_only() -> None:
    core = house(activation="optional")
    user = await register(core)
    links = {purpose: fresh_link(core, purpose, user) for purpose in get_args(LinkPurpose)}
    for purpose, link in links.items():
        if purpose != "activation":
            assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"
        if purpose != "password_reset":
            assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "token"
        if purpose != "username_reset":
            assert await link_refused(core.credentials.confirm_name_reset(*link, "anna", LAPTOP)) == "token"
    assert await now(core, user) == user


async def test_a_reset_link_that_was_used_activates_nothing() -> None:
    core = house()
    await make(core)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    link = await mailed_link(core, "password_reset")
    await core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)
    with pytest.raises((LinkRejected, LinkSpent)):
        await core.registration.activate(*link, LAPTOP)


async def test_a_newcomer_whom_the_operator_let_in_can_still_prove_the_address() -> None:
    core = house()
    user = await register(core)
    link = await mailed_link(core, "activation")
    assert not (await core.people.activate("ann")).email_confirmed
    await core.registration.activate(*link, LAPTOP)
    assert (await now(core, user)).email_confirmed
