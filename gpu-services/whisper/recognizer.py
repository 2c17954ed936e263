"""A loaded Whisper model: samples to segments."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.job import Job, current_job
from whisper_args import WhisperArgs, threads_to_use

# OpenAI's rule for temperature 0: warmer by these steps while the text looks wrong.
FALLBACK_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
COLDEST = 0.01  # below, it is the likeliest text anyway, and the odds overflow
WARM_UP = np.zeros(1600, np.float32)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """`language` None: the model finds out."""

    task: Literal["transcribe", "translate"] = "transcribe"
    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0
    with_words: bool = False
    without_silence: bool = False


@dataclass(frozen=True)
class Hearing:
    """`segments` come as they are recognized, in the thread that asks for the next."""

    language: str
    duration_seconds: float
    segments: Iterator[Any]


class Recognizer:
    def __init__(self, folder: Path, args: WhisperArgs) -> None:
        self._args = args
        self._model = load(folder, args)

    @property
    def is_multilingual(self) -> bool:
        return bool(self._model.model.is_multilingual)

    @property
    def languages(self) -> Sequence[str]:
        return list(self._model.supported_languages)

    def listen(self, samples: NDArray[np.float32], wish: Wish, job: Job) -> Hearing:
        """Finds out the language now. Raises JobCancelled between two steps once the client has left."""
        job.progress(0.0, "listening")
        segments, info = self._model.transcribe(
            samples,
            task=wish.task,
            language=wish.language,
            initial_prompt=wish.prompt or None,
            temperature=list(FALLBACK_TEMPERATURES) if wish.temperature < COLDEST else [wish.temperature],
            beam_size=self._args.beam_size,
            word_timestamps=wish.with_words,
            vad_filter=wish.without_silence or self._args.vad_filter,
        )
        return Hearing(info.language, info.duration, watched(segments, info.duration, job))


class Steps:
    """A part of the model. Raises JobCancelled where its next step is asked for once the client has left."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        current_job().raise_if_cancelled()
        return getattr(self._part, name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        current_job().raise_if_cancelled()
        return self._part(*args, **options)


def make_interruptible(model: Any, voice_detector: Any) -> None:
    """Voice is looked for in five minutes at a time. A window of 30 s takes several steps: it is encoded, its
    text is tried at up to six temperatures, its words are aligned. A step itself goes on to its end."""
    voice_detector.session = Steps(voice_detector.session)
    model.feature_extractor = Steps(model.feature_extractor)
    model.model = Steps(model.model)


def watched(segments: Iterator[Any], duration_seconds: float, job: Job) -> Iterator[Any]:
    """Tells progress by the seconds of sound that are done."""
    for segment in segments:
        job.raise_if_cancelled()
        job.progress(segment.end / duration_seconds, "transcribing")
        yield segment
    job.raise_if_cancelled()
    job.progress(1.0, "transcribing")


def load(folder: Path, args: WhisperArgs) -> Any:
    """A GPU that `auto` found may lack CTranslate2's libraries, which shows at the first use only."""
    if args.device != "auto":
        return warmed_up(folder, args, args.device)
    from ctranslate2 import get_cuda_device_count

    if get_cuda_device_count() > 0:
        try:
            return warmed_up(folder, args, "cuda")
        except RuntimeError as error:
            log.warning("The GPU cannot be used, so the CPU is: %s", error)
    return warmed_up(folder, args, "cpu")


def warmed_up(folder: Path, args: WhisperArgs, device: str) -> Any:
    from faster_whisper import WhisperModel
    from faster_whisper.vad import get_vad_model

    model: Any = WhisperModel(
        str(folder),
        device=device,
        device_index=args.device_index,
        compute_type=args.compute_type,
        cpu_threads=threads_to_use(args),
        num_workers=args.num_workers,
        local_files_only=True,
    )
    for _ in model.transcribe(WARM_UP, language="en", temperature=0.0)[0]:
        pass
    make_interruptible(model, get_vad_model())
    log.info("Whisper runs on %s in %s", model.model.device, model.model.compute_type)
    return model
