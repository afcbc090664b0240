"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from moe_layer import MoELayer, moe_forward
from torch import Tensor, nn

from grader.testing import replaces


def route(x: Tensor, gate: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Weights and indices (T, k), as they should be."""
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1)
    return torch.softmax(chosen, dim=-1), indices


def swiglu(h: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    """One expert, as it should be."""
    return (F.silu(h @ w1.T) * (h @ w3.T)) @ w2.T


def dispatch(x: Tensor, weights: Tensor, indices: Tensor, w1: Tensor, w2: Tensor, w3: Tensor, ffn=swiglu) -> Tensor:
    """Dispatch, compute and combine, as they should be."""
    y = torch.zeros_like(x)
    for e in range(len(w1)):
        token, slot = torch.where(indices == e)
        y = y.index_add(0, token, weights[token, slot, None] * ffn(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward")
def softmax_all(x, gate, w1, w2, w3, k):
    """The k weights of a token sum to less than 1 in your layer: each is a share among all E experts. Which logits are
    in the denominator of the formula?"""
    _, indices = route(x, gate, k)
    return dispatch(x, torch.softmax(x @ gate.T, dim=-1).gather(-1, indices), indices, w1, w2, w3)


@replaces("moe_forward")
def softmax_over_tokens(x, gate, w1, w2, w3, k):
    """Your weights sum to 1 over the tokens, so a token's output depends on the other tokens. Along which axis are the
    k choices of one token?"""
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1)
    return dispatch(x, torch.softmax(chosen, dim=0), indices, w1, w2, w3)


@replaces("moe_forward")
def softmax_twice(x, gate, w1, w2, w3, k):
    """Your weights are nearly equal, as if you had taken the softmax of probabilities. What are the numbers that go
    into your last softmax?"""
    chosen, indices = torch.topk(torch.softmax(x @ gate.T, dim=-1), k, dim=-1)
    return dispatch(x, torch.softmax(chosen, dim=-1), indices, w1, w2, w3)


@replaces("moe_forward", by=["√D", "√E", "√k", "D"])
def temperature(x, gate, w1, w2, w3, k, *, by):
    """Your weights are too equal: the logits were divided by {by}. Does the formula scale the router's logits?"""
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1)
    number = {"D": x.shape[1], "E": len(gate), "k": k}[by[-1]]
    return dispatch(x, torch.softmax(chosen / (number**0.5 if "√" in by else number), dim=-1), indices, w1, w2, w3)


@replaces(
    "moe_forward",
    by=["sigmoid(l)", "sigmoid(l) over the sum of the chosen sigmoids", "l", "l over the sum of the chosen l"],
)
def other_weights(x, gate, w1, w2, w3, k, *, by):
    """In your layer a chosen expert with logit l has the weight {by}. Which function takes the k logits to the weights
    in the formula?"""
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1)
    values = chosen.sigmoid() if "sigmoid" in by else chosen
    return dispatch(x, values / values.sum(-1, keepdim=True) if "over" in by else values, indices, w1, w2, w3)


@replaces("moe_forward", sign=[1, -1])
def worst_experts(x, gate, w1, w2, w3, k, *, sign):
    """You took the k experts with the smallest logits. In which order do sort and argsort put numbers, and does a
    large logit speak for an expert or against it?"""
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1, largest=False)
    return dispatch(x, torch.softmax(sign * chosen, dim=-1), indices, w1, w2, w3)


@replaces("moe_forward", weight=["1", "1/k", "1/E"])
def equal_weights(x, gate, w1, w2, w3, k, *, weight):
    """Each chosen expert counts {weight} in your mixture, the best no more than the last. What does the router say
    besides who computes?"""
    weights, indices = route(x, gate, k)
    return dispatch(
        x, torch.full_like(weights, {"1": 1, "1/k": 1 / k, "1/E": 1 / len(gate)}[weight]), indices, w1, w2, w3
    )


@replaces("moe_forward", by=["k", "E"])
def mixture_divided(x, gate, w1, w2, w3, k, *, by):
    """Your mixture is divided by {by}, as in a mean. What do the k weights of a token sum to already?"""
    return moe_forward(x, gate, w1, w2, w3, k) / (k if by == "k" else len(gate))


@replaces("moe_forward")
def weights_detached(x, gate, w1, w2, w3, k):
    """Your values are right, but no gradient reaches the router. Which numbers of the formula can teach it, and where
    do they leave the graph in your code?"""
    weights, indices = route(x, gate, k)
    return dispatch(x, weights.detach(), indices, w1, w2, w3)


@replaces("moe_forward", which=["w1", "w2", "w3", "w1, w2 and w3"])
def experts_detached(x, gate, w1, w2, w3, k, *, which):
    """Your values are right, but no gradient reaches {which}. Which step of your code leaves the graph?"""
    w1, w2, w3 = (w.detach() if name in which else w for name, w in (("w1", w1), ("w2", w2), ("w3", w3)))
    return dispatch(x, *route(x, gate, k), w1, w2, w3)


@replaces("moe_forward", function=["sigmoid", "gelu", "relu", "tanh", "softplus", "identity"])
def other_activation(x, gate, w1, w2, w3, k, *, function):
    """Your experts behave as if the function on W1 x were the {function}. Which one does the formula have, and how is
    it defined?"""

    def glu(h, w1, w2, w3):
        a = h @ w1.T
        return ((a if function == "identity" else getattr(F, function)(a)) * (h @ w3.T)) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=glu)


@replaces("moe_forward", place=["W3 x", "the product of the branches", "both branches", "the output of W2"])
def silu_elsewhere(x, gate, w1, w2, w3, k, *, place):
    """Your silu is applied to {place}. To what does the formula apply it?"""

    def glu(h, w1, w2, w3):
        a, b = h @ w1.T, h @ w3.T
        if place == "the output of W2":
            return F.silu((a * b) @ w2.T)
        made = {"W3 x": a * F.silu(b), "both branches": F.silu(a) * F.silu(b)}
        return made.get(place, F.silu(a * b)) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=glu)


@replaces("moe_forward", silu=[True, False])
def no_gate_branch(x, gate, w1, w2, w3, k, *, silu):
    """Your experts have two matrices, and one of the two that lead into the hidden width has no effect. What does ⊙
    join in the formula?"""

    def mlp(h, w1, w2, w3):
        return (F.silu(h @ w1.T) if silu else h @ w3.T) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=mlp)


@replaces("moe_forward")
def branches_added(x, gate, w1, w2, w3, k):
    """Your experts add their two branches. What does ⊙ stand for in the formula?"""

    def mlp(h, w1, w2, w3):
        return (F.silu(h @ w1.T) + h @ w3.T) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=mlp)


@replaces("moe_forward", run=["1 to E − 1", "0 to E − 2", "0 to k − 1"])
def loop_too_short(x, gate, w1, w2, w3, k, *, run):
    """Only the experts {run} run in your layer, and a token that chose another one loses its part. Over which numbers
    does your loop go?"""
    weights, indices = route(x, gate, k)
    E = len(gate)
    first, last = (1, E) if run[0] == "1" else (0, k if "k" in run else E - 1)
    return dispatch(x, weights * ((indices >= first) & (indices < last)), indices.clamp(first, last - 1), w1, w2, w3)


@replaces("moe_forward")
def ends_at_empty(x, gate, w1, w2, w3, k):
    """No expert after the first one that nobody chose runs in your layer. What should your loop do when an expert has
    no token?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)
        if not len(token):
            break
        y = y.index_add(0, token, weights[token, slot, None] * swiglu(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward")
def last_expert_stays(x, gate, w1, w2, w3, k):
    """Of a token's experts only the one with the highest number reaches your output. Does the result of an expert
    replace what is there, or is it added?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)
        y = y.index_put((token,), weights[token, slot, None] * swiglu(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward", choice=["first", "last"], whole=[False, True])
def one_choice_only(x, gate, w1, w2, w3, k, *, choice, whole):
    """Only the {choice} choice of each token reaches your output. If you write y[rows] += values, what happens where a
    row is named twice, and how many choices contribute?"""
    weights, indices = route(x, gate, k)
    slot = slice(1) if choice == "first" else slice(-1, None)
    chosen = weights[:, slot]
    return dispatch(x, torch.ones_like(chosen) if whole else chosen, indices[:, slot], w1, w2, w3)


@replaces("moe_forward", again=[False, True])
def weight_on_input(x, gate, w1, w2, w3, k, *, again):
    """The input of an expert is multiplied by the weight in your layer. The FFN is not linear: does half of the input
    give half of the output?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)
        weight = weights[token, slot, None]
        h = swiglu(weight * x[token], w1[e], w2[e], w3[e])
        y = y.index_add(0, token, weight * h if again else h)
    return y


@replaces("moe_forward")
def matrices_mixed(x, gate, w1, w2, w3, k):
    """You mixed the matrices of the chosen experts and ran the mixture as one expert. The FFN is not linear: what do
    the weights multiply in the formula?"""
    weights, indices = route(x, gate, k)
    mixed1, mixed2, mixed3 = (torch.einsum("tk,tkij->tij", weights, w[indices]) for w in (w1, w2, w3))
    h = x[:, :, None]
    return (mixed2 @ (F.silu(mixed1 @ h) * (mixed3 @ h)))[..., 0]


@replaces("moe_forward", clamped=[False, True])
def weight_by_expert(x, gate, w1, w2, w3, k, *, clamped):
    """You look the weight up by the number of the expert. The weights have one column for each of a token's k choices:
    in which of them did this token choose this expert?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, _ = torch.where(indices == e)
        weight = weights[token, min(e, k - 1) if clamped else e, None]
        y = y.index_add(0, token, weight * swiglu(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward", choice=["first", "last"])
def weight_of_one_choice(x, gate, w1, w2, w3, k, *, choice):
    """Every result is multiplied by the weight of the token's {choice} choice. In which slot did the token choose the
    expert that you are working on?"""
    weights, indices = route(x, gate, k)
    weight = weights[:, :1] if choice == "first" else weights[:, -1:]
    return dispatch(x, weight.expand(-1, k), indices, w1, w2, w3)


@replaces("moe_forward")
def all_experts(x, gate, w1, w2, w3, k):
    """A NaN or an infinity of an expert that a token did not choose reaches your result. On which tokens does an
    expert run in your code, and what is 0 · NaN?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        y = y + ((indices == e) * weights).sum(-1, keepdim=True) * swiglu(x, w1[e], w2[e], w3[e])
    return y


@replaces("moe_forward")
def all_tokens(x, gate, w1, w2, w3, k):
    """A token that overflows in an expert that it did not choose gets a wrong result, though an expert that nobody
    chose does no harm. On which tokens does a chosen expert run?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in indices.unique().tolist():
        y = y + ((indices == e) * weights).sum(-1, keepdim=True) * swiglu(x, w1[e], w2[e], w3[e])
    return y


@replaces("moe_forward", how=["nan_to_num", "where"], chosen_only=[False, True])
def hidden_afterwards(x, gate, w1, w2, w3, k, *, how, chosen_only):
    """The y is right, but the gradient of x is NaN where an expert overflows or holds NaN: hiding a result does not
    keep the expert from running. Which tokens should it see at all?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in indices.unique().tolist() if chosen_only else range(len(gate)):
        mine = (indices == e).any(-1, keepdim=True)
        each = swiglu(x, w1[e], w2[e], w3[e])
        each = each.nan_to_num() if how == "nan_to_num" else torch.where(mine, each, 0.0)
        y = y + ((indices == e) * weights).sum(-1, keepdim=True) * each
    return y


@replaces("moe_forward")
def zeros_of_float32(x, gate, w1, w2, w3, k):
    """Your result is float32 even if x is not. Which dtype does torch.zeros have unless it is told otherwise?"""
    y = torch.zeros(x.shape)
    weights, indices = route(x, gate, k)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)
        h = weights[token, slot, None] * swiglu(x[token], w1[e], w2[e], w3[e])
        y = y.index_add(0, token, h.to(y.dtype))
    return y


@replaces("moe_forward")
def experts_choose(x, gate, w1, w2, w3, k):
    """In your layer each expert takes the tokens with its largest logits, so a token may get more than k experts or
    none. Along which axis do you look for the k largest?"""
    logits = x @ gate.T
    weights = torch.softmax(logits, dim=-1)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token = logits[:, e].topk(max(1, min(len(x), len(x) * k // len(gate)))).indices
        y = y.index_add(0, token, weights[token, e, None] * swiglu(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward")
def weights_unsorted(x, gate, w1, w2, w3, k):
    """Your rows are sorted by expert and the weights are not, so a row gets the weight of another token. What has to
    happen to the weights when you sort the rows?"""
    weights, indices = route(x, gate, k)
    order = indices.flatten().argsort(stable=True)
    expert, token = indices.flatten()[order], order // k
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        rows = torch.where(expert == e)[0]
        h = swiglu(x[token[rows]], w1[e], w2[e], w3[e])
        y = y.index_add(0, token[rows], weights.flatten()[rows, None] * h)
    return y


@replaces("moe_forward")
def token_of_a_choice(x, gate, w1, w2, w3, k):
    """Your choices are sorted by expert and then matched with the wrong tokens. In a flattened (T, k), how many
    choices of token 0 come before those of token 1?"""
    weights, indices = route(x, gate, k)
    order = indices.flatten().argsort(stable=True)
    expert, token = indices.flatten()[order], order % len(x)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        rows = torch.where(expert == e)[0]
        h = swiglu(x[token[rows]], w1[e], w2[e], w3[e])
        y = y.index_add(0, token[rows], weights.flatten()[order[rows], None] * h)
    return y


@replaces("moe_forward")
def not_put_back(x, gate, w1, w2, w3, k):
    """You add up k neighbours of the rows that are still sorted by expert, and these belong to several tokens. Which
    order must the rows have before they are k to a token again?"""
    weights, indices = route(x, gate, k)
    order = indices.flatten().argsort(stable=True)
    expert, token = indices.flatten()[order], order // k
    rows = [swiglu(x[token[expert == e]], w1[e], w2[e], w3[e]) for e in range(len(gate))]
    return (weights.flatten()[order, None] * torch.cat(rows)).unflatten(0, (len(x), k)).sum(1)


@replaces("moe_forward")
def switch_at_k1(x, gate, w1, w2, w3, k):
    """With k = 1 you multiply by the probability among all E experts, as Switch Transformer does. What is the softmax
    over a single logit in the formula of this statement?"""
    weights, indices = route(x, gate, k)
    if k == 1:
        weights = torch.softmax(x @ gate.T, dim=-1).gather(-1, indices)
    return dispatch(x, weights, indices, w1, w2, w3)


@replaces("moe_forward", by=["sum", "first"])
def choice_of_the_batch(x, gate, w1, w2, w3, k, *, by):
    """The same k experts compute for all tokens in your layer. Who makes the choice, and how many of the E experts may
    a batch use in all?"""
    logits = x @ gate.T
    indices = (logits.sum(0) if by == "sum" else logits[0]).topk(k).indices.expand(len(x), k)
    return dispatch(x, torch.softmax(logits.gather(-1, indices), dim=-1), indices, w1, w2, w3)


@replaces("moe_forward")
def residual_added(x, gate, w1, w2, w3, k):
    """Your result contains x itself. The residual connection belongs to the block around this layer: what does the
    formula of the layer return?"""
    return x + moe_forward(x, gate, w1, w2, w3, k)


@replaces("moe_forward", factor=[1.0, 1.25])
def capacity(x, gate, w1, w2, w3, k, *, factor):
    """An expert takes only a limited number of tokens in your layer, and the others lose its part. Many layers do
    that. Does the formula drop a token?"""
    weights, indices = route(x, gate, k)
    T, E = len(x), len(gate)
    room = -int(-factor * k * T // E)
    chosen = F.one_hot(indices.flatten(), E)
    place = (chosen.cumsum(0) * chosen).sum(-1).view(T, k)  # counts the choices of its expert, token by token
    return dispatch(x, weights * (place <= room), indices, w1, w2, w3)


@replaces("MoELayer")
class GateIsLinear(MoELayer):
    """Your router is a module, so its matrix is called gate.weight. Under which name does a checkpoint store it, and
    how do you make a parameter of that name?"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        del self.gate
        self.gate = nn.Linear(d_model, num_experts, bias=False)

    def forward(self, x):
        y = moe_forward(x.flatten(0, 1), self.gate.weight, self.w1, self.w2, self.w3, self.k)
        return y.view(x.shape)


@replaces("MoELayer")
class ListOfExperts(nn.Module):
    """Your experts are modules of their own, so a checkpoint with w1, w2 and w3 does not fit. How many parameters does
    the stub list, and which axis of them holds the experts?"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.gate = nn.Parameter(torch.randn(num_experts, d_model))
        self.experts = nn.ModuleList()
        for _ in range(num_experts):
            expert = nn.Module()
            expert.w1 = nn.Linear(d_model, d_ff, bias=False)
            expert.w2 = nn.Linear(d_ff, d_model, bias=False)
            expert.w3 = nn.Linear(d_model, d_ff, bias=False)
            self.experts.append(expert)


@replaces("MoELayer")
class PlainTensors(nn.Module):
    """Your layer has no parameters. What makes a tensor a parameter, so that an optimizer and a checkpoint find it?"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.gate = torch.randn(num_experts, d_model)
        self.w1 = torch.randn(num_experts, d_ff, d_model)
        self.w2 = torch.randn(num_experts, d_model, d_ff)
        self.w3 = torch.randn(num_experts, d_ff, d_model)

    def forward(self, x):
        return moe_forward(x.flatten(0, 1), self.gate, self.w1, self.w2, self.w3, self.k).view(x.shape)


@replaces("MoELayer", name=["gate", "w1", "w2", "w3"])
class TransposedParameter(MoELayer):
    """Your {name} has its last two axes swapped. Matrices are (out, in), as in nn.Linear: what does this one take in,
    and what does it give out?"""

    name: str

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        setattr(self, self.name, nn.Parameter(getattr(self, self.name).data.mT.contiguous()))

    def forward(self, x):
        w = (
            getattr(self, each).mT if each == self.name else getattr(self, each) for each in ("gate", "w1", "w2", "w3")
        )
        return moe_forward(x.flatten(0, 1), *w, self.k).view(x.shape)


@replaces("MoELayer", begins=[0.0, 1.0])
class BeginsConstant(MoELayer):
    """All your parameters begin as {begins}. Can the router tell the experts apart then, and will their gradients ever
    make them differ?"""

    begins: float

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        for parameter in self.parameters():
            nn.init.constant_(parameter, self.begins)


@replaces("MoELayer")
class BeginsEqual(MoELayer):
    """Your experts begin as copies of one another, so whatever the router chooses, the layer is one FFN. How many
    different experts do you draw?"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        for w in (self.w1, self.w2, self.w3):
            w.data.copy_(w.data[:1].clone().expand_as(w))


@replaces("MoELayer", count=[1, 2])
class FixedCount(MoELayer):
    """Your layer uses {count} of its experts, whatever k says. What does the constructor do with k?"""

    count: int

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, self.count)


@replaces("MoELayer")
class ViewOfTokens(MoELayer):
    """view makes no copy, so it cannot merge the axes of an x that is transposed or cut out of another tensor. Which
    method merges them in every case?"""

    def forward(self, x):
        y = moe_forward(x.view(-1, x.shape[-1]), self.gate, self.w1, self.w2, self.w3, self.k)
        return y.view(x.shape)


@replaces("MoELayer")
class KeptFlat(MoELayer):
    """Your layer returns (B · T, D). Which shape does the output have, and what undoes the flattening?"""

    def forward(self, x):
        return moe_forward(x.flatten(0, 1), self.gate, self.w1, self.w2, self.w3, self.k)


@replaces("MoELayer")
class UsesData(MoELayer):
    """Your output is right, but no gradient flows from it to the parameters. How does your forward read them?"""

    def forward(self, x):
        w = (self.gate.data, self.w1.data, self.w2.data, self.w3.data)
        return moe_forward(x.flatten(0, 1), *w, self.k).view(x.shape)


@replaces("MoELayer")
class TimeFirst(MoELayer):
    """The outputs of different texts are mixed: the flat list of tokens has the time axis first, and the result is
    read as if the batch came first. In which order did you flatten?"""

    def forward(self, x):
        y = moe_forward(x.transpose(0, 1).flatten(0, 1), self.gate, self.w1, self.w2, self.w3, self.k)
        return y.view(x.shape)


@replaces("MoELayer")
class FirstTextOnly(MoELayer):
    """Your layer computes only the first text of the batch. How many tokens do B texts have?"""

    def forward(self, x):
        return moe_forward(x[0], self.gate, self.w1, self.w2, self.w3, self.k)[None]


@replaces("MoELayer")
class RoutesTheText(MoELayer):
    """Your router chooses once for a whole text, by the mean of its tokens. Which vector should the router look at,
    and how often?"""

    def forward(self, x):
        chosen, indices = torch.topk(x.mean(1) @ self.gate.T, self.k, dim=-1)
        weights = torch.softmax(chosen, dim=-1)
        T = x.shape[1]
        y = dispatch(
            x.flatten(0, 1),
            weights.repeat_interleave(T, 0),
            indices.repeat_interleave(T, 0),
            self.w1,
            self.w2,
            self.w3,
        )
        return y.view(x.shape)
