"""The client's log: its lines hold signed addresses, so a lost connection is told in words of ours."""

import logging

from .events import tell

LOST = "Trying to resume"


class LostConnections(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if LOST in str(record.msg):
            tell_lost_connection()


def tell_lost_connection() -> None:
    tell("note", message="the connection was lost; going on where it stopped")


def hear_lost_connections() -> None:
    logger = logging.getLogger("huggingface_hub")
    logger.handlers = [LostConnections()]
    logger.propagate = False
