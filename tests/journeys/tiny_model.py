"""
A language model small enough to be made while a test waits: the llama architecture, one layer, weights partly random, partly set by hand.

What it says is nonsense, but it is said by a real model server: tokens are counted, limits hold, grammars bind. Each printable ASCII
character is a token, so that any JSON can be spelled. A few places of its hidden state are wired: it calls tools when it was shown
some, twice if it may, and no more once it was told a result. It never ends by itself otherwise: only a grammar, a stop or a limit ends it.
"""

from pathlib import Path
from typing import Final

import gguf
import numpy as np

_WIDTH: Final = 64
_HEADS: Final = 2
_CONTEXT: Final = 8192
_TOOLS, _CALL, _RESULT = "<tools>", "<tool_call>", "<tool_response>"

# Which number of the hidden state counts what. Attention is even over all tokens, so a marker is felt wherever it stands.
_SAW_TOOLS: Final = 1
_SAW_CALL: Final = 2
_SAW_RESULT: Final = 3
_ALWAYS: Final = 4
_JUST_CALLED: Final = 5  # felt by the next token only, which must be a line break
_WIRED: Final = slice(1, 6)
_FELT: Final = 1000.0

# The manner of Qwen 2.5, which llama.cpp reads to learn how this model would call a tool.
_TEMPLATE: Final = """{%- if tools %}{{- '<|im_start|>system\\n' }}
    {{- "You may call functions.\\n<tools>" }}
    {%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\\n</tools>\\n" }}
    {{- "Write the calls as JSON.<|im_end|>\\n" }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system") or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}{%- set tool_call = tool_call.function %}{%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}{{- tool_call.arguments | tojson }}{{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""


def make(path: Path) -> None:
    """Write the model to a file."""
    tokens, scores, kinds = _vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(value=False)
    writer.add_chat_template(_TEMPLATE)
    _weights(writer, tokens, kinds)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _vocabulary() -> tuple[list[str], list[float], list[int]]:
    special = [("<unk>", gguf.TokenType.UNKNOWN), ("<s>", gguf.TokenType.CONTROL), ("</s>", gguf.TokenType.CONTROL)]
    markers = [(text, gguf.TokenType.USER_DEFINED) for text in (_TOOLS, _CALL, _RESULT)]
    lone = [(f"<0x{byte:02X}>", gguf.TokenType.BYTE) for byte in range(256)]
    printable = [("\u2581" if code == ord(" ") else chr(code), gguf.TokenType.NORMAL) for code in range(ord(" "), 127)]
    every = [*special, *markers, *lone, *printable]
    return [text for text, _ in every], [0.0] * len(every), [int(kind) for _, kind in every]


def _weights(writer: gguf.GGUFWriter, tokens: list[str], kinds: list[int]) -> None:
    random = np.random.default_rng(7)

    def square(name: str, value: np.ndarray) -> None:
        writer.add_tensor(f"blk.0.{name}.weight", value.astype(np.float32))

    embedding = random.standard_normal((len(tokens), _WIDTH)) * 0.5
    embedding[:, _WIRED] = 0.0
    embedding[:, _ALWAYS] = 1.0
    says = random.standard_normal((len(tokens), _WIDTH)) * 0.6
    says[:, _WIRED] = 0.0
    unsaid = [index for index, kind in enumerate(kinds) if kind != gguf.TokenType.NORMAL]
    says[unsaid] = 0.0
    says[[*unsaid, tokens.index(",")], _ALWAYS] = -20.0  # a comma would open another call inside the first
    for text, number in ((_TOOLS, _SAW_TOOLS), (_CALL, _SAW_CALL), (_RESULT, _SAW_RESULT)):
        embedding[tokens.index(text)] = 0.0
        embedding[tokens.index(text), number] = 50.0
    embedding[tokens.index(_CALL), _JUST_CALLED] = 50.0
    says[tokens.index(_CALL), _WIRED] = (60.0, 0.0, -120.0, -20.0, 0.0)
    says[tokens.index("</s>"), _WIRED] = (0.0, 57.0, -120.0, -20.0, 0.0)
    says[tokens.index("<0x0A>"), _WIRED] = (0.0, 0.0, 0.0, -20.0, 150.0)
    writer.add_tensor("token_embd.weight", embedding.astype(np.float32))
    writer.add_tensor("output.weight", says.astype(np.float32))
    writer.add_tensor("output_norm.weight", np.ones(_WIDTH, dtype=np.float32))
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(_WIDTH, dtype=np.float32))
    felt = np.zeros((_WIDTH, _WIDTH))
    felt[range(1, 4), range(1, 4)] = _FELT
    felt[0, 0] = felt[range(6, _WIDTH), range(6, _WIDTH)] = 1.0
    square("attn_v", felt)
    square("attn_output", np.eye(_WIDTH))
    for name in ("attn_q", "attn_k", "ffn_gate", "ffn_up", "ffn_down"):
        square(name, np.zeros((_WIDTH, _WIDTH)))
