"""What an answer of each dialect may look like, whatever was asked."""

from collections.abc import Sequence
from http import HTTPStatus

from .raw import Answer

CHALLENGE = 'Bearer realm="api"'
_REQUIRED = {"type", "title", "status", "detail", "code"}


def djoser_fault(answer: Answer) -> str | None:
    """Return what is wrong with an answer as djoser's dialect goes; None where nothing is."""
    if (fault := _common_fault(answer)) or not _is_told_error(answer):
        return fault
    if answer.kind != "application/json":
        return f"an error as {answer.kind!r}"
    match answer.json():
        case {"detail": str(), **rest}:
            fits = rest.keys() <= {"code", "messages"}
        case dict() as by_field:
            fits = bool(by_field) and all(map(_is_texts, by_field.values()))
        case other:
            fits = _is_texts(other)
    return None if fits else "an error of no shape that djoser's clients know"


def native_fault(answer: Answer) -> str | None:
    """Return what is wrong with an answer as the native dialect goes; None where nothing is."""
    if (fault := _common_fault(answer)) or not _is_told_error(answer):
        return fault
    if answer.kind != "application/problem+json":
        return f"an error as {answer.kind!r}"
    problem = answer.json()
    if not isinstance(problem, dict) or not problem.keys() >= _REQUIRED or problem.keys() - _REQUIRED - {"errors"}:
        return "an error that is no problem document"
    fields = problem.get("errors")
    named = (answer.status, HTTPStatus(answer.status).phrase)
    return _first(
        ((problem["status"], problem["title"]) != named, "a problem that names another status"),
        (not problem["detail"] or not problem["code"].isidentifier(), "a problem without a sentence or a code"),
        ((answer.status in {409, 422}) != (fields is not None), "fields at fault belong to 409 and 422 alone"),
        (not all(map(_is_faults, (fields or {}).values())), "faults of fields that are not code and message"),
    )


def _common_fault(answer: Answer) -> str | None:
    has = answer.headers
    return _first(
        (answer.status >= 500, "a failure of the server"),
        ("x-request-id" not in has, "no request id"),
        (has.get("x-content-type-options") != "nosniff" or "server" in has, "headers that tell too much or too little"),
        (answer.status == 401 and has.get("www-authenticate") != CHALLENGE, "a 401 without its challenge"),
        (answer.status == 405 and "allow" not in has, "a 405 that does not say what is allowed"),
        (answer.status == 204 and (answer.body or "content-type" in has), "a 204 with a body"),
    )


def _first(*faults: tuple[object, str]) -> str | None:
    return next((fault for is_so, fault in faults if is_so), None)


def _is_told_error(answer: Answer) -> bool:
    """Say whether this is an error that has its body with it: one to HEAD only tells how long it would be."""
    return answer.status >= 400 and bool(answer.body or answer.headers.get("content-length", "0") == "0")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) and text for text in value)


def _is_faults(faults: Sequence[object]) -> bool:
    return bool(faults) and all(
        isinstance(fault, dict) and fault.keys() == {"code", "message"} and fault["code"] and fault["message"]
        for fault in faults
    )
