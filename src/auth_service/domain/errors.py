"""Every way the domain can refuse, as facts: never a status, never wording.

Refusal
├── InvalidInput            some fields are at fault; names each with its problem
│   └── AlreadyTaken        the only fault is that a name or an address belongs to somebody else
├── BadCredentials          nobody signs in with this name and this password
├── LinkRejected            a mailed link is wrong, foreign, expired or replaced by a newer fact
├── LinkSpent               a mailed link has already done what it was for
├── TokenRejected           a token proves nothing here and now; says why
├── NotSignedIn             this needs a caller and there is none
├── NotAllowed              the caller is known, and may not; says why
├── NotFound                there is no such thing, or none the caller may know of
├── ActivationOff           addresses are not confirmed in this installation
├── TooManyAttempts         slow down; says for how long
└── Busy                    the service cannot do this now; says when to try again

Conflict                    somebody else changed the same thing first; never leaves the domain
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

LinkPart = Literal["uid", "token"]
LinkFault = Literal["wrong", "expired", "spent"]
Objection = Literal["not_theirs", "oneself", "not_active", "nothing_to_confirm"]
TokenFault = Literal[
    "invalid",
    "expired",
    "wrong_type",
    "no_expiry",
    "no_id",
    "no_type",
    "no_user",
    "revoked",
    "user_unknown",
    "user_inactive",
    "opaque_unknown",
    "opaque_inactive",
]


class Problem(Struct, frozen=True):
    """One fault of one field: which field, what is wrong, and the figure or field it is measured against."""

    field: str
    code: str
    about: str = ""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of the domain, not an error in it
    """The domain says no."""


class InvalidInput(Refusal):
    """One or more fields are at fault; all that are known are named together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


class AlreadyTaken(InvalidInput):
    """Every fault is a name or an address that belongs to somebody else."""


class BadCredentials(Refusal):
    """Unknown, inactive and wrong are one answer, so that nobody learns who has an account."""


class LinkRejected(Refusal):
    """The link cannot be honoured; `part` says which half of it is to blame, `why` what we know of it.

    Only a link that we made is told to be expired or spent: whoever makes one up learns nothing.
    """

    def __init__(self, part: LinkPart, why: LinkFault = "wrong") -> None:
        super().__init__(part, why)
        self.part: LinkPart = part
        self.why: LinkFault = why


class LinkSpent(Refusal):
    """The link was good and has been used: what it was for is done."""


class TokenRejected(Refusal):
    """The token is refused, for the reason given."""

    def __init__(self, reason: TokenFault) -> None:
        super().__init__(reason)
        self.reason: TokenFault = reason


class NotSignedIn(Refusal):
    """No credentials came with the request."""


class NotAllowed(Refusal):
    """The caller may see that this exists, and may not do it, for the reason given."""

    def __init__(self, reason: Objection = "not_theirs") -> None:
        super().__init__(reason)
        self.reason: Objection = reason


class NotFound(Refusal):
    """There is nothing here for this caller; `certain` where they may know that there is nothing for anybody."""

    def __init__(self, *, certain: bool = False) -> None:
        super().__init__(certain)
        self.certain = certain


class UnknownAddress(Refusal):
    """Nobody active has this address."""


class ActivationOff(Refusal):
    """This installation does not ask people to confirm their address."""


class TooManyAttempts(Refusal):
    """Refused before any work was done; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Busy(Refusal):
    """The work was not begun because the service is at its limit; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Conflict(Exception):  # noqa: N818 - see `settles_races`: it is a reason to look again
    """The row a write was decided on has changed meanwhile; nothing of the unit of work was written."""


def refuse_if(problems: Sequence[Problem]) -> None:
    """Raise what the problems amount to, if there are any."""
    if problems:
        taken = all(problem.code == "taken" for problem in problems)
        raise AlreadyTaken(problems) if taken else InvalidInput(problems)
