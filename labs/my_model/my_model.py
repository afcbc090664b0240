"""A language model that is built of the exercises of the course, trained on a text, and taught to speak.

`grade lab my_model` runs this file beside your own exercises. Each part imports the exercise that it is made of when
it is built, so that a model needs no exercise but its own.

B texts of T tokens, width D, H heads of width K, G heads of keys and values, E experts, vocabulary V.
"""

import math
import re
import time
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

EXPERTS_PER_TOKEN = 2
STATE = 16  # numbers of a channel of Mamba
CHUNK = 32  # tokens that the gated delta rule handles together
BATCH = 8  # texts of a training step
RATE = 4e-3  # of AdamW
WARM = 20  # steps in which the rate rises
BALANCE = 0.01  # weight of the balancing loss, as in Switch Transformer
VALIDATION = 0.1  # the last part of the text, which is never trained on
WORD = re.compile(r" ?\w+|[^\w\s]+|\s")  # byte pairs are joined within these

Config = dict  # the keys of my_model.yaml


# ---------------------------------------------------------------- tokens


class Tokens:
    """The text as tokens of the student's byte-pair encoding, or as bytes if the vocabulary has no more."""

    def __init__(self, text: str, vocabulary: int) -> None:
        self.merges = []
        if vocabulary > 256:
            from byte_pair_encoding import learn_merges

            counts = Counter(WORD.findall(text))
            often = {word: n for word, n in counts.items() if n > 2}  # the others would take long and teach little
            self.merges = learn_merges(often, vocabulary - 256)
        self._known: dict[str, list[int]] = {}
        self.bytes_per_token = len(text.encode()) / len(self.encode(text))

    def encode(self, text: str) -> list[int]:
        return [token for word in WORD.findall(text) for token in self._word(word)]

    def _word(self, word: str) -> list[int]:
        if word not in self._known:
            if self.merges:
                from byte_pair_encoding import encode

                self._known[word] = encode(word, self.merges)
            else:
                self._known[word] = list(word.encode())
        return self._known[word]

    def decode(self, ids: list[int]) -> str:
        if not self.merges:
            return bytes(ids).decode(errors="replace")
        from byte_pair_encoding import decode

        return decode(ids, self.merges)


# ---------------------------------------------------------------- mixers: (x, state) -> (y, state)


class Grouped(nn.Module):
    """grouped_query_attention or scaled_dot_product with rope, and causal_mask; with a window, sliding_window."""

    def __init__(self, config: Config, broken: str) -> None:
        super().__init__()
        D, H, G = config["width"], config["heads"], config["kv_heads"]
        self.head_dim, self.window, self.broken = D // H, config["window"], broken
        self.is_grouped = config["attention"] == "grouped_query_attention"
        self.q_proj, self.o_proj = nn.Linear(D, D, bias=False), nn.Linear(D, D, bias=False)
        self.k_proj, self.v_proj = (nn.Linear(D, G * self.head_dim, bias=False) for _ in "kv")
        if broken == "window":
            self.window = 4

    def forward(self, x: Tensor, state: dict | None) -> tuple[Tensor, dict]:
        P = 0 if state is None else int(state["at"][-1]) + 1
        at = keys_at = torch.arange(P, P + x.shape[1])
        q, k, v = (self._split(project(x)) for project in (self.q_proj, self.k_proj, self.v_proj))
        if self.broken != "positions":
            from rope import apply_rope

            q, k = apply_rope(q, at), apply_rope(k, at)
        if state is not None:
            k, v = torch.cat([state["k"], k], dim=2), torch.cat([state["v"], v], dim=2)
            keys_at = torch.cat([state["at"], at])
        y = self.o_proj(self._attend(q, k, v, at, keys_at).transpose(1, 2).flatten(2))
        kept = -self.window if self.window else 0  # with a window, the cache keeps no more than it covers
        return y, {"k": k[:, :, kept:], "v": v[:, :, kept:], "at": keys_at[kept:]}

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, at: Tensor, keys_at: Tensor) -> Tensor:
        T, S = q.shape[2], k.shape[2]
        if self.window:
            from sliding_window import window_attention

            return window_attention(q, k, v, at, keys_at, self.window)
        if self.broken == "mask_offset":
            mask = torch.ones(T, S, dtype=torch.bool).tril()  # as if no tokens came before
        else:
            from causal_mask import causal_mask

            mask = causal_mask(T, S)
        if self.is_grouped:
            from grouped_query_attention import grouped_attention

            return grouped_attention(q, k, v, mask)
        from scaled_dot_product import attention

        return attention(q, k, v, mask)[0]

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)  # (B, T, n K) -> (B, n, T, K)


class Latent(nn.Module):
    """latent_attention, with a latent that is as long as the keys and values of the kv_heads."""

    def __init__(self, config: Config, broken: str) -> None:
        super().__init__()
        from latent_attention import LatentAttention

        sizes = latent_sizes(config)
        self.attention = LatentAttention(config["width"], config["heads"], **sizes)
        self.turned, self.broken = sizes["rope_dim"], broken

    def forward(self, x: Tensor, state: dict | None) -> tuple[Tensor, dict]:
        if self.broken == "positions":  # keys that are turned are 0, and say nothing
            with torch.no_grad():
                self.attention.kv_a_proj_with_mqa.weight[-self.turned :] = 0
        return self.attention(x, state)


def latent_sizes(config: Config) -> dict[str, int]:
    K = config["width"] // config["heads"]
    return {"kv_rank": config["kv_heads"] * K, "nope_dim": K, "rope_dim": K // 4 * 2, "v_dim": K}


class Mamba(nn.Module):
    """mamba_block."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        from mamba_block import MambaBlock

        self.block = MambaBlock(config["width"], d_state=STATE)
        with torch.no_grad():  # steps between 0.001 and 0.1, as Mamba starts
            step = torch.exp(torch.empty(2 * config["width"]).uniform_(math.log(0.001), math.log(0.1)))
            self.block.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))

    def forward(self, x: Tensor, state: dict | None) -> tuple[Tensor, dict]:
        return self.block(x, state)


class GatedDelta(nn.Module):
    """gated_delta_net between projections: queries, keys and values of H heads, and two gates for each."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        D, H = config["width"], config["heads"]
        self.heads = H
        self.qkv, self.ab = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, 2 * H, bias=False)
        self.z, self.out = nn.Linear(D, D, bias=False), nn.Linear(D, D, bias=False)
        self.conv = nn.Conv1d(3 * D, 3 * D, 4, groups=3 * D, bias=False)  # a token and the three before it
        self.A_log, self.dt_bias = nn.Parameter(torch.zeros(H)), nn.Parameter(torch.full((H,), -3.0))

    def forward(self, x: Tensor, state: dict | None) -> tuple[Tensor, dict]:
        from gated_delta_net import gated_delta_chunked, gated_delta_recurrent, gates, l2_normalize

        T = x.shape[1]
        u = self.qkv(x).mT  # (B, 3 D, T)
        u = torch.cat([u.new_zeros(*u.shape[:2], 3) if state is None else state["conv"], u], dim=-1)
        q, k, v = (each.unflatten(-1, (self.heads, -1)) for each in F.silu(self.conv(u)).mT.chunk(3, dim=-1))
        g, beta = gates(*self.ab(x).chunk(2, dim=-1), self.A_log, self.dt_bias)
        q, k = l2_normalize(q), l2_normalize(k)
        past = None if state is None else state["S"]
        if T == 1:
            o, S = gated_delta_recurrent(q, k, v, g, beta, past)
        else:
            o, S = gated_delta_chunked(q, k, v, g, beta, CHUNK, past)
        return self.out(o.flatten(2) * F.silu(self.z(x))), {"conv": u[..., T:], "S": S}


# ---------------------------------------------------------------- the rest of a layer


class Norm(nn.Module):
    """decoder_block's rms_norm."""

    def __init__(self, D: int, broken: str) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(D))
        self.broken = broken

    def forward(self, x: Tensor) -> Tensor:
        from decoder_block import rms_norm

        return x if self.broken == "norm" else rms_norm(x, self.weight)


class Dense(nn.Module):
    """decoder_block's swiglu."""

    def __init__(self, D: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(D, hidden), nn.Linear(D, hidden), nn.Linear(hidden, D)
        for each in (self.gate, self.up, self.down):
            each.bias = None

    def forward(self, x: Tensor) -> Tensor:
        from decoder_block import swiglu

        return swiglu(x, self.gate.weight, self.up.weight, self.down.weight)


class Layer(nn.Module):
    """x + mixer(norm(x)), and then x + FFN(norm(x))."""

    def __init__(self, config: Config, mixer: str, ffn: str, broken: str) -> None:
        super().__init__()
        D = config["width"]
        self.before, self.between = Norm(D, broken), Norm(D, broken)
        if mixer == "attention":
            self.mixer = (
                Latent(config, broken) if config["attention"] == "latent_attention" else Grouped(config, broken)
            )
        else:
            self.mixer = Mamba(config) if config["mixer"] == "mamba_block" else GatedDelta(config)
        if ffn == "moe":
            from moe_layer import MoELayer

            self.ffn = MoELayer(D, hidden(config) // EXPERTS_PER_TOKEN, config["experts"], EXPERTS_PER_TOKEN)
        else:
            self.ffn = Dense(D, hidden(config))
        self.is_sparse = ffn == "moe"

    def forward(self, x: Tensor, state: dict | None) -> tuple[Tensor, dict, Tensor | None]:
        y, state = self.mixer(self.before(x), state)
        x = x + y
        y = self.between(x)
        logits = y @ self.ffn.gate.T if self.is_sparse else None  # (B, T, E), of the router
        return x + self.ffn(y), state, logits


def hidden(config: Config) -> int:
    """The hidden width of a dense FFN; k experts of 1/k of it cost a token as much."""
    return 2 * config["width"]


def kinds(config: Config) -> list[list[str]]:
    """[mixer, ffn] of each layer, by hybrid_layout if the layers are not all alike."""
    L, mixers, experts = config["layers"], config["attention_every"], config["experts_every"]
    if mixers == 1 and experts in (0, 1):
        return [["attention", "moe" if experts else "mlp"]] * L
    from hybrid_layout import layout

    return layout(jamba(config))


def jamba(config: Config) -> dict[str, int]:
    """The config under the keys of hybrid_layout: attention and experts are in the last layer of their period."""
    attention, experts = config["attention_every"], config["experts_every"] or config["layers"] + 1
    D = config["width"]
    return {
        "vocab_size": config["vocabulary"],
        "hidden_size": D,
        "intermediate_size": hidden(config),
        "num_hidden_layers": config["layers"],
        "num_attention_heads": config["heads"],
        "num_key_value_heads": config["kv_heads"],
        "attn_layer_period": attention,
        "attn_layer_offset": attention - 1,
        "num_experts": config["experts"],
        "num_experts_per_tok": EXPERTS_PER_TOKEN,
        "expert_layer_period": experts,
        "expert_layer_offset": experts - 1,
        "mamba_d_state": STATE,
        "mamba_d_conv": 4,
        "mamba_expand": 2,
        "mamba_dt_rank": math.ceil(D / 16),
    }


class Model(nn.Module):
    """Embedding, layers, norm, and the embedding once more."""

    def __init__(self, config: Config, broken: str = "") -> None:
        super().__init__()
        self.embedding = nn.Embedding(config["vocabulary"], config["width"])
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(config, *kind, broken) for kind in kinds(config))
        self.norm = Norm(config["width"], broken)

    def forward(self, ids: Tensor, states: list | None = None) -> tuple[Tensor, list, list[Tensor]]:
        """ids (B, T) -> logits (B, T, V), the state of each layer, and the logits of each router."""
        x = self.embedding(ids)
        new, routers = [], []
        for layer, state in zip(self.layers, states or [None] * len(self.layers), strict=True):
            x, state, logits = layer(x, state)
            new.append(state)
            routers += [] if logits is None else [logits]
        return F.linear(self.norm(x), self.embedding.weight), new, routers


# ---------------------------------------------------------------- training and speaking


class Run:
    """A model and its training."""

    def __init__(self, config: Config, broken: str, steps: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.config, self.broken, self.steps = config, broken, steps
        self.model = Model(config, broken)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
        self.generator = torch.Generator().manual_seed(seed)
        self.losses: list[float] = []

    def step(self) -> None:
        """One step of training on texts from random places."""
        done, T = len(self.losses), self.config["context"]
        start = torch.randint(len(TEXT["train"]) - T - 1, (BATCH, 1), generator=self.generator)
        ids = TEXT["train"][start + torch.arange(T + 1)]  # (B, T + 1)
        for group in self.optimizer.param_groups:
            left = 1 - done / max(self.steps, 1)
            group["lr"] = RATE * min((done + 1) / WARM, 0.05 + 0.95 * max(left, 0.0))
        logits, _, routers = self.model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        total = loss
        if routers and self.broken != "balance":
            from load_balancing_loss import load_balancing_loss

            total = loss + BALANCE * sum(load_balancing_loss(each, EXPERTS_PER_TOKEN) for each in routers)
        self.optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.losses.append(loss.item())


TEXT: dict = {}  # tokens, train, held_out
RUNS: dict[str, Run] = {}


def read(text: str, vocabulary: int) -> dict[str, float]:
    """Learn the vocabulary, and cut the tokens of the text into those to train on and those held out."""
    tokens = Tokens(text, vocabulary)
    ids = torch.tensor(tokens.encode(text))
    cut = round(len(ids) * (1 - VALIDATION))
    TEXT.update(tokens=tokens, train=ids[:cut], held_out=ids[cut:])
    return {"tokens": len(ids), "bytes_per_token": tokens.bytes_per_token}


def build(name: str, config: Config, broken: str, steps: int, seed: int) -> None:
    """Begin a model under this name."""
    RUNS[name] = Run(config, broken, steps, seed)


def copy(name: str, of: str, broken: str) -> None:
    """Begin a model with the weights of another one, with one part broken: training it would change nothing."""
    whole = RUNS[of]
    run = RUNS[name] = Run(whole.config, broken, whole.steps, 0)
    run.model.load_state_dict(whole.model.state_dict())
    run.losses = list(whole.losses)


def train(name: str, seconds: float) -> tuple[list[float], float]:
    """Train for so many seconds of CPU time, or to the last step. Returns the losses of these steps, and the time."""
    run, begun, before = RUNS[name], time.process_time(), len(RUNS[name].losses)
    used = 0.0
    while len(run.losses) < run.steps and used < seconds:
        run.step()
        used = time.process_time() - begun
    return run.losses[before:], used


def plan(name: str, steps: int) -> None:
    """Set the number of steps, which the rate falls over."""
    RUNS[name].steps = steps


@torch.no_grad()
def held_out_loss(name: str) -> float:
    """The cross-entropy of a token of the held-out text, in nats."""
    run, T = RUNS[name], RUNS[name].config["context"]
    ids = TEXT["held_out"]
    ids = ids[: (len(ids) - 1) // T * T + 1]
    x, y = ids[:-1].view(-1, T), ids[1:].view(-1, T)
    logits = torch.cat([run.model(each)[0] for each in x.split(64)])
    return F.cross_entropy(logits.flatten(0, 1), y.flatten()).item()


@torch.no_grad()
def speak(name: str, prompt: str, length: int, seed: int, temperature: float = 0.7, top_p: float = 0.9) -> str:
    """Continue a prompt by tokens that sampling draws, one by one and with a cache."""
    from sampling import next_token_distribution, sample

    run, tokens = RUNS[name], TEXT["tokens"]
    generator = torch.Generator().manual_seed(seed)
    new, states, said = torch.tensor([tokens.encode(prompt)]), None, []
    for _ in range(length):
        logits, states, _ = run.model(new, states)
        probs = next_token_distribution(logits[:, -1], temperature=temperature, top_p=top_p)
        new = sample(probs, torch.rand(1, generator=generator))[:, None]
        said.append(int(new))
    return tokens.decode(said)


# ---------------------------------------------------------------- predicted and counted


def predicted(config: Config) -> dict[str, int | None]:
    """What the student's functions say about this config, by part; None where an exercise is missing."""
    mixers, ffns = zip(*kinds(config), strict=True)
    attentions, sparse = mixers.count("attention"), ffns.count("moe")
    others, dense = len(mixers) - attentions, len(ffns) - sparse
    mamba = config["mixer"] == "mamba_block"
    found: dict[str, int | None] = {}
    for name, predict, times in (
        ("embedding", lambda c: of_llama(c)["embedding"], 1),
        ("attention", of_attention, attentions),
        (config["mixer"], of_mamba if mamba else not_predicted, others),
        ("dense FFN", lambda c: of_llama(c)["mlp"] // c["layers"], dense),
        ("experts and routers", of_experts, sparse),
        ("norms", lambda c: of_llama(c)["norm"], 1),
        ("idle", idle, sparse),
        ("cache", cache_bytes, attentions),
        ("state", state_bytes if mamba else not_predicted, others),
    ):
        if times:
            try:
                found[name] = times * predict(config)
            except ImportError:
                found[name] = None
    return found


def not_predicted(config: Config) -> int:
    raise ImportError("no exercise counts it")


def of_llama(config: Config) -> dict[str, int]:
    from transformer_params import count_params

    llama = {"n_layers": config["layers"], "d_model": config["width"], "n_heads": config["heads"]}
    llama |= {"n_kv_heads": config["kv_heads"], "vocab_size": config["vocabulary"], "d_ff": hidden(config)}
    return count_params({**llama, "mlp": "swiglu", "norm": "rmsnorm", "tied": True})


def mixtral(config: Config, experts: int) -> dict[str, int]:
    """One layer under the keys of moe_params."""
    k = EXPERTS_PER_TOKEN
    keys = {
        "vocab_size": config["vocabulary"],
        "hidden_size": config["width"],
        "intermediate_size": hidden(config) // k,
        "num_hidden_layers": 1,
        "num_attention_heads": config["heads"],
        "num_key_value_heads": config["kv_heads"],
        "num_experts": experts,
        "num_experts_per_tok": k,
    }
    if config["attention"] == "latent_attention":
        C, N, R, V = latent_sizes(config).values()
        keys |= {"kv_lora_rank": C, "qk_nope_head_dim": N, "qk_rope_head_dim": R, "v_head_dim": V}
    return keys


def of_attention(config: Config) -> int:
    from moe_params import attention_params

    return attention_params(mixtral(config, config["experts"]))


def of_experts(config: Config) -> int:
    """Twice the experts are once more the experts, and once more their rows of the router."""
    from moe_params import count_params

    E = config["experts"]
    return count_params(mixtral(config, 2 * E))["total"] - count_params(mixtral(config, E))["total"]


def idle(config: Config) -> int:
    from moe_params import count_params

    count = count_params(mixtral(config, config["experts"]))
    return count["total"] - count["active"]


def of_mamba(config: Config) -> int:
    """What a Jamba of one layer has more with Mamba than with attention. Jamba's has three norms that Mamba has not."""
    from hybrid_layout import count_params

    one = {**jamba(config), "num_hidden_layers": 1, "attn_layer_period": 2, "expert_layer_period": 2}
    one["expert_layer_offset"] = 1
    mamba, attention = (count_params({**one, "attn_layer_offset": at})["total"] for at in (1, 0))
    D, K = config["width"], config["width"] // config["heads"]
    return mamba - attention + D * K * 2 * (config["heads"] + config["kv_heads"]) - one["mamba_dt_rank"] - 2 * STATE


def cache_bytes(config: Config) -> int:
    """Of one layer, for a text of T tokens in float32."""
    from kv_cache_size import kv_cache_bytes

    T, K = config["context"], config["width"] // config["heads"]
    if config["attention"] == "latent_attention":  # C + R numbers, and not keys and values
        C, _, R, _ = latent_sizes(config).values()
        return kv_cache_bytes(1, 1, C + R, T, bytes_per_element=2)
    return kv_cache_bytes(1, config["kv_heads"], K, min(T, config["window"] or T), bytes_per_element=4)


def state_bytes(config: Config) -> int:
    """Of one layer."""
    from hybrid_layout import ssm_state_bytes

    one = {**jamba(config), "num_hidden_layers": 1, "attn_layer_period": 2, "attn_layer_offset": 1}
    return ssm_state_bytes(one, bytes_per_value=4)


def two_nd(n_params: int, n_tokens: int) -> int | None:
    """The FLOPs of a forward pass by a third of the student's 6 N D; None if the exercise is missing."""
    try:
        from transformer_flops import six_nd
    except ImportError:
        return None
    return six_nd(n_params, n_tokens) // 3


def counted(name: str) -> dict[str, int]:
    """The same parts, counted in the model: its parameters, its FLOPs of one text, and the bytes that it keeps."""
    model, config = RUNS[name].model, RUNS[name].config
    parts: Counter[str] = Counter(embedding=_numbers(model.embedding), norms=_numbers(model.norm))
    for layer, (mixer, ffn) in zip(model.layers, kinds(config), strict=True):
        parts["attention" if mixer == "attention" else config["mixer"]] += _numbers(layer.mixer)
        parts["experts and routers" if ffn == "moe" else "dense FFN"] += _numbers(layer.ffn)
        parts["norms"] += _numbers(layer.before) + _numbers(layer.between)
    parts["idle"] = _idle(model)
    ids = TEXT["held_out"][None, : config["context"]]
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        _, states, _ = model(ids)
    parts["flops"] = flops.get_total_flops()
    for state, (mixer, _) in zip(states, kinds(config), strict=True):
        size = sum(each.numel() * each.element_size() for key, each in state.items() if key != "at")
        parts["cache" if mixer == "attention" else "state"] += size
    return dict(parts)


def _numbers(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def _idle(model: Model) -> int:
    """How many numbers of experts one token does not use: those whose gradient is 0."""
    model.zero_grad()
    model(TEXT["held_out"][None, :1])[0].square().sum().backward()
    idle = 0
    for layer in model.layers:
        if layer.is_sparse:
            weights = (layer.ffn.w1, layer.ffn.w2, layer.ffn.w3)
            idle += sum(each[0].numel() * int((each.grad.flatten(1) == 0).all(1).sum()) for each in weights)
    model.zero_grad()
    return idle


@torch.no_grad()
def busiest(name: str) -> float:
    """The share of the busiest expert in the choices of the held-out text, by its fair share; 0 without experts."""
    run, T = RUNS[name], RUNS[name].config["context"]
    ids = TEXT["held_out"]
    _, _, routers = run.model(ids[: len(ids) // T * T].view(-1, T)[:64])
    shares = []
    for logits in routers:
        chosen = logits.flatten(0, 1).topk(EXPERTS_PER_TOKEN).indices.flatten()
        count = torch.bincount(chosen, minlength=logits.shape[-1])
        shares.append((count.max() / count.sum()).item() * logits.shape[-1])
    return sum(shares) / len(shares) if shares else 0.0
