"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from decoder_block import rms_norm, swiglu
from torch import Tensor, nn

from grader.testing import replaces


def wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def root_mean_square(h: Tensor, eps: float) -> Tensor:
    return (h.square().mean(-1, keepdim=True) + eps).sqrt()


@replaces("rms_norm")
def subtract_mean(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You subtracted the mean first: that is LayerNorm. RMSNorm does not centre, it only divides."""
    h = wide(x)
    h = h - h.mean(-1, keepdim=True)
    return (h / root_mean_square(h, eps)).to(x.dtype) * weight


@replaces("rms_norm")
def l2_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You divided by the root of the sum of squares, and your result is smaller by the factor √D.
    What does the M in RMS stand for?"""
    h = wide(x)
    return (h / (h.square().sum(-1, keepdim=True) + eps).sqrt()).to(x.dtype) * weight


@replaces("rms_norm")
def no_root(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You divided by the mean square itself. A token that is twice as large comes out half as large: where is
    the root?"""
    h = wide(x)
    return (h / (h.square().mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def eps_outside(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your eps is added after the root. It belongs under it, beside the mean square; for a small token that is
    a large difference."""
    h = wide(x)
    return (h / (root_mean_square(h, 0.0) + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def eps_fixed(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your eps is always 1e-6. Models differ in it (Llama 2 has 1e-5): use the one that is given."""
    h = wide(x)
    return (h / root_mean_square(h, 1e-6)).to(x.dtype) * weight


@replaces("rms_norm")
def no_eps(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your eps takes no part, and a token of zeros becomes 0 / 0, NaN."""
    h = wide(x)
    return (h / root_mean_square(h, 0.0)).to(x.dtype) * weight


@replaces("rms_norm")
def whole_tensor(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You took one mean over the whole tensor, so tokens change each other's size. Each token is normalised
    over its own D numbers: over which axis does the mean run?"""
    h = wide(x)
    return (h / (h.square().mean() + eps).sqrt()).to(x.dtype) * weight


@replaces("rms_norm")
def one_plus_gain(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You multiplied by 1 + weight. That is Gemma's way of storing the gain; Llama's begins as ones and is
    used as it is."""
    h = wide(x)
    return (h / root_mean_square(h, eps)).to(x.dtype) * (1 + weight)


@replaces("rms_norm")
def gain_forgotten(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """The weight takes no part. After the division each of the D numbers has its own gain."""
    h = wide(x)
    return (h / root_mean_square(h, eps)).to(x.dtype)


@replaces("rms_norm")
def half_precision(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You squared in half precision. 300² is more than float16 can hold: the mean becomes infinite and the
    result 0. In which dtype does the docstring normalise float16?"""
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * weight


@replaces("rms_norm")
def squared_in_half(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You went to float32 after the squares were taken. 300² is more than float16 can hold, so the mean is infinite and
    the token becomes 0. Which is the first step that needs the wider dtype?"""
    h = wide(x)
    return (h * torch.rsqrt(wide(x.square()).mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def mean_in_half(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You went to float32 after the mean of the squares was taken. 300² is more than float16 can hold, so the mean is
    infinite and the token becomes 0. Which is the first step that needs the wider dtype?"""
    h = wide(x)
    return (h * torch.rsqrt(wide(x.square().mean(-1, keepdim=True)) + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def stays_float32(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """The detour through float32 has no way back: for half precision your result is float32. It should have
    the dtype of x."""
    h = wide(x)
    return h / root_mean_square(h, eps) * weight


@replaces("rms_norm")
def always_float32(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """float64 went through float32 on its way and lost half of its digits. Only half precision needs the
    detour."""
    h = x.float()
    return (h * torch.rsqrt(h.square().mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def standard_deviation(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You divided by the standard deviation, which measures the distance from the mean. The root mean square measures
    the distance from another point: from which?"""
    h = wide(x)
    return (h * torch.rsqrt(h.var(-1, unbiased=False, keepdim=True) + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def over_tokens(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your mean of squares runs over the first axis, so a token depends on the other tokens. On which axis do the D
    numbers of one token lie?"""
    h = wide(x)
    return (h * torch.rsqrt(h.square().mean(0, keepdim=True) + eps)).to(x.dtype) * weight


@replaces("swiglu")
def silu_on_up(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """The silu sits on the wrong branch: it belongs to W_gate x, and W_up x passes as it is."""
    return F.linear(F.linear(x, w_gate) * F.silu(F.linear(x, w_up)), w_down)


@replaces("swiglu")
def silu_of_product(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """You took the silu of the product. Only the gate goes through it, before the two are multiplied."""
    return F.linear(F.silu(F.linear(x, w_gate) * F.linear(x, w_up)), w_down)


@replaces("swiglu")
def gelu_gate(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """Your gate is a GELU: that network is GeGLU, which Gemma has. The S of SwiGLU stands for swish, another
    name of silu."""
    return F.linear(F.gelu(F.linear(x, w_gate)) * F.linear(x, w_up), w_down)


@replaces("swiglu")
def sigmoid_gate(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """Your gate is a sigmoid: that is GLU, the network of 2017. silu(a) is a times that."""
    return F.linear(torch.sigmoid(F.linear(x, w_gate)) * F.linear(x, w_up), w_down)


@replaces("swiglu")
def added(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """You added the two branches. A gate multiplies: where it is 0, nothing passes."""
    return F.linear(F.silu(F.linear(x, w_gate)) + F.linear(x, w_up), w_down)


@replaces("swiglu")
def no_gate(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """W_gate takes no part: you wrote the network with two matrices. Which product makes the hidden layer?"""
    return F.linear(F.silu(F.linear(x, w_up)), w_down)


@replaces("swiglu")
def relu_gate(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """The gate in your code goes through ReLU, so it is exactly 0 for every negative number. What does silu give
    there?"""
    return F.linear(F.relu(F.linear(x, w_gate)) * F.linear(x, w_up), w_down)


@replaces("swiglu")
def gate_without_silu(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """You multiplied the two branches and applied no activation to either of them. Which branch is the gate, and what
    does the formula do to it?"""
    return F.linear(F.linear(x, w_gate) * F.linear(x, w_up), w_down)


@replaces("swiglu_hidden_size")
def floor_multiple(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You rounded down to the multiple: 4096 gives 10752 in place of 11008. The last step rounds up."""
    width = 8 * hidden_size // 3
    width = width if ffn_dim_multiplier is None else int(width * ffn_dim_multiplier)
    return width // multiple_of * multiple_of


@replaces("swiglu_hidden_size")
def nearest_multiple(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You rounded to the nearest multiple, which is sometimes below. The last step always rounds up."""
    width = 8 * hidden_size // 3
    width = width if ffn_dim_multiplier is None else int(width * ffn_dim_multiplier)
    return (width + multiple_of // 2) // multiple_of * multiple_of


@replaces("swiglu_hidden_size")
def one_multiple_more(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You add a multiple even where the width is one already. What is missing to the next multiple is 0
    then."""
    width = 8 * hidden_size // 3
    width = width if ffn_dim_multiplier is None else int(width * ffn_dim_multiplier)
    return (width // multiple_of + 1) * multiple_of


@replaces("swiglu_hidden_size")
def no_two_thirds(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You began with 4D, and three matrices of that width are half as much again as GPT's two. Begin with two
    thirds of it."""
    width = 4 * hidden_size
    width = width if ffn_dim_multiplier is None else int(width * ffn_dim_multiplier)
    return -(-width // multiple_of) * multiple_of


@replaces("swiglu_hidden_size")
def multiplier_last(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You multiplied after rounding up, and the width is no multiple any more. Rounding up is the last step."""
    width = -(-(8 * hidden_size // 3) // multiple_of) * multiple_of
    return width if ffn_dim_multiplier is None else int(width * ffn_dim_multiplier)


@replaces("swiglu_hidden_size")
def multiplier_ignored(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """ffn_dim_multiplier takes no part. Llama-2-70B has 1.3."""
    return -(-(8 * hidden_size // 3) // multiple_of) * multiple_of


@replaces("swiglu_hidden_size")
def rounded_once(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You multiplied 8D/3 by ffn_dim_multiplier before you rounded down. The docstring rounds down twice: after which
    of the steps is the first time?"""
    factor = 1 if ffn_dim_multiplier is None else ffn_dim_multiplier
    width = int(8 * hidden_size / 3 * factor)
    return -(-width // multiple_of) * multiple_of


class Block(nn.Module):
    """The right layer, in parts. A mistake gets one of them wrong."""

    bias = False

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        rms_norm_eps: float = 1e-6,
        rope_theta: float = 10000.0,
    ):
        super().__init__()
        self.H, self.K = num_heads, hidden_size // num_heads
        self.eps, self.theta = rms_norm_eps, rope_theta
        # Registered in the order of the reference: the diagnosis replays loaded weights by their place.
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(hidden_size, hidden_size, bias=self.bias))
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=self.bias)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=self.bias)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=self.bias)
        self.input_layernorm = nn.RMSNorm(hidden_size)
        self.post_attention_layernorm = nn.RMSNorm(hidden_size)

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        x = x + self.attention(self.norm_1(x), positions)
        return x + self.ffn(self.norm_2(x))

    def norm_1(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.input_layernorm.weight, self.eps)

    def norm_2(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.post_attention_layernorm.weight, self.eps)

    def ffn(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        positions = torch.arange(x.shape[1]) if positions is None else positions
        q, k, v = self.place(q, k, v, positions)
        return self.o_proj(self.merge(self.attend(q, k, v)))

    def split(self, y: Tensor) -> Tensor:
        return y.unflatten(-1, (self.H, self.K)).transpose(1, 2)

    def merge(self, y: Tensor) -> Tensor:
        return y.transpose(1, 2).flatten(2)

    def place(self, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.turn(q, positions), self.turn(k, positions), v

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        return rotate(x, positions, self.theta)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    angle = positions[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    a, b = x[..., :half], x[..., half:]
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("LlamaBlock")
class BlockNoNorm(Block):
    """Attention reads x itself. Llama normalises the input of each part: where is RMSNorm(x)?"""

    def norm_1(self, x: Tensor) -> Tensor:
        return x


@replaces("LlamaBlock")
class BlockNormInResidual(Block):
    """You added to the normalised x. The skip path must stay clean: what is added to is x from before the
    norm."""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        h = self.norm_1(x)
        h = self.norm_2(h + self.attention(h, positions))
        return h + self.ffn(h)


@replaces("LlamaBlock")
class BlockFirstNormInResidual(Block):
    """You gave the normalised x to attention and added to it, too. The second half is right: what does the first one
    have to add to?"""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        h = self.norm_1(x)
        h = h + self.attention(h, positions)
        return h + self.ffn(self.norm_2(h))


@replaces("LlamaBlock")
class BlockPostNorm(Block):
    """Your norms stand behind the additions, as in the transformer of 2017. In Llama they stand in front of
    each part, inside the skip."""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        x = self.norm_1(x + self.attention(x, positions))
        return self.norm_2(x + self.ffn(x))


@replaces("LlamaBlock")
class BlockParallel(Block):
    """Both parts read the same x: that is the parallel layer of GPT-J and PaLM. In Llama the feed-forward
    network reads what attention has already added to."""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        return x + self.attention(self.norm_1(x), positions) + self.ffn(self.norm_2(x))


@replaces("LlamaBlock")
class BlockNoResidual(Block):
    """Your feed-forward network replaces its input. Each part adds to it; without the sum the layer forgets
    what attention has read."""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        return self.ffn(self.norm_2(x + self.attention(self.norm_1(x), positions)))


@replaces("LlamaBlock")
class BlockOneNorm(Block):
    """Both norms use the gain of input_layernorm. The second one has its own."""

    def norm_2(self, x: Tensor) -> Tensor:
        return self.norm_1(x)


@replaces("LlamaBlock")
class BlockEpsIgnored(Block):
    """rms_norm_eps does not reach your norms: they use another eps than the one that was given."""

    def norm_1(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.input_layernorm.weight)

    def norm_2(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.post_attention_layernorm.weight)


@replaces("LlamaBlock")
class BlockSecondEpsIgnored(Block):
    """rms_norm_eps reaches your first norm, and the second one has the default eps. Which norms does the docstring
    name?"""

    def norm_2(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.post_attention_layernorm.weight)


@replaces("LlamaBlock")
class BlockFirstEpsIgnored(Block):
    """rms_norm_eps reaches your second norm, and the first one has the default eps. Which norms does the docstring
    name?"""

    def norm_1(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.input_layernorm.weight)


@replaces("LlamaBlock")
class BlockNoRope(Block):
    """Your attention knows no positions: nothing is turned. What tells it that two tokens are far apart?"""

    def place(self, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return q, k, v


@replaces("LlamaBlock")
class BlockRopeOnV(Block):
    """You turned the values too. They carry content, not position, and nothing turns them back later."""

    def place(self, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.turn(q, positions), self.turn(k, positions), self.turn(v, positions)


@replaces("LlamaBlock")
class BlockRopeOnlyQ(Block):
    """You turned the queries only, so a score depends on where the query stands in the text. Both turn, and
    the difference of their angles remains."""

    def place(self, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.turn(q, positions), k, v


@replaces("LlamaBlock")
class BlockRopeBeforeHeads(Block):
    """You turned before cutting into heads: one rotation over all D numbers, so each head gets other angles.
    Frequencies run over the K numbers of one head."""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        positions = torch.arange(x.shape[1]) if positions is None else positions
        q, k = self.turn(self.q_proj(x), positions), self.turn(self.k_proj(x), positions)
        y = self.attend(self.split(q), self.split(k), self.split(self.v_proj(x)))
        return self.o_proj(self.merge(y))


@replaces("LlamaBlock")
class BlockRopeOnTokens(Block):
    """You turned the vectors of the tokens and made queries and keys of them. It is queries and keys that are turned,
    each head by itself: a matrix behind the turn mixes what was turned by different angles. Where does it stand?"""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        positions = torch.arange(x.shape[1]) if positions is None else positions
        turned = self.turn(x, positions)
        q, k, v = self.split(self.q_proj(turned)), self.split(self.k_proj(turned)), self.split(self.v_proj(x))
        return self.o_proj(self.merge(self.attend(q, k, v)))


@replaces("LlamaBlock")
class BlockRopeOnAllTokens(Block):
    """You turned the vectors of the tokens before all three projections, so values are turned too. Queries and keys
    alone are turned, each head by itself: behind which matrices?"""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        positions = torch.arange(x.shape[1]) if positions is None else positions
        turned = self.turn(x, positions)
        q, k, v = (self.split(proj(turned)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        return self.o_proj(self.merge(self.attend(q, k, v)))


@replaces("LlamaBlock")
class BlockNeighbours(Block):
    """You turned neighbours, (x_{2i}, x_{2i+1}), as Meta's own files want it. In this layout, Hugging Face's,
    the partner of x_i is x_{i+K/2}."""

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        y = rotate(torch.cat([x[..., ::2], x[..., 1::2]], dim=-1), positions, self.theta)
        return y.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


@replaces("LlamaBlock")
class BlockThetaIgnored(Block):
    """rope_theta does not reach your frequencies: they always have base 10000. Llama 3 has 500000."""

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        return rotate(x, positions, 10000.0)


@replaces("LlamaBlock")
class BlockPositionsIgnored(Block):
    """The positions that forward is given take no part: you always count from 0, one by one."""

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        return rotate(x, torch.arange(x.shape[2]), self.theta)


@replaces("LlamaBlock")
class BlockFloat32Angles(Block):
    """Your angles are float32, and in float64 the result has only half of its digits. Which dtype do the
    numbers have that the frequencies are made from?"""

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        half = x.shape[-1] // 2
        angle = positions[:, None] * self.theta ** (-torch.arange(half) / half)
        a, b = x[..., :half], x[..., half:]
        cos, sin = angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("LlamaBlock")
class BlockNotCausal(Block):
    """Your tokens see the future. A decoder masks it: token t attends to tokens 0 to t."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v)


@replaces("LlamaBlock")
class BlockMaskAfterSoftmax(Block):
    """Your softmax runs over all tokens, and future weights are set to 0 behind it: the others add up to less than 1
    and depend on later tokens. What has to be done to the scores before the softmax?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q @ k.mT * self.K**-0.5).softmax(-1).tril() @ v


@replaces("LlamaBlock")
class BlockMaskByPosition(Block):
    """You mask by the numbers in positions. They only turn; who sees whom is decided by the order in x, even
    where positions jump back."""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        positions = torch.arange(x.shape[1]) if positions is None else positions
        q, k, v = self.place(q, k, v, positions)
        keep = positions[None, :] <= positions[:, None]
        return self.o_proj(self.merge(F.scaled_dot_product_attention(q, k, v, attn_mask=keep)))


@replaces("LlamaBlock")
class BlockNoScale(Block):
    """Your scores are not divided by √K, so the softmax is sharper than it should be."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)


@replaces("LlamaBlock")
class BlockScaleD(Block):
    """Your scores are divided by √D. A score is a sum over the K numbers of one head: scale by √K."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=(self.H * self.K) ** -0.5)


@replaces("LlamaBlock")
class BlockSplitNoTranspose(Block):
    """You cut (B, T, D) into (B, H, T, K) with view alone, which mixes tokens. The D numbers of a token are
    cut into (H, K) first, and then the axes change places."""

    def split(self, y: Tensor) -> Tensor:
        B, T, _ = y.shape
        return y.reshape(B, self.H, T, self.K)


@replaces("LlamaBlock")
class BlockMergeNoTranspose(Block):
    """You flattened (B, H, T, K) to (B, T, D) as it was, and one row mixes several tokens. Swap heads and time
    back first."""

    def merge(self, y: Tensor) -> Tensor:
        B, H, T, K = y.shape
        return y.reshape(B, T, H * K)


@replaces("LlamaBlock")
class BlockNoOutput(Block):
    """o_proj takes no part. The heads stand side by side after attention, and W_o mixes them before they are
    added to x."""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        positions = torch.arange(x.shape[1]) if positions is None else positions
        return self.merge(self.attend(*self.place(q, k, v, positions)))


@replaces("LlamaBlock")
class BlockBiases(Block):
    """Your projections have biases, which nn.Linear adds unless it is told not to. Llama has none, and its
    checkpoint would not fit."""

    bias = True


@replaces("LlamaBlock")
class BlockNormsSwapped(Block):
    """The two norms have changed places: attention reads with the gain of post_attention_layernorm. In a new layer
    both gains are ones, so nobody sees it there. What does the name of each norm say about its place?"""

    def norm_1(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.post_attention_layernorm.weight, self.eps)

    def norm_2(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.input_layernorm.weight, self.eps)


@replaces("LlamaBlock")
class BlockSecondSumFromX(Block):
    """Your second sum adds the input of the whole layer, and the result of attention is lost from the sum. Which
    vector does the feed-forward network add to?"""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        y = x + self.attention(self.norm_1(x), positions)
        return x + self.ffn(self.norm_2(y))


@replaces("LlamaBlock")
class BlockSecondNormForgotten(Block):
    """The feed-forward network of your layer reads y itself. Attention reads a normalised vector: what does the
    formula give to SwiGLU?"""

    def norm_2(self, x: Tensor) -> Tensor:
        return x


@replaces("LlamaBlock")
class BlockGateUpSwapped(Block):
    """gate_proj and up_proj have changed places: silu is applied to up_proj x. Both have the same shape, so every
    checkpoint loads. Which of the two is the gate?"""

    def ffn(self, x: Tensor) -> Tensor:
        return swiglu(x, self.up_proj.weight, self.gate_proj.weight, self.down_proj.weight)


@replaces("LlamaBlock")
class BlockMaskInFloat32(Block):
    """Your mask of -inf is float32, since torch makes float32 unless it is told otherwise. Added to scores in bfloat16
    it makes float32 of them, and they do not fit the values any more: which dtype has x?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        T, K = q.shape[-2:]
        scores = q @ k.mT / math.sqrt(K) + torch.full((T, T), -math.inf).triu(1)
        return torch.softmax(scores, dim=-1) @ v
