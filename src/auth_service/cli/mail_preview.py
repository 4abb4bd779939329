"""`auth-service mail preview`: every mail as a file, to be looked at before anybody gets one."""

from pathlib import Path

import click

from auth_service.cli.terminal import given_settings, told
from auth_service.languages import LANGUAGES


@click.command(epilog="Example: TEMPLATES_DIR=templates auth-service mail preview /tmp/mails --language de")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--language",
    "languages",
    multiple=True,
    type=click.Choice(tuple(LANGUAGES)),
    help="Only this language; may be given several times.",
)
def preview(*, folder: Path, languages: tuple[str, ...]) -> None:
    """Write every mail there is into a folder, as text, as HTML and as it goes out.

    The files are named FOLDER/language/kind.txt, .html and .eml. They are about somebody made up, in your templates,
    with your name, logo and colour.
    """
    settings = given_settings()
    with told() as wiring:
        count = wiring.preview_mails(settings, folder, languages)
    click.echo(f"{count} files are in {folder}.")
