"""Maps errors to answers, once, in OpenAI's envelope: ``{"error": {"message", "type", "code", "param"}}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from palate.errors import Busy, DeadlineExceeded, InvalidInput, NotFound, PalateError, Unavailable

__all__ = ["HTTP_CODES", "describe_problems", "envelope", "error_answer", "install_error_handlers", "palate_envelope", "status_of"]

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


def _shown(value: Any) -> str:
    text = ascii(value)  # a lone surrogate in the input could not be written back
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"


def _describe(problem: Mapping[str, Any]) -> tuple[str, str]:
    where = ".".join(str(part) for part in problem["loc"] if part not in {"body", "query", "path", "header"})
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "json_invalid":
        return where, f"The body is not JSON: {problem.get('ctx', {}).get('error', message)}."
    if problem["type"] == "missing":
        return where, f"{where or 'The body'} is missing."
    if problem["type"] == "model_attributes_type":
        return where, f"{where or 'The body'} must be a JSON object, sent with Content-Type: application/json."
    return where, f"{where or 'The body'}: {message}; got {_shown(problem.get('input'))}."


def describe_problems(problems: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
    """Return pydantic's problems as a message, and the field that the first is about."""
    described = [_describe(problem) for problem in problems[:_MAX_PROBLEMS]]
    message = " ".join(text for _, text in described)
    return message.encode("utf-8", "replace").decode(), described[0][0].encode("utf-8", "replace").decode() or None


async def _on_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    message, param = describe_problems(error.errors())
    return error_answer(message, status=422, code="invalid_input", param=param)


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
    if status == HTTPStatus.NOT_FOUND:
        message = f"There is nothing at {_shown(request.url.path)}."
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"{request.method} is not possible at {_shown(request.url.path)}. Use {allowed}."
    else:
        message = str(error.detail)
    return error_answer(message, status=status, code=code, headers=error.headers)


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of the application an envelope. Unexpected ones are the business of the middleware."""
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(PalateError, _on_palate)
    app.add_exception_handler(HTTPException, _on_http)
