"""`auth-service sessions`: sign-ins looked at and ended by an operator."""

from typing import Any, Final

import click

from auth_service.cli.terminal import (
    given_settings,
    in_words,
    named,
    plain,
    print_json,
    readable,
    refuse,
    when,
    with_core,
)
from auth_service.domain.core import Core
from auth_service.domain.errors import NotFound
from auth_service.domain.model import Session


def _readable_ids(context: click.Context, option: click.Parameter, ids: tuple[str, ...]) -> tuple[str, ...]:
    for each in ids:
        readable(context, option, each)
    return ids


@click.group()
def sessions() -> None:
    """See where people are signed in, and sign them out. WHO is an id, an address or a username."""


@sessions.command("list", epilog="Example: auth-service sessions list ann@example.org")
@click.argument("who", callback=readable)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_sessions(*, who: str, as_json: bool) -> None:
    """Print somebody's sign-ins, the newest first."""

    async def listed(core: Core) -> None:
        found = [_as_object(session) for session in await core.devices.of(await core.people.find(who))]
        if as_json:
            print_json(found)
            return
        rows = [list(_COLUMNS), *([in_words(facts[name]) for name in _COLUMNS.values()] for facts in found)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            click.echo("  ".join(map(str.ljust, row, widths)).rstrip())

    with_core(given_settings(), listed, who)


@sessions.command(epilog="Example: auth-service sessions revoke --user ann@example.org")
@click.argument("ids", metavar="[ID]...", nargs=-1, callback=_readable_ids)
@click.option("--user", "who", metavar="WHO", callback=readable, help="End all sign-ins of this account.")
@click.option("--all", "everybodys", is_flag=True, help="End all sign-ins of everybody.")
@click.option("--yes", is_flag=True, help="Do not ask before --all.")
def revoke(*, ids: tuple[str, ...], who: str | None, everybodys: bool, yes: bool) -> None:
    """End sign-ins at once: no token of them is good here any more.

    With --user or --all, tokens minted elsewhere with our key until now are no good either.
    """
    if sum((bool(ids), who is not None, everybodys)) != 1:
        raise click.UsageError("Name the sign-ins by their ID, or give --user or --all: one of the three.")
    settings = given_settings()
    if everybodys and not yes:
        click.confirm("Sign everybody out?", abort=True, err=True)

    async def revoked(core: Core) -> None:
        if ids:
            await _revoke_each(core, ids)
        elif who is not None:
            user = await core.devices.revoke_all_of((await core.people.find(who)).id)
            click.echo(f"Account {named(user)} is signed out everywhere.")
        else:
            await core.devices.revoke_everybodys()
            click.echo("Everybody is signed out.")

    with_core(settings, revoked, who or "")


async def _revoke_each(core: Core, ids: tuple[str, ...]) -> None:
    missing = []
    for session_id in ids:
        try:
            session = await core.devices.revoke(session_id)
        except NotFound:
            missing.append(f"There is no sign-in {plain(session_id)}.")
        else:
            click.echo(f"Sign-in {session.id} of account {session.user_id} is ended.")
    if missing:
        refuse(missing)


def _as_object(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "kind": session.kind,
        "created_at": when(session.created_at),
        "last_seen_at": when(session.last_seen_at),
        "expires_at": when(session.expires_at or 0),
        "address": session.address,
        "agent": session.agent,
    }


_COLUMNS: Final = {
    "id": "id",
    "kind": "kind",
    "signed in": "created_at",
    "last seen": "last_seen_at",
    "ends": "expires_at",
    "from": "address",
    "with": "agent",
}
