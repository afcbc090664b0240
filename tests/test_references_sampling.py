"""sampling, kv_cache_size, lm_objectives and encoder_decoder against torch, NumPy, Hugging Face and published numbers.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.references import NO_TRANSFORMERS, close, reference

# sampling


def test_sample_is_searchsorted_of_numpy(generator: torch.Generator) -> None:
    probs = torch.randn(200, 9, generator=generator, dtype=torch.float64).softmax(-1)
    u = torch.rand(200, generator=generator, dtype=torch.float64)
    cdfs = np.cumsum(probs.numpy(), axis=-1)
    expected = [np.searchsorted(cdf, draw, side="right") for cdf, draw in zip(cdfs, u.numpy(), strict=True)]
    assert reference("sampling").sample(probs, u).tolist() == expected


def test_nucleus_is_the_smallest_set_of_that_mass(generator: torch.Generator) -> None:
    """By trying all subsets of the vocabulary."""
    V, p = 6, 0.7
    subsets = torch.tensor([[bool(n >> i & 1) for i in range(V)] for n in range(1, 2**V)])  # (2^V - 1, V)
    for _ in range(20):
        logits = torch.randn(V, generator=generator, dtype=torch.float64)
        mass = subsets.double() @ logits.softmax(-1)
        enough = mass >= p
        size = subsets[enough].sum(-1).min()
        best = subsets[(subsets.sum(-1) == size) & enough]
        best = best[(best.double() @ logits.softmax(-1)).argmax()]
        assert torch.equal(reference("sampling").top_p_filter(logits, p) > -torch.inf, best)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.7])
def test_filters_are_the_warpers_of_transformers(temperature: float, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    ours = reference("sampling")
    logits = torch.randn(5, 50, generator=generator, dtype=torch.float64)
    no_ids = torch.zeros(5, 0, dtype=torch.int64)
    for k in (1, 7, 80):
        assert torch.equal(ours.top_k_filter(logits, k), TopKLogitsWarper(k)(no_ids, logits))
        for p in (0.1, 0.5, 0.9):
            assert torch.equal(ours.top_p_filter(logits, p), TopPLogitsWarper(p)(no_ids, logits))
            warped = logits
            for warper in (TemperatureLogitsWarper(temperature), TopKLogitsWarper(k), TopPLogitsWarper(p)):
                warped = warper(no_ids, warped)
            assert close(ours.next_token_distribution(logits, temperature, k, p), warped.softmax(-1), 1e-12)


# kv_cache_size


def test_a_token_of_opt_13b_takes_the_published_800_kb() -> None:
    opt = {"num_hidden_layers": 40, "num_attention_heads": 40, "hidden_size": 5120}
    assert reference("kv_cache_size").config_cache_bytes(opt, 1) == 800 * 1024


def config_of_llama(**changes: Any) -> dict[str, Any]:
    sizes = {"num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "hidden_size": 48}
    return {**sizes, "vocab_size": 30, "intermediate_size": 16, **changes}


@pytest.mark.parametrize("changes", [{}, {"num_key_value_heads": 6}, {"head_dim": 10}], ids=str)
def test_cache_bytes_are_those_of_a_dynamic_cache(changes: dict[str, int]) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = config_of_llama(**changes)
    model = transformers.LlamaModel(transformers.LlamaConfig(**config)).to(torch.bfloat16).eval()
    cache = transformers.DynamicCache(config=model.config)
    with torch.no_grad():
        model(torch.arange(14).view(2, 7), past_key_values=cache, use_cache=True)
    held = sum(x.numel() * x.element_size() for layer in cache.layers for x in (layer.keys, layer.values))
    assert reference("kv_cache_size").config_cache_bytes(config, seq_len=7, batch_size=2) == held


# lm_objectives


def labels_and_logits(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    logits = torch.randn(3, 6, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 8, (3, 6), generator=generator)
    labels[0, 2:] = -100
    labels[2, 0] = -100
    return logits, labels


def test_losses_are_cross_entropy_of_torch(generator: torch.Generator) -> None:
    ours = reference("lm_objectives")
    logits, labels = labels_and_logits(generator)
    assert close(ours.mlm_loss(logits, labels), F.cross_entropy(logits.flatten(0, 1), labels.flatten()), 1e-12)
    next_token = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    assert close(ours.clm_loss(logits, labels), next_token, 1e-12)
    for loss in (ours.mlm_loss, ours.clm_loss):
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, labels), logits.clone().requires_grad_())


def test_mlm_loss_is_that_of_bert(generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    bert = transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=8, **sizes)).eval()
    _, labels = labels_and_logits(generator)
    with torch.no_grad():
        out = bert(torch.randint(0, 8, (3, 6), generator=generator), labels=labels)
    assert close(reference("lm_objectives").mlm_loss(out.logits, labels), out.loss, 1e-6)  # float32


def test_clm_loss_is_that_of_gpt2(generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    gpt2 = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=8, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    ).eval()
    _, labels = labels_and_logits(generator)
    with torch.no_grad():
        out = gpt2(torch.randint(0, 8, (3, 6), generator=generator), labels=labels)
    assert close(reference("lm_objectives").clm_loss(out.logits, labels), out.loss, 1e-6)  # float32


def test_span_corruption_is_figure_2_of_t5() -> None:
    words = ["Thank", "you", "for", "inviting", "me", "to", "your", "party", "last", "week", "."]
    text, target = reference("lm_objectives").span_corruption(list(range(11)), [(8, 1), (2, 2)], 32099)
    sentinels = {32099: "<X>", 32098: "<Y>", 32097: "<Z>"}

    def show(ids: list[int]) -> str:
        return " ".join(sentinels.get(token) or words[token] for token in ids)

    assert show(text) == "Thank you <X> me to your party <Y> week ."
    assert show(target) == "<X> for inviting <Y> last <Z>"


def test_mlm_corrupt_keeps_what_the_labels_do_not_name(generator: torch.Generator) -> None:
    ids = torch.randint(5, 90, (20, 30), generator=generator)
    u, a = torch.rand(2, 20, 30, generator=generator)
    special = torch.rand(20, 30, generator=generator) < 0.1
    corrupted, labels = reference("lm_objectives").mlm_corrupt(ids, special, u, a, ids + 100, 4)
    assert torch.equal(torch.where(labels == -100, corrupted, labels), ids)
    assert set(corrupted[labels != -100].unique().tolist()) & {4}
    assert not (labels[special] != -100).any()


# encoder_decoder


def copied(ours: nn.Module, theirs: nn.Module, names: dict[str, str]) -> None:
    """Copies the parameters of `ours` to the modules of the given names in `theirs`."""
    for mine, other in names.items():
        theirs.get_submodule(other).load_state_dict(ours.get_submodule(mine).state_dict())


def random_block(generator: torch.Generator, D: int, H: int, ffn: int) -> nn.Module:
    block: nn.Module = reference("encoder_decoder").Seq2SeqDecoderBlock(D, H, ffn).to(torch.float64)
    with torch.no_grad():
        for parameter in block.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(0.5 * noise + (parameter.ndim == 1))
    return block


def test_block_is_the_decoder_layer_of_torch(generator: torch.Generator) -> None:
    B, T, S, D, H = 2, 5, 7, 12, 3
    ours = random_block(generator, D, H, 10)
    theirs = nn.TransformerDecoderLayer(D, H, 10, dropout=0.0, activation="gelu", batch_first=True)
    theirs = theirs.to(torch.float64)
    names = {"self_norm": "norm1", "cross_norm": "norm2", "ffn_norm": "norm3", "fc1": "linear1", "fc2": "linear2"}
    names |= {"self_out_proj": "self_attn.out_proj", "cross_out_proj": "multihead_attn.out_proj"}
    copied(ours, theirs, names)
    with torch.no_grad():
        for part, attention in (("self", theirs.self_attn), ("cross", theirs.multihead_attn)):
            layers = [ours.get_submodule(f"{part}_{name}_proj") for name in ("q", "k", "v")]
            attention.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
            attention.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))

    x = torch.randn(B, T, D, generator=generator, dtype=torch.float64)
    memory = torch.randn(B, S, D, generator=generator, dtype=torch.float64)
    source = torch.arange(S) < torch.tensor([[4], [S]])
    target = torch.arange(T) < torch.tensor([[T], [3]])
    expected = theirs(  # torch's masks are True where a key is hidden
        x,
        memory,
        tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1),
        tgt_key_padding_mask=~target,
        memory_key_padding_mask=~source,
    )
    assert close(ours(x, memory, source, target), expected, 1e-12)


def test_block_is_the_decoder_of_bart(generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    B, T, S, D, H, ffn = 2, 5, 7, 12, 3, 10
    ours = random_block(generator, D, H, ffn)
    config = transformers.BartConfig(
        vocab_size=20, d_model=D, decoder_layers=1, decoder_attention_heads=H, decoder_ffn_dim=ffn
    )
    config._attn_implementation = "eager"
    decoder = transformers.models.bart.modeling_bart.BartDecoder(config).to(torch.float64).eval()
    names = {"self_norm": "self_attn_layer_norm", "cross_norm": "encoder_attn_layer_norm"}
    names |= {"ffn_norm": "final_layer_norm", "fc1": "fc1", "fc2": "fc2"}
    for part, attention in (("self", "self_attn"), ("cross", "encoder_attn")):
        names |= {f"{part}_{name}_proj": f"{attention}.{name}_proj" for name in ("q", "k", "v", "out")}
    copied(ours, decoder.layers[0], names)

    seen: list[Tensor] = []
    decoder.layers[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    memory = torch.randn(B, S, D, generator=generator, dtype=torch.float64)
    source, target = torch.arange(S) < torch.tensor([[4], [S]]), torch.arange(T) < torch.tensor([[T], [3]])
    with torch.no_grad():
        y = decoder(
            input_ids=torch.randint(3, 20, (B, T), generator=generator),
            attention_mask=target.long(),
            encoder_hidden_states=memory,
            encoder_attention_mask=source.long(),
        ).last_hidden_state
        assert close(ours(seen[0], memory, source, target), y, 1e-9)


def test_shift_right_is_that_of_bart(generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.bart.modeling_bart import shift_tokens_right

    labels = torch.randint(3, 20, (4, 6), generator=generator)
    labels[1:, 3:] = -100
    shifted = reference("encoder_decoder").shift_right(labels, decoder_start_token_id=2, pad_token_id=1)
    assert torch.equal(shifted, shift_tokens_right(labels, 1, 2))
