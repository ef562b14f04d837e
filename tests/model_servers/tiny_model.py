"""Write a tiny language model with random weights: `python tiny_model.py OUT.gguf STYLE LAYERS`.

It runs where its libraries are, in the environment that the model server is built in. The model
knows nothing, but a JSON Schema makes its server force what it writes into the right form.

The weights are random, with one exception: dimension 0 of the residual stream is a constant, so
column 0 of the output matrix is a bias of each token. That gives the model habits without training:

  tidy  printable ASCII for the most part; closes strings, lists and objects soon
  wild  the same, and escapes that are legal JSON and hard on whoever reads it: NUL, half a
        surrogate pair

More layers make it slower and say nothing else.
"""

import math
import sys
from typing import Final

import gguf
import numpy as np

WIDTH, HEADS, KEY_HEADS, INNER = 64, 4, 2, 128
CONSTANT: Final = 8.0
NEVER, SELDOM = -12.0, -5.0
CONTEXT: Final = 32_768

_JOINED: Final = "thheineranreonatenndtiesorteofedisitalarsttontngsehaasouioleve"
PAIRS: Final = [_JOINED[place : place + 2] for place in range(0, len(_JOINED), 2)]
NASTY: Final = (r"\u0000", r"\ud800", r"\udc00", r"\n", r"\"", r"\\", r"\u00e9")
SPECIAL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>")
BIASES: Final = {'"': 3.0, "}": 2.0, "]": 1.5, "-": -2.0, " ": -2.0, "\\": SELDOM}

TEMPLATE: Final = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}"""


def byte_names() -> list[str]:
    """Return how GPT-2's vocabulary spells each byte."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def vocabulary() -> list[str]:
    """Return the tokens: bytes, frequent pairs, nasty escapes, control tokens."""
    return [*byte_names(), *PAIRS, *NASTY, *SPECIAL]


def habits(style: str) -> np.ndarray:
    """Return the bias of each token."""
    tokens = vocabulary()
    biases = np.zeros(len(tokens))
    for byte in range(256):
        if not 0x20 <= byte < 0x7F:
            biases[byte] = NEVER
    for text, bias in BIASES.items():
        biases[ord(text)] = bias
    for text in NASTY:
        biases[tokens.index(text)] = 1.5 if style == "wild" else NEVER
    for text in SPECIAL:
        biases[tokens.index(text)] = 1.0 if text == "<|im_end|>" else NEVER
    return biases


def write(path: str, style: str, layers: int) -> None:
    """Write the model; the same arguments give the same bytes."""
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, layers)
    _add_vocabulary(writer)
    _add_weights(writer, style, layers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, layers: int) -> None:
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    tokens = vocabulary()
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    writer.add_token_merges([f"{pair[0]} {pair[1]}" for pair in PAIRS])
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|pad|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _add_weights(writer: gguf.GGUFWriter, style: str, layers: int) -> None:
    random = np.random.default_rng(1)
    residual = 0.1 * math.sqrt(2 / layers)
    key_width = WIDTH // HEADS * KEY_HEADS

    def add(name: str, *shape: int, spread: float, column: object = None) -> None:
        weights = random.normal(0.0, spread, shape).astype(np.float32)
        if column is not None:
            weights[:, 0] = column
        writer.add_tensor(f"{name}.weight", weights)

    def add_undisturbing(name: str, *shape: int) -> None:
        weights = random.normal(0.0, residual, shape).astype(np.float32)
        weights[0] = 0.0  # dimension 0 stays the constant that it is
        writer.add_tensor(f"{name}.weight", weights)

    tokens = len(vocabulary())
    add("token_embd", tokens, WIDTH, spread=1.0, column=CONSTANT)
    for layer in range(layers):
        block = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{norm}.weight", np.ones(WIDTH, np.float32))
        add(f"{block}.attn_q", WIDTH, WIDTH, spread=0.15)
        add(f"{block}.attn_k", key_width, WIDTH, spread=0.15)
        add(f"{block}.attn_v", key_width, WIDTH, spread=0.15)
        add_undisturbing(f"{block}.attn_output", WIDTH, WIDTH)
        add(f"{block}.ffn_gate", INNER, WIDTH, spread=0.15)
        add(f"{block}.ffn_up", INNER, WIDTH, spread=0.15)
        add_undisturbing(f"{block}.ffn_down", WIDTH, INNER)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    normed = CONSTANT / math.sqrt((CONSTANT**2 + 1.5 * (WIDTH - 1)) / WIDTH)
    add("output", tokens, WIDTH, spread=0.1, column=habits(style) / normed)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]))
