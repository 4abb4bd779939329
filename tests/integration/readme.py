"""The README as a reader uses it: its blocks in order, pasted into one shell beside a running service."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from auth_service.settings import Settings

ROOT = Path(__file__).parents[2]
_PATIENCE = 15.0
_BLOCK = re.compile(r"(?:<!-- (?P<note>[^>]*) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```\n", re.DOTALL)
_END = "-- end of block, with"
_LINK = re.compile(r"^http://\S+/\S+/\S+/\S+$", re.MULTILINE)


class Block(Struct, frozen=True):
    """One fenced block: what it is, what stands in it, and what a comment before it says to those who test."""

    kind: str
    text: str
    note: str

    @property
    def file(self) -> str | None:
        """The name the reader saves it under."""
        return self.note.removeprefix("file: ") if self.note.startswith("file: ") else None

    @property
    def is_run(self) -> bool:
        """Can a test run it?"""
        return not self.note.startswith("not run: ")


_TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCKS = [Block(found["kind"], found["text"], found["note"] or "") for found in _BLOCK.finditer(_TEXT)]


def table(heading: str) -> Iterator[list[str]]:
    """Give the rows of the first table that follows some words."""
    rows = _TEXT.partition(heading)[2].partition("\n|")[2].splitlines()
    for row in rows[2:]:
        if not row.startswith("|"):
            return
        yield [cell.strip() for cell in row.strip("|").split("|")]


def looks_like(shown: str, found: str) -> bool:
    """Say whether text is as it is shown, where `…` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, shown.strip().split("…"))), found.strip(), re.DOTALL) is not None


def as_after_make_run(folder: Path) -> Path:
    """Return the folder with a virtual environment in it, as the reader's clone has one."""
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def readers_environment() -> dict[str, str]:
    """Return what is set in the reader's shell: nothing of ours."""
    ours = {name.upper() for name in Settings.__struct_fields__}
    return {name: value for name, value in os.environ.items() if name not in ours}


def free_port() -> int:
    """Return a port nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Console(AbstractContextManager["Console"]):
    """A program that serves, and what it prints."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._printed = folder / "console.txt"
        self._log = folder / "console.log"

    def __enter__(self) -> Self:
        with self._printed.open("wb") as printed, self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=log,
            )
        try:
            self.wait_until(lambda: "running on" in self._log.read_text("utf-8"))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def printed(self) -> str:
        """All that it has printed so far."""
        return self._printed.read_text("utf-8")

    def wait_for(self, shown: str) -> None:
        """Wait until it has printed something that looks like this."""
        self.wait_until(lambda: looks_like(f"…{shown.strip()}…", self.printed))

    def next_link(self, known: int) -> str:
        """Return the link after the first so many, as soon as there is one."""
        self.wait_until(lambda: len(_LINK.findall(self.printed)) > known)
        return str(_LINK.findall(self.printed)[known])

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so that the program should bring about."""
        deadline = time.monotonic() + _PATIENCE
        while not is_so():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text("utf-8")[-3000:]
                raise AssertionError(
                    f"It never came. What was printed:\n{self.printed[-3000:]}\nWhat was logged:\n{log}"
                )
            time.sleep(0.02)


class Shell(AbstractContextManager["Shell"]):
    """One shell, into which one block after the other is pasted."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._pasted = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["/bin/sh"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def paste(self, block: str, typed: str = "") -> tuple[str, int]:
        """Run a block, to which something is typed; return what it printed and how it ended."""
        self._pasted += 1
        script, keyboard = (self._folder / f"{self._pasted}.{name}" for name in ("sh", "txt"))
        script.write_text(block, "utf-8")
        keyboard.write_text(typed, "utf-8")
        assert self._process.stdin
        assert self._process.stdout
        # From a file each, for shells differ in how much of a pipe they read ahead.
        self._process.stdin.write(f". {script} < {keyboard}; ended=$?; echo; echo '{_END}' $ended\n")
        self._process.stdin.flush()
        printed = ""
        for line in self._process.stdout:
            if line.startswith(_END):
                return printed.strip(), int(line.removeprefix(_END))
            printed += line
        raise AssertionError(f"The shell is gone. Before that it printed:\n{printed}")
