"""Tokens: who gets them, whose they are, and when they are over."""

import asyncio
import re

import pytest
from msgspec.structs import replace

from auth_service.adapters.memory.core import MemoryCore
from auth_service.adapters.memory.crypto import HmacTokenSigner
from auth_service.domain.errors import BadCredentials, TokenFault, TokenRejected
from auth_service.domain.model import Claims, TokenPair

from .support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    PHONE,
    at_once,
    calling,
    foreign,
    house,
    make,
    now,
    put,
    register,
    rejected,
    sign_in,
)

GARBAGE = ["", ".", "x", "a.b.c", "é.é", "\x00", "\ud800", "x" * 60_000, "e30." + "0" * 64]


def refresh_of(pair: TokenPair) -> str:
    """Return the refresh token of a pair that has one."""
    assert pair.refresh is not None
    return pair.refresh


def claims_of(core: MemoryCore, token: str) -> Claims:
    """Return what a token says."""
    return core.signer.read(token)


class TestSigningIn:
    """One way in, and every refusal is the same."""

    async def test_a_pair_tells_who_it_belongs_to(self) -> None:
        core = house()
        user = await make(core)
        pair = await sign_in(core)
        caller = await core.tokens.identify(pair.access)
        assert caller.user == user
        assert caller.session is not None
        assert (caller.session.kind, caller.session.address, caller.session.agent) == (
            "jwt",
            LAPTOP.address,
            LAPTOP.agent,
        )

    async def test_the_claims_are_those_that_clients_know(self) -> None:
        core = house(access_lifetime=300.0, refresh_lifetime=86_400.0)
        user = await make(core)
        pair = await sign_in(core)
        access, refresh = claims_of(core, pair.access), claims_of(core, refresh_of(pair))
        issued = int(core.clock.now())
        assert (access.token_type, refresh.token_type) == ("access", "refresh")
        assert (access.iat, access.exp) == (issued, issued + 300)
        assert (refresh.iat, refresh.exp) == (issued, issued + 86_400)
        assert access.user_id == refresh.user_id == str(user.id)
        assert access.sid == refresh.sid
        assert access.jti != refresh.jti
        assert all(re.fullmatch("[0-9a-f]{32}", str(claims.jti)) for claims in (access, refresh))
        assert access.nbf is None

    async def test_every_sign_in_is_a_session_of_its_own(self) -> None:
        core = house()
        await make(core)
        one, two = await sign_in(core), await sign_in(core)
        assert claims_of(core, one.access).sid != claims_of(core, two.access).sid

    @pytest.mark.parametrize("name", ["ann", "ANN", "\uff41nn", "ann@example.org", "Ann@EXAMPLE.org"])
    async def test_any_spelling_of_name_or_address_signs_in(self, name: str) -> None:
        core = house()
        await make(core)
        await sign_in(core, name)
        await core.tokens.issue_opaque(name, PASSWORD, LAPTOP)

    @pytest.mark.parametrize(("by", "good"), [("username", "ann"), ("email", "ann@example.org")])
    async def test_a_caller_who_says_what_the_name_is_is_taken_at_their_word(self, by: str, good: str) -> None:
        core = house()
        await make(core)
        for name in ("ann", "ann@example.org"):
            if name == good:
                await core.tokens.issue(name, PASSWORD, LAPTOP, by=by)
            else:
                with pytest.raises(BadCredentials):
                    await core.tokens.issue(name, PASSWORD, LAPTOP, by=by)

    async def test_whoever_takes_anothers_address_as_a_name_gains_nothing(self) -> None:
        core = house()
        ann = await make(core)
        await core.people.create(username="ann@example.org", email="eve@example.net", password=ANOTHER, staff=False)
        caller = await core.tokens.identify((await sign_in(core, "ann@example.org")).access)
        assert caller.user.id == ann.id
        with pytest.raises(BadCredentials):
            await sign_in(core, "ann@example.org", ANOTHER)

    @pytest.mark.parametrize(
        ("name", "password"),
        [
            ("ann", "wrong"),
            ("ann", ""),
            ("ann", PASSWORD + "\x00"),
            ("ann", PASSWORD.upper()),
            ("ann", PASSWORD + " " * 1_024),
            ("ann", "x" * 1_000_000),
            ("nobody", PASSWORD),
            ("nobody@example.org", PASSWORD),
            ("", ""),
            ("\x00", PASSWORD),
            ("\ud800", "\ud800"),
            ("a" + "\u0301\u0323" * 30_000, PASSWORD),
            ("a@" + "名前" * 10_000 + ".org", PASSWORD),
            ("pending", PASSWORD),
            ("out", PASSWORD),
        ],
    )
    async def test_every_refusal_is_the_same_and_costs_one_hash(self, name: str, password: str) -> None:
        core = house()
        await make(core)
        await make(core, "out")
        await core.people.deactivate("out")
        await register(core, "pending")
        for signing_in in (core.tokens.issue, core.tokens.issue_opaque):
            before = core.hasher.checks
            with pytest.raises(BadCredentials):
                await signing_in(name, password, LAPTOP)
            assert core.hasher.checks == before + 1
        assert await core.sessions.of_user(1) == []

    @pytest.mark.parametrize(
        ("name", "password", "why"),
        [
            ("nobody", PASSWORD, "unknown name"),
            ("ann", ANOTHER, "wrong password"),
            ("out", PASSWORD, "account deactivated"),
            ("out", ANOTHER, "wrong password"),
        ],
    )
    async def test_the_journal_knows_why_and_no_password(self, name: str, password: str, why: str) -> None:
        core = house()
        await make(core)
        await make(core, "out")
        await core.people.deactivate("out")
        core.journal.facts.clear()
        with pytest.raises(BadCredentials):
            await sign_in(core, name, password)
        (fact,) = core.journal.facts
        assert (fact.what, fact.why) == ("sign_in_refused", why)
        assert password not in repr(fact)

    async def test_an_old_hash_is_renewed_by_signing_in(self) -> None:
        core = house()
        user = await make(core)
        core.hasher.mark = "tomorrow"
        await sign_in(core)
        stored = await now(core, user)
        assert stored.password_hash.startswith("unfit$tomorrow$")
        await sign_in(core)
        assert await now(core, user) == stored
        assert stored.stamp == user.stamp

    async def test_many_may_sign_in_at_once_while_their_hash_is_renewed(self) -> None:
        core = house()
        user = await make(core)
        core.hasher.mark = "tomorrow"
        assert await at_once(lambda _: sign_in(core)) == {"done": 20}
        assert await at_once(lambda _: core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)) == {"done": 20}
        assert len(await core.sessions.of_user(user.id)) == 40

    async def test_a_password_longer_than_any_that_can_be_chosen_is_not_even_compared(self) -> None:
        core = house()
        endless = "x" * 1_025
        await put(core, await make(core), password_hash=await core.hasher.hash(endless))
        with pytest.raises(BadCredentials):
            await sign_in(core, password=endless)

    async def test_who_signs_in_while_the_password_is_changed_is_not_let_in_by_the_old_one(self) -> None:
        core = house()
        user = await make(core)

        async def act(number: int) -> None:
            if number == 10:
                await core.people.set_password("ann", ANOTHER)
                return
            for _ in range(number):
                await asyncio.sleep(0)
            await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)

        await at_once(act)
        assert await core.sessions.of_user(user.id) == []

    async def test_a_device_that_describes_itself_at_length_is_cut_short(self) -> None:
        core = house()
        await make(core)
        caller = await calling(core, client=replace(PHONE, agent="x" * 5_000))
        assert caller.session is not None
        assert len(caller.session.agent) == 200

    async def test_a_pair_does_not_show_itself(self) -> None:
        core = house()
        await make(core)
        pair = await sign_in(core)
        assert pair.access not in repr(pair)
        assert refresh_of(pair) not in repr(pair)


class TestAccess:
    """An access token is good while its account is active and its session lives."""

    @pytest.mark.parametrize("garbage", GARBAGE)
    async def test_garbage_is_invalid_wherever_it_is_sent(self, garbage: str) -> None:
        core = house()
        await make(core)
        tokens = core.tokens
        for use in (tokens.identify, tokens.verify):
            assert await rejected(use(garbage)) == "invalid"
        for spend in (tokens.refresh, tokens.revoke):
            assert await rejected(spend(garbage, LAPTOP)) == "invalid"
        assert await rejected(tokens.identify_opaque(garbage)) == "opaque_unknown"

    async def test_a_token_of_another_key_is_invalid(self) -> None:
        core = house()
        await make(core)
        forged = HmacTokenSigner(b"another key").sign(claims_of(core, (await sign_in(core)).access))
        assert await rejected(core.tokens.identify(forged)) == "invalid"

    async def test_access_and_refresh_are_never_taken_for_each_other(self) -> None:
        core = house()
        await make(core)
        pair = await sign_in(core)
        assert await rejected(core.tokens.identify(refresh_of(pair))) == "wrong_type"
        assert await rejected(core.tokens.refresh(pair.access, LAPTOP)) == "wrong_type"
        assert await rejected(core.tokens.revoke(pair.access, LAPTOP)) == "wrong_type"
        await core.tokens.verify(pair.access)
        await core.tokens.verify(refresh_of(pair))

    async def test_lifetimes_hold_to_the_second(self) -> None:
        core = house(access_lifetime=300.0, refresh_lifetime=900.0)
        await make(core)
        core.clock.at = 1_700_000_000.0
        pair = await sign_in(core)
        core.clock.advance(299.9)
        await core.tokens.identify(pair.access)
        core.clock.advance(0.1)
        assert await rejected(core.tokens.identify(pair.access)) == "expired"
        assert await rejected(core.tokens.verify(pair.access)) == "expired"
        core.clock.advance(599.9)
        await core.tokens.refresh(refresh_of(pair), LAPTOP)
        core.clock.advance(0.1)
        assert await rejected(core.tokens.refresh(refresh_of(pair), LAPTOP)) == "expired"

    @pytest.mark.parametrize(("state", "reason"), [("pending", "user_inactive"), ("deactivated", "user_inactive")])
    async def test_every_use_looks_whether_the_account_is_active(self, state: str, reason: TokenFault) -> None:
        core = house()
        user = await make(core)
        pair = await sign_in(core)
        opaque = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        elsewhere = foreign(core, user)
        await put(core, user, state=state)
        for token in (pair.access, elsewhere):
            assert await rejected(core.tokens.identify(token)) == reason
            assert await rejected(core.tokens.verify(token)) == reason
        assert await rejected(core.tokens.refresh(refresh_of(pair), LAPTOP)) == reason
        assert await rejected(core.tokens.verify(refresh_of(pair))) == reason
        assert await rejected(core.tokens.revoke(refresh_of(pair), LAPTOP)) == reason
        assert await rejected(core.tokens.identify_opaque(opaque)) == "opaque_inactive"

    async def test_the_tokens_of_a_deleted_account_belong_to_nobody_also_when_its_name_is_taken_again(self) -> None:
        core = house()
        await make(core)
        pair = await sign_in(core)
        opaque = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        await core.people.delete("ann")
        await make(core)
        assert await rejected(core.tokens.identify(pair.access)) == "user_unknown"
        assert await rejected(core.tokens.verify(pair.access)) == "user_unknown"
        assert await rejected(core.tokens.refresh(refresh_of(pair), LAPTOP)) == "user_unknown"
        assert await rejected(core.tokens.revoke(refresh_of(pair), LAPTOP)) == "user_unknown"
        assert await rejected(core.tokens.identify_opaque(opaque)) == "opaque_unknown"

    async def test_a_token_that_names_one_account_and_anothers_session_is_invalid(self) -> None:
        core = house()
        await make(core)
        bob = await make(core, "bob")
        claims = claims_of(core, (await sign_in(core)).access)
        crossed = core.signer.sign(replace(claims, user_id=str(bob.id)))
        assert await rejected(core.tokens.identify(crossed)) == "invalid"

    @pytest.mark.parametrize("user_id", ["ann", "-1", "1.0", True, 2**64, 10**400, ["1"], "9" * 400])
    async def test_a_token_whose_user_is_no_number_belongs_to_nobody(self, user_id: object) -> None:
        core = house()
        user = await make(core)
        for sid in (None, claims_of(core, (await sign_in(core)).access).sid):
            odd = foreign(core, user, user_id=user_id, sid=sid)
            assert await rejected(core.tokens.identify(odd)) in {"user_unknown", "invalid"}

    async def test_being_seen_is_noted_once_a_minute(self) -> None:
        core = house()
        await make(core)
        pair = await sign_in(core)
        began = core.clock.now()
        seen = []
        for _ in range(4):
            core.clock.advance(40)
            await core.tokens.identify(pair.access)
            session = (await core.tokens.identify(pair.access)).session
            assert session is not None
            seen.append(session.last_seen_at - began)
        assert seen == [0.0, 80.0, 80.0, 160.0]


class TestRefreshWithoutRotation:
    """A refresh token may be used until it runs out or is revoked."""

    async def test_it_gives_an_access_token_again_and_again(self) -> None:
        core = house()
        user = await make(core)
        pair = await sign_in(core)
        for _ in range(3):
            renewed = await core.tokens.refresh(refresh_of(pair), LAPTOP)
            assert renewed.refresh is None
            assert (await core.tokens.identify(renewed.access)).user == user
            assert claims_of(core, renewed.access).sid == claims_of(core, pair.access).sid

    async def test_revoked_it_is_worthless_and_access_tokens_live_out_their_minutes(self) -> None:
        core = house(access_lifetime=300.0)
        await make(core)
        other = await sign_in(core)
        pair = await sign_in(core)
        await core.tokens.revoke(refresh_of(pair), LAPTOP)
        assert await rejected(core.tokens.refresh(refresh_of(pair), LAPTOP)) == "revoked"
        assert await rejected(core.tokens.verify(refresh_of(pair))) == "revoked"
        assert await rejected(core.tokens.revoke(refresh_of(pair), LAPTOP)) == "revoked"
        await core.tokens.identify(pair.access)
        await core.tokens.refresh(refresh_of(other), LAPTOP)
        core.clock.advance(301)
        assert await core.devices.signed_in(await core.tokens.identify((await sign_in(core)).access))
        session_id = str(claims_of(core, pair.access).sid)
        devices = await core.devices.signed_in(await calling(core))
        assert session_id not in {session.id for session in devices}

    async def test_of_many_revocations_one_counts(self) -> None:
        core = house()
        await make(core)
        pair = await sign_in(core)
        assert await at_once(lambda _: core.tokens.revoke(refresh_of(pair), LAPTOP)) == {"done": 1, "TokenRejected": 19}


class TestRotation:
    """Each refresh token has one successor; who uses an old one ends the session."""

    async def test_a_refresh_gives_a_successor_with_a_whole_life(self) -> None:
        core = house(rotate_refresh=True, refresh_lifetime=1_000.0)
        await make(core)
        first = await sign_in(core)
        core.clock.advance(900)
        second = await core.tokens.refresh(refresh_of(first), LAPTOP)
        assert claims_of(core, refresh_of(second)).jti != claims_of(core, refresh_of(first)).jti
        core.clock.advance(900)
        third = await core.tokens.refresh(refresh_of(second), LAPTOP)
        await core.tokens.identify(third.access)

    async def test_of_many_refreshes_at_once_all_get_the_one_successor(self) -> None:
        core = house(rotate_refresh=True)
        await make(core)
        pair = await sign_in(core)
        core.journal.facts.clear()
        answers = await asyncio.gather(*(core.tokens.refresh(refresh_of(pair), LAPTOP) for _ in range(16)))
        assert len({answer.refresh for answer in answers}) == 1
        assert [fact.what for fact in core.journal.facts] == ["refreshed"]
        await core.tokens.refresh(refresh_of(answers[0]), LAPTOP)

    async def test_a_retry_within_the_grace_gets_the_same_successor(self) -> None:
        core = house(rotate_refresh=True, refresh_grace=10.0)
        await make(core)
        pair = await sign_in(core)
        answer = await core.tokens.refresh(refresh_of(pair), LAPTOP)
        core.clock.advance(10)
        retry = await core.tokens.refresh(refresh_of(pair), LAPTOP)
        assert retry.refresh == answer.refresh
        await core.tokens.identify(retry.access)

    async def test_reuse_after_the_grace_ends_the_session_for_good(self) -> None:
        core = house(rotate_refresh=True, refresh_grace=10.0)
        await make(core)
        bystander = await sign_in(core)
        pair = await sign_in(core)
        successor = await core.tokens.refresh(refresh_of(pair), LAPTOP)
        core.clock.advance(10.5)
        assert await rejected(core.tokens.refresh(refresh_of(pair), PHONE)) == "revoked"
        assert await rejected(core.tokens.refresh(refresh_of(successor), LAPTOP)) == "revoked"
        assert await rejected(core.tokens.identify(successor.access)) == "revoked"
        assert await rejected(core.tokens.verify(refresh_of(successor))) == "revoked"
        assert "refresh_reused" in {fact.what for fact in core.journal.facts}
        await core.tokens.identify(bystander.access)

    async def test_of_many_replays_at_once_one_ends_the_session_and_the_owner_is_told_once(self) -> None:
        core = house(rotate_refresh=True, refresh_grace=0.0)
        user = await make(core)
        pair = await sign_in(core)
        session_id = (await core.tokens.identify(pair.access)).session_id
        await core.tokens.refresh(refresh_of(pair), LAPTOP)
        core.clock.advance(1.0)
        core.journal.facts.clear()
        outcomes = await at_once(lambda _: core.tokens.refresh(refresh_of(pair), PHONE))
        assert outcomes == {"TokenRejected": 20}
        (letter,) = await core.deliver()
        assert (letter.kind, letter.to) == ("session_ended_by_reuse", user.email)
        # Where the copy was used, and when: the owner may know the place.
        assert (letter.address, letter.agent, letter.at) == (PHONE.address, PHONE.agent, core.clock.now())
        (fact,) = [fact for fact in core.journal.facts if fact.what == "refresh_reused"]
        assert (fact.user_id, fact.session_id, fact.address) == (user.id, session_id, PHONE.address)

    async def test_a_token_two_generations_old_is_reused_even_within_the_grace(self) -> None:
        core = house(rotate_refresh=True)
        await make(core)
        first = await sign_in(core)
        second = await core.tokens.refresh(refresh_of(first), LAPTOP)
        third = await core.tokens.refresh(refresh_of(second), LAPTOP)
        assert await rejected(core.tokens.refresh(refresh_of(first), LAPTOP)) == "revoked"
        assert await rejected(core.tokens.refresh(refresh_of(third), LAPTOP)) == "revoked"

    async def test_a_revoked_chain_is_revoked_whichever_of_its_tokens_was_sent(self) -> None:
        core = house(rotate_refresh=True)
        await make(core)
        pair = await sign_in(core)
        successor = await core.tokens.refresh(refresh_of(pair), LAPTOP)
        await core.tokens.revoke(refresh_of(pair), LAPTOP)
        assert await rejected(core.tokens.refresh(refresh_of(successor), LAPTOP)) == "revoked"

    async def test_of_refreshing_and_revoking_at_once_revocation_stands(self) -> None:
        core = house(rotate_refresh=True)
        await make(core)
        pair = await sign_in(core)
        handed_out = [refresh_of(pair)]

        async def use(number: int) -> None:
            if number == 3:
                await core.tokens.revoke(refresh_of(pair), LAPTOP)
            else:
                handed_out.append(refresh_of(await core.tokens.refresh(refresh_of(pair), LAPTOP)))

        await at_once(use, 16)
        for token in set(handed_out):
            assert await rejected(core.tokens.refresh(token, LAPTOP)) == "revoked"


class TestTokensFromElsewhere:
    """Tokens that others minted with our key are good if what they say is."""

    async def test_they_are_good_everywhere_and_have_no_session(self) -> None:
        core = house(rotate_refresh=True)
        user = await make(core)
        caller = await core.tokens.identify(foreign(core, user))
        assert (caller.user, caller.session) == (user, None)
        await core.tokens.verify(foreign(core, user))
        await core.tokens.verify(foreign(core, user, token_type=None))
        renewed = await core.tokens.refresh(foreign(core, user, token_type="refresh"), LAPTOP)
        assert renewed.refresh is None
        assert (await core.tokens.identify(renewed.access)).user == user
        assert (await core.tokens.identify(foreign(core, user, user_id=user.id, iat=None))).user == user

    async def test_their_refresh_tokens_can_be_revoked_once(self) -> None:
        core = house()
        user = await make(core)
        token, other = (foreign(core, user, token_type="refresh", jti=jti) for jti in ("one", "two"))
        assert await at_once(lambda _: core.tokens.revoke(token, LAPTOP)) == {"done": 1, "TokenRejected": 19}
        assert await rejected(core.tokens.refresh(token, LAPTOP)) == "revoked"
        assert await rejected(core.tokens.verify(token)) == "revoked"
        await core.tokens.refresh(other, LAPTOP)

    async def test_those_from_before_a_reset_are_over(self) -> None:
        core = house()
        user = await make(core)
        before = [foreign(core, user, token_type=kind) for kind in ("access", "refresh")]
        undated = foreign(core, user, iat=None)
        core.clock.advance(2)
        await core.people.set_password("ann", ANOTHER)
        core.clock.advance(2)
        for token in (*before, undated):
            assert await rejected(core.tokens.verify(token)) == "revoked"
        assert await rejected(core.tokens.refresh(before[1], LAPTOP)) == "revoked"
        await core.tokens.identify(foreign(core, user))


class TestOpaqueTokens:
    """One for each sign-in, known to nobody but its holder."""

    async def test_it_is_forty_digits_and_stored_as_a_hash(self) -> None:
        core = house()
        user = await make(core)
        token = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        assert re.fullmatch("[0-9a-f]{40}", token)
        (session,) = await core.sessions.of_user(user.id)
        assert session.token_hash not in {None, token}
        assert session.expires_at is None
        assert (await core.tokens.identify_opaque(token)).session == session

    async def test_each_sign_in_gets_its_own_and_is_dated(self) -> None:
        core = house()
        user = await make(core)
        one = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        two = await core.tokens.issue_opaque("ann", PASSWORD, PHONE)
        assert one != two
        assert (await now(core, user)).signed_in_at == core.clock.now()
        await sign_in(core)

    async def test_it_does_not_run_out(self) -> None:
        core = house()
        await make(core)
        token = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        core.clock.advance(10 * 365 * 86_400)
        await core.tokens.identify_opaque(token)

    async def test_a_signed_token_is_no_opaque_one_nor_the_other_way_round(self) -> None:
        core = house()
        await make(core)
        token = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        assert await rejected(core.tokens.identify_opaque((await sign_in(core)).access)) == "opaque_unknown"
        assert await rejected(core.tokens.identify(token)) == "invalid"

    async def test_its_hash_opens_nothing(self) -> None:
        core = house()
        user = await make(core)
        await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        (session,) = await core.sessions.of_user(user.id)
        with pytest.raises(TokenRejected):
            await core.tokens.identify_opaque(session.token_hash or "")

    async def test_a_refresh_in_the_name_of_an_opaque_session_is_refused(self) -> None:
        core = house()
        user = await make(core)
        await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
        (session,) = await core.sessions.of_user(user.id)
        forged = foreign(core, user, token_type="refresh", sid=session.id)
        assert await rejected(core.tokens.refresh(forged, LAPTOP)) == "revoked"
