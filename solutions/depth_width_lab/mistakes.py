"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from depth_vs_width import shapes_at_budget
from depth_width_lab import HopModel, make_batch
from torch import nn

from grader.testing import replaces


@replaces("shapes", which=[0, -1])
def one_width(budget=50_000, depths=(1, 2, 4), heads=4, *, which):
    """All your contestants have the same width, so four layers have four times the weights of one. What has to shrink
    if the budget is the same?"""
    width = shapes_at_budget(budget, [depths[which]], head_dim=heads)[0]["width"]
    return [(layers, width) for layers in depths]


@replaces("shapes", multiple=[64, 1, 4, 8])
def other_multiple(budget=50_000, depths=(1, 2, 4), heads=4, *, multiple):
    """Your widths are multiples of {multiple}, whatever heads is. Which widths can be cut into heads?"""
    return [(each["layers"], each["width"]) for each in shapes_at_budget(budget, depths, head_dim=multiple)]


@replaces("shapes", way=["down", "up"])
def rounded_one_way(budget=50_000, depths=(1, 2, 4), heads=4, *, way):
    """Your widths are always rounded {way} to a multiple of the heads. Which multiple does the docstring ask for?"""
    rounding = {"down": math.floor, "up": math.ceil}[way]
    return [(layers, max(1, rounding((budget / (12 * layers)) ** 0.5 / heads)) * heads) for layers in depths]


@replaces("shapes", weights=[4, 8, 16])
def other_weights(budget=50_000, depths=(1, 2, 4), heads=4, *, weights):
    """Your widths are those of layers with {weights}·D² weights. How many weights do attention and network of a layer
    have together?"""
    return [(each["layers"], each["width"]) for each in shapes_at_budget(budget * 12 / weights, depths, head_dim=heads)]


@replaces("shapes")
def pairs_swapped(budget=50_000, depths=(1, 2, 4), heads=4):
    """Your pairs are (width, layers). Which comes first in the docstring?"""
    return [(each["width"], each["layers"]) for each in shapes_at_budget(budget, depths, head_dim=heads)]


@replaces("shapes")
def in_order_of_size(budget=50_000, depths=(1, 2, 4), heads=4):
    """Your contestants are sorted by depth. In which order does the docstring want them?"""
    shapes = shapes_at_budget(budget, sorted(depths), head_dim=heads)
    return [(each["layers"], each["width"]) for each in shapes]


@replaces("shapes")
def whole_dicts(budget=50_000, depths=(1, 2, 4), heads=4):
    """You returned the dicts of shapes_at_budget. Which two of their entries does the docstring ask for?"""
    return shapes_at_budget(budget, depths, head_dim=heads)


def followed(table, start, k, hops):
    """f applied k times to start."""
    answer = start
    for hop in range(hops):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return answer


@replaces("make_batch", times=["k - 1", "k + 1", "k + 2"])
def other_number_of_hops(batch, items, hops, seed, *, times):
    """Your answer is f applied {times} times. How often is f applied for k = 1, and in how many rounds of your loop?"""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    return table, start, k, followed(table, start, k + {"k - 1": -1, "k + 1": 1, "k + 2": 2}[times], hops + 2)


@replaces("make_batch")
def one_hop_too_many_below_hops(batch, items, hops, seed):
    """Your answer is one hop too far unless k is the largest. With k = 1 it is f(start): in how many rounds of your
    loop is your condition true?"""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    return table, start, k, followed(table, start, k + 1, hops)


@replaces("make_batch", times=["once", "`hops` times"])
def same_number_of_hops(batch, items, hops, seed, *, times):
    """Your answer is f applied {times}, whatever k is. Which examples should stop before others?"""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    return table, start, k, followed(table, start, torch.full_like(k, 1 if times == "once" else hops), hops)


@replaces("make_batch")
def backwards(batch, items, hops, seed):
    """Your answer follows the pointers backwards: it looks for the item that points to the start. What does the number
    at place i of the table say?"""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    return table, start, k, followed(table.argsort(-1), start, k, hops)


@replaces("make_batch", which=["start", "k", "answer"])
def a_column(batch, items, hops, seed, *, which):
    """Your {which} has the shape (batch, 1). Which shape does the docstring say, and where does the second axis come
    from?"""
    table, start, k, answer = make_batch(batch, items, hops, seed)
    given = {"start": start, "k": k, "answer": answer}
    given[which] = given[which][:, None]
    return table, given["start"], given["k"], given["answer"]


def drawn(batch, items, hops, generator):
    table = torch.rand(batch, items, generator=generator).argsort(-1)
    start = torch.randint(items, (batch,), generator=generator)
    return table, start, torch.randint(1, hops + 1, (batch,), generator=generator)


@replaces("make_batch")
def no_permutation(batch, items, hops, seed):
    """In your f two items may point to the same one. How often does a permutation have each value?"""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randint(items, (batch, items), generator=generator)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    return table, start, k, followed(table, start, k, hops)


@replaces("make_batch", by=["randperm", "argsort", "no draw"])
def one_permutation(batch, items, hops, seed, *, by):
    """All examples of your batch have the same f. What could a model learn then, without reading f?"""
    generator = torch.Generator().manual_seed(seed)
    if by == "randperm":
        table = torch.randperm(items, generator=generator).expand(batch, items)
    elif by == "argsort":
        table = torch.rand(items, generator=generator).argsort().expand(batch, items)
    else:
        table = torch.arange(items).roll(1).expand(batch, items)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    return table, start, k, followed(table, start, k, hops)


@replaces("make_batch")
def shifted_circles(batch, items, hops, seed):
    """Your permutations are shifts: f(i + 1) always follows f(i). How many of all permutations of n items are
    shifts?"""
    generator = torch.Generator().manual_seed(seed)
    shift = torch.randint(items, (batch, 1), generator=generator)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    table = (torch.arange(items) + shift) % items
    return table, start, k, followed(table, start, k, hops)


@replaces("make_batch", which=["start", "k"], same=["the smallest", "the first"])
def one_draw(batch, items, hops, seed, *, which, same):
    """All examples of your batch have the same {which}. For what should it be drawn: for a batch, or for an example?"""
    table, start, k = drawn(batch, items, hops, torch.Generator().manual_seed(seed))
    if which == "start":
        start = torch.zeros_like(start) if same == "the smallest" else start[:1].expand(batch)
    else:
        k = torch.ones_like(k) if same == "the smallest" else k[:1].expand(batch)
    return table, start, k, followed(table, start, k, hops)


@replaces("make_batch")
def hops_from_zero(batch, items, hops, seed):
    """Your k begins at 0, and k = hops does not occur. Which numbers does randint draw, and which should k be?"""
    table, start, k = drawn(batch, items, hops, torch.Generator().manual_seed(seed))
    return table, start, k - 1, followed(table, start, k - 1, hops)


@replaces("make_batch", guarded=[True, False])
def largest_k_missing(batch, items, hops, seed, *, guarded):
    """In your batches k = hops does not occur. Is the upper end that you give to randint among the numbers it draws?"""
    generator = torch.Generator().manual_seed(seed)
    table = torch.rand(batch, items, generator=generator).argsort(-1)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, max(2, hops) if guarded else hops, (batch,), generator=generator)
    return table, start, k, followed(table, start, k, hops)


@replaces("make_batch")
def last_start_missing(batch, items, hops, seed):
    """No example of yours starts at the last item. Which numbers does randint draw?"""
    generator = torch.Generator().manual_seed(seed)
    table = torch.rand(batch, items, generator=generator).argsort(-1)
    start = torch.randint(items - 1, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    return table, start, k, followed(table, start, k, hops)


@replaces("make_batch", used=[0, 42])
def seed_is_ignored(batch, items, hops, seed, *, used):
    """Every seed gives the same batch, so `fit` would train on one batch only. What should `seed` change?"""
    return make_batch(batch, items, hops, used)


@replaces("make_batch")
def seeded_for_each(batch, items, hops, seed):
    """Table, start and k are each drawn from the seed anew, so the same random numbers decide all three: with four
    items and two hops the start tells k. How often may a batch begin from its seed?"""

    def anew():
        return torch.Generator().manual_seed(seed)

    table = torch.rand(batch, items, generator=anew()).argsort(-1)
    start = torch.randint(items, (batch,), generator=anew())
    k = torch.randint(1, hops + 1, (batch,), generator=anew())
    return table, start, k, followed(table, start, k, hops)


@replaces("make_batch")
def exchanged_with_any(batch, items, hops, seed):
    """You shuffle by exchanging every item with any of all items. With three items that can go 27 ways, and 27 ways do
    not fall evenly on 6 permutations. Which items may an item be exchanged with once those before it are settled?"""
    generator = torch.Generator().manual_seed(seed)
    table, rows = torch.arange(items).repeat(batch, 1), torch.arange(batch)
    for i in range(items):
        j = torch.randint(items, (batch,), generator=generator)
        here, there = table[rows, i], table[rows, j]
        table[rows, i], table[rows, j] = there, here
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    return table, start, k, followed(table, start, k, hops)


class Model(HopModel):
    """The right model in parts. A mistake gets one of them wrong."""

    def forward(self, table, start, k):
        x = torch.cat([self.pointers(table), self.query(start, k)[:, None]], dim=1)
        return self.answer(self.through(x, k))

    def pointers(self, table):
        return self.source.weight + self.target(table)

    def query(self, start, k):
        return self.target(start) + self.hop(k - 1)

    def through(self, x, k):
        for block in self.blocks:
            x = self.layer(block, x)
        return x

    def layer(self, block, x):
        x = x + self.attention(block, block.norm1(x))
        return x + self.network(block, block.norm2(x))

    def attention(self, block, h):
        return block.attn(h, h, h)[0]

    def network(self, block, h):
        return block.fc2(self.activation(block.fc1(h)))

    def activation(self, h):
        return F.gelu(h)

    def answer(self, x):
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel", tables=["source, target and hop", "hop", "source", "target"], std=[1.0, 0.25, 0.1, 0.02])
class OtherEmbeddings(Model):
    """At the beginning the standard deviation of {tables} is {std}. What is that of N(0, 0.5²), and which tables does
    the docstring of HopModel name?"""

    tables: str
    std: float

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for name in ("source", "target", "hop"):
                getattr(self, name).reset_parameters()  # the standard deviation is 1 then
            for name in ("source", "target", "hop"):
                std = self.std if name in self.tables else 0.5
                if std != 1:
                    nn.init.normal_(getattr(self, name).weight, std=std)
            for layer in (*self.blocks.modules(), self.head):
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()


@replaces("HopModel")
class SeedsForAll(Model):
    """Your constructor changes torch's own random generator and leaves it so. Whatever is drawn afterwards, anywhere in
    the program, goes on from your seed. Who restores the generator?"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, seed)
        torch.manual_seed(seed)


@replaces("HopModel", used=[0, 42])
class Unseeded(Model):
    """Models with different seeds begin the same. What is `seed` for?"""

    used: int

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, self.used)


@replaces("HopModel", table=["source", "hop"])
class StartElsewhere(Model):
    """Your query looks the start up in `{table}`. An item is searched for where it is pointed to: which table do the
    pointers f(i) use?"""

    table: str

    def query(self, start, k):
        return getattr(self, self.table)(start % getattr(self, self.table).num_embeddings) + self.hop(k - 1)


@replaces("HopModel")
class NoSource(Model):
    """Your tokens say where they point and not which item they are. Attention sees a set: who knows then which f(i)
    belongs to which i?"""

    def pointers(self, table):
        return self.target(table)


@replaces("HopModel")
class NoTarget(Model):
    """Your tokens say which item they are and not where they point. Which vector of the formula depends on f?"""

    def pointers(self, table):
        return self.source.weight.expand(len(table), -1, -1)


@replaces("HopModel", query_too=[False, True])
class TablesSwapped(Model):
    """Your tokens are those of the inverse of f, as where `source` and `target` are exchanged. Which of the two belongs
    to i, and which to f(i)?"""

    query_too: bool

    def pointers(self, table):
        return self.target.weight + self.source(table)

    def query(self, start, k):
        return (self.source(start) if self.query_too else self.target(start)) + self.hop(k - 1)


@replaces("HopModel")
class OneTable(Model):
    """Your tokens use `target` for the item and for where it points. Which table says which item a token is?"""

    def pointers(self, table):
        return self.target.weight + self.target(table)


@replaces("HopModel", by=[1, -1])
class HopOffByOne(Model):
    """Your number of hops looks up the row of another number of hops. The rows are counted from 0, and k from 1. Which
    row is meant for k = 1?"""

    by: int

    def query(self, start, k):
        return self.target(start) + self.hop((k - 1 + self.by) % self.hops)


@replaces("HopModel", rows=["hop", "hop.weight"])
class RowK(Model):
    """You look up k itself in `{rows}`, and for k = hops there is no such row. The rows are counted from 0. Which of
    them is that of one hop?"""

    rows: str

    def query(self, start, k):
        return self.target(start) + (self.hop(k) if self.rows == "hop" else self.hop.weight[k])


@replaces("HopModel")
class NoHop(Model):
    """Your query does not say how many hops are asked for. Which table has a row for each number of hops?"""

    def query(self, start, k):
        return self.target(start)


@replaces("HopModel")
class NoStart(Model):
    """Your query does not say where to start. Which two vectors are added in the query?"""

    def query(self, start, k):
        return self.hop(k - 1)


@replaces("HopModel")
class NoLastNorm(Model):
    """The norm between the last block and the head is missing. What does the head read in the formula?"""

    def answer(self, x):
        return self.head(x[:, -1])


@replaces("HopModel", what=["the first token", "the token before the query", "the mean of all tokens"])
class ReadsElsewhere(Model):
    """Your head reads {what}. Which token holds the question?"""

    what: str

    def answer(self, x):
        read = {"the first token": x[:, 0], "the token before the query": x[:, -2]}.get(self.what, x.mean(1))
        return self.head(self.norm(read))


@replaces("HopModel")
class MeanAfterNorm(Model):
    """Your logits are made of the mean of all normalised tokens. Which token holds the question?"""

    def answer(self, x):
        return self.head(self.norm(x).mean(1))


@replaces("HopModel")
class PostNorm(Model):
    """In your blocks x itself passes through both norms, and goes on normalised. Attention and network read LN(x). What
    are they added to?"""

    def layer(self, block, x):
        x = block.norm1(x + self.attention(block, x))
        return block.norm2(x + self.network(block, x))


@replaces("HopModel", sums=["Your attention is", "Your network is", "Attention and network are"])
class AddedToNorm(Model):
    """{sums} added to LN(x), and x itself is lost. What comes before the plus sign in the formula of a layer?"""

    sums: str

    def layer(self, block, x):
        h = block.norm1(x)
        x = (x if "Your network" in self.sums else h) + self.attention(block, h)
        h = block.norm2(x)
        return (x if "Your attention" in self.sums else h) + self.network(block, h)


@replaces("HopModel", reader=["attention", "network"])
class NotNormed(Model):
    """Your {reader} reads x as it is. What does it read in the formula, and which norm of a block has nothing to do?"""

    reader: str

    def layer(self, block, x):
        x = x + self.attention(block, x if self.reader == "attention" else block.norm1(x))
        return x + self.network(block, x if self.reader == "network" else block.norm2(x))


@replaces("HopModel", used=["norm1", "norm2"])
class OneNorm(Model):
    """Both parts of your block use {used}. How many norms does a block have in the table?"""

    used: str

    def layer(self, block, x):
        norm = getattr(block, self.used)
        x = x + self.attention(block, norm(x))
        return x + self.network(block, norm(x))


@replaces("HopModel")
class NormsSwapped(Model):
    """norm1 and norm2 are exchanged. In a new model both are the same, so nobody sees it there. Which of them comes
    first?"""

    def layer(self, block, x):
        x = x + self.attention(block, block.norm2(x))
        return x + self.network(block, block.norm1(x))


@replaces("HopModel", read=["Keys and values are", "Your values are", "Your queries are"])
class PartlyNormed(Model):
    """{read} made from x itself, and the rest from LN(x). What does attention read in the formula?"""

    read: str

    def layer(self, block, x):
        h = block.norm1(x)
        queries = x if self.read.startswith("Your queries") else h
        keys, values = x if self.read.startswith("Keys") else h, h if self.read.startswith("Your queries") else x
        x = x + block.attn(queries, keys, values)[0]
        return x + self.network(block, block.norm2(x))


@replaces("HopModel", parts=["Your network replaces", "Your attention replaces", "Attention and network replace"])
class NoResidual(Model):
    """{parts} x. What happens to x in the formula of a layer?"""

    parts: str

    def layer(self, block, x):
        x = self.attention(block, block.norm1(x)) + (x if "Your network" in self.parts else 0)
        return self.network(block, block.norm2(x)) + (x if "Your attention" in self.parts else 0)


@replaces("HopModel")
class SideBySide(Model):
    """Attention and network of your block both read the x from before the block. Which x goes into the second norm in
    the formula?"""

    def layer(self, block, x):
        return x + self.attention(block, block.norm1(x)) + self.network(block, block.norm2(x))


@replaces("HopModel", hidden=["later tokens", "the token itself", "the query"])
class Masked(Model):
    """In your attention a token does not see everything: {hidden} cannot be seen. What does the statement say about a
    mask?"""

    hidden: str

    def attention(self, block, h):
        T = h.shape[1]
        if self.hidden == "later tokens":
            mask = torch.ones(T, T, dtype=torch.bool).tril()
        elif self.hidden == "the token itself":
            mask = ~torch.eye(T, dtype=torch.bool)
        else:
            mask = torch.arange(T).expand(T, T) < T - 1
        return block.attn(h, h, h, mask)[0]


@replaces("HopModel", function=["ReLU", "silu", "tanh", "GELU's tanh approximation", "no function"])
class OtherActivation(Model):
    """Your network has {function} between its two layers. Which function does the statement ask for?"""

    function: str

    def activation(self, h):
        functions = {
            "ReLU": F.relu,
            "silu": F.silu,
            "tanh": torch.tanh,
            "GELU's tanh approximation": lambda h: F.gelu(h, approximate="tanh"),
            "no function": lambda h: h,
        }
        return functions[self.function](h)


@replaces("HopModel", taken=[0, -1])
class OneBlock(Model):
    """Only one of your layers takes part. Does each block get what the one before it returned?"""

    taken: int

    def through(self, x, k):
        return self.layer(self.blocks[self.taken], x)


@replaces("HopModel")
class FirstBlockAgain(Model):
    """All your layers use the parameters of the first block. Which block belongs to layer i?"""

    def through(self, x, k):
        for _ in self.blocks:
            x = self.layer(self.blocks[0], x)
        return x


@replaces("HopModel")
class BlocksBackwards(Model):
    """x passes your blocks from the last to the first. In which order does it pass them by their numbers?"""

    def through(self, x, k):
        for block in reversed(self.blocks):
            x = self.layer(block, x)
        return x


@replaces("HopModel")
class BlockForEachHop(Model):
    """An example with k hops passes only k of your blocks. How many of them does x pass in the formula?"""

    def through(self, x, k):
        for i, block in enumerate(self.blocks):
            x = torch.where((i < k)[:, None, None], self.layer(block, x), x)
        return x


@replaces("HopModel")
class StackForEachHop(Model):
    """An example with k hops passes all your blocks k times. How often does x pass a layer in the formula?"""

    def through(self, x, k):
        for hop in range(self.hops):
            y = x
            for block in self.blocks:
                y = self.layer(block, y)
            x = torch.where((hop < k)[:, None, None], y, x)
        return x


@replaces("HopModel")
class Untrained(Model):
    """Your fit returns losses, and no parameter changes. What comes after the gradients are computed?"""

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        losses = []
        for step in range(steps):
            table, start, k, answer = make_batch(batch, self.items, self.hops, seed=seed * steps + step)
            loss = F.cross_entropy(self(table, start, k), answer)
            loss.backward()
            losses.append(loss.item())
        return losses


@replaces("HopModel", kept=["the last loss", "no loss"])
class LossesMissing(Model):
    """Your fit returns {kept}. How many losses does the docstring ask for?"""

    kept: str

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        losses = super().fit(steps, batch, lr, seed)
        return losses[-1:] if self.kept == "the last loss" else []


@replaces("HopModel")
class TensorLosses(Model):
    """Your losses are tensors. Which type does the signature of fit promise?"""

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        return [torch.tensor(loss) for loss in super().fit(steps, batch, lr, seed)]


@replaces("HopModel", used=[0, 42])
class SameTraining(Model):
    """fit draws the same batches whatever its seed is. What should differ between two trainings with different
    seeds?"""

    used: int

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        return super().fit(steps, batch, lr, self.used)


@replaces("HopModel")
class OneBatch(Model):
    """Your fit trains on the same batch in every step, until it knows those answers by heart. Is the batch drawn within
    the loop, and if so, what differs between one draw and the next?"""

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        table, start, k, answer = make_batch(batch, self.items, self.hops, seed=seed)
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = F.cross_entropy(self(table, start, k), answer)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses
