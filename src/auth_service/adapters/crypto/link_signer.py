"""Proof that a mailed link is ours: an HMAC under a key that serves nothing else."""

import hmac

_PURPOSE = b"auth-service: mailed links, 1"
_DIGITS = 32


class HmacLinkSigner:
    """Signs links under a key derived from the service's secret.

    The secret itself may also be the key of HS256 tokens, whose content a stranger partly chooses. Under a key of its
    own, no signature made for one can ever be a proof for the other.
    """

    __slots__ = ("_key",)

    def __init__(self, secret: str) -> None:
        if not secret:
            raise ValueError("links cannot be signed with an empty secret: anybody could make them")
        self._key = hmac.digest(secret.encode("utf-8", "surrogatepass"), _PURPOSE, "sha256")

    def sign(self, message: str) -> str:
        """Return 128 bits of proof as 32 hexadecimal digits."""
        return hmac.digest(self._key, message.encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGITS]
