"""`auth-service hash`: what it costs to check a password."""

import click

from auth_service.cli.terminal import told

_MIB = 1_024


@click.group("hash")
def hashing() -> None:
    """See to it that passwords are as hard to guess as this machine can bear."""


@hashing.command(epilog="Example: auth-service hash calibrate --milliseconds 50 >> .env")
@click.option(
    "--milliseconds",
    default=100,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="What one hash may take of one core.",
)
@click.option(
    "--mebibytes",
    default=64,
    show_default=True,
    type=click.IntRange(19, 4_096),
    help="What one hash may take of memory; as many are made at once as there are cores.",
)
def calibrate(*, milliseconds: int, mebibytes: int) -> None:
    """Measure, and print the settings for hashes that take as long as you say.

    What it proposes is never less than OWASP recommends. Hashes made with other settings stay good, and are renewed
    when their owner signs in.
    """
    with told() as wiring:
        cost = wiring.calibrate_hash(milliseconds / 1_000, mebibytes * _MIB)
    click.echo(f"# {cost.seconds * 1_000:.0f} ms and {cost.kib // _MIB} MiB for each hash on this machine.")
    click.echo(f"ARGON2_TIME_COST={cost.passes}\nARGON2_MEMORY_KIB={cost.kib}\nARGON2_PARALLELISM=1")
    if cost.seconds * 1_000 > milliseconds:
        click.echo(f"No hash that is safe takes {milliseconds} ms here: this is the least that is.", err=True)
