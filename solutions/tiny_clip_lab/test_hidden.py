"""Pictures pixel by pixel, batches by counting, and then two trainings, measured on pictures of the judge's own.

The trainings draw nothing from `rng`: what they prove is the same with every seed.
"""

import math

import torch

from grader.testing import assert_close, assert_equal, assert_generator_kept, needs, points, seconds

COLOURS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)]
HELD_OUT = [0, 9, 14, 15, 18, 40, 46, 47, 55, 60, 62, 63]
SHOWN = [c for c in range(64) if c not in HELD_OUT]
CAPTIONS = torch.tensor([[c // 16, 4 + c // 4 % 4, 8 + c % 4] for c in range(64)])


def covered(shape, row, column):
    """Whether a shape covers a pixel of its 8 x 8 quarter, said in another way than by a drawing."""
    inside = 1 <= row <= 6 and 1 <= column <= 6
    return (
        inside,
        inside and (row in (1, 6) or column in (1, 6)),
        row in (3, 4) or column in (3, 4),
        row in (2, 3, 6, 7),
    )[shape]


def clean(combination):
    """The picture (3, 16, 16) without noise, pixel by pixel."""
    image = torch.zeros(3, 16, 16)
    colour, shape, place = combination // 16, combination // 4 % 4, combination % 4
    for row in range(8):
        for column in range(8):
            if covered(shape, row, column):
                image[:, row + 8 * (place >= 2), column + 8 * (place % 2)] = torch.tensor(COLOURS[colour]).float()
    return image


def fresh(combinations, seed):
    """Pictures (B, 3, 16, 16) with the judge's own noise."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.stack([clean(c) for c in combinations])
    return pictures + 0.3 * torch.randn(pictures.shape, generator=generator)


def alike(found, other):
    """Whether these are tensors of one shape and dtype; what is no tensor is like nothing."""
    both = torch.is_tensor(found) and torch.is_tensor(other)
    return both and (found.dtype, found.shape) == (other.dtype, other.shape)


def same(found, other):
    """Whether these are tensors of the same numbers."""
    return alike(found, other) and torch.equal(found, other)


def steady(once, again):
    """Whether these are the same up to rounding; of what cannot be compared, another line will say so."""
    return not alike(once, again) or torch.allclose(once, again, rtol=1e-4, atol=1e-5, equal_nan=True)


@points(6)
@needs("test_picture")
def test_pictures(submission, rng):
    """all 64: shape, colour and place, and N(0, 0.3²) on all"""
    combinations = rng.randperm(64)
    pictures = torch.stack([clean(c) for c in combinations.tolist()])
    images = submission.render(combinations, seed=rng.seed % 1000)
    noise = images - pictures
    assert not noise.any() or (images < 0).any(), "No pixel is below 0, and on black half of the noise should be."
    for c, rest in zip(combinations.tolist(), noise, strict=True):
        z = rest.abs().mean().item()
        assert z < 0.3, f"Combination {c}: {z:.2f} is the mean distance to the picture without noise; 0.24 is expected."
    n = noise.numel()  # 49152 numbers. The bounds are six standard errors.
    z = noise.double() / 0.3
    one, zero = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    assert_close(z.std(), one, rtol=0.0, atol=6 * (2 * n) ** -0.5, name="standard deviation of the noise / 0.3")
    assert_close(z.mean(), zero, rtol=0.0, atol=6 * n**-0.5, name="mean of the noise / 0.3")
    inside = (z.abs() < 1).double().mean()
    # Noise that pictures or channels have in common does not average out over them.
    for axis, of in ((0, "pictures"), (1, "channels")):
        mean = z.mean(axis) * z.shape[axis] ** 0.5
        bound = 6 * (2 * mean.numel()) ** -0.5
        assert_close(mean.std(), one, rtol=0.0, atol=bound, name=f"deviation of the mean over {of}, scaled")
    assert_close(inside, 0.6827 * one, rtol=0.0, atol=6 * (0.6827 * 0.3173 / n) ** 0.5, name="share within one")


@points(8)
def test_batches(submission, rng):
    """all different, none held out, every other one at times"""
    size, times = 20, 60
    seen = torch.zeros(64, dtype=torch.int64)
    for seed in range(times):
        batch = submission.sample_batch(size, rng.seed % 1000 + seed)
        assert_equal(batch.shape, (size,), name="shape of a batch")
        values = batch.tolist()
        assert len(set(values)) == size, f"A batch of {size} holds {len(set(values))} different combinations."
        held = sorted(set(values) & set(HELD_OUT))
        assert not held, f"Combination {held[0]} is held out, and the batch has it."
        seen += torch.bincount(batch, minlength=64)
    # Each of the 52 is in a batch with chance 20/52: 23 of 60 times, with a deviation of 3.8.
    rare = [c for c in SHOWN if not 0 < seen[c] < 47]
    assert not rare, f"Combination {rare[0]} is in {int(seen[rare[0]])} of {times} batches; about 23 are right."
    whole = submission.sample_batch(52, rng.seed % 1000)
    assert_equal(whole.sort().values, torch.tensor(SHOWN), name="a batch of 52, sorted")
    assert whole.tolist() != SHOWN, "A batch of 52 is in ascending order; the order should be drawn."


@points(2)
@needs("test_shapes")
def test_generator(submission):
    """the constructor leaves torch's own generator as it was"""
    submission.TinyCLIP(seed=3)
    assert_generator_kept(submission)


@points(2)
@needs("test_batches", "test_picture", "test_shapes")
def test_seeds(submission):
    """the same seed gives the same, another seed another"""
    combinations = torch.tensor([5, 21, 33, 50])
    images, words = fresh(combinations.tolist(), 0), torch.tensor([[0, 5, 9], [1, 5, 9], [2, 4, 9], [3, 4, 10]])

    def trained(seed):
        model = submission.TinyCLIP()
        model.fit(steps=2, batch=6, seed=seed)
        return model.encode_image(images)

    makers = {
        "What sample_batch returns": lambda seed: submission.sample_batch(9, seed),
        "What render returns": lambda seed: submission.render(combinations, seed),
        "What encode_image of a new model returns": lambda seed: submission.TinyCLIP(seed).encode_image(images),
        "What encode_text of a new model returns": lambda seed: submission.TinyCLIP(seed).encode_text(words),
        "What a model has learned in fit": trained,
    }
    for what, make in makers.items():
        first, again, other = make(1), make(1), make(2)
        if not same(again, first):
            torch.manual_seed(1)
            once = make(1)
            torch.manual_seed(1)
            its_own = same(make(1), once)
            assert not its_own, f"{what} depends on the state of torch's own random generator, not on the seed alone."
        assert_equal(again, first, name="the same seed, again")
        assert not torch.equal(first, other), f"{what} is the same with seeds 1 and 2."


@points(4)
@needs("test_shapes")
def test_encoders(submission):
    """each picture on its own; all three words count"""
    model = submission.TinyCLIP(seed=3)
    images = fresh([3, 30, 57], 1)
    together = model.encode_image(images)
    drawn = "gives the same {} other embeddings in each call: something in it is drawn anew, as by a dropout."
    assert steady(together, model.encode_image(images)), "encode_image " + drawn.format("pictures")
    for row in range(3):
        alone = model.encode_image(images[row : row + 1])[0]
        assert_close(together[row], alone, rtol=1e-4, atol=1e-5, name=f"embedding of picture {row}")
    words = torch.tensor([[1, 5, 9], [2, 5, 9], [1, 6, 9], [1, 5, 10]])
    texts = model.encode_text(words)
    assert steady(texts, model.encode_text(words)), "encode_text " + drawn.format("captions")
    assert_close(model.encode_text(words[:1])[0], texts[0], rtol=1e-4, atol=1e-5, name="embedding of caption 0")
    for row, word in ((1, "colour"), (2, "shape"), (3, "place")):
        moved = (texts[row] - texts[0]).abs().max().item()
        assert moved > 1e-5, f"Two captions that differ in the {word} have the same embedding."


@points(4)
@needs("test_shapes")
def test_retrieve(submission):
    """of all 64 captions the one of the largest cosine"""
    assert_equal(submission.captions(torch.arange(64)), CAPTIONS, name="captions")
    images = fresh(list(range(0, 64, 3)), 2)
    held, shown = torch.tensor(HELD_OUT), torch.tensor(SHOWN)
    for seed in (7, 9, 5):
        model = submission.TinyCLIP(seed=seed)
        with torch.no_grad():
            u, v = model.encode_image(images), model.encode_text(CAPTIONS)
        cosines = torch.einsum("be,ce->bc", u / u.norm(dim=-1, keepdim=True), v / v.norm(dim=-1, keepdim=True))
        found, right = submission.retrieve(model, images), cosines.argmax(-1)
        # The encoders are the student's own, so no known mistake has their numbers: slips are told here.
        slips = {
            "products are compared, in which a long vector wins": (u @ v.T).argmax(-1),
            "distances are compared, in which lengths count": torch.cdist(u, v).argmin(-1),
            "each caption looks for its picture": cosines.argmax(0),
            "the captions that were held out are compared alone": held[cosines[:, held].argmax(-1)],
            "the captions that were shown are compared alone": shown[cosines[:, shown].argmax(-1)],
        }
        told = [slip for slip, other in slips.items() if same(found, other)]
        assert not told or same(found, right), f"What retrieve returns is what comes out if {', or if '.join(told)}."
        assert_equal(found, right)


@points(4)
@needs("test_batches", "test_shapes")
def test_fit(submission):
    """fresh batches, a loss for each; parameters; defaults"""
    # Cosines lie between -1 and 1. Unless all are nearly right or wrong, as no untrained model's are, the losses of
    # 16 pairs are within these bounds, ln 16 and 10 being usual.
    first = {"clip": (0.1, 30.0), "siglip": (2.0, 30.0)}
    for loss, (low, high) in first.items():
        # Steps so small that the model stays what it is: the losses differ by their batches alone.
        losses = submission.TinyCLIP().fit(loss, steps=4, batch=6, lr=1e-9)
        assert max(losses) - min(losses) > 1e-3, f"{loss}: each step has the same loss, and should draw its own batch."
        model = submission.TinyCLIP()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        losses = model.fit(loss, steps=2, batch=16)
        assert_equal(len(losses), 2, name=f"number of losses, {loss}")
        assert isinstance(losses[0], float), f"fit returns floats, and not a list of {type(losses[0]).__name__}."
        assert low < losses[0] < high, f"{loss} begins at {losses[0]:.2f}, and not between {low:g} and {high:g}."
        changed = [name for name, tensor in model.state_dict().items() if not torch.equal(before[name], tensor)]
        assert changed, f"{loss}: no parameter has changed after 2 steps."
        own = {"clip": ["log_scale"], "siglip": ["log_t", "bias"]}[loss]
        for name in own:
            assert name in changed, f"{loss}: {name} is a parameter of this loss, and has not changed."
    # Of one pair there is nothing to learn: such small steps leave the model as it is, weight decay or not.
    alone = submission.TinyCLIP().fit("clip", steps=2, batch=1, lr=1e-9)[0]
    assert abs(alone) < 1e-3, f"clip: of one pair clip_loss is 0, and with batch=1 your fit begins at {alone:.2f}."
    # What is learned of a word has to reach the captions with this word that were held out.
    model = submission.TinyCLIP()
    before = directions(model, CAPTIONS)
    model.fit("clip", steps=4, batch=52, lr=0.01)
    moved = (directions(model, CAPTIONS) - before).abs().amax(-1)
    shown, held_out = moved[SHOWN].min(), moved[HELD_OUT].max()
    apart = shown > 1e-4 and held_out < 0.01 * shown  # rounding alone is below 1e-6
    assert not apart, (
        "Training moved the embeddings of all captions that were shown, and of none that was held out, though all of"
        " their words were shown: has each caption a vector of its own?"
    )
    images = fresh([3, 30, 57], 1)
    plain, told = submission.TinyCLIP(), submission.TinyCLIP(seed=0)
    assert_close(plain.encode_image(images), told.encode_image(images), name="embeddings with TinyCLIP's default")
    plain.fit(steps=2)
    told.fit("clip", steps=2, batch=48, lr=2e-3, seed=0)
    learned, expected = plain.encode_image(images), told.encode_image(images)
    assert_close(learned, expected, rtol=1e-4, atol=1e-5, name="embeddings after 2 steps with the defaults of fit")


def directions(model, words):
    """What encode_text makes of captions, (B, 32), brought to length 1."""
    v = model.encode_text(words).detach()
    return v / v.norm(dim=-1, keepdim=True)


def found(submission, model, combinations):
    """The share of 10 fresh pictures of each combination whose caption is found."""
    many = combinations * 10
    right = submission.retrieve(model, fresh(many, 123456)) == torch.tensor(many)
    return right.double().mean().item()


@points(16)
@needs("test_fit", "test_seeds", "test_pictures", "test_encoders", "test_retrieve", "test_captions")
@seconds(180)
def test_clip(submission):
    """finds captions that it was shown, and others"""
    model = submission.TinyCLIP()
    losses = model.fit()
    assert_equal(len(losses), 300, name="number of losses")
    assert math.isfinite(losses[-1]), f"The loss ends at {losses[-1]}."
    shown, held_out = found(submission, model, SHOWN), found(submission, model, HELD_OUT)
    assert shown >= 0.9, f"Of the combinations that were shown it finds {100 * shown:.1f} %; 90 % and more can be."
    assert held_out >= 0.6, f"Of those held out it finds {100 * held_out:.1f} %; 60 % and more can be."


@points(8)
@needs("test_clip")
@seconds(180)
def test_siglip(submission):
    """so does a model that was trained with siglip_loss"""
    model = submission.TinyCLIP()
    model.fit("siglip")
    shown = found(submission, model, SHOWN)
    assert shown >= 0.8, f"Of the combinations that were shown it finds {100 * shown:.1f} %; 80 % and more can be."
