"""A language model of 113 KB with random weights, made when a test needs it.

What it says is noise; how it says it is llama.cpp's own protocol. Nothing is downloaded or kept.
"""

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np

__all__ = ["make_tiny_model"]

_WIDTH, _HIDDEN, _HEADS = 32, 64, 2
_SPECIAL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_END, _START_OF_TEXT = 257, 258
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tiny_model(path: Path) -> Path:
    """Write the model to `path`, always the same, and return it."""
    tokens = [*_byte_tokens(), *_SPECIAL]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 256 + [3] * len(_SPECIAL))  # normal, control
    writer.add_token_merges([f"{tokens[33]} {tokens[34]}"])  # the loader wants one; it never applies
    writer.add_bos_token_id(_START_OF_TEXT)
    writer.add_eos_token_id(_END)
    writer.add_chat_template(_TEMPLATE)
    for name, tensor in _tensors(len(tokens)):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _byte_tokens() -> list[str]:
    """Return the 256 printable characters that stand for the bytes in GPT-2's vocabulary."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    shown = {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return [shown[byte] for byte in range(256)]


def _tensors(vocabulary: int) -> Iterator[tuple[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]]:
    chance = np.random.default_rng(7)
    shapes = {
        "token_embd": (vocabulary, _WIDTH),
        "output": (vocabulary, _WIDTH),
        "blk.0.attn_q": (_WIDTH, _WIDTH),
        "blk.0.attn_k": (_WIDTH, _WIDTH),
        "blk.0.attn_v": (_WIDTH, _WIDTH),
        "blk.0.attn_output": (_WIDTH, _WIDTH),
        "blk.0.ffn_gate": (_HIDDEN, _WIDTH),
        "blk.0.ffn_up": (_HIDDEN, _WIDTH),
        "blk.0.ffn_down": (_WIDTH, _HIDDEN),
    }
    for name, shape in shapes.items():
        yield f"{name}.weight", chance.normal(0, 0.2, shape).astype(np.float32)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        yield f"{name}.weight", np.ones(_WIDTH, dtype=np.float32)
