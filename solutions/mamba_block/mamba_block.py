"""The Mamba block: projection, short convolution, selective scan and gate, for whole texts and token by token."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MambaBlock(nn.Module):
    """The mixer of Mamba, which stands where a transformer has attention and feed-forward layer.

    d_model: D, the width of the text. d_state: N, the size of the state of a channel. d_conv: W >= 2, how many
    tokens the convolution sees. expand: E = expand · D is the number of channels. dt_rank: R, from how many
    numbers Δ is made; None: D / 16, rounded up.

    The state_dict has these entries and no others, all of them parameters:

        in_proj.weight    (2 E, D)        rows of u first, then those of z
        conv1d.weight     (E, 1, W)       the last of the W belongs to the current token
        conv1d.bias       (E,)
        x_proj.weight     (R + 2 N, E)    rows of Δ first, then those of B, then those of C
        dt_proj.weight    (E, R)
        dt_proj.bias      (E,)
        A_log             (E, N)          at first ln 1, ln 2, ..., ln N in each row
        D                 (E,)            at first 1
        out_proj.weight   (D, E)

    How the others are drawn at first is not prescribed.

    >>> block = MambaBlock(d_model=1, d_state=1, d_conv=2, expand=1)
    >>> for parameter in block.parameters():
    ...     _ = nn.init.ones_(parameter)
    >>> with torch.no_grad():
    ...     y, state = block(torch.tensor([[[1.0], [-1.0], [0.5]]]))
    >>> y.flatten(), state["conv"].flatten(), state["ssm"].flatten()
    (tensor([12.5692, -0.4056,  0.1129]), tensor([0.5000]), tensor([0.1659]))
    """

    def __init__(
        self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2, dt_rank: int | None = None
    ) -> None:
        super().__init__()
        E = expand * d_model
        R = math.ceil(d_model / 16) if dt_rank is None else dt_rank
        self.in_proj = nn.Linear(d_model, 2 * E, bias=False)
        self.conv1d = nn.Conv1d(E, E, d_conv, groups=E)
        self.x_proj = nn.Linear(E, R + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(R, E)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(E, 1))  # S4D-real
        self.D = nn.Parameter(torch.ones(E))
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        """What is known before the first token of `batch` texts: zeros, in the dtype of the parameters.

        Returns: {"conv": (batch, E, W - 1), "ssm": (batch, E, N)}.
        """
        E, N = self.A_log.shape
        W = self.conv1d.kernel_size[0]
        return {"conv": self.A_log.new_zeros(batch, E, W - 1), "ssm": self.A_log.new_zeros(batch, E, N)}

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Mixes the next T tokens of each text with all that came before.

        x: (Bt, T, D), T >= 1, in the dtype of the parameters.
        state: what forward returned for the tokens before, or init_state(Bt); None: the texts begin here. It is
            not changed.
        Returns: y (Bt, T, D), the same as if the whole text had been given at once; y[:, t] depends on token t
            and those before it. And the state after the last token: "conv" (Bt, E, W - 1), the last W - 1
            inputs of the convolution, oldest first, and "ssm" (Bt, E, N), h. All have the dtype of x and are
            computed in it or in a finer one. Gradients flow from y to x and to all parameters;
            they need not flow to a state that is passed in.
        """
        Bt, T, _ = x.shape
        N, R = self.A_log.shape[1], self.dt_proj.in_features
        if state is None:
            state = self.init_state(Bt)

        u, z = self.in_proj(x).chunk(2, dim=-1)  # (Bt, T, E)
        window = torch.cat([state["conv"], u.mT], dim=-1)  # (Bt, E, W - 1 + T)
        u = F.silu(self.conv1d(window)).mT  # (Bt, T, E)

        dt, B, C = self.x_proj(u).split([R, N, N], dim=-1)
        delta = F.softplus(self.dt_proj(dt))  # (Bt, T, E)
        A = -torch.exp(self.A_log)  # (E, N)
        A_bar = torch.exp(delta[..., None] * A)  # (Bt, T, E, N)
        B_bar_u = (delta * u)[..., None] * B[:, :, None]  # (Bt, T, E, N)

        h = state["ssm"]
        ys = []
        for t in range(T):
            h = A_bar[:, t] * h + B_bar_u[:, t]  # (Bt, E, N)
            ys.append((h * C[:, t, None]).sum(-1))  # (Bt, E)
        y = torch.stack(ys, dim=1) + self.D * u  # (Bt, T, E)

        y = self.out_proj(y * F.silu(z))  # (Bt, T, D)
        return y, {"conv": window[..., T:], "ssm": h}
