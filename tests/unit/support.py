"""People and their doings, in the words the tests use."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.domain.errors import InvalidInput, LinkPart, LinkRejected, Problem, Refusal, TokenFault, TokenRejected
from auth_service.domain.links import make_link
from auth_service.domain.model import Caller, Claims, Client, Letter, LinkPurpose, MailKind, TokenPair, User
from auth_service.domain.policy import Policy
from auth_service.domain.registration import SignUp

PASSWORD = "correct horse battery"
ANOTHER = "quite another staple"
LAPTOP = Client("192.0.2.1", "laptop")
PHONE = Client("2001:db8::2", "phone")
COMMON = frozenset({"password1", "12345"})


class LinkHalves(NamedTuple):
    """What stands in a mailed link."""

    uid: str
    token: str


def house(**choices: Any) -> MemoryCore:  # noqa: ANN401 - any choice of the policy
    """Build a service whose operator chose this."""
    return memory_core(Policy(**choices), common_passwords=COMMON)


async def make(core: MemoryCore, name: str = "ann", *, staff: bool = False) -> User:
    """Make an account that is active and whose address is proven."""
    return await core.people.create(username=name, email=f"{name}@example.org", password=PASSWORD, staff=staff)


async def register(core: MemoryCore, name: str = "ann") -> User:
    """Register as a newcomer does."""
    new = SignUp(username=name, email=f"{name}@example.org", password=PASSWORD)
    return await core.registration.register(new, LAPTOP)


async def now(core: MemoryCore, user: User) -> User:
    """Return an account as it is stored."""
    stored = await core.users.by_id(user.id)
    assert stored is not None
    return stored


async def put(core: MemoryCore, user: User, **changes: Any) -> User:  # noqa: ANN401 - as `replace` has it
    """Store an account in another condition."""
    work = core.store.begin()
    work.users.save(replace(await now(core, user), **changes))
    await work.commit()
    return await now(core, user)


async def sign_in(core: MemoryCore, name: str = "ann", password: str = PASSWORD, client: Client = LAPTOP) -> TokenPair:
    """Sign in and get a pair of tokens."""
    return await core.tokens.issue(name, password, client)


async def calling(core: MemoryCore, name: str = "ann", client: Client = LAPTOP) -> Caller:
    """Sign in and be the caller."""
    return await core.tokens.identify((await sign_in(core, name, client=client)).access)


def foreign(core: MemoryCore, user: User, **changes: Any) -> str:  # noqa: ANN401 - claims may be anything
    """Return an access token that somebody else minted with our key: it knows of no session."""
    minted = int(core.clock.now())
    claims = Claims(token_type="access", exp=minted + 9_000, iat=minted, jti="f" * 32, user_id=str(user.id))
    return core.signer.sign(replace(claims, **changes))


def fresh_link(core: MemoryCore, purpose: LinkPurpose, user: User, address: str | None = None) -> LinkHalves:
    """Make a link as the postman would, for the account as given."""
    link = make_link(purpose, user, address or user.email, core.clock.now(), core.link_signer)
    return LinkHalves(link.uid, link.token)


def link_in(letter: Letter) -> LinkHalves:
    """Return the halves of the link in a letter."""
    assert letter.link is not None
    return LinkHalves(*letter.link.split("/")[-2:])


async def mailed_link(core: MemoryCore, kind: MailKind) -> LinkHalves:
    """Do the postman's round, which must bring one letter of this kind, and return the link in it."""
    (letter,) = [letter for letter in await core.deliver() if letter.kind == kind]
    return link_in(letter)


async def delivered(core: MemoryCore) -> list[tuple[MailKind, str]]:
    """Do the postman's round and return what went to whom."""
    return [(letter.kind, letter.to) for letter in await core.deliver()]


async def problems_of(doing: Awaitable[object]) -> Sequence[Problem]:
    """Return what is wrong with what was typed; it must be refused for that."""
    with pytest.raises(InvalidInput) as refusal:
        await doing
    return list(refusal.value.problems)


async def link_refused(doing: Awaitable[object]) -> LinkPart:
    """Return which half of a link is to blame; it must be refused."""
    with pytest.raises(LinkRejected) as refusal:
        await doing
    return refusal.value.part


async def rejected(doing: Awaitable[object]) -> TokenFault:
    """Return why a token is rejected; it must be."""
    with pytest.raises(TokenRejected) as refusal:
        await doing
    return refusal.value.reason


async def at_once(doing: Callable[[int], Awaitable[object]], crowd: int = 20) -> Counter[str]:
    """Let many do it at the same time. Return how often each outcome came."""

    async def one(number: int) -> str:
        try:
            await doing(number)
        except Refusal as refusal:
            return type(refusal).__name__
        return "done"

    return Counter(await asyncio.gather(*(one(number) for number in range(crowd))))
