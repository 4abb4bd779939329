"""The page of all settings, made from their declarations: `python -m tests.integration.settings_page` writes it."""

from pathlib import Path

from auth_service.settings import _TABLE, Settings, describe

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
_HEAD = """\
# Settings

Settings come from the environment and, where that is silent, from a file `.env` in the folder the service runs in.
An empty value counts as not set. A wrong one stops the start with a sentence that says what is wrong.
`auth-service settings` prints what they are now; secrets stay hidden.

Times are seconds, or a number with `s`, `m`, `h` or `d`. Switches are `1` or `0`.

| name | default | takes | meaning |
|---|---|---|---|
"""


def settings_page() -> str:
    """Return the page."""
    rows = [
        f"| `{told.name}` | {_default(told.default)} | {_cell(declared.kind.takes)} | {_cell(told.meaning)} |\n"
        for told, declared in zip(describe(Settings()), _TABLE, strict=True)
    ]
    return _HEAD + "".join(rows)


def _default(text: str) -> str:
    return text if text == "not set" else f"`{text}`"


def _cell(text: str) -> str:
    # What a reader of Markdown would take for markup, or for the end of the cell.
    return "".join(f"\\{sign}" if sign in "|<>*" else sign for sign in text)


if __name__ == "__main__":
    PAGE.write_text(settings_page(), "utf-8")
