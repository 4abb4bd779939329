"""Outcomes: what the journal is told where the answer is no."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from auth_service.domain.errors import (
    InvalidInput,
    LinkRejected,
    LinkSpent,
    NotAllowed,
    NotFound,
    Refusal,
    TokenRejected,
    TooManyAttempts,
    UnknownAddress,
)
from auth_service.domain.model import Client, Fact
from auth_service.domain.ports.surroundings import Journal

TOO_MANY: Final = "too many attempts"
_REASONS: Final[Mapping[type[Refusal], str]] = {
    TooManyAttempts: TOO_MANY,
    LinkSpent: "link used before",
    UnknownAddress: "unknown address",
    NotFound: "not theirs",
}


@contextmanager
def refusals_noted(
    journal: Journal, what: str, client: Client, *, user_id: int | None = None, session_id: str | None = None
) -> Iterator[None]:
    """Note a refusal that comes out of here, with its reason. Such come for free, so those alike count as one."""
    try:
        yield
    except Refusal as refusal:
        note_refusal(journal, what, client, refusal, user_id=user_id, session_id=session_id)
        raise


def note_refusal(
    journal: Journal,
    what: str,
    client: Client,
    refusal: Refusal,
    *,
    user_id: int | None = None,
    session_id: str | None = None,
) -> None:
    """Note a refusal, if it is an outcome."""
    why = reason(refusal)
    if why:
        journal.note(
            Fact(
                what=what,
                user_id=user_id,
                session_id=session_id,
                address=client.address,
                agent=client.agent,
                why=why,
                keep="alike_once",
            )
        )


def reason(refusal: Refusal) -> str:
    """Say why, in our words and never in those that were typed; nothing where it is a slip and no outcome.

    A wrong password is noted where it is looked at. Of what was filled in wrongly only a name that is taken counts:
    whoever asks for many learns who is here.
    """
    match refusal:
        case InvalidInput(problems=problems):
            codes = {problem.code for problem in problems}
            taken = [problem.field for problem in problems if problem.code == "taken"]
            return f"taken: {', '.join(taken)}" if taken and "wrong_password" not in codes else ""
        case LinkRejected(part=part):
            return f"no good link: {part}"
        case TokenRejected(reason=fault):
            return f"token {fault.replace('_', ' ')}"
        case NotAllowed(reason=objection):
            return objection.replace("_", " ")
        case NotFound(certain=True):
            return ""
        case _:
            return _REASONS.get(type(refusal), "")
