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
        raise NotImplementedError

    def init_state(self, batch: int) -> list[dict[str, Tensor]]:
        """What is known before the first token of `batch` texts, in the dtype of the parameters.

        Returns: one dict for each layer: for attention {"k": (batch, G, 0, K), "v": (batch, G, 0, K)}, no token yet;
            for Mamba {"conv": (batch, Ch, W - 1), "ssm": (batch, Ch, N)}, zeros.
        """
        raise NotImplementedError

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
        raise NotImplementedError
