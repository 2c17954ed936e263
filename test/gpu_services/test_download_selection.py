"""Which files of a repository are fetched. The lists are those of real repositories, shortened."""

from typing import Any

import pytest

from downloads.request import Repository
from downloads.selection import select

FLUX = [
    ".gitattributes",
    "LICENSE.md",
    "README.md",
    "ae.safetensors",
    "flux1-schnell.safetensors",
    "model_index.json",
    "schnell_grid.jpeg",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "text_encoder_2/config.json",
    "text_encoder_2/model-00001-of-00002.safetensors",
    "text_encoder_2/model-00002-of-00002.safetensors",
    "text_encoder_2/model.safetensors.index.json",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
    "tokenizer_2/spiece.model",
    "tokenizer_2/tokenizer.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
    "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
    "transformer/diffusion_pytorch_model.safetensors.index.json",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
]
STABLE_DIFFUSION = [
    "model_index.json",
    "sd.ckpt",
    "sd.safetensors",
    "unet/config.json",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "text_encoder/model.fp16.safetensors",
    "text_encoder/model.safetensors",
    "text_encoder/pytorch_model.bin",
    "vae/diffusion_pytorch_model.safetensors",
]
MUSICGEN = [
    "README.md",
    "compression_state_dict.bin",
    "config.json",
    "generation_config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "pytorch_model-00001-of-00002.bin",
    "pytorch_model-00002-of-00002.bin",
    "pytorch_model.bin.index.json",
    "spiece.model",
    "state_dict.bin",
    "tokenizer.json",
]
MISTRAL = [
    "config.json",
    "consolidated.safetensors",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "tekken.json",
    "tokenizer.model",
]
ENCODER = [
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "2_Dense/model.safetensors",
    "2_Dense/pytorch_model.bin",
    "config.json",
    "model.safetensors",
    "modules.json",
    "onnx/model.onnx",
    "openvino/openvino_model.bin",
    "pytorch_model.bin",
    "tf_model.h5",
]
WHISPER = [
    "README.md",
    "config.json",
    "model.bin",
    "tokenizer.json",
    "vocabulary.txt",
]
LORAS = [
    "README.md",
    "anime.safetensors",
    "pixel.safetensors",
]


def weights(paths: list[str], **wanted: Any) -> set[str]:
    return set(select(paths, Repository("org/name", **wanted)).weights)


def test_a_pipeline_comes_from_its_folders_and_not_once_more_from_the_top() -> None:
    assert weights(FLUX) == {path for path in FLUX if "/" in path and path.endswith(".safetensors")}
    taken = select(FLUX, Repository("org/name")).paths
    assert "tokenizer_2/spiece.model" in taken
    assert "LICENSE.md" in taken
    assert "schnell_grid.jpeg" not in taken


def test_of_the_same_weights_in_several_variants_one_is_taken() -> None:
    plain = {path for path in STABLE_DIFFUSION if path.endswith("model.safetensors") and "/" in path}
    assert weights(STABLE_DIFFUSION) == plain
    assert weights(STABLE_DIFFUSION, variant="fp16") == {
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "text_encoder/model.fp16.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    }


def test_shards_come_with_their_index() -> None:
    taken = select(MUSICGEN, Repository("org/name"))
    assert set(taken.weights) == {path for path in MUSICGEN if path.endswith(".safetensors")}
    assert "model.safetensors.index.json" in taken.paths
    assert taken.refused == ()


def test_one_whole_file_is_taken_rather_than_its_shards() -> None:
    both = ["model.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert weights(both) == {"model.safetensors"}


def test_weights_for_another_program_beside_the_model_are_left_out() -> None:
    assert weights(MISTRAL) == {path for path in MISTRAL if path.startswith("model-")}


def test_a_sentence_encoder_comes_with_its_modules() -> None:
    taken = select(ENCODER, Repository("org/name"))
    assert set(taken.weights) == {"model.safetensors", "2_Dense/model.safetensors"}
    assert "1_Pooling/config.json" in taken.paths
    assert taken.refused == ()


def test_only_the_named_weights_of_a_collection_are_taken() -> None:
    assert weights(LORAS, weights=("pixel.safetensors",)) == {"pixel.safetensors"}
    assert weights(LORAS) == {"anime.safetensors", "pixel.safetensors"}


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.ckpt", "weights.pkl", "tf_model.h5"]
)
def test_a_place_with_other_weights_alone_is_refused(name: str) -> None:
    assert select(["config.json", name], Repository("org/name")).refused == (name,)


def test_a_part_of_a_pipeline_without_safetensors_is_refused() -> None:
    with_checker = [*STABLE_DIFFUSION, "safety_checker/pytorch_model.bin"]
    assert select(with_checker, Repository("org/name")).refused == ("safety_checker/pytorch_model.bin",)


def test_what_is_allowed_is_taken_and_refused_no_more() -> None:
    assert select(WHISPER, Repository("org/name")).refused == ("model.bin",)
    allowed = select(WHISPER, Repository("org/name", allow=("model.bin",)))
    assert allowed.weights == ("model.bin",)
    assert allowed.refused == ()


def test_code_of_a_repository_is_never_taken_unasked() -> None:
    paths = ["config.json", "model.safetensors", "modeling_new.py"]
    assert "modeling_new.py" not in select(paths, Repository("org/name")).paths
    assert "modeling_new.py" in select(paths, Repository("org/name", allow=("*.py",))).paths
