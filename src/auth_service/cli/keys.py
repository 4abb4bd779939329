"""`auth-service keys`: the keys that tokens are signed with, seen, exchanged and cast out by an operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import click

from auth_service.cli.terminal import (
    given_settings,
    plain,
    print_json,
    print_table,
    quiet,
    readable,
    refuse,
    told,
    when,
)
from auth_service.domain.errors import Conflict
from auth_service.settings import Settings

if TYPE_CHECKING:
    from auth_service.domain.keyring import Keyring
    from auth_service.domain.keys import Key, KeysStay

_REACHES: Final = "Running processes follow within a minute."
_COLUMNS: Final = ("kid", "algorithm", "state", "since", "good_until")


@click.group()
def keys() -> None:
    """See the keys that tokens are signed with, exchange them, or cast one out."""


@keys.command("list", epilog="Example: auth-service keys list --json | jq -r '.[] | select(.state == \"retired\").kid'")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_keys(*, as_json: bool) -> None:
    """Print the keys whose tokens are good: the one that signs, the next one, and those that are retired.

    Tokens of a retired key are good until they run out, at the latest until the time that is given.
    """
    settings = given_settings()

    async def listed(ring: "Keyring") -> None:
        found = [_as_object(key) for key in await ring.everything()]
        if as_json:
            print_json(found)
            return
        print_table([_COLUMNS, *([fact[name] for name in _COLUMNS] for fact in found)])
        if ring.outside is not None:
            click.echo(_whose(settings), err=True)

    _with_keyring(settings, listed)


@keys.command(epilog="Example: auth-service keys rotate")
@click.option("--now", is_flag=True, help="Do not wait until everybody can have the next key.")
def rotate(*, now: bool) -> None:
    """Let the next key sign, retire the one that did, and publish a fresh next one.

    Nobody is signed out: what the old key signed is good until it runs out.
    """
    settings = given_settings()

    async def rotated(ring: "Keyring") -> None:
        after = await ring.rotate(at_once=now)
        signing, upcoming, retired = after[0], after[1], after[2]
        click.echo(f"{signing.kid} signs from now on. {_REACHES}")
        click.echo(f"{retired.kid} is retired; what it signed is good until {_until(retired)} at the latest.")
        click.echo(f"{upcoming.kid} is published as the next one.")

    _with_keyring(settings, rotated)


@keys.command(epilog="Example: auth-service keys retire NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
@click.argument("kid", callback=readable)
def retire(*, kid: str) -> None:
    """Trust the key KID no more, for it has leaked: all that it signed is refused.

    Whoever holds tokens of it signs in again. The key that signs at the moment has to be rotated away first. A KID that
    begins with a dash is given after two: -- -KID.
    """
    settings = given_settings()

    async def retired(ring: "Keyring") -> None:
        was = await ring.retire(kid)
        done = "is dropped, and a fresh one is next" if was.state == "next" else "is trusted no more"
        click.echo(f"{was.kid} {done}. {_REACHES}")
        click.echo("Others that keep our public keys find out when they fetch them again: most within 5 minutes.")

    _with_keyring(settings, retired, kid)


def _with_keyring(settings: Settings, do: "Callable[[Keyring], Awaitable[None]]", kid: str = "") -> None:
    """Open the key ring and do something with it; nothing else of the service need be in order."""
    from auth_service.domain.keys import KeysStay  # noqa: PLC0415 - help must not wait for it

    async def done() -> None:
        async with wiring.open_keyring(settings) as ring:
            await do(ring)

    try:
        with told() as wiring:
            quiet()
            asyncio.run(done())
    except KeysStay as refusal:
        refuse([_said(refusal, settings, kid)])
    except Conflict:
        refuse(["The keys were changed by somebody else at this moment. See: auth-service keys list."])


def _said(refusal: "KeysStay", settings: Settings, kid: str) -> str:
    match refusal.why:
        case "kept_outside":
            return _whose(settings)
        case "too_fresh":
            return (
                "The next key is so fresh that others may not have fetched it yet; they would refuse what it signs."
                f" Wait until {when(refusal.until)}, or give --now if the key that signs has leaked."
            )
        case "no_next":
            return (
                "The next key cannot be used: it was sealed with another SECRET_KEY. Set that one again, or give --now"
                " to have new keys made; what the old one signed stays good."
            )
        case "current":
            return f"{plain(kid)} signs at the moment. First let another: auth-service keys rotate --now."
        case _:
            return f"There is no key {plain(kid)}. See: auth-service keys list."


def _whose(settings: Settings) -> str:
    if settings.jwt_algorithm == "HS256":
        return (
            "JWT_ALGORITHM=HS256 signs with SECRET_KEY: there is nothing to rotate here. Another SECRET_KEY, or another"
            " algorithm, takes a restart."
        )
    return (
        "The key in JWT_PRIVATE_KEY_FILE signs, and is yours to exchange: put another one there and start anew. What"
        " the old one signed stays good until it runs out."
    )


def _until(key: "Key") -> str | None:
    return None if key.good_until is None else when(key.good_until)


def _as_object(key: "Key") -> dict[str, Any]:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": key.state,
        "since": when(key.since),
        "good_until": _until(key),
    }
