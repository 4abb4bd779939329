"""Catalogues: what every English message is in another language, a file for each; read as translators write it."""

import gettext
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CATALOGUES = Path(__file__).parent


def catalogue_file(language: str) -> Path:
    """Return where the catalogue of a language is."""
    return CATALOGUES / language / "messages.po"


def read_catalogue(language: str) -> gettext.GNUTranslations:
    """Return a language's messages; one that is missing is said in English."""
    with catalogue_file(language).open("rb") as file:
        catalogue = read_po(file, locale=language, ignore_obsolete=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
