"""Like gated.py, and can sleep."""

from gated import Gated


class GatedSleeper(Gated):
    can_sleep = True

    async def sleep(self) -> None: ...

    async def wake(self) -> None: ...


if __name__ == "__main__":
    GatedSleeper(name="gated_sleeper").run()
