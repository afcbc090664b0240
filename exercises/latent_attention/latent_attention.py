"""Multi-head latent attention: one short vector per token is kept, from which keys and values of all heads follow."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def equivalent_groups(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    """How many key-value heads of width head_dim grouped-query attention could afford with the same cache.

    kv_rank: C, numbers of the latent; rope_dim: R, numbers of the turned key; both are kept for every token and layer.
    head_dim: K, the width of a key and of a value of grouped-query attention.

    >>> equivalent_groups(512, 64, head_dim=128)  # DeepSeek-V2 and V3
    2.25
    """
    raise NotImplementedError


def split_up_projection(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    """The matrix that makes keys and values from a latent, cut into one of the keys and one of the values.

    weight: (H*(N + V), C). Head h owns rows h*(N + V) to (h + 1)*(N + V) - 1: first the N of its key, then the V of
        its value. N and V may differ.
    num_heads: H. nope_dim: N.
    Returns: (H, N, C) and (H, V, C), in the dtype of weight.

    >>> w_k, w_v = split_up_projection(torch.arange(6.0).view(6, 1), num_heads=2, nope_dim=1)
    >>> w_k.flatten(), w_v.flatten()
    (tensor([0., 3.]), tensor([1., 2., 4., 5.]))
    """
    raise NotImplementedError


def absorbed_attention(
    q_nope: Tensor, q_rope: Tensor, latent: Tensor, k_rope: Tensor, w_k: Tensor, w_v: Tensor
) -> Tensor:
    """Causal attention that reads the latents as they are, and makes neither keys nor values from them.

    With c_j the latent and r_j the turned key of token j, head h has for a query (q, q')

        score_j = (q · (w_k[h] c_j) + q' · r_j) / √(N + R),    output = Σ_j softmax(score)_j (w_v[h] c_j)

    and computes it in another order.

    q_nope: (B, H, T, N). q_rope: (B, H, T, R), turned. The T queries are the last T of the S tokens, T <= S: query i
        sees the tokens 0 to S - T + i.
    latent: (B, S, C). k_rope: (B, S, R), turned. Both are the same for all heads.
    w_k: (H, N, C). w_v: (H, V, C). All arguments are floating point of one dtype.
    Returns: (B, H, T, V), in that dtype. Gradients flow to all arguments.
    Memory: of all that is made on the way, only scores and weights, (B, H, T, S), have a number for each token of the
        cache and each head; and nothing has N or V numbers for each token, not for one head either.

    >>> q_nope, q_rope = torch.tensor([[[[1.0]]]]), torch.tensor([[[[0.0, 0.0]]]])
    >>> latent, k_rope = torch.tensor([[[0.0, 1.0], [1.90285, 3.0]]]), torch.zeros(1, 2, 2)
    >>> w_k, w_v = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 10.0]]])
    >>> absorbed_attention(q_nope, q_rope, latent, k_rope, w_k, w_v)  # weights 1/4 and 3/4 on the values 10 and 30
    tensor([[[[25.0000]]]])
    """
    raise NotImplementedError


class LatentAttention(nn.Module):
    """The attention of DeepSeek-V2 and V3: causal, with a cache of C + R numbers per token, however many the heads.

    From a token x: its latent c = RMSNorm(W_c x); one key r, turned by the position, which all heads share; and in
    each of H heads a query q that is not turned (N) and one q' that is (R). Heads attend as in absorbed_attention.

    Parameters, none with a bias; Q is q_rank:

        q_proj.weight                (H*(N + R), D)     only without q_rank
        q_a_proj.weight              (Q, D)             these three only with q_rank: the query is made of
        q_a_layernorm.weight         (Q,)               RMSNorm(q_a_proj x), as keys are of the latent
        q_b_proj.weight              (H*(N + R), Q)
        kv_a_proj_with_mqa.weight    (C + R, D)         C rows of W_c, then R of the shared key
        kv_a_layernorm.weight        (C,)
        kv_b_proj.weight             (H*(N + V), C)     see split_up_projection
        o_proj.weight                (D, H*V)           head h owns columns h*V to (h + 1)*V - 1

    In q_proj and q_b_proj head h owns rows h*(N + R) to (h + 1)*(N + R) - 1: first the N that are not turned, then the
    R that are. RMSNorm(x) = x / √(mean(x²) + 1e-6) · weight. At position m pair i of R numbers, (x_i, x_{i+R/2}), is
    turned by the angle m · rope_theta^(-2i/R).

    hidden_size: D. num_heads: H. kv_rank: C. nope_dim: N. rope_dim: R. v_dim: V. q_rank: Q, or None.
    Raises: ValueError if rope_dim is odd.

    >>> layer = LatentAttention(hidden_size=12, num_heads=3, kv_rank=5, nope_dim=4, rope_dim=2, v_dim=7)
    >>> y, cache = layer(torch.randn(2, 6, 12))
    >>> y, cache = layer(torch.randn(2, 1, 12), cache, absorb=True)
    >>> y.shape, cache["latent"].shape, cache["k_rope"].shape
    (torch.Size([2, 1, 12]), torch.Size([2, 7, 5]), torch.Size([2, 7, 2]))
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        kv_rank: int,
        nope_dim: int,
        rope_dim: int,
        v_dim: int,
        q_rank: int | None = None,
        rope_theta: float = 10000.0,
    ) -> None:
        raise NotImplementedError

    def forward(
        self, x: Tensor, cache: dict[str, Tensor] | None = None, absorb: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The next T tokens of a text whose first tokens are in the cache.

        x: floating point (B, T, D), T >= 1, in the dtype of the parameters.
        cache: {"latent": (B, P, C), "k_rope": (B, P, R)} of the P tokens before x, as an earlier call returned it;
            None: x begins the text. It is not changed. Token t of x stands at position P + t.
        absorb: True: within the memory of absorbed_attention. False: in any way. The results are the same.
        Returns: (B, T, D), and a cache of the same two entries with all P + T tokens: latents after their norm, keys
            after their turn. Angles are computed in float64. Gradients flow to all parameters.
        """
        raise NotImplementedError
