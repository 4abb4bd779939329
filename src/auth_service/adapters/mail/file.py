"""Mail in a folder: one `.eml` file each, for tests, for demonstrations, and for programs that pick them up."""

import asyncio
import os
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from auth_service.adapters.mail.writing import MailWriter
from auth_service.domain.model import Letter
from auth_service.domain.ports.surroundings import MailDelayed


class FileMailer:
    """Writes every mail whole or not at all, readable by its owner only: there are links in them.

    Names sort by the time a mail was asked for. A mail that is sent again takes its own place.
    """

    def __init__(self, writer: MailWriter, folder: Path) -> None:
        self._writer = writer
        self._folder = folder

    async def send(self, letter: Letter) -> None:
        """Write one mail, in a thread: disks are slow at times."""
        await asyncio.to_thread(self._store, letter)

    def _store(self, letter: Letter) -> None:
        content = self._writer.write(letter).as_bytes()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_whole(self._folder / _name(letter), content)
        except OSError as failure:
            raise MailDelayed(f"the folder {self._folder} takes no mail: {failure.strerror or failure}") from failure


def _name(letter: Letter) -> str:
    when = datetime.fromtimestamp(letter.at, UTC) if letter.at else datetime.now(UTC)
    # A digest, for a Message-ID may hold what a file name may not.
    return f"{when:%Y%m%dT%H%M%S.%fZ}-{sha256(letter.message_id.encode()).hexdigest()[:16]}.eml"


def _write_whole(path: Path, content: bytes) -> None:
    # Beside its place, for a rename is one step within one file system only; hidden, so that nobody takes half a mail.
    descriptor, part = mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(part).unlink()
        raise
