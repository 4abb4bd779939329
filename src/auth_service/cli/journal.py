"""`auth-service journal`: what happened, and whether the record of it is whole."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from auth_service.cli.terminal import given_settings, plain, quiet, readable, refuse, told
from auth_service.domain.core import Core

if TYPE_CHECKING:
    from auth_service.adapters.sql.journal_reading import JournalReader, Search

_LOOK_EVERY: Final = 1.0
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _moment(_: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return a moment given as a time ago (2h) or as a date and time in UTC."""
    if text is None:
        return None
    ago = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    try:
        if ago:
            return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise click.BadParameter(
            "it takes a time ago as 90s, 30m, 2h or 7d, or a date as 2030-01-31 or 2030-01-31T12:00.", param=option
        ) from None


class _Default(click.Group):
    """Prints the journal where no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Default)
def journal() -> None:
    """See what happened, and whether the record of it is whole. Without a command, the newest records are listed."""


@journal.command("list", epilog="Example: auth-service journal list --user ann --since 2h")
@click.option("--user", "who", metavar="WHO", callback=readable, help="Only of this account: an id, address or name.")
@click.option("--what", callback=readable, help="Only of this kind, as sign_in_refused.")
@click.option("--since", metavar="WHEN", callback=_moment, help="Only from then on: 2h (ago), or 2030-01-31T12:00.")
@click.option("--last", "most", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="How many.")
@click.option("--follow", is_flag=True, help="Go on with what happens from now on, until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
def list_records(
    *, who: str | None, what: str | None, since: float | None, most: int, follow: bool, as_json: bool
) -> None:
    """Print records, the newest last."""

    async def listed(reader: "JournalReader", core: Core) -> None:
        from auth_service.adapters.sql.journal_reading import Search  # noqa: PLC0415 - it loads the database

        search = Search(user_id=None if who is None else await _user_id(core, who), what=what, since=since)
        found = await reader.last(search, most)
        _print(found, as_json=as_json)
        if follow:
            await _follow(reader, search, found[-1].id if found else 0, as_json=as_json)

    _with_records(listed, who or "")


@journal.command(epilog="Example: auth-service journal verify || echo 'somebody was here'")
@click.option("--from", "start", metavar="ID", default=0, type=click.IntRange(0), help="Look from this record on only.")
def verify(*, start: int) -> None:
    """Check that no record was changed, removed, put in or moved; exit code 1 where one was.

    The count and the seal of the last record are printed: kept elsewhere, they show later whether all of it was rolled
    back to an earlier day.
    """

    async def verified(reader: "JournalReader", _core: Core) -> None:
        from auth_service.adapters.sql.journal_reading import Whole  # noqa: PLC0415 - it loads the database

        outcome = await reader.verify(start=start)
        if isinstance(outcome, Whole):
            end = f"The last is {outcome.last_id}, sealed {outcome.last_mac}." if outcome.last_id else "None was made."
            click.echo(f"The journal is whole: {outcome.count} records. {end}")
        else:
            refuse([f"The journal is not whole. Record {outcome.id} does not fit: {plain(outcome.why)}."])

    _with_records(verified)


async def _user_id(core: Core, who: str) -> int:
    """Return an id: what somebody did outlives their account, so a number need not be anybody's today."""
    return (
        int(who) if who.isascii() and who.isdigit() and len(who) < len(str(2**63)) else (await core.people.find(who)).id
    )


async def _follow(reader: "JournalReader", search: "Search", last_id: int, *, as_json: bool) -> None:
    while True:
        found = await reader.after(search, last_id)
        _print(found, as_json=as_json)
        if found:
            last_id = found[-1].id
        else:
            await asyncio.sleep(_LOOK_EVERY)


def _with_records(do: Callable[["JournalReader", Core], Awaitable[None]], who: str = "") -> None:
    settings = given_settings()
    with told(who) as wiring:
        quiet()

        async def done() -> None:
            async with wiring.open_records(settings) as (reader, core):
                await do(reader, core)

        try:
            asyncio.run(done())
        except KeyboardInterrupt:
            # That is how following ends.
            return


def _print(records: Sequence[Any], *, as_json: bool) -> None:
    for record in records:
        facts = msgspec.structs.asdict(record)
        facts["at"] = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        click.echo(msgspec.json.encode(facts).decode() if as_json else _line(facts))


def _line(facts: dict[str, Any]) -> str:
    told = {"user": facts["user_id"], "session": facts["session_id"], "from": facts["address"], "why": facts["why"]}
    rest = [f"{name}={plain(str(value))}" for name, value in told.items() if value not in {None, ""}]
    agent = [f"with={plain(facts['agent'])}"] if facts["agent"] else []
    return "  ".join([str(facts["id"]), facts["at"], plain(facts["what"]), *rest, *agent])
