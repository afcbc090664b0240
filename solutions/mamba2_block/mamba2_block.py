"""Mamba-2: the scan in chunks with shared B and C, the norm behind the gate, and the whole block with its state."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def ssd_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """h_t = exp(dt_t A) h_{t-1} + dt_t x_t B_tᵀ and y_t = h_t C_t + D x_t in every head.

    x: (Bt, T, H, P), T >= 1. dt: (Bt, T, H), at least 0. A: (H,), negative. D: (H,).
    B, C: (Bt, T, G, N); G divides H. Head h uses group h // (H / G): neighbouring heads share one.
    chunk: Q >= 1, how many tokens to take at once. It need not divide T, and may be larger than T. The result does not
        depend on it.
    h0: (Bt, H, P, N), the state before the first token; None: zeros. It is not changed.
    Returns: y (Bt, T, H, P) and the state after the last token (Bt, H, P, N), in the dtype of x, float32 or float64,
        and computed in it or in a finer one. Gradients flow to all arguments. No number and no gradient is NaN, however
        large dt.

    One head, P = N = 1: a step of size 1 halves the state, and the input is added with D = 10:

    >>> x, dt = torch.tensor([4.0, 2.0, 1.0]).view(1, 3, 1, 1), torch.ones(1, 3, 1)
    >>> one = torch.ones(1, 3, 1, 1)
    >>> y, h = ssd_scan(x, dt, torch.tensor([-0.6931472]), one, one, torch.tensor([10.0]), chunk=2)
    >>> y.flatten(), h.flatten()  # h = 4, then 2 + 2, then 2 + 1
    (tensor([44., 24., 13.]), tensor([3.]))
    """
    Bt, _, H, P = x.shape
    G, N = B.shape[2:]
    B, C = (matrix.repeat_interleave(H // G, dim=2) for matrix in (B, C))  # (Bt, T, H, N): neighbours share
    h = x.new_zeros(Bt, H, P, N) if h0 is None else h0
    ys = []
    chunks = (tensor.split(chunk, dim=1) for tensor in (dt[..., None] * x, dt * A, B, C))
    for x_, a, B_, C_ in zip(*chunks, strict=True):
        cum = a.cumsum(1)  # (Bt, Q, H)
        future = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).triu(1)  # (Q, Q): s > t
        exponent = cum[:, :, None] - cum[:, None]  # (Bt, Q, Q, H): t, s
        L = torch.exp(exponent.masked_fill(future[..., None], float("-inf")))
        scores = torch.einsum("bthn,bshn->btsh", C_, B_)
        inside = torch.einsum("btsh,bshp->bthp", L * scores, x_)
        before = torch.einsum("bth,bthn,bhpn->bthp", torch.exp(cum), C_, h)
        ys.append(inside + before)
        until_end = torch.exp(cum[:, -1:] - cum)  # (Bt, Q, H): what is left of token s at the end
        written = torch.einsum("bsh,bshp,bshn->bhpn", until_end, x_, B_)
        h = torch.exp(cum[:, -1])[..., None, None] * h + written
    y = torch.cat(ys, dim=1) + D[:, None] * x
    return y, h


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, groups: int = 1, eps: float = 1e-5) -> Tensor:
    """u = y silu(z) first, then u / √(mean of u² + eps) within each of `groups` equal runs of channels, times weight.

    y, z: (..., E), of one dtype, float32 or float64. weight: (E,). groups divides E.
    Returns: (..., E) in the dtype of y. Gradients flow to y, z and weight.

    >>> y, z = torch.tensor([3.0, 4.0, 1.0, 1.0]), torch.full((4,), 100.0)  # silu(100) = 100
    >>> gated_rms_norm(y, z, torch.tensor([1.0, 1.0, 1.0, 2.0]), groups=2)
    tensor([0.8485, 1.1314, 1.0000, 2.0000])
    """
    u = y * F.silu(z)
    runs = u.unflatten(-1, (groups, -1))  # (..., G, E / G)
    runs = runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)
    return runs.flatten(-2) * weight


class Mamba2Block(nn.Module):
    """The mixer of Mamba-2, for whole texts and for pieces of them.

    d_model: D, the width of the text. d_state: N. d_conv: W >= 2, how many tokens the convolution sees. expand: the
    channels are E = expand · D. headdim: P, so there are H = E / P heads. ngroups: G, how many B and C there are.
    chunk: the chunk of the scan; it changes no result.

    The state_dict has these entries and no others, all of them parameters; with R = E + 2 G N:

        in_proj.weight    (E + R + H, D)  rows of z first (E), then x (E), B (G N), C (G N), dt (H)
        conv1d.weight     (R, 1, W)       over x, B and C together; the last of the W belongs to the current token
        conv1d.bias       (R,)
        dt_bias           (H,)            at first softplus(dt_bias) is between 0.001 and 0.1, up to rounding
        A_log             (H,)            at first exp(A_log) is between 1 and 16, up to rounding
        D                 (H,)            at first 1
        norm.weight       (E,)            at first 1
        out_proj.weight   (D, E)

    How the others are drawn at first is not prescribed.
    Raises: ValueError unless P divides E and G divides H.

    >>> block = Mamba2Block(d_model=1, d_state=1, d_conv=2, expand=2, headdim=1)
    >>> for parameter in block.parameters():
    ...     _ = nn.init.ones_(parameter)
    >>> block.norm.weight.data = torch.tensor([1.0, 3.0])
    >>> block.D.data = torch.tensor([0.0, 2.0])
    >>> with torch.no_grad():
    ...     y, state = block(torch.tensor([[[1.0], [-1.0], [0.5]]]))
    >>> y.flatten(), state["conv"].flatten(), state["ssm"].flatten()
    (tensor([ 4.2267, -4.4626,  4.3429]), tensor([0.5000, 0.5000, 0.5000, 0.5000]), tensor([0.1783, 0.1783]))
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 128,
        d_conv: int = 4,
        expand: int = 2,
        headdim: int = 64,
        ngroups: int = 1,
        chunk: int = 64,
    ) -> None:
        super().__init__()
        E = expand * d_model
        if E % headdim:
            raise ValueError(f"headdim {headdim} does not divide the {E} channels")
        H = E // headdim
        if H % ngroups:
            raise ValueError(f"ngroups {ngroups} does not divide the {H} heads")
        R = E + 2 * ngroups * d_state
        self.d_state, self.headdim, self.ngroups, self.chunk = d_state, headdim, ngroups, chunk
        self.in_proj = nn.Linear(d_model, E + R + H, bias=False)
        self.conv1d = nn.Conv1d(R, R, d_conv, groups=R)
        dt = torch.exp(torch.empty(H).uniform_(math.log(0.001), math.log(0.1)))
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))  # softplus(dt_bias) is dt
        self.A_log = nn.Parameter(torch.empty(H).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(H))
        self.norm = nn.RMSNorm(E)  # for the name of its weight; gated_rms_norm computes
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        """What is known before the first token of `batch` texts: zeros, in the dtype of the parameters.

        Returns: {"conv": (batch, R, W - 1), "ssm": (batch, H, P, N)}.
        """
        R, _, W = self.conv1d.weight.shape
        like = self.A_log
        return {
            "conv": like.new_zeros(batch, R, W - 1),
            "ssm": like.new_zeros(batch, len(like), self.headdim, self.d_state),
        }

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Mixes the next T tokens of each text with all that came before; T = 1 is a step of decoding.

        z, xBC, dt = in_proj(x); xBC ← silu(conv(xBC)), causal and depthwise; dt ← softplus(dt + dt_bias);
        y = ssd_scan with A = -exp(A_log); the output is out_proj of gated_rms_norm(y, z, norm.weight, G, 1e-5), with
        the channels of y in the order head by head.

        x: (Bt, T, D), T >= 1, in the dtype of the parameters.
        state: what forward returned for the tokens before, or init_state(Bt); None: the texts begin here. It is
            not changed.
        Returns: y (Bt, T, D), the same as if the whole text had been given at once; y[:, t] depends on token t
            and those before it. And the state after the last token: "conv" (Bt, R, W - 1), the last W - 1 inputs of
            the convolution, oldest first, and "ssm" (Bt, H, P, N), h. Gradients flow from y to x and to all parameters.
        """
        Bt, T, _ = x.shape
        H, P, G, N = len(self.A_log), self.headdim, self.ngroups, self.d_state
        E, R = H * P, len(self.conv1d.weight)
        if state is None:
            state = self.init_state(Bt)

        z, xBC, dt = self.in_proj(x).split([E, R, H], dim=-1)
        window = torch.cat([state["conv"], xBC.mT], dim=-1)  # (Bt, R, W - 1 + T)
        xBC = F.silu(self.conv1d(window)).mT  # (Bt, T, R)
        u, B, C = xBC.split([E, G * N, G * N], dim=-1)

        y, h = ssd_scan(
            u.unflatten(-1, (H, P)),
            F.softplus(dt + self.dt_bias),
            -torch.exp(self.A_log),
            B.unflatten(-1, (G, N)),
            C.unflatten(-1, (G, N)),
            self.D,
            self.chunk,
            state["ssm"],
        )
        y = gated_rms_norm(y.flatten(-2), z, self.norm.weight, G, 1e-5)  # (Bt, T, E)
        return self.out_proj(y), {"conv": window[..., T:], "ssm": h}
