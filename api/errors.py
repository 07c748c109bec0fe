"""Maps errors to answers, once, in OpenAI's envelope: ``{"error": {"message", "type", "code", "param"}}``."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from palate.domain import PATTERNS
from palate.errors import Busy, DeadlineExceeded, InvalidInput, NotFound, PalateError, Unavailable

__all__ = [
    "HTTP_CODES",
    "check_body",
    "describe_problems",
    "envelope",
    "error_answer",
    "install_error_handlers",
    "palate_envelope",
    "status_of",
]

_logger = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[PalateError], int], ...] = (
    (NotFound, 404),
    (Busy, 409),
    (InvalidInput, 400),
    (DeadlineExceeded, 504),
    (Unavailable, 503),
)
_MAX_SHOWN = 80
_MAX_PROBLEMS = 5


def status_of(error: PalateError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _type_of(status: int) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return "not_found_error"
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return "invalid_request_error"
    return "service_unavailable_error" if status == HTTPStatus.SERVICE_UNAVAILABLE else "server_error"


def envelope(message: str, *, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """Return the body of an error answer."""
    message = message.encode("utf-8", "replace").decode()  # a lone surrogate could not be sent
    return {"error": {"message": message, "type": _type_of(status), "code": code, "param": param}}


def error_answer(
    message: str, *, status: int, code: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as a response."""
    return JSONResponse(envelope(message, status=status, code=code, param=param), status, headers)


def palate_envelope(error: PalateError) -> dict[str, Any]:
    """Return the body that stands for an error raised on purpose."""
    return envelope(str(error), status=status_of(error), code=error.code, param=error.param)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"


def _shown(value: Any) -> str:
    """Return a value as JSON writes it, as whoever sent it knows it."""
    try:
        return _short(json.dumps(value, default=str))  # in ASCII: a lone surrogate in the input could not be written back
    except (RecursionError, TypeError, ValueError):  # nested too deeply, or keys that JSON has not: a setting's default may
        return "what cannot be shown"


# What pydantic words for who writes Python, worded for who writes JSON; by the problem's type.
_WORDED = {
    "dict_type": "Input should be a JSON object",
    "model_type": "Input should be a JSON object",
    "model_attributes_type": "Input should be a JSON object",
    "bool_type": "Input should be true or false",
    "tuple_type": "Input should be a list",
    "list_type": "Input should be a list",
    "int_type": "Input should be a whole number",
    "int_parsing": "Input should be a whole number",
    "int_from_float": "Input should be a whole number",
    "float_type": "Input should be a number",
    "float_parsing": "Input should be a number",
    "string_type": "Input should be a string",
}


def _describe(problem: Mapping[str, Any], whole: str) -> tuple[str, str]:
    where = ".".join(str(part) for part in problem["loc"])
    what = where or whole
    if problem["type"] == "string_pattern_mismatch" and (words := PATTERNS.get(problem["ctx"]["pattern"])) is not None:
        return where, f"{what}: Input should be {words}; got {_shown(problem.get('input'))}."
    message = _WORDED.get(problem["type"], str(problem["msg"]).removeprefix("Value error, ").replace("Tuple should", "List should"))
    if problem["type"] == "missing":
        return where, f"{what} is missing."
    if problem["type"] == "model_attributes_type" and not where:
        return where, f"{whole} must be a JSON object, sent with Content-Type: application/json."
    if problem["type"] == "extra_forbidden":
        return where, f"{what} is no field here; leave it out, or correct its name."
    return where, f"{what}: {message}; got {_shown(problem.get('input'))}."


def describe_problems(problems: Sequence[Mapping[str, Any]], *, whole: str = "The body") -> tuple[str, str | None]:
    """Return pydantic's problems as a message, and the field that the first is about; ``whole`` is what has the fields."""
    described = [_describe(problem, whole) for problem in problems[:_MAX_PROBLEMS]]
    message = " ".join(text for _, text in described)
    return message.encode("utf-8", "replace").decode(), described[0][0].encode("utf-8", "replace").decode() or None


def check_body(model: type[BaseModel], body: Mapping[str, Any]) -> None:
    """Check a body before it is sent, where what would refuse it is not up yet.

    Raises:
        InvalidInput: ``model`` does not take it; in the words of the HTTP answer.

    """
    try:
        model.model_validate(body)
    except ValidationError as error:
        message, name = describe_problems([dict(problem) for problem in error.errors()])
        raise InvalidInput(message, param=name) from error


def _refused(message: str, param: str | None = None) -> JSONResponse:
    return error_answer(message, status=422, code="invalid_input", param=param)


async def _on_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = [dict(problem) for problem in error.errors()]
    first = problems[0]
    if first["type"] == "json_invalid":
        return _refused(f"The body is not JSON: {first['ctx']['error']}, at character {first['loc'][1] + 1}.")
    for problem in problems:
        problem["loc"] = problem["loc"][1:]  # the first part says where the field came in: body, query, path or header
    return _refused(*describe_problems(problems))


def _unread(cause: BaseException | None) -> str | None:
    """Return why a body could not be read, where its grammar is not at fault; FastAPI says no more than that it was so."""
    if isinstance(cause, RecursionError):
        return "The body is nested too deeply to be read. Send fewer lists or objects within one another."
    if isinstance(cause, UnicodeDecodeError):
        return f"The body is not UTF-8, at byte {cause.start + 1}. Send JSON in UTF-8."
    if isinstance(cause, ValueError):
        return "The body holds a number of too many digits to be read. Send a smaller one."
    return None


async def _on_palate(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PalateError)  # noqa: S101
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _logger.warning("%s: %s", error.code, error)
    return JSONResponse(palate_envelope(error), status)


HTTP_CODES = {400: "invalid_input", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
"""Codes of errors that the HTTP layer itself makes, by status."""


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = error.status_code
    code = HTTP_CODES.get(status, "http_error")
    if status == HTTPStatus.BAD_REQUEST and (why := _unread(error.__cause__)) is not None:
        return _refused(why)
    if status == HTTPStatus.NOT_FOUND:
        message = f"There is nothing at {_short(ascii(request.url.path))}."
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"{request.method} is not possible at {_short(ascii(request.url.path))}. Use {allowed}."
    else:
        message = str(error.detail)
    return error_answer(message, status=status, code=code, headers=error.headers)


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of the application an envelope. Unexpected ones are the business of the middleware."""
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(PalateError, _on_palate)
    app.add_exception_handler(HTTPException, _on_http)
