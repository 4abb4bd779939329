"""Profiles: one's own, and others' for whoever may know of them."""

import pytest
from msgspec.structs import replace

from auth_service.domain.errors import AlreadyTaken, NotAllowed, NotFound, Problem
from auth_service.domain.model import NewUser, User
from auth_service.domain.registration import SignUp

from .support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    at_once,
    calling,
    delivered,
    house,
    make,
    now,
    problems_of,
    rejected,
    sign_in,
)


@pytest.mark.parametrize(
    ("hidden", "staff", "seen"),
    [
        (True, False, ["ann"]),
        (True, True, ["ann", "bob"]),
        (False, False, ["ann", "bob"]),
        (False, True, ["ann", "bob"]),
    ],
)
async def test_who_may_list_whom(*, hidden: bool, staff: bool, seen: list[str]) -> None:
    core = house(hide_users=hidden)
    await make(core, staff=staff)
    await make(core, "bob")
    assert [user.username for user in await core.profiles.visible(await calling(core))] == seen


async def test_everybody_is_listed_however_many_they_are() -> None:
    core = house()
    await make(core, staff=True)
    work = core.store.begin()
    for number in range(1_100):
        work.users.add(
            NewUser(
                username=None,
                email=f"n{number}@example.org",
                password_hash="",
                state="active",
                stamp="",
                created_at=0.0,
            )
        )
    await work.commit()
    listed = await core.profiles.visible(await calling(core))
    assert [user.id for user in listed] == list(range(1, 1_102))


@pytest.mark.parametrize(
    ("hidden", "staff", "refusal"),
    [(True, False, NotFound), (False, False, NotAllowed), (True, True, None), (False, True, None)],
)
async def test_who_may_see_change_and_delete_whom(
    *, hidden: bool, staff: bool, refusal: type[Exception] | None
) -> None:
    core = house(hide_users=hidden, activation="off")
    await make(core, staff=staff)
    bob = await make(core, "bob")
    caller = await calling(core)
    if refusal is None:
        assert await core.profiles.show(caller, bob.id) == bob
        await core.profiles.change(caller, bob.id, LAPTOP, email="new@example.net")
        assert (await now(core, bob)).email == "new@example.net"
        await core.profiles.delete(caller, bob.id, PASSWORD, LAPTOP)
        assert await core.users.by_id(bob.id) is None
        return
    for doing in (
        core.profiles.show(caller, bob.id),
        core.profiles.change(caller, bob.id, LAPTOP, email="new@example.net"),
        core.profiles.delete(caller, bob.id, PASSWORD, LAPTOP),
        core.profiles.delete(caller, bob.id, "wrong", LAPTOP),
    ):
        with pytest.raises(refusal):
            await doing
    assert await now(core, bob) == bob


@pytest.mark.parametrize("user_id", [None, 0, -1, 99, 2**63, 10**30])
@pytest.mark.parametrize("staff", [True, False])
@pytest.mark.parametrize("hidden", [True, False])
async def test_what_does_not_exist_is_not_found_by_anybody(user_id: int | None, *, staff: bool, hidden: bool) -> None:
    core = house(hide_users=hidden)
    await make(core, staff=staff)
    caller = await calling(core)
    with pytest.raises(NotFound):
        await core.profiles.show(caller, user_id)


async def test_one_sees_oneself() -> None:
    core = house()
    user = await make(core)
    assert await core.profiles.show(await calling(core), user.id) == user


async def test_what_is_not_given_stays() -> None:
    core = house(activation="off")
    user = await make(core)
    caller = await calling(core)
    assert await core.profiles.change(caller, user.id, LAPTOP) == user
    await core.profiles.change(caller, user.id, LAPTOP, username="anna")
    await core.profiles.change(caller, user.id, LAPTOP, email="anna@example.net")
    stored = await now(core, user)
    assert (stored.username, stored.email) == ("anna", "anna@example.net")
    assert stored.password_hash == user.password_hash


async def test_name_and_address_change_together_or_not_at_all() -> None:
    core = house()
    user = await make(core)
    await make(core, "bob")
    caller = await calling(core)
    changing = core.profiles.change(caller, user.id, LAPTOP, username="anna", email="bob@example.org")
    assert await problems_of(changing) == [Problem("email", "taken")]
    assert await now(core, user) == user
    await core.profiles.change(caller, user.id, LAPTOP, username="anna", email="new@example.net")
    stored = await now(core, user)
    assert (stored.username, stored.pending_email) == ("anna", "new@example.net")
    assert await delivered(core) == [("activation", "new@example.net")]


async def test_all_that_is_wrong_is_named_with_what_was_seen_before() -> None:
    core = house()
    user = await make(core)
    seen = Problem("other", "blank")
    refused = await problems_of(
        core.profiles.change(await calling(core), user.id, LAPTOP, username="a b", email="nowhere", found=[seen])
    )
    assert set(refused) == {seen, Problem("username", "username_characters"), Problem("email", "email_form")}


async def test_ones_own_name_and_address_are_no_duplicates() -> None:
    core = house(activation="off")
    user = await make(core)
    await core.profiles.change(await calling(core), user.id, LAPTOP, username="ANN", email="Ann@example.org")
    stored = await now(core, user)
    assert (stored.username, stored.email) == ("ANN", "Ann@example.org")


async def test_of_many_who_want_one_name_one_gets_it_and_the_others_are_told_the_field() -> None:
    core = house()
    people: list[User] = [await make(core, f"n{number}") for number in range(10)]
    callers = [await calling(core, user.username or "") for user in people]
    faults = []

    async def rename(number: int) -> None:
        try:
            await core.profiles.change(callers[number], people[number].id, LAPTOP, username="same")
        except AlreadyTaken as refusal:
            faults.append(refusal.problems)
            raise

    assert await at_once(rename, 10) == {"done": 1, "AlreadyTaken": 9}
    assert faults == [(Problem("username", "taken"),)] * 9


async def test_whoever_loses_a_race_is_told_every_field_that_is_taken() -> None:
    core = house(activation="off")
    people = [await make(core, name) for name in ("ann", "bob")]
    callers = [await calling(core, name) for name in ("ann", "bob")]
    faults = []

    async def change(number: int) -> None:
        try:
            await core.profiles.change(
                callers[number], people[number].id, LAPTOP, username="same", email="same@example.net"
            )
        except AlreadyTaken as refusal:
            faults.append(refusal.problems)
            raise

    assert await at_once(change, 2) == {"done": 1, "AlreadyTaken": 1}
    assert faults == [(Problem("username", "taken"), Problem("email", "taken"))]


async def test_of_many_changes_of_one_account_none_is_lost_or_mixed() -> None:
    core = house(activation="off")
    user = await make(core)
    caller = await calling(core)

    async def change(number: int) -> None:
        if number % 2:
            await core.profiles.change(caller, user.id, LAPTOP, username=f"anna{number}")
        else:
            await core.profiles.change(caller, user.id, LAPTOP, email=f"anna{number}@example.net")

    assert await at_once(change, 16) == {"done": 16}
    stored = await now(core, user)
    assert stored.version == user.version + 16
    assert (stored.username or "").startswith("anna")
    assert stored.email.endswith("@example.net")


async def test_an_address_still_to_be_proven_is_shown_to_its_owner_and_to_staff_only() -> None:
    core = house(hide_users=False)
    ann = await make(core)
    await make(core, "bob")
    await make(core, "staff", staff=True)
    await core.profiles.change(await calling(core), ann.id, LAPTOP, email="anna@example.net")
    shown = {
        name: (await core.profiles.visible(await calling(core, name)))[0].pending_email
        for name in ("ann", "bob", "staff")
    }
    assert shown == {"ann": "anna@example.net", "bob": None, "staff": "anna@example.net"}


class TestDeleting:
    """It takes the caller's own password, and takes everything with it."""

    async def test_an_account_goes_with_its_sign_ins(self) -> None:
        core = house()
        user = await make(core)
        pair = await sign_in(core)
        caller = await core.tokens.identify(pair.access)
        await core.profiles.delete(caller, user.id, PASSWORD, LAPTOP)
        assert await core.users.by_id(user.id) is None
        assert await core.sessions.of_user(user.id) == []
        assert await rejected(core.tokens.identify(pair.access)) == "user_unknown"
        assert (await make(core)).id != user.id

    async def test_a_wrong_password_or_what_could_not_be_read_keeps_it(self) -> None:
        core = house()
        user = await make(core)
        caller = await calling(core)
        assert await problems_of(core.profiles.delete(caller, user.id, "wrong", LAPTOP)) == [
            Problem("current_password", "wrong_password")
        ]
        missing = Problem("current_password", "required")
        assert await problems_of(core.profiles.delete(caller, user.id, None, LAPTOP, found=[missing])) == [missing]
        assert await now(core, user) == user

    async def test_staff_give_their_own_password_for_anothers_account(self) -> None:
        core = house()
        boss = await core.people.create(username="boss", email="b@example.org", password="bosses know more", staff=True)
        user = await make(core)
        caller = await core.tokens.identify((await sign_in(core, "boss", "bosses know more")).access)
        assert await problems_of(core.profiles.delete(caller, user.id, PASSWORD, LAPTOP))
        await core.profiles.delete(caller, user.id, "bosses know more", LAPTOP)
        assert await core.users.by_id(user.id) is None
        assert await now(core, boss) == boss
        fact = core.journal.facts[-1]
        assert (fact.what, fact.user_id, fact.why) == ("deleted", user.id, f"by staff {boss.id}")

    async def test_a_password_that_was_reset_since_the_caller_was_known_deletes_nothing(self) -> None:
        core = house()
        user = await make(core)
        caller = await calling(core)
        await core.people.set_password("ann", ANOTHER)
        assert await problems_of(core.profiles.delete(caller, user.id, PASSWORD, LAPTOP)) == [
            Problem("current_password", "wrong_password")
        ]
        await now(core, user)

    async def test_leaving_takes_the_sign_in_alone(self) -> None:
        core = house()
        user = await make(core)
        await core.profiles.leave(await calling(core), LAPTOP)
        assert await core.users.by_id(user.id) is None

    async def test_of_many_deletions_one_counts(self) -> None:
        core = house()
        await make(core)
        caller = await calling(core)
        outcomes = await at_once(lambda _: core.profiles.leave(caller, LAPTOP))
        assert outcomes == {"done": 1, "NotFound": 19}

    async def test_who_is_gone_changes_nothing_any_more(self) -> None:
        core = house()
        user = await make(core)
        caller = await calling(core)
        await core.profiles.leave(caller, LAPTOP)
        with pytest.raises(NotFound):
            await core.profiles.change(caller, user.id, LAPTOP, username="anna")
        with pytest.raises(NotFound):
            await core.credentials.change_password(caller, PASSWORD, "a whole new password", LAPTOP)
        with pytest.raises(NotFound):
            await core.credentials.change_name(caller, PASSWORD, "anna", LAPTOP)


# --- language


async def test_a_newcomer_reads_the_language_they_registered_in() -> None:
    core = house(languages=("en", "pl"))
    new = SignUp(username="ann", email="ann@example.org", password=PASSWORD)
    user = await core.registration.register(new, replace(LAPTOP, language="pl"))
    assert user.language == "pl"
    assert await now(core, user) == user


async def test_people_choose_their_language_and_take_the_choice_back() -> None:
    core = house(languages=("en", "pl"))
    user = await make(core)
    assert user.language == ""
    for language in ("pl", "pl", "en", ""):
        changed = await core.profiles.choose_language(await calling(core), language, LAPTOP)
        assert changed.language == (await now(core, user)).language == language
    noted = [fact for fact in core.journal.facts if fact.what == "language_chosen"]
    assert len(noted) == 3
    assert {fact.user_id for fact in noted} == {user.id}


async def test_a_language_that_nobody_speaks_here_is_refused() -> None:
    core = house(languages=("en", "pl"))
    await make(core)
    caller = await calling(core)
    for language in ("tlh", "PL", "en-GB", "x" * 10_000):
        assert await problems_of(core.profiles.choose_language(caller, language, LAPTOP)) == [
            Problem("language", "unknown_language")
        ]


async def test_who_is_gone_chooses_nothing() -> None:
    core = house()
    await make(core)
    caller = await calling(core)
    await core.people.delete("ann")
    with pytest.raises(NotFound):
        await core.profiles.choose_language(caller, "en", LAPTOP)


async def test_of_many_choices_at_once_each_is_made() -> None:
    core = house(languages=("en", "pl"))
    await make(core)
    caller = await calling(core)
    done = await at_once(lambda number: core.profiles.choose_language(caller, ("en", "pl")[number % 2], LAPTOP), 8)
    assert done == {"done": 8}
