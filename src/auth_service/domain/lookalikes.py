"""Look-alikes: letters of other scripts that the eye takes for Latin ones, and the name a mixed one is taken for.

Only a name that mixes scripts is looked at (Unicode UTS 39, 5.1): nobody writes that way but to pass for somebody else,
while a name all in Cyrillic is somebody's name. The pairs are those of Unicode's list of confusable characters that are
drawn alike in common typefaces.
"""

# ruff: noqa: RUF001 - letters that look like others are what this is about

import unicodedata
from typing import Final

_CYRILLIC: Final = "аеорсухѕіјһԁԛԝѵӏАВЕКМНОРСТУХЅІЈԚԜѴԌҮ"
_LIKE_CYRILLIC: Final = "aeopcyxsijhdqwvlABEKMHOPCTYXSIJQWVGY"
_GREEK: Final = "αγινορσυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
_LIKE_GREEK: Final = "ayivopouABEZHIKMNOPTYX"
_ARMENIAN: Final = "օսհոցգզյՏԼՕՍ"
_LIKE_ARMENIAN: Final = "ouhngqqjSLOU"

_LATIN_FOR: Final = str.maketrans(
    _CYRILLIC + _GREEK + _ARMENIAN,
    _LIKE_CYRILLIC + _LIKE_GREEK + _LIKE_ARMENIAN,
)
_CYRILLIC_FOR: Final = str.maketrans(_LIKE_CYRILLIC, _CYRILLIC)
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN")
_TWO: Final = 2


def taken_for(username: str) -> list[str]:
    """Return the names, of one script each, that this mixed one would be read as; nothing for a name of one script."""
    if username.isascii() or len(_scripts(username)) < _TWO:
        return []
    readings = (username.translate(_LATIN_FOR), username.translate(_CYRILLIC_FOR))
    return [reading for reading in readings if reading != username and len(_scripts(reading)) < _TWO]


def _scripts(text: str) -> set[str]:
    names = (unicodedata.name(sign, "") for sign in text if sign.isalpha())
    return {script for name in names for script in _SCRIPTS if name.startswith(script)}
