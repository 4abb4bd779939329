"""What all commands share: the way they read settings, open the service, speak, and say no."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import click
import msgspec
import structlog

from auth_service.domain.core import Core
from auth_service.domain.errors import Busy, InvalidInput, NotFound, Problem, Refusal
from auth_service.domain.model import User
from auth_service.settings import Settings, SettingsError, present_settings

_FIELDS: Final = {"email": "address"}
_PROBLEMS: Final = {
    "username_characters": "The username may hold only letters and digits of any script, and @ . + - or _.",
    "email_form": "The address is none: it looks like name@example.org.",
    "taken": "The {field} belongs to another account.",
    "too_long": "The {field} is longer than {about} characters.",
    "password_similar": "The password is too similar to the {about}.",
    "password_short": "The password is shorter than {about} characters.",
    "password_common": "The password is one of the commonest there are.",
    "password_breached": "The password is known from thefts elsewhere.",
    "password_numeric": "The password is nothing but digits.",
}


class WrongSettings(click.ClickException):
    """The settings cannot be honoured: nothing was started."""

    exit_code = 2


def readable(_: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Refuse bytes that are no UTF-8: nobody is called that, and no database would take it."""
    if text is not None and not is_utf8(text):
        raise click.BadParameter("it is not UTF-8.", param=option)
    return text


def given_settings() -> Settings:
    """Return the settings of this process, or end with a sentence for each that cannot be honoured."""
    try:
        return present_settings()
    except SettingsError as error:
        raise WrongSettings(str(error)) from None


def with_core(settings: Settings, do: Callable[[Core], Awaitable[None]], who: str = "") -> None:
    """Open the service without serving, and do something in it; `who` is the account a refusal would speak of."""
    with told(who) as wiring:
        quiet()

        async def done() -> None:
            async with wiring.open_core(settings) as core:
                await do(core)

        asyncio.run(done())


def quiet() -> None:
    """Log errors only. What was done is said on the terminal: a line beside it would spoil the answer for scripts."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


@contextmanager
def told(who: str = "") -> Iterator[Any]:
    """Give what carries commands out, and turn every refusal into sentences for a terminal."""
    from auth_service import wiring  # noqa: PLC0415 - see the top

    try:
        yield wiring
    except wiring.StartError as error:
        refuse([str(error)])
    except Refusal as refusal:
        refuse(sentences(refusal, who))


def refuse(sentences: Sequence[str]) -> NoReturn:
    """End with exit code 1 and these sentences."""
    raise click.ClickException("\n".join(sentences)) from None


def sentences(refusal: Refusal, who: str) -> list[str]:
    """Say a refusal in sentences."""
    match refusal:
        case InvalidInput():
            return [_sentence(problem) for problem in refusal.problems]
        case NotFound():
            return [f"There is no account {plain(who)}." if who else "There is no such account."]
        case Busy():
            return [f"Too much is going on just now: try again in {refusal.retry_after:g} s."]
        case _:
            return [str(refusal) or f"This was refused ({type(refusal).__name__})."]


def _sentence(problem: Problem) -> str:
    text = _PROBLEMS.get(problem.code, f"The {{field}} cannot be taken ({problem.code}).")
    return text.format(field=_FIELDS.get(problem.field, problem.field), about=_FIELDS.get(problem.about, problem.about))


def is_utf8(text: str) -> bool:
    """Say whether text holds whole characters only."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain(text: str) -> str:
    """Return text that moves no cursor and turns no writing round, whatever people put into their address."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def named(user: User) -> str:
    """Return what an account is called on a terminal."""
    return f"{user.id} ({plain(user.username or user.email)})"


def when(seconds: float) -> str | None:
    """Return a time as programs and people both read it; None for none."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None


def in_words(value: object) -> str:
    """Return a value as it stands in a table."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return plain(str(value))


def print_table(rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns, the first of them a heading."""
    written = [[in_words(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    for row in written:
        click.echo("  ".join(map(str.ljust, row, widths)).rstrip())


def print_json(value: object) -> None:
    """Print a value for programs."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
