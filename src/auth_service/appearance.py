"""Appearance: the name, the logo and the colour of an installation, and what is readable beside that colour."""

from typing import Final

from msgspec import Struct

SHIPPED_ACCENT: Final = "#2a5f9e"
_BLACK: Final = (0, 0, 0)
_WHITE: Final = (255, 255, 255)
# WCAG 2.2, 1.4.3: what text needs against what is behind it.
_READABLE: Final = 4.5
_STEPS: Final = 50
_LINEAR_BELOW: Final = 0.04045  # IEC 61966-2-1

_Colour = tuple[int, int, int]


class Appearance(Struct, frozen=True, kw_only=True):
    """What an operator chose of how pages and mails look. Colours are written `#rrggbb`."""

    site_name: str
    logo_url: str | None = None
    accent: str = SHIPPED_ACCENT

    @property
    def on_accent(self) -> str:
        """Black or white: whichever is better read on the accent colour. One of them always can be."""
        return text_on(self.accent)

    def accent_on(self, paper: str) -> str:
        """Return the accent colour, made as much darker or lighter as text on this paper needs."""
        accent, behind = _read(self.accent), _read(paper)
        ink = _BLACK if _luminance(behind) > _luminance(_read(text_on(paper))) else _WHITE
        shades = (_mixed(accent, ink, step / _STEPS) for step in range(_STEPS + 1))
        return _written(next((shade for shade in shades if _contrast(shade, behind) >= _READABLE), ink))


def text_on(paper: str) -> str:
    """Return black or white: whichever is better read on this paper."""
    behind = _read(paper)
    return _written(max((_WHITE, _BLACK), key=lambda ink: _contrast(ink, behind)))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.2 defines it: from 1, none, to 21, black and white."""
    return _contrast(_read(one), _read(other))


def _read(text: str) -> _Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _written(colour: _Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _mixed(colour: _Colour, ink: _Colour, share: float) -> _Colour:
    red, green, blue = (round(part + (towards - part) * share) for part, towards in zip(colour, ink, strict=True))
    return red, green, blue


def _contrast(one: _Colour, other: _Colour) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: _Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= _LINEAR_BELOW else ((part + 0.055) / 1.055) ** 2.4)
