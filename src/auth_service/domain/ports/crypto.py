"""Secrets: hashing passwords, signing tokens and links, making things nobody can guess."""

from typing import Protocol

from auth_service.domain.model import Claims


class PasswordHasher(Protocol):
    """Turns passwords into hashes that are slow to guess, off the event loop and with bounded memory."""

    async def hash(self, password: str) -> str:
        """Return a new hash. Raises `Busy` where too many are waiting."""
        ...

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Say whether the password fits the hash. With None it costs the same time and is never right.

        Text that is no hash of a known form fits nothing. Raises `Busy` where too many are waiting.
        """
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether a hash was made otherwise than `hash` makes them today."""
        ...


class TokenSigner(Protocol):
    """Makes tokens that others can check, and reads those that were made with our keys."""

    def sign(self, claims: Claims) -> str:
        """Return a signed token with these claims; those that are None are left out."""
        ...

    def read(self, token: str) -> Claims:
        """Return what a token says if the signature is ours, whatever it says.

        Raises `TokenRejected("invalid")` for anything else: other keys, other algorithms, text that is no token.
        """
        ...

    async def learn(self, token: str) -> bool:
        """Look whether a refused token is signed with a key of ours that has come since; say whether to read it again.

        Whatever a stranger sends causes little work.
        """
        ...


class LinkSigner(Protocol):
    """Proves that a link is ours."""

    def sign(self, message: str) -> str:
        """Return 128 bits of proof as 32 hexadecimal digits: the same for one message, unguessable without the key."""
        ...
