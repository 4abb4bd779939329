"""Limits: how often a thing may be tried that invites guessing or flooding, and by whom it is counted.

An attempt counts whatever comes of it, and success gives nothing back: otherwise whoever has an account of their own
could wipe out, by signing in to it, what they failed elsewhere. Refreshing, verifying and revoking tokens is not
counted: 128 bits are not guessed, and counting would put a write on a road that has none.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from auth_service.domain import names
from auth_service.domain.model import Client, User
from auth_service.domain.policy import HOUR, MINUTE
from auth_service.domain.ports.throttle import Counter

_KNOWN_CLIENTS = 1_024


class Limit(NamedTuple):
    """So many attempts in a window of so many seconds, for each of those it is about."""

    about: str
    most: int
    window: float

    def of(self, *whom: str) -> Counter:
        """Return the counter of one of them; of several words only the last may be anything."""
        return Counter(" ".join((self.about, *whom)), self.most, self.window)


SIGN_IN_OF_ACCOUNT_BY_CLIENT = Limit("sign-in of account by client", 10, MINUTE)
# Less than an account bears: one stranger alone, however patient, cannot use up what is left for its owner elsewhere.
SIGN_IN_OF_ACCOUNT_BY_CLIENT_FOR_LONG = Limit("sign-in of account by client for long", 60, 15 * MINUTE)
SIGN_IN_BY_CLIENT = Limit("sign-in by client", 60, MINUTE)
# NIST SP 800-63B-4, 3.2.2: no more than 100 failures in a row.
SIGN_IN_OF_ACCOUNT = Limit("sign-in of account", 90, 15 * MINUTE)
MAIL_BY_CLIENT = Limit("mail by client", 30, HOUR)
MAIL_TO_RECIPIENT = Limit("mail to recipient", 5, HOUR)
REGISTRATION_BY_CLIENT = Limit("registration by client", 60, HOUR)


def sign_in(user: User | None, name: str, client: Client) -> Sequence[Counter]:
    """Return what trying a password counts for: whether to sign in, or to prove who is calling."""
    account = _account(user, name)
    by = _whereabouts(client.address)
    here = (
        SIGN_IN_BY_CLIENT.of(by),
        SIGN_IN_OF_ACCOUNT_BY_CLIENT.of(by, account),
        SIGN_IN_OF_ACCOUNT_BY_CLIENT_FOR_LONG.of(by, account),
    )
    return (*(here if by else ()), SIGN_IN_OF_ACCOUNT.of(account))


def mail_to(email: str, client: Client) -> Sequence[Counter]:
    """Return what asking for a mail counts for: the address alone decides, never whether somebody has it."""
    by = _whereabouts(client.address)
    recipient = MAIL_TO_RECIPIENT.of(names.email_key(email) or email)
    return (MAIL_BY_CLIENT.of(by), recipient) if by else (recipient,)


def registration(client: Client) -> Sequence[Counter]:
    """Return what registering counts for."""
    by = _whereabouts(client.address)
    return (REGISTRATION_BY_CLIENT.of(by),) if by else ()


def _account(user: User | None, name: str) -> str:
    """Return one word for an account, by whichever of its names; and for nobody's name, in whichever spelling."""
    if user is not None:
        return f"id:{user.id}"
    typed = name.strip()
    return f"name:{names.email_key(typed) or names.username_key(typed)}"


@lru_cache(_KNOWN_CLIENTS)
def _whereabouts(address: str) -> str:
    """Return what counts as one client: of IPv6 the first half, for the other half is anybody's to choose.

    Empty where there is no address, as behind a Unix socket: then there is nobody to count.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or f"{int(ip) >> 64:x}::/64")
