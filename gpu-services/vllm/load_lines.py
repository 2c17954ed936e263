"""How far vLLM's load is, out of the lines it logs."""

import re

from core.lifecycle import LoadProgress

# Where each step begins: what a line says, the phase, the fraction. Measured on a 7B model on one GPU,
# with a warm compile cache; the order is what counts, since the fraction only ever grows.
STEPS = (
    ("non-default args:", "engine", 0.04),
    ("Initializing a V1 LLM engine", "engine", 0.08),
    ("Starting to load model", "weights", 0.15),
    ("Loading weights took", "weights", 0.60),
    ("Model loading took", "weights", 0.61),
    ("Dynamo bytecode transform time", "compile", 0.65),
    ("Compiling a graph for compile range", "compile", 0.68),
    ("Directly load", "compile", 0.70),
    ("torch.compile took", "compile", 0.75),
    ("Available KV cache memory", "kv cache", 0.77),
    ("KV cache size:", "kv cache", 0.78),
    ("Graph capturing finished", "graphs", 0.96),
    ("init engine (profile", "warm-up", 0.97),
    ("Starting vLLM server on", "warm-up", 0.98),
    ("Application startup complete", "warm-up", 0.99),
)
WEIGHTS = re.compile(r"Loading .+?: +(\d+)% Completed \|")
GRAPHS = re.compile(r"Capturing CUDA graphs[^:]*: +(\d+)%\|")


def load_progress(line: str) -> LoadProgress | None:
    """None for a line that tells nothing of the kind."""
    if (weights := WEIGHTS.search(line)) is not None:
        return LoadProgress(between(0.15, 0.60, weights), "weights")
    if (graphs := GRAPHS.search(line)) is not None:
        return LoadProgress(between(0.78, 0.96, graphs), "graphs")
    return next((LoadProgress(at, phase) for words, phase, at in STEPS if words in line), None)


def between(start: float, end: float, percent: re.Match[str]) -> float:
    return round(start + (end - start) * int(percent.group(1)) / 100, 3)


def is_further(now: LoadProgress, before: LoadProgress) -> bool:
    """Several workers, and two passes over the graphs, tell the same steps again."""
    return (now.fraction or 0) > (before.fraction or 0)
