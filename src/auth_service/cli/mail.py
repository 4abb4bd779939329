"""`auth-service mail`: mails that wait, went out or could not be delivered, looked at and mended by an operator."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import click

from auth_service.cli.mail_preview import preview
from auth_service.cli.tables import print_list
from auth_service.cli.terminal import given_settings, refuse, when, with_core
from auth_service.domain.core import Core
from auth_service.domain.mailroom import Objection
from auth_service.domain.model import KeptMail, MailState

_COLUMNS: Final = {
    "id": "id",
    "state": "state",
    "kind": "kind",
    "recipient": "recipient",
    "tries": "tries",
    "due": "due_at",
    "reason": "reason",
}
_OBJECTIONS: Final[Mapping[Objection, str]] = {
    "unknown": "There is no mail {id}.",
    "held": "Mail {id} is being sent just now: look again in half a minute.",
    "sent": "Mail {id} was sent.",
    "superseded": "Mail {id} was superseded: a newer one took its place.",
    "dropped": "Mail {id} was dropped.",
}


@click.group()
def mail() -> None:
    """See which mails wait or could not be delivered, and let them go out after all or not at all.

    A mail is tried fourteen times, with pauses of up to an hour between; then it is dead. What went out is kept for
    seven days, what is dead for thirty. No link and no token is kept with any of them.
    """


ids = click.argument("mail_ids", metavar="ID...", nargs=-1, type=int)


@mail.command("list", epilog="Example: auth-service mail list --state dead")
@click.option("--state", type=click.Choice(get_args(MailState)), help="Only these. One being sent is waiting, too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_mails(*, state: MailState | None, as_json: bool) -> None:
    """Print all mails in order of id, and why those that failed did."""

    async def listed(core: Core) -> None:
        rows = (_facts(kept) async for kept in core.mailroom.mails(state))
        await print_list(rows, _COLUMNS, as_json=as_json)

    with_core(given_settings(), listed)


@mail.command(epilog="Example: auth-service mail retry 7 8, or all that are dead: auth-service mail retry --dead")
@ids
@click.option("--dead", is_flag=True, help="All that could not be delivered.")
def retry(*, mail_ids: Sequence[int], dead: bool) -> None:
    """Make mails due at once, with all their tries before them. Who gets one twice can tell by its Message-ID."""
    if bool(mail_ids) == dead:
        raise click.UsageError("Give the ids of mails, or --dead.")

    async def retried(core: Core) -> None:
        if dead:
            count = await core.mailroom.retry_dead()
            click.echo(f"{count} {'mail is' if count == 1 else 'mails are'} due at once.")
        else:
            _tell(mail_ids, await core.mailroom.retry(mail_ids), "Mail {id} is due at once.")

    with_core(given_settings(), retried)


@mail.command(epilog="Example: auth-service mail drop 7 --yes")
@ids
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(*, mail_ids: Sequence[int], yes: bool) -> None:
    """Let mails never go out."""
    if not mail_ids:
        raise click.UsageError("Give the ids of mails.")

    async def dropped(core: Core) -> None:
        if not yes:
            which = f"mail {mail_ids[0]}" if len(mail_ids) == 1 else f"{len(mail_ids)} mails"
            click.confirm(f"Drop {which} for good?", abort=True, err=True)
        _tell(mail_ids, await core.mailroom.drop(mail_ids), "Mail {id} is dropped.")

    with_core(given_settings(), dropped)


def _tell(mail_ids: Sequence[int], objections: Mapping[int, Objection], done: str) -> None:
    for mail_id in dict.fromkeys(mail_ids):
        if mail_id not in objections:
            click.echo(done.format(id=mail_id))
    if objections:
        refuse([_OBJECTIONS[objection].format(id=mail_id) for mail_id, objection in objections.items()])


def _facts(kept: KeptMail) -> dict[str, Any]:
    return {
        "id": kept.id,
        "state": "sending" if kept.held else kept.state,
        "kind": kept.mail.kind,
        "recipient": kept.mail.to,
        "user_id": kept.mail.user_id,
        "asked_at": when(kept.mail.at),
        "tries": kept.attempts,
        "due_at": when(kept.due_at) if kept.state == "waiting" else None,
        "reason": kept.why or None,
        "message_id": kept.message_id,
    }


mail.add_command(preview)
