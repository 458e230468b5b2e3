"""Writes a llama model of random weights, a few hundred kilobytes: a real file for a real llama.cpp server.

What it says is nonsense, but with a grammar such as `root ::= "Hello there."` in `extra_body` the server streams
exactly that text, token by token. Use `exactly("Hello there.")` for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTH, LAYERS, HEADS, KV_HEADS, FORWARD = 64, 2, 4, 2, 192
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WORDS = ("Hello", " there", " friend", " the", " and", " you", " is", " what")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def exactly(text: str) -> dict[str, Any]:
    """An `extra_body` that makes a llama.cpp server answer `text` and nothing else."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return {"grammar": f'root ::= "{quoted}"'}


def write_tiny_gguf(path: Path, *, context: int = 4096) -> Path:
    """Write the model to `path` and return it. The same bytes each time."""
    import gguf
    import numpy as np

    tokens, merges = _vocabulary()
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = gguf.TokenType
    writer.add_token_types([kinds.CONTROL if token in SPECIAL else kinds.NORMAL for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(SPECIAL.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    random = np.random.default_rng(0)
    for name, shape in _tensors(len(tokens)):
        if len(shape) == 1:
            writer.add_tensor(name, np.ones(shape, np.float32))
        else:
            writer.add_tensor(name, (random.standard_normal(shape) * 0.08).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary() -> tuple[list[str], list[str]]:
    """A byte-level vocabulary: any text can be written, some words in one token."""
    letters = _byte_letters()
    tokens = [*SPECIAL, *letters]
    merges: list[str] = []
    for word in WORDS:
        spelled = "".join(letters[byte] for byte in word.encode())
        for end in range(2, len(spelled) + 1):
            if spelled[:end] not in tokens:
                tokens.append(spelled[:end])
                merges.append(f"{spelled[: end - 1]} {spelled[end - 1]}")
    return tokens, merges


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte: itself where printable, else the next one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def _tensors(vocabulary: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes as llama.cpp expects them of the llama architecture."""
    head = WIDTH // HEADS
    yield "token_embd.weight", (vocabulary, WIDTH)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", (WIDTH,)
        yield f"{block}.attn_q.weight", (HEADS * head, WIDTH)
        yield f"{block}.attn_k.weight", (KV_HEADS * head, WIDTH)
        yield f"{block}.attn_v.weight", (KV_HEADS * head, WIDTH)
        yield f"{block}.attn_output.weight", (WIDTH, HEADS * head)
        yield f"{block}.ffn_norm.weight", (WIDTH,)
        yield f"{block}.ffn_gate.weight", (FORWARD, WIDTH)
        yield f"{block}.ffn_up.weight", (FORWARD, WIDTH)
        yield f"{block}.ffn_down.weight", (WIDTH, FORWARD)
    yield "output_norm.weight", (WIDTH,)
    yield "output.weight", (vocabulary, WIDTH)
