"""The task by plain Python, the model by its formulas, and then the contest on data of the judge's own.

The trainings draw nothing from `rng`: what they prove is the same with every seed.
"""

import math

import test_public
import torch
import torch.nn.functional as F

from grader.testing import assert_close, assert_equal, assert_generator_kept, needs, points, seconds


def follow(table, start, k):
    """f applied k times to start, row by row, for lists of whole numbers."""
    answers = []
    for f, item, hops in zip(table.tolist(), start.tolist(), k.tolist(), strict=True):
        for _ in range(hops):
            item = f[item]
        answers.append(item)
    return torch.tensor(answers)


def fresh(B, n=8, hops=3, seed=123456):
    """table (B, n), start, k and answer (B,), k evenly 1 to hops."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.stack([torch.randperm(n, generator=generator) for _ in range(B)])
    start, k = torch.randint(n, (B,), generator=generator), 1 + torch.arange(B) % hops
    return table, start, k, follow(table, start, k)


@points(4)
@needs(test_public.test_one_hop)
def test_answers(submission, rng):
    """the answer is f, applied k times to start"""
    B, n, hops = 60, 7, 4
    table, start, k, answer = submission.make_batch(B, items=n, hops=hops, seed=rng.seed % 1000)
    assert_equal(table.sort(-1).values, torch.arange(n).expand(B, n), name="table, each row sorted")
    assert bool(((k >= 1) & (k <= hops)).all()), f"k lies between 1 and hops = {hops}."
    assert_equal(answer.shape, (B,), name="shape of answer")
    assert_equal(answer.dtype, torch.int64, name="dtype of answer")
    walks = [follow(table, start, torch.full_like(k, taken)) for taken in range(hops + 2)]
    for hop in range(1, hops + 1):
        rows = k == hop
        taken = [n for n, walk in enumerate(walks) if torch.equal(answer[rows], walk[rows])]
        assert not taken or hop in taken, f"Where k is {hop}, your answer is f applied {taken[0]} times to start."
    assert_equal(answer, follow(table, start, k), name="answer")


def assert_even(counts, name):
    """Each value about as often: six standard deviations are a chance of 1 in 500 million."""
    B, mean = int(counts.sum()), counts.double().mean().item()
    bound = 6 * math.sqrt(mean * (1 - 1 / len(counts)))
    assert bool(((counts - mean).abs() < bound).all()), (
        f"{name}: of {B} examples {counts.tolist()} have each value; about {mean:.0f} each are right."
    )


@points(4)
@needs(test_answers)
def test_draws(submission, rng):
    """every f, start and k equally likely, anew in each row"""
    B, n, hops = 12_000, 4, 2
    table, start, k, _ = submission.make_batch(B, items=n, hops=hops, seed=rng.seed % 1000)
    assert_even(torch.bincount(start, minlength=n), "start")
    assert_even(torch.bincount(k, minlength=hops + 1)[1:], "k")
    for i in range(n):
        assert_even(torch.bincount(table[:, i], minlength=n), f"f({i})")
    different, counts = table.unique(dim=0, return_counts=True)
    assert len(different) == 24, f"{B} examples have {len(different)} different permutations of 4 items, of 24."
    assert_even(counts, "f")
    assert_even(torch.bincount(hops * start + k - 1, minlength=n * hops), "start and k, taken together")
    assert_even(torch.bincount(hops * table[:, 0] + k - 1, minlength=n * hops), "f(0) and k, taken together")
    assert_even(torch.bincount(n * table[:, 0] + start, minlength=n * n), "f(0) and start, taken together")


@points(2)
@needs(test_public.test_names)
def test_generator(submission):
    """the constructor leaves torch's own generator as it was"""
    submission.HopModel(2, 8, seed=3)
    assert_generator_kept(submission)


@points(2)
@needs(test_public.test_one_hop, test_public.test_names)
def test_seeds(submission):
    """the same seed gives the same, another seed another"""
    table, start, k, _ = fresh(6)

    def trained(seed):
        model = submission.HopModel(1, 8, seed=4)
        model.fit(steps=3, batch=4, seed=seed)
        return model(table, start, k)

    def batch(seed):
        return torch.cat([each.flatten() for each in submission.make_batch(9, items=6, hops=3, seed=seed)])

    def begun(seed):
        return submission.HopModel(2, 8, seed=seed)(table, start, k)

    for what, make in (
        ("a second batch", batch),
        ("logits of a second model", begun),
        ("logits after a second fit", trained),
    ):
        first, again, other = make(1), make(1), make(2)
        assert_equal(again, first, name=f"{what} with seed 1")
        assert not torch.equal(first, other), (
            f"Seeds 1 and 2 give the same: {what} with seed 2 is as the first with seed 1."
        )


@points(4)
def test_shapes(submission):
    """one budget, and the width a multiple of the heads"""
    for budget, depths, heads in ((700_000, (8, 2), 12), (50_000, (1, 2, 3, 4, 6), 4), (1_000, (1, 3), 2)):
        expected = []
        for layers in depths:
            ideal = math.sqrt(budget / 12 / layers)
            widths = range(heads, 10 * heads + int(ideal), heads)
            expected.append((layers, min(widths, key=lambda width, ideal=ideal: abs(width - ideal))))
        found = [tuple(shape) for shape in submission.shapes(budget, depths, heads)]
        assert_equal(found, expected, name="shapes")
    assert_equal([tuple(shape) for shape in submission.shapes()], [(1, 64), (2, 44), (4, 32)], name="shapes()")


@points(2)
@needs(test_public.test_names)
def test_initialisation(submission):
    """the embeddings begin at N(0, 0.5²)"""
    model = submission.HopModel(1, 256, items=16, hops=16)
    for name in ("source", "target", "hop"):
        z = 2 * model.get_parameter(f"{name}.weight").detach()
        n = z.numel()  # 4096 numbers. The bounds are six standard errors.
        assert_close(z.std(), torch.tensor(1.0), rtol=0.0, atol=6 * (2 * n) ** -0.5, name=f"2 · deviation of {name}")
        assert_close(z.mean(), torch.tensor(0.0), rtol=0.0, atol=6 * n**-0.5, name=f"2 · mean of {name}")


def layer_norm(x, p, name):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"])


def linear(x, p, name):
    return torch.einsum("...i,oi->...o", x, p[f"{name}.weight"]) + p[f"{name}.bias"]


def right_logits(p, layers, heads, table, start, k):
    """The logits (B, n), example by example and head by head, from the parameters p."""
    rows = []
    for f, s, hops in zip(table.tolist(), start.tolist(), k.tolist(), strict=True):
        tokens = [p["source.weight"][i] + p["target.weight"][j] for i, j in enumerate(f)]
        x = torch.stack([*tokens, p["target.weight"][s] + p["hop.weight"][hops - 1]])  # (n + 1, D)
        for i in range(layers):
            h = layer_norm(x, p, f"blocks.{i}.norm1")
            q, key, v = (linear(h, p, f"blocks.{i}.attn.{name}_proj").chunk(heads, -1) for name in "qkv")
            seen = []
            for a, b, c in zip(q, key, v, strict=True):
                e = torch.exp(torch.einsum("td,sd->ts", a, b) / math.sqrt(a.shape[-1]))
                seen.append(torch.einsum("ts,sd->td", e / e.sum(-1, keepdim=True), c))
            x = x + linear(torch.cat(seen, -1), p, f"blocks.{i}.attn.out_proj")
            u = linear(layer_norm(x, p, f"blocks.{i}.norm2"), p, f"blocks.{i}.fc1")
            x = x + linear(u * 0.5 * (1 + torch.erf(u / math.sqrt(2))), p, f"blocks.{i}.fc2")
        rows.append(linear(layer_norm(x[-1], p, "norm"), p, "head"))
    return torch.stack(rows)


def built(submission, rng, layers, width, heads, items, hops):
    """The student's model with random parameters, float64, and these."""
    model = submission.HopModel(layers, width, heads=heads, items=items, hops=hops).double()
    p = {name: rng.randn(*tensor.shape) / tensor.shape[-1] ** 0.25 for name, tensor in model.state_dict().items()}
    model.load_state_dict(p)
    return model, p


@points(4)
@needs(test_public.test_names)
def test_read_out(submission, rng):
    """blocks that add 0: the query, the last norm, the head"""
    B, n, D, hops = 6, 5, 8, 4
    model, p = built(submission, rng, 2, D, 2, n, hops)
    # The norms keep their numbers: x should not pass through them.
    weights = [name for name in p if name.startswith("blocks") and ".norm" not in name]
    p |= {name: torch.zeros_like(p[name]) for name in weights}
    model.load_state_dict(p)
    table, start, k, _ = fresh(B, n, hops, seed=rng.seed)
    assert_close(model(table, start, k), right_logits(p, 2, 2, table, start, k), name="logits")


@points(8)
@needs(test_read_out)
def test_logits(submission, rng):
    """the whole model: 1, 2 and 3 layers, 1, 2 and 4 heads"""
    B = 4
    for layers, heads, n, hops in ((1, 1, 5, 3), (2, 4, 6, 2), (3, 2, 4, 5)):
        model, p = built(submission, rng, layers, 8, heads, n, hops)
        table, start, k, _ = fresh(B, n, hops, seed=rng.seed)
        assert_close(model(table, start, k), right_logits(p, layers, heads, table, start, k), name="logits")


@points(2)
@needs(test_read_out)
def test_gradients(submission, rng):
    """reach every parameter that is used"""
    B, n, hops = 12, 4, 2
    model, _ = built(submission, rng, 2, 8, 2, n, hops)
    table, start, k, answer = fresh(B, n, hops, seed=rng.seed)
    F.cross_entropy(model(table, start, k), answer).backward()
    for name, parameter in model.named_parameters():
        if name.endswith("k_proj.bias"):  # the same on all keys: no softmax notices
            continue
        assert parameter.grad is not None, f"No gradient reaches {name}."
        assert bool((parameter.grad != 0).any()), f"The gradient of {name} is zero."


@points(2)
@needs(test_logits, test_answers)
def test_fit(submission):
    """fresh batches, a loss for each; parameters; defaults"""
    # Steps so small that the model stays what it is, however it is trained: the losses differ by their batches alone.
    losses = submission.HopModel(1, 8, heads=2).fit(steps=6, batch=4, lr=1e-12)
    assert max(losses) - min(losses) > 1e-3, "Every step has the same loss: each should draw a batch of its own."
    model = submission.HopModel(1, 8, heads=2, items=3, hops=2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    losses = model.fit(steps=6, batch=4)
    assert_equal(len(losses), 6, name="number of losses")
    assert isinstance(losses[0], float), f"fit returns floats, and not a list of {type(losses[0]).__name__}."
    assert all(math.isfinite(loss) for loss in losses), f"Not all losses are finite: {list(losses)}."
    for name, tensor in model.state_dict().items():
        if name.endswith("k_proj.bias"):  # its gradient is rounding alone
            continue
        assert not torch.equal(before[name], tensor), f"{name} is the same after 6 steps as before."
    table, start, k, _ = fresh(6)
    plain, told = submission.HopModel(1, 8), submission.HopModel(1, 8, heads=4, items=8, hops=3, seed=0)
    assert_close(plain(table, start, k), told(table, start, k), name="logits with the defaults of HopModel")
    plain.fit(steps=3)
    told.fit(steps=3, batch=128, lr=2e-3, seed=0)
    assert_close(plain(table, start, k), told(table, start, k), name="logits after 3 steps with the defaults of fit")


def accuracies(model):
    """For 1, 2 and 3 hops the share of 1000 examples each that are right."""
    table, start, k, answer = fresh(3000)
    with torch.no_grad():
        right = model(table, start, k).argmax(-1) == answer
    return [right[k == hops].double().mean().item() for hops in (1, 2, 3)]


@points(10)
@needs(test_fit, test_seeds, test_initialisation, test_draws, test_gradients, test_shapes)
@seconds(180)
def test_one_wide_layer(submission):
    """(1, 64) follows one hop, and no more"""
    model = submission.HopModel(1, 64)
    model.fit()
    one, two, three = accuracies(model)
    assert one > 0.95, f"{100 * one:.1f} % are right with one hop; more than 95 % can be."
    assert max(two, three) < 0.6, (
        f"{100 * two:.1f} % are right with two hops, {100 * three:.1f} % with three; one layer should not get to 60 %."
    )


@points(10)
@needs(test_fit, test_seeds, test_initialisation, test_draws, test_gradients, test_shapes)
@seconds(180)
def test_two_layers(submission):
    """(2, 44) follows one, two and three"""
    model = submission.HopModel(2, 44)
    assert_equal(len(model.fit()), 800, name="number of losses")
    for hops, right in enumerate(accuracies(model), start=1):
        assert right > 0.95, f"{100 * right:.1f} % are right with {hops} hops; more than 95 % can be."
