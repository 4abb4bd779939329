"""Credentials: changed by whoever proves to be the owner, by password or by mail."""

import pytest
from msgspec.structs import replace

from auth_service.domain.errors import AlreadyTaken, BadCredentials, Problem, UnknownAddress
from auth_service.domain.links import encode_uid
from auth_service.domain.model import LinkPurpose

from .support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    PHONE,
    at_once,
    calling,
    delivered,
    foreign,
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

WRONG = Problem("current_password", "wrong_password")
RESETS: list[LinkPurpose] = ["password_reset", "username_reset"]


class TestChangingThePassword:
    """It takes the current one."""

    async def test_the_new_password_signs_in_and_the_old_one_does_not(self) -> None:
        core = house()
        await make(core)
        await core.credentials.change_password(await calling(core), PASSWORD, ANOTHER, LAPTOP)
        await sign_in(core, password=ANOTHER)
        with pytest.raises(BadCredentials):
            await sign_in(core)

    async def test_the_old_password_may_be_set_again(self) -> None:
        core = house()
        await make(core)
        await core.credentials.change_password(await calling(core), PASSWORD, PASSWORD, LAPTOP)
        await sign_in(core)

    async def test_a_wrong_current_password_is_named_with_the_other_faults_and_strength_is_not_judged(self) -> None:
        core = house()
        user = await make(core)
        caller = await calling(core)
        blank = Problem("new_password", "blank")
        refused = await problems_of(core.credentials.change_password(caller, "no", None, LAPTOP, found=[blank]))
        assert sorted(refused, key=lambda problem: problem.field) == [WRONG, blank]
        assert await problems_of(core.credentials.change_password(caller, "no", "12345", LAPTOP)) == [WRONG]
        assert await now(core, user) == user

    async def test_a_wrong_current_password_is_remembered(self) -> None:
        core = house()
        user = await make(core)
        caller = await calling(core)
        await problems_of(core.credentials.change_password(caller, "wrong", ANOTHER, PHONE))
        fact = core.journal.facts[-1]
        assert (fact.what, fact.user_id, fact.address) == ("current_password_refused", user.id, PHONE.address)

    async def test_what_could_not_be_read_is_enough_to_refuse(self) -> None:
        core = house()
        await make(core)
        missing = Problem("current_password", "required")
        changing = core.credentials.change_password(await calling(core), None, ANOTHER, LAPTOP, found=[missing])
        assert await problems_of(changing) == [missing]
        await sign_in(core)

    async def test_a_weak_password_is_refused_before_the_retype_is_compared(self) -> None:
        core = house()
        await make(core)
        caller = await calling(core)
        assert await problems_of(
            core.credentials.change_password(caller, PASSWORD, "ann@example.org", LAPTOP, retyped="x")
        ) == [Problem("new_password", "password_similar", "email")]
        assert await problems_of(
            core.credentials.change_password(caller, PASSWORD, ANOTHER, LAPTOP, retyped=PASSWORD)
        ) == [Problem("", "mismatch", "password")]

    @pytest.mark.parametrize(
        ("ends", "still_good"),
        [
            ("others", {"this"}),
            ("all", set()),
            ("none", {"this", "other", "opaque", "foreign"}),
        ],
    )
    async def test_the_operator_says_which_sign_ins_end_with_it(self, ends: str, still_good: set[str]) -> None:
        core = house(logout_on_password_change=ends)
        user = await make(core)
        this = await sign_in(core)
        other = await sign_in(core, client=PHONE)
        opaque = await core.tokens.issue_opaque("ann", PASSWORD, PHONE)
        elsewhere = foreign(core, user)
        core.clock.advance(5)
        caller = await core.tokens.identify(this.access)
        await core.credentials.change_password(caller, PASSWORD, ANOTHER, LAPTOP)

        for name, token in (("this", this), ("other", other)):
            if name in still_good:
                await core.tokens.identify(token.access)
                await core.tokens.refresh(token.refresh or "", LAPTOP)
            else:
                assert await rejected(core.tokens.identify(token.access)) == "revoked"
                assert await rejected(core.tokens.refresh(token.refresh or "", LAPTOP)) == "revoked"
        if "opaque" in still_good:
            await core.tokens.identify_opaque(opaque)
            await core.tokens.identify(elsewhere)
        else:
            assert await rejected(core.tokens.identify_opaque(opaque)) == "opaque_unknown"
            assert await rejected(core.tokens.identify(elsewhere)) == "revoked"
        # What was minted in the second of the change cannot be told from what was minted before.
        core.clock.advance(1)
        assert (await core.tokens.identify(foreign(core, user))).user.id == user.id

    async def test_links_mailed_before_are_dead(self) -> None:
        core = house()
        await make(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        await core.credentials.change_password(await calling(core), PASSWORD, ANOTHER, LAPTOP)
        assert await link_refused(core.credentials.confirm_password_reset(*link, PASSWORD, LAPTOP)) == "token"

    @pytest.mark.parametrize(("told", "mails"), [(True, [("password_changed", "ann@example.org")]), (False, [])])
    async def test_the_owner_is_told_where_the_operator_wants_it(
        self, *, told: bool, mails: list[tuple[str, str]]
    ) -> None:
        core = house(password_changed_email=told)
        await make(core)
        await core.credentials.change_password(await calling(core), PASSWORD, ANOTHER, LAPTOP)
        assert await delivered(core) == mails

    async def test_one_proof_of_the_old_password_makes_one_change(self) -> None:
        core = house(password_changed_email=True)
        await make(core)
        caller = await calling(core)
        outcomes = await at_once(
            lambda number: core.credentials.change_password(caller, PASSWORD, f"{ANOTHER} {number}", LAPTOP)
        )
        assert outcomes == {"done": 1, "InvalidInput": 19}
        assert len(await delivered(core)) == 1

    async def test_who_knew_the_old_password_cannot_undo_a_reset_that_came_first(self) -> None:
        core = house()
        await make(core)
        stolen = await calling(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        await core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)
        assert await problems_of(core.credentials.change_password(stolen, PASSWORD, "thieves like it", PHONE)) == [
            WRONG
        ]
        await sign_in(core, password=ANOTHER)


class TestChangingTheName:
    """It takes the password."""

    async def test_the_new_name_signs_in_and_the_old_one_is_free(self) -> None:
        core = house()
        user = await make(core)
        pair = await sign_in(core)
        caller = await core.tokens.identify(pair.access)
        assert (await core.credentials.change_name(caller, PASSWORD, "\uff21nna", LAPTOP)).username == "Anna"
        await sign_in(core, "anna")
        with pytest.raises(BadCredentials):
            await sign_in(core, "ann")
        assert (await core.tokens.identify(pair.access)).user.username == "Anna"
        assert (await register(core, "ann2")).id != user.id

    async def test_every_fault_is_named_together(self) -> None:
        core = house()
        await make(core)
        await make(core, "bob")
        caller = await calling(core)
        for taken in ("bob", "BOB", "ann", "Ann"):
            refused = await problems_of(core.credentials.change_name(caller, "no", taken, LAPTOP))
            assert refused == [WRONG, Problem("new_username", "taken")]
        refused = await problems_of(core.credentials.change_name(caller, "no", "a b", LAPTOP))
        assert refused == [WRONG, Problem("new_username", "username_characters")]

    async def test_a_retype_is_compared_last(self) -> None:
        core = house()
        await make(core)
        changing = core.credentials.change_name(await calling(core), PASSWORD, "anna", LAPTOP, retyped="Anna")
        assert await problems_of(changing) == [Problem("", "mismatch", "username")]

    async def test_the_owner_is_told_where_the_operator_wants_it(self) -> None:
        core = house(username_changed_email=True)
        await make(core)
        await core.credentials.change_name(await calling(core), PASSWORD, "anna", LAPTOP)
        assert await delivered(core) == [("username_changed", "ann@example.org")]

    async def test_a_password_that_was_reset_since_the_caller_was_known_renames_nobody(self) -> None:
        core = house()
        user = await make(core)
        caller = await calling(core)
        await core.people.set_password("ann", ANOTHER)
        assert await problems_of(core.credentials.change_name(caller, PASSWORD, "thief", LAPTOP)) == [
            Problem("current_password", "wrong_password")
        ]
        assert (await now(core, user)).username == "ann"

    async def test_of_many_who_want_one_name_one_gets_it(self) -> None:
        core = house()
        callers = []
        for number in range(20):
            await make(core, f"n{number}")
            callers.append(await calling(core, f"n{number}"))
        outcomes = await at_once(lambda number: core.credentials.change_name(callers[number], PASSWORD, "same", LAPTOP))
        assert outcomes == {"done": 1, "AlreadyTaken": 19}

    async def test_whoever_loses_the_race_is_told_the_field_they_typed_in(self) -> None:
        core = house()
        faults = []
        callers = []
        for name in ("ann", "bob"):
            await make(core, name)
            callers.append(await calling(core, name))

        async def rename(number: int) -> None:
            try:
                await core.credentials.change_name(callers[number], PASSWORD, "same", LAPTOP)
            except AlreadyTaken as refusal:
                faults.append(refusal.problems)
                raise

        await at_once(rename, 2)
        assert faults == [(Problem("new_username", "taken"),)]


@pytest.mark.parametrize("purpose", RESETS)
class TestAskingForAReset:
    """It looks the same for everybody, and mails only who may use it."""

    async def test_an_active_owner_is_mailed_a_link_whatever_the_spelling(self, purpose: LinkPurpose) -> None:
        core = house(reset_timeout=600.0)
        await make(core)
        await core.credentials.request_reset(purpose, "ANN@Example.ORG", PHONE)
        (letter,) = await core.deliver()
        assert (letter.kind, letter.to, letter.username) == (purpose, "ann@example.org", "ann")
        assert (letter.address, letter.agent, letter.link_lifetime) == (PHONE.address, PHONE.agent, 600.0)

    async def test_nobody_else_is(self, purpose: LinkPurpose) -> None:
        core = house()
        await register(core, "pending")
        await make(core, "out")
        await core.people.deactivate("out")
        await core.deliver()
        for address in ("pending@example.org", "out@example.org", "nobody@example.org", "0ut@example.org"):
            await core.credentials.request_reset(purpose, address, LAPTOP)
        assert await delivered(core) == []

    async def test_what_is_written_is_the_same_for_every_address(self, purpose: LinkPurpose) -> None:
        core = house()
        await make(core)
        core.journal.facts.clear()
        await core.credentials.request_reset(purpose, "ann@example.org", LAPTOP)
        await core.credentials.request_reset(purpose, "nobody@example.org", LAPTOP)
        known, unknown = await core.post.claim()
        assert replace(known.mail, to="") == replace(unknown.mail, to="")
        assert core.journal.facts[0] == core.journal.facts[1]

    @pytest.mark.parametrize("look_alike", ["m\u0131ke@example.org", "mike@example.org,eve@example.org"])
    async def test_a_look_alike_gets_nothing(self, purpose: LinkPurpose, look_alike: str) -> None:
        core = house()
        await make(core, "mike")
        refused = await problems_of(core.credentials.request_reset(purpose, look_alike, LAPTOP))
        assert refused == [Problem("email", "email_form")]
        assert await delivered(core) == []

    async def test_only_where_the_operator_wants_it_is_an_unknown_address_told(self, purpose: LinkPurpose) -> None:
        core = house(**{f"{purpose}_tells_unknown": True})
        await make(core)
        await register(core, "pending")
        await core.deliver()
        (other,) = set(RESETS) - {purpose}
        for address in ("nobody@example.org", "pending@example.org"):
            with pytest.raises(UnknownAddress):
                await core.credentials.request_reset(purpose, address, LAPTOP)
            await core.credentials.request_reset(other, address, LAPTOP)
            await core.credentials.request_reset(purpose, address, LAPTOP, silent=True)
        await core.credentials.request_reset(purpose, "ann@example.org", LAPTOP)
        assert await delivered(core) == [(purpose, "ann@example.org")]

    async def test_a_link_is_refused_once_the_account_is_not_active(self, purpose: LinkPurpose) -> None:
        core = house()
        user = await make(core)
        await core.credentials.request_reset(purpose, "ann@example.org", LAPTOP)
        link = await mailed_link(core, purpose)
        await put(core, user, state="deactivated")
        if purpose == "password_reset":
            assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "token"
        else:
            assert await link_refused(core.credentials.confirm_name_reset(*link, "anna", LAPTOP)) == "token"


class TestResettingThePassword:
    """It takes a link, once."""

    async def test_the_new_password_signs_in_and_every_sign_in_before_is_over(self) -> None:
        core = house(logout_on_password_change="none", password_changed_email=True)
        user = await make(core)
        pair = await sign_in(core)
        opaque = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        elsewhere = foreign(core, user)
        core.clock.advance(5)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        await core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)

        assert await delivered(core) == [("password_changed", "ann@example.org")]
        assert await rejected(core.tokens.identify(pair.access)) == "revoked"
        assert await rejected(core.tokens.refresh(pair.refresh or "", LAPTOP)) == "revoked"
        assert await rejected(core.tokens.identify_opaque(opaque)) == "opaque_unknown"
        assert await rejected(core.tokens.identify(elsewhere)) == "revoked"
        await sign_in(core, password=ANOTHER)

    async def test_refusals_come_in_order(self) -> None:
        core = house()
        await make(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        uid, token = await mailed_link(core, "password_reset")
        confirm = core.credentials.confirm_password_reset
        weak = [Problem("new_password", "password_common")]
        assert await problems_of(confirm("x", "x", "password1", LAPTOP, retyped="x")) == weak
        differs = [Problem("", "mismatch", "password")]
        assert await problems_of(confirm("x", "x", ANOTHER, LAPTOP, retyped="x")) == differs
        assert await link_refused(confirm("x", "x", ANOTHER, LAPTOP, retyped=ANOTHER)) == "uid"
        assert await link_refused(confirm(encode_uid(99), token, ANOTHER, LAPTOP)) == "uid"
        assert await link_refused(confirm(uid, "x", ANOTHER, LAPTOP)) == "token"
        await confirm(uid, token, ANOTHER, LAPTOP, retyped=ANOTHER)

    async def test_a_password_like_the_name_is_told_to_the_holder_of_the_link_and_to_nobody_else(self) -> None:
        core = house()
        await make(core, "chandler")
        await core.credentials.request_reset("password_reset", "chandler@example.org", LAPTOP)
        uid, token = await mailed_link(core, "password_reset")
        confirm = core.credentials.confirm_password_reset
        assert await problems_of(confirm(uid, token, "chandler1", LAPTOP)) == [
            Problem("new_password", "password_similar", "username")
        ]
        assert await link_refused(confirm(uid, "x" + token, "chandler1", LAPTOP)) == "token"

    async def test_of_many_uses_at_once_one_counts(self) -> None:
        core = house(password_changed_email=True)
        await make(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        outcomes = await at_once(
            lambda number: core.credentials.confirm_password_reset(*link, f"{ANOTHER} {number}", LAPTOP)
        )
        assert outcomes == {"done": 1, "LinkRejected": 19}
        assert len(await delivered(core)) == 1

    @pytest.mark.parametrize("used", RESETS)
    async def test_using_one_link_kills_the_others(self, used: LinkPurpose) -> None:
        core = house()
        await make(core)
        links = []
        for purpose in (*RESETS, "password_reset"):
            await core.credentials.request_reset(purpose, "ann@example.org", LAPTOP)
            links.append(await mailed_link(core, purpose))
            core.clock.advance(1)
        password, name, later = links
        if used == "password_reset":
            await core.credentials.confirm_password_reset(*later, ANOTHER, LAPTOP)
        else:
            await core.credentials.confirm_name_reset(*name, "anna", LAPTOP)
        assert await link_refused(core.credentials.confirm_password_reset(*password, ANOTHER, LAPTOP)) == "token"
        assert await link_refused(core.credentials.confirm_name_reset(*name, "annie", LAPTOP)) == "token"

    @pytest.mark.parametrize(("age", "good"), [(-1.0, True), (1.0, False)])
    async def test_a_link_is_good_for_its_lifetime(self, age: float, *, good: bool) -> None:
        core = house(reset_timeout=600.0)
        await make(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        core.clock.advance(600.0 + age)
        confirming = core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)
        if good:
            await confirming
        else:
            assert await link_refused(confirming) == "token"

    async def test_a_link_dies_with_an_opaque_sign_in_and_not_with_another(self) -> None:
        core = house()
        await make(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        await sign_in(core)
        core.clock.advance(1)
        await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "token"

        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        await sign_in(core)
        await core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)

    async def test_the_link_of_a_deleted_account_is_nobodys(self) -> None:
        core = house()
        await make(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "password_reset")
        await core.people.delete("ann")
        await make(core)
        assert await link_refused(core.credentials.confirm_password_reset(*link, ANOTHER, LAPTOP)) == "uid"


class TestResettingTheName:
    """It takes a link, once."""

    async def test_the_new_name_signs_in_and_sign_ins_stay(self) -> None:
        core = house(username_changed_email=True)
        await make(core)
        pair = await sign_in(core)
        await core.credentials.request_reset("username_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "username_reset")
        assert (await core.credentials.confirm_name_reset(*link, "\uff21nna", LAPTOP)).username == "Anna"
        assert await delivered(core) == [("username_changed", "ann@example.org")]
        await sign_in(core, "anna")
        await core.tokens.identify(pair.access)
        assert await link_refused(core.credentials.confirm_name_reset(*link, "annie", LAPTOP)) == "token"

    async def test_refusals_come_in_order(self) -> None:
        core = house()
        await make(core)
        await make(core, "bob")
        await core.credentials.request_reset("username_reset", "ann@example.org", LAPTOP)
        uid, token = await mailed_link(core, "username_reset")
        confirm = core.credentials.confirm_name_reset
        assert await problems_of(confirm("x", "x", "BOB", LAPTOP, retyped="x")) == [Problem("new_username", "taken")]
        differs = [Problem("", "mismatch", "username")]
        assert await problems_of(confirm("x", "x", "anna", LAPTOP, retyped="x")) == differs
        assert await link_refused(confirm("x", "x", "anna", LAPTOP)) == "uid"
        assert await link_refused(confirm(uid, "x", "anna", LAPTOP)) == "token"
        await confirm(uid, token, "anna", LAPTOP, retyped="anna")

    async def test_of_many_uses_at_once_one_counts(self) -> None:
        core = house()
        user = await make(core)
        await core.credentials.request_reset("username_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "username_reset")
        outcomes = await at_once(lambda number: core.credentials.confirm_name_reset(*link, f"anna{number}", LAPTOP))
        assert outcomes == {"done": 1, "LinkRejected": 19}
        assert (await now(core, user)).version == user.version + 1

    async def test_where_people_sign_in_by_address_the_new_one_is_proven_first(self) -> None:
        core = house(login_field="email")
        user = await make(core)
        await core.credentials.request_reset("username_reset", "ann@example.org", LAPTOP)
        link = await mailed_link(core, "username_reset")
        await core.credentials.confirm_name_reset(*link, "new@example.net", LAPTOP)
        assert (await now(core, user)).email == "ann@example.org"
        await core.registration.activate(*await mailed_link(core, "activation"), LAPTOP)
        assert (await now(core, user)).email == "new@example.net"


async def test_nobody_gets_by_without_the_current_password() -> None:
    core = house()
    ann = await make(core)
    caller = await calling(core)
    missing = [Problem("current_password", "required")]
    assert await problems_of(core.credentials.change_password(caller, None, ANOTHER, LAPTOP)) == missing
    assert await problems_of(core.credentials.change_name(caller, None, "anna", LAPTOP)) == missing
    assert await problems_of(core.profiles.delete(caller, ann.id, None, LAPTOP)) == missing
    assert await now(core, ann) == ann
