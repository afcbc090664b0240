import math
from functools import partial

import torch
import torch.nn.functional as F
from base import gelu, layer_norm
from torch import Tensor, nn

from grader.testing import replaces


# ---- gelu


@replaces("gelu")
def gelu_functional(x):
    """F.gelu"""
    return F.gelu(x, approximate="none")


@replaces("gelu")
def gelu_module(x):
    """nn.GELU"""
    return nn.GELU()(x)


@replaces("gelu")
def gelu_erfc(x):
    """erfc of the other side"""
    return x * torch.special.erfc(-x * math.sqrt(0.5)) / 2


@replaces("gelu")
def gelu_ndtr(x):
    """torch.special.ndtr, in float32 at least"""
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * torch.special.ndtr(wide)).to(x.dtype)


@replaces("gelu")
def gelu_normal(x):
    """the distribution function of torch.distributions"""
    wide = x if x.dtype == torch.float64 else x.float()
    zero = torch.zeros((), dtype=wide.dtype)
    return (wide * torch.distributions.Normal(zero, zero + 1, validate_args=False).cdf(wide)).to(x.dtype)


@replaces("gelu")
def gelu_double(x):
    """all in float64"""
    z = x.double()
    return (0.5 * z * (1 + torch.erf(z / 2**0.5))).to(x.dtype)


@replaces("gelu")
def gelu_addcmul(x):
    """half x plus half x erf"""
    half = x / 2
    return torch.addcmul(half, half, torch.erf(x * (1 / math.sqrt(2))))


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.special.ndtr(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (torch.special.ndtr(x) + x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi))


@replaces("gelu")
def gelu_own_gradient(x):
    """an autograd.Function"""
    return _Gelu.apply(x if x.dtype == torch.float64 else x.float()).to(x.dtype)


@replaces("gelu")
def gelu_flat(x):
    """number by number with math.erf, the gradient by autograd of its derivative"""
    erf = torch.tensor([math.erf(v / math.sqrt(2)) for v in x.detach().double().flatten().tolist()], dtype=torch.float64)
    phi = (0.5 * (1 + erf)).view(x.shape)
    z = x.detach().double()
    slope = phi + z * torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    value = (z * phi + slope * (x.double() - z)).to(x.dtype)
    return value


@replaces("gelu")
def gelu_transposed(x):
    """a result that is not contiguous"""
    if x.dim() < 2:
        return x * (0.5 + 0.5 * torch.erf(x / math.sqrt(2.0)))
    y = x.transpose(0, -1).contiguous()
    y = y * (0.5 + 0.5 * torch.erf(y / math.sqrt(2.0)))
    return y.transpose(0, -1)


@replaces("gelu")
def gelu_inplace(x):
    """in place on its own tensors"""
    phi = x.detach().clone() if not x.requires_grad else x.clone()
    phi = phi.mul(1 / math.sqrt(2)).erf().add(1).mul(0.5)
    return phi.mul(x)


# ---- layer_norm


def _wide(x):
    return x if x.dtype == torch.float64 else x.float()


@replaces("layer_norm")
def norm_functional(x, weight, bias, eps=1e-12):
    """F.layer_norm"""
    return F.layer_norm(x, weight.shape, weight, bias, eps)


@replaces("layer_norm")
def norm_var(x, weight, bias, eps=1e-12):
    """torch.var without correction"""
    z = _wide(x)
    y = (z - z.mean(-1, keepdim=True)) * torch.rsqrt(z.var(-1, keepdim=True, unbiased=False) + eps)
    return (y * weight + bias).to(x.dtype)


@replaces("layer_norm")
def norm_var_mean(x, weight, bias, eps=1e-12):
    """torch.var_mean with correction=0 in float64"""
    var, mean = torch.var_mean(x.double(), dim=-1, correction=0, keepdim=True)
    return ((x.double() - mean) / (var + eps).sqrt() * weight.double() + bias.double()).to(x.dtype)


@replaces("layer_norm")
def norm_einsum(x, weight, bias, eps=1e-12):
    """einsum for the squares"""
    z = _wide(x)
    c = z - z.sum(-1, keepdim=True) / z.shape[-1]
    s = torch.einsum("...d,...d->...", c, c) / z.shape[-1]
    return torch.addcmul(_wide(bias), c * (s + eps).pow(-0.5).unsqueeze(-1), _wide(weight)).to(x.dtype)


@replaces("layer_norm")
def norm_rows(x, weight, bias, eps=1e-12):
    """row by row"""
    flat = _wide(x).reshape(-1, x.shape[-1])
    rows = []
    for row in flat:
        c = row - row.mean()
        rows.append(c / (c.square().mean() + eps).sqrt() * weight + bias)
    y = torch.stack(rows) if rows else flat
    return y.reshape(x.shape).to(x.dtype)


@replaces("layer_norm")
def norm_vector_norm(x, weight, bias, eps=1e-12):
    """hypot of the length of the deviations and of eps"""
    z = _wide(x)
    d = z.shape[-1]
    c = z - z.mean(dim=-1, keepdim=True)
    var = c.pow(2).sum(-1, keepdim=True).div(d)
    return (weight * c.div((var + eps).sqrt()) + bias).to(x.dtype)


@replaces("layer_norm")
def norm_centering_matrix(x, weight, bias, eps=1e-12):
    """the mean taken away by a matrix, in float64"""
    d = x.shape[-1]
    m = torch.eye(d, dtype=torch.float64) - torch.full((d, d), 1.0 / d, dtype=torch.float64)
    c = x.double() @ m
    y = c / torch.sqrt((c * c).sum(-1, keepdim=True) / d + eps)
    return (y * weight + bias).to(x.dtype)


@replaces("layer_norm")
def norm_of_rms(x, weight, bias, eps=1e-12):
    """F.rms_norm of the deviations"""
    z = _wide(x)
    return (F.rms_norm(z - z.mean(-1, keepdim=True), weight.shape, _wide(weight), eps) + bias).to(x.dtype)


@replaces("layer_norm")
def norm_module(x, weight, bias, eps=1e-12):
    """native_layer_norm"""
    return torch.native_layer_norm(x, [x.size(-1)], weight, bias, eps)[0]


@replaces("layer_norm")
def norm_last_axis_first(x, weight, bias, eps=1e-12):
    """columns first; the result is a view that is not contiguous"""
    z = _wide(x).movedim(-1, 0).contiguous()
    z = z - z.mean(0)
    z = z / torch.sqrt(z.square().mean(0) + eps)
    shape = (-1,) + (1,) * (x.dim() - 1)
    return (z * weight.view(shape) + bias.view(shape)).movedim(0, -1).to(x.dtype)


@replaces("layer_norm")
def norm_standard_deviation(x, weight, bias, eps=1e-12):
    """sum of squares over D before the root, weight divided first"""
    z = _wide(x)
    d = float(z.size(-1))
    c = z.sub(z.mean(-1, True))
    scale = _wide(weight) / torch.sqrt(torch.sum(c**2, -1, True) / d + eps)
    return torch.add(c.mul(scale), bias).to(x.dtype)


# ---- EncoderBlock


class _Affine(nn.Module):
    def __init__(self, inner, outer):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(outer))
        self.weight = nn.Parameter(torch.randn(outer, inner) * 0.02)

    def forward(self, x):
        return torch.einsum("...i,oi->...o", x, self.weight) + self.bias


class _Norm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.bias, self.eps = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), eps

    def forward(self, x):
        return layer_norm(x, self.weight, self.bias, eps=self.eps)


def _parts(self, d, f, eps):
    for name, i, o in [("q_proj", d, d), ("k_proj", d, d), ("v_proj", d, d), ("out_proj", d, d), ("fc1", d, f), ("fc2", f, d)]:
        setattr(self, name, nn.Linear(i, o))
    self.attn_norm, self.ffn_norm = nn.LayerNorm(d, eps=eps), nn.LayerNorm(d, eps=eps)


@replaces("EncoderBlock")
class BlockSDPA(nn.Module):
    """F.scaled_dot_product_attention; a text of padding alone sees all"""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        super().__init__()
        _parts(self, hidden_size, intermediate_size, layer_norm_eps)
        self.num_heads = num_heads

    def forward(self, x, attention_mask=None):
        q, k, v = (p(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        mask = None
        if attention_mask is not None:
            mask = attention_mask.bool()
            mask = (mask | ~mask.any(1, keepdim=True))[:, None, None, :]
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        h = self.attn_norm(x + self.out_proj(o.transpose(1, 2).flatten(2)))
        return self.ffn_norm(h + self.fc2(F.gelu(self.fc1(h))))


@replaces("EncoderBlock")
class BlockHeadLoop(nn.Module):
    """own modules, other order of parameters, a loop over heads, outputs summed through slices of out_proj"""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        super().__init__()
        self.ffn_norm = _Norm(hidden_size, layer_norm_eps)
        self.attn_norm = _Norm(hidden_size, layer_norm_eps)
        self.fc2, self.fc1 = _Affine(intermediate_size, hidden_size), _Affine(hidden_size, intermediate_size)
        self.out_proj, self.v_proj, self.k_proj, self.q_proj = (_Affine(hidden_size, hidden_size) for _ in range(4))
        self.n, self.width = num_heads, hidden_size // num_heads

    def forward(self, x, attention_mask=None):
        y = x + self.out_proj.bias
        for h in range(self.n):
            rows = slice(h * self.width, (h + 1) * self.width)
            q, k, v = (F.linear(x, p.weight[rows], p.bias[rows]) for p in (self.q_proj, self.k_proj, self.v_proj))
            s = torch.bmm(q, k.mT) * self.width**-0.5
            if attention_mask is not None:
                s = torch.where((attention_mask != 0)[:, None, :], s, torch.full_like(s, -1e4 if s.dtype == torch.float16 else -1e30))
            y = y + torch.bmm(s.softmax(2), v) @ self.out_proj.weight[:, rows].T
        h = self.attn_norm(y)
        return self.ffn_norm(h + self.fc2(gelu(self.fc1(h))))


@replaces("EncoderBlock")
class BlockRealTokens(nn.Module):
    """computes real tokens alone, text by text; padding gets zeros"""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        super().__init__()
        _parts(self, hidden_size, intermediate_size, layer_norm_eps)
        self.heads = num_heads

    def _text(self, x):
        t, d = x.shape
        q = self.q_proj(x).view(t, self.heads, -1)
        k = self.k_proj(x).view(t, self.heads, -1)
        v = self.v_proj(x).view(t, self.heads, -1)
        p = torch.einsum("qhc,khc->hqk", q, k).div(math.sqrt(d / self.heads)).softmax(-1)
        h = self.attn_norm(x + self.out_proj(torch.einsum("hqk,khc->qhc", p, v).reshape(t, d)))
        return self.ffn_norm(h + self.fc2(gelu(self.fc1(h))))

    def forward(self, x, attention_mask=None):
        texts = []
        for i, text in enumerate(x):
            if attention_mask is None:
                texts.append(self._text(text))
                continue
            real = attention_mask[i].to(torch.bool).nonzero().flatten()
            if real.numel() == 0:
                texts.append(torch.zeros_like(text))
            else:
                texts.append(torch.zeros_like(text).index_copy(0, real, self._text(text[real])))
        return torch.stack(texts)


@replaces("EncoderBlock")
class BlockMultiHeadForward(nn.Module):
    """F.multi_head_attention_forward, text after token: (T, B, D)"""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        super().__init__()
        _parts(self, hidden_size, intermediate_size, layer_norm_eps)
        self.d, self.h = hidden_size, num_heads

    def forward(self, x, attention_mask=None):
        hidden = None
        if attention_mask is not None:
            hidden = attention_mask == 0
            hidden = hidden & ~hidden.all(dim=1, keepdim=True)
        z = x.transpose(0, 1)
        bias = torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias])
        o, _ = F.multi_head_attention_forward(
            z, z, z, self.d, self.h, None, bias, None, None, False, 0.0, self.out_proj.weight, self.out_proj.bias,
            training=False, key_padding_mask=hidden, need_weights=False, use_separate_proj_weight=True,
            q_proj_weight=self.q_proj.weight, k_proj_weight=self.k_proj.weight, v_proj_weight=self.v_proj.weight,
        )  # fmt: skip
        h = self.attn_norm(z + o)
        return self.ffn_norm(h + self.fc2(gelu(self.fc1(h)))).transpose(0, 1)


@replaces("EncoderBlock")
class BlockMultiplied(nn.Module):
    """a softmax by hand whose exponentials are multiplied by the mask; one fused projection"""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        super().__init__()
        _parts(self, hidden_size, intermediate_size, layer_norm_eps)
        self.num_heads = num_heads
        self.register_buffer("width", torch.tensor(hidden_size // num_heads), persistent=False)

    def forward(self, x, attention_mask=None):
        b, t, d = x.shape
        w = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        bias = torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias])
        q, k, v = F.linear(x, w, bias).view(b, t, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        s = (q / self.width.item() ** 0.5) @ k.mT
        if attention_mask is None:
            m = s.new_ones(b, 1, 1, t)
        else:
            m = attention_mask.to(s.dtype).view(b, 1, 1, t)
        low = torch.finfo(s.dtype).min
        top = torch.where(m > 0, s, torch.full_like(s, low)).amax(-1, keepdim=True).detach()
        e = torch.where(m > 0, s - top, torch.zeros_like(s)).exp() * m
        p = e / e.sum(-1, keepdim=True).clamp(min=1e-6)
        h = self.attn_norm(x + self.out_proj((p @ v).permute(0, 2, 1, 3).flatten(-2)))
        return self.ffn_norm(h + self.fc2(gelu(self.fc1(h))))


@replaces("EncoderBlock")
class BlockPaddingKept(nn.Module):
    """additive mask; padding keeps x as it was"""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        super().__init__()
        linear = partial(nn.Linear, bias=True)
        self.fc1, self.fc2 = linear(hidden_size, intermediate_size), linear(intermediate_size, hidden_size)
        self.attn_norm = nn.LayerNorm((hidden_size,), eps=layer_norm_eps)
        self.ffn_norm = nn.LayerNorm((hidden_size,), eps=layer_norm_eps)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add_module(name, linear(hidden_size, hidden_size))
            nn.init.xavier_uniform_(getattr(self, name).weight)
        self.num_heads = num_heads

    def forward(self, x, attention_mask=None):
        real = torch.ones(x.shape[:2], dtype=torch.bool) if attention_mask is None else attention_mask.gt(0)
        add = torch.zeros(real.shape, dtype=x.dtype).masked_fill(~real, torch.finfo(x.dtype).min / 2)
        split = lambda z: z.reshape(*z.shape[:2], self.num_heads, -1)
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        s = torch.einsum("bthc,bshc->bhts", q, k) / q.shape[-1] ** 0.5 + add[:, None, None]
        o = torch.einsum("bhts,bshc->bthc", s.softmax(dim=-1), v)
        h = self.attn_norm(x + self.out_proj(o.reshape(x.shape)))
        y = self.ffn_norm(h + self.fc2(gelu(self.fc1(h))))
        return torch.where(real.unsqueeze(-1), y, x)


@replaces("EncoderBlock")
class BlockColumns(nn.Module):
    """all as (B, D, T); the result is a transposed view"""

    def __init__(self, hidden_size, num_heads, intermediate_size, layer_norm_eps=1e-12):
        nn.Module.__init__(self)
        _parts(self, hidden_size, intermediate_size, layer_norm_eps)
        self.hidden_size, self.num_heads, self.eps = hidden_size, num_heads, layer_norm_eps

    def _norm(self, z, norm):
        c = z - z.mean(1, keepdim=True)
        c = c / torch.sqrt((c * c).mean(1, keepdim=True) + self.eps)
        return c * norm.weight[:, None] + norm.bias[:, None]

    def forward(self, x, attention_mask=None):
        z = x.transpose(1, 2)
        run = lambda p, u: p.weight @ u + p.bias[:, None]
        q, k, v = (run(p, z).unflatten(1, (self.num_heads, -1)) for p in (self.q_proj, self.k_proj, self.v_proj))
        s = q.transpose(2, 3) @ k / math.sqrt(self.hidden_size / self.num_heads)  # (B, H, T, S)
        if attention_mask is not None:
            keep = attention_mask.long()
            keep = torch.where(keep.sum(1, keepdim=True) == 0, torch.ones_like(keep), keep)
            s = s.masked_fill(keep[:, None, None] == 0, float("-inf"))
        o = (v @ s.softmax(-1).transpose(2, 3)).flatten(1, 2)
        h = self._norm(z + run(self.out_proj, o), self.attn_norm)
        return self._norm(h + run(self.fc2, gelu(run(self.fc1, h))), self.ffn_norm).transpose(1, 2)
