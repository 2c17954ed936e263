"""A model server: subclass it, load the model in `initialize`, add routes in `create_app`, call `run`."""

import atexit
import logging
import os
import sys
import threading
import time
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any, NoReturn

from fastapi import FastAPI

from .errors import describe, speak_openai_errors
from .front import Front
from .job import Job, current_job
from .lifecycle import Lifecycle, LoadProgress, Status
from .log import log_as_json
from .protocol import EventsPipe, health_body
from .runner import CannotListen, Runner, listening_socket, remove_if_there, watch_stop_signals
from .settings import Settings, read_settings
from .sleep_switch import CANARY_PATH, SLEEP_PATH, WAKE_PATH, SleepSwitch
from .telemetry import switch_off_telemetry
from .work_loop import WorkLoop

LAST_WORK_SECONDS = 1.0
FAILED = 1

log = logging.getLogger(__name__)


class BaseService:
    """What a model server gets for free; see gpu-services/README.md."""

    linger_seconds = 1.0
    """How long /health of a model that failed still tells why, before the process ends."""

    def __init__(self, name: str, port: int | None = None, settings: Settings | None = None) -> None:
        """`port` is used where neither the supervisor nor the command line says where to listen."""
        self.name = name
        self.port = port
        self.settings = settings or read_settings(os.environ, sys.argv[1:])
        self.events = EventsPipe(self.settings.events_fd, self.settings.boot_id)
        self.lifecycle = Lifecycle(self._tell_status)
        self.app = FastAPI(title=name, docs_url=None, redoc_url=None)
        self._work = WorkLoop()
        self._exit_code = 0
        self._runner: Runner | None = None

    # What a model's author writes.

    async def initialize(self) -> None:
        """Loads the model. May block. An exception makes the start fail with its message."""

    def create_app(self) -> None:
        """Adds routes to `self.app`. They are reached once `initialize` has returned."""

    async def shutdown(self) -> None:
        """Gives back what `initialize` took and the operating system does not."""

    @property
    def shutdown_seconds(self) -> float:
        """How long `shutdown` may take; what is over a second is taken from the time for requests."""
        return LAST_WORK_SECONDS

    def clear_away(self) -> None:
        """Removes files where `shutdown` has not come to its end in time. Must not block; in any thread."""

    @property
    def can_sleep(self) -> bool:
        """Whether `sleep` and `wake` are offered; override it (`can_sleep = True` will do) with them."""
        return False

    async def sleep(self) -> None:
        """Gives the GPU's memory back and keeps what makes `wake` quick. May block; no request is in flight.

        An exception, here or in `wake`, makes the model DEFUNCT: the process ends and is started again.
        """
        raise NotImplementedError

    async def wake(self) -> None:
        """Undoes `sleep`: afterwards the same request gets the same answer as before."""
        raise NotImplementedError

    async def canary(self) -> str | None:
        """What a small generation comes to, the same each time; None: there is none. May block.

        Asked before the first sleep and after each wake: a model that answers otherwise is started anew.
        """
        return None

    # What a model's author uses.

    @property
    def args(self) -> dict[str, Any]:
        """The `args` of models.yaml, or of --args."""
        return self.settings.args

    @property
    def model_id(self) -> str:
        """The id clients use; the service's name when it runs standalone."""
        return self.settings.model or self.name

    @property
    def job(self) -> Job:
        """The request that the calling code works for: `progress`, `cancelled`, `raise_if_cancelled`."""
        return current_job()

    def load_progress(self, fraction: float | None, phase: str | None = None) -> None:
        """Tells how far `initialize` is, 0 to 1 (None: cannot be told)."""
        if (progress := LoadProgress(fraction, phase)) != self.lifecycle.load:
            self.lifecycle.load = progress
            self.events.load(fraction, phase)

    def weights_at(self, *paths: str | Path) -> None:
        """Tells which files or folders the load reads: Roundhouse reads them ahead of the next one."""
        self.events.weights([str(Path(path).absolute()) for path in paths])

    def give_up(self, reason: str) -> None:
        """The model cannot work any more (a dead engine, a poisoned GPU): says why, then ends the process."""
        if not self.lifecycle.is_over:
            self._end_as("DEFUNCT", reason)

    # How it runs.

    def run(self) -> None:
        """Serves until SIGTERM, then ends the process: 0, or 1 if the model failed."""
        switch_off_telemetry(os.environ)
        log_as_json(self.name, self.settings.model)
        try:
            with listening_socket(self.settings, self.port) as sock:
                self._serve(Runner(self._front(), sock, self._seconds_for_requests()))
        except CannotListen as error:
            sys.exit(f"{self.name}: {error}")
        if have_ended(LAST_WORK_SECONDS):
            atexit._run_exitfuncs()
        exit_now(self._exit_code)

    def health(self) -> dict[str, Any]:
        return health_body(self.name, self.settings, self.lifecycle, self.can_sleep)

    def _seconds_for_requests(self) -> float:
        return self.settings.grace_seconds - max(0.0, self.shutdown_seconds - LAST_WORK_SECONDS)

    def _front(self) -> Front:
        switch = SleepSwitch(self, self._work.loop)
        own_routes = dict.fromkeys((SLEEP_PATH, WAKE_PATH, CANARY_PATH), switch)
        return Front(self.app, self._work.loop, self.lifecycle, self.events, self.health, own_routes)

    def _serve(self, runner: Runner) -> None:
        self._runner = runner
        watch_stop_signals(runner.stop)
        self.events.state("STARTING")
        server = runner.start(on_end=self._end_work)
        self._starting = self._work.submit(self._start_model())
        self._work.run_until_stopped()
        server.join(LAST_WORK_SECONDS)

    async def _start_model(self) -> None:
        try:
            speak_openai_errors(self.app)
            self.create_app()
            await self.initialize()
        except (Exception, SystemExit) as error:
            log.exception("The model could not be loaded")
            self._end_as("SETUP_FAILED", describe(error))
            return
        self.load_progress(1.0, "ready")
        self.lifecycle.become("READY")
        log.info("Ready after %.1f s", self.lifecycle.uptime_seconds())

    def _tell_status(self, status: Status, error: str | None) -> None:
        self.events.state(status, error)

    def _end_as(self, status: Status, reason: str) -> None:
        self._exit_code = FAILED
        self.lifecycle.become(status, reason)
        threading.Thread(target=self._stop_soon, daemon=True).start()

    def _stop_soon(self) -> None:
        time.sleep(self.linger_seconds)
        assert self._runner is not None
        self._runner.stop()

    def _end_work(self) -> None:
        """In the server's thread, after the last answer. Native code that never returns is not waited for."""
        self._starting.cancel()
        closing = self._work.submit(self.shutdown())
        wait_seconds = LAST_WORK_SECONDS
        try:
            closing.result(self.shutdown_seconds)
        except FutureTimeout:
            wait_seconds = 0.0  # what blocks the loop now has had its time
        except Exception as error:
            log.warning("The model did not shut down cleanly: %s", describe(error))
        if not self._work.stop(wait_seconds):
            self.clear_away()
            if self.settings.socket_path is not None:
                remove_if_there(self.settings.socket_path)
            exit_now(self._exit_code)


def have_ended(wait_seconds: float) -> bool:
    """Whether the threads have that Python would wait for, however long: one in native code may never end."""
    give_up_at = time.monotonic() + wait_seconds
    threads = [
        each for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()
    ]
    for thread in threads:
        thread.join(max(0.0, give_up_at - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def exit_now(code: int) -> NoReturn:
    """Python's own way out takes all modules apart first: with torch loaded, that is most of a second."""
    sys.stdout.flush()
    os._exit(code)
