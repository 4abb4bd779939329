"""Post: every mail that is due is sent, tried again, or given up; whoever is not to get one gets none."""

import asyncio
from typing import get_args

import pytest
from msgspec.structs import replace

from auth_service.adapters.memory.core import MemoryCore
from auth_service.domain import post
from auth_service.domain.model import KeptMail, Letter, Mail, MailKind, QueuedMail
from auth_service.domain.ports.surroundings import MailDelayed, MailRefused
from auth_service.domain.registration import SignUp

from .support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    PHONE,
    calling,
    delivered,
    house,
    link_in,
    make,
    put,
    register,
    sign_in,
)

NOTICES: list[MailKind] = [
    "confirmation",
    "password_changed",
    "username_changed",
    "email_changed",
    "new_device",
    "already_registered",
]


async def _dead(core: MemoryCore) -> list[KeptMail]:
    return [kept async for kept in core.mailroom.mails("dead")]


async def test_a_letter_holds_all_that_its_writer_needs() -> None:
    core = house()
    user = await make(core)
    asked = core.clock.now()
    await core.credentials.request_reset("password_reset", "ANN@example.org", PHONE)
    core.clock.advance(100)
    (letter,) = await core.deliver()
    assert (letter.kind, letter.to, letter.username, letter.email) == (
        "password_reset",
        user.email,
        user.username,
        user.email,
    )
    assert (letter.address, letter.agent, letter.at) == (PHONE.address, PHONE.agent, asked)
    assert letter.message_id
    assert letter.link is not None
    assert letter.link not in repr(letter)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("activation", "activation_url"),
        ("password_reset", "password_reset_url"),
        ("username_reset", "username_reset_url"),
    ],
)
async def test_each_link_follows_its_own_template(kind: MailKind, setting: str) -> None:
    core = house(activation="optional", frontend_url="https://x.org/app", **{setting: "#/go?a={token}&b={uid}&c={uid}"})
    await register(core)
    await core.deliver()
    work = core.store.begin()
    work.outbox.put(Mail(kind=kind, to="ann@example.org"))
    await work.commit()
    (letter,) = await core.deliver()
    assert letter.link is not None
    start, rest = letter.link.split("a=")
    token, uids = rest.split("&b=")
    assert start == "https://x.org/app/#/go?"
    assert len(token.split("-")[1]) == 32
    assert uids == "MQ&c=MQ"


@pytest.mark.parametrize(
    ("chosen", "wished", "language"),
    [("pl", "ar", "pl"), ("", "ar", "ar"), ("", "", "de"), ("tlh", "", "de"), ("tlh", "ar", "ar")],
)
async def test_a_mail_is_in_the_language_chosen_else_wished_for_else_the_operators(
    chosen: str, wished: str, language: str
) -> None:
    core = house(language="de", languages=("en", "de", "ar", "pl"))
    await put(core, await make(core), language=chosen)
    await core.credentials.request_reset("password_reset", "ann@example.org", replace(PHONE, language=wished))
    (letter,) = await core.deliver()
    assert letter.language == language


async def test_every_mail_that_a_person_causes_knows_the_language_they_wished_for() -> None:
    core = house(
        languages=("en", "fr"),
        send_confirmation_email=True,
        password_changed_email=True,
        username_changed_email=True,
        new_device_email=True,
        registration_hides_accounts=True,
    )
    wishing = replace(LAPTOP, language="fr")
    new = SignUp(username="ann", email="ann@example.org", password=PASSWORD)
    user = await core.registration.register(new, wishing)
    await put(core, user, language="")
    await core.registration.resend("ann@example.org", wishing)
    letters = await core.deliver()
    await core.registration.activate(*link_in(letters[0]), wishing)
    caller = await calling(core)
    await core.profiles.change(caller, user.id, wishing, email="new@example.org")
    letters += (changing := await core.deliver())
    await core.registration.activate(*link_in(changing[-1]), wishing)
    await core.credentials.change_name(await calling(core), PASSWORD, "anna", wishing)
    await core.credentials.change_password(await calling(core, "anna"), PASSWORD, ANOTHER, wishing)
    await core.credentials.request_reset("password_reset", "new@example.org", wishing)
    await core.credentials.request_reset("username_reset", "new@example.org", wishing)
    await sign_in(core, "anna", ANOTHER, replace(PHONE, language="fr"))
    await core.registration.register(
        SignUp(username="eve", email="new@example.org", password=PASSWORD), replace(PHONE, language="fr")
    )
    letters += await core.deliver()
    # Whoever uses a spent token again may be a thief: what they wish to read is not asked.
    assert {letter.kind for letter in letters} == {*get_args(MailKind)} - {"session_ended_by_reuse"}
    assert {letter.language for letter in letters} == {"fr"}


@pytest.mark.parametrize("kind", NOTICES)
async def test_a_notice_goes_to_the_address_it_was_decided_for_and_has_no_link(kind: MailKind) -> None:
    core = house()
    user = await make(core)
    work = core.store.begin()
    work.outbox.put(Mail(kind=kind, to="Old@example.org", user_id=user.id))
    await work.commit()
    (letter,) = await core.deliver()
    assert (letter.kind, letter.to, letter.link) == (kind, "Old@example.org", None)


@pytest.mark.parametrize("kind", get_args(MailKind))
async def test_where_there_is_nobody_nothing_is_sent_and_nothing_kept(kind: MailKind) -> None:
    core = house()
    user = await make(core)
    await core.people.delete("ann")
    core.journal.facts.clear()
    work = core.store.begin()
    work.outbox.put(Mail(kind=kind, to="nobody@example.org"))
    work.outbox.put(Mail(kind=kind, to="ann@example.org"))
    work.outbox.put(Mail(kind=kind, to="ann@example.org", user_id=user.id))
    await work.commit()
    assert await core.deliver() == []
    core.clock.advance(1_000_000)
    assert await core.post.claim() == []
    assert await _dead(core) == []
    assert core.journal.facts == []


async def test_a_mail_goes_to_the_address_on_record_in_its_own_spelling() -> None:
    core = house()
    await put(core, await make(core), email="Ann.O@example.org")
    await core.credentials.request_reset("password_reset", "ANN.o@EXAMPLE.org", LAPTOP)
    assert await delivered(core) == [("password_reset", "Ann.O@example.org")]


async def test_the_link_is_made_when_the_mail_goes_out_and_not_before() -> None:
    core = house(reset_timeout=600.0)
    await make(core)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    core.clock.advance(10_000)
    (letter,) = await core.deliver()
    uid, token = (letter.link or "").split("/")[-2:]
    await core.credentials.confirm_password_reset(uid, token, "a whole new password", LAPTOP)


async def test_a_mail_that_went_out_is_noted_without_its_link() -> None:
    core = house()
    await register(core)
    (letter,) = await core.deliver()
    fact = core.journal.facts[-1]
    assert (fact.what, fact.why) == ("mail_sent", "activation")
    assert (letter.link or "") not in repr(core.journal.facts)


async def test_a_server_that_is_busy_is_tried_again_after_longer_and_longer_pauses_under_one_name() -> None:
    core = house()
    await register(core)
    core.mailer.trouble = MailDelayed("try later")
    names = set()
    for longest in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600):
        assert await core.deliver() == []
        (kept,) = core.outbox._memory.tables.mails.values()
        assert longest * 0.75 <= kept.due_at - core.clock.now() <= longest * 1.25
        names.add(kept.message_id)
        core.clock.at = kept.due_at
    core.mailer.trouble = None
    (letter,) = await core.deliver()
    assert {letter.message_id} == names


async def test_mails_that_failed_together_do_not_come_back_together() -> None:
    core = house()
    for number in range(10):
        await register(core, f"n{number}")
    core.mailer.trouble = MailDelayed("try later")
    await core.deliver()
    assert len({kept.due_at for kept in core.outbox._memory.tables.mails.values()}) == 10


async def test_after_fourteen_tries_a_mail_is_given_up_and_kept_with_the_reason() -> None:
    core = house()
    await register(core)
    core.mailer.trouble = MailDelayed("mailbox full")
    for _ in range(14):
        assert await _dead(core) == []
        await core.deliver()
        core.clock.advance(2 * 3_600)
    (dead,) = await _dead(core)
    assert (dead.mail.to, dead.why, dead.attempts) == ("ann@example.org", "mailbox full", 14)
    assert core.journal.facts[-1].what == "mail_undeliverable"
    core.mailer.trouble = None
    core.clock.advance(1_000_000)
    assert await core.deliver() == []


async def test_a_refusal_is_final_at_once() -> None:
    core = house()
    await register(core)
    core.mailer.trouble = MailRefused("no such mailbox")
    assert await core.deliver() == []
    (dead,) = await _dead(core)
    assert (dead.why, dead.attempts) == ("no such mailbox", 1)


async def test_one_bad_mail_holds_up_no_other() -> None:
    core = house()
    await register(core)
    core.mailer.trouble = MailDelayed("greylisted")
    await core.deliver()
    core.mailer.trouble = None
    await register(core, "bob")
    assert await delivered(core) == [("activation", "bob@example.org")]
    core.clock.advance(10)
    assert await delivered(core) == [("activation", "ann@example.org")]


async def test_the_mails_of_a_postman_who_died_are_taken_over_within_half_a_minute() -> None:
    core = house()
    await register(core)
    (lost,) = await core.post.claim()
    core.clock.advance(29)
    assert await core.post.claim() == []
    core.clock.advance(1)
    (found,) = await core.post.claim()
    assert (found.id, found.message_id) == (lost.id, lost.message_id)


async def test_a_postman_carries_a_handful_at_a_time() -> None:
    core = house()
    for number in range(20):
        await register(core, f"n{number}")
    hands: list[list[QueuedMail]] = [await core.post.claim(), await core.post.claim()]
    assert [len(hand) for hand in hands] == [16, 4]


async def test_no_link_token_or_text_stands_in_the_outbox() -> None:
    core = house()
    user = await register(core)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    for queued in await core.post.claim():
        assert user.stamp not in repr(queued)
        assert "://" not in repr(queued)


async def test_a_mailer_that_never_comes_back_is_left_and_its_mail_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(post, "_LONGEST_TRY", 0.01)
    core = house()
    await register(core)

    async def hang(_letter: Letter) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(core.mailer, "send", hang)
    assert await core.deliver() == []
    (kept,) = [kept async for kept in core.mailroom.mails()]
    assert (kept.state, kept.held, kept.why) == ("waiting", False, "it could not be handed over within 0.01 s")


async def test_a_newer_link_takes_the_place_of_one_that_waits_and_says_when_it_was_asked_for() -> None:
    core = house()
    await make(core)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    core.mailer.trouble = MailDelayed("greylisted")
    for _ in range(6):
        await core.deliver()
        core.clock.advance(60)
    core.mailer.trouble = None
    await core.credentials.request_reset("password_reset", "ANN@Example.org", PHONE)
    (letter,) = await core.deliver()
    assert (letter.at, letter.agent) == (core.clock.now(), PHONE.agent)
    core.clock.advance(1_000_000)
    assert await core.deliver() == []
    assert [kept.state async for kept in core.mailroom.mails()] == ["superseded", "sent"]


async def test_who_asks_twice_gets_two_links_in_the_order_they_were_asked_for() -> None:
    core = house()
    await make(core)
    for client in (LAPTOP, PHONE):
        await core.credentials.request_reset("password_reset", "ann@example.org", client)
    assert [letter.agent for letter in await core.deliver()] == [LAPTOP.agent, PHONE.agent]


async def test_lanes_do_not_tell_who_has_an_account() -> None:
    core = house()
    await make(core)
    fates = []
    for address in ("ann@example.org", "nobody@example.org"):
        for _ in range(3):
            await core.credentials.request_reset("password_reset", address, LAPTOP)
        fates.append([queued.attempts for queued in await core.post.claim()])
    assert fates == [[1], [1]]


async def test_an_operator_lets_dead_mails_go_out_after_all() -> None:
    core = house()
    await register(core)
    await register(core, "bob")
    core.mailer.trouble = MailRefused("no")
    await core.deliver()
    core.mailer.trouble = None
    first, second = await _dead(core)
    assert await core.mailroom.drop([first.id, 99]) == {99: "unknown"}
    assert await core.mailroom.retry([first.id]) == {first.id: "dropped"}
    assert await core.mailroom.retry_dead() == 1
    (letter,) = await core.deliver()
    assert letter.message_id == second.message_id
    assert await core.mailroom.retry([second.id]) == {second.id: "sent"}
