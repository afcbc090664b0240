"""A small Jamba: attention in a few layers, Mamba in the others, experts in some, and a state with which it decodes."""

import torch
import torch.nn.functional as F
from grouped_query_attention import grouped_attention
from hybrid_layout import layout
from mamba_block import MambaBlock
from moe_layer import MoELayer
from torch import Tensor, nn

SMALL = {  # two layers, as small as they can be: Mamba with experts, then attention with one SwiGLU
    "vocab_size": 65536,
    "hidden_size": 2,
    "intermediate_size": 3,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "attn_layer_period": 2,
    "attn_layer_offset": 1,
    "num_experts": 3,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 0,
    "mamba_d_state": 4,
    "mamba_d_conv": 3,
    "mamba_expand": 2,
    "mamba_dt_rank": 1,
}


class HybridStack(nn.Module):
    """The layers of Jamba, between the embedding and the head.

    Layer i is x = x + mixer(norm1(x)), then x = x + ffn(norm2(x)). After the last layer follows one more norm. All
    norms are RMSNorm with eps 1e-6.

    config: the 16 keys of hybrid_layout, all of them and all int; others are ignored, and vocab_size plays no part.
        hidden_size: D. intermediate_size: F. num_attention_heads: H, divides D; a head is K = D / H wide.
        num_key_value_heads: G, divides H. num_experts: E. num_experts_per_tok: k, 1 <= k <= E. mamba_d_state: N.
        mamba_d_conv: W >= 2. mamba_expand * D: Ch channels. mamba_dt_rank: R. The layout is that of hybrid_layout.

    The state_dict has these entries and no others, all of them parameters. How they are drawn at first is yours.

        layers.i.norm1.weight, layers.i.norm2.weight, norm.weight       (D,)

        layers.i.mixer.q_proj.weight        (H K, D)        attention; head h owns rows h K ... (h + 1) K - 1,
                                                            and reads head ⌊h G / H⌋ of keys and values
        layers.i.mixer.k_proj.weight        (G K, D)        and v_proj
        layers.i.mixer.o_proj.weight        (D, H K)

        layers.i.mixer.in_proj.weight       (2 Ch, D)       Mamba, as in mamba_block: rows of u first, then those of z
        layers.i.mixer.conv1d.weight        (Ch, 1, W)      and conv1d.bias (Ch,)
        layers.i.mixer.x_proj.weight        (R + 2 N, Ch)   rows of Δ first, then those of B, then those of C
        layers.i.mixer.dt_proj.weight       (Ch, R)         and dt_proj.bias (Ch,)
        layers.i.mixer.A_log                (Ch, N)         and D (Ch,)
        layers.i.mixer.out_proj.weight      (D, Ch)
        layers.i.mixer.dt_norm.weight       (R,)            and b_norm.weight (N,), c_norm.weight (N,)

        layers.i.ffn.w1                     (F, D)          one SwiGLU; and w3 (F, D), w2 (D, F)

        layers.i.ffn.gate                   (E, D)          experts, as in moe_layer
        layers.i.ffn.w1                     (E, F, D)       and w3 (E, F, D), w2 (E, D, F)

    >>> stack = HybridStack(SMALL)
    >>> with torch.no_grad():
    ...     for p in stack.parameters():
    ...         _ = p.copy_(torch.linspace(-1, 1, p.numel()).view(p.shape))
    ...     y, state = stack(torch.tensor([[[1.0, 2.0], [-1.0, 1.0], [0.5, -2.0]]]))
    >>> y, state[0]["ssm"].shape, state[1]["k"].shape
    (tensor([[[ 0.3810,  1.3619],
             [ 0.2914,  1.3839],
             [ 0.3543, -1.3691]]]), torch.Size([1, 4, 4]), torch.Size([1, 1, 3, 1]))
    """

    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config, mixer, ffn) for mixer, ffn in layout(config))
        self.norm = nn.RMSNorm(config["hidden_size"], eps=1e-6)

    def init_state(self, batch: int) -> list[dict[str, Tensor]]:
        """What is known before the first token of `batch` texts, in the dtype of the parameters.

        Returns: one dict for each layer: for attention {"k": (batch, G, 0, K), "v": (batch, G, 0, K)}, no token yet;
            for Mamba {"conv": (batch, Ch, W - 1), "ssm": (batch, Ch, N)}, zeros.
        """
        return [layer.mixer.init_state(batch) for layer in self.layers]

    def forward(
        self, x: Tensor, state: list[dict[str, Tensor]] | None = None
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        """Runs the next T tokens of each text through all layers.

        x: (B, T, D), T >= 1, in the dtype of the parameters, float32 or float64. No two logits of a token in a router
            are equal.
        state: what forward returned for the tokens before, or init_state(B); None: the texts begin here. It is
            not changed, and may be used again for another continuation.
        Returns: y (B, T, D), the same as if the whole text had been given at once; y[:, t] depends on token t and
            those before it. And the state after the last token, one dict for each layer: "k" and "v"
            (B, G, S, K), the keys and values of all S tokens so far, or "conv" (B, Ch, W - 1), the last W - 1 inputs
            of the convolution, oldest first, and "ssm" (B, Ch, N). All have the dtype of x and are computed in it or
            in a finer one. Gradients flow from y to x and to all parameters that y depends on;
            whether any flow to a state that is passed in is yours.
        """
        if state is None:
            state = self.init_state(len(x))
        new_state = []
        for layer, before in zip(self.layers, state, strict=True):
            x, after = layer(x, before)
            new_state.append(after)
        return self.norm(x), new_state


class _Layer(nn.Module):
    """Pre-norm: a mixer that looks back, then a feed-forward network that does not."""

    def __init__(self, config: dict[str, int], mixer: str, ffn: str):
        super().__init__()
        D = config["hidden_size"]
        self.norm1 = nn.RMSNorm(D, eps=1e-6)
        self.mixer = _Attention(config) if mixer == "attention" else _Mamba(config)
        self.norm2 = nn.RMSNorm(D, eps=1e-6)
        self.ffn = _Experts(config) if ffn == "moe" else _SwiGLU(D, config["intermediate_size"])

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        y, state = self.mixer(self.norm1(x), state)
        x = x + y
        x = x + self.ffn(self.norm2(x))
        return x, state


class _Attention(nn.Module):
    """Causal attention of H query heads over G heads of keys and values. Nothing tells it a position."""

    def __init__(self, config: dict[str, int]):
        super().__init__()
        D, H, self.G = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
        self.K = D // H
        self.q_proj = nn.Linear(D, H * self.K, bias=False)
        self.k_proj = nn.Linear(D, self.G * self.K, bias=False)
        self.v_proj = nn.Linear(D, self.G * self.K, bias=False)
        self.o_proj = nn.Linear(H * self.K, D, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        empty = self.k_proj.weight.new_zeros(batch, self.G, 0, self.K)
        return {"k": empty, "v": empty}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        T, P = x.shape[1], state["k"].shape[2]
        q = self._split(self.q_proj(x))  # (B, H, T, K)
        k = torch.cat([state["k"], self._split(self.k_proj(x))], dim=2)  # (B, G, P + T, K)
        v = torch.cat([state["v"], self._split(self.v_proj(x))], dim=2)
        mask = torch.ones(T, P + T, dtype=torch.bool, device=x.device).tril(P)  # query t sees keys 0 ... P + t
        y = grouped_attention(q, k, v, mask)  # (B, H, T, K)
        return self.o_proj(y.transpose(1, 2).flatten(2)), {"k": k, "v": v}

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.K)).transpose(1, 2)  # (B, T, n K) -> (B, n, T, K)


class _Mamba(MambaBlock):
    """The Mamba block with an RMSNorm each on Δ's input, B and C. They stand in its middle, so forward is new."""

    def __init__(self, config: dict[str, int]):
        N, R = config["mamba_d_state"], config["mamba_dt_rank"]
        super().__init__(config["hidden_size"], N, config["mamba_d_conv"], config["mamba_expand"], R)
        self.dt_norm = nn.RMSNorm(R, eps=1e-6)
        self.b_norm = nn.RMSNorm(N, eps=1e-6)
        self.c_norm = nn.RMSNorm(N, eps=1e-6)

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        T, N, R = x.shape[1], self.A_log.shape[1], self.dt_proj.weight.shape[1]
        u, z = self.in_proj(x).chunk(2, dim=-1)  # (B, T, Ch)
        window = torch.cat([state["conv"], u.mT], dim=-1)  # (B, Ch, W - 1 + T)
        u = F.silu(self.conv1d(window)).mT  # (B, T, Ch)

        dt, B, C = self.x_proj(u).split([R, N, N], dim=-1)
        delta = F.softplus(self.dt_proj(self.dt_norm(dt)))  # (B, T, Ch)
        B, C = self.b_norm(B), self.c_norm(C)  # (B, T, N)
        A = -torch.exp(self.A_log)  # (Ch, N)

        h = state["ssm"]  # (B, Ch, N)
        ys = []
        for t in range(T):
            step = delta[:, t, :, None]  # (B, Ch, 1)
            h = torch.exp(step * A) * h + step * u[:, t, :, None] * B[:, t, None]
            ys.append((h * C[:, t, None]).sum(-1))  # (B, Ch)
        y = torch.stack(ys, dim=1) + self.D * u  # (B, T, Ch)
        return self.out_proj(y * F.silu(z)), {"conv": window[..., T:], "ssm": h}


class _SwiGLU(nn.Module):
    def __init__(self, D: int, width: int):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(width, D) / D**0.5)
        self.w2 = nn.Parameter(torch.randn(D, width) / width**0.5)
        self.w3 = nn.Parameter(torch.randn(width, D) / D**0.5)

    def forward(self, x: Tensor) -> Tensor:
        return (F.silu(x @ self.w1.mT) * (x @ self.w3.mT)) @ self.w2.mT


class _Experts(MoELayer):
    """Mixtral's layer with weights that are not renormalised: those of a token sum to what its k experts have of the
    softmax over all E. Both differ by this share alone."""

    def __init__(self, config: dict[str, int]):
        k = config["num_experts_per_tok"]
        super().__init__(config["hidden_size"], config["intermediate_size"], config["num_experts"], k)
        self.k = k

    def forward(self, x: Tensor) -> Tensor:
        p = torch.softmax(x @ self.gate.T, dim=-1)  # (B, T, E)
        share = p.topk(self.k, dim=-1).values.sum(-1, keepdim=True)  # (B, T, 1)
        return share * super().forward(x)
