"""What was heard, in each of OpenAI's response formats."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from languages import name_of

Segment = Any  # faster_whisper.transcribe.Segment
Json = dict[str, Any]


@dataclass(frozen=True)
class Transcript:
    task: str
    language: str
    duration_seconds: float
    segments: Sequence[Segment]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments).strip()

    def as_json(self) -> Json:
        return {"text": self.text, "usage": usage(self.duration_seconds)}

    def as_verbose_json(self, with_segments: bool, with_words: bool) -> Json:
        body: Json = {
            "task": self.task,
            "language": name_of(self.language),
            "duration": self.duration_seconds,
            "text": self.text,
        }
        if with_words:
            words = (word for segment in self.segments for word in segment.words or [])
            body["words"] = [
                {"word": word.word.strip(), "start": seconds(word.start), "end": seconds(word.end)}
                for word in words
            ]
        if with_segments:
            body["segments"] = [segment_json(i, segment) for i, segment in enumerate(self.segments)]
        return {**body, "usage": usage(self.duration_seconds)}

    def as_srt(self) -> str:
        blocks = (
            f"{i}\n{clock(segment.start, ',')} --> {clock(segment.end, ',')}\n{subtitle(segment)}\n"
            for i, segment in enumerate(self.segments, 1)
        )
        return "\n".join(blocks)

    def as_vtt(self) -> str:
        blocks = (
            f"{clock(segment.start, '.')} --> {clock(segment.end, '.')}\n{subtitle(segment)}\n"
            for segment in self.segments
        )
        return "\n".join(["WEBVTT\n", *blocks])


def segment_json(number: int, segment: Segment) -> Json:
    return {
        "id": number,
        "seek": segment.seek,
        "start": seconds(segment.start),
        "end": seconds(segment.end),
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }


def events(segments: Iterable[Segment], duration_seconds: float) -> Iterator[str]:
    """OpenAI's events: the deltas, put together, are the text."""
    text = ""
    for segment in segments:
        delta = segment.text if text else segment.text.lstrip()
        text += delta
        yield event({"type": "transcript.text.delta", "delta": delta})
    yield event({"type": "transcript.text.done", "text": text, "usage": usage(duration_seconds)})


def event(body: Json) -> str:
    return f"data: {json.dumps(body)}\n\n"


def usage(duration_seconds: float) -> Json:
    return {"type": "duration", "seconds": seconds(duration_seconds)}


def seconds(value: float) -> float:
    return round(float(value), 3)


def subtitle(segment: Segment) -> str:
    """One line: an empty one would end the block, and an arrow would look like times."""
    return " ".join(segment.text.split()).replace("-->", "->")


def clock(value_seconds: float, decimal_mark: str) -> str:
    whole, ms = divmod(round(value_seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{decimal_mark}{ms:03}"
