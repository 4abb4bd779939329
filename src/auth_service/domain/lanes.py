"""Lanes: which mails must not overtake each other."""

import hashlib
from typing import Final

from auth_service.domain import names
from auth_service.domain.model import Mail, MailKind

_WITH_LINK: Final[frozenset[MailKind]] = frozenset({"activation", "password_reset", "username_reset"})
_DIGITS = 32


def lane_of(mail: Mail) -> str:
    """Return the lane a mail goes in, or nothing for a notice, which is a fact and never out of date.

    Mails with a link share a lane where kind and recipient are the same, whatever the spelling. Whether anybody has
    that address is not looked at: who waits in a lane tells nobody who has an account. A mail for a certain account has
    a lane of its own, so that no stranger who claims its new address can make its link give way to theirs.
    """
    if mail.kind not in _WITH_LINK:
        return ""
    to = names.email_key(mail.to) or mail.to
    whose = "" if mail.user_id is None else str(mail.user_id)
    return hashlib.sha256(f"{mail.kind}\n{whose}\n{to}".encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
