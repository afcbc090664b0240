"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from rope import apply_rope, interleaved_to_half, rope_frequencies, rotate_half
from torch import Tensor

from grader.testing import replaces


def per_head(angle: Tensor) -> Tensor:
    """Angles (..., T, K/2) for both halves of x, with an axis for the heads."""
    return torch.cat([angle, angle], dim=-1).unsqueeze(-3)


def turn(x: Tensor, angle: Tensor) -> Tensor:
    return (x * angle.cos() + rotate_half(x) * angle.sin()).to(x.dtype)


def split(weight: Tensor, *sizes: int) -> Tensor:
    return weight.reshape(*sizes, *weight.shape[1:])


@replaces("rope_frequencies")
def exponent_k_half(head_dim: int, base: float = 10000.0) -> Tensor:
    """Your frequencies fall twice as fast as they should: the last one is near 1 / base^2. The exponent is
    -2i/K; was the 2 taken into account twice?"""
    return base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / (head_dim // 2))


@replaces("rope_frequencies")
def exponent_without_2(head_dim: int, base: float = 10000.0) -> Tensor:
    """Your frequencies fall half as fast as they should: the last one is near 1 / sqrt(base). There are K/2
    pairs, and the exponent is -2i/K, so it should come close to -1."""
    return base ** (-torch.arange(head_dim // 2, dtype=torch.float64) / head_dim)


@replaces("rope_frequencies")
def reaches_base(head_dim: int, base: float = 10000.0) -> Tensor:
    """Your last frequency is exactly 1 / base: you spread the exponents evenly from 0 to -1 with both ends
    included. By -2i/K the end itself, i = K/2, is left out."""
    return base ** -torch.linspace(0, 1, head_dim // 2, dtype=torch.float64)


@replaces("rope_frequencies")
def wavelengths(head_dim: int, base: float = 10000.0) -> Tensor:
    """Your numbers grow from 1 toward base: they are 1 / θ. Look at the sign of the exponent."""
    return base ** (torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)


@replaces("rope_frequencies")
def float32_frequencies(head_dim: int, base: float = 10000.0) -> Tensor:
    """Your frequencies are float32, torch's default, and 24 bits are too few for far positions. They are
    float64 only if the numbers that they come from are."""
    return base ** (-torch.arange(0, head_dim, 2) / head_dim)


@replaces("rope_frequencies")
def first_left_out(head_dim, base=10000.0):
    """Your first frequency is below 1: you counted the pairs from 1. With which i does the docstring begin?"""
    i = torch.arange(1, head_dim // 2 + 1, dtype=torch.float64)
    return base ** (-2 * i / head_dim)


@replaces("rope_frequencies")
def one_for_each_number(head_dim, base=10000.0):
    """You returned K frequencies, each twice. There is one frequency for each pair: how many pairs has a head?"""
    theta = rope_frequencies(head_dim, base)
    return torch.cat([theta, theta])


@replaces("rotate_half")
def sign(x: Tensor) -> Tensor:
    """Your rotate_half gives [b, -a] and turns the other way. Scores do not notice, since all vectors turn
    together, but trained weights expect [-b, a]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([b, -a], dim=-1)


@replaces("rotate_half")
def no_minus(x: Tensor) -> Tensor:
    """Your rotate_half swaps the halves and leaves the signs: that is a reflection, and vectors change their
    length. Which half gets the minus?"""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([b, a], dim=-1)


@replaces("rotate_half")
def halves_stay(x: Tensor) -> Tensor:
    """You negated the second half and left both halves where they were. A quarter turn also swaps them:
    [a, b] becomes [-b, a]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a, -b], dim=-1)


@replaces("rotate_half")
def neighbours(x: Tensor) -> Tensor:
    """Your rotate_half pairs neighbours, (x_0, x_1), (x_2, x_3) and so on. In the half-split layout the
    partner of x_i is half a head away."""
    return torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).flatten(-2)


@replaces("rotate_half")
def first_axis(x: Tensor) -> Tensor:
    """You split the first axis instead of the last: chunk and split take axis 0 unless they are told
    otherwise. For a single vector that is the same, for a batch it mixes sequences."""
    half = x.shape[0] // 2
    return torch.cat([-x[half:], x[:half]])


@replaces("apply_rope")
def interleaved_pairs(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You turn neighbours, (x_{2i}, x_{2i+1}). That layout is valid, and it is not the one asked for: here
    the partner of x_i is x_{i+K/2}. A checkpoint made for one goes wrong in the other."""
    angle = (positions[..., None] * rope_frequencies(x.shape[-1], base)).unsqueeze(-3)
    a, b = x[..., ::2], x[..., 1::2]
    y = torch.stack([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)
    return y.flatten(-2).to(x.dtype)


@replaces("apply_rope")
def angles_interleaved(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your angles stand as θ_0, θ_0, θ_1, θ_1, but rotate_half pairs x_i with x_{i+K/2}: the two numbers of a
    pair get different angles, and that is no rotation. In which order must the angles be repeated?"""
    angle = (positions[..., None] * rope_frequencies(x.shape[-1], base)).repeat_interleave(2, dim=-1)
    return turn(x, angle.unsqueeze(-3))


@replaces("apply_rope")
def float32_angles(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your angles are float32. At position one million, 24 bits leave an error of some hundredths of a
    radian. Multiply positions and frequencies in float64; only the result takes the dtype of x."""
    return turn(x, per_head(positions[..., None].float() * rope_frequencies(x.shape[-1], base).float()))


@replaces("apply_rope")
def angles_like_x(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your angles have the dtype of x. bfloat16 cannot even hold position 257, and float32 fails at one
    million. Angles are float64, whatever x is."""
    return turn(x, per_head(positions[..., None].to(x.dtype) * rope_frequencies(x.shape[-1], base).to(x.dtype)))


@replaces("apply_rope")
def positions_like_x(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You brought the positions to the dtype of x before they were multiplied. bfloat16 cannot even hold position 257,
    whatever the dtype of the frequencies. In which dtype are whole numbers of any size exact enough?"""
    return turn(x, per_head(positions[..., None].to(x.dtype) * rope_frequencies(x.shape[-1], base)))


@replaces("apply_rope")
def positions_and_turn_like_x(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You brought the positions to the dtype of x before they were multiplied, and bfloat16 cannot even hold position
    257. Sine and cosine may take that dtype when the angle is known: which numbers may not?"""
    angle = per_head(positions[..., None].to(x.dtype) * rope_frequencies(x.shape[-1], base))
    return x * angle.cos().to(x.dtype) + rotate_half(x) * angle.sin().to(x.dtype)


@replaces("apply_rope")
def angles_and_turn_like_x(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You brought angles to the dtype of x before you took sine and cosine. In bfloat16 an angle of some hundred
    radians is wrong by a radian. Angles are float64, whatever x is: when may their cosines take its dtype?"""
    angle = per_head((positions[..., None] * rope_frequencies(x.shape[-1], base)).to(x.dtype))
    return x * angle.cos() + rotate_half(x) * angle.sin()


@replaces("apply_rope")
def no_cast(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """The float64 of the angles has spread to your result. It should have the dtype of x, or the whole
    model goes on in float64."""
    return turn(x.double(), per_head(positions[..., None] * rope_frequencies(x.shape[-1], base)))


@replaces("apply_rope")
def additive(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You added sines and cosines to x, as the transformer of 2017 does. RoPE turns pairs of numbers: what happens
    to x at position 0?"""
    angle = positions[..., None] * rope_frequencies(x.shape[-1], base)
    return (x + torch.cat([angle.sin(), angle.cos()], dim=-1).unsqueeze(-3)).to(x.dtype)


@replaces("apply_rope")
def sin_and_cos_swapped(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Sine and cosine have changed places. At position 0 the sine is 0, and your x is gone: which of the two
    multiplies x itself?"""
    angle = per_head(positions[..., None] * rope_frequencies(x.shape[-1], base))
    return (x * angle.sin() + rotate_half(x) * angle.cos()).to(x.dtype)


@replaces("apply_rope")
def from_zero(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You count the tokens from 0 yourself and do not look at positions. A piece from the middle of a text
    begins later."""
    here = torch.arange(x.shape[2]).expand(positions.shape)
    return turn(x, per_head(here[..., None] * rope_frequencies(x.shape[-1], base)))


@replaces("apply_rope")
def from_one(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """All your angles are one position too far. By which angle is position 0 turned?"""
    return turn(x, per_head((positions[..., None] + 1) * rope_frequencies(x.shape[-1], base)))


@replaces("apply_rope")
def first_row(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You used the positions of the first sequence for the whole batch. With positions (B, T) each sequence
    has its own."""
    row = positions[0] if positions.dim() == 2 else positions
    return turn(x, per_head(row[..., None] * rope_frequencies(x.shape[-1], base)))


@replaces("apply_rope")
def no_head_axis(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Positions (B, T) give angles (B, T, K), and x is (B, H, T, K): broadcasting aligns from the right, so
    your B meets the heads. Where do the angles need an axis of size 1?"""
    angle = positions[..., None] * rope_frequencies(x.shape[-1], base)
    return turn(x, torch.cat([angle, angle], dim=-1))


@replaces("apply_rope")
def heads_as_one_vector(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You put the heads of a token side by side and turned them as one vector, so pairs lie in two heads and the
    frequencies are those of H·K numbers. Of which width is the vector that the docstring turns?"""
    B, H, T, K = x.shape
    whole = apply_rope(x.transpose(1, 2).reshape(B, 1, T, H * K), positions, base)
    return whole.reshape(B, T, H, K).transpose(1, 2)


@replaces("apply_rope")
def each_head_its_own(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your frequencies run on from head to head: the first head turns fastest. Every head has the same frequencies,
    from 1 downward. Which width do they depend on?"""
    H, K = x.shape[1], x.shape[-1]
    theta = rope_frequencies(H * K, base).view(H, 1, K // 2)
    angle = positions[..., None, :, None] * theta
    return turn(x, torch.cat([angle, angle], dim=-1))


@replaces("apply_rope")
def base_ignored(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Where another base is asked for, your angles are still those of 10000. How do the frequencies learn the base,
    and if you keep some that were made before, for which base were they made?"""
    return turn(x, per_head(positions[..., None] * rope_frequencies(x.shape[-1])))


@replaces("apply_rope")
def turned_backwards(x, positions, base=10000.0):
    """You turn by minus the angle. Scores do not notice this, but trained weights do: which sign has the sine in the
    formula?"""
    return apply_rope(x, -positions, base)


@replaces("apply_rope")
def second_half_stays(x, positions, base=10000.0):
    """You turned the first half of each vector and returned the second half as it was. A pair has one number in each
    half: what happens to its second number?"""
    turned = apply_rope(x, positions, base)
    half = x.shape[-1] // 2
    return torch.cat([turned[..., :half], x[..., half:]], dim=-1)


@replaces("interleaved_to_half")
def permute_inverse(weight: Tensor, num_heads: int) -> Tensor:
    """You went the other way, from half-split to neighbours. With four rows per head the two are the same,
    with more they are not. Which row should stand second?"""
    return split(weight, num_heads, 2, -1).transpose(1, 2).reshape(weight.shape)


@replaces("interleaved_to_half")
def ignores_heads(weight: Tensor, num_heads: int) -> Tensor:
    """You took the even rows of the whole matrix and then the odd ones, so heads exchange their rows. Each
    head keeps its own: reorder inside it."""
    return torch.cat([weight[::2], weight[1::2]])


@replaces("interleaved_to_half")
def columns(weight: Tensor, num_heads: int) -> Tensor:
    """The order of the last axis changed. Row r of the matrix makes number r of the query; the columns are
    the inputs that it is made from, and they stay."""
    K = weight.shape[0] // num_heads
    order = torch.arange(weight.shape[0]).view(num_heads, K // 2, 2).mT.flatten()
    return weight[..., order % weight.shape[-1]]


@replaces("interleaved_to_half")
def pairs_of_columns(weight: Tensor, num_heads: int) -> Tensor:
    """Your last view has pairs of neighbours in a row of the matrix, which is right for a bias alone: numbers move from
    column to column. The rows are what has to move, each as a whole. What stands behind your 2?"""
    return weight.reshape(num_heads, -1, 2).transpose(1, 2).reshape(weight.shape)


@replaces("interleaved_to_half")
def matrices_only(weight: Tensor, num_heads: int) -> Tensor:
    """Right for a matrix, and a bias (H*K,) breaks it: it has no second axis. What stands behind the rows
    does not matter for their order."""
    HK, D = weight.shape
    return weight.view(num_heads, HK // num_heads // 2, 2, D).transpose(1, 2).reshape(HK, D)


@replaces("interleaved_to_half")
def odd_rows_first(weight, num_heads):
    """The second numbers of the pairs stand in front in your heads. To which place does row 0 of a head go?"""
    rows = interleaved_to_half(weight, num_heads).unflatten(0, (num_heads, 2, -1))
    return rows.flip(1).flatten(0, 2)


@replaces("interleaved_to_half")
def bias_stays(weight, num_heads):
    """You moved the rows of matrices and returned a bias as it was. Number r of a bias is added to row r of the result:
    where does it have to go when that row moves?"""
    return interleaved_to_half(weight, num_heads) if weight.ndim > 1 else weight.clone()


@replaces("apply_rope")
def first_position_only(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You look at the first position and count on from there. Positions may jump, or stand in another order. Which
    position does token t have?"""
    counted = positions[..., :1] + torch.arange(x.shape[-2])
    return apply_rope(x, counted, base)
