# TRUE CAUSE: thinks the scale belongs to everything that goes into the softmax: attention multiplies the dot products AND a
# floating-point mask by scale. With bool masks or masks of 0 and -inf it does not show (but for scale 0: NaN).
import torch


def split_heads(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


def merge_heads(x):
    return torch.cat(x.unbind(dim=1), dim=-1)


def masked_softmax(scores, mask=None):
    if mask is not None:
        if mask.dtype is torch.bool:
            scores = torch.where(mask, scores, -torch.inf)
        else:
            scores = scores + mask
    top = scores.detach().amax(-1, keepdim=True)
    nothing = top == -torch.inf
    scores = torch.where(nothing, 0.0, scores)
    e = torch.exp(scores - torch.where(nothing, 0.0, top))
    e = torch.where(nothing, 0.0, e)
    total = e.sum(-1, keepdim=True)
    return e / torch.where(nothing, 1.0, total)


def attention(q, k, v, mask=None, scale=None):
    if scale is None:
        scale = q.size(-1) ** -0.5
    s = torch.einsum("...tk,...sk->...ts", q, k)
    if mask is None or mask.dtype is torch.bool:
        w = masked_softmax(s * scale, mask)
    else:
        w = masked_softmax((s + mask) * scale)
    return w @ v, w
