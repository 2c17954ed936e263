"""Makes a MusicGen of 1.5 MB with random weights: .venvs/musicgen/bin/python tiny_musicgen.py OUT_DIR

It has every part of MusicGen, 50 frames a second at 32 kHz; its music is noise.
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tiny_text import t5_config, t5_tokenizer
from transformers import (
    EncodecConfig,
    EncodecFeatureExtractor,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    MusicgenProcessor,
    T5TokenizerFast,
)

START = 256


def audio_encoder() -> EncodecConfig:
    return EncodecConfig(
        sampling_rate=32000,
        audio_channels=1,
        target_bandwidths=[1.6],
        upsampling_ratios=[8, 5, 4, 4],
        hidden_size=32,
        num_filters=4,
        num_residual_layers=1,
        num_lstm_layers=1,
        codebook_size=256,
        codebook_dim=32,
        normalize=False,
        use_causal_conv=False,
        chunk_length_s=None,
        norm_type="weight_norm",
        use_conv_shortcut=False,
    )


def decoder() -> MusicgenDecoderConfig:
    return MusicgenDecoderConfig(
        vocab_size=256,
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_codebooks=4,
        max_position_embeddings=2048,
        audio_channels=1,
        pad_token_id=START,
        bos_token_id=START,
        eos_token_id=None,
        decoder_start_token_id=START,
    )


def model(tokenizer: T5TokenizerFast) -> MusicgenForConditionalGeneration:
    torch.manual_seed(0)
    config = MusicgenConfig(
        text_encoder=t5_config(tokenizer, heads=4).to_dict(),
        audio_encoder=audio_encoder().to_dict(),
        decoder=decoder().to_dict(),
    )
    made = MusicgenForConditionalGeneration(config).eval()
    for layer in made.audio_encoder.quantizer.layers:
        layer.codebook.embed.normal_()  # zeros at first, with which all music sounds alike
    generation = made.generation_config
    generation.do_sample, generation.guidance_scale, generation.max_length = True, 3.0, 1500
    generation.decoder_start_token_id = generation.pad_token_id = generation.bos_token_id = START
    generation.eos_token_id = None
    return made


def build(folder: Path) -> None:
    tokenizer = t5_tokenizer()
    model(tokenizer).save_pretrained(folder)
    extractor = EncodecFeatureExtractor(sampling_rate=32000, feature_size=1)
    MusicgenProcessor(extractor, tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
