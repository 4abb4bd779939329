"""Lists on a terminal: as a table for people and as an array for scripts, printed as they come."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import click
import msgspec

from auth_service.cli.terminal import in_words

_AT_ONCE: Final = 500

Facts = dict[str, Any]


async def print_list(rows: AsyncIterator[Facts], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Print all rows; a table has these columns, and shows in each the fact it is mapped to."""
    batches = _in_batches(rows)
    await (_print_array(batches) if as_json else _print_table(batches, columns))


async def _in_batches(rows: AsyncIterator[Facts]) -> AsyncIterator[list[Facts]]:
    """Take rows some hundred at a time: there may be a million."""
    batch = []
    async for facts in rows:
        batch.append(facts)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    yield batch


async def _print_table(batches: AsyncIterator[list[Facts]], columns: Mapping[str, str]) -> None:
    rows = [list(columns)]
    widths = [0] * len(columns)
    async for batch in batches:
        rows += [[in_words(facts[name]) for name in columns.values()] for facts in batch]
        widths = [max(width, *map(len, column)) for width, column in zip(widths, zip(*rows, strict=True), strict=True)]
        for row in rows:
            click.echo("  ".join(map(str.ljust, row, widths)).rstrip())
        rows = []


async def _print_array(batches: AsyncIterator[list[Facts]]) -> None:
    separator = "["
    async for batch in batches:
        for facts in batch:
            click.echo(f"{separator}\n  {msgspec.json.encode(facts).decode()}", nl=False)
            separator = ","
    click.echo("[]" if separator == "[" else "\n]")
