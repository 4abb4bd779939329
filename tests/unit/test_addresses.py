"""Changing an address: pending until it is proven, or at once, as the operator chose."""

import pytest

from auth_service.adapters.memory.core import MemoryCore
from auth_service.domain.errors import AlreadyTaken, BadCredentials, LinkSpent, Problem
from auth_service.domain.model import Caller, User
from auth_service.domain.ports.surroundings import MailDelayed

from .support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    at_once,
    calling,
    delivered,
    fresh_link,
    house,
    link_refused,
    mailed_link,
    make,
    now,
    problems_of,
    put,
    register,
    rejected,
    sign_in,
)

OLD = "ann@example.org"
NEW = "new@example.net"


async def change(core: MemoryCore, caller: Caller, address: str = NEW) -> User:
    """Ask for another address in the profile."""
    return await core.profiles.change(caller, caller.user.id, LAPTOP, email=address)


@pytest.mark.parametrize("activation", ["required", "optional"])
async def test_a_new_address_is_pending_until_its_link_is_used(activation: str) -> None:
    core = house(activation=activation)
    await make(core)
    pair = await sign_in(core)
    changed = await change(core, await core.tokens.identify(pair.access))
    assert (changed.email, changed.pending_email, changed.state) == (OLD, NEW, "active")
    assert await core.users.by_email(NEW) is None
    await sign_in(core, OLD)

    link = await mailed_link(core, "activation")
    assert [letter.to for letter in core.mailer.letters] == [NEW]
    activated = await core.registration.activate(*link, LAPTOP)
    assert (activated.email, activated.pending_email, activated.email_confirmed) == (NEW, None, True)
    assert await delivered(core) == [("email_changed", OLD)]
    assert (await core.tokens.identify(pair.access)).user.email == NEW
    with pytest.raises(BadCredentials):
        await sign_in(core, OLD)
    await sign_in(core, NEW)


async def test_the_domain_of_a_new_address_is_put_in_lower_case() -> None:
    core = house()
    await make(core)
    assert (await change(core, await calling(core), "New@EXAMPLE.net")).pending_email == "New@example.net"


async def test_the_link_of_a_new_address_is_good_once() -> None:
    core = house()
    await make(core)
    await change(core, await calling(core))
    link = await mailed_link(core, "activation")
    assert await at_once(lambda _: core.registration.activate(*link, LAPTOP)) == {"done": 1, "LinkSpent": 19}
    with pytest.raises(LinkSpent):
        await core.registration.activate(*link, LAPTOP)


async def test_asking_for_another_address_kills_the_link_of_the_one_before() -> None:
    core = house()
    user = await make(core)
    await change(core, await calling(core), "first@example.net")
    first = await mailed_link(core, "activation")
    await change(core, await calling(core), "second@example.net")
    second = await mailed_link(core, "activation")
    assert await link_refused(core.registration.activate(*first, LAPTOP)) == "token"
    await core.registration.activate(*second, LAPTOP)
    assert (await now(core, user)).email == "second@example.net"


async def test_asking_for_the_old_address_takes_the_proposal_back() -> None:
    core = house()
    user = await make(core)
    await change(core, await calling(core))
    link = await mailed_link(core, "activation")
    assert (await change(core, await calling(core), OLD)).pending_email is None
    assert (await now(core, user)).pending_email is None
    assert await delivered(core) == []
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"


async def test_a_proposal_is_taken_back_where_proof_is_not_asked_for_any_more() -> None:
    core = house(email_change="immediate")
    user = await put(core, await make(core), pending_email=NEW)
    link = fresh_link(core, "activation", user, NEW)
    await change(core, await calling(core), OLD)
    stored = await now(core, user)
    assert (stored.email, stored.pending_email, stored.state) == (OLD, None, "active")
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"


@pytest.mark.parametrize("email_change", ["confirm", "immediate"])
async def test_the_same_address_again_changes_nothing(email_change: str) -> None:
    core = house(email_change=email_change)
    user = await make(core)
    assert await change(core, await calling(core), OLD) == user
    assert await now(core, user) == user
    assert await delivered(core) == []


async def test_an_address_that_became_somebody_elses_is_not_put_in_place() -> None:
    core = house()
    user = await make(core)
    await change(core, await calling(core), "bob@example.org")
    link = await mailed_link(core, "activation")
    await make(core, "bob")
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"
    assert (await now(core, user)).email == OLD


async def test_of_two_who_prove_one_address_one_gets_it() -> None:
    core = house()
    links = []
    for name in ("ann", "bob"):
        await make(core, name)
        await change(core, await calling(core, name))
        links.append(await mailed_link(core, "activation"))
    outcomes = await at_once(lambda number: core.registration.activate(*links[number], LAPTOP), 2)
    assert outcomes == {"done": 1, "LinkRejected": 1}


@pytest.mark.parametrize("email_change", ["confirm", "immediate"])
async def test_an_address_of_somebody_else_is_refused_in_any_spelling(email_change: str) -> None:
    core = house(email_change=email_change)
    await make(core, "bob")
    await make(core)
    with pytest.raises(AlreadyTaken) as refusal:
        await change(core, await calling(core), "BOB@Example.ORG")
    assert refusal.value.problems == (Problem("email", "taken"),)


async def test_text_that_is_no_address_is_refused() -> None:
    core = house()
    await make(core)
    assert await problems_of(change(core, await calling(core), "nowhere")) == [Problem("email", "email_form")]


async def test_while_an_address_is_pending_resets_go_to_the_old_one() -> None:
    core = house()
    await make(core)
    await change(core, await calling(core))
    await core.deliver()
    await core.credentials.request_reset("password_reset", OLD, LAPTOP)
    await core.credentials.request_reset("password_reset", NEW, LAPTOP)
    assert await delivered(core) == [("password_reset", OLD)]


async def test_a_pending_address_dies_with_a_change_of_password() -> None:
    core = house()
    await make(core)
    caller = await calling(core)
    await change(core, caller)
    link = await mailed_link(core, "activation")
    await core.credentials.change_password(caller, PASSWORD, ANOTHER, LAPTOP)
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"


async def test_a_mail_to_an_address_that_is_not_asked_for_any_more_is_not_sent() -> None:
    core = house()
    await make(core)
    await change(core, await calling(core))
    await change(core, await calling(core), OLD)
    assert await delivered(core) == []


async def test_a_newcomer_may_mend_the_address_before_it_is_proven() -> None:
    core = house(activation="optional")
    user = await register(core)
    await core.deliver()
    await change(core, await calling(core))
    await core.registration.activate(*await mailed_link(core, "activation"), LAPTOP)
    stored = await now(core, user)
    assert (stored.email, stored.email_confirmed) == (NEW, True)


async def test_at_once_an_account_waits_for_activation_and_its_tokens_come_back_to_life() -> None:
    core = house(email_change="immediate")
    user = await make(core)
    pair = await sign_in(core)
    opaque = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    changed = await change(core, await core.tokens.identify(pair.access))
    assert (changed.email, changed.state, changed.email_confirmed) == (NEW, "pending", False)
    assert await rejected(core.tokens.identify(pair.access)) == "user_inactive"
    assert await rejected(core.tokens.refresh(pair.refresh or "", LAPTOP)) == "user_inactive"
    assert await rejected(core.tokens.identify_opaque(opaque)) == "opaque_inactive"
    with pytest.raises(BadCredentials):
        await sign_in(core)

    link = await mailed_link(core, "activation")
    assert core.mailer.letters[-1].to == NEW
    await core.registration.activate(*link, LAPTOP)
    assert (await core.tokens.identify(pair.access)).user.email == NEW
    assert (await core.tokens.identify_opaque(opaque)).user == await now(core, user)


async def test_at_once_where_activation_is_optional_one_stays_active() -> None:
    core = house(email_change="immediate", activation="optional")
    await make(core)
    changed = await change(core, await calling(core))
    assert (changed.email, changed.state, changed.email_confirmed) == (NEW, "active", False)
    assert await delivered(core) == [("activation", NEW)]


@pytest.mark.parametrize("email_change", ["confirm", "immediate"])
async def test_where_activation_is_off_an_address_is_changed_and_nobody_mailed(email_change: str) -> None:
    core = house(activation="off", email_change=email_change)
    user = await make(core)
    await change(core, await calling(core))
    stored = await now(core, user)
    assert (stored.email, stored.pending_email, stored.state) == (NEW, None, "active")
    assert await delivered(core) == []


async def test_links_mailed_to_an_address_die_when_it_is_changed_at_once() -> None:
    core = house(activation="off")
    await make(core)
    await core.credentials.request_reset("password_reset", OLD, LAPTOP)
    link = await mailed_link(core, "password_reset")
    await change(core, await calling(core))
    assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "token"


@pytest.mark.parametrize("email_change", ["confirm", "immediate"])
async def test_a_new_address_lifts_no_deactivation(email_change: str) -> None:
    core = house(email_change=email_change)
    await make(core, "staff", staff=True)
    user = await make(core)
    await core.people.deactivate("ann")
    await core.profiles.change(await calling(core, "staff"), user.id, LAPTOP, email=NEW)
    assert await delivered(core) == []
    stored = await now(core, user)
    assert stored.state == "deactivated"
    link = fresh_link(core, "activation", stored, NEW)
    assert await link_refused(core.registration.activate(*link, LAPTOP)) == "token"


@pytest.mark.parametrize("email_change", ["confirm", "immediate"])
async def test_a_link_from_before_does_not_revive_when_the_address_comes_back(email_change: str) -> None:
    core = house(activation="optional", email_change=email_change)
    user = await make(core)
    await core.credentials.request_reset("password_reset", OLD, LAPTOP)
    link = await mailed_link(core, "password_reset")
    for address in (NEW, OLD):
        await change(core, await calling(core), address)
        await core.registration.activate(*await mailed_link(core, "activation"), LAPTOP)
    assert (await now(core, user)).email == OLD
    assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "token"


@pytest.mark.parametrize("way", ["reset", "change", "operator", "shut out"])
async def test_an_address_proposed_before_the_password_was_changed_gets_no_link_after(way: str) -> None:
    core = house()
    user = await make(core)
    caller = await calling(core)
    await change(core, caller)
    core.mailer.trouble = MailDelayed("a thief's own mail server takes its time")
    assert await delivered(core) == []
    match way:
        case "reset":
            link = fresh_link(core, "password_reset", await now(core, user))
            await core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)
        case "change":
            await core.credentials.change_password(caller, PASSWORD, ANOTHER, LAPTOP)
        case "operator":
            await core.people.set_password("ann", ANOTHER)
        case _:
            await core.people.deactivate("ann")
            await core.people.activate("ann")
    core.mailer.trouble = None
    core.clock.advance(60)
    assert await delivered(core) == []
    assert (await now(core, user)).pending_email is None


async def test_an_address_proposed_before_the_name_was_reset_gets_no_link_after() -> None:
    core = house()
    user = await make(core)
    await change(core, await calling(core))
    link = fresh_link(core, "username_reset", await now(core, user))
    await core.credentials.confirm_name_reset(*link, "anna", LAPTOP)
    assert await delivered(core) == []


class TestSignInByAddress:
    """Where people sign in by their address, changing it is changing a credential."""

    async def test_a_new_address_is_pending_until_its_link_is_used(self) -> None:
        core = house(login_field="email", username_changed_email=True)
        await make(core)
        caller = await calling(core)
        changed = await core.credentials.change_name(caller, PASSWORD, NEW, LAPTOP)
        assert (changed.email, changed.pending_email) == (OLD, NEW)
        await core.registration.activate(*await mailed_link(core, "activation"), LAPTOP)
        assert await delivered(core) == [("email_changed", OLD)]
        await sign_in(core, NEW)

    async def test_asking_for_the_same_address_twice_tells_nobody_that_it_changed(self) -> None:
        core = house(login_field="email", username_changed_email=True)
        await make(core)
        for _ in range(2):
            await core.credentials.change_name(await calling(core), PASSWORD, NEW, LAPTOP)
            assert await delivered(core) == [("activation", NEW)]

    @pytest.mark.parametrize("activation", ["required", "off"])
    async def test_at_once_one_stays_signed_in_and_both_addresses_are_told(self, activation: str) -> None:
        core = house(login_field="email", email_change="immediate", username_changed_email=True, activation=activation)
        await make(core)
        pair = await sign_in(core)
        caller = await core.tokens.identify(pair.access)
        changed = await core.credentials.change_name(caller, PASSWORD, NEW, LAPTOP)
        assert (changed.email, changed.state) == (NEW, "active")
        assert await delivered(core) == [("username_changed", NEW), ("username_changed", OLD)]
        assert (await core.tokens.identify(pair.access)).user.email == NEW

    async def test_the_name_beside_it_is_changed_in_the_profile(self) -> None:
        core = house(login_field="email")
        user = await make(core)
        caller = await calling(core)
        await core.profiles.change(caller, user.id, LAPTOP, username="\uff21nna")
        assert (await now(core, user)).username == "Anna"

    async def test_ones_own_address_counts_as_taken(self) -> None:
        core = house(login_field="email")
        await make(core)
        refused = await problems_of(
            core.credentials.change_name(await calling(core), PASSWORD, "ANN@example.org", LAPTOP)
        )
        assert refused == [Problem("new_email", "taken")]
