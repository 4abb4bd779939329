"""People who use the service whatever happens to it, and who remember what it acknowledged to them."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import Answer, json_request, request_bytes
from tests.integration.wire.serving import Link

from .postbox import Postbox

Ask = Callable[[bytes], Awaitable[Answer | None]]
_STEPS = 25


@dataclass
class Ledger:
    """What the whole crowd saw."""

    postbox: Postbox
    chance: random.Random
    acknowledged: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Life:
    """One person. After each answer they know how they stand; without one they find out before they go on."""

    def __init__(self, ledger: Ledger) -> None:
        self.person: Person = newcomer()
        self.has_account = False
        self.is_active = False
        self.good: list[str] = []
        self.ended: list[str] = []
        self.resets_asked = 0
        self.resets_owed = 0
        self.past_passwords: list[str] = []
        self._ledger = ledger
        self._next: Callable[[Ask], Awaitable[None]] = self._register
        self._tried = 0
        self._steps = 0
        self._hoped = ""
        self._survives = ""
        self._known: set[str] = set()

    async def step(self, ask: Ask) -> None:
        """Do what comes next."""
        self._steps += 1
        await self._next(ask)

    @property
    def is_ready(self) -> bool:
        """Is there something to do, or is it a mail that comes next?"""
        if self._next == self._activate:
            return bool(self._links("activate"))
        return self._next != self._confirm_reset or bool(self._new_links())

    @property
    def is_settled(self) -> bool:
        """Do they know how they stand, with no mail outstanding?"""
        return self._next == self._live

    @property
    def is_over(self) -> bool:
        """Have they done enough?"""
        return self.is_settled and self._steps >= _STEPS

    def __repr__(self) -> str:
        return f"{self.person.username} at {self._next.__name__}"

    async def _register(self, ask: Ask) -> None:
        self._tried += 1
        answer = await ask(json_request("POST", "/auth/users/", self.person.sign_up))
        if answer is None:
            return
        if answer.status == 201:
            self._ledger.acknowledged["registration"] += 1
        elif self._tried == 1 or answer.status != 400 or answer.json().keys() != {"username", "email"}:
            # A name may be taken by what was not acknowledged; then so is the address, or the account is half made.
            self._fault("registration", answer)
        self.has_account = True
        self._go_on(self._activate)

    async def _activate(self, ask: Ask) -> None:
        self._tried += 1
        (link, *_) = self._links("activate").values()
        answer = await ask(json_request("POST", "/auth/users/activation/", link.halves))
        if answer is None:
            return
        if answer.status == 204:
            self._ledger.acknowledged["activation"] += 1
        elif self._tried == 1 or answer.status != 403:
            self._fault("activation", answer)
        self.is_active = True
        self._go_on(self._live)

    async def _live(self, ask: Ask) -> None:
        await self._ledger.chance.choices([self._sign_in, self._change, self._ask_reset], [8, 2, 1])[0](ask)

    async def _sign_in(self, ask: Ask) -> None:
        answer = await ask(json_request("POST", "/auth/jwt/create/", self.person.sign_in))
        if answer is None:
            return
        if answer.status == 200:
            self._ledger.acknowledged["sign-in"] += 1
            self.good.append(answer.json()["access"])
        else:
            self._fault("sign-in", answer)

    async def _change(self, ask: Ask) -> None:
        if not self.good:
            await self._sign_in(ask)
            return
        self._survives = self._ledger.chance.choice(self.good)
        self._hope()
        body = {"current_password": self.person.password, "new_password": self._hoped}
        answer = await ask(json_request("POST", "/auth/users/set_password/", body, auth=f"Bearer {self._survives}"))
        if answer is None:
            self._go_on(self._find_out)
        elif answer.status == 204:
            self._ledger.acknowledged["password change"] += 1
            self._changed()
        else:
            self._fault("password change", answer)

    async def _ask_reset(self, ask: Ask) -> None:
        self._known = set(self._links("password-reset"))
        self.resets_asked += 1
        answer = await ask(json_request("POST", "/auth/users/reset_password/", {"email": self.person.email}))
        if answer is None:
            return
        if answer.status == 204:
            self._ledger.acknowledged["reset asked"] += 1
            self.resets_owed += 1
            self._go_on(self._confirm_reset)
        else:
            self._fault("reset asked", answer)

    async def _confirm_reset(self, ask: Ask) -> None:
        name = self._new_links()[-1]
        self._known.add(name)
        self._survives = ""
        self._hope()
        halves = self._links("password-reset")[name].halves
        body = {**halves, "new_password": self._hoped}
        answer = await ask(json_request("POST", "/auth/users/reset_password_confirm/", body))
        if answer is None:
            self._go_on(self._find_out)
        elif answer.status == 204:
            self._ledger.acknowledged["reset"] += 1
            self._changed()
        elif answer.status != 400 or len(self._known) >= self.resets_asked:
            # The last link there can be must open; one that was overtaken by a later reset need not.
            self._fault("reset", answer)

    async def _find_out(self, ask: Ask) -> None:
        """Nobody said whether the password was changed: it is the one or the other, with all that belongs to it."""
        answer = await ask(json_request("POST", "/auth/jwt/create/", self.person.with_password(self._hoped).sign_in))
        if answer is None:
            return
        if answer.status == 200:
            self._changed()
            self.good.append(answer.json()["access"])
        else:
            self.past_passwords.append(self._hoped)
            self._go_on(self._live)

    def _hope(self) -> None:
        self._hoped = f"vK8-{self._ledger.chance.getrandbits(64):x}"

    def _changed(self) -> None:
        """Take the new password for the one that holds; of the sessions, the one that changed it goes on."""
        self.past_passwords.append(self.person.password)
        self.person = self.person.with_password(self._hoped)
        self.ended += [token for token in self.good if token != self._survives]
        self.good = [token for token in self.good if token == self._survives]
        self._go_on(self._live)

    def _go_on(self, step: Callable[[Ask], Awaitable[None]]) -> None:
        self._next = step
        self._tried = 0

    def _links(self, page: str) -> dict[str, Link]:
        return self._ledger.postbox.links(self.person.email, page)

    def _new_links(self) -> list[str]:
        return [name for name in self._links("password-reset") if name not in self._known]

    def _fault(self, what: str, answer: Answer) -> None:
        self._ledger.faults.append(f"{self.person.username}: {what}: {answer.status} {answer.body[:200]!r}")
        self._go_on(self._live)


async def audit(life: Life, ask: Ask) -> list[str]:
    """Return what was acknowledged to somebody and does not hold."""

    async def signs_in(password: str) -> int:
        answer = await ask(json_request("POST", "/auth/jwt/create/", life.person.with_password(password).sign_in))
        return 0 if answer is None else answer.status

    async def is_good(access: str) -> int:
        answer = await ask(request_bytes("GET", "/auth/users/me/", auth=f"Bearer {access}"))
        return 0 if answer is None else answer.status

    name = life.person.username
    found = [(f"{name} signs in", 200 if life.is_active else 401, await signs_in(life.person.password))]
    found += [(f"{name} signs in by what is gone", 401, await signs_in(each)) for each in life.past_passwords[-2:]]
    found += [(f"{name} is signed in", 200, await is_good(token)) for token in life.good]
    found += [(f"{name} was signed out", 401, await is_good(token)) for token in life.ended]
    return [f"{what}: {status} instead of {right}" for what, right, status in found if status != right]
