"""Secrets for tests, on the standard library alone: quick, repeatable, and nothing to guard people with."""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

import msgspec
from msgspec.structs import asdict

from auth_service.domain.errors import TokenRejected
from auth_service.domain.keys import NewKey
from auth_service.domain.model import Claims
from auth_service.domain.ports.surroundings import Chance


class UnfitHasher:
    """Hashes in no time, so guessing costs nothing: unfit for use, right for tests.

    `mark` stands for the parameters of a real hasher: a hash with another mark verifies and is outdated. `checks`
    counts verifications, so that a test can see that every refusal costs one.
    """

    def __init__(self, mark: str = "today") -> None:
        self.mark = mark
        self.checks = 0

    async def hash(self, password: str) -> str:
        """Return a hash; like a real one it lets others go first."""
        await asyncio.sleep(0)
        return f"unfit${self.mark}${_digest(password)}"

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Say whether the password fits the hash."""
        await asyncio.sleep(0)
        self.checks += 1
        form, _, rest = (password_hash or "").partition("$")
        return form == "unfit" and rest.rpartition("$")[2] == _digest(password)

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether a hash has another mark."""
        return not password_hash.startswith(f"unfit${self.mark}$")


class HmacLinkSigner:
    """Proves links with HMAC-SHA-256."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, message: str) -> str:
        """Return 128 bits of proof."""
        return _mac(self._key, message.encode("utf-8", "surrogatepass"))[:32]


class HmacTokenSigner:
    """Makes tokens of two parts, claims as JSON and an HMAC over them: what a JWT is, less its header."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, claims: Claims) -> str:
        """Return a signed token."""
        given = {name: claim for name, claim in asdict(claims).items() if claim is not None}
        body = urlsafe_b64encode(msgspec.json.encode(given)).decode()
        return f"{body}.{_mac(self._key, body.encode())}"

    def read(self, token: str) -> Claims:
        """Return what one of our tokens says."""
        body, _, proof = token.partition(".")
        if not token.isascii() or not hmac.compare_digest(proof, _mac(self._key, body.encode())):
            raise TokenRejected("invalid")
        try:
            return msgspec.json.decode(urlsafe_b64decode(body), type=Claims)
        except (NotBase64, msgspec.DecodeError):
            raise TokenRejected("invalid") from None

    async def learn(self, token: str) -> bool:  # noqa: ARG002 - there is nothing to learn
        """Say that no key has come: there is one, for good."""
        return False


class UnfitKeyMaker:
    """Makes keys that are names and nothing else; those of another `house` do not open."""

    def __init__(self, chance: Chance, house: str = "ours") -> None:
        self._chance = chance
        self._house = house

    def make(self, algorithm: str) -> NewKey:
        """Return a key by a name that was not given before."""
        kid = self._chance.hex(8)
        return NewKey(kid=kid, algorithm=algorithm, public=f"public {kid}", sealed=f"{self._house} {kid}")

    def opens(self, key: NewKey) -> bool:
        """Say whether it was made here."""
        return key.sealed == f"{self._house} {key.kid}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _mac(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, hashlib.sha256).hexdigest()
