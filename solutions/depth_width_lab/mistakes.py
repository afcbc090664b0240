"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from depth_vs_width import shapes_at_budget
from depth_width_lab import HopModel, make_batch
from torch import nn

from grader.testing import replaces


class Model(HopModel):
    """The right model under another name; a mistake gets one part of it wrong."""

    def tokens(self, table, start, k):
        pointers = self.source.weight + self.target(table)
        query = self.target(start) + self.hop(k - 1)
        return torch.cat([pointers, query[:, None]], dim=1)

    def through(self, x):
        for block in self.blocks:
            x = block(x)
        return x


@replaces("shapes")
def one_width(budget=50_000, depths=(1, 2, 4), heads=4):
    """All your contestants have the width of the first one, so four layers have four times the weights. A contest at
    one budget needs a width for each depth."""
    width = shapes_at_budget(budget, depths[:1], head_dim=heads)[0]["width"]
    return [(layers, width) for layers in depths]


@replaces("shapes")
def heads_as_given(budget=50_000, depths=(1, 2, 4), heads=4):
    """Your widths are multiples of 64, the default of shapes_at_budget. Here every width that the heads divide is
    allowed."""
    return [(each["layers"], each["width"]) for each in shapes_at_budget(budget, depths)]


@replaces("shapes")
def any_width(budget=50_000, depths=(1, 2, 4), heads=4):
    """Your widths are rounded to whole numbers, and the heads do not divide all of them."""
    return [(layers, round((budget / (12 * layers)) ** 0.5)) for layers in depths]


@replaces("make_batch")
def one_hop_too_many(batch, items, hops, seed):
    """Your answer is one hop too far. With k = 1 it is f(start): how often is f applied before your loop ends?"""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    answer = start
    for hop in range(hops + 1):
        answer = torch.where(hop <= k, table.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("make_batch")
def one_hop_too_many_below_hops(batch, items, hops, seed):
    """Your answer is one hop too far unless k is the largest. With k = 1 it is f(start): in how many rounds of your
    loop is your condition true?"""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    answer = start
    for hop in range(hops):
        answer = torch.where(hop <= k, table.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("make_batch")
def always_all_hops(batch, items, hops, seed):
    """Your answer is always `hops` hops away, whatever k of the example says."""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    answer = start
    for _ in range(hops):
        answer = table.gather(1, answer[:, None])[:, 0]
    return table, start, k, answer


@replaces("make_batch")
def backwards(batch, items, hops, seed):
    """Your answer follows the pointers backwards: it looks for the item that points to the start. f(i) stands at
    place i of the table."""
    table, start, k, _ = make_batch(batch, items, hops, seed)
    inverse, answer = table.argsort(-1), start
    for hop in range(hops):
        answer = torch.where(hop < k, inverse.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("make_batch")
def no_permutation(batch, items, hops, seed):
    """Your f is drawn item by item, so two items may point to the same one. A permutation has each value once."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randint(items, (batch, items), generator=generator)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    answer = start
    for hop in range(hops):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("make_batch")
def one_permutation(batch, items, hops, seed):
    """All examples of your batch have the same f. The model could then learn f by heart; it should read it."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randperm(items, generator=generator).expand(batch, items)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    answer = start
    for hop in range(hops):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("make_batch")
def hops_from_zero(batch, items, hops, seed):
    """Your k begins at 0, and `hops` itself never occurs. randint leaves out its upper end: which two ends does k
    have?"""
    generator = torch.Generator().manual_seed(seed)
    table = torch.rand(batch, items, generator=generator).argsort(-1)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(hops, (batch,), generator=generator)
    answer = start
    for hop in range(hops):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("make_batch")
def same_start(batch, items, hops, seed):
    """All examples start at item 0. The start is drawn too, each item with the same chance."""
    table, _, k, _ = make_batch(batch, items, hops, seed)
    start = answer = torch.zeros_like(k)
    for hop in range(hops):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("make_batch")
def seed_is_ignored(batch, items, hops, seed):
    """Every seed gives the same batch, so `fit` would train on one batch only. What should `seed` change?"""
    return make_batch(batch, items, hops, 0)


@replaces("HopModel")
class default_embeddings(Model):  # noqa: N801
    """Your embeddings begin at a standard deviation of 1, nn.Embedding's own. Half of that is asked for."""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, seed)
        for table in (self.source, self.target, self.hop):
            table.weight.data.mul_(2)


@replaces("HopModel")
class small_embeddings(Model):  # noqa: N801
    """Your embeddings begin at a standard deviation of 0.02, as in GPT-2. Trained from there, two layers were
    right at the third hop in 23 to 35 % of the examples; begin at 0.5."""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, seed)
        for table in (self.source, self.target, self.hop):
            table.weight.data.mul_(0.04)


@replaces("HopModel")
class seeds_for_all(Model):  # noqa: N801
    """Your constructor changes torch's own random generator and leaves it so. Whatever is drawn afterwards,
    here or anywhere else in the program, goes on from your seed. Who puts the generator back as it was?"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, seed)
        torch.manual_seed(seed)


@replaces("HopModel")
class unseeded(Model):  # noqa: N801
    """Models with different seeds begin the same. What is `seed` for?"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, 0)


@replaces("HopModel")
class start_from_source(Model):  # noqa: N801
    """Your query looks the start up in `source`. It should be the vector that stands for an item where it is pointed
    to, so that the query and f(i) use the same table."""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        query = self.source(start) + self.hop(k - 1)
        x = torch.cat([x[:, :-1], query[:, None]], dim=1)
        return self.head(self.norm(self.through(x)[:, -1]))


@replaces("HopModel")
class no_source(Model):  # noqa: N801
    """Your tokens say where they point and not which item they are. Attention sees a set: without `source` nobody knows
    which f(i) belongs to which i."""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        x = torch.cat([self.target(table), x[:, -1:]], dim=1)
        return self.head(self.norm(self.through(x)[:, -1]))


@replaces("HopModel")
class tables_swapped(Model):  # noqa: N801
    """`source` and `target` have changed places in your tokens: source belongs to i, target to f(i)."""

    def forward(self, table, start, k):
        query = self.target(start) + self.hop(k - 1)
        x = torch.cat([self.target.weight + self.source(table), query[:, None]], dim=1)
        return self.head(self.norm(self.through(x)[:, -1]))


@replaces("HopModel")
class hop_off_by_one(Model):  # noqa: N801
    """Your number of hops looks up the row of another number of hops. The rows are counted from 0, and k from 1.
    Which row is meant for k = 1?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k % self.hops + 1)
        return self.head(self.norm(self.through(x)[:, -1]))


@replaces("HopModel")
class row_k(Model):  # noqa: N801
    """You look up k itself in `hop`, and for k = hops there is no such row. The rows are counted from 0. Which of them
    is that of one hop?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        query = self.target(start) + self.hop(k)
        return self.head(self.norm(self.through(torch.cat([x[:, :-1], query[:, None]], dim=1))[:, -1]))


@replaces("HopModel")
class row_k_of_the_weight(Model):  # noqa: N801
    """You take row k of `hop.weight`, and for k = hops there is none. The rows are counted from 0. Which of them is
    that of one hop?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        query = self.target(start) + self.hop.weight[k]
        return self.head(self.norm(self.through(torch.cat([x[:, :-1], query[:, None]], dim=1))[:, -1]))


@replaces("HopModel")
class no_hop(Model):  # noqa: N801
    """Your query does not say how many hops are asked for. Which table has a row for each number of hops?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        x = torch.cat([x[:, :-1], self.target(start)[:, None]], dim=1)
        return self.head(self.norm(self.through(x)[:, -1]))


@replaces("HopModel")
class no_last_norm(Model):  # noqa: N801
    """The norm between the last block and the head is missing. In a pre-norm transformer nothing else bounds what the
    head reads."""

    def forward(self, table, start, k):
        return self.head(self.through(self.tokens(table, start, k))[:, -1])


@replaces("HopModel")
class reads_first(Model):  # noqa: N801
    """Your head reads the first token, which is item 0. The question stands in the last one."""

    def forward(self, table, start, k):
        return self.head(self.norm(self.through(self.tokens(table, start, k))[:, 0]))


@replaces("HopModel")
class reads_mean(Model):  # noqa: N801
    """Your head reads the mean of all tokens. The answer is collected by the query alone."""

    def forward(self, table, start, k):
        return self.head(self.norm(self.through(self.tokens(table, start, k)).mean(1)))


@replaces("HopModel")
class post_norm(Model):  # noqa: N801
    """In your blocks x itself passes through both norms, and goes on normalised. Attention and network read LN(x). What
    are they added to?"""

    def through(self, x):
        for block in self.blocks:
            x = block.norm1(x + block.attn(x, x, x)[0])
            x = block.norm2(x + block.fc2(F.gelu(block.fc1(x))))
        return x

    def forward(self, table, start, k):
        return self.head(self.norm(self.through(self.tokens(table, start, k))[:, -1]))


@replaces("HopModel")
class attention_added_to_norm(Model):  # noqa: N801
    """Your attention is added to LN(x), and x itself is lost. What stands in front of the plus sign in the formula of a
    layer?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            x = block.norm1(x)
            x = x + block.attn(x, x, x)[0]
            x = x + block.fc2(F.gelu(block.fc1(block.norm2(x))))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class network_added_to_norm(Model):  # noqa: N801
    """Your network is added to LN(x), and x itself is lost. What stands in front of the plus sign in the formula of a
    layer?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            h = block.norm1(x)
            x = block.norm2(x + block.attn(h, h, h)[0])
            x = x + block.fc2(F.gelu(block.fc1(x)))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class network_not_normed(Model):  # noqa: N801
    """Your network reads x as it is, and the second norm of a block has nothing to do. What does the network read by
    the formula?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            h = block.norm1(x)
            x = x + block.attn(h, h, h)[0]
            x = x + block.fc2(F.gelu(block.fc1(x)))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class causal(Model):  # noqa: N801
    """Your attention is causal: item 0 does not see the others. After one layer all tokens should know where their
    pointer leads, and for that all see all."""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        for block in self.blocks:
            h = block.norm1(x)
            x = x + block.attn(h, h, h, mask)[0]
            x = x + block.fc2(F.gelu(block.fc1(block.norm2(x))))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class relu(Model):  # noqa: N801
    """Your network has a ReLU where the statement has the exact GELU."""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            h = block.norm1(x)
            x = x + block.attn(h, h, h)[0]
            x = x + block.fc2(F.relu(block.fc1(block.norm2(x))))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class one_block(Model):  # noqa: N801
    """Only one of your layers takes part. Does each block get what the one before it returned?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            y = block(x)
        return self.head(self.norm(y[:, -1]))


@replaces("HopModel")
class values_not_normed(Model):  # noqa: N801
    """Your queries come from the norm, keys and values from x itself. LN(x) is all that the attention sees."""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            x = x + block.attn(block.norm1(x), x, x)[0]
            x = x + block.fc2(F.gelu(block.fc1(block.norm2(x))))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class no_residual(Model):  # noqa: N801
    """Your network or your attention replaces x, and it should be added to it."""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            h = block.norm1(x)
            x = x + block.attn(h, h, h)[0]
            x = block.fc2(F.gelu(block.fc1(block.norm2(x))))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class untrained(Model):  # noqa: N801
    """The model stays as it was made: losses are computed, and no parameter changes. What follows after the
    gradients are there?"""

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        losses = []
        for step in range(steps):
            table, start, k, answer = make_batch(batch, self.items, self.hops, seed=seed * steps + step)
            loss = F.cross_entropy(self(table, start, k), answer)
            loss.backward()
            losses.append(loss.item())
        return losses


@replaces("HopModel")
class last_loss(Model):  # noqa: N801
    """fit returns the last loss alone; the loss of every step is asked for, to be drawn."""

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        return super().fit(steps, batch, lr, seed)[-1:]


@replaces("HopModel")
class same_training(Model):  # noqa: N801
    """fit draws the same batches whatever its seed is. Two trainings with different seeds should differ in all that is
    drawn."""

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        return super().fit(steps, batch, lr, 0)


@replaces("HopModel")
class one_batch(Model):  # noqa: N801
    """Your fit trains on the same batch in every step, until it knows those answers by heart. Is the batch drawn within
    the loop, and if so, what is another from step to step in what it is drawn from?"""

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


@replaces("shapes")
def rounded_down(budget=50_000, depths=(1, 2, 4), heads=4):
    """You took the largest multiple of the heads below the ideal width. The nearest multiple is asked for. On which
    side of the ideal width can it lie?"""
    return [(layers, max(heads, int((budget / (12 * layers)) ** 0.5) // heads * heads)) for layers in depths]


@replaces("make_batch")
def largest_k_missing(batch, items, hops, seed):
    """In your batches k = hops does not occur. Is the upper end that you give to randint among the numbers it draws?"""
    table, start, _, _ = make_batch(batch, items, hops, seed)
    generator = torch.Generator().manual_seed(seed)
    k = torch.randint(1, max(2, hops), (batch,), generator=generator)
    answer = start
    for hop in range(hops):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return table, start, k, answer


@replaces("HopModel")
class block_for_each_hop(Model):  # noqa: N801
    """An example with k hops passes only k of your blocks. The blocks are the same for all examples. How many of them
    does x pass?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for i, block in enumerate(self.blocks):
            x = torch.where((i < k)[:, None, None], block(x), x)
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class stack_for_each_hop(Model):  # noqa: N801
    """An example with k hops passes all your blocks k times. The formula of a layer is the same for every example. How
    often does x pass a layer by it?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for hop in range(self.hops):
            x = torch.where((hop < k)[:, None, None], self.through(x), x)
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class quarter_embeddings(Model):  # noqa: N801
    """Your embeddings begin with the standard deviation 0.25. N(0, 0.5²) has the variance 0.25. What is its standard
    deviation?"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, seed)
        for table in (self.source, self.target, self.hop):
            table.weight.data.mul_(0.5)


@replaces("HopModel")
class gelu_tanh(Model):  # noqa: N801
    """Your network has the tanh approximation of GELU. Which GELU does the statement ask for?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            h = block.norm1(x)
            x = x + block.attn(h, h, h)[0]
            x = x + block.fc2(F.gelu(block.fc1(block.norm2(x)), approximate="tanh"))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class no_start(Model):  # noqa: N801
    """Your query does not say where to start. Which two vectors are added in the query?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        x = torch.cat([x[:, :-1], self.hop(k - 1)[:, None]], dim=1)
        return self.head(self.norm(self.through(x)[:, -1]))


@replaces("HopModel")
class side_by_side(Model):  # noqa: N801
    """Attention and network of your block both read x, and both results are added to it. The network should read what
    the attention has added. Which x goes into the second norm?"""

    def forward(self, table, start, k):
        x = self.tokens(table, start, k)
        for block in self.blocks:
            h = block.norm1(x)
            x = x + block.attn(h, h, h)[0] + block.fc2(F.gelu(block.fc1(block.norm2(x))))
        return self.head(self.norm(x[:, -1]))


@replaces("HopModel")
class hop_left_out(Model):  # noqa: N801
    """`hop` begins at the standard deviation 1, nn.Embedding's own; only `source` and `target` begin at 0.5. Which
    tables does the docstring of HopModel name?"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__(layers, width, heads, items, hops, seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for table in (self.source, self.target, self.hop):
                table.reset_parameters()
            for table in (self.source, self.target):
                nn.init.normal_(table.weight, std=0.5)
            for layer in (*self.blocks.modules(), self.head):
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()


def followed(table, start, k, hops):
    """f applied k times to start."""
    answer = start
    for hop in range(hops):
        answer = torch.where(hop < k, table.gather(1, answer[:, None])[:, 0], answer)
    return answer


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
    not fall evenly on 6 permutations. With which items may an item be exchanged if those before it are settled?"""
    generator = torch.Generator().manual_seed(seed)
    table, rows = torch.arange(items).repeat(batch, 1), torch.arange(batch)
    for i in range(items):
        j = torch.randint(items, (batch,), generator=generator)
        here, there = table[rows, i], table[rows, j]
        table[rows, i], table[rows, j] = there, here
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    return table, start, k, followed(table, start, k, hops)
