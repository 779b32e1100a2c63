"""One shape for every error (RFC 9457 problem details): `type`, `title`, `status`, `detail`, `code`, and the fields seen.

A browser gets a page with the same sentence, everything else JSON.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.headers import HEADERS
from models.errors import MinshengError, NotSignedIn

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """RFC 9457."""

    type: str = Field(description="urn:minsheng:CODE")
    title: str
    status: int
    detail: str = Field(description="a sentence with the value seen and the repair")
    code: str
    fields: dict[str, Any] = Field(default_factory=dict)


# What any operation may answer besides its own; the same for all, so that clients learn it once.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, words in {
        400: "refused: the value seen and the repair are in `detail`", 401: "not signed in", 404: "absent, or not yours",
        413: "the body is too large", 422: "not of the documented form", 429: "too many; see Retry-After",
        503: "a part is away; see Retry-After",
    }.items()
}  # fmt: skip


def describe(app: FastAPI) -> dict[str, Any]:
    """The application's OpenAPI document with the shape of its errors."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    assert app.openapi_schema is not None
    return app.openapi_schema


def wants_page(request: Request) -> bool:
    """A browser that follows a link, not a program and not htmx."""
    return "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers


def problem_response(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    if problem.status == 401 and wants_page(request):
        after = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': after})}" if after != "/" else "/login", status_code=303)
    if wants_page(request):
        from dashboards.pages import render_error, theme_of

        wait = problem.fields.get("retry_after_seconds")
        page = render_error(problem.status, sentence=problem.detail, code=problem.code, retry_after_seconds=wait,
                            theme=theme_of(request.cookies.get("theme")))  # fmt: skip
        return HTMLResponse(page, status_code=problem.status, headers=dict(headers or {}))
    if "hx-request" in request.headers:
        from dashboards.pages import render_error_part

        part = render_error_part(problem.detail, problem.code)
        return HTMLResponse(part, status_code=problem.status, headers=dict(headers or {}))
    content = jsonable_encoder(problem)
    return JSONResponse(content, status_code=problem.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(request: Request, error: MinshengError) -> Response:
    """The response to an error of our own tree."""
    headers = {}
    if "retry_after_seconds" in error.fields:
        headers["Retry-After"] = str(error.fields["retry_after_seconds"])
    elif error.status == 503:
        headers["Retry-After"] = "5"
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    problem = Problem(type=f"urn:minsheng:{error.code}", title=type(error).__name__, status=error.status, detail=error.message,
                      code=error.code, fields=jsonable_encoder(error.fields, custom_encoder={bytes: repr}))  # fmt: skip
    return problem_response(request, problem, headers)


def _of_our_tree(request: Request, error: Exception) -> Response:
    assert isinstance(error, MinshengError)
    return problem_of(request, error)


def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = " → ".join(str(part) for part in first["loc"])
    seen = repr(first.get("input"))[:100]
    detail = f"请求的 {place} 不合要求：{first['msg']}，收到 {seen}。请按 /openapi.json 改正。"
    fields = {"errors": [{"place": [str(p) for p in e["loc"]], "reason": e["msg"]} for e in error.errors()[:20]]}
    problem = Problem(
        type="urn:minsheng:MS300", title="BadRequest", status=422, detail=detail, code="MS300", fields=fields
    )
    return problem_response(request, problem)


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {404: "没有找到这个地址。", 405: "这个地址不接受此方法。"}
    detail = sentences.get(error.status_code, str(error.detail))
    code = f"HTTP{error.status_code}"
    problem = Problem(
        type=f"urn:minsheng:{code}", title=str(error.detail), status=error.status_code, detail=detail, code=code
    )
    return problem_response(request, problem, error.headers)


def _of_bug(request: Request, error: Exception) -> Response:
    log.error("request_failed", extra={"path": request.url.path, "error": type(error).__name__}, exc_info=error)
    problem = Problem(type="urn:minsheng:MS000", title="InternalError", status=500, code="MS000",
                      detail="服务内部出错，已记入日志。请稍后再试；若持续出现，请把时间和代码告诉管理员。")  # fmt: skip
    return problem_response(request, problem, HEADERS)  # made outside of all middleware


def install(app: FastAPI) -> None:
    """Every error of the application takes this shape, and its document says so."""
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_exception_handler(MinshengError, _of_our_tree)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_bug)
