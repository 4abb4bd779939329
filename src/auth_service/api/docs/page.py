"""The page that shows the OpenAPI document to people: whole as it is sent, so that reading it needs no script."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct

Json = Mapping[str, Any]

# Each operation has them and they mean the same for each: they are told in one line.
_EVERYWHERE = frozenset({"408", "413", "415", "429", "503"})
_LINE = 88
_WHO = {
    "bearer": "`Bearer` token",
    "token": "`Token`",
    "cookie": "access cookie",
    "refreshCookie": "refresh cookie",
}


class Field(Struct, frozen=True):
    """A field of a body."""

    name: str
    kind: str
    is_required: bool
    notes: str


class Example(Struct, frozen=True):
    """An answer as it looks."""

    summary: str
    text: str


class Answer(Struct, frozen=True):
    """One status of an operation."""

    status: str
    means: str
    headers: list[str]
    examples: list[Example]


class Operation(Struct, frozen=True, kw_only=True):
    """One thing that can be asked of the service."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    also_head: bool
    who: str
    parameters: list[Field]
    fields: list[Field]
    one_of: list[str]
    curl: str
    answers: list[Answer]
    usual: list[Answer]


class Subject(Struct, frozen=True):
    """Operations that belong together."""

    anchor: str
    name: str
    about: str
    operations: list[Operation]


class Group(Struct, frozen=True):
    """Everything below one prefix."""

    name: str
    subjects: list[Subject]


def render(document: Json) -> bytes:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "inline": inline}
    page = environment.get_template("page.html").render(info=document["info"], groups=list(_groups(document)))
    return page.encode()


def prose(text: str) -> Markup:
    """Return the little Markdown that the document is written in as HTML: headings, paragraphs and code."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        heading = block.removeprefix("## ")
        tag = "p" if heading == block else "h3"
        blocks.append(Markup(f"<{tag}>%s</{tag}>") % inline(heading))  # noqa: S704 - one of two words of our own
    return Markup("\n").join(blocks)


def inline(text: str) -> Markup:
    """Return one line of it."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def _groups(document: Json) -> Iterator[Group]:
    about = {tag["name"]: tag["description"] for tag in document["tags"]}
    operations: dict[str, list[Operation]] = {name: [] for name in about}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if method != "head":
                shown = _operation(document, path, method, described, also_head="head" in methods and method == "get")
                operations[described["tags"][0]].append(shown)
    for group in document["x-tagGroups"]:
        yield Group(
            group["name"],
            [
                Subject(re.sub(r"\W+", "-", name), name.partition(": ")[2], about[name], operations[name])
                for name in group["tags"]
            ],
        )


def _operation(document: Json, path: str, method: str, described: Json, *, also_head: bool) -> Operation:
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = _found(document, body.get("schema", {}))
    responses = described["responses"]
    usual = [status for status in responses if status in _EVERYWHERE and "$ref" in responses[status]]
    answers = {status: _answer(document, status, told) for status, told in responses.items()}
    return Operation(
        anchor=described["operationId"],
        method=method.upper(),
        path=path,
        summary=described["summary"],
        description=described.get("description", ""),
        also_head=also_head,
        who=_who(described["security"]),
        parameters=[
            Field(told["name"], _kind(told["schema"]), told["required"], told["description"])
            for told in described.get("parameters", ())
        ],
        fields=[
            Field(name, _kind(part), name in schema.get("required", ()), _notes(part, part.get("description", "")))
            for name, part in schema.get("properties", {}).items()
        ],
        one_of=[choice["required"][0] for choice in schema.get("anyOf", ())],
        curl=_curl(path, method, described, body.get("example")),
        answers=[answers[status] for status in responses if status not in usual],
        usual=[answers[status] for status in usual],
    )


def _answer(document: Json, status: str, told: Json) -> Answer:
    response = _found(document, told)
    examples = {
        _written(example["value"]): example["summary"]
        for content in response.get("content", {}).values()
        for example in content.get("examples", {}).values()
    }
    shown = [Example(summary, text) for text, summary in examples.items()]
    return Answer(status, response["description"], sorted(set(response.get("headers", ())) - {"Allow"}), shown)


def _who(security: list[Json]) -> str:
    schemes = [_WHO[name] for choice in security for name in choice]
    if not schemes:
        return "Nobody need sign in; credentials are not looked at."
    named = f"{', '.join(schemes[:-1])} or {schemes[-1]}" if len(schemes) > 1 else schemes[0]
    if {} in security:
        return f"Nobody need sign in; what is sent has to be good: {named}."
    return f"Needs credentials: {named}."


def _curl(path: str, method: str, described: Json, example: object) -> str:
    for parameter in described.get("parameters", ()):
        # What may be left out is left out.
        if parameter["required"]:
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    lines = [f'{" ".join(words)} "$SERVICE{path}"']
    if described["security"] and {} not in described["security"]:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if example is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{json.dumps(example, ensure_ascii=False)}'")
    return " \\\n  ".join(lines)


def _kind(schema: Json) -> str:
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    kind = schema.get("type", "any")
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _notes(schema: Json, about: str) -> str:
    bounds = []
    if schema.get("minLength", 1) > 1:
        bounds.append(f"At least {schema['minLength']} characters.")
    if "maxLength" in schema:
        bounds.append(f"At most {schema['maxLength']} characters.")
    return " ".join([*bounds, *([about] if about else [])])


def _found(document: Json, schema: Json) -> Json:
    """Return what a reference points at."""
    found: Any = document
    for step in schema["$ref"].split("/")[1:] if "$ref" in schema else ():
        found = found[step]
    return schema if "$ref" not in schema else found


def _written(value: object) -> str:
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= _LINE else json.dumps(value, indent=2, ensure_ascii=False)
