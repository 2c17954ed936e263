"""Errors in OpenAI's envelope, whoever raises them."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .job import JobCancelled

CLIENT_LEFT = 499
TYPES_BY_STATUS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CODES_BY_STATUS = {404: "not_found", 405: "method_not_allowed"}


class ServiceError(Exception):
    """An answer that is an error: raise it from a handler."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param


class BadRequest(ServiceError):
    """400: `param` names the field at fault."""

    def __init__(self, message: str, param: str | None = None, code: str | None = "invalid_value") -> None:
        super().__init__(400, message, code=code, param=param)


def envelope(
    status: int, message: str, *, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    kind = TYPES_BY_STATUS.get(status, fallback)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_response(
    status: int, message: str, *, code: str | None = None, param: str | None = None
) -> JSONResponse:
    return JSONResponse(envelope(status, message, code=code, param=param), status_code=status)


def speak_openai_errors(app: FastAPI) -> None:
    """Makes `app` answer each kind of error in the envelope."""

    @app.exception_handler(ServiceError)
    async def service_error(request: Request, error: ServiceError) -> Response:
        return error_response(error.status, error.message, code=error.code, param=error.param)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        return http_error_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> Response:
        return validation_response(error.errors())

    @app.exception_handler(JobCancelled)
    async def cancelled(request: Request, error: JobCancelled) -> Response:
        return error_response(CLIENT_LEFT, "The request was cancelled", code="cancelled")

    @app.exception_handler(Exception)
    async def crash(request: Request, error: Exception) -> Response:
        return error_response(500, f"The model failed: {describe(error)}", code="model_error")


def http_error_response(error: HTTPException) -> Response:
    detail: Any = error.detail
    if isinstance(detail, dict) and "error" in detail:
        body = detail
    else:
        body = envelope(error.status_code, str(detail), code=CODES_BY_STATUS.get(error.status_code))
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


def validation_response(problems: Sequence[Any]) -> Response:
    """400 that names the first problem's field, as OpenAI does."""
    problem = problems[0]
    if problem["type"] == "json_invalid":
        return error_response(400, "The body is not valid JSON", code="invalid_json")
    param = param_name(problem["loc"])
    code = "missing_required_parameter" if problem["type"] == "missing" else "invalid_value"
    where = f"Invalid '{param}': " if param else ""
    return error_response(400, where + problem["msg"].removeprefix("Value error, "), code=code, param=param)


def param_name(location: Sequence[Any]) -> str | None:
    """('body', 'messages', 0, 'content') → 'messages[0].content'."""
    name = ""
    for part in location[1:]:
        name += f"[{part}]" if isinstance(part, int) else f".{part}"
    return name.lstrip(".") or None


def describe(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
