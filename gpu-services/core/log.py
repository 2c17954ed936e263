"""Logs as JSON, one object per line on stdout."""

import json
import logging
import sys
import time
from typing import Any

from .job import current_job

QUIET_LOGGERS = ("httpx", "httpcore")
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """`extra=` fields become fields of the line; inside a request the line carries its job id."""

    def __init__(self, service: str, model: str | None) -> None:
        super().__init__()
        self._origin = {"service": service} if model is None else {"service": service, "model": model}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": timestamp(record),
            "level": record.levelname.lower(),
            **self._origin,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (job_id := current_job().id) is not None:
            line["job_id"] = job_id
        line.update(extra_fields(record))
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def extra_fields(record: logging.LogRecord) -> list[tuple[str, Any]]:
    return [
        (key, value)
        for key, value in vars(record).items()
        if key not in STANDARD_FIELDS and value is not None
    ]


def timestamp(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def log_as_json(service: str, model: str | None = None) -> None:
    """Takes over the root logger."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service, model))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
