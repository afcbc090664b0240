"""Pictures pixel by pixel, batches by counting, and then two trainings, measured on pictures of the judge's own.

The trainings draw nothing from `rng`: what they prove is the same with every seed.
"""

import math

import test_public
import torch
from torch import nn

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


@points(4)
@needs(test_public.test_picture)
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


@points(6)
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
@needs(test_public.test_shapes)
def test_generator(submission):
    """the constructor leaves torch's own generator as it was"""
    submission.TinyCLIP(seed=3)
    assert_generator_kept(submission)


@points(2)
@needs(test_batches, test_public.test_picture, test_public.test_shapes)
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
@needs(test_public.test_shapes)
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


def class_tokens(images, state):
    """The class tokens (B, 48) after the last norm of a ViT of 2 blocks and 4 heads, float64, by torch's own layers."""
    patches = nn.functional.conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=4)
    x = torch.cat([state["cls_token"].expand(len(images), 1, 48), patches.flatten(2).mT], dim=1) + state["pos_embed"]
    theirs = {"norm1": "norm1", "norm2": "norm2", "attn.proj": "self_attn.out_proj"}
    theirs |= {"mlp.fc1": "linear1", "mlp.fc2": "linear2"}
    for block in ("blocks.0", "blocks.1"):
        layer = nn.TransformerEncoderLayer(
            48, 4, 192, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True, dtype=torch.float64
        )
        own = {}
        for kind in ("weight", "bias"):
            own |= {f"{there}.{kind}": state[f"{block}.{here}.{kind}"] for here, there in theirs.items()}
            own[f"self_attn.in_proj_{kind}"] = state[f"{block}.attn.qkv.{kind}"]
        x = torch.func.functional_call(layer, own, x)
    return nn.functional.layer_norm(x[:, 0], (48,), state["norm.weight"], state["norm.bias"], eps=1e-6)


def vit_shapes():
    """The parameters of the stub's ViT, but for its head, and their shapes."""
    linear = {"attn.qkv": (144, 48), "attn.proj": (48, 48), "mlp.fc1": (192, 48), "mlp.fc2": (48, 192)}
    shapes = {"cls_token": (1, 1, 48), "pos_embed": (1, 17, 48), "norm.weight": (48,), "norm.bias": (48,)}
    shapes |= {"patch_embed.proj.weight": (48, 3, 4, 4), "patch_embed.proj.bias": (48,)}
    for block in ("blocks.0", "blocks.1"):
        for name, (rows, columns) in linear.items():
            shapes |= {f"{block}.{name}.weight": (rows, columns), f"{block}.{name}.bias": (rows,)}
        for name in ("norm1", "norm2"):
            shapes |= {f"{block}.{name}.weight": (48,), f"{block}.{name}.bias": (48,)}
    return shapes


@points(4)
@needs(test_encoders)
def test_vit(submission):
    """your ViT with the numbers of the stub, and of it the class token"""
    model = submission.TinyCLIP(seed=3)
    state = model.state_dict()
    prefix = next((name.removesuffix("cls_token") for name in state if name.endswith("cls_token")), None)
    assert prefix is not None, "None of the model's parameters is called cls_token, as that of your ViT is."
    own = {name.removeprefix(prefix): value.double() for name, value in state.items() if name.startswith(prefix)}
    blocks = {name.split(".")[1] for name in own if name.startswith("blocks.")}
    assert len(blocks) == 2, f"Your ViT has {len(blocks)} blocks, and depth is 2."
    for name, shape in vit_shapes().items():
        assert_equal(own[name].shape, shape, name=f"shape of the ViT's {name}")

    def follows(token):
        """What the model makes of a class token, (32,): the last norm gives nothing else."""
        last = {f"{prefix}norm.weight": torch.zeros(48), f"{prefix}norm.bias": token.float()}
        model.load_state_dict(state | last)
        return model.encode_image(images[:1])[0].detach()

    images = fresh([3, 30, 57], 1)
    embeddings = model.encode_image(images).detach()
    for embedding, token in zip(embeddings, class_tokens(images.double(), own), strict=True):
        expected = follows(token)
        assert_close(embedding, expected, rtol=1e-3, atol=1e-4, name="embedding of the class token, 4 heads")
    # A linear map leads from the middle of two tokens to the middle of two embeddings; lengths are free.
    one, two = torch.randn(2, 48, generator=torch.Generator().manual_seed(0))
    ends, middle = torch.stack([follows(one), follows(two)], dim=-1), follows((one + two) / 2)
    beside = middle - ends @ torch.linalg.lstsq(ends, middle[:, None]).solution[:, 0]
    assert beside.norm() < 1e-3 * middle.norm(), "What leads from the class token to the 32 numbers is no linear map."


@points(4)
@needs(test_public.test_shapes)
def test_retrieve(submission):
    """of all 64 captions the one of the largest cosine"""
    assert_equal(submission.captions(torch.arange(64)), CAPTIONS, name="captions")
    images = fresh(list(range(0, 64, 3)), 2)
    held, shown = torch.tensor(HELD_OUT), torch.tensor(SHOWN)
    for seed in (7, 9, 5, 20):
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
@needs(test_batches, test_public.test_shapes)
def test_fit(submission):
    """fresh batches, a loss for each; parameters; defaults"""
    # Cosines lie between -1 and 1. Unless all are nearly right or wrong, as no untrained model's are, the losses of
    # 16 pairs are within these bounds, ln 16 and 10 being usual.
    first = {"clip": (0.1, 30.0), "siglip": (2.0, 30.0)}
    for loss, (low, high) in first.items():
        # Steps so small that the model stays what it is: the losses differ by their batches alone. There are 6, as
        # torch's OneCycleLR divides by 0 if the rate rises for a single step, such as a fifth or fourth of 4 or 5.
        losses = submission.TinyCLIP().fit(loss, steps=6, batch=6, lr=1e-9)
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
    before = directions(model.encode_text, CAPTIONS)
    model.fit("clip", steps=6, batch=52, lr=0.01)
    moved = (directions(model.encode_text, CAPTIONS) - before).abs().amax(-1)
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


@points(4)
@needs(test_fit, test_encoders)
@seconds(60)
def test_fresh(submission):
    """each step and each seed has a batch and noise of its own"""
    model = submission.TinyCLIP()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    # Of one pair siglip_loss says how far a picture is from its caption. The model stays as it is with such small
    # steps, so these losses tell which combination it was, and in which noise.
    losses = [model.fit("siglip", steps=24, batch=1, lr=1e-12, seed=1000 * seed) for seed in range(8)]
    for name, tensor in model.state_dict().items():
        stays = torch.allclose(tensor, before[name], rtol=0.0, atol=1e-3)
        assert stays, f"With lr=1e-12 your fit changes {name} as with a larger one: where is lr used?"
    x = torch.tensor(losses, dtype=torch.float64)  # (seeds, steps)
    # Were all combinations drawn anew, these ratios are beyond 8 once in a million; if they recur, 50 is usual.
    for table, what in ((x, "the steps of a run draw"), (x.T, "runs of different seeds draw, step by step,")):
        apart = table.shape[1] * table.mean(1).var() / table.var(1).mean()
        assert apart < 8, f"fit: {what} the same combinations, as the losses of batches of one pair show."
    # One of 52 is drawn twice now and then. In new noise its loss is another.
    assert sum(map(recurring, x)) < 4, "fit: a combination that recurs within a run recurs in the same noise."
    assert sum(map(recurring, x.T)) < 4, "fit: runs of different seeds draw, step by step, the same noise."


def recurring(losses):
    """How many pairs of these numbers are the same."""
    return int((torch.pdist(losses[:, None]) < 4e-6).sum())


def directions(encode, given):
    """What an encoder makes of pictures or captions, (B, 32), brought to length 1."""
    v = encode(given).detach()
    return v / v.norm(dim=-1, keepdim=True)


def found(submission, model, combinations):
    """The share of 10 fresh pictures of each combination whose caption is found."""
    many = combinations * 10
    right = submission.retrieve(model, fresh(many, 123456)) == torch.tensor(many)
    return right.double().mean().item()


@points(14)
@needs(test_fresh, test_seeds, test_pictures, test_vit, test_retrieve, test_public.test_captions)
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


@points(6)
@needs(test_clip)
@seconds(180)
def test_siglip(submission):
    """so does a model that was trained with siglip_loss"""
    model = submission.TinyCLIP()
    model.fit("siglip")
    shown = found(submission, model, SHOWN)
    assert shown >= 0.8, f"Of the combinations that were shown it finds {100 * shown:.1f} %; 80 % and more can be."
