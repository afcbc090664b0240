"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from clip_loss import clip_loss
from siglip_loss import siglip_loss
from tiny_clip_lab import COLOURS, HELD_OUT, SHAPES, TinyCLIP, captions, render, sample_batch
from torch import nn
from vit import ViT

from grader.testing import replaces


class Model(TinyCLIP):
    """The right model under another name; a mistake gets one part of it wrong."""


def drawn(combinations, noise, *, across=False, flipped=False, order=(0, 1, 2, 3)):
    """Pictures of combinations on top of some noise."""
    colours, shapes = torch.tensor(list(COLOURS.values())), list(SHAPES.values())
    images = noise.clone()
    for image, c in zip(images, combinations.tolist(), strict=True):
        mask = torch.tensor([[float(pixel == "#") for pixel in row] for row in shapes[c // 4 % 4]])
        place = order[c % 4]
        top, left = place // 2 * 8, place % 2 * 8
        if across:
            mask = mask.T
        if flipped:
            mask = mask.flip(0)
        image[:, top : top + 8, left : left + 8] += colours[c // 16, :, None, None] * mask
    return images


def noise(combinations, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(combinations), 3, 16, 16, generator=generator)


def train(model, value_of, steps, batch, lr, seed):
    """fit with a loss or with batches of one's own."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    for step in range(steps):
        combinations = sample_batch(batch, seed * steps + step)
        images = model.encode_image(render(combinations, seed * steps + step))
        value = value_of(images, model.encode_text(captions(combinations)))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


@replaces("captions", first=[(0, 0, 0), (1, 5, 9), (0, 4, 4), (0, 3, 6)])
def other_words(combinations, *, first):
    """Your three words begin at {first} for combination 0. All share one table of 12 words: which four numbers belong
    to the colours, which to the shapes, which to the places?"""
    return captions(combinations) + torch.tensor(first) - torch.tensor([0, 4, 8])


@replaces(
    "captions", digits=["place, shape, colour", "colour, place, shape", "shape, colour, place", "place, colour, shape"]
)
def digits_exchanged(combinations, *, digits):
    """You read the three digits of a combination as {digits}. Which word does the digit say that counts 16, and which
    the one that counts 1?"""
    names = digits.split(", ")
    given = dict(zip(names, (combinations // 16, combinations // 4 % 4, combinations % 4), strict=True))
    return torch.stack([given["colour"], 4 + given["shape"], 8 + given["place"]], dim=-1)


@replaces("captions", order=["place, shape, colour", "shape, colour, place", "colour, place, shape"])
def words_in_other_order(combinations, *, order):
    """Your captions have the right words in the order {order}. Which order does the docstring give?"""
    names = ["colour", "shape", "place"]
    return captions(combinations)[:, [names.index(name) for name in order.split(", ")]]


@replaces("render")
def no_noise(combinations, seed):
    """Your pictures have no noise, so all pictures of one combination are the same. What does seed decide?"""
    return drawn(combinations, 0 * noise(combinations, seed))


@replaces("render", deviation=["1", "0.09", "√0.3", "0.3 / 255"])
def other_deviation(combinations, seed, *, deviation):
    """The standard deviation of your noise is {deviation}. In N(0, 0.3²) the square is the variance: by which number do
    you multiply a standard normal?"""
    size = {"1": 1.0, "0.09": 0.09, "√0.3": 0.3**0.5, "0.3 / 255": 0.3 / 255}[deviation]
    return drawn(combinations, size * noise(combinations, seed))


@replaces("render", spread=["from 0", "around 0", "around 0, with the right deviation"])
def uniform_noise(combinations, seed, *, spread):
    """Your noise is uniform ({spread}). Which distribution does N(0, 0.3²) stand for?"""
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(len(combinations), 3, 16, 16, generator=generator)
    return drawn(combinations, 0.3 * {"from 0": u, "around 0": 2 * u - 1}.get(spread, (2 * u - 1) * 3**0.5))


@replaces("render")
def grey_noise(combinations, seed):
    """The three channels of a pixel have the same noise in your pictures. How many random numbers does a pixel need?"""
    return drawn(combinations, 0.3 * noise(combinations, seed)[:, :1].expand(-1, 3, -1, -1))


@replaces("render")
def same_noise_for_all(combinations, seed):
    """All pictures of your batch have the same noise. How many random numbers does a batch of B pictures need?"""
    return drawn(combinations, 0.3 * noise(combinations, seed)[:1].expand(len(combinations), -1, -1, -1))


@replaces("render")
def places_across(combinations, seed):
    """The top right and the bottom left have changed places in your pictures. Of the two binary digits of a place,
    which one decides the row?"""
    return drawn(combinations, 0.3 * noise(combinations, seed), order=(0, 2, 1, 3))


@replaces("render")
def transposed(combinations, seed):
    """Your shapes are transposed: the stripes run from top to bottom. Which index of a shape is the row, and which of a
    picture?"""
    return drawn(combinations, 0.3 * noise(combinations, seed), across=True)


@replaces("render")
def upside_down(combinations, seed):
    """Your shapes are upside down. Which row of a picture is on top, according to the docstring?"""
    return drawn(combinations, 0.3 * noise(combinations, seed), flipped=True)


@replaces("render")
def channels_last(combinations, seed):
    """Your pictures are (B, 16, 16, 3). Where does the docstring have the channels?"""
    return render(combinations, seed).permute(0, 2, 3, 1)


@replaces("render")
def render_ignores_seed(combinations, seed):
    """Your noise is the same with every seed. What could a model learn by heart then?"""
    return render(combinations, 0)


@replaces("render")
def noise_from_torchs_generator(combinations, seed):
    """The same seed gives another picture each time, as if the noise came from torch's own generator. From where does a
    generator of your own begin?"""
    return drawn(combinations, 0.3 * torch.randn(len(combinations), 3, 16, 16))


@replaces("sample_batch")
def with_held_out(size, seed):
    """Your batches hold combinations that are held out. If a model finds one of these afterwards, what does that
    prove?"""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(64, generator=generator)[:size]


@replaces("sample_batch")
def with_duplicates(size, seed):
    """One combination can be in your batch twice. How many right captions does a picture then have there, and what does
    the loss say of them?"""
    generator = torch.Generator().manual_seed(seed)
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    return shown[torch.randint(len(shown), (size,), generator=generator)]


@replaces("sample_batch")
def in_order(size, seed):
    """Your batches are in ascending order. What does the docstring say of the order?"""
    return sample_batch(size, seed).sort().values


@replaces("sample_batch")
def first_ones(size, seed):
    """Your batches always hold the same combinations, the first ones. Which sets should be equally likely?"""
    generator = torch.Generator().manual_seed(seed)
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])[:size]
    return shown[torch.randperm(len(shown), generator=generator)]


@replaces("sample_batch")
def batch_from_torchs_generator(size, seed):
    """The same seed gives another batch each time, as if it came from torch's own generator. From where does a
    generator of your own begin?"""
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    return shown[torch.randperm(len(shown))[:size]]


@replaces("sample_batch")
def batch_ignores_seed(size, seed):
    """Every seed gives the same batch. On how many different batches would fit train?"""
    return sample_batch(size, 0)


@replaces("TinyCLIP")
class unseeded(Model):  # noqa: N801
    """Models with different seeds begin the same. What should seed decide?"""

    def __init__(self, seed=0):
        super().__init__(0)


@replaces(
    "TinyCLIP",
    start=["log_scale at 0.07", "log_scale at 1 / 0.07", "log_t at 10", "log_t at 1", "bias at 0", "bias at 10"],
)
class other_start(Model):  # noqa: N801
    """You start {start}. At which number does the docstring let it begin, and of which parameters does a loss take the
    exponential?"""

    start: str

    def __init__(self, seed=0):
        super().__init__(seed)
        name, _, number = self.start.partition(" at ")
        start = 1 / 0.07 if number == "1 / 0.07" else float(number)
        setattr(self, name, nn.Parameter(torch.tensor(start)))


@replaces("TinyCLIP", read=[[0], [2], [0, 1]])
class words_unread(Model):  # noqa: N801
    """Two captions that differ in one word have the same embedding: you read only the words number {read} of 0, 1, 2.
    What becomes of the others?"""

    read: list

    def encode_text(self, words):
        read = list(self.read)
        x = self.text(self.words(words[:, read]) + self.positions[read])
        return self.text_projection(self.text_norm(x.mean(1)))


@replaces("TinyCLIP")
class vector_for_each_caption(Model):  # noqa: N801
    """Each of your 64 captions has a vector of its own, and those that are held out are never trained. What do a yellow
    ring and a yellow cross have in common in your table?"""

    def __init__(self, seed=0):
        super().__init__(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.table = nn.Embedding(64, 32)

    def encode_text(self, words):
        colour, shape, place = words.unbind(-1)
        return self.table(16 * colour + 4 * (shape - 4) + place - 8)


@replaces("TinyCLIP")
class dropout_left_in(Model):  # noqa: N801
    """The same caption has another embedding in each call. Which dropout do torch's layers have if nobody says, and
    what of a caption should be left to chance?"""

    def encode_text(self, words):
        return F.dropout(super().encode_text(words), 0.1, self.training)


@replaces("TinyCLIP")
class batch_norm(Model):  # noqa: N801
    """A picture's embedding depends on the other pictures of its batch. Over which axes do you take means?"""

    def encode_image(self, images):
        u = super().encode_image(images)
        return u - u.mean(0)


@replaces("TinyCLIP", row=[1, -1])
class other_token(Model):  # noqa: N801
    """Your picture's embedding is made of a patch. In which row does `features` have the class token?"""

    row: int

    def encode_image(self, images):
        return self.image_projection(self.vision.features(images)[:, self.row])


@replaces("TinyCLIP")
class mean_of_tokens(Model):  # noqa: N801
    """Your picture's embedding is made of the mean over all tokens. Which one of them does the docstring name?"""

    def encode_image(self, images):
        return self.image_projection(self.vision.features(images).mean(1))


class OtherViT(Model):
    """The right model but for the ViT, of which a mistake has other numbers."""

    depth, heads, mlp_dim = 2, 4, 192

    def __init__(self, seed=0):
        super().__init__(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.vision = ViT(16, 4, 3, 48, depth=self.depth, heads=self.heads, mlp_dim=self.mlp_dim, num_classes=1)


@replaces("TinyCLIP", heads=[2, 6, 8])
class other_heads(OtherViT):  # noqa: N801
    """Your ViT has {heads} heads. How many does the docstring give it?"""

    heads: int


@replaces("TinyCLIP", depth=[1, 4])
class other_depth(OtherViT):  # noqa: N801
    """Your ViT has a depth of {depth}. How many blocks does the docstring give it?"""

    depth: int


@replaces("TinyCLIP", mlp_dim=[48, 384])
class other_mlp_dim(OtherViT):  # noqa: N801
    """The MLP of your ViT is {mlp_dim} wide. Which mlp_dim does the docstring give it?"""

    mlp_dim: int


@replaces("TinyCLIP")
class gelu_on_top(Model):  # noqa: N801
    """What leads from the class token to your 32 numbers is not linear. What kind of map does the docstring name?"""

    def encode_image(self, images):
        return F.gelu(super().encode_image(images))


@replaces("TinyCLIP", always=["clip", "siglip"])
class always_one_loss(Model):  # noqa: N801
    """Your fit trains with {always}_loss whatever the argument loss is. Where does your loop look at it?"""

    always: str

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        return super().fit(self.always, steps, batch, lr, seed)


@replaces("TinyCLIP")
class scale_not_learned(Model):  # noqa: N801
    """Scale and bias keep their first values in your training. They are learned like everything else: do gradients
    reach them, and does the optimiser know them?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            if loss == "clip":
                return clip_loss(images, texts, self.log_scale.detach())
            return siglip_loss(images, texts, self.log_t.detach(), self.bias.detach())

        return train(self, value_of, steps, batch, lr, seed)


@replaces("TinyCLIP")
class one_direction(Model):  # noqa: N801
    """With one pair your clip loss is right, but log_scale keeps its first value. Which of your two losses does fit
    call, and what does it hand over?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            logits = 14.3 * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
            return F.cross_entropy(logits, torch.arange(batch))

        return train(self, value_of, steps, batch, lr, seed)


@replaces("TinyCLIP")
class among_all_captions(Model):  # noqa: N801
    """With one pair your clip loss is not 0: a picture is compared with more captions than those of its batch. Which
    ones, and have they been held out?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            if loss == "siglip":
                return siglip_loss(images, texts, self.log_t, self.bias)
            others = self.encode_text(captions(torch.arange(64)))
            logits = self.log_scale.exp() * F.normalize(images, dim=-1) @ F.normalize(others, dim=-1).T
            own = (texts[:, None] - others).abs().sum(-1).argmin(-1)
            return F.cross_entropy(logits, own)

        return train(self, value_of, steps, batch, lr, seed)


@replaces("TinyCLIP")
class untrained(Model):  # noqa: N801
    """The losses are computed, and no parameter changes. What has to happen once the gradients are there?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        state = {name: tensor.clone() for name, tensor in self.state_dict().items()}
        losses = super().fit(loss, steps, batch, lr, seed)
        self.load_state_dict(state)
        return losses


@replaces("TinyCLIP")
class seeds_for_all(Model):  # noqa: N801
    """Your constructor leaves torch's own random generator in another state. What is drawn afterwards, anywhere in the
    program, then depends on your model: who puts the generator back?"""

    def __init__(self, seed=0):
        super().__init__(seed)
        torch.manual_seed(seed)


@replaces("TinyCLIP")
class last_loss(Model):  # noqa: N801
    """fit returns one loss. Which losses does the docstring promise?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        return super().fit(loss, steps, batch, lr, seed)[-1:]


@replaces("TinyCLIP")
class same_training(Model):  # noqa: N801
    """fit draws the same batches and the same noise whatever its seed is. Where does your loop use the seed?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        return super().fit(loss, steps, batch, lr, 0)


@replaces("TinyCLIP")
class training_from_torchs_generator(Model):  # noqa: N801
    """Two trainings with one seed end apart. What is random in a step, and does all of it come from the seed?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            if loss == "clip":
                return clip_loss(images, texts, self.log_scale)
            return siglip_loss(images, texts, self.log_t, self.bias)

        return train(self, value_of, steps, batch, lr, int(torch.randint(2**20, ())))


@replaces("TinyCLIP")
class one_batch(Model):  # noqa: N801
    """Your fit trains on the same batch and noise in every step. What of that could the model learn by heart, and where
    in your code is a batch drawn?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        combinations = sample_batch(batch, seed)
        images, words = render(combinations, seed), captions(combinations)
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            pair = self.encode_image(images), self.encode_text(words)
            value = clip_loss(*pair, self.log_scale) if loss == "clip" else siglip_loss(*pair, self.log_t, self.bias)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())
        return losses


@replaces("retrieve", among=["held out", "shown"])
def among_some(model, images, *, among):
    """You compare only the captions of combinations that are {among}. Among how many captions should the right one be
    found, and how often is a guess right then?"""
    held = torch.tensor(HELD_OUT)
    some = held if among == "held out" else torch.tensor([c for c in range(64) if c not in HELD_OUT])
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(some))
    return some[(F.normalize(u, dim=-1) @ F.normalize(v, dim=-1).T).argmax(-1)]


@replaces("retrieve")
def one_caption_too_many(model, images):
    """You compare 65 captions. Which combinations are there, and where does torch.arange(n) end?"""
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(torch.arange(65)))
    return (F.normalize(u, dim=-1) @ F.normalize(v, dim=-1).T).argmax(-1)


@replaces("retrieve")
def dot_product(model, images):
    """You compare products, in which a long caption vector wins everywhere. What does the cosine divide by?"""
    with torch.no_grad():
        return (model.encode_image(images) @ model.encode_text(captions(torch.arange(64))).T).argmax(-1)


@replaces("retrieve")
def caption_finds_picture(model, images):
    """For each caption you return the best picture. Over which axis does your argmax run?"""
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(torch.arange(64)))
    return (F.normalize(u, dim=-1) @ F.normalize(v, dim=-1).T).argmax(0)


@replaces("retrieve")
def nearest_by_distance(model, images):
    """You return the caption at the smallest distance, in which lengths count. What does the docstring compare?"""
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(torch.arange(64)))
    return torch.cdist(u, math.sqrt(2) * v).argmin(-1)


@replaces("render")
def picture_digits_reversed(combinations, seed):
    """You read the digits of a combination from the wrong end: your colour is the digit that counts 1. Which digit
    counts 16?"""
    turned = combinations % 4 * 16 + combinations // 4 % 4 * 4 + combinations // 16
    return drawn(turned, 0.3 * noise(combinations, seed))


@replaces("render")
def shape_without_noise(combinations, seed):
    """The pixels of your shapes have no noise, as if the colour were written over it. The docstring has noise on all of
    the picture: which operation keeps both?"""
    plain = drawn(combinations, 0 * noise(combinations, seed))
    return torch.where((plain != 0).any(1, keepdim=True), plain, 0.3 * noise(combinations, seed))


@replaces("render", colours=["white", "red"])
def colour_ignored(combinations, seed, *, colours):
    """All your shapes are {colours}. Which digit of a combination is the colour, and where does it enter your
    picture?"""
    if colours == "red":
        return drawn(combinations % 16, 0.3 * noise(combinations, seed))
    plain = drawn(combinations, 0 * noise(combinations, seed))
    return plain.amax(1, keepdim=True) + 0.3 * noise(combinations, seed)


@replaces("render", order=[[2, 1, 0], [1, 0, 2], [0, 2, 1]])
def channels_exchanged(combinations, seed, *, order):
    """Two channels have changed places in your pictures. In which order does the docstring give red, green and blue?"""
    return drawn(combinations, 0 * noise(combinations, seed))[:, order] + 0.3 * noise(combinations, seed)


@replaces("TinyCLIP")
class scale_of_clip_for_siglip(Model):  # noqa: N801
    """With siglip_loss your log_scale is trained, and log_t never changes. Which parameters belong to which loss?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            if loss == "clip":
                return clip_loss(images, texts, self.log_scale)
            return siglip_loss(images, texts, self.log_scale, self.bias)

        return train(self, value_of, steps, batch, lr, seed)


@replaces("TinyCLIP", name=["log_scale", "bias"])
class start_with_an_axis(Model):  # noqa: N801
    """Your {name} has an axis: it is a list of one number. Which shape does a scalar have?"""

    name: str

    def __init__(self, seed=0):
        super().__init__(seed)
        setattr(self, self.name, nn.Parameter(getattr(self, self.name).detach()[None]))


@replaces("render", bounds=["both", "below", "above"])
def clamped(combinations, seed, *, bounds):
    """Your pictures are cut off ({bounds}), so part of the noise is gone, and what is left has a mean. Which numbers
    may a pixel with noise of N(0, 0.3²) have?"""
    low, high = (None if bounds == "above" else 0.0), (None if bounds == "below" else 1.0)
    return render(combinations, seed).clamp(low, high)
