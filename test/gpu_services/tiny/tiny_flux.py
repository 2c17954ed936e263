"""Makes a FluxPipeline of 1 MB with random weights: .venvs/flux/bin/python tiny_flux.py OUT_DIR [LORA_DIR]

It has every part of FLUX.1-schnell, so it is loaded and called as that is; its pictures are noise.
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from safetensors.torch import save_file
from tiny_text import clip_text_model, clip_tokenizer, t5_encoder, t5_tokenizer


def transformer() -> FluxTransformer2DModel:
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        guidance_embeds=False,
        axes_dims_rope=(4, 6, 6),
    ).eval()


def autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=16,
        sample_size=1024,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).eval()


def build(folder: Path) -> None:
    torch.manual_seed(0)
    clip, t5 = clip_tokenizer(), t5_tokenizer()
    pipeline = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=False),
        vae=autoencoder(),
        text_encoder=clip_text_model(clip),
        tokenizer=clip,
        text_encoder_2=t5_encoder(t5),
        tokenizer_2=t5,
        transformer=transformer(),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)


def build_lora(folder: Path) -> None:
    """Adapter weights that change what the transformer draws."""
    torch.manual_seed(1)
    weights = {}
    for name in ("to_q", "to_k", "to_v"):
        key = f"transformer.single_transformer_blocks.0.attn.{name}"
        weights[f"{key}.lora_A.weight"] = torch.randn(4, 32)
        weights[f"{key}.lora_B.weight"] = torch.randn(32, 4)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "pytorch_lora_weights.safetensors")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        build_lora(Path(sys.argv[2]))
