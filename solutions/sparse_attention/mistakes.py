"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from sparse_attention import attend_keys, index_scores, top_blocks, top_keys
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


def future(T: int, S: int, shift: int = 0) -> Tensor:
    """(T, S), True for the positions that a query may not see. With a shift, from so many later on."""
    return torch.ones(T, S, dtype=torch.bool).triu(S - T + 1 + shift)


def products(q: Tensor, k: Tensor) -> Tensor:
    return torch.einsum("bjtc,bsc->bjts", q, k)


def summed(weights: Tensor, wishes: Tensor) -> Tensor:
    """The scores of tokens from what each small head says of them, -inf in the future."""
    return hidden(torch.einsum("bjt,bjts->bts", weights, wishes))


def hidden(scores: Tensor) -> Tensor:
    return scores.masked_fill(future(*scores.shape[1:]), -INF)


@replaces("index_scores")
def relu_missing(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """A product of −5 lowers your score. What does a small head say of a token that it does not want?"""
    return summed(weights, products(q, k))


@replaces("index_scores", what=["each weighted product", "the weighted sum"])
def relu_after_weights(q: Tensor, weights: Tensor, k: Tensor, *, what: str) -> Tensor:
    """You cut off {what} at 0. Which quantity in the formula is at least 0, and which may have any sign?"""
    weighted = weights[..., None] * products(q, k)
    scores = weighted.relu().sum(dim=1) if what == "each weighted product" else weighted.sum(dim=1).relu()
    return hidden(scores)


@replaces("index_scores")
def heads_added_first(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """Your small heads are added up before anything is cut off, so that a −5 of one takes away a 5 of another. Where
    is the sum in the formula?"""
    return hidden(products(q, k).sum(dim=1).relu() * weights.sum(dim=1)[..., None])


@replaces("index_scores", form=["|x|", "GELU", "softplus", "sigmoid", "max(0, x)²"])
def another_activation(q: Tensor, weights: Tensor, k: Tensor, *, form: str) -> Tensor:
    """From a product x your small heads make {form}. What does the formula make of x = −5, and of x = 5?"""
    x = products(q, k)
    wishes = {
        "|x|": x.abs(),
        "GELU": F.gelu(x),
        "softplus": F.softplus(x),
        "sigmoid": x.sigmoid(),
        "max(0, x)²": x.relu() ** 2,
    }
    return summed(weights, wishes[form])


@replaces("index_scores", form=["√C", "√J", "√(C J)", "J"])
def scores_divided(q: Tensor, weights: Tensor, k: Tensor, *, form: str) -> Tensor:
    """Your scores are divided by {form}. The choice would be the same, but the formula has no such factor: by what are
    the products multiplied in it?"""
    J, C = q.shape[1], q.shape[3]
    scale = {"√C": C**0.5, "√J": J**0.5, "√(C J)": (C * J) ** 0.5, "J": J}[form]
    return index_scores(q, weights, k) / scale


@replaces("index_scores", what=["a softmax of the weights", "their absolute values", "their positive part", "1"])
def other_weights(q: Tensor, weights: Tensor, k: Tensor, *, what: str) -> Tensor:
    """The weights come ready made, and may be negative. You took {what} for them: how do they enter the formula?"""
    made = {
        "a softmax of the weights": weights.softmax(dim=1),
        "their absolute values": weights.abs(),
        "their positive part": weights.relu(),
        "1": torch.ones_like(weights),
    }
    return index_scores(q, made[what], k)


@replaces("index_scores")
def largest_head(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """Your score is that of the one small head which likes the token most. What do the other heads add?"""
    return hidden((weights[..., None] * products(q, k).relu()).amax(dim=1))


@replaces("index_scores")
def weights_reshaped(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """Queries get the weights of other queries: view and reshape cut a row of numbers anew and swap no axes. In which
    order are J and T in the weights?"""
    B, J, T = weights.shape
    return index_scores(q, weights.reshape(B, T, J).mT, k)


@replaces("index_scores")
def softmax_of_scores(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """You return weights that sum to 1. These scores only rank the tokens: what does the docstring return for a token
    that the query may not see?"""
    return index_scores(q, weights, k).softmax(dim=-1)


@replaces("index_scores")
def mask_from_the_left(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """Your first query sees only one token, although S − T stand before it. At which position is query i?"""
    scores = index_scores(q, weights, k)
    every = summed_without_mask(q, weights, k)
    return every.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -INF)


def summed_without_mask(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    return torch.einsum("bjt,bjts->bts", weights, products(q, k).relu())


@replaces("index_scores", shift=[-1, 1])
def mask_one_off(q: Tensor, weights: Tensor, k: Tensor, *, shift: int) -> Tensor:
    """Your mask is shifted by {shift}. May a query see its own token, and may it see the next one?"""
    every = summed_without_mask(q, weights, k)
    return every.masked_fill(future(*every.shape[1:], shift), -INF)


@replaces("index_scores")
def future_in_sight(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """Your queries give scores to tokens that come after them. Which positions may query i see?"""
    return summed_without_mask(q, weights, k)


@replaces("index_scores", value=["0", "−10⁹", "the smallest number of the dtype"])
def another_value_for_hidden(q: Tensor, weights: Tensor, k: Tensor, *, value: str) -> Tensor:
    """Tokens of the future have the score {value}. What does the docstring ask for, which is smaller than any score?"""
    scores = index_scores(q, weights, k)
    made = {"0": 0.0, "−10⁹": -1e9, "the smallest number of the dtype": torch.finfo(q.dtype).min}[value]
    return scores.masked_fill(scores == -INF, made)


@replaces("index_scores")
def mask_times_infinity(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """Your scores are nan: 0 times infinity is not 0. How can −inf be put where it belongs, and nothing anywhere
    else?"""
    scores = summed_without_mask(q, weights, k)
    return scores + future(*scores.shape[1:]) * -INF


@replaces("index_scores", missing=["any argument", "q", "weights", "k"])
def scores_without_gradient(q: Tensor, weights: Tensor, k: Tensor, *, missing: str) -> Tensor:
    """Your scores are right, and no gradient reaches {missing}. Which line leaves the graph?"""
    if missing == "any argument":
        return index_scores(q, weights, k).detach()
    return index_scores(
        *(x.detach() if name == missing else x for name, x in (("q", q), ("weights", weights), ("k", k)))
    )


@replaces("index_scores", back=[False, True])
def scores_in_float32(q: Tensor, weights: Tensor, k: Tensor, *, back: bool) -> Tensor:
    """In float64 your scores are only as precise as float32. Which of your lines names a dtype, or makes a tensor
    without being told one?"""
    scores = index_scores(q.float(), weights.float(), k.float())
    return scores.to(q.dtype) if back else scores


@replaces("index_scores")
def scores_in_float64(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """Your scores are always float64. What is their dtype in the docstring?"""
    return index_scores(q.double(), weights.double(), k.double())


def falling(scores: Tensor) -> tuple[Tensor, Tensor]:
    return scores.sort(dim=-1, descending=True, stable=True)


def without_hidden(positions: Tensor, scores: Tensor) -> Tensor:
    """-1 for the positions whose score is -inf."""
    return positions.masked_fill(scores.gather(-1, positions) == -INF, -1)


@replaces("top_keys")
def ties_latest(scores: Tensor, count: int) -> Tensor:
    """Of several equal scores you took the later ones. Which ones does the docstring ask for?"""
    positions = scores.shape[-1] - 1 - falling(scores.flip(-1))[1]
    return without_hidden(positions, scores)[..., :count]


@replaces("top_keys", function=["topk", "sort"])
def ties_in_any_order(scores: Tensor, count: int, *, function: str) -> Tensor:
    """Several tokens have the same score, and you took some of them, as {function} happened to return them. What does
    its documentation promise of equal elements?"""
    if function == "topk":
        return without_hidden(scores.topk(min(count, scores.shape[-1]), dim=-1).indices, scores)
    return without_hidden(scores.sort(dim=-1, descending=True).indices, scores)[..., :count]


@replaces("top_keys")
def ties_by_a_trick(scores: Tensor, count: int) -> Tensor:
    """You made earlier scores a little larger, so that no two are equal. What happens to two scores that were already
    different, by less than that?"""
    shifted = scores - 1e-9 * torch.arange(scores.shape[-1])
    return without_hidden(falling(shifted)[1], scores)[..., :count]


@replaces("top_keys")
def topk_of_too_many(scores: Tensor, count: int) -> Tensor:
    """You asked for more tokens than there are. How many places may you return if count is larger than S?"""
    return without_hidden(falling(scores)[1], scores).gather(-1, scores.topk(count).indices.sort().values)


@replaces("top_keys")
def hidden_keys_fill_up(scores: Tensor, count: int) -> Tensor:
    """A query got a position that it may not see. What stands in the places that are left?"""
    return falling(scores)[1][..., :count]


@replaces("top_keys", fill=["0", "S", "the best position"])
def another_fill(scores: Tensor, count: int, *, fill: str) -> Tensor:
    """The places that are left hold {fill}, which is a position or could be one. Which number stands for none?"""
    positions = top_keys(scores, count)
    made = {"0": torch.tensor(0), "S": torch.tensor(scores.shape[-1]), "the best position": positions[..., :1]}[fill]
    return torch.where(positions < 0, made, positions)


@replaces("top_keys")
def largest_absolute(scores: Tensor, count: int) -> Tensor:
    """A score of −9 is not a wish to read. Which of −9 and 2 is the larger score?"""
    size = scores.abs().masked_fill(scores == -INF, -INF)
    return top_keys(size, count)


@replaces("top_keys")
def smallest(scores: Tensor, count: int) -> Tensor:
    """You return the tokens with the smallest scores. In which direction did you sort?"""
    return top_keys((-scores).masked_fill(scores == -INF, -INF), count)


@replaces("top_keys", which=["latest", "earliest"])
def novice_window(scores: Tensor, count: int, *, which: str) -> Tensor:
    """You always read the {which} tokens that are visible. What did the scores say?"""
    place = torch.arange(scores.shape[-1], dtype=scores.dtype).expand_as(scores)
    return top_keys((place if which == "latest" else -place).masked_fill(scores == -INF, -INF), count)


@replaces("top_keys", number=["one more", "one fewer"])
def count_one_off(scores: Tensor, count: int, *, number: str) -> Tensor:
    """Each query gets {number} than count. How many of the sorted positions do you keep?"""
    return top_keys(scores, count + 1 if number == "one more" else count - 1)


@replaces("top_keys", dropped=["of 0", "of 0 or less"])
def zero_is_hidden(scores: Tensor, count: int, *, dropped: str) -> Tensor:
    """Tokens with a score {dropped} are missing, although there is room. Which score marks a token that may not be
    seen?"""
    return top_keys(scores.masked_fill(scores == 0 if dropped == "of 0" else scores <= 0, -INF), count)


@replaces("top_keys")
def position_zero_lost(scores: Tensor, count: int) -> Tensor:
    """The token at position 0 is never read. Which places become −1 in your code?"""
    positions = top_keys(scores, count)
    return positions.masked_fill(positions == 0, -1)


@replaces("top_keys")
def hidden_by_number(scores: Tensor, count: int) -> Tensor:
    """You worked out from the number of the query what it may see. Which tokens may be seen is in the scores: how is a
    hidden one marked there?"""
    positions = falling(scores)[1][..., :count]
    T, S = scores.shape[1:]
    return positions.masked_fill(positions > torch.arange(S - T, S)[:, None], -1)


@replaces("top_keys")
def ranks(scores: Tensor, count: int) -> Tensor:
    """You return ranks. The rank of a token says how many are before it: which positions have the ranks 0 to
    count − 1?"""
    positions = falling(scores)[1]
    return without_hidden(positions, scores).argsort(dim=-1, stable=True)[..., :count]


@replaces("top_keys", whose=["first", "last"])
def one_choice_for_all(scores: Tensor, count: int, *, whose: str) -> Tensor:
    """All queries of a text read what the {whose} one chose. How many rows of scores are there?"""
    choice = top_keys(scores, count)
    return (choice[:, :1] if whose == "first" else choice[:, -1:]).expand_as(choice).clone()


@replaces("top_keys")
def a_mask(scores: Tensor, count: int) -> Tensor:
    """You return a mask with an entry for each of the S tokens. Attention should never see S numbers for each query:
    what does the docstring ask for?"""
    S, positions = scores.shape[-1], top_keys(scores, count)
    return F.one_hot(positions + 1, S + 1).sum(dim=2)[..., 1:] > 0


@replaces("top_keys")
def the_scores_themselves(scores: Tensor, count: int) -> Tensor:
    """You return the largest scores. Which of the two results of a sort says where they are?"""
    return falling(scores)[0][..., :count]


@replaces("top_keys")
def positions_as_int32(scores: Tensor, count: int) -> Tensor:
    """Your positions are int32. Which dtype does the docstring ask for?"""
    return top_keys(scores, count).int()


def block_means(k: Tensor, block: int) -> Tensor:
    return F.pad(k, (0, 0, 0, -k.shape[1] % block)).unflatten(1, (-1, block)).mean(dim=2)


def places(T: int, S: int) -> Tensor:
    """(T, 1), the position of each query."""
    return torch.arange(S - T, S)[:, None]


def block_scores(q: Tensor, means: Tensor) -> Tensor:
    """(B, H, T, blocks)."""
    return torch.einsum("bhtk,bnk->bhtn", q, means) / q.shape[-1] ** 0.5


def head_weights(scores: Tensor, own: Tensor) -> Tensor:
    """Softmax of each head over the blocks before the own one; 0 for a query that has none."""
    before = torch.arange(scores.shape[-1]) < own
    return scores.masked_fill(~before, -INF).softmax(dim=-1).nan_to_num(0.0)


def choose(importance: Tensor, own: Tensor, count: int) -> Tensor:
    """The numbers of the blocks that are read, the own one first, -1 where there are none."""
    number = torch.arange(importance.shape[-1])
    return top_keys(importance.masked_fill(number > own, -INF).masked_fill(number == own, INF), count)


def spread(chosen: Tensor, m: Tensor, block: int) -> Tensor:
    """The positions in these blocks up to that of the query."""
    positions = chosen[..., None] * block + torch.arange(block)
    return positions.masked_fill((chosen[..., None] < 0) | (positions > m[..., None]), -1).flatten(2)


def by_importance(q: Tensor, k: Tensor, block: int, count: int, importance: Tensor) -> Tensor:
    m = places(q.shape[2], k.shape[1])
    return spread(choose(importance, m // block, count), m, block)


@replaces("top_blocks")
def own_block_not_counted(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """You read one block more than count. Which of the count blocks is the first?"""
    return top_blocks(q, k, block, count + 1)


@replaces("top_blocks", what=["never read", "read if it is important"])
def own_block_not_sure(q: Tensor, k: Tensor, block: int, count: int, *, what: str) -> Tensor:
    """The block of a query is {what} in your code. Which block does a query always read?"""
    m = places(q.shape[2], k.shape[1])
    own = m // block + (what != "never read")
    importance = head_weights(block_scores(q, block_means(k, block)), own).sum(dim=1)
    importance = importance.masked_fill(torch.arange(importance.shape[-1]) >= own, -INF)
    return spread(top_keys(importance, count), m, block)


@replaces("top_blocks")
def blocks_from_the_query(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """With a cache your positions are counted from the first query. At what position does it stand?"""
    m = torch.arange(q.shape[2])[:, None]
    importance = head_weights(block_scores(q, block_means(k, block)), m // block).sum(dim=1)
    return spread(choose(importance, m // block, count), m, block)


@replaces("top_blocks", what=["scores are added up", "scores are averaged and then go through a softmax"])
def scores_summed(q: Tensor, k: Tensor, block: int, count: int, *, what: str) -> Tensor:
    """Your {what}, so that one head with large scores decides alone. What is added up over heads in the docstring,
    scores or weights?"""
    scores = block_scores(q, block_means(k, block)).sum(dim=1)
    return by_importance(q, k, block, count, scores)


@replaces("top_blocks", what=["largest weight", "weight in the first head"])
def heads_joined_otherwise(q: Tensor, k: Tensor, block: int, count: int, *, what: str) -> Tensor:
    """The importance of your blocks is the {what}. How do the H weights of a block become one number?"""
    own = places(q.shape[2], k.shape[1]) // block
    weights = head_weights(block_scores(q, block_means(k, block)), own)
    made = {
        "largest weight": weights.amax(dim=1),
        "weight in the first head": weights[:, 0],
    }
    return by_importance(q, k, block, count, made[what])


@replaces("top_blocks", over=["all blocks", "the own block as well"])
def softmax_over_more(q: Tensor, k: Tensor, block: int, count: int, *, over: str) -> Tensor:
    """The softmax of a head runs over {over}, and what it gives away there is missing where blocks are compared. Over
    which blocks does it run in the docstring?"""
    scores = block_scores(q, block_means(k, block))
    own = places(q.shape[2], k.shape[1]) // block
    weights = scores.softmax(dim=-1) if over == "all blocks" else head_weights(scores, own + 1)
    return by_importance(q, k, block, count, weights.sum(dim=1))


@replaces("top_blocks", form=["not divided", "divided by K", "divided by K¼"])
def block_scores_scaled(q: Tensor, k: Tensor, block: int, count: int, *, form: str) -> Tensor:
    """Inside your softmax the products are {form}. How sharply a head decides depends on that: by what are they divided
    in the docstring?"""
    power = {"not divided": 0.5, "divided by K": -0.5, "divided by K¼": 0.25}[form]
    return top_blocks(q * q.shape[-1] ** power, k, block, count)


@replaces("top_blocks", what=["the sum", "the largest numbers", "the first", "the last"])
def another_representative(q: Tensor, k: Tensor, block: int, count: int, *, what: str) -> Tensor:
    """Your blocks are represented by {what} of their keys. What is k̄ in the docstring?"""
    keys = F.pad(k, (0, 0, 0, -k.shape[1] % block)).unflatten(1, (-1, block))
    made = {
        "the sum": keys.sum(dim=2),
        "the largest numbers": keys.amax(dim=2),
        "the first": keys[:, :, 0],
        "the last": keys[:, :, -1],
    }
    own = places(q.shape[2], k.shape[1]) // block
    return by_importance(q, k, block, count, head_weights(block_scores(q, made[what]), own).sum(dim=1))


@replaces("top_blocks")
def future_of_the_own_block(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """Your query reads its own block up to the end, and so tokens that come after it. Which positions in the chosen
    blocks may it see?"""
    m = places(q.shape[2], k.shape[1])
    importance = head_weights(block_scores(q, block_means(k, block)), m // block).sum(dim=1)
    end = ((m // block + 1) * block - 1).clamp(max=k.shape[1] - 1)
    return spread(choose(importance, m // block, count), end, block)


@replaces("top_blocks")
def clamped_to_the_query(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """A position occurs several times in your rows: later ones became that of the query. What stands in the places that
    are left?"""
    positions = top_blocks(q, k, block, count)
    own = positions.unflatten(2, (-1, block))[:, :, :1]
    own = torch.where(own < 0, places(q.shape[2], k.shape[1])[..., None], own)
    return torch.cat([own.flatten(2), positions[:, :, block:]], dim=2)


@replaces("top_blocks")
def blocks_for_positions(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """You return numbers of blocks. Which positions does block b hold?"""
    own = places(q.shape[2], k.shape[1]) // block
    return choose(head_weights(block_scores(q, block_means(k, block)), own).sum(dim=1), own, count)


@replaces("top_blocks")
def first_token_of_blocks(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """You read one token of each chosen block. How many tokens does a block hold?"""
    return top_blocks(q, k, block, count)[..., ::block]


@replaces("top_blocks")
def minus_one_times_block(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """A −1 for a block that is missing became the positions −block to −1. Which number stands for none?"""
    m = places(q.shape[2], k.shape[1])
    importance = head_weights(block_scores(q, block_means(k, block)), m // block).sum(dim=1)
    positions = choose(importance, m // block, count)[..., None] * block + torch.arange(block)
    return positions.masked_fill(positions > m[..., None], -1).flatten(2)


@replaces("top_blocks", which=["latest", "first"])
def window_of_blocks(q: Tensor, k: Tensor, block: int, count: int, *, which: str) -> Tensor:
    """Besides its own block a query always reads the {which} ones in your code. What do the scores say?"""
    number = torch.arange(-(-k.shape[1] // block), dtype=q.dtype)
    importance = (number if which == "latest" else -number).expand(len(q), q.shape[2], -1)
    return by_importance(q, k, block, count, importance)


@replaces("top_blocks")
def first_block_always(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """Your queries always read the first block of the text. NSA does that; which block is always read here?"""
    m = places(q.shape[2], k.shape[1])
    importance = head_weights(block_scores(q, block_means(k, block)), m // block).sum(dim=1)
    importance[..., 0] = 1000.0
    return by_importance(q, k, block, count, importance)


@replaces("top_blocks")
def unimportant_blocks(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """Your queries read the blocks with the smallest importance. In which direction did you sort?"""
    own = places(q.shape[2], k.shape[1]) // block
    return by_importance(q, k, block, count, -head_weights(block_scores(q, block_means(k, block)), own).sum(dim=1))


@replaces("top_blocks")
def nan_first(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """A query in block 0 has no block before it, and its softmax over nothing is nan. A sort counts nan as the largest
    number: what is left in the row after that?"""
    m = places(q.shape[2], k.shape[1])
    scores, own = block_scores(q, block_means(k, block)), m // block
    number = torch.arange(scores.shape[-1])
    importance = scores.masked_fill(number >= own, -INF).softmax(dim=-1).sum(dim=1).masked_fill(number == own, INF)
    return spread(importance.argsort(dim=-1, descending=True, stable=True)[..., :count], m, block)


@replaces("top_blocks")
def last_block_dropped(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """The tokens after the last full block are read by nobody. In which block is the last query?"""
    S = k.shape[1]
    positions = top_blocks(q, k, block, count)
    return positions.masked_fill(positions >= S // block * block, -1)


@replaces("top_blocks")
def blocks_as_int32(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """Your positions are int32. Which dtype does the docstring ask for?"""
    return top_blocks(q, k, block, count).int()


def gathered(x: Tensor, positions: Tensor) -> Tensor:
    """(B, T, N, ·); a position of -1 gives the last."""
    return x[torch.arange(len(x))[:, None, None], positions]


def place_scores(q: Tensor, k: Tensor, positions: Tensor) -> Tensor:
    """(B, H, T, N)."""
    return torch.einsum("bhtk,btnk->bhtn", q, gathered(k, positions)) / q.shape[-1] ** 0.5


def read(weights: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    return torch.einsum("bhtn,btnv->bhtv", weights, gathered(v, positions))


def none(positions: Tensor) -> Tensor:
    """(B, 1, T, N), True where there is no position."""
    return positions[:, None] < 0


@replaces("attend_keys", which=["last", "first"])
def minus_one_is_a_token(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, *, which: str) -> Tensor:
    """A place with −1 reads the {which} token. Such an index is valid in Python: which weight should the place have?"""
    positions = positions if which == "last" else positions.clamp(min=0)
    return read(place_scores(q, k, positions).softmax(dim=-1), v, positions)


@replaces("attend_keys", value=["a value of zeros", "the last value"])
def zero_score_for_none(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, *, value: str) -> Tensor:
    """A place without a position has the score 0 in your code, so it still has the weight e⁰, and {value}. Which score
    has the weight 0?"""
    weights = place_scores(q, k, positions).masked_fill(none(positions), 0.0).softmax(dim=-1)
    return read(weights.masked_fill(none(positions), 0.0) if value == "a value of zeros" else weights, v, positions)


@replaces("attend_keys")
def masked_after_softmax(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """You set the weights of empty places to 0 after the softmax, and the rest of a row sums to less than 1. When must
    a place be taken out?"""
    weights = place_scores(q, k, positions).softmax(dim=-1)
    return read(weights.masked_fill(none(positions), 0.0), v, positions)


@replaces("attend_keys")
def position_zero_is_none(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Position 0 has no weight in your code. Which number stands for none?"""
    scores = place_scores(q, k, positions).masked_fill(positions[:, None] <= 0, -INF)
    return read(scores.softmax(dim=-1).nan_to_num(0.0), v, positions)


@replaces("attend_keys")
def added_to_scores(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """You subtract a large number from the scores of empty places, and some key there is larger still. Which number
    stays below every score?"""
    scores = place_scores(q, k, positions) - 1e4 * none(positions)
    return read(scores.softmax(dim=-1), v, positions)


@replaces("attend_keys")
def exp_by_hand(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Your exponentials overflow in places without a position: infinity times 0 is nan. What should the score be there
    before exp is taken?"""
    mass = place_scores(q, k, positions).exp() * ~none(positions)
    return read(mass / mass.sum(dim=-1, keepdim=True), v, positions)


@replaces("attend_keys")
def softmax_over_all(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Your weights are cut out of a softmax over all keys, and sum to less than 1. Over which keys does the softmax
    run?"""
    everywhere = (torch.einsum("bhtk,bsk->bhts", q, k) / q.shape[-1] ** 0.5).softmax(dim=-1)
    weights = everywhere.gather(-1, positions.clamp(min=0)[:, None].expand(-1, q.shape[1], -1, -1))
    return read(weights.masked_fill(none(positions), 0.0), v, positions)


@replaces("attend_keys")
def full_attention(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Your queries read all tokens up to their own, whatever the positions are. Which ones were chosen?"""
    T, S = q.shape[2], k.shape[1]
    return F.scaled_dot_product_attention(q, k[:, None], v[:, None], attn_mask=~future(T, S))


@replaces("attend_keys")
def masks_again(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """You dropped positions that lie behind the query. Who decides what a query may see, by the docstring?"""
    m = places(q.shape[2], k.shape[1])
    return attend_keys(q, k, v, positions.masked_fill(positions > m, -1)).nan_to_num(0.0)


@replaces("attend_keys", form=["not divided", "divided by K", "divided by √V", "divided by √N", "divided by √S"])
def attention_scaled(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, *, form: str) -> Tensor:
    """Your scores are {form}. By what does the docstring divide?"""
    K = q.shape[-1]
    scale = {
        "not divided": 1.0,
        "divided by K": K,
        "divided by √V": v.shape[-1] ** 0.5,
        "divided by √N": positions.shape[-1] ** 0.5,
        "divided by √S": k.shape[1] ** 0.5,
    }
    return attend_keys(q * K**0.5 / scale[form], k, v, positions)


@replaces("attend_keys", whose=["text", "query"])
def positions_of_the_first(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, *, whose: str) -> Tensor:
    """All of them read what was chosen for the first {whose}. Which axes do the positions have?"""
    first = positions[:1] if whose == "text" else positions[:, :1]
    return attend_keys(q, k, v, first.expand_as(positions))


@replaces("attend_keys", which=["keys and values", "keys", "values"])
def first_text_for_all(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, *, which: str) -> Tensor:
    """All texts read the {which} of the first one. Which index stands for the text when you gather?"""
    return attend_keys(
        q, k if which == "values" else k[:1].expand_as(k), v if which == "keys" else v[:1].expand_as(v), positions
    )


@replaces("attend_keys")
def values_in_another_order(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Keys are read in the order of the positions, and values in another. Which value belongs to which weight?"""
    weights = place_scores(q, k, positions).masked_fill(none(positions), -INF).softmax(dim=-1)
    return read(weights, v, positions.sort(dim=-1).values)


@replaces("attend_keys")
def values_not_gathered(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Your weights belong to the chosen positions, and meet the first N values. Which values do they belong to?"""
    weights = place_scores(q, k, positions).masked_fill(none(positions), -INF).softmax(dim=-1)
    return weights @ v[:, None, : positions.shape[-1]]


@replaces("attend_keys")
def heads_after_queries(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Your output has its axes in the order (B, T, H, V). Which order does the docstring have?"""
    return attend_keys(q, k, v, positions).transpose(1, 2)


@replaces("attend_keys")
def union_of_choices(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Every query reads what any query of its text chose. Which row of the positions belongs to query i?"""
    S, T = k.shape[1], q.shape[2]
    anybody = F.one_hot(positions + 1, S + 1).amax(dim=(1, 2))[:, 1:]  # (B, S)
    place = torch.where(anybody > 0, torch.arange(S), -1)
    return attend_keys(q, k, v, place[:, None].expand(-1, T, -1))


@replaces("attend_keys", missing=["any argument", "q", "k", "v"])
def output_without_gradient(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, *, missing: str) -> Tensor:
    """Your output is right, and no gradient reaches {missing}. Which line leaves the graph?"""
    if missing == "any argument":
        return attend_keys(q, k, v, positions).detach()
    q, k, v = (x.detach() if name == missing else x for name, x in (("q", q), ("k", k), ("v", v)))
    return attend_keys(q, k, v, positions)


@replaces("attend_keys", back=[False, True])
def output_in_float32(q: Tensor, k: Tensor, v: Tensor, positions: Tensor, *, back: bool) -> Tensor:
    """In float64 your output is only as precise as float32. Which of your lines names a dtype, or makes a tensor
    without being told one?"""
    out = attend_keys(q.float(), k.float(), v.float(), positions)
    return out.to(q.dtype) if back else out


@replaces("attend_keys")
def output_in_float64(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Your output is always float64. What is its dtype in the docstring?"""
    return attend_keys(q.double(), k.double(), v.double(), positions)


@replaces("attend_keys", ends="memory")
def dense_with_mask(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """The numbers are right, and all S scores of every head were computed. Which scores do you need?"""
    (B, _, T, _), S = q.shape, k.shape[1]
    closed = torch.full((B, T, S + 1), -INF, dtype=q.dtype)
    closed = closed.scatter(-1, positions + 1, 0.0)[..., None, 1:].transpose(1, 2)
    weights = (torch.einsum("bhtk,bsk->bhts", q, k) / q.shape[-1] ** 0.5 + closed).softmax(dim=-1)
    return weights @ v[:, None]


@replaces("attend_keys", ends="memory")
def weights_for_all(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """The scores are those of the chosen keys only, but their weights are written into rows of S numbers, nearly all of
    them 0. What could be gathered instead?"""
    weights = place_scores(q, k, positions).masked_fill(none(positions), -INF).softmax(dim=-1)
    rows = q.new_zeros(*q.shape[:3], k.shape[1] + 1)
    rows = rows.scatter(-1, (positions + 1)[:, None].expand_as(weights), weights)
    return rows[..., 1:] @ v[:, None]


@replaces("attend_keys", ends="memory")
def keys_for_each_query(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """You copied all keys and values for each query before you chose from them. How can an index choose from the ones
    that are there?"""
    T = q.shape[2]
    keys, values = (x.repeat_interleave(T, dim=0) for x in (k, v))
    out = attend_keys(q.transpose(1, 2).flatten(0, 1)[:, :, None], keys, values, positions.flatten(0, 1)[:, None])
    return out.view(len(q), T, q.shape[1], -1).transpose(1, 2)


@replaces("attend_keys", ends="memory")
def a_mask_for_all(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """You made a mask with an entry for each query and each of the S tokens, in order to gather what it leaves. Which
    of your inputs already says which tokens these are?"""
    mask = torch.zeros(len(q), q.shape[2], k.shape[1] + 1, dtype=torch.bool)
    mask.scatter_(-1, positions + 1, True)
    return attend_keys(q, k, v, positions) + 0 * mask[:, None, :, 1:].any(dim=-1, keepdim=True)
