"""Post: what becomes of a mail that is due."""

import asyncio
from dataclasses import dataclass

from auth_service.domain import links
from auth_service.domain.errors import Busy
from auth_service.domain.model import Fact, Letter, LinkPurpose, Mail, QueuedMail, User
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import LinkSigner
from auth_service.domain.ports.outbox import Outbox
from auth_service.domain.ports.surroundings import Chance, Clock, Journal, MailDelayed, Mailer, MailRefused
from auth_service.domain.ports.users import Users

HANDS = 16
"""How many mails one process sends at once."""
# Longer than a try may take, with time to look things up and to record what came of it: nobody alive is overtaken.
_LEASE = 30.0
_LONGEST_TRY = 20.0
_RECORDED_WITHIN = 300.0
_MOST_TRIES = 14
_FIRST_RETRY = 1.0
_LONGEST_RETRY = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Sends what is in the outbox. The person is looked up and the link is made here, never where it was asked for."""

    policy: Policy
    users: Users
    outbox: Outbox
    mailer: Mailer
    link_signer: LinkSigner
    clock: Clock
    chance: Chance
    journal: Journal

    async def claim(self, most: int = HANDS) -> list[QueuedMail]:
        """Take mails that are due."""
        return list(await self.outbox.claim(limit=most, lease=_LEASE))

    async def deliver(self, queued: QueuedMail) -> None:
        """Send one mail, or find that nobody is to get it, and record which."""
        if queued.attempts > _MOST_TRIES:
            # Something other than the mail server brought every try down.
            await self._give_up(queued, "given up after too many tries")
            return
        letter = await self._write(queued)
        if letter is None:
            await self.outbox.sent(queued)
            return
        try:
            async with asyncio.timeout(_LONGEST_TRY):
                await self.mailer.send(letter)
        except MailRefused as refusal:
            await self._give_up(queued, str(refusal))
        except MailDelayed as delay:
            await self._put_off(queued, str(delay))
        except TimeoutError:
            await self._put_off(queued, f"it could not be handed over within {_LONGEST_TRY:g} s")
        else:
            await self._record_sent(queued)
            self.journal.note(Fact(what="mail_sent", user_id=queued.mail.user_id, why=queued.mail.kind))

    async def _put_off(self, queued: QueuedMail, why: str) -> None:
        if queued.attempts >= _MOST_TRIES:
            await self._give_up(queued, why)
        else:
            await self.outbox.failed(queued, retry_in=self._pause(queued.attempts), why=why)

    async def _record_sent(self, queued: QueuedMail) -> None:
        """Write down that a mail went out, once the database is there for it: else it would go out again."""
        until = asyncio.get_running_loop().time() + _RECORDED_WITHIN
        while True:
            try:
                await self.outbox.sent(queued)
            except Busy as busy:
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(busy.retry_after)
            else:
                return

    async def _give_up(self, queued: QueuedMail, why: str) -> None:
        await self.outbox.failed(queued, retry_in=None, why=why)
        self.journal.note(Fact(what="mail_undeliverable", user_id=queued.mail.user_id, why=queued.mail.kind))

    def _pause(self, attempts: int) -> float:
        """Back off, doubling, with jitter: a crowd that failed together must not come back together."""
        longest: float = min(_LONGEST_RETRY, _FIRST_RETRY * 2.0 ** (attempts - 1))
        return longest * (0.75 + int(self.chance.hex(4), 16) / 0xFFFF / 2)

    async def _write(self, queued: QueuedMail) -> Letter | None:
        mail = queued.mail
        user = await (self.users.by_email(mail.to) if mail.user_id is None else self.users.by_id(mail.user_id))
        if user is None:
            return None
        match mail.kind:
            case "activation":
                return self._activation(queued, user)
            case "password_reset":
                return self._reset(queued, user, "password_reset", self.policy.password_reset_url)
            case "username_reset":
                return self._reset(queued, user, "username_reset", self.policy.username_reset_url)
            case "already_registered" if not user.is_active:
                return None
            case _:
                # The address on record where the mail was decided, in its own spelling.
                return self._letter(queued, user, to=mail.to if mail.user_id is not None else user.email)

    def _activation(self, queued: QueuedMail, user: User) -> Letter | None:
        """Only an address that is still unproven gets a link; nothing mailed lifts a deactivation."""
        if user.state == "deactivated":
            return None
        to = user.email
        if queued.mail.user_id is not None and queued.mail.to == user.pending_email:
            to = user.pending_email
        elif user.email_confirmed or (queued.mail.to != user.email and queued.mail.user_id is not None):
            return None
        return self._with_link(
            queued, user, to, "activation", self.policy.activation_url, self.policy.activation_timeout
        )

    def _reset(self, queued: QueuedMail, user: User, purpose: LinkPurpose, template: str) -> Letter | None:
        if not user.is_active:
            return None
        return self._with_link(queued, user, user.email, purpose, template, self.policy.reset_timeout)

    def _with_link(
        self, queued: QueuedMail, user: User, to: str, purpose: LinkPurpose, template: str, lifetime: float
    ) -> Letter:
        link = links.make_link(purpose, user, to, self.clock.now(), self.link_signer)
        path = template.replace("{uid}", link.uid).replace("{token}", link.token)
        return self._letter(queued, user, to=to, link=f"{self.policy.frontend_url}/{path}", lifetime=lifetime)

    def _letter(
        self, queued: QueuedMail, user: User, *, to: str, link: str | None = None, lifetime: float = 0.0
    ) -> Letter:
        mail: Mail = queued.mail
        return Letter(
            message_id=queued.message_id,
            kind=mail.kind,
            to=to,
            # Where people sign in by address, that is the name they are told.
            username=user.username if self.policy.login_field == "username" else None,
            email=user.email,
            link=link,
            link_lifetime=lifetime,
            address=mail.address,
            agent=mail.agent,
            at=mail.at,
            language=self._language(user, mail),
        )

    def _language(self, user: User, mail: Mail) -> str:
        """Return what the person chose, else what whoever asked wished for, else what the operator chose."""
        known = (each for each in (user.language, mail.language) if each in self.policy.languages)
        return next(known, self.policy.language)
