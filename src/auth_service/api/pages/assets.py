"""Assets: the stylesheet, the script and the icon, each at a path that changes with what is in it."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from msgspec import Struct

from auth_service.api.answers import Answer, PublicAnswer
from auth_service.appearance import Appearance, text_on

FOLDER = "/pages"
# The grounds that the accent has to be read on; the stylesheet has the same.
LIGHT, DARK = "#f5f4f0", "#1c2125"
_FILES = {"pages.css": b"text/css", "pages.js": b"text/javascript", "icon.svg": b"image/svg+xml"}
_FOREVER = (b"cache-control", b"public, max-age=31536000, immutable")


class Asset(Struct, frozen=True):
    """A file as it is served."""

    content: bytes
    media_type: bytes

    def answer(self) -> Answer:
        """Send it, to be kept for good: what changes gets another path."""
        kept = ((b"content-type", self.media_type + b"; charset=utf-8"), _FOREVER)
        return PublicAnswer(200, self.content, (*kept, (b"cross-origin-resource-policy", b"same-origin")))


class Assets(Struct, frozen=True):
    """What pages need besides, by the name in the path; and the paths, by the name of the file."""

    by_name: Mapping[str, Asset]
    paths: Mapping[str, str]


def load_assets(appearance: Appearance) -> Assets:
    """Read the files and put the operator's colour in."""
    by_name, paths = {}, {}
    for file, media_type in _FILES.items():
        text = files(__package__).joinpath(file).read_text("utf-8")
        content = _coloured(text, appearance).encode()
        stem, _, ending = file.partition(".")
        name = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        by_name[name] = Asset(content, media_type)
        paths[file] = f"{FOLDER}/{name}"
    return Assets(by_name, paths)


def _coloured(text: str, appearance: Appearance) -> str:
    light, dark = appearance.accent_on(LIGHT), appearance.accent_on(DARK)
    marks = {
        "ACCENT-ON-LIGHT": light,
        "UPON-ACCENT-ON-LIGHT": text_on(light),
        "ACCENT-ON-DARK": dark,
        "UPON-ACCENT-ON-DARK": text_on(dark),
    }
    for mark, colour in marks.items():
        text = text.replace(f"/*{mark}*/", colour)
    return text
