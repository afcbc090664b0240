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


@replaces("captions")
def words_from_zero(combinations):
    """Each of your three words begins at 0. They share one table of 12 words: shapes follow after the colours, places
    after the shapes."""
    return torch.stack([combinations // 16, combinations // 4 % 4, combinations % 4], dim=-1)


@replaces("captions")
def digits_reversed(combinations):
    """Your words are taken apart from the wrong end: the colour is the digit that counts 16."""
    return torch.stack([combinations % 4, 4 + combinations // 4 % 4, 8 + combinations // 16], dim=-1)


@replaces("captions")
def place_first(combinations):
    """Your captions have the right words in another order. It is colour, shape, place."""
    return captions(combinations).flip(-1)


@replaces("render")
def no_noise(combinations, seed):
    """Your pictures have no noise, so all pictures of one combination are one picture."""
    return drawn(combinations, 0 * noise(combinations, seed))


@replaces("render")
def noise_of_one(combinations, seed):
    """Your noise has a standard deviation of 1. It is 0.3."""
    return drawn(combinations, noise(combinations, seed))


@replaces("render")
def uniform_noise(combinations, seed):
    """Your noise is uniform, from torch.rand, and not normal: it has a mean of its own."""
    generator = torch.Generator().manual_seed(seed)
    return drawn(combinations, 0.3 * torch.rand(len(combinations), 3, 16, 16, generator=generator))


@replaces("render")
def grey_noise(combinations, seed):
    """The three channels of a pixel have the same noise in your pictures. Draw it for each of them."""
    return drawn(combinations, 0.3 * noise(combinations, seed)[:, :1].expand(-1, 3, -1, -1))


@replaces("render")
def same_noise_for_all(combinations, seed):
    """All pictures of your batch have the same noise. How many random numbers does a batch of B pictures need?"""
    return drawn(combinations, 0.3 * noise(combinations, seed)[:1].expand(len(combinations), -1, -1, -1))


@replaces("render")
def places_across(combinations, seed):
    """The top right and the bottom left have changed places in your pictures. Which digit of a place says the row?"""
    return drawn(combinations, 0.3 * noise(combinations, seed), order=(0, 2, 1, 3))


@replaces("render")
def transposed(combinations, seed):
    """Your shapes are transposed: the stripes stand upright. Rows come before columns."""
    return drawn(combinations, 0.3 * noise(combinations, seed), across=True)


@replaces("render")
def upside_down(combinations, seed):
    """Your shapes stand on their heads. Row 0 is on top."""
    return drawn(combinations, 0.3 * noise(combinations, seed), flipped=True)


@replaces("render")
def channels_last(combinations, seed):
    """Your pictures are (B, 16, 16, 3). torch has the channels before the rows."""
    return render(combinations, seed).permute(0, 2, 3, 1)


@replaces("render")
def render_ignores_seed(combinations, seed):
    """Your noise is the same with every seed, so the model could learn the noise by heart."""
    return render(combinations, 0)


@replaces("render")
def noise_from_torchs_generator(combinations, seed):
    """Your noise comes from torch's own generator, which goes on from call to call, so the same seed gives another
    picture each time. From what does a generator of your own begin?"""
    return drawn(combinations, 0.3 * torch.randn(len(combinations), 3, 16, 16))


@replaces("sample_batch")
def with_held_out(size, seed):
    """Your batches hold combinations that are held out. Whatever the model finds of these afterwards, it has been
    shown."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(64, generator=generator)[:size]


@replaces("sample_batch")
def with_duplicates(size, seed):
    """Your batches may hold one combination twice. Then a picture has two right captions in the batch, and the loss
    counts one of them as wrong."""
    generator = torch.Generator().manual_seed(seed)
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    return shown[torch.randint(len(shown), (size,), generator=generator)]


@replaces("sample_batch")
def in_order(size, seed):
    """Your batches are sorted. The order is drawn as well."""
    return sample_batch(size, seed).sort().values


@replaces("sample_batch")
def first_ones(size, seed):
    """Your batches always hold the first combinations, in random order. Which ones are in a batch is drawn too."""
    generator = torch.Generator().manual_seed(seed)
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])[:size]
    return shown[torch.randperm(len(shown), generator=generator)]


@replaces("sample_batch")
def batch_from_torchs_generator(size, seed):
    """Your batches come from torch's own generator, which goes on from call to call, so the same seed gives another
    batch each time. From what does a generator of your own begin?"""
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    return shown[torch.randperm(len(shown))[:size]]


@replaces("sample_batch")
def batch_ignores_seed(size, seed):
    """Every seed gives the same batch, so `fit` would train on one batch only."""
    return sample_batch(size, 0)


@replaces("TinyCLIP")
class unseeded(Model):  # noqa: N801
    """Models with different seeds begin the same. What is `seed` for?"""

    def __init__(self, seed=0):
        super().__init__(0)


@replaces("TinyCLIP")
class temperature_itself(Model):  # noqa: N801
    """Your log_scale begins at 0.07, CLIP's temperature. What is stored is the logarithm of one over it."""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.log_scale = nn.Parameter(torch.tensor(0.07))


@replaces("TinyCLIP")
class bias_at_zero(Model):  # noqa: N801
    """Your bias begins at 0. Nearly all pairs of a batch are negative, and -10 says so from the start."""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.bias = nn.Parameter(torch.tensor(0.0))


@replaces("TinyCLIP")
class last_word(Model):  # noqa: N801
    """Your caption's embedding depends on one of its words only. Which words does your encoder read?"""

    def encode_text(self, words):
        return self.text_projection(self.text_norm(self.words(words[:, 2])))


@replaces("TinyCLIP")
class vector_for_each_caption(Model):  # noqa: N801
    """Each of your 64 captions has a vector of its own, and those of the captions that are held out are never trained.
    What do a yellow ring and a yellow cross have in common in your table?"""

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
    """The same caption has another embedding in each call: torch's layers have a dropout of 0.1 unless they are told
    otherwise. What of a caption should be left to chance?"""

    def encode_text(self, words):
        return F.dropout(super().encode_text(words), 0.1, self.training)


@replaces("TinyCLIP")
class batch_norm(Model):  # noqa: N801
    """A picture's embedding depends on the other pictures of its batch: something is normalised over the batch."""

    def encode_image(self, images):
        u = super().encode_image(images)
        return u - u.mean(0)


@replaces("TinyCLIP")
class first_patch(Model):  # noqa: N801
    """Your picture's embedding is made of the first patch, not of the class token. In which row does `features` have
    the class token?"""

    def encode_image(self, images):
        return self.image_projection(self.vision.features(images)[:, 1])


@replaces("TinyCLIP")
class mean_of_tokens(Model):  # noqa: N801
    """Your picture's embedding is made of the mean over all tokens. Which one of them does the stub ask for?"""

    def encode_image(self, images):
        return self.image_projection(self.vision.features(images).mean(1))


class OtherViT(Model):
    """The right model but for the ViT, of which a mistake has other numbers."""

    depth, heads = 2, 4

    def __init__(self, seed=0):
        super().__init__(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.vision = ViT(16, 4, 3, dim=48, depth=self.depth, heads=self.heads, mlp_dim=192, num_classes=1)


@replaces("TinyCLIP")
class eight_heads(OtherViT):  # noqa: N801
    """Your ViT has 8 heads. How many does the stub give it?"""

    heads = 8


@replaces("TinyCLIP")
class one_block(OtherViT):  # noqa: N801
    """Your ViT has a depth of 1. How many blocks does the stub ask for?"""

    depth = 1


@replaces("TinyCLIP")
class gelu_on_top(Model):  # noqa: N801
    """What leads from the class token to your 32 numbers is not linear. What kind of map does the stub ask for?"""

    def encode_image(self, images):
        return F.gelu(super().encode_image(images))


@replaces("TinyCLIP")
class always_clip(Model):  # noqa: N801
    """Your fit uses clip_loss also with "siglip". What does the argument loss decide?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        return super().fit("clip", steps, batch, lr, seed)


@replaces("TinyCLIP")
class scale_not_learned(Model):  # noqa: N801
    """Scale and bias keep their first values in your training. They are learned as everything else. Do gradients reach
    them?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            if loss == "clip":
                return clip_loss(images, texts, self.log_scale.detach())
            return siglip_loss(images, texts, self.log_t.detach(), self.bias.detach())

        return train(self, value_of, steps, batch, lr, seed)


@replaces("TinyCLIP")
class one_direction(Model):  # noqa: N801
    """Your loss lets pictures find captions, and not captions pictures. clip_loss is the mean of both, and log_scale
    takes part in it."""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            logits = 14.3 * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
            return F.cross_entropy(logits, torch.arange(batch))

        return train(self, value_of, steps, batch, lr, seed)


@replaces("TinyCLIP")
class among_all_captions(Model):  # noqa: N801
    """Your fit compares a picture with the captions of all 64 combinations, so those that are held out take part in the
    training as wrong answers. clip_loss compares the pictures of a batch with the captions of that batch."""

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
    """The model stays as it was made: losses are computed, and no parameter changes. What follows after the
    gradients are there?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        state = {name: tensor.clone() for name, tensor in self.state_dict().items()}
        losses = super().fit(loss, steps, batch, lr, seed)
        self.load_state_dict(state)
        return losses


@replaces("TinyCLIP")
class seeds_for_all(Model):  # noqa: N801
    """Your constructor changes torch's own random generator and leaves it so: whatever is drawn afterwards, here or
    anywhere else in the program, is another than without your model. Who puts the generator back as it was?"""

    def __init__(self, seed=0):
        super().__init__(seed)
        torch.manual_seed(seed)


@replaces("TinyCLIP")
class never_seeded(Model):  # noqa: N801
    """Your constructor draws from torch's own generator as it finds it, so two models with one seed differ, and
    whatever is drawn after a model is another. What is `seed` for?"""

    def __init__(self, seed=0):
        super().__init__(int(torch.randint(2**20, ())))


@replaces("TinyCLIP")
class last_loss(Model):  # noqa: N801
    """fit returns the last loss alone; the loss of every step is asked for, to be drawn."""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        return super().fit(loss, steps, batch, lr, seed)[-1:]


@replaces("TinyCLIP")
class same_training(Model):  # noqa: N801
    """fit draws the same batches and the same noise whatever its seed is. Where does your loop use the seed?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        return super().fit(loss, steps, batch, lr, 0)


@replaces("TinyCLIP")
class training_from_torchs_generator(Model):  # noqa: N801
    """fit draws from torch's own generator what it trains on, so two trainings with one seed end apart. What of a step
    is random, and where does your loop use the seed?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            if loss == "clip":
                return clip_loss(images, texts, self.log_scale)
            return siglip_loss(images, texts, self.log_t, self.bias)

        return train(self, value_of, steps, batch, lr, int(torch.randint(2**20, ())))


@replaces("TinyCLIP")
class one_batch(Model):  # noqa: N801
    """Your fit draws one batch and trains on it in every step. Its noise can be learned by heart: draw combinations and
    pictures anew within the loop."""

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


@replaces("retrieve")
def among_held_out(model, images):
    """You look for the caption among the twelve that were held out. Among so few, a guess is right one time in
    twelve; all 64 are to be compared."""
    held = torch.tensor(HELD_OUT)
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(held))
    return held[(F.normalize(u, dim=-1) @ F.normalize(v, dim=-1).T).argmax(-1)]


@replaces("retrieve")
def one_caption_too_many(model, images):
    """You compare 65 captions. The combinations are 0 to 63, and torch.arange(n) ends before n."""
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(torch.arange(65)))
    return (F.normalize(u, dim=-1) @ F.normalize(v, dim=-1).T).argmax(-1)


@replaces("retrieve")
def dot_product(model, images):
    """You compare by the plain product, in which a long caption vector wins everywhere. The cosine divides by the
    lengths."""
    with torch.no_grad():
        return (model.encode_image(images) @ model.encode_text(captions(torch.arange(64))).T).argmax(-1)


@replaces("retrieve")
def caption_finds_picture(model, images):
    """Your argmax runs over the pictures: for each caption you return the best picture."""
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(torch.arange(64)))
    return (F.normalize(u, dim=-1) @ F.normalize(v, dim=-1).T).argmax(0)


@replaces("retrieve")
def nearest_by_distance(model, images):
    """You take the caption at the smallest distance, and lengths count in it. The cosine compares directions
    alone."""
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(torch.arange(64)))
    return torch.cdist(u, math.sqrt(2) * v).argmin(-1)


@replaces("captions")
def shape_and_place_exchanged(combinations):
    """Your shape is the digit that counts 1, and your place the digit that counts 4. In which order do the digits of a
    combination stand?"""
    return torch.stack([combinations // 16, 4 + combinations % 4, 8 + combinations // 4 % 4], dim=-1)


@replaces("render")
def picture_digits_reversed(combinations, seed):
    """You read the digits of a combination from the wrong end: your colour is the digit that counts 1. Which digit
    counts 16?"""
    turned = combinations % 4 * 16 + combinations // 4 % 4 * 4 + combinations // 16
    return drawn(turned, 0.3 * noise(combinations, seed))


@replaces("render")
def variance_for_deviation(combinations, seed):
    """Your noise is multiplied by 0.09, which is its variance. Which number has to multiply a standard normal?"""
    return drawn(combinations, 0.09 * noise(combinations, seed))


@replaces("render")
def deviation_for_variance(combinations, seed):
    """Your noise has a variance of 0.3, so it is spread over 0.55. In N(0, 0.3²) the square stands for the variance:
    what is 0.3, and what has to multiply a standard normal?"""
    return drawn(combinations, 0.3**0.5 * noise(combinations, seed))


@replaces("render")
def shape_without_noise(combinations, seed):
    """You wrote the colour over the noise, so the pixels of the shape have none. Noise lies on all of the picture.
    Which operation keeps both?"""
    plain = drawn(combinations, 0 * noise(combinations, seed))
    return torch.where((plain != 0).any(1, keepdim=True), plain, 0.3 * noise(combinations, seed))


@replaces("render")
def colour_ignored(combinations, seed):
    """All your shapes are white. Where does the colour of a combination come in?"""
    plain = drawn(combinations, 0 * noise(combinations, seed))
    return plain.amax(1, keepdim=True) + 0.3 * noise(combinations, seed)


@replaces("TinyCLIP")
class scale_without_log(Model):  # noqa: N801
    """Your log_scale begins at 1 / 0.07 itself, and the loss takes the exponential of it. What has to be stored so that
    the exponential is 1 / 0.07?"""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07))


@replaces("TinyCLIP")
class t_without_log(Model):  # noqa: N801
    """Your log_t begins at 10, and the loss takes the exponential of it. What has to be stored so that the
    exponential is 10?"""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.log_t = nn.Parameter(torch.tensor(10.0))


@replaces("TinyCLIP")
class scale_of_clip_for_siglip(Model):  # noqa: N801
    """You gave log_scale to siglip_loss, so log_t never changes. Which parameters belong to which loss?"""

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        def value_of(images, texts):
            if loss == "clip":
                return clip_loss(images, texts, self.log_scale)
            return siglip_loss(images, texts, self.log_scale, self.bias)

        return train(self, value_of, steps, batch, lr, seed)


@replaces("retrieve")
def among_shown(model, images):
    """You look for the caption among the 52 combinations of the training, so a combination that was held out is never
    found. How many captions are to be compared?"""
    shown = torch.tensor([c for c in range(64) if c not in HELD_OUT])
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(shown))
    return shown[(F.normalize(u, dim=-1) @ F.normalize(v, dim=-1).T).argmax(-1)]


@replaces("TinyCLIP")
class scale_with_an_axis(Model):  # noqa: N801
    """Your log_scale has an axis: it is a list of one number. Which shape has a scalar?"""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.log_scale = nn.Parameter(torch.tensor([math.log(1 / 0.07)]))


@replaces("render")
def clamped(combinations, seed):
    """You cut your pictures off below 0 and above 1, so on black half of the noise is gone, and what is left has a
    mean. Which numbers may a pixel with noise of N(0, 0.3²) have?"""
    return render(combinations, seed).clamp(0, 1)
