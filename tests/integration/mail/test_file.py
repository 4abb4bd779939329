"""Mail in a folder is whole, private, and in order."""

import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from auth_service.adapters.contracts.mailers import LETTER, LINK
from auth_service.adapters.mail import MailWriter
from auth_service.adapters.mail.file import FileMailer
from auth_service.domain.ports.surroundings import MailDelayed

from .conftest import contents, read


async def test_the_folder_is_made_and_what_is_in_it_is_for_its_owner(writer: MailWriter, tmp_path: Path) -> None:
    await FileMailer(writer, tmp_path / "a" / "b").send(LETTER)

    [file] = (tmp_path / "a" / "b").iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_names_sort_by_the_time_a_mail_was_asked_for(writer: MailWriter, tmp_path: Path) -> None:
    mailer = FileMailer(writer, tmp_path)
    for at in (1_700_000_002.5, 0, 1_700_000_002.25, 999_999_999):
        await mailer.send(replace(LETTER, at=at, message_id=f"<{at}@example.test>"))

    mails = [read(content)["Message-ID"] for content in contents(tmp_path)]
    assert mails == [f"<{at}@example.test>" for at in (999_999_999, 1_700_000_002.25, 1_700_000_002.5, 0)]


async def test_a_mail_that_is_sent_again_takes_its_own_place_and_no_other(writer: MailWriter, tmp_path: Path) -> None:
    mailer = FileMailer(writer, tmp_path)
    for message_id in ("<1@example.test>", "<2@example.test>", "<1@example.test>", "<../../x@example.test>"):
        await mailer.send(replace(LETTER, message_id=message_id))

    assert len(contents(tmp_path)) == 3


async def test_the_link_is_whole_in_the_source_of_the_file(writer: MailWriter, tmp_path: Path) -> None:
    await FileMailer(writer, tmp_path).send(LETTER)

    [content] = contents(tmp_path)
    assert LINK.encode() in content.split(b"\n")


async def test_a_mail_that_cannot_be_written_whole_leaves_nothing(
    writer: MailWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(MailDelayed, match="No space left on device"):
        await FileMailer(writer, tmp_path).send(LETTER)

    assert not contents(tmp_path)
