"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

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


@replaces("rope_frequencies", exponent=["−i/K", "−4i/K", "−2i/(K + 2)"])
def another_exponent(head_dim: int, base: float = 10000.0, *, exponent: str) -> Tensor:
    """Your frequency of pair i is base to the power of {exponent}. What is the exponent in the formula, and which
    number is the last i?"""
    i = torch.arange(head_dim // 2, dtype=torch.float64)
    return base ** {"−i/K": -i / head_dim, "−4i/K": -4 * i / head_dim, "−2i/(K + 2)": -2 * i / (head_dim + 2)}[exponent]


@replaces("rope_frequencies")
def reaches_base(head_dim: int, base: float = 10000.0) -> Tensor:
    """Your last frequency is exactly 1 / base, so the exponents go all the way to −1. What is −2i/K for the last i?"""
    return base ** -torch.linspace(0, 1, head_dim // 2, dtype=torch.float64)


@replaces("rope_frequencies")
def wavelengths(head_dim: int, base: float = 10000.0) -> Tensor:
    """Your numbers grow from 1 toward base. Which sign does the exponent have?"""
    return base ** (torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)


@replaces("rope_frequencies", back=[False, True])
def float32_frequencies(head_dim: int, base: float = 10000.0, *, back: bool) -> Tensor:
    """Your frequencies are only as precise as float32, the default of torch. How large does that error become after 1
    000 003 positions, and at which step, from the first number to the last, do they become float32?"""
    theta = base ** (-torch.arange(0, head_dim, 2) / head_dim)
    return theta.double() if back else theta


@replaces("rope_frequencies", base_used=[10000.0, 1000.0])
def always_the_same_base(head_dim: int, base: float = 10000.0, *, base_used: float) -> Tensor:
    """Your frequencies are those of the base {base_used}, whatever base is asked for. Where does the argument get
    lost?"""
    return rope_frequencies(head_dim, base_used)


@replaces("rope_frequencies", unit=["degrees", "turns", "2π times radians"])
def another_unit(head_dim: int, base: float = 10000.0, *, unit: str) -> Tensor:
    """Your frequencies have another unit: {unit}. How large is the first one in radians per position?"""
    factor = {"degrees": 180 / math.pi, "turns": 1 / (2 * math.pi)}.get(unit, 2 * math.pi)
    return rope_frequencies(head_dim, base) * factor


@replaces("rope_frequencies")
def first_left_out(head_dim, base=10000.0):
    """Your first frequency is below 1: the pairs are counted from 1. With which i does the docstring begin?"""
    i = torch.arange(1, head_dim // 2 + 1, dtype=torch.float64)
    return base ** (-2 * i / head_dim)


@replaces("rope_frequencies", order=["blocks", "neighbours"])
def one_for_each_number(head_dim: int, base: float = 10000.0, *, order: str) -> Tensor:
    """You return K frequencies, each of them twice. How many pairs does a head have?"""
    theta = rope_frequencies(head_dim, base)
    return torch.cat([theta, theta]) if order == "blocks" else theta.repeat_interleave(2)


@replaces("rotate_half")
def sign(x: Tensor) -> Tensor:
    """Your rotate_half gives [b, −a], which turns the other way. Scores do not notice, because all vectors turn
    together: do trained weights?"""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([b, -a], dim=-1)


@replaces("rotate_half", result=["[b, a]", "[−b, −a]", "[a, −b]", "[−a, b]"])
def no_quarter_turn(x: Tensor, *, result: str) -> Tensor:
    """Your rotate_half returns {result}. A quarter turn takes (1, 0) to (0, 1), and (0, 1) to (−1, 0): does yours?"""
    a, b = x.chunk(2, dim=-1)
    halves = {"[b, a]": [b, a], "[−b, −a]": [-b, -a], "[a, −b]": [a, -b], "[−a, b]": [-a, b]}
    return torch.cat(halves[result], dim=-1)


@replaces("rotate_half")
def neighbours(x: Tensor) -> Tensor:
    """Your rotate_half pairs neighbours, (x_0, x_1), (x_2, x_3) and so on. Where is the partner of x_0 in the
    half-split layout?"""
    return torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).flatten(-2)


@replaces("rotate_half")
def first_axis(x: Tensor) -> Tensor:
    """You split the first axis, which is the last one only for a single vector. Which axis do chunk and split take
    unless they are told otherwise?"""
    half = x.shape[0] // 2
    return torch.cat([-x[half:], x[:half]])


@replaces("apply_rope")
def interleaved_pairs(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You turn neighbours, (x_{2i}, x_{2i+1}). That layout is in use, too: which of the two is asked for here, and
    where is the partner of x_i?"""
    angle = (positions[..., None] * rope_frequencies(x.shape[-1], base)).unsqueeze(-3)
    a, b = x[..., ::2], x[..., 1::2]
    y = torch.stack([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)
    return y.flatten(-2).to(x.dtype)


@replaces("apply_rope")
def angles_interleaved(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your angles are in the order θ_0, θ_0, θ_1, θ_1, so x_0 and x_{K/2} get different ones. Which two numbers are a
    pair, and in which order do the angles have to be repeated?"""
    angle = (positions[..., None] * rope_frequencies(x.shape[-1], base)).repeat_interleave(2, dim=-1)
    return turn(x, angle.unsqueeze(-3))


@replaces("apply_rope", rounded=["frequencies", "angles", "frequencies and angles"])
def float32_angles(x: Tensor, positions: Tensor, base: float = 10000.0, *, rounded: str) -> Tensor:
    """Your {rounded} are rounded to float32. Of an angle near one million, how many of the 24 bits are left for the
    fraction of a turn?"""
    theta = rope_frequencies(x.shape[-1], base)
    theta = theta.float().double() if "frequencies" in rounded else theta
    angle = positions[..., None] * theta
    return turn(x, per_head(angle.float() if "angles" in rounded else angle))


@replaces("apply_rope", dtype=[torch.float32, torch.bfloat16])
def rounded_sines(x: Tensor, positions: Tensor, base: float = 10000.0, *, dtype: torch.dtype) -> Tensor:
    """Your sines and cosines are rounded to {dtype}, whatever the dtype of x. How precise is your result for float64
    inputs?"""
    angle = per_head(positions[..., None] * rope_frequencies(x.shape[-1], base))
    return (x * angle.cos().to(dtype) + rotate_half(x) * angle.sin().to(dtype)).to(x.dtype)


@replaces("apply_rope")
def float32_throughout(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your result is only as precise as float32, even for float64 inputs. Where is x rounded, and does it have to
    be?"""
    return apply_rope(x.float(), positions, base).to(x.dtype)


@replaces("apply_rope", rounded=["positions", "angles", "positions and frequencies"], turned_too=[True, False])
def angles_like_x(x: Tensor, positions: Tensor, base: float = 10000.0, *, rounded: str, turned_too: bool) -> Tensor:
    """Your {rounded} have the dtype of x, and bfloat16 has 8 bits. What becomes of position 257 there, and of an angle
    of some hundred radians?"""
    theta = rope_frequencies(x.shape[-1], base)
    theta = theta.to(x.dtype) if "frequencies" in rounded else theta
    angle = per_head((positions.to(x.dtype) if "positions" in rounded else positions)[..., None] * theta)
    angle = angle.to(x.dtype) if rounded == "angles" else angle
    if not turned_too:
        return turn(x, angle)
    return x * angle.cos().to(x.dtype) + rotate_half(x) * angle.sin().to(x.dtype)


@replaces("apply_rope")
def no_cast(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your result is float64, whatever the dtype of x. Which dtype does the docstring ask for?"""
    return turn(x.double(), per_head(positions[..., None] * rope_frequencies(x.shape[-1], base)))


@replaces("apply_rope")
def additive(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Sines and cosines are added to x in your result, as in the Transformer of 2017. What should x be at position
    0?"""
    angle = positions[..., None] * rope_frequencies(x.shape[-1], base)
    return (x + torch.cat([angle.sin(), angle.cos()], dim=-1).unsqueeze(-3)).to(x.dtype)


@replaces("apply_rope")
def sin_and_cos_swapped(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Sine and cosine have changed places. At position 0 the sine is 0: which of the two multiplies x itself?"""
    angle = per_head(positions[..., None] * rope_frequencies(x.shape[-1], base))
    return (x * angle.sin() + rotate_half(x) * angle.cos()).to(x.dtype)


@replaces("apply_rope")
def from_zero(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You count the tokens from 0 and do not look at positions. At which position does a piece from the middle of a
    text begin?"""
    here = torch.arange(x.shape[2]).expand(positions.shape)
    return turn(x, per_head(here[..., None] * rope_frequencies(x.shape[-1], base)))


@replaces("apply_rope")
def from_one(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your positions are all one too far. By which angle should position 0 be turned?"""
    return apply_rope(x, positions + 1, base)


@replaces("apply_rope", signs=["both plus", "both minus"])
def reflected(x: Tensor, positions: Tensor, base: float = 10000.0, *, signs: str) -> Tensor:
    """In the formulas for a' and b' your sines have the same sign, {signs}. Does a pair keep its length then?"""
    a, b = x.double().chunk(2, dim=-1)
    angle = (positions[..., None] * rope_frequencies(x.shape[-1], base)).unsqueeze(-3)
    sin = angle.sin() if signs == "both plus" else -angle.sin()
    return torch.cat([a * angle.cos() + b * sin, b * angle.cos() + a * sin], dim=-1).to(x.dtype)


@replaces("apply_rope")
def used_before_it_is_new(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your b' is computed from a', not from a. Which of the two do the formulas need?"""
    a, b = x.double().chunk(2, dim=-1)
    angle = (positions[..., None] * rope_frequencies(x.shape[-1], base)).unsqueeze(-3)
    a = a * angle.cos() - b * angle.sin()
    return torch.cat([a, b * angle.cos() + a * angle.sin()], dim=-1).to(x.dtype)


@replaces("apply_rope", row=["first", "last"])
def one_row_for_all(x: Tensor, positions: Tensor, base: float = 10000.0, *, row: str) -> Tensor:
    """You use the positions of the {row} sequence for the whole batch. To which sequence does each row of positions (B,
    T) belong?"""
    chosen = positions if positions.dim() == 1 else positions[0 if row == "first" else -1]
    return apply_rope(x, chosen, base)


@replaces("apply_rope")
def no_head_axis(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Angles (B, T, K) meet x (B, H, T, K), and broadcasting lines up axes from the right: with which axis of x does
    your B meet?"""
    angle = positions[..., None] * rope_frequencies(x.shape[-1], base)
    return turn(x, torch.cat([angle, angle], dim=-1))


@replaces("apply_rope")
def heads_as_one_vector(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You put the heads of a token side by side and turned them as one vector, with frequencies for H·K numbers. How
    wide is the vector that the docstring turns?"""
    B, H, T, K = x.shape
    whole = apply_rope(x.transpose(1, 2).reshape(B, 1, T, H * K), positions, base)
    return whole.reshape(B, T, H, K).transpose(1, 2)


@replaces("apply_rope")
def each_head_its_own(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Your frequencies run on from head to head, so the first head turns fastest. On which width do they depend in the
    docstring?"""
    H, K = x.shape[1], x.shape[-1]
    theta = rope_frequencies(H * K, base).view(H, 1, K // 2)
    angle = positions[..., None, :, None] * theta
    return turn(x, torch.cat([angle, angle], dim=-1))


@replaces("apply_rope")
def base_ignored(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Where another base is asked for, your angles are still those of 10000. How do the frequencies learn the base? If
    you keep some that were made before, for which base were they made?"""
    return turn(x, per_head(positions[..., None] * rope_frequencies(x.shape[-1])))


@replaces("apply_rope")
def turned_backwards(x, positions, base=10000.0):
    """You turn by minus the angle. Scores do not notice, but trained weights do: which sign does the sine have in the
    formula for a'?"""
    return apply_rope(x, -positions, base)


@replaces("apply_rope", half=["first", "second"])
def one_half_stays(x: Tensor, positions: Tensor, base: float = 10000.0, *, half: str) -> Tensor:
    """The {half} half of each vector stays as it was. A pair has one number in each half: what happens to both of
    them?"""
    turned, n = apply_rope(x, positions, base), x.shape[-1] // 2
    return torch.cat([x[..., :n], turned[..., n:]] if half == "first" else [turned[..., :n], x[..., n:]], dim=-1)


@replaces("interleaved_to_half")
def permute_inverse(weight: Tensor, num_heads: int) -> Tensor:
    """You went the other way, from half-split to neighbours. With four rows per head the two are the same. With six,
    which row should come second?"""
    return split(weight, num_heads, 2, -1).transpose(1, 2).reshape(weight.shape)


@replaces("interleaved_to_half")
def ignores_heads(weight: Tensor, num_heads: int) -> Tensor:
    """You took the even rows of the whole matrix and then the odd ones, so heads exchange rows. Within what should the
    rows move?"""
    return torch.cat([weight[::2], weight[1::2]])


@replaces("interleaved_to_half")
def columns(weight: Tensor, num_heads: int) -> Tensor:
    """The order of the last axis changed. Row r of the matrix makes number r of the query: what are its columns?"""
    K = weight.shape[0] // num_heads
    order = torch.arange(weight.shape[0]).view(num_heads, K // 2, 2).mT.flatten()
    return weight[..., order % weight.shape[-1]]


@replaces("interleaved_to_half")
def pairs_of_columns(weight: Tensor, num_heads: int) -> Tensor:
    """In a matrix your numbers move from column to column. Which axis has to be cut into pairs, and what is behind
    it?"""
    return weight.reshape(num_heads, -1, 2).transpose(1, 2).reshape(weight.shape)


@replaces("interleaved_to_half")
def matrices_only(weight: Tensor, num_heads: int) -> Tensor:
    """A bias (H·K,) has no second axis. Does the order of the rows depend on what is behind them?"""
    HK, D = weight.shape
    return weight.view(num_heads, HK // num_heads // 2, 2, D).transpose(1, 2).reshape(HK, D)


@replaces("interleaved_to_half")
def odd_rows_first(weight, num_heads):
    """The second numbers of the pairs come first in your heads. To which place does row 0 of a head go?"""
    rows = interleaved_to_half(weight, num_heads).unflatten(0, (num_heads, 2, -1))
    return rows.flip(1).flatten(0, 2)


@replaces("interleaved_to_half")
def bias_stays(weight, num_heads):
    """You moved the rows of matrices and returned a bias as it was. Number r of a bias is added to number r of the
    query: where does it have to go when row r moves?"""
    return interleaved_to_half(weight, num_heads) if weight.ndim > 1 else weight.clone()


@replaces("apply_rope")
def first_position_only(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """You look at the first position and count on from there. May positions jump, or be in another order?"""
    counted = positions[..., :1] + torch.arange(x.shape[-2])
    return apply_rope(x, counted, base)
