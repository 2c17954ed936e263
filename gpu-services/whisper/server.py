"""Transcription by Whisper. Standalone: python gpu-services/whisper/server.py --port 8003

`args` in models.yaml: model (a folder in CTranslate2's format, a package that ships one, or a hub id
in the Hugging Face cache), revision, device, device_index, compute_type, cpu_threads, num_workers, beam_size,
vad_filter (leave out what is no voice), max_audio_seconds.
"""

from typing import Annotated

from fastapi import Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from core.base_service import BaseService
from core.errors import BadRequest
from core.service_args import read_args
from languages import code_of
from recognizer import Hearing, Recognizer, Wish
from sound_file import decode
from transcript import Transcript, events
from transcription_request import TranscriptionForm, TranslationForm, refuse_what_does_not_fit
from whisper_args import WhisperArgs
from whisper_folder import find_whisper


class WhisperService(BaseService):
    def __init__(self) -> None:
        super().__init__(name="whisper", port=8003)

    async def initialize(self) -> None:
        args = read_args(WhisperArgs, self.args)
        self.load_progress(None, "weights")
        self.max_audio_seconds = args.max_audio_seconds
        folder = find_whisper(args.model, args.revision)
        self.weights_at(folder)
        self.recognizer = Recognizer(folder, args)

    def create_app(self) -> None:
        self.app.post("/v1/audio/transcriptions")(self.transcribe)
        self.app.post("/v1/audio/translations")(self.translate)

    async def transcribe(self, form: Annotated[TranscriptionForm, Form()]) -> Response:
        refuse_what_does_not_fit(form)
        wish = Wish(
            language=code_of(form.language, self.recognizer.languages) if form.language else None,
            prompt=form.prompt,
            temperature=form.temperature,
            with_words=form.wants_words,
            without_silence=form.chunking_strategy == "auto",
        )
        hearing = await self._listen(form, wish)
        if form.stream:
            told = events(hearing.segments, hearing.duration_seconds)
            return StreamingResponse(told, media_type="text/event-stream")
        return answer(form, await run_in_threadpool(whole, hearing, wish))

    async def translate(self, form: Annotated[TranslationForm, Form()]) -> Response:
        if not self.recognizer.is_multilingual:
            raise BadRequest(
                f"The model {self.model_id} knows English only and cannot translate; "
                "a multilingual Whisper can",
                "model",
            )
        wish = Wish(task="translate", prompt=form.prompt, temperature=form.temperature)
        hearing = await self._listen(form, wish)
        return answer(form, await run_in_threadpool(whole, hearing, wish))

    async def _listen(self, form: TranslationForm, wish: Wish) -> Hearing:
        job = self.job
        job.progress(None, "decoding")
        samples = await run_in_threadpool(decode, form.file.file, self.max_audio_seconds, job)
        return await run_in_threadpool(self.recognizer.listen, samples, wish, job)


def whole(hearing: Hearing, wish: Wish) -> Transcript:
    language = "en" if wish.task == "translate" else hearing.language
    return Transcript(wish.task, language, hearing.duration_seconds, list(hearing.segments))


def answer(form: TranslationForm, transcript: Transcript) -> Response:
    if form.response_format == "json":
        return JSONResponse(transcript.as_json())
    if form.response_format == "verbose_json":
        with_words = isinstance(form, TranscriptionForm) and form.wants_words
        with_segments = not isinstance(form, TranscriptionForm) or form.wants_segments
        return JSONResponse(transcript.as_verbose_json(with_segments, with_words))
    texts = {"text": f"{transcript.text}\n", "srt": transcript.as_srt(), "vtt": transcript.as_vtt()}
    return PlainTextResponse(texts[form.response_format])


if __name__ == "__main__":
    WhisperService().run()
