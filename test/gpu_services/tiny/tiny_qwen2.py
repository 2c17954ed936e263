"""Makes a Qwen2 chat model with random weights and a tokenizer of its own, from nothing.

    .venvs/vllm/bin/python test/gpu_services/tiny/tiny_qwen2.py OUT_DIR [--size tiny|mid] [--shard-size 50MB]

`tiny` has 104,000 parameters and answers at once; `mid` has 130 million, slow enough on a CPU to be
interrupted. The same weights each time. Needs torch, transformers and tokenizers: .venvs/vllm has them.
"""

import argparse
from pathlib import Path
from typing import Any

SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
PAD, END = 0, 2  # their places in the list
VOCABULARY = 512
CONTEXT_TOKENS = 2048
SEED = 0
SIZES = {
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2},
    "mid": {"hidden_size": 1024, "num_hidden_layers": 15, "num_attention_heads": 16},
}
CORPUS = [
    "hello world, this is a tiny tokenizer for a tiny model. " * 3,
    "The quick brown fox jumps over the lazy dog 0123456789.",
]
CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def make_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=SPECIAL_TOKENS[END],
        pad_token=SPECIAL_TOKENS[PAD],
        model_max_length=CONTEXT_TOKENS,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make_model(vocabulary: int, size: str) -> Any:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(SEED)
    shape = SIZES[size]
    config = Qwen2Config(
        **shape,
        vocab_size=vocabulary,
        intermediate_size=2 * shape["hidden_size"],
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=PAD,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    return Qwen2ForCausalLM(config).to(torch.bfloat16)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a Qwen2 with random weights.")
    parser.add_argument("folder", metavar="OUT_DIR", type=Path)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--shard-size", default="50MB", help="the weights are split into files of this size")
    options = parser.parse_args()
    tokenizer = make_tokenizer()
    model = make_model(len(tokenizer), options.size)
    tokenizer.save_pretrained(options.folder)
    model.save_pretrained(options.folder, max_shard_size=options.shard_size)
    print(f"{options.folder}: {model.num_parameters():,} parameters")


if __name__ == "__main__":
    main()
