"""Mailed links: how they are made and judged.

A link is `uid` (base64url of the account's id) and `token` (the time in base 36, a dash, 128 bits of HMAC). The HMAC
covers the purpose, the account, its stamp, the address it was mailed to and the time: so it works for one purpose and
one account, and dies when the password or the address changes. Nothing of it is stored.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import Literal

from auth_service.domain.model import Link, LinkPurpose, User
from auth_service.domain.ports.crypto import LinkSigner

Verdict = Literal["genuine", "expired", "wrong"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST_TIME = 12
_LONGEST_UID = 40
_HIGHEST_ID = 2**63 - 1


def make_link(purpose: LinkPurpose, user: User, address: str, now: float, signer: LinkSigner) -> Link:
    """Return a fresh link for one purpose, good for the account as it is now."""
    when = _base36(int(now))
    return Link(encode_uid(user.id), f"{when}-{_proof(purpose, user, address, when, signer)}")


def judge_link(
    purpose: LinkPurpose, user: User, address: str, token: str, signer: LinkSigner, *, now: float, lifetime: float
) -> Verdict:
    """Say whether we made this token for this purpose, account and address, and not too long ago."""
    when, dash, proof = token.partition("-")
    made = _from_base36(when)
    if not dash or made is None or not proof.isascii():
        return "wrong"
    wanted = _proof(purpose, user, address, when, signer)
    if not hmac.compare_digest(wanted, proof) or now - made + 1 < 0:
        return "wrong"
    return "genuine" if now - made <= lifetime else "expired"


def fingerprint(purpose: LinkPurpose, token: str) -> str:
    """Return what is kept of a used link: enough to know it again, useless to anybody else."""
    return hashlib.sha256(f"{purpose}\n{token}".encode("utf-8", "surrogatepass")).hexdigest()


def is_spent(purpose: LinkPurpose, user: User, token: str) -> bool:
    """Say whether this is the link that the account used last, and for this purpose."""
    return bool(user.used_link) and hmac.compare_digest(user.used_link, fingerprint(purpose, token))


def encode_uid(user_id: int) -> str:
    """Return the id as it stands in a link: `14` becomes `MTQ`."""
    return urlsafe_b64encode(str(user_id).encode()).rstrip(b"=").decode()


def decode_uid(uid: str) -> int | None:
    """Return the id in a link, or None where it is none."""
    if not uid.isascii() or len(uid) > _LONGEST_UID:
        return None
    try:
        digits = urlsafe_b64decode(uid + "=" * (-len(uid) % 4)).decode("ascii")
    except (NotBase64, UnicodeDecodeError, ValueError):
        return None
    # Only the spelling we would have written: ids have no second name.
    if not digits.isdigit() or int(digits) > _HIGHEST_ID or encode_uid(int(digits)) != uid:
        return None
    return int(digits)


def _proof(purpose: LinkPurpose, user: User, address: str, when: str, signer: LinkSigner) -> str:
    # An activation link outlives a sign-in: where people may sign in before they confirm, it would be dead otherwise.
    signed_in = "" if purpose == "activation" else repr(user.signed_in_at)
    return signer.sign("\n".join((purpose, str(user.id), user.stamp, signed_in, address, when)))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


def _from_base36(text: str) -> int | None:
    if not 0 < len(text) <= _LONGEST_TIME or any(digit not in _DIGITS for digit in text):
        return None
    return int(text, 36)
