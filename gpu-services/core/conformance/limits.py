"""How long a server may take for what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    first_health_seconds: float = 10.0
    load_seconds: float = 900.0
    answer_seconds: float = 300.0
    cancel_seconds: float = 10.0
    grace_seconds: float = 10.0
    gpu_seconds: float = 5.0
    nvidia_smi: tuple[str, ...] | None = None
