"""Forms with files, read whole: what tests send is small."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FormFile:
    name: str
    content_type: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.name} {len(self.data)} {hashlib.sha256(self.data).hexdigest()}"


def is_form(content_type: str) -> bool:
    return content_type.startswith("multipart/form-data")


def read_form(content_type: str, raw: bytes) -> dict[str, Any]:
    """Texts and files by name; what is called `name[]` is a list. Raises ValueError when it is no form."""
    match = re.search(r'boundary="?([^";]+)', content_type)
    if match is None:
        raise ValueError("the form has no boundary")
    values: dict[str, Any] = {}
    for part in raw.split(b"--" + match[1].encode())[1:-1]:
        head, _, data = part[2:-2].partition(b"\r\n\r\n")
        name, value = read_part(head.decode(), data)
        if name.endswith("[]"):
            values.setdefault(name[:-2], []).append(value)
        else:
            values[name] = value
    return values


def read_part(head: str, data: bytes) -> tuple[str, Any]:
    name = re.search(r'[; ]name="([^"]*)"', head)
    if name is None:
        raise ValueError("a part of the form has no name")
    file_name = re.search(r'filename="([^"]*)"', head)
    if file_name is None:
        return name[1], typed(data.decode())
    content_type = re.search(r"(?i)content-type: *([^\r\n]+)", head)
    return name[1], FormFile(file_name[1], content_type[1] if content_type else "", data)


def typed(text: str) -> Any:
    return {"true": True, "false": False}.get(text, int(text) if re.fullmatch(r"\d{1,15}", text) else text)
