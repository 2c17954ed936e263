"""Reads /v1/images/edits: a form with files, or JSON with data URLs."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from core.errors import BadRequest
from image_files import MAX_INPUT_BYTES
from image_request import EditRequest

IMAGE_FIELDS = ("image", "image[]")


@dataclass(frozen=True)
class Edit:
    request: EditRequest
    image: bytes
    mask: bytes | None


async def read_edit(request: Request) -> Edit:
    """Raises BadRequest, or the validation error that FastAPI would."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=17, max_fields=64) as form:
            return await edit_of_form(form)
    return edit_of_json(await request.body())


async def edit_of_form(form: FormData) -> Edit:
    files = [file for name in IMAGE_FIELDS for file in form.getlist(name)]
    image = await file_bytes(only_one(files), "image")
    mask = form.get("mask")
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return Edit(checked(fields), image, await file_bytes(mask, "mask") if mask is not None else None)


async def file_bytes(file: Any, param: str) -> bytes:
    if not isinstance(file, UploadFile):
        raise BadRequest(f"{param} must be a file", param=param)
    if file.size is not None and file.size > MAX_INPUT_BYTES:
        raise BadRequest(f"The file is larger than {MAX_INPUT_BYTES >> 20} MB", param, code="image_too_large")
    return await file.read()


def edit_of_json(text: bytes) -> Edit:
    try:
        body = json.loads(text)
    except ValueError:
        raise BadRequest("The body is neither a form nor valid JSON", code="invalid_json") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object", code="invalid_json")
    images = body.get("images", body.get("image"))
    image = only_one(images if isinstance(images, list) else [images] if images else [])
    mask = body.get("mask")
    return Edit(
        checked(body), data_url_bytes(image, "images"), data_url_bytes(mask, "mask") if mask else None
    )


def only_one(images: list[Any]) -> Any:
    if not images:
        raise BadRequest("There is no image", param="image", code="missing_required_parameter")
    if len(images) > 1:
        raise BadRequest(f"This model takes one image, not {len(images)}", param="image")
    return images[0]


def data_url_bytes(reference: Any, param: str) -> bytes:
    """`{"image_url": "data:..."}`, as OpenAI has it, or the data URL alone. Nothing is fetched."""
    url = reference.get("image_url") if isinstance(reference, dict) else reference
    if not isinstance(url, str) or not url.startswith("data:"):
        raise BadRequest(f"{param} must be a data URL (data:image/png;base64,...)", param=param)
    head, comma, data = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise BadRequest(f"{param} must be a data URL in base64", param=param)
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise BadRequest(f"{param} is not valid base64: {error}", param=param) from None


def checked(fields: dict[str, Any]) -> EditRequest:
    try:
        return EditRequest.model_validate(fields)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from None
