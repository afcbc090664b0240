"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from decoder_block import rms_norm, swiglu
from torch import Tensor, nn

from grader.testing import replaces


def wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def mean_square(h: Tensor) -> Tensor:
    return h.square().mean(-1, keepdim=True)


def divided(x: Tensor, weight: Tensor, by: Callable[[Tensor], Tensor]) -> Tensor:
    h = wide(x)
    return (h / by(h)).to(x.dtype) * weight


@replaces("rms_norm")
def subtract_mean(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your result does not change if the same number is added to the whole token: you normalised as LayerNorm does.
    What does RMSNorm leave out?"""
    h = wide(x)
    h = h - h.mean(-1, keepdim=True)
    return (h / (mean_square(h) + eps).sqrt()).to(x.dtype) * weight


@replaces("rms_norm", unbiased=[False, True])
def standard_deviation(x: Tensor, weight: Tensor, eps: float = 1e-6, *, unbiased: bool) -> Tensor:
    """You divided by the standard deviation, which measures the distance from the mean. The root mean square measures
    the distance from another point: from which?"""
    return divided(x, weight, lambda h: (h.var(-1, unbiased=unbiased, keepdim=True) + eps).sqrt())


@replaces("rms_norm")
def l2_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You divided by the root of the sum of squares, and your result is smaller by the factor √D. What does the M in
    RMS stand for?"""
    return divided(x, weight, lambda h: (h.square().sum(-1, keepdim=True) + eps).sqrt())


@replaces("rms_norm")
def mean_of_sizes(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You divided by the mean of the absolute values. What do the R and the S in RMS stand for?"""
    return divided(x, weight, lambda h: h.abs().mean(-1, keepdim=True) + eps)


@replaces("rms_norm")
def no_root(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You divided by the mean square itself. A token that is twice as large comes out half as large: where is the
    root?"""
    return divided(x, weight, lambda h: mean_square(h) + eps)


@replaces("rms_norm")
def eps_outside(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your result is right only where eps is negligible: it equals the one with eps added to the root. What does the
    formula add eps to?"""
    return divided(x, weight, lambda h: mean_square(h).sqrt() + eps)


@replaces("rms_norm", used=[0.0, 1e-8, 1e-6, 1e-5])
def eps_ignored(x: Tensor, weight: Tensor, eps: float = 1e-6, *, used: float) -> Tensor:
    """Your result is the same whatever eps is. What becomes of a token that is much smaller than eps, or of one that is
    0?"""
    return divided(x, weight, lambda h: (mean_square(h) + used).sqrt())


@replaces("rms_norm", axes=[None, 0, -2, (-2, -1)])
def over_other_axes(x: Tensor, weight: Tensor, eps: float = 1e-6, *, axes: int | tuple[int, int] | None) -> Tensor:
    """What a number is divided by depends on other tokens. Each token is normalised by its own D numbers: over which
    axis does your mean run?"""
    return divided(x, weight, lambda h: (h.square().mean(axes, keepdim=True) + eps).sqrt())


@replaces("rms_norm")
def one_plus_gain(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You multiplied by 1 + weight, as Gemma does, whose gains begin as zeros. What do Llama's begin as?"""
    return divided(x, 1 + weight, lambda h: (mean_square(h) + eps).sqrt())


@replaces("rms_norm")
def gain_forgotten(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your result is the same whatever weight is. What happens to each of the D numbers after the division?"""
    return divided(x, torch.ones_like(weight), lambda h: (mean_square(h) + eps).sqrt())


@replaces("rms_norm")
def gain_first(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """You normalised x multiplied by the gain, so the gain changes what you divide by. Whose mean square does the
    formula take?"""
    return divided(x * weight, torch.ones_like(weight), lambda h: (mean_square(h) + eps).sqrt())


@replaces("rms_norm", narrow=["everything", "the squares", "the mean"])
def half_precision(x: Tensor, weight: Tensor, eps: float = 1e-6, *, narrow: str) -> Tensor:
    """In half precision your result is coarse, and 0 for a token of numbers around 300. What is 300² in float16, and
    which is the first step that needs a wider dtype?"""
    if narrow == "everything":
        return x * torch.rsqrt(mean_square(x) + eps) * weight
    mean = wide(mean_square(x)) if narrow == "the mean" else wide(x.square()).mean(-1, keepdim=True)
    return (wide(x) * torch.rsqrt(mean + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def stays_float32(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """For half precision your result is float32. Which dtype should it have?"""
    h = wide(x)
    return h / (mean_square(h) + eps).sqrt() * weight


@replaces("rms_norm")
def always_float32(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """In float64 your result is only as precise as float32. Which dtypes does the docstring normalise in float32?"""
    h = x.float()
    return (h * torch.rsqrt(mean_square(h) + eps)).to(x.dtype) * weight


@replaces("rms_norm")
def size_detached(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Your values are right and the gradient of x is not: it treats what you divide by as a constant. How does that
    number depend on x?"""
    return divided(x, weight, lambda h: (mean_square(h) + eps).sqrt().detach())


@replaces("swiglu", function=["GELU", "GELU's tanh approximation", "sigmoid", "ReLU", "tanh", "softplus"])
def other_gate(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor, *, function: str) -> Tensor:
    """Your gate goes through {function}. The S of SwiGLU is for swish, also called silu: what does silu(a) multiply the
    sigmoid by?"""
    functions = {
        "GELU": F.gelu,
        "GELU's tanh approximation": lambda a: F.gelu(a, approximate="tanh"),
        "sigmoid": torch.sigmoid,
        "ReLU": F.relu,
        "tanh": torch.tanh,
        "softplus": F.softplus,
    }
    return F.linear(functions[function](F.linear(x, w_gate)) * F.linear(x, w_up), w_down)


@replaces("swiglu")
def gate_without_silu(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """You multiplied the two branches and applied no activation to either of them. Which branch is the gate, and what
    does the formula do to it?"""
    return F.linear(F.linear(x, w_gate) * F.linear(x, w_up), w_down)


@replaces("swiglu")
def silu_on_up(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """The silu is on the wrong branch. Which of the two matrices makes the gate?"""
    return F.linear(F.linear(x, w_gate) * F.silu(F.linear(x, w_up)), w_down)


@replaces("swiglu")
def silu_on_both(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """Both branches go through silu. Which of them does the formula leave as it is?"""
    return F.linear(F.silu(F.linear(x, w_gate)) * F.silu(F.linear(x, w_up)), w_down)


@replaces("swiglu")
def silu_of_product(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """You took the silu of the product. What goes through silu in the formula, and when are the branches multiplied?"""
    return F.linear(F.silu(F.linear(x, w_gate) * F.linear(x, w_up)), w_down)


@replaces("swiglu")
def silu_at_the_end(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """You took the silu of the output, after W_down. Which of the three products is the gate?"""
    return F.silu(F.linear(F.linear(x, w_gate) * F.linear(x, w_up), w_down))


@replaces("swiglu")
def added(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """You added the two branches. If the gate is 0, what should pass?"""
    return F.linear(F.silu(F.linear(x, w_gate)) + F.linear(x, w_up), w_down)


@replaces("swiglu", used=["w_gate", "w_up"])
def one_branch(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor, *, used: str) -> Tensor:
    """Your hidden layer is made by {used} alone: you wrote the network with two matrices. Which product makes the
    hidden layer of SwiGLU?"""
    return F.linear(F.silu(F.linear(x, w_gate if used == "w_gate" else w_up)), w_down)


def up_to_multiple(width: int, multiple_of: int) -> int:
    return -(-width // multiple_of) * multiple_of


def times(width: int, multiplier: float | None) -> int:
    return width if multiplier is None else int(width * multiplier)


@replaces("swiglu_hidden_size")
def floor_multiple(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You rounded down to the multiple. Which way does the last step round?"""
    return times(8 * hidden_size // 3, ffn_dim_multiplier) // multiple_of * multiple_of


@replaces("swiglu_hidden_size")
def nearest_multiple(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You rounded to the nearest multiple, which is sometimes smaller than the width. Which way does the last step
    round?"""
    return (times(8 * hidden_size // 3, ffn_dim_multiplier) + multiple_of // 2) // multiple_of * multiple_of


@replaces("swiglu_hidden_size")
def one_multiple_more(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """Where the width is a multiple already, your result is one multiple larger. How much is missing to a multiple
    then?"""
    return (times(8 * hidden_size // 3, ffn_dim_multiplier) // multiple_of + 1) * multiple_of


@replaces("swiglu_hidden_size")
def no_multiple(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """Your result is the same whatever multiple_of is. Is 10922 a multiple of 256?"""
    return times(8 * hidden_size // 3, ffn_dim_multiplier)


@replaces("swiglu_hidden_size", factor=[4, 3, 2, 2 / 3, 16 / 3])
def other_beginning(
    hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None, *, factor: float
) -> int:
    """Your width begins with {factor} times D. GPT has two matrices of width 4D: how wide can three be that cost the
    same?"""
    return up_to_multiple(times(int(factor * hidden_size), ffn_dim_multiplier), multiple_of)


@replaces("swiglu_hidden_size", rounding=[math.ceil, round])
def two_thirds_rounded_up(
    hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None, *, rounding: Callable
) -> int:
    """Your two thirds of 4D are not rounded down. With a multiple of 1 and D = 4, how large should the width be?"""
    return up_to_multiple(times(rounding(8 * hidden_size / 3), ffn_dim_multiplier), multiple_of)


@replaces("swiglu_hidden_size", rounding=[math.ceil, round])
def product_rounded_up(
    hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None, *, rounding: Callable
) -> int:
    """Your width is not rounded down after it is multiplied by ffn_dim_multiplier. How often, and when, does the
    docstring round down?"""
    factor = 1 if ffn_dim_multiplier is None else ffn_dim_multiplier
    return up_to_multiple(rounding(8 * hidden_size // 3 * factor), multiple_of)


@replaces("swiglu_hidden_size")
def multiplier_last(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """You multiplied by ffn_dim_multiplier after rounding up, so your width need not be a multiple. Which step comes
    last?"""
    return times(up_to_multiple(8 * hidden_size // 3, multiple_of), ffn_dim_multiplier)


@replaces("swiglu_hidden_size")
def multiplier_ignored(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """Your result is the same whatever ffn_dim_multiplier is. At which step does the statement use it?"""
    return up_to_multiple(8 * hidden_size // 3, multiple_of)


@replaces("swiglu_hidden_size")
def rounded_once(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """Your width is ffn_dim_multiplier times the unrounded 8D/3. The docstring rounds down twice: after which of the
    steps is the first time?"""
    factor = 1 if ffn_dim_multiplier is None else ffn_dim_multiplier
    return up_to_multiple(int(8 * hidden_size / 3 * factor), multiple_of)


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


@replaces("LlamaBlock", readers=["attention reads", "the feed-forward network reads", "both parts read"])
class BlockNormForgotten(Block):
    """In your layer {readers} a vector that is not normalised. What does the formula give to each part?"""

    readers: str

    def norm_1(self, x: Tensor) -> Tensor:
        return super().norm_1(x) if self.readers.startswith("the") else x

    def norm_2(self, x: Tensor) -> Tensor:
        return super().norm_2(x) if self.readers.startswith("attention") else x


@replaces("LlamaBlock", sums=["the first sum", "the second sum", "both sums"])
class BlockNormInResidual(Block):
    """In {sums} you add to the normalised vector. Which vector should the skip path carry?"""

    sums: str

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        h = self.norm_1(x)
        y = (x if self.sums == "the second sum" else h) + self.attention(h, positions)
        h = self.norm_2(y)
        return (y if self.sums == "the first sum" else h) + self.ffn(h)


@replaces("LlamaBlock")
class BlockPostNorm(Block):
    """Your norms come after the additions, as in the transformer of 2017. What do they normalise in Llama: a part's
    input, or the sum?"""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        x = self.norm_1(x + self.attention(x, positions))
        return self.norm_2(x + self.ffn(x))


@replaces("LlamaBlock")
class BlockOutputNorm(Block):
    """You normalise what each part returns, before you add it. What do the norms normalise in the formula?"""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        x = x + self.norm_1(self.attention(x, positions))
        return x + self.norm_2(self.ffn(x))


@replaces("LlamaBlock")
class BlockParallel(Block):
    """Both parts read the same x, as in the parallel layers of GPT-J and PaLM. What does Llama's feed-forward network
    read?"""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        return x + self.attention(self.norm_1(x), positions) + self.ffn(self.norm_2(x))


@replaces("LlamaBlock", parts=["Attention replaces", "The feed-forward network replaces", "Both parts replace"])
class BlockNoResidual(Block):
    """{parts} its input in your layer. What does each part do with the vector on the skip path?"""

    parts: str

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        y = self.attention(self.norm_1(x), positions) + (x if self.parts.startswith("The") else 0)
        return self.ffn(self.norm_2(y)) + (y if self.parts.startswith("Attention") else 0)


@replaces("LlamaBlock")
class BlockSecondSumFromX(Block):
    """Your second sum adds to the input of the whole layer, so the result of attention is missing from it. Which vector
    does the feed-forward network add to?"""

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        y = x + self.attention(self.norm_1(x), positions)
        return x + self.ffn(self.norm_2(y))


@replaces("LlamaBlock", gain=["input_layernorm", "post_attention_layernorm"])
class BlockOneNorm(Block):
    """Both norms use the gain of {gain}. How many gains does the docstring list?"""

    gain: str

    def norm_1(self, x: Tensor) -> Tensor:
        return rms_norm(x, getattr(self, self.gain).weight, self.eps)

    def norm_2(self, x: Tensor) -> Tensor:
        return rms_norm(x, getattr(self, self.gain).weight, self.eps)


@replaces("LlamaBlock")
class BlockNormsSwapped(Block):
    """The two norms are exchanged: attention reads with the gain of post_attention_layernorm. In a new layer both gains
    are ones, so nobody sees it there. What does the name of each norm say about its place?"""

    def norm_1(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.post_attention_layernorm.weight, self.eps)

    def norm_2(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.input_layernorm.weight, self.eps)


@replaces("LlamaBlock", norms=["the first norm", "the second norm", "both norms"], used=[1e-6, 1e-5, 2**-52])
class BlockEpsIgnored(Block):
    """The eps of {norms} is the same whatever rms_norm_eps is. Which norms does the docstring name?"""

    norms: str
    used: float

    def norm_1(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.input_layernorm.weight, self.eps if "second" in self.norms else self.used)

    def norm_2(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.post_attention_layernorm.weight, self.eps if "first" in self.norms else self.used)


@replaces("LlamaBlock", value=[0.0])
class BlockOtherGains(Block):
    """The gains of a new layer are all {value}. What do they begin as according to the docstring?"""

    value: float

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        rms_norm_eps: float = 1e-6,
        rope_theta: float = 10000.0,
    ):
        super().__init__(hidden_size, num_heads, intermediate_size, rms_norm_eps, rope_theta)
        nn.init.constant_(self.input_layernorm.weight, self.value)
        nn.init.constant_(self.post_attention_layernorm.weight, self.value)


@replaces("LlamaBlock")
class BlockNoRope(Block):
    """Your output is the same whatever positions are. What tells attention that two tokens are far apart?"""

    def place(self, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return q, k, v


@replaces("LlamaBlock")
class BlockRopeOnV(Block):
    """You turned the values too. A score compares angles: what would turn a sum of values back?"""

    def place(self, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.turn(q, positions), self.turn(k, positions), self.turn(v, positions)


@replaces("LlamaBlock", turned=["queries", "keys"])
class BlockRopeOnOne(Block):
    """You turned the {turned} alone. Should a score change if both tokens move by the same distance?"""

    turned: str

    def place(self, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.turned == "queries":
            return self.turn(q, positions), k, v
        return q, self.turn(k, positions), v


@replaces("LlamaBlock")
class BlockRopeBeforeHeads(Block):
    """Queries and keys are turned as vectors of D numbers, so the angles differ from head to head. Over how many
    numbers do the frequencies of one head run?"""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        positions = torch.arange(x.shape[1]) if positions is None else positions
        q, k = self.turn(self.q_proj(x), positions), self.turn(self.k_proj(x), positions)
        y = self.attend(self.split(q), self.split(k), self.split(self.v_proj(x)))
        return self.o_proj(self.merge(y))


@replaces("LlamaBlock")
class BlockRopeBeforeTranspose(Block):
    """You turned what is (B, T, H, K). _rotate takes the second to last axis for the positions: which axis is that in
    your tensor?"""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        positions = torch.arange(x.shape[1]) if positions is None else positions
        q, k = (self.turn(self.split(proj(x)).transpose(1, 2), positions) for proj in (self.q_proj, self.k_proj))
        y = self.attend(q.transpose(1, 2), k.transpose(1, 2), self.split(self.v_proj(x)))
        return self.o_proj(self.merge(y))


@replaces("LlamaBlock", values_too=[False, True])
class BlockRopeOnTokens(Block):
    """You turned the vectors of the tokens, before the projections. A matrix mixes numbers that were turned by
    different angles: what is turned in the statement, and when?"""

    values_too: bool

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        positions = torch.arange(x.shape[1]) if positions is None else positions
        turned = self.turn(x, positions)
        q, k = self.split(self.q_proj(turned)), self.split(self.k_proj(turned))
        v = self.split(self.v_proj(turned if self.values_too else x))
        return self.o_proj(self.merge(self.attend(q, k, v)))


@replaces("LlamaBlock")
class BlockNeighbours(Block):
    """You turned neighbours, (x_{2i}, x_{2i+1}), as Meta's own files want it. Which number is the partner of x_i in the
    layout of this exercise?"""

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        y = rotate(torch.cat([x[..., ::2], x[..., 1::2]], dim=-1), positions, self.theta)
        return y.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


@replaces("LlamaBlock", base=[10000.0, 500000.0])
class BlockThetaIgnored(Block):
    """Your frequencies have the base {base} whatever rope_theta is. Where does the option have to arrive?"""

    base: float

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        return rotate(x, positions, self.base)


@replaces("LlamaBlock")
class BlockPositionsIgnored(Block):
    """Your layer counts from 0, one by one, whatever positions it is given. What should turn queries and keys if they
    are given?"""

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        return rotate(x, torch.arange(x.shape[2]), self.theta)


@replaces("LlamaBlock")
class BlockFloat32Angles(Block):
    """In float64 your result is only as precise as float32, because your angles are no more precise. Which dtype do the
    numbers have that the frequencies are made from?"""

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        half = x.shape[-1] // 2
        angle = positions[:, None] * self.theta ** (-torch.arange(half) / half)
        a, b = x[..., :half], x[..., half:]
        cos, sin = angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("LlamaBlock")
class BlockNotCausal(Block):
    """Your tokens see the future. Which tokens may token t attend to?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v)


@replaces("LlamaBlock")
class BlockSeesTheNext(Block):
    """Your token t attends to token t + 1 as well. On which diagonal does the future begin?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        keep = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).tril(1)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


@replaces("LlamaBlock")
class BlockOnlyFuture(Block):
    """Your token t attends to itself and to later tokens. On which side of the diagonal is the past, and what does your
    mask mark: what is kept, or what is hidden?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        keep = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu()
        return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


@replaces("LlamaBlock")
class BlockMaskAfterSoftmax(Block):
    """The weights of a token add up to less than 1 and depend on later tokens: the softmax has seen them. What has to
    be done to the scores before it?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q @ k.mT * self.K**-0.5).softmax(-1).tril() @ v


@replaces("LlamaBlock", score=[0.0, -1.0])
class BlockMaskedScore(Block):
    """The scores of future tokens are {score} before the softmax. What weight does a token with this score get?"""

    score: float

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = q @ k.mT * self.K**-0.5
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return scores.masked_fill(future, self.score).softmax(-1) @ v


@replaces("LlamaBlock")
class BlockSoftmaxOverQueries(Block):
    """Your weights add up to 1 over the queries that look at a token. Over what should they add up to 1?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = q @ k.mT * self.K**-0.5
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return scores.masked_fill(future, -math.inf).softmax(-2) @ v


@replaces("LlamaBlock")
class BlockMaskByPosition(Block):
    """You mask by the numbers in positions. Who sees whom, if the positions of two tokens are in another order than the
    tokens in x?"""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        positions = torch.arange(x.shape[1]) if positions is None else positions
        q, k, v = self.place(q, k, v, positions)
        keep = positions[None, :] <= positions[:, None]
        return self.o_proj(self.merge(F.scaled_dot_product_attention(q, k, v, attn_mask=keep)))


@replaces("LlamaBlock", scale=["1", "1/√D", "1/K", "√K"])
class BlockScale(Block):
    """Your scores are q·k times {scale}. A score is a sum over the K numbers of one head: how does its size grow with
    K?"""

    scale: str

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scales = {"1": 1.0, "1/√D": (self.H * self.K) ** -0.5, "1/K": 1 / self.K, "√K": self.K**0.5}
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scales[self.scale])


@replaces("LlamaBlock", where=["before attention", "after attention", "before and after attention"])
class BlockNoTranspose(Block):
    """Your heads are cut or joined by a reshape alone ({where}), which mixes tokens. Which axes of (B, T, H, K) have to
    change places?"""

    where: str

    def split(self, y: Tensor) -> Tensor:
        B, T, _ = y.shape
        return super().split(y) if self.where.startswith("after") else y.reshape(B, self.H, T, self.K)

    def merge(self, y: Tensor) -> Tensor:
        B, H, T, K = y.shape
        return super().merge(y) if self.where == "before attention" else y.reshape(B, T, H * K)


@replaces("LlamaBlock", back=[False, True])
class BlockInterleavedHeads(Block):
    """Your head h is made of every H-th number. Which rows of the matrices does it own according to the docstring?"""

    back: bool

    def split(self, y: Tensor) -> Tensor:
        return y.unflatten(-1, (self.K, self.H)).permute(0, 3, 1, 2)

    def merge(self, y: Tensor) -> Tensor:
        return y.permute(0, 2, 3, 1).flatten(2) if self.back else super().merge(y)


@replaces("LlamaBlock")
class BlockNoOutput(Block):
    """Your output is the same whatever o_proj is. What happens to the heads between attention and the sum?"""

    def attention(self, x: Tensor, positions: Tensor | None) -> Tensor:
        q, k, v = (self.split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        positions = torch.arange(x.shape[1]) if positions is None else positions
        return self.merge(self.attend(*self.place(q, k, v, positions)))


@replaces("LlamaBlock")
class BlockBiases(Block):
    """Your projections have biases. Does Llama's checkpoint have any, and what does nn.Linear do unless it is told
    otherwise?"""

    bias = True


@replaces("LlamaBlock")
class BlockGateUpSwapped(Block):
    """gate_proj and up_proj are exchanged: silu is applied to up_proj x. Both have the same shape, so every checkpoint
    loads. Which of the two is the gate?"""

    def ffn(self, x: Tensor) -> Tensor:
        return swiglu(x, self.up_proj.weight, self.gate_proj.weight, self.down_proj.weight)


@replaces("LlamaBlock")
class BlockMaskInFloat32(Block):
    """In bfloat16 your weights and values do not have the same dtype. Which dtype does a tensor have that torch makes
    without being told one, and which tensors do you make?"""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        T, K = q.shape[-2:]
        scores = q @ k.mT / math.sqrt(K) + torch.full((T, T), -math.inf).triu(1)
        return torch.softmax(scores, dim=-1) @ v
