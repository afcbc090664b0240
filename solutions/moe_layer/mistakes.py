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
    """The softmax ran over all E logits, so the k weights of a token sum to less than 1 and the layer shrinks its
    output. Which logits are in the denominator of the formula?"""
    _, indices = route(x, gate, k)
    return dispatch(x, torch.softmax(x @ gate.T, dim=-1).gather(-1, indices), indices, w1, w2, w3)


@replaces("moe_forward")
def softmax_over_tokens(x, gate, w1, w2, w3, k):
    """Your weights sum to 1 over the tokens, so a token's output depends on the others in the batch. On which axis do
    the k choices of one token lie?"""
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1)
    return dispatch(x, torch.softmax(chosen, dim=0), indices, w1, w2, w3)


@replaces("moe_forward")
def worst_experts(x, gate, w1, w2, w3, k):
    """You took the k experts of the smallest logits: sort and argsort begin with the smallest."""
    chosen, indices = torch.topk(x @ gate.T, k, dim=-1, largest=False)
    return dispatch(x, torch.softmax(chosen, dim=-1), indices, w1, w2, w3)


@replaces("moe_forward")
def no_weights(x, gate, w1, w2, w3, k):
    """Your mixture is the plain sum of the chosen experts. The router says not only who computes but also how much
    each result counts."""
    weights, indices = route(x, gate, k)
    return dispatch(x, torch.ones_like(weights), indices, w1, w2, w3)


@replaces("moe_forward")
def plain_mean(x, gate, w1, w2, w3, k):
    """Your mixture is the plain mean of the chosen experts, so the best one counts no more than the last. The
    router's softmax says how much each result counts."""
    weights, indices = route(x, gate, k)
    return dispatch(x, torch.full_like(weights, 1 / k), indices, w1, w2, w3)


@replaces("moe_forward")
def weights_detached(x, gate, w1, w2, w3, k):
    """The values are right, but nothing reaches the router: its weights were cut off from the graph. They are the
    only way by which the loss can teach it."""
    weights, indices = route(x, gate, k)
    return dispatch(x, weights.detach(), indices, w1, w2, w3)


@replaces("moe_forward")
def experts_detached(x, gate, w1, w2, w3, k):
    """No gradient reaches the weights of the experts, so the router alone would learn. Which step of your code leaves
    the graph?"""
    weights, indices = route(x, gate, k)
    return dispatch(x, weights, indices, w1.detach(), w2.detach(), w3.detach())


@replaces("moe_forward")
def silu_on_w3(x, gate, w1, w2, w3, k):
    """Your silu is on the branch of w3. In the formula w1 makes the gate of the FFN, and w3 what is let through."""
    return moe_forward(x, gate, w3, w2, w1, k)


@replaces("moe_forward")
def sigmoid_gate(x, gate, w1, w2, w3, k):
    """You gate with the sigmoid of W1 x. silu is that sigmoid times its argument."""

    def glu(h, w1, w2, w3):
        return (torch.sigmoid(h @ w1.T) * (h @ w3.T)) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=glu)


@replaces("moe_forward")
def no_gate_branch(x, gate, w1, w2, w3, k):
    """Your experts are W2 silu(W1 x), the FFN of two matrices. Where does w3 come in?"""

    def mlp(h, w1, w2, w3):
        return F.silu(h @ w1.T) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=mlp)


@replaces("moe_forward")
def last_expert_stays(x, gate, w1, w2, w3, k):
    """Only one expert of each token reached the output: the one with the highest number wrote over the others. With
    k = 1 that goes unnoticed. The results of a token have to be added."""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)
        y = y.index_put((token,), weights[token, slot, None] * swiglu(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward")
def last_choice_stays(x, gate, w1, w2, w3, k):
    """Only the last choice of each token reached the output: every slot wrote over the one before. y[rows] += values
    does so too where a row is named twice. What adds all of them up?"""
    weights, indices = route(x, gate, k)
    return dispatch(x, weights[:, -1:], indices[:, -1:], w1, w2, w3)


@replaces("moe_forward")
def first_choice_only(x, gate, w1, w2, w3, k):
    """Only the best expert of each token was used, with its share of the weight. All k choices contribute."""
    weights, indices = route(x, gate, k)
    return dispatch(x, weights[:, :1], indices[:, :1], w1, w2, w3)


@replaces("moe_forward")
def weight_on_input(x, gate, w1, w2, w3, k):
    """You multiplied what goes into the expert by the weight. The FFN is not linear, so half of the input does not
    give half of the output: weigh what comes out."""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)
        y = y.index_add(0, token, swiglu(weights[token, slot, None] * x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward")
def matrices_mixed(x, gate, w1, w2, w3, k):
    """You mixed the matrices of the chosen experts into one expert and ran that. silu is not linear: the mixture of two
    networks is another one than the network of mixed matrices. What does the formula multiply with the weights?"""
    weights, indices = route(x, gate, k)
    mixed1, mixed2, mixed3 = (torch.einsum("tk,tkij->tij", weights, w[indices]) for w in (w1, w2, w3))
    h = x[:, :, None]
    return (mixed2 @ (F.silu(mixed1 @ h) * (mixed3 @ h)))[..., 0]


@replaces("moe_forward")
def weight_by_expert(x, gate, w1, w2, w3, k):
    """You looked the weight up by the number of the expert. weights has one column for each of a token's k choices,
    best first: in which of them did this token choose this expert?"""
    weights, indices = route(x, gate, k)
    return dispatch(x, weights.gather(-1, indices.clamp(max=k - 1)), indices, w1, w2, w3)


@replaces("moe_forward")
def weight_of_best(x, gate, w1, w2, w3, k):
    """Every result was multiplied by the weight of the token's first choice. The weight of an expert stands in the
    slot in which the token chose it."""
    weights, indices = route(x, gate, k)
    return dispatch(x, weights[:, :1].expand(-1, k), indices, w1, w2, w3)


@replaces("moe_forward")
def all_experts(x, gate, w1, w2, w3, k):
    """Every expert ran on every token, and a zero was meant to remove what nobody asked for: E/k times the work, and
    0 · NaN is NaN. Pick the tokens of an expert before it runs."""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        y = y + ((indices == e) * weights).sum(-1, keepdim=True) * swiglu(x, w1[e], w2[e], w3[e])
    return y


@replaces("moe_forward")
def nan_made_zero(x, gate, w1, w2, w3, k):
    """Every expert ran on every token, and what nobody had chosen was thrown away or made 0 afterwards. That hides the
    work and does not save it, and the gradient of x is NaN still. Which tokens does an expert have to see at all?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        each = swiglu(x, w1[e], w2[e], w3[e]).nan_to_num()
        y = y + ((indices == e) * weights).sum(-1, keepdim=True) * each
    return y


@replaces("moe_forward")
def all_tokens(x, gate, w1, w2, w3, k):
    """You skip an expert that nobody chose, but one that a single token chose runs on all of them, and zeros are
    meant to remove the rest. In a long text every expert is somebody's choice, so nothing is saved."""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in indices.unique().tolist():
        y = y + ((indices == e) * weights).sum(-1, keepdim=True) * swiglu(x, w1[e], w2[e], w3[e])
    return y


@replaces("moe_forward")
def zeros_of_float32(x, gate, w1, w2, w3, k):
    """Your result is float32 whatever x is: torch.zeros makes float32 unless it is told otherwise."""
    y = torch.zeros(x.shape)
    weights, indices = route(x, gate, k)
    for e in range(len(gate)):
        token, slot = torch.where(indices == e)
        h = weights[token, slot, None] * swiglu(x[token], w1[e], w2[e], w3[e])
        y = y.index_add(0, token, h.to(y.dtype))
    return y


@replaces("MoELayer")
class GateIsLinear(MoELayer):
    """Your router is an nn.Linear, and its matrix is called gate.weight. A checkpoint with the name `gate` does not
    find it: make it a parameter like the other three."""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        del self.gate
        self.gate = nn.Linear(d_model, num_experts, bias=False)

    def forward(self, x):
        y = moe_forward(x.flatten(0, 1), self.gate.weight, self.w1, self.w2, self.w3, self.k)
        return y.view(x.shape)


@replaces("MoELayer")
class ListOfExperts(nn.Module):
    """Your experts are modules of their own, so a checkpoint finds E times three small matrices and no w1, w2, w3. Keep
    the matrices of all experts in one parameter each, with the experts on the first axis."""

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
class ViewOfTokens(MoELayer):
    """view makes no copy, so it cannot lay out the tokens of an x that is transposed or cut out of another tensor.
    Which method flattens every tensor?"""

    def forward(self, x):
        y = moe_forward(x.view(-1, x.shape[-1]), self.gate, self.w1, self.w2, self.w3, self.k)
        return y.view(x.shape)


@replaces("MoELayer")
class W2Transposed(MoELayer):
    """w2 has the shape of w1. It leads back from F to D, and matrices lie as (out, in): which of the two comes
    first?"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        self.w2 = nn.Parameter(torch.randn(num_experts, d_ff, d_model))

    def forward(self, x):
        return moe_forward(x.flatten(0, 1), self.gate, self.w1, self.w2.mT, self.w3, self.k).view(x.shape)


@replaces("MoELayer")
class BeginsAsZeros(MoELayer):
    """Your parameters begin as zeros. Then all logits are equal, every expert computes 0, and every gradient is 0 as
    well: the layer cannot begin to learn."""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)


@replaces("MoELayer")
class BeginsEqual(MoELayer):
    """Your experts begin as copies of one another, and whatever the router chooses, the layer is one FFN. Draw random
    numbers for each of them."""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, k)
        for w in (self.w1, self.w2, self.w3):
            w.data.copy_(w.data[:1].clone().expand_as(w))


@replaces("MoELayer")
class AlwaysTwo(MoELayer):
    """Your layer uses two experts whatever k says. What does the constructor do with k?"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__(d_model, d_ff, num_experts, 2)


@replaces("MoELayer")
class KeptFlat(MoELayer):
    """The layer returns (B * T, D). To flatten the texts is right, but the output has the shape of the input."""

    def forward(self, x):
        return moe_forward(x.flatten(0, 1), self.gate, self.w1, self.w2, self.w3, self.k)


@replaces("MoELayer")
class UsesData(MoELayer):
    """Your output is right, and no gradient flows from the output to the parameters, so the layer cannot learn. How
    does your forward read the parameters?"""

    def forward(self, x):
        w = (self.gate.data, self.w1.data, self.w2.data, self.w3.data)
        return moe_forward(x.flatten(0, 1), *w, self.k).view(x.shape)


@replaces("moe_forward")
def experts_choose(x, gate, w1, w2, w3, k):
    """In your layer every expert takes the tokens with its largest logits, so a token may get more than k experts, and
    another token gets none. Here each token chooses. Along which axis are the k largest logits to be found?"""
    logits = x @ gate.T
    weights = torch.softmax(logits, dim=-1)
    y = torch.zeros_like(x)
    for e in range(len(gate)):
        token = logits[:, e].topk(max(1, min(len(x), len(x) * k // len(gate)))).indices
        y = y.index_add(0, token, weights[token, e, None] * swiglu(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("moe_forward")
def weights_unsorted(x, gate, w1, w2, w3, k):
    """You sorted the rows by expert and left the weights in the order of the tokens, so a row gets the weight of
    another token. What has to be done to the weights as well?"""
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
    """You sorted the T · k choices by expert, and then took the wrong token for each: your rule fits a list with all
    first choices in front. In a (T, k) that is flattened, how many choices of token 0 stand before those of token 1?"""
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
    """You sorted the T · k rows by expert, and added up k neighbours of what came out, which belong to several tokens.
    In which order have the rows to stand before they are k to a token again?"""
    weights, indices = route(x, gate, k)
    order = indices.flatten().argsort(stable=True)
    expert, token = indices.flatten()[order], order // k
    rows = [swiglu(x[token[expert == e]], w1[e], w2[e], w3[e]) for e in range(len(gate))]
    return (weights.flatten()[order, None] * torch.cat(rows)).unflatten(0, (len(x), k)).sum(1)


@replaces("moe_forward")
def switch_at_k1(x, gate, w1, w2, w3, k):
    """With k = 1 you multiply by the probability among all E experts, as the Switch Transformer does. What is the
    softmax over a single logit, by the formula of the statement?"""
    weights, indices = route(x, gate, k)
    if k == 1:
        weights = torch.softmax(x @ gate.T, dim=-1).gather(-1, indices)
    return dispatch(x, weights, indices, w1, w2, w3)


@replaces("moe_forward")
def choice_of_the_batch(x, gate, w1, w2, w3, k):
    """You added up the logits of all tokens, and the k experts of the largest sums compute for everybody. Each token
    makes a choice of its own: how many of the E experts may a batch use in all?"""
    logits = x @ gate.T
    indices = logits.sum(0).topk(k).indices.expand(len(x), k)
    return dispatch(x, torch.softmax(logits.gather(-1, indices), dim=-1), indices, w1, w2, w3)


@replaces("moe_forward")
def silu_of_product(x, gate, w1, w2, w3, k):
    """You apply silu to the product of the two branches. In the formula silu is applied to one branch, and then the
    branches are multiplied. Which branch is it?"""

    def glu(h, w1, w2, w3):
        return F.silu((h @ w1.T) * (h @ w3.T)) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=glu)


@replaces("moe_forward")
def gelu_gate(x, gate, w1, w2, w3, k):
    """Your experts use GELU. Which activation does the formula name?"""

    def geglu(h, w1, w2, w3):
        return (F.gelu(h @ w1.T) * (h @ w3.T)) @ w2.T

    return dispatch(x, *route(x, gate, k), w1, w2, w3, ffn=geglu)


@replaces("moe_forward")
def softmax_twice(x, gate, w1, w2, w3, k):
    """You took the softmax over all experts and then a second softmax over the k largest results, so your weights are
    nearly equal. Of which numbers is the softmax to be taken?"""
    chosen, indices = torch.topk(torch.softmax(x @ gate.T, dim=-1), k, dim=-1)
    return dispatch(x, torch.softmax(chosen, dim=-1), indices, w1, w2, w3)


@replaces("moe_forward")
def residual_added(x, gate, w1, w2, w3, k):
    """You added x to the mixture. The residual connection belongs to the block around this layer. What does the formula
    of the layer return?"""
    return x + moe_forward(x, gate, w1, w2, w3, k)


@replaces("MoELayer")
class TimeFirst(MoELayer):
    """You put the time axis first before you flattened the tokens, and you gave the result the shape (B, T, D) without
    putting the batch first again. So the outputs of different texts are mixed. Which order has your flat list?"""

    def forward(self, x):
        y = moe_forward(x.transpose(0, 1).flatten(0, 1), self.gate, self.w1, self.w2, self.w3, self.k)
        return y.view(x.shape)


@replaces("MoELayer")
class FirstTextOnly(MoELayer):
    """Your layer computes the first text of the batch and no others. How many tokens are there in B texts?"""

    def forward(self, x):
        return moe_forward(x[0], self.gate, self.w1, self.w2, self.w3, self.k)[None]


@replaces("MoELayer")
class RoutesTheText(MoELayer):
    """Your router chooses once for a whole text, by the mean of its tokens. In this layer each token makes a choice of
    its own. Which vector does the router look at?"""

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


@replaces("moe_forward")
def capacity(x, gate, w1, w2, w3, k):
    """Each of your experts takes ceil(k T / E) tokens and drops the rest. Many layers do that; here nothing is dropped,
    however many tokens choose the same expert."""
    weights, indices = route(x, gate, k)
    T, E = len(x), len(gate)
    room = -(-k * T // E)
    chosen = F.one_hot(indices.flatten(), E)
    place = (chosen.cumsum(0) * chosen).sum(-1).view(T, k)  # the how-manieth choice of its expert, token by token
    return dispatch(x, weights * (place <= room), indices, w1, w2, w3)


@replaces("moe_forward")
def others_hidden_by_where(x, gate, w1, w2, w3, k):
    """Every expert that somebody chose runs on all tokens, and torch.where hides the rest. That is right in y, and in
    the gradient of x an infinity is multiplied by 0, which is NaN. On which tokens may an expert run at all?"""
    weights, indices = route(x, gate, k)
    y = torch.zeros_like(x)
    for e in indices.unique().tolist():
        mine = (indices == e).any(-1, keepdim=True)
        each = ((indices == e) * weights).sum(-1, keepdim=True) * swiglu(x, w1[e], w2[e], w3[e])
        y = y + torch.where(mine, each, 0.0)
    return y
