"""The OpenAPI document of both dialects: every path, what it takes, and every answer it can give.

What an operation alone does stands beside its handler (see `contract`). What follows from the rest is added here: a
body may be unreadable, credentials may be refused. How a refusal looks is not described but shown: its dialect's own
table makes an answer of it, and status, headers, words and codes are taken from that.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Controller
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, field

from auth_service.api import health
from auth_service.api.answers import Answer
from auth_service.api.bodies import BodyRejected
from auth_service.api.caller import CredentialsRejected, HeaderRejected
from auth_service.api.contract import Only, Operation, Reply, Takes, operation_of
from auth_service.api.djoser import errors as djoser_errors
from auth_service.api.djoser import wire as djoser_wire
from auth_service.api.djoser.desk import not_asked
from auth_service.api.djoser.routes import controllers as djoser_controllers
from auth_service.api.docs import wording
from auth_service.api.docs.routes import ASSETS, Docs
from auth_service.api.native import errors as native_errors
from auth_service.api.native import wire as native_wire
from auth_service.api.native.cookies import ACCESS_COOKIE, INSECURE_ACCESS_COOKIE, REFRESH_COOKIE
from auth_service.api.native.routes import CONTROLLERS as NATIVE_CONTROLLERS
from auth_service.api.options import Options
from auth_service.api.origin import CrossSite
from auth_service.domain import errors
from auth_service.domain.directory import MOST
from auth_service.domain.errors import InvalidInput, Problem
from auth_service.domain.policy import Policy

Json = dict[str, Any]

_SAFE = frozenset({"GET", "HEAD"})
_KNOWN = frozenset({"caller", "staff"})
_BODY_TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
# Both spellings are served. These are the ones that clients of the native dialect have always written with a slash.
_WITH_SLASH = frozenset(
    f"/api/{path}"
    for path in (
        "register",
        "login",
        "token",
        "token/refresh",
        "token/verify",
        "user",
        "delete_account",
        "reset_password",
        "reset_password/confirm",
    )
)
_IN_PATH: Mapping[str, Json] = {
    "user_id:str": {
        "name": "id",
        "description": "The number of an account.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 14,
    },
    "device_id:str": {
        "name": "session_id",
        "description": "A device, as `GET /api/admin/users/{id}/sessions` names it.",
        "schema": {"type": "string", "minLength": 1},
        "example": "9f2c4e6a8b0d1f3a5c7e9b2d4f6a8c0e",
    },
    "session_id:str": {
        "name": "id",
        "description": "A device, as `GET /api/sessions` names it.",
        "schema": {"type": "string", "minLength": 1},
        "example": "9f2c4e6a8b0d1f3a5c7e9b2d4f6a8c0e",
    },
    "file:str": {
        "name": "file",
        "description": "The name of a file.",
        "schema": {"type": "string", "enum": sorted(ASSETS)},
        "example": min(ASSETS),
    },
}
# By the same rule for each operation of a dialect, so they are described once.
_COMMON = {413: "TooLarge", 415: "UnsupportedMediaType", 429: "TooOften", 503: "Busy"}


class _Dialect(Struct, frozen=True, kw_only=True):
    """One way of speaking: who answers in it, and with what when something is refused."""

    name: str
    title: str
    controllers: Sequence[type[Controller]]
    answer_to: Callable[[Any, Exception], Answer] = native_errors.answer_to
    # Both dialects have a `Registration`, and more.
    prefix: str = ""

    @property
    def is_djoser(self) -> bool:
        """Does it end its paths in a slash, name its methods in every answer, and speak by field?"""
        return self.answer_to is djoser_errors.answer_to


class _Gathered(Struct):
    """What is known of one status of one operation: all the ways it comes about."""

    means: dict[str, None] = field(default_factory=dict)
    headers: dict[str, None] = field(default_factory=dict)
    schemas: dict[str, list[Json]] = field(default_factory=dict)
    examples: dict[str, dict[str, Json]] = field(default_factory=dict)
    codes: dict[str, None] = field(default_factory=dict)
    is_empty: bool = False

    def show(self, media_type: str, name: str, summary: str, value: object) -> None:
        """Keep an example; the first of a kind is enough."""
        self.examples.setdefault(media_type, {}).setdefault(name, {"summary": summary, "value": value})


def describe_service(policy: Policy, options: Options) -> dict[str, object]:
    """Return the OpenAPI document of the whole service, as this policy and these options make it."""
    return _Description(policy, options).document()


class _Description:
    """Describes operation after operation; what several of them need is described once, among the components."""

    def __init__(self, policy: Policy, options: Options) -> None:
        self._policy = policy
        self._options = options
        self._left_out = not_asked(options.retypes)
        self._schemas: dict[str, Json] = {}
        self._responses: dict[str, Json] = {"TooSlow": wording.TOO_SLOW}

    def document(self) -> dict[str, object]:
        dialects = (
            _Dialect(
                name="djoser",
                title="As djoser: /auth/",
                controllers=djoser_controllers(self._policy.login_field),
                answer_to=djoser_errors.answer_to,
                prefix="Djoser",
            ),
            _Dialect(name="native", title="Our own: /api/", controllers=NATIVE_CONTROLLERS),
            _Dialect(name="service", title="The service itself", controllers=(health.Health, Docs)),
        )
        tags: list[Json] = []
        groups: list[Json] = []
        paths: dict[str, Json] = {}
        for dialect in dialects:
            groups.append({"name": dialect.title, "tags": []})
            for controller in dialect.controllers:
                tag = f"{dialect.name}: {_spaced(controller.__name__)}"
                tags.append({"name": tag, "description": controller.__doc__})
                groups[-1]["tags"].append(tag)
                for path, method, operation in self._operations(dialect, controller, tag):
                    paths.setdefault(path, {})[method] = operation
        return {
            "openapi": "3.1.0",
            "info": {
                "title": self._options.site_name,
                "version": version("auth-service"),
                "summary": "Accounts, sign-in and tokens.",
                "description": wording.ABOUT,
            },
            "servers": [{"url": "/", "description": "This service"}],
            "tags": tags,
            "x-tagGroups": groups,
            "paths": paths,
            "components": {
                "schemas": dict(sorted(self._schemas.items())),
                "responses": self._responses,
                "headers": dict(wording.HEADERS),
                "securitySchemes": self._security_schemes(),
            },
        }

    def _operations(self, dialect: _Dialect, controller: type[Controller], tag: str) -> Iterator[tuple[str, str, Json]]:
        for handler in vars(controller).values():
            told = operation_of(handler.fn) if isinstance(handler, HTTPRouteHandler) else None
            if told is None:
                continue
            for own_path in sorted(handler.paths):
                path, parameters = _path(controller, own_path, dialect)
                for method in sorted(handler.http_methods):
                    described = self._operation(dialect, told, method)
                    given = [*parameters, *_in_query(told)]
                    named = {
                        "operationId": re.sub(r"\W+", "_", f"{method.lower()} {path}").strip("_"),
                        "tags": [tag],
                        **_words(handler.fn.__doc__ or ""),
                        **({"parameters": given} if given else {}),
                    }
                    yield path, method.lower(), {**named, **described}

    def _operation(self, dialect: _Dialect, told: Operation, method: str) -> Json:
        takes = self._takes(told)
        found: dict[int, _Gathered] = {}
        for answer in told.answers:
            kept = answer if not isinstance(answer, Only) else answer.answer
            if isinstance(answer, Only) and not answer.where(self._policy):
                continue
            if isinstance(kept, errors.TooManyAttempts) and not self._options.throttles:
                continue
            if isinstance(kept, Reply):
                self._add_reply(found, dialect, kept)
            else:
                self._add_refusal(found, dialect, kept, takes)
        for refused in self._expected(dialect, told, takes, method):
            self._add_refusal(found, dialect, refused, takes)
        if dialect.is_djoser:
            for gathered in found.values():
                gathered.headers["Allow"] = None
        responses = {str(status): self._response(dialect, status, found[status]) for status in sorted(found)}
        responses["408"] = {"$ref": "#/components/responses/TooSlow"}
        if method == "HEAD":
            responses = {status: self._without_content(response) for status, response in responses.items()}
        described: Json = {"security": _security(dialect, told)}
        if takes is not None:
            described["requestBody"] = self._request_body(dialect, takes)
        return {**described, "responses": dict(sorted(responses.items()))}

    def _takes(self, told: Operation) -> Takes | None:
        takes = told.takes
        if takes is None or isinstance(takes, Takes):
            return takes
        return Takes(takes) if isinstance(takes, type) else takes(self._policy)

    def _expected(self, dialect: _Dialect, told: Operation, takes: Takes | None, method: str) -> Iterator[Exception]:
        """Return the refusals that go without saying."""
        if told.by == "caller":
            yield errors.NotSignedIn()
        if told.by == "staff":
            yield errors.NotFound()
        elif told.by != "anybody":
            yield CredentialsRejected("expired")
            yield HeaderRejected("bearer_parts")
        if dialect.name == "native" and method not in _SAFE and (told.by in _KNOWN or told.refresh_cookie):
            yield CrossSite()
        if told.asks is not None:
            yield InvalidInput([Problem("limit", "out_of_range", str(MOST))])
        if takes is not None:
            first = next(iter(takes.any_of), "") or self._asked(takes)[0]
            yield InvalidInput([Problem(first, "blank")])
            yield InvalidInput([Problem("", "not_an_object", "list")])
            yield BodyRejected("json", "malformed (byte 17)")
            yield BodyRejected("too_large")
            yield BodyRejected("media_type", "text/plain")
        if dialect.name != "service":
            yield errors.Busy(1.0)

    def _asked(self, takes: Takes) -> list[str]:
        left_out = {*takes.without, *self._left_out.get(takes.struct, ())}
        return [name for name in takes.struct.__struct_fields__ if name not in left_out]

    def _request_body(self, dialect: _Dialect, takes: Takes) -> Json:
        self._ref(dialect, takes.struct)
        whole = self._schemas[f"{dialect.prefix}{takes.struct.__name__}"]
        name = f"{takes.name or takes.struct.__name__}{'Partial' if takes.partial else ''}"
        properties = {asked: whole["properties"][asked] for asked in self._asked(takes)}
        schema = {**whole, "title": name, "properties": properties}
        if takes.partial:
            schema.pop("required", None)
        if takes.any_of:
            schema["anyOf"] = [{"required": [one]} for one in takes.any_of]
        self._schemas[f"{dialect.prefix}{name}"] = schema
        example = _example_of(schema)
        for other in list(takes.any_of)[1:]:
            example.pop(other, None)
        told = {"schema": {"$ref": f"#/components/schemas/{dialect.prefix}{name}"}, "example": example}
        return {"required": bool(schema.get("required")), "content": dict.fromkeys(_BODY_TYPES, told)}

    def _add_reply(self, found: dict[int, _Gathered], dialect: _Dialect, reply: Reply) -> None:
        gathered = found.setdefault(reply.status, _Gathered())
        gathered.means[reply.means] = None
        gathered.headers.update(dict.fromkeys(reply.headers))
        if reply.holds is None:
            gathered.is_empty = True
            return
        schema = self._ref(dialect, reply.holds)
        gathered.schemas.setdefault(reply.media_type, []).append(schema)
        if reply.media_type == "application/json":
            shown = self._example(schema)
            for one in shown if isinstance(shown, list) else [shown]:
                one.update(reply.shows)
            gathered.show(reply.media_type, getattr(reply.holds, "__name__", "Found").lower(), reply.means, shown)

    def _add_refusal(
        self, found: dict[int, _Gathered], dialect: _Dialect, refused: Exception, takes: Takes | None
    ) -> None:
        answer = dialect.answer_to(None, refused)
        gathered = found.setdefault(answer.status, _Gathered())
        means = _means(refused)
        gathered.means[means] = None
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        media_type = headers.pop("content-type", "")
        for name in headers:
            gathered.headers[_header_name(name)] = None
        if not answer.body:
            gathered.is_empty = True
            return
        shown = msgspec.json.decode(answer.body)
        if not dialect.is_djoser:
            code = shown["code"]
            gathered.codes[code] = None
            schema = self._ref(dialect, native_wire.Problem)
            gathered.show(media_type, code, means, shown)
        else:
            schema = self._djoser_error(dialect, shown, takes)
            gathered.show(media_type, _example_name(refused), means, shown)
        known = gathered.schemas.setdefault(media_type, [])
        if schema not in known:
            known.append(schema)

    def _djoser_error(self, dialect: _Dialect, shown: object, takes: Takes | None) -> Json:
        texts = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        if isinstance(shown, list):
            return texts
        if takes is None or (isinstance(shown, dict) and "detail" in shown):
            return self._ref(dialect, djoser_wire.Detail)
        self._schemas.setdefault("DjoserTexts", {"description": "What is wrong, in words for people.", **texts})
        name = f"{takes.name or takes.struct.__name__}Faults"
        fields = [*self._asked(takes), "non_field_errors"]
        self._schemas[f"{dialect.prefix}{name}"] = {
            "title": name,
            "description": "The fields at fault, all of them.",
            "type": "object",
            "properties": {field: {"$ref": "#/components/schemas/DjoserTexts"} for field in fields},
            "additionalProperties": False,
            "minProperties": 1,
        }
        return {"$ref": f"#/components/schemas/{dialect.prefix}{name}"}

    def _response(self, dialect: _Dialect, status: int, gathered: _Gathered) -> Json:
        response: Json = {"description": " ".join(gathered.means)}
        if gathered.headers:
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in gathered.headers}
        # An answer that may come without a body cannot be told from one that may not: so no body is promised.
        if gathered.schemas and not gathered.is_empty:
            response["content"] = {
                media_type: _content(status, schemas, gathered, media_type)
                for media_type, schemas in gathered.schemas.items()
            }
        if dialect.name == "service" or status not in _COMMON:
            return response
        name = f"{dialect.prefix}{_COMMON[status]}"
        self._responses[name] = response
        return {"$ref": f"#/components/responses/{name}"}

    def _without_content(self, response: Json) -> Json:
        whole = self._responses[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        return {name: part for name, part in whole.items() if name != "content"}

    def _ref(self, dialect: _Dialect, holds: Any) -> Json:  # noqa: ANN401 - whatever msgspec has a schema for
        """Return the schema of a type; that of a Struct goes to the components."""
        template = f"#/components/schemas/{dialect.prefix}{{name}}"
        (schema,), components = msgspec.json.schema_components([holds], ref_template=template)
        for name, described in components.items():
            self._schemas.setdefault(f"{dialect.prefix}{name}", self._tidied(described, dialect, name))
        return schema

    def _tidied(self, schema: Json, dialect: _Dialect, name: str) -> Json:
        struct = getattr(djoser_wire, name, None) if dialect.is_djoser else None
        left_out = self._left_out.get(struct, ()) if struct else ()
        properties = {
            name: _never_null(described)
            for name, described in schema.get("properties", {}).items()
            if name not in left_out
        }
        if name == "FieldProblem":
            # Those two are about the body as a whole, and a 400 of their own.
            codes = sorted(native_errors.PROBLEMS.keys() - {"no_data", "not_an_object"})
            properties["code"] = {"type": "string", "enum": codes}
        required = [name for name in schema.pop("required", ()) if name in properties]
        return {**schema, "properties": properties, **({"required": required} if required else {})}

    def _example(self, schema: Json) -> Any:  # noqa: ANN401 - JSON of any kind
        if "$ref" in schema:
            return self._example(self._schemas[schema["$ref"].rpartition("/")[2]])
        if schema.get("type") == "array":
            return [self._example(schema["items"])]
        found = _example_of(schema)
        for name, part in schema.get("properties", {}).items():
            if "$ref" in part or "$ref" in part.get("items", ()):
                found[name] = self._example(part)
        return found

    def _security_schemes(self) -> Json:
        access = INSECURE_ACCESS_COOKIE if self._options.insecure_cookies else ACCESS_COOKIE
        return {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "`Authorization: Bearer …`, with an access token; `JWT` does for `Bearer`.",
            },
            "token": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Authorization: Token …`, with what `POST /auth/token/login/` gave.",
            },
            "cookie": {
                "type": "apiKey",
                "in": "cookie",
                "name": access,
                "description": "The access token, as `POST /api/auth/login` set it.",
            },
            "refreshCookie": {
                "type": "apiKey",
                "in": "cookie",
                "name": REFRESH_COOKIE,
                "description": "The refresh token, as `POST /api/auth/login` set it.",
            },
        }


def _content(status: int, schemas: list[Json], gathered: _Gathered, media_type: str) -> Json:
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if gathered.codes:
        narrowed = {"status": {"const": status}, "code": {"enum": list(gathered.codes)}}
        schema = {"allOf": [schema, {"type": "object", "properties": narrowed}]}
    examples = gathered.examples.get(media_type)
    return {"schema": schema, **({"examples": examples} if examples else {})}


def _security(dialect: _Dialect, told: Operation) -> list[Json]:
    schemes = [] if told.by == "anybody" else ["bearer", "token"]
    if told.by in _KNOWN and dialect.name == "native":
        schemes.append("cookie")
    if told.refresh_cookie:
        schemes.append("refreshCookie")
    needed = told.by in _KNOWN and not told.refresh_cookie
    return [*([] if needed or not schemes else [{}]), *({scheme: []} for scheme in schemes)]


def _path(controller: type[Controller], own: str, dialect: _Dialect) -> tuple[str, list[Json]]:
    """Return a path as clients write it, and what stands in it."""
    above = getattr(controller, "path", "")
    whole = f"{above if isinstance(above, str) else ''}/{own}"
    whole = f"/{whole.strip('/')}".replace("//", "/")
    parameters = []
    for declared in re.findall(r"{(.+?)}", whole):
        parameter = _IN_PATH[declared]
        parameters.append({**parameter, "in": "path", "required": True})
        whole = whole.replace(f"{{{declared}}}", f"{{{parameter['name']}}}")
    return (f"{whole}/" if dialect.is_djoser or whole in _WITH_SLASH else whole), parameters


def _in_query(told: Operation) -> Iterator[Json]:
    """Return what may stand in the query."""
    if told.asks is None:
        return
    _, components = msgspec.json.schema_components([told.asks])
    for name, described in components[told.asks.__name__]["properties"].items():
        told_of = {"description": described["description"], "schema": _never_null(described)}
        yield {"name": name, "in": "query", "required": False, **told_of}


def _words(docstring: str) -> Json:
    """Return the first sentence as a summary, and the rest as a description."""
    summary, _, rest = " ".join(docstring.split()).partition(". ")
    return {"summary": summary.rstrip("."), **({"description": rest} if rest else {})}


def _never_null(schema: Json) -> Json:
    """Return a property that is left out where it would be null; one that is always there may be null."""
    if "default" not in schema:
        return schema
    kept = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    return kept[0] if len(kept) == 1 else {"anyOf": kept}


def _example_of(schema: Json) -> Json:
    properties = schema.get("properties", {})
    found = {
        name: described["examples"][0] if "examples" in described else wording.EXAMPLES[name]
        for name, described in properties.items()
        if (name in wording.EXAMPLES or "examples" in described) and "$ref" not in described
    }
    if "uid" in found and "token" in found:
        found["token"] = wording.LINK_TOKEN
    return found


def _means(refused: Exception) -> str:
    match refused:
        case BodyRejected():
            return wording.UNREADABLE[refused.fault]
        case InvalidInput() if refused.problems[0].code == "not_an_object":
            return wording.NO_OBJECT
        case InvalidInput() if refused.problems[0].code == "cannot_sign_in":
            return wording.MEANS[errors.BadCredentials]
        case errors.NotAllowed():
            return wording.OBJECTIONS[refused.reason]
    return wording.MEANS[next(known for known in type(refused).__mro__ if known in wording.MEANS)]


def _header_name(name: str) -> str:
    return next(known for known in wording.HEADERS if known.lower() == name)


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _example_name(refused: Exception) -> str:
    match refused:
        case InvalidInput():
            words = [refused.problems[0].field, refused.problems[0].code]
        case BodyRejected():
            words = [refused.fault]
        case _:
            words = [_spaced(type(refused).__name__), *(arg for arg in refused.args if isinstance(arg, str))]
    return re.sub(r"\W+", "_", " ".join(words)).strip("_")
