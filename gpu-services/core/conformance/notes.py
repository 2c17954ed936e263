"""What was seen of a server. A field that is still None was not reached."""

from dataclasses import dataclass, field
from typing import Any

from .listening import Event
from .server import Ending
from .talk import Answer
from .traces import Traces


@dataclass
class Load:
    first_health: Answer | None = None
    first_health_seconds: float | None = None
    healths: list[Answer] = field(default_factory=list)
    refusal: Answer | None = None  # of a request that came while it loaded
    ready_seconds: float | None = None
    trouble: str | None = None  # why it never got ready


@dataclass
class Interruption:
    """A client that left in the middle of a long request."""

    after_seconds: float
    idle_seconds: float | None  # from then until health said that nothing is in flight; None: it never did
    cpu_share: float  # of one core, once it had said so
    limit_seconds: float
    next_answer: Answer


@dataclass
class Sleep:
    before: Answer
    to_sleep: Answer
    health_asleep: dict[str, Any]
    while_asleep: Answer
    to_wake: Answer
    after: Answer
    resident_mb: int | None  # what it had taken of the GPU before; None without a GPU
    asleep_mb: int | None


@dataclass
class Supervised:
    """On a socket under the launcher, from the start to SIGTERM with a short request just sent."""

    load: Load = field(default_factory=Load)
    socket_mode: int | None = None
    answer: Answer | None = None
    unknown_path: Answer | None = None
    bad: dict[str, Answer] = field(default_factory=dict)
    long: Answer | None = None
    at_work: Answer | None = None  # health, in the middle of `long`
    sleep_at_work: Answer | None = None  # what it said when it was told to sleep there
    after_work: dict[str, Any] = field(default_factory=dict)
    left: Interruption | None = None
    left_stream: Interruption | None = None
    sleep: Sleep | None = None
    can_sleep: bool = False
    last_answer: Answer | None = None
    ending: Ending | None = None
    traces: Traces | None = None
    events: list[Event] = field(default_factory=list)
    not_events: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def events_of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]


@dataclass
class Loading:
    """Ended while it loads."""

    has_listened: bool = False
    was_ready: bool = False
    ending: Ending | None = None
    traces: Traces | None = None


@dataclass
class Standalone:
    """On a port, without a launcher; ended in the middle of a long request."""

    load: Load = field(default_factory=Load)
    answer: Answer | None = None
    was_at_work: bool = False
    ending: Ending | None = None
    traces: Traces | None = None
    output: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass
class Broken:
    """Started with args that cannot work."""

    status: str | None = None
    error: str | None = None
    exit_code: int | None = None
    seconds: float = 0.0


@dataclass
class Notes:
    supervised: Supervised = field(default_factory=Supervised)
    loading: Loading = field(default_factory=Loading)
    standalone: Standalone = field(default_factory=Standalone)
    broken: Broken = field(default_factory=Broken)
