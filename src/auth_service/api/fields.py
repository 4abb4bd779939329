"""Reading fields: every field of a wire Struct is looked at, and every fault is found, before anything is done."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

import msgspec
from msgspec import Meta, Struct

from auth_service.api.bodies import UploadedFile
from auth_service.domain.errors import Problem
from auth_service.domain.names import USERNAME_LONGEST
from auth_service.domain.passwords import LONGEST, SHORTEST

_TYPES = {list: "list", str: "str", int: "int", bool: "bool", float: "float"}
_LONGEST_NUMBER = 400

Kind = Literal["text", "email", "verbatim"]

# The bounds are for those who read the schema. The domain is the judge of them, in each dialect's words.
Text = Annotated[str, Meta(min_length=1, extra={"kind": "text"})]
Username = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=USERNAME_LONGEST,
        description="Letters and digits of any script, and `@ . + - _`.",
        extra={"kind": "text"},
    ),
]
Secret = Annotated[str, Meta(min_length=1, extra={"kind": "text"}, extra_json_schema={"format": "password"})]
NewSecret = Annotated[
    str,
    Meta(
        min_length=SHORTEST,
        max_length=LONGEST,
        description="Not digits alone, not a common one, and not much like the name or the address.",
        extra={"kind": "text"},
        extra_json_schema={"format": "password"},
    ),
]
Email = Annotated[str, Meta(min_length=1, extra={"kind": "email"}, extra_json_schema={"format": "email"})]
# Made by us and sent back: white space would not be ours.
Verbatim = Annotated[str, Meta(min_length=1, extra={"kind": "verbatim"})]


class _Field(NamedTuple):
    name: str
    kind: Kind
    required: bool


class Form(Struct, frozen=True):
    """What was read: texts by name, and all that is wrong."""

    values: Mapping[str, str | None]
    problems: list[Problem]

    def __getitem__(self, name: str) -> str | None:
        """Return a field's text, or None where it is missing or at fault."""
        return self.values.get(name)

    def given(self, name: str) -> str:
        """Return the text of a field that is known to be there."""
        return self.values.get(name) or ""


def read_fields(
    struct: type[Struct], body: object, *, without: Collection[str] = (), required: Collection[str] = ()
) -> Form:
    """Read a body as the fields of a wire Struct. `without` are not asked for here; `required` are, though optional."""
    if body is None:
        return Form({}, [Problem("", "no_data")])
    if not isinstance(body, dict):
        return Form({}, [Problem("", "not_an_object", _TYPES.get(type(body), type(body).__name__))])
    values: dict[str, str | None] = {}
    problems: list[Problem] = []
    for field in _fields_of(struct):
        if field.name in without:
            continue
        if field.name not in body:
            if field.required or field.name in required:
                problems.append(Problem(field.name, "required"))
            continue
        text, fault = _read(body[field.name], field.kind)
        values[field.name] = text
        if fault:
            problems.append(Problem(field.name, fault))
    return Form(values, problems)


def _read(value: object, kind: Kind) -> tuple[str | None, str]:
    if value is None:
        return None, "null"
    if isinstance(value, bool | list | dict | UploadedFile):
        return None, "email_form" if kind == "email" else "not_a_string"
    text = value if isinstance(value, str) else str(value)[:_LONGEST_NUMBER]
    stripped = text.strip()
    if not stripped:
        return None, "blank"
    text = text if kind == "verbatim" else stripped
    # It is read on, so that what else is wrong with it is said too.
    return text, "null_character" if "\0" in text else ""


@lru_cache
def _fields_of(struct: type[Struct]) -> tuple[_Field, ...]:
    hints = get_type_hints(struct, include_extras=True)
    return tuple(
        _Field(field.encode_name, _kind(hints[field.name]), field.required) for field in msgspec.structs.fields(struct)
    )


def _kind(hint: Any) -> Kind:  # noqa: ANN401 - annotations are of any type
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra:
            kind: Kind = meta.extra["kind"]
            return kind
    for part in getattr(hint, "__args__", ()):
        if getattr(part, "__metadata__", None):
            return _kind(part)
    return "text"
