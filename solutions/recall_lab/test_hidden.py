"""The task, the two mixers taken alone, the read-out, and then the contest on data of the judge's own.

The trainings draw nothing from `rng`: what they prove is the same with every seed.
"""

import test_public
import torch
import torch.nn.functional as F

from grader.testing import assert_close, assert_equal, assert_generator_kept, needs, points, seconds

SIZES = {"length": 7, "n_data": 3, "vocab": 5, "d_model": 6, "d_state": 4}


def fresh(B, spacing, seed, length=16, n_data=3, vocab=4):
    """tokens (B, length + n_data) and data (B, n_data), place by place."""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (B, n_data), generator=generator)
    tokens = torch.full((B, length + n_data), vocab)
    for row in range(B):
        places = range(n_data)
        if spacing == "random":
            places = sorted(torch.randperm(length, generator=generator)[:n_data].tolist())
        tokens[row, list(places)] = data[row]
    tokens[:, length:] = vocab + 1
    return tokens, data


def accuracy(model, spacing):
    """The share of the tokens that a model copies, of 1500 sequences that it has not seen."""
    tokens, data = fresh(1500, spacing, seed=123456)
    with torch.no_grad():
        return (model(tokens).argmax(-1) == data).double().mean().item()


@points(5)
@needs(test_public.test_fixed_places)
def test_random_places(submission, rng):
    """places drawn anew, the data in their order"""
    B, L, N, V = 600, 6, 2, 4
    tokens, data = submission.make_batch(B, length=L, n_data=N, vocab=V, seed=rng.seed % 1000)
    text, go = tokens[:, :L], tokens[:, L:]
    assert_equal(go, torch.full((B, N), V + 1), name="the go-tokens")
    is_data = text < V
    fewer = int((is_data.sum(1) < N).sum())
    assert not fewer, f"{fewer} of {B} sequences hold fewer than {N} data tokens: can a place be drawn twice?"
    assert_equal(is_data.sum(1), torch.full((B,), N), name="data tokens in each sequence")
    found = text[is_data].view(B, N)
    assert torch.equal(found, data) or not torch.equal(found.sort(-1).values, data.sort(-1).values), (
        "Each row of `data` holds the tokens of its sequence, and not in the order in which they stand there."
    )
    assert_equal(found, data, name="the data, in the order of the sequence")
    # a place holds data with probability 1/3: 200 of 600, give or take 5 standard deviations of 11.5
    held = is_data.sum(0)
    assert bool(((held > 142) & (held < 258)).all()), "Every place of the text should be as likely to hold data."
    # a choice of 2 places in 6 has probability 1/15: 40 of 600, give or take 6 standard deviations of 6.1
    choices, counts = is_data.unique(dim=0, return_counts=True)
    assert len(choices) == 15, f"{B} sequences have {len(choices)} different choices of {N} places in {L}, of 15."
    assert bool(((counts > 3) & (counts < 77)).all()), "Every choice of places should be as likely."
    counts = torch.bincount(data.flatten(), minlength=V)  # 300 each, standard deviation 15
    assert bool(((counts > 225) & (counts < 375)).all()), "Every data token should be as likely."
    alike = int((data[:, 0] == data[:, 1]).sum())  # a quarter, give or take 6 standard deviations of 10.6
    assert 86 < alike < 214, f"{alike} of {B} sequences hold the same data token twice; about 150 are right."


@points(4)
@needs(test_public.test_shape, test_random_places)
def test_seeds(submission):
    """the same seed gives the same, another seed another"""
    for make in (
        lambda seed: submission.make_batch(8, length=9, n_data=3, vocab=6, seed=seed)[0],
        lambda seed: submission.CopyModel("lti", **SIZES, seed=seed)(fresh(4, "random", 0, 7, 3, 5)[0]),
        lambda seed: submission.CopyModel("selective", **SIZES, seed=seed)(fresh(4, "random", 0, 7, 3, 5)[0]),
    ):
        with torch.no_grad():
            once, again, other = make(5), make(5), make(6)
        assert_equal(again, once, name="what the same seed gives again")
        assert not torch.equal(other, once), "Another seed gives the same numbers: `seed` is not used."


@points(4)
@needs(test_public.test_shape)
def test_generator(submission):
    """the constructor leaves torch's own generator as it was"""
    for mixer in ("lti", "selective"):
        submission.CopyModel(mixer, **SIZES, seed=3)
        assert_generator_kept(submission)


@points(4)
@needs(test_public.test_shape)
def test_read_out(submission, rng):
    """logits are head(norm(x + mix(x))) at the go-tokens"""
    B, L, N = 4, SIZES["length"], SIZES["n_data"]
    close = {"rtol": 1e-4, "atol": 1e-4}  # float32 sums of a few terms of size 1
    for mixer in ("lti", "selective"):
        model = submission.CopyModel(mixer, **SIZES)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * rng.randn(*parameter.shape, dtype=torch.float32))
            tokens, _ = fresh(B, "random", rng.seed % 1000, L, N, SIZES["vocab"])
            state = model.state_dict()
            for name, rows in (("embed", SIZES["vocab"] + 2), ("head", SIZES["vocab"])):
                shape = state[f"{name}.weight"].shape
                assert_equal(shape, (rows, SIZES["d_model"]), name=f"shape of {name}.weight")
            x = F.embedding(tokens, state["embed.weight"])
            x, mixed, logits = x.double(), model.mix(x).double(), model(tokens).double()
            eps = model.norm.eps or torch.finfo(torch.float32).eps
            read = normal(x + mixed, state, eps)
            # What the mixer does is the student's own, so no known mistake has their numbers: slips are told here.
            slips = {
                "x is not added to mix(x)": normal(mixed, state, eps)[:, L:],
                "mix(x) is not added to x": normal(x, state, eps)[:, L:],
                "the norm is left out": (x + mixed)[:, L:],
                "the norm is taken of mix(x), and then x is added": (x + normal(mixed, state, eps))[:, L:],
                "the first places of a sequence are read instead of the last": read[:, :N],
                "each go-token is read one place too early": read[:, L - 1 : -1],
            }
            told = [slip for slip, rows in slips.items() if near(logits, logits_of(rows, state), close)]
            right = logits_of(read[:, L:], state)
            what = f"The logits of the {mixer} model are those that come out if {', or if '.join(told)}."
            assert not told or near(logits, right, close), what
            assert_close(logits, right, **close, name=f"logits, {mixer}")


def near(x, y, bounds):
    """Whether two results are equal up to rounding."""
    return x.shape == y.shape and torch.allclose(x, y, **bounds)


def normal(x, state, eps):
    """RMSNorm in float64."""
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * state["norm.weight"].double()


def logits_of(x, state):
    """The head in float64."""
    return x @ state["head.weight"].double().T + state["head.bias"].double()


def random_mixer(submission, kind, rng):
    """A model whose mixer has no zeros left in its parameters, and two inputs for it, (B, T, d_model)."""
    model = submission.CopyModel(kind, **SIZES)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * rng.randn(*parameter.shape, dtype=torch.float32))
    B, T, D = 2, SIZES["length"] + SIZES["n_data"], SIZES["d_model"]
    return model, rng.randn(B, T, D, dtype=torch.float32), rng.randn(B, T, D, dtype=torch.float32)


# What the mixer does is the student's own, so no known mistake has their numbers: slips are told by what mix gives.
# float32 sums of about 10 terms of size 1; an FFT spreads rounding over all places
CLOSE = {"rtol": 1e-4, "atol": 1e-4}
RESHAPED = (
    "Tokens and channels are mixed up: between (B, T, d_model) and (B, d_model, T) the numbers of mix(x) stay in their "
    "order, as reshape and view leave them. What exchanges two axes?"
)


def reshaped(mix):
    """What mix is without its slip if axes are reshaped that should be exchanged: before it, behind it, or both."""

    def before(x):
        return x.mT.reshape(x.shape)

    def behind(y):
        return y.reshape(y.mT.shape).mT

    return (lambda x: mix(before(x))), (lambda x: behind(mix(x))), (lambda x: behind(mix(before(x))))


def reach(mix, x, y):
    """How many places ahead a result sees, if the last token is another one."""
    changed = torch.cat([x[:, :-1], y[:, -1:]], dim=1)
    moved = ~torch.isclose(mix(changed), mix(x), **CLOSE).all(-1).all(0)
    return x.shape[1] - 1 - int(moved.int().argmax()) if moved[:-1].any() else 0


def check_causal(mix, x, y, question):
    """The past of the result does not change with the future of the input."""
    ahead = reach(mix, x, y)
    assert not ahead or all(reach(each, x, y) for each in reshaped(mix)), RESHAPED
    assert not ahead, f"At place t mix(x) depends on the tokens up to t + {ahead}, and not only on 0 to t. {question}"
    for t in range(1, x.shape[1]):
        changed = torch.cat([x[:, :t], y[:, t:]], dim=1)
        assert_close(mix(changed)[:, :t], mix(x)[:, :t], **CLOSE, name="what mix(x) says of the past")


@points(4)
@needs(test_public.test_shape)
def test_lti_is_lti(submission, rng):
    """mix is linear, causal, shifts with x; by channel"""
    model, x, y = random_mixer(submission, "lti", rng)
    mix = model.mix
    of_none, of_both = mix(torch.zeros_like(x)), mix(x + y)
    biased = near(of_both, mix(x) + mix(y) - of_none, CLOSE) and not near(of_both, mix(x) + mix(y), CLOSE)
    assert not biased, "mix of zeros is not 0, and added to all that mix gives: a linear mixer has no bias."
    assert_close(of_both, mix(x) + mix(y), **CLOSE, name="mix(x + y)")
    assert_close(mix(-3 * x), -3 * mix(x), **CLOSE, name="mix(-3 x)")
    one = (torch.arange(SIZES["d_model"]) == 2).float()
    later = F.pad(x[:, :-1], (0, 0, 1, 0))

    def by_channel(mix):
        return near(mix(one * x), one * mix(x), CLOSE)

    def shifts(mix):
        return near(mix(later)[:, 1:], mix(x)[:, :-1], CLOSE)

    told = not by_channel(mix) and any(by_channel(each) and shifts(each) for each in reshaped(mix))
    assert not told, RESHAPED
    assert_close(mix(one * x), one * mix(x), **CLOSE, name="mix of x, of which one channel alone is not 0")
    check_causal(mix, x, y, "Does the end of a sequence come round to its beginning?")
    assert shifts(mix), (
        "mix is linear, and of x one token later it does not give the same one token later: its weights depend on "
        "where in the sequence both tokens stand. On what alone do those of a convolution depend?"
    )
    assert bool((mix(x)[:, -1] - mix(F.pad(x[:, 1:], (0, 0, 1, 0)))[:, -1]).abs().max() > 1e-4), (
        "The last result does not depend on the first token: the kernel should be as long as the sequence."
    )
    alike = mix(x[..., :1].expand(x.shape))
    assert not near(alike, alike[..., :1].expand(alike.shape), CLOSE), (
        "Channels with equal inputs have equal results: all of them share one kernel. How many numbers does K have?"
    )


@points(4)
@needs(test_public.test_shape)
def test_selective_is_not(submission, rng):
    """mix is causal and not linear"""
    model, x, y = random_mixer(submission, "selective", rng)
    check_causal(model.mix, x, y, "Which results of the padded convolution belong to the places 0 to T - 1?")
    mixed = model.mix(x) + model.mix(y) - model.mix(x + y)
    assert mixed.abs().max() > 1e-2, "mix(x + y) is mix(x) + mix(y): nothing in this mixer depends on the token."

    def last(*changed):
        return model.mix(torch.stack([3 * (y if t in changed else x)[:, t] for t in range(x.shape[1])], dim=1))[:, -1]

    # Token 0 is 9 before the end, and token 5 is 4: no convolution over 4 tokens sees two of these at once.
    together = last(0, 5) - last(0) - last(5) + last()
    assert together.abs().max() > 1e-5, (
        "What the last place keeps of token 0 is the same whatever token 5 is: delta, B and C do not depend on tokens."
    )


def skips(model):
    """The parameters of a new model that can be D: d_model ones. A list of names and tensors."""
    ones = [(name, p) for name, p in model.named_parameters() if not name.startswith(("norm.", "embed.", "head."))]
    return [(name, p) for name, p in ones if p.numel() == model.norm.weight.numel() and bool((p == 1).all())]


@points(3)
@needs(test_selective_is_not)
def test_skip(submission, rng):
    """the skip D begins at 1, and takes silu of a convolution over 4 tokens"""
    B, T, D = 40, 10, 6
    model = submission.CopyModel("selective", length=7, n_data=3, d_model=D, d_state=2)
    found = skips(model)
    assert found, (
        f"A new selective model with d_model = {D} has no parameter of {D} ones beside norm.weight: what are the "
        "numbers of the skip D, and are they learned?"
    )
    x, y = (8 * rng.randn(B, T, D, dtype=torch.float32) for _ in range(2))

    def skipped(x):
        before = model.mix(x)
        for _, skip in found:
            skip.add_(1)
        after = model.mix(x)
        for _, skip in found:
            skip.sub_(1)
        return after - before

    with torch.no_grad():
        u = skipped(x)
        assert u.abs().max() > 1e-3, "mix(x) is the same whatever the skip D is: where is D used?"
        least = u.min().item()
        assert -0.3 < least < -0.25, (
            f"What the skip takes of large inputs falls to {least:.2f}; silu falls to -0.28. What follows the short "
            "convolution?"
        )
        other = (torch.arange(D) == 2).float()
        moved = (skipped(torch.where(other > 0, y, x)) - u).abs().amax((0, 1)) > 1e-3
        assert bool((moved == (other > 0)).all()), (
            "What the skip takes of a channel depends on other channels: is the short convolution depthwise?"
        )
        first = torch.cat([y[:, :1], x[:, 1:]], dim=1)
        reach = int(((skipped(first) - u).abs().amax((0, 2)) > 1e-3).nonzero().max()) + 1
        assert reach == 4, f"What the skip takes of a token depends on {reach} tokens, itself included, and not on 4."


@points(4)
@needs(test_selective_is_not)
def test_steps_begin_small(submission, rng):
    """a new selective model forgets slowly"""
    L, N, D = 13, 3, 16
    model = submission.CopyModel("selective", length=L, n_data=N, d_model=D, d_state=1)
    same = 0.5 * rng.randn(D, dtype=torch.float32).expand(1, L + N, D)
    other = torch.cat([100 * rng.randn(1, 1, D, dtype=torch.float32), same[:, 1:]], dim=1)
    with torch.no_grad():
        left = (model.mix(other) - model.mix(same))[0, 4:].abs()  # from place 4 on only the state knows token 0
    # A begins at -1: 11 steps of 0.1 leave exp(-1.1) = 0.33, and 11 of 0.001 leave 0.99
    kept = left[-1] / left[0]
    least, middle = kept.quantile(0.25), kept.median()
    assert least > 0.1, (
        f"After 11 tokens {least:.4f} of a state or less is left in one of four channels: softplus(delta) should begin "
        "at 0.1 or less."
    )
    assert middle < 1.01, f"After 11 tokens a state is {middle:.2f} times as large, and should be smaller: what is A?"
    assert middle < 0.995, (
        f"After 11 tokens {middle:.4f} of a state is left: it should decay, with A = -1 and a softplus(delta) that "
        "begins at 0.001 or more."
    )

    times = times_as_fast(two_states(submission), rng)
    middle = times.median() if len(times) > 20 else 2.0
    assert abs(middle - 2) < 0.3, (
        f"Of two states one decays {middle:.2f} times as fast as the other in a new model. A begins at -1 and -2: at "
        "what does A_log begin?"
    )


def two_states(submission):
    """A new selective model in which each channel has two states."""
    return submission.CopyModel("selective", length=152, n_data=3, d_model=32, d_state=2)


def times_as_fast(model, rng):
    """By how much one of two states decays faster than the other, for each channel that lets it be seen.

    A first token is changed, and what that changes is read six times, 30 tokens apart, with steps of 0.001 to 0.1.
    """
    B, T, D = 8, 155, 32
    same = 0.5 * rng.randn(B, 1, D, dtype=torch.float32).expand(B, T, D)
    other = torch.cat([100 * rng.randn(B, 1, D, dtype=torch.float32), same[:, 1:]], dim=1)
    with torch.no_grad():
        left = (model.mix(other) - model.mix(same))[:, 4::30].double()
    return ratios(left.mT.reshape(B * D, 6))


def ratios(left):
    """By how much one of two states decays faster than the other. left: (rows, 6), equidistant values of their sum.

    What two states leave obeys x_{j+2} = p x_{j+1} - q x_j, where p is the sum and q the product of the shares of each
    that are left a step later. Rows that two states do not leave are left out; 1 where one state alone does.
    """
    left = left / left.abs().amax(-1, keepdim=True)
    x, y, z = left[:, :-2], left[:, 1:-1], left[:, 2:]
    xx, xy, yy, xz, yz = ((a * b).sum(-1) for a, b in ((x, x), (x, y), (y, y), (x, z), (y, z)))
    p, q = (xx * yz - xy * xz) / (xx * yy - xy * xy), (xy * yz - yy * xz) / (xx * yy - xy * xy)
    root = (p * p - 4 * q).sqrt()  # NaN, for which no comparison holds, where no two states leave this
    slow, fast = (p + root) / 2, (p - root) / 2
    of_fast = (left[:, 1] - slow * left[:, 0]) / (fast - slow)
    of_slow = left[:, 0] - of_fast
    found = (slow < 0.98) & (slow - fast > 0.05) & (fast > 0.02)
    found &= (of_fast.abs() > 0.05) & (of_slow.abs() > 0.05)
    found &= (z - p[:, None] * y + q[:, None] * x).abs().amax(-1) < 1e-3
    step = left[:, 1] / left[:, 0]
    alike = (step > 0.05) & (step < 0.8) & ((z * x - y * y).abs().amax(-1) < 1e-4 * (y * y).amax(-1))
    return torch.cat([(fast.log() / slow.log())[found], torch.ones(int(alike.sum()), dtype=left.dtype)])


@points(4)
@needs(test_read_out, test_lti_is_lti)
def test_fit(submission):
    """fresh batches by seed, a loss for each; learns; defaults"""

    def small():
        return submission.CopyModel("lti", length=6, n_data=2, vocab=4, d_model=16)

    # Steps so small that the model stays what it is: the losses differ by their batches alone.
    once, again, other = (small().fit(steps=5, batch=8, lr=1e-9, seed=seed) for seed in (3, 3, 4))
    assert_equal(len(once), 5, name="number of losses")
    assert isinstance(once[0], float), f"fit returns floats, and not a list of {type(once[0]).__name__}."
    # float32; a sum over a batch may run in another order
    assert_close(again, once, rtol=1e-4, name="the losses with the same seed again")
    assert max(once) - min(once) > 1e-3, "Every step has the same loss: each should draw a batch of its own."
    assert max(abs(a - b) for a, b in zip(once, other, strict=True)) > 1e-3, (
        "Another seed gives the same losses: `seed` is not used."
    )
    fixed = small().fit(steps=5, batch=8, lr=1e-9, seed=3, spacing="fixed")
    assert max(abs(a - b) for a, b in zip(once, fixed, strict=True)) > 1e-6, (
        "With fixed places the losses are those of random places: `spacing` is not used."
    )
    model = small()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    losses = model.fit(steps=150, batch=32, spacing="fixed")
    assert any(not torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()), (
        "No parameter has changed after 150 steps."
    )
    first, last = sum(losses[:5]) / 5, sum(losses[-5:]) / 5
    assert last < first / 2, f"The loss went from {first:.2f} to {last:.2f} in 150 steps; it should be halved."
    tokens, _ = fresh(4, "random", 0)
    sizes = {"length": 16, "n_data": 3, "vocab": 4, "d_model": 32, "d_state": 8}
    for mixer in ("lti", "selective"):
        plain, told = submission.CopyModel(mixer), submission.CopyModel(mixer, **sizes, seed=0)
        assert_close(plain(tokens), told(tokens), name=f"logits with the defaults of CopyModel, {mixer}")
    plain.fit(steps=2)
    told.fit(steps=2, batch=64, lr=1e-2, seed=0, spacing="random")
    assert_close(plain(tokens), told(tokens), name="logits after 2 steps with the defaults of fit")


@points(2)
@needs(test_fit, test_steps_begin_small)
def test_learned(submission, rng):
    """the kernel, A and D are learned"""
    x = rng.randn(1, SIZES["length"] + SIZES["n_data"], SIZES["d_model"], dtype=torch.float32)
    model = submission.CopyModel("lti", **SIZES)
    before = model.mix(x).detach()
    model.fit(steps=6, batch=4, lr=0.1)
    assert not near(model.mix(x), before, CLOSE), "mix of the lti model is after fit what it was: is K a parameter?"
    model = two_states(submission)
    before = [(name, skip.detach().clone()) for name, skip in skips(model)]
    model.fit(steps=6, batch=4, lr=0.1)
    after = dict(model.named_parameters())
    assert not before or any(not torch.equal(after[name], skip) for name, skip in before), (
        "The skip D is after fit what it was: does it get a gradient?"
    )
    times = times_as_fast(model, rng)
    kept = len(times) > 20 and ((times - 2).abs() < 0.01).double().mean() > 0.5
    assert not kept, "Of two states one decays twice as fast as the other, also after fit: is A_log a parameter?"


@points(3)
@needs(test_fit, test_seeds)
@seconds(60)
def test_control(submission):
    """the convolution does learn fixed places"""
    model = submission.CopyModel("lti")
    assert_equal(len(model.fit(spacing="fixed")), 400, name="number of losses")
    right = accuracy(model, "fixed")
    assert right > 0.95, f"{100 * right:.1f} % of the tokens are right; more than 95 % should be."


@points(3)
@needs(test_control)
@seconds(60)
def test_lti_fails(submission):
    """and it cannot learn random ones"""
    model = submission.CopyModel("lti")
    model.fit()
    right = accuracy(model, "random")
    assert right > 0.45, f"{100 * right:.1f} % of the tokens are right; a convolution reaches about 60 %."
    assert right < 0.72, (
        f"{100 * right:.1f} % of the tokens are right, more than a convolution and a linear read-out can reach."
    )


@points(6)
@needs(test_fit, test_seeds, test_selective_is_not)
@seconds(120)
def test_selective_succeeds(submission):
    """the selective layer learns them, with two seeds"""
    for seed in (0, 1):
        model = submission.CopyModel("selective", seed=seed)
        model.fit(seed=seed)
        right = accuracy(model, "random")
        assert right > 0.8, f"{100 * right:.1f} % of the tokens are right with seed {seed}; more than 80 % should be."
