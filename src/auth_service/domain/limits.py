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
    """So many attempts in a window of so many seconds, for each of those it is about; see `Counter` for the rest."""

    about: str
    most: int
    window: float
    free: int = 0
    pause: float = 0.0

    def of(self, *whom: str) -> Counter:
        """Return the counter of one of them; of several words only the last may be anything."""
        return Counter(" ".join((self.about, *whom)), self.most, self.window, self.free, self.pause)


SIGN_IN_BY_CLIENT = Limit("sign-in by client", 60, MINUTE)
# Ten at once, then a pause that grows from a quarter of a minute to a quarter of an hour.
SIGN_IN_OF_ACCOUNT_BY_CLIENT = Limit("sign-in of account by client", 30, HOUR, free=10, pause=15.0)
# NIST SP 800-63B-4, 3.2.2: no more than 100 failures in a row. Most of them are anybody's, from wherever they come; the
# others are kept for places where the account signed in before, and no stranger can use those up.
SIGN_IN_OF_ACCOUNT_BY_STRANGERS = Limit("sign-in of account by strangers", 60, HOUR, free=40, pause=1.0)
SIGN_IN_OF_ACCOUNT_AT_PLACE = Limit("sign-in of account at familiar place", 10, MINUTE)
SIGN_IN_OF_ACCOUNT_AT_FAMILIAR_PLACES = Limit("sign-in of account at familiar places", 40, 15 * MINUTE)
MAIL_BY_CLIENT = Limit("mail by client", 30, HOUR)
MAIL_TO_RECIPIENT = Limit("mail to recipient", 5, HOUR)
REGISTRATION_BY_CLIENT = Limit("registration by client", 60, HOUR)
NAMING_BY_CLIENT = Limit("naming by client", 60, HOUR)
NAMING_BY_ACCOUNT = Limit("naming by account", 30, HOUR)


def sign_in(user: User | None, name: str, client: Client, *, familiar: str = "") -> Sequence[Counter]:
    """Return what trying a password counts for: whether to sign in, or to prove who is calling.

    `familiar` is the key of the place, if this account signed in there before.
    """
    account = _account(user, name)
    if familiar:
        return (
            SIGN_IN_OF_ACCOUNT_AT_PLACE.of(familiar),
            SIGN_IN_OF_ACCOUNT_AT_FAMILIAR_PLACES.of(account),
        )
    by = whereabouts(client.address)
    here = (SIGN_IN_BY_CLIENT.of(by), SIGN_IN_OF_ACCOUNT_BY_CLIENT.of(by, account))
    return (*(here if by else ()), SIGN_IN_OF_ACCOUNT_BY_STRANGERS.of(account))


def mail_to(email: str, client: Client) -> Sequence[Counter]:
    """Return what asking for a mail counts for: the address alone decides, never whether somebody has it."""
    by = whereabouts(client.address)
    recipient = MAIL_TO_RECIPIENT.of(names.email_key(email) or email)
    return (MAIL_BY_CLIENT.of(by), recipient) if by else (recipient,)


def registration(client: Client) -> Sequence[Counter]:
    """Return what registering counts for."""
    by = whereabouts(client.address)
    return (REGISTRATION_BY_CLIENT.of(by),) if by else ()


def naming(user: User | None, client: Client) -> Sequence[Counter]:
    """Return what asking whether a name or an address is free counts for, by somebody who has an account or nobody."""
    by = whereabouts(client.address)
    return (
        *((NAMING_BY_CLIENT.of(by),) if by else ()),
        *((NAMING_BY_ACCOUNT.of(str(user.id)),) if user else ()),
    )


def _account(user: User | None, name: str) -> str:
    """Return one word for an account, by whichever of its names; and for nobody's name, in whichever spelling."""
    if user is not None:
        return f"id:{user.id}"
    typed = name.strip()
    return f"name:{names.email_key(typed) or names.username_key(typed)}"


@lru_cache(_KNOWN_CLIENTS)
def whereabouts(address: str) -> str:
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
