"""Fails in `initialize`, as args say: by an error, or by SystemExit, as some libraries do."""

import sys

from core.base_service import BaseService


class Failing(BaseService):
    linger_seconds = 600.0  # the test ends it

    async def initialize(self) -> None:
        if self.args.get("how") == "exit":
            sys.exit("the library gave up")
        raise RuntimeError("there are no weights here")


if __name__ == "__main__":
    Failing(name="failing").run()
