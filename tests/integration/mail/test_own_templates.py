"""Templates of the operator's own: each takes the place of a shipped one, and none of them costs anybody a mail."""

import logging
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from auth_service.adapters.contracts.mailers import LETTER, LINK
from auth_service.adapters.mail import MailWriter, composing

from .conftest import html, plain

DOCUMENT = (Path(__file__).parents[3] / "docs" / "mails.md").read_text("utf-8")
HEAD = "{% extends layout %}{% block subject %}Oh, {{ name }}{% endblock %}{% block message %}"
FOOT = "{% endblock %}"


def own(folder: Path, message: str, name: str = "password_reset.jinja") -> MailWriter:
    (folder / name).write_text(f"{HEAD}\n\n{message}\n\n{FOOT}")
    return MailWriter("Site", "a@b.test", templates_dir=folder)


def test_ones_own_template_replaces_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    writer = own(tmp_path, "First {{ name }}.\n\n\n\nSecond,\non two lines:")

    assert writer.write(LETTER)["Subject"] == "Oh, ann"
    assert plain(writer.write(LETTER)) == f"First ann.\n\nSecond,\non two lines:\n{LINK}\n\nThe Site team\n"
    assert ">First ann.</p>" in html(writer.write(LETTER))
    assert ">Second,<br>on two lines:</p>" in html(writer.write(LETTER))
    assert writer.write(replace(LETTER, kind="activation"))["Subject"] == "Account activation on Site"


def test_ones_own_layout_goes_round_the_shipped_words(tmp_path: Path) -> None:
    (tmp_path / "layout.txt").write_text("Ahoy!\n\n{% block message %}{% endblock %}\n\n{{ link }}")
    message = MailWriter("Site", "a@b.test", templates_dir=tmp_path).write(LETTER)

    assert plain(message).startswith("Ahoy!\n\nSomebody, hopefully you, asked to choose")
    assert "Ahoy!" not in html(message)
    assert LINK in html(message).replace("&amp;", "&")


def test_ones_own_words_may_be_of_the_catalogues_or_differ_by_language(tmp_path: Path) -> None:
    writer = own(
        tmp_path, "{% if language == 'de' %}Hallo!{% else %}Hello!{% endif %} {{ _('Choose a new password') }}"
    )

    assert plain(writer.write(replace(LETTER, language="de"))).startswith("Hallo! Neues Passwort wählen\n")
    assert plain(writer.write(replace(LETTER, language="fr"))).startswith("Hello! Choisir un nouveau mot de passe\n")


def test_what_people_are_called_is_no_markup_in_ones_own_template_either(tmp_path: Path) -> None:
    message = own(tmp_path, "Dear {{ name }},").write(replace(LETTER, username="<b>{{ link }}"))

    assert "Dear <b>{{ link }}," in plain(message)
    assert "Dear &lt;b&gt;{{ link }}," in html(message)


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("{{ nmae }}", r"'password_reset' cannot be filled in: 'nmae' is undefined, in .*password_reset.jinja line 3"),
        (
            "{% if %}",
            r"'password_reset' cannot be filled in: Expected an expression.*, in .*password_reset.jinja line 3",
        ),
        ("{% include 'absent' %}", "'password_reset' cannot be filled in: .*absent"),
        ("{{ 1 / 0 }}", r"'password_reset' cannot be filled in: division by zero, in .*password_reset.jinja line 3"),
    ],
)
def test_a_slip_in_ones_own_template_is_found_at_once_with_its_file_and_line(
    tmp_path: Path, message: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        own(tmp_path, message)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("password_reset.jinja", "Hello", "'password_reset' cannot be filled in: it has no block 'subject'"),
        ("layout.txt", "{% block message %}{% endblock %}", "'activation' leaves the link out"),
        ("layout.html", "{% block message %}{% endblock %}", "'activation' leaves the link out"),
    ],
)
def test_what_every_mail_needs_is_missed_at_once(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(ValueError, match=complaint):
        MailWriter("Site", "a@b.test", templates_dir=tmp_path)


def test_a_notice_of_ones_own_needs_no_link_for_it_has_none(tmp_path: Path) -> None:
    (tmp_path / "password_changed.jinja").write_text("{% block subject %}Changed{% endblock %} It is.")
    message = MailWriter("Site", "a@b.test", templates_dir=tmp_path).write(replace(LETTER, kind="password_changed"))

    assert plain(message) == "Changed It is.\n"


def test_a_template_that_fails_on_what_only_one_person_has_costs_them_no_mail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = own(tmp_path, "{{ 1 / (name != 'ann') }}")
    with caplog.at_level(logging.ERROR):
        message = writer.write(LETTER)

    assert message["Subject"] == "Password reset on Site"
    assert LINK in plain(message)
    (line,) = caplog.messages
    assert "'password_reset' is made from the shipped templates" in line
    assert "password_reset.jinja line 3" in line
    assert "ann" not in line
    assert writer.write(replace(LETTER, username="bob"))["Subject"] == "Oh, bob"


def test_the_template_in_the_documents_works_as_printed(tmp_path: Path) -> None:
    (template,) = re.findall(r"```jinja\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "password_reset.jinja").write_text(template)
    message = MailWriter("Site", "a@b.test", templates_dir=tmp_path).write(LETTER)

    assert message["Subject"] == "A new password for Site"
    assert plain(message).startswith(f"Dear ann,\n\nhere is where you choose it:\n{LINK}\n\nThe link ends 1 hour after")
    assert ">Choose a password</a>" in html(message)


def test_all_that_may_be_replaced_and_all_that_may_be_used_is_documented() -> None:
    known = MailWriter("Site", "a@b.test")._facts(LETTER).keys() - {"words"}
    shipped = {file.name for file in Path(composing.__file__).with_name("templates").iterdir()}
    named = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", DOCUMENT, flags=re.DOTALL)))
    assert known - named == set()
    assert shipped - named == set()


def test_a_folder_of_templates_that_is_not_there_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        MailWriter("Site", "a@b.test", templates_dir=tmp_path / "absent")
