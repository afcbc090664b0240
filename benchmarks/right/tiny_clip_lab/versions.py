import math
import random
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from base import COLOURS, HELD_OUT, SHAPES, captions, clip_loss, render, sample_batch, siglip_loss
from torch import nn
from vit import ViT

from grader.testing import replaces


# ---------------------------------------------------------------- captions
@replaces("captions")
def ca_list(combinations):
    """number by number"""
    rows = [[c // 16, 4 + (c // 4) % 4, 8 + c % 4] for c in combinations.tolist()]
    return torch.tensor(rows, dtype=torch.int64).reshape(-1, 3)


@replaces("captions")
def ca_table(combinations):
    """a table of all 64"""
    table = torch.cartesian_prod(torch.arange(4), torch.arange(4, 8), torch.arange(8, 12))
    return table[combinations]


@replaces("captions")
def ca_unravel(combinations):
    """unravel_index"""
    return torch.stack(torch.unravel_index(combinations, (4, 4, 4)), dim=-1) + torch.tensor([0, 4, 8])


@replaces("captions")
def ca_bits(combinations):
    """bits"""
    return torch.stack([combinations >> 4, (combinations >> 2 & 3) | 4, (combinations & 3) | 8], dim=1)


@replaces("captions")
def ca_broadcast(combinations):
    """broadcast division and remainder"""
    return combinations[:, None] // torch.tensor([16, 4, 1]) % 4 + torch.tensor([0, 4, 8])


@replaces("captions")
def ca_numpy(combinations):
    """NumPy"""
    a, b, c = np.unravel_index(combinations.numpy(), (4, 4, 4))
    return torch.from_numpy(np.stack([a, b + 4, c + 8], axis=1).astype(np.int64))


@replaces("captions")
def ca_divmod(combinations):
    """rounding division; the result is a transposed view"""
    colour = torch.div(combinations, 16, rounding_mode="floor")
    rest = combinations - 16 * colour
    shape = torch.div(rest, 4, rounding_mode="floor")
    return torch.stack([colour, shape + 4, rest - 4 * shape + 8]).T


@replaces("captions")
def ca_write(combinations):
    """columns are written"""
    words = torch.empty(combinations.shape[0], 3, dtype=torch.int64)
    words[:, 0] = combinations.floor_divide(16)
    words[:, 1] = combinations.remainder(16).floor_divide(4).add(4)
    words[:, 2] = combinations.remainder(4).add(8)
    return words


# ---------------------------------------------------------------- render
@lru_cache
def clean():
    """all 64 pictures without noise"""
    out = torch.zeros(64, 3, 16, 16)
    for c in range(64):
        rgb = list(COLOURS.values())[c // 16]
        shape = list(SHAPES.values())[c // 4 % 4]
        top, left = divmod(c % 4, 2)
        for y, line in enumerate(shape):
            for x, pixel in enumerate(line):
                if pixel == "#":
                    for channel, value in enumerate(rgb):
                        out[c, channel, 8 * top + y, 8 * left + x] = value
    return out


@replaces("render")
def re_table(combinations, seed):
    """a table of all pictures"""
    g = torch.Generator().manual_seed(seed)
    return clean()[combinations] + torch.randn(len(combinations), 3, 16, 16, generator=g) * 0.3


@replaces("render")
def re_numpy(combinations, seed):
    """NumPy"""
    noise = np.random.default_rng(seed).normal(0.0, 0.3, size=(len(combinations), 3, 16, 16))
    pictures = np.zeros_like(noise)
    masks = np.array([[[p == "#" for p in line] for line in s] for s in SHAPES.values()], dtype=float)
    rgb = np.array(list(COLOURS.values()))
    for picture, c in zip(pictures, combinations.tolist()):
        y, x = 8 * (c >> 1 & 1), 8 * (c & 1)
        picture[:, y : y + 8, x : x + 8] = rgb[c >> 4][:, None, None] * masks[c >> 2 & 3]
    return torch.from_numpy(pictures + noise).float()


@replaces("render")
def re_kron(combinations, seed):
    """place, shape and colour as an outer product"""
    torch.manual_seed(seed)
    noise = torch.empty(combinations.shape[0], 3, 16, 16).normal_(0, 0.3)
    rgb = torch.tensor([*COLOURS.values()])[combinations // 16]
    shape = torch.tensor([[[float(p == "#") for p in line] for line in s] for s in SHAPES.values()])[combinations // 4 % 4]
    place = F.one_hot(combinations % 4, 4).float().reshape(-1, 2, 2)
    picture = torch.einsum("bc,bij,byx->bciyjx", rgb, place, shape).reshape(-1, 3, 16, 16)
    return picture + noise


@replaces("render")
def re_pad(combinations, seed):
    """quarters, padded"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        noise = torch.normal(0.0, 0.3, (len(combinations), 3, 16, 16))
    pictures = []
    names, colours = list(SHAPES), list(COLOURS)
    for c in combinations:
        c = int(c)
        mask = torch.tensor([[1.0 if p == "#" else 0.0 for p in line] for line in SHAPES[names[c % 16 // 4]]])
        quarter = torch.tensor(COLOURS[colours[c // 16]]).reshape(3, 1, 1) * mask
        bottom, right = c % 4 >= 2, c % 2 == 1
        pictures.append(F.pad(quarter, (8 * right, 8 * (not right), 8 * bottom, 8 * (not bottom))))
    return torch.stack(pictures) + noise if pictures else noise


@replaces("render")
def re_per_picture(combinations, seed):
    """noise of each picture from a seed of its own"""
    rng = random.Random(seed)
    out = torch.empty(len(combinations), 3, 16, 16)
    for i, c in enumerate(combinations.tolist()):
        g = torch.Generator().manual_seed(rng.getrandbits(60))
        out[i] = clean()[c] + 0.3 * torch.randn(3, 16, 16, generator=g)
    return out


@replaces("render")
def re_where(combinations, seed):
    """coordinates and where; channels last, moved to the front"""
    g = torch.Generator().manual_seed(seed)
    c = combinations.reshape(-1, 1, 1)
    y, x = torch.arange(16).reshape(1, 16, 1), torch.arange(16).reshape(1, 1, 16)
    masks = torch.tensor([[[p == "#" for p in line] for line in s] for s in SHAPES.values()])
    on = masks[c // 4 % 4, y % 8, x % 8] & (y // 8 == c % 4 // 2) & (x // 8 == c % 2)
    rgb = torch.tensor(list(COLOURS.values()))[combinations // 16].reshape(-1, 1, 1, 3)
    picture = torch.where(on.unsqueeze(-1), rgb, 0.0)
    return (picture + 0.3 * torch.randn(picture.shape, generator=g)).permute(0, 3, 1, 2)


@replaces("render")
def re_double(combinations, seed):
    """noise in float64, rounded; in place on the noise"""
    out = torch.randn(len(combinations), 3, 16, 16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    out *= 0.3
    out += clean().double().index_select(0, combinations)
    return out.to(torch.float32)


@replaces("render")
def re_words(combinations, seed):
    """by the words of the captions"""
    g = torch.Generator()
    g.manual_seed(seed)
    out = torch.zeros(len(combinations), 3, 16, 16)
    for picture, (colour, shape, place) in zip(out, captions(combinations).tolist()):
        rows = slice(0, 8) if place in (8, 9) else slice(8, 16)
        columns = slice(0, 8) if place in (8, 10) else slice(8, 16)
        mask = torch.tensor([[p == "#" for p in line] for line in tuple(SHAPES.values())[shape - 4]])
        for channel, value in enumerate(tuple(COLOURS.values())[colour]):
            picture[channel, rows, columns] = value * mask
    return out.add_(torch.randn(out.shape, generator=g), alpha=0.3)


# ---------------------------------------------------------------- sample_batch
def shown():
    return [c for c in range(64) if c not in HELD_OUT]


@replaces("sample_batch")
def sb_python(size, seed):
    """random.sample"""
    return torch.tensor(random.Random(seed).sample(shown(), size), dtype=torch.int64)


@replaces("sample_batch")
def sb_numpy(size, seed):
    """choice without replacement"""
    return torch.from_numpy(np.random.default_rng(seed).choice(np.array(shown(), dtype=np.int64), size, replace=False))


@replaces("sample_batch")
def sb_multinomial(size, seed):
    """multinomial with weight 0 for the held out"""
    weights = torch.ones(64).index_fill(0, torch.tensor(HELD_OUT), 0.0)
    if size == 0:
        return torch.zeros(0, dtype=torch.int64)
    return torch.multinomial(weights, size, replacement=False, generator=torch.Generator().manual_seed(seed))


@replaces("sample_batch")
def sb_topk(size, seed):
    """the largest of random numbers"""
    u = torch.rand(64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    u[list(HELD_OUT)] = -1
    return u.topk(size).indices


POOL = torch.tensor(shown())


@replaces("sample_batch")
def sb_argsort(size, seed):
    """argsort; torch's own generator is seeded"""
    torch.manual_seed(seed)
    return POOL[torch.rand(len(POOL), dtype=torch.float64).argsort()][:size]


@replaces("sample_batch")
def sb_reject(size, seed):
    """draws until there are enough"""
    g, chosen = random.Random(seed), []
    while len(chosen) < size:
        c = g.randrange(64)
        if c not in HELD_OUT and c not in chosen:
            chosen.append(c)
    return torch.tensor(chosen, dtype=torch.int64)


@replaces("sample_batch")
def sb_permutation(size, seed):
    """a permutation of all 64, without the held out"""
    order = torch.randperm(64, generator=torch.Generator().manual_seed(seed))
    return order[~torch.isin(order, torch.tensor(HELD_OUT))][:size]


@replaces("sample_batch")
def sb_pop(size, seed):
    """takes one after the other from the pool"""
    g, pool, out = torch.Generator().manual_seed(seed), shown(), []
    for _ in range(size):
        out.append(pool.pop(torch.randint(len(pool), (), generator=g).item()))
    return torch.tensor(out, dtype=torch.long)


# ---------------------------------------------------------------- TinyCLIP
class Common(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        state = torch.get_rng_state()
        torch.manual_seed(seed)
        self.image_encoder = ViT(image_size=16, patch=4, channels=3, dim=48, depth=2, heads=4, mlp_dim=192, num_classes=10)
        self.W_image = nn.Linear(48, 32)
        self.build_text()
        torch.set_rng_state(state)
        for name, value in (("log_scale", -math.log(0.07)), ("log_t", math.log(10)), ("bias", -10.0)):
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float32)))

    def encode_image(self, images):
        return self.W_image(self.image_encoder.features(images)[:, 0])

    def objective(self, combinations, noise_seed, loss):
        u, v = self.encode_image(render(combinations, noise_seed)), self.encode_text(captions(combinations))
        if loss == "siglip":
            return siglip_loss(u, v, self.log_t, self.bias)
        return clip_loss(u, v, self.log_scale)


@replaces("TinyCLIP")
class ClipConcat(Common):
    """an MLP on the three words side by side; Adam with a schedule by hand; Python's random for the seeds"""

    def build_text(self):
        self.words = nn.Embedding(12, 24)
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(72, 96), nn.GELU(), nn.Linear(96, 32))

    def encode_text(self, words):
        return self.mlp(self.words(words))

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        rng, losses = random.Random(seed), []
        optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = lr * min((step + 1) / 30, 1.0, 1.05 - step / steps)
            value = self.objective(sample_batch(batch, rng.getrandbits(31)), rng.getrandbits(31), loss)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())
        return losses


@replaces("TinyCLIP")
class ClipSum(Common):
    """a sum of word vectors, one linear map; AdamW at a constant rate"""

    def build_text(self):
        self.vectors = nn.Parameter(0.5 * torch.randn(12, 32))
        self.W_text = nn.Linear(32, 32)

    def encode_text(self, words):
        return self.W_text(self.vectors[words].sum(dim=1))

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        if loss not in ("clip", "siglip"):
            raise ValueError(loss)
        torch.manual_seed(seed)
        seeds = torch.randint(2**30, (2, steps))
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0)
        losses = []
        for a, b in seeds.T.tolist():
            optimizer.zero_grad()
            value = self.objective(sample_batch(batch, a), b, loss)
            value.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 5.0)
            optimizer.step()
            losses.append(value.detach())
        return [float(v) for v in losses]


@replaces("TinyCLIP")
class ClipAttention(Common):
    """a hand-written attention over a class token and the words; only the parameters of the loss in use are trained"""

    def build_text(self):
        self.table = nn.Embedding(13, 32)
        self.places = nn.Embedding(4, 32)
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
        self.norms = nn.ModuleList([nn.LayerNorm(32), nn.LayerNorm(32)])
        self.head = nn.Linear(32, 32, bias=False)

    def encode_text(self, words):
        words = F.pad(words, (1, 0), value=12)
        x = self.table(words) + self.places(torch.arange(4))
        q, k, v = self.qkv(self.norms[0](x)).chunk(3, -1)
        x = x + self.out((q @ k.mT / 32**0.5).softmax(-1) @ v)
        x = x[:, 0] + x[:, 1:].mean(1)
        return self.head(self.norms[1](x))

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        unused = {"clip": {"log_t", "bias"}, "siglip": {"log_scale"}}[loss]
        parameters = [p for name, p in self.named_parameters() if name not in unused]
        optimizer = torch.optim.AdamW(parameters, lr=lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps + 1, pct_start=0.2)
        g, losses = torch.Generator().manual_seed(seed), []
        for _ in range(steps):
            a, b = torch.randint(1 << 31, (2,), generator=g).tolist()
            value = self.objective(sample_batch(batch, a), b, loss)
            gradients = torch.autograd.grad(value, parameters, allow_unused=True)
            for p, gradient in zip(parameters, gradients):
                p.grad = gradient
            optimizer.step()
            schedule.step()
            losses.append(value.item())
        return losses


@replaces("TinyCLIP")
class ClipRecurrent(Common):
    """a GRU over the words; cosine schedule"""

    def build_text(self):
        self.embedding = nn.Embedding(12, 32)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.W_text = nn.Linear(64, 32)

    def encode_text(self, words):
        return self.W_text(self.gru(self.embedding(words))[1][-1])

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        optimizer = torch.optim.Adam(self.parameters(), lr=lr, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
        losses = []
        for a, b in np.random.default_rng(seed).integers(2**31, size=(steps, 2)).tolist():
            value = self.objective(sample_batch(batch, a), b, loss)
            self.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            schedule.step()
            losses.append(value.item())
        return losses


@replaces("TinyCLIP")
class ClipOneHot(nn.Module):
    """one-hot words through a small network; all seeds and all batches are drawn first; other names, no common base"""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        self.log_t = nn.Parameter(torch.tensor(10.0).log())
        self.bias = nn.Parameter(torch.full((), -10.0))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.towers = nn.ModuleDict(
                {
                    "text": nn.Sequential(nn.Linear(36, 64), nn.Tanh(), nn.Linear(64, 32)),
                    "image": ViT(16, 4, 3, dim=48, depth=2, heads=4, mlp_dim=192, num_classes=64),
                }
            )
            self.to_space = nn.Parameter(torch.randn(48, 32) / 48**0.5)

    def encode_image(self, images):
        return self.towers["image"].features(images)[:, 0] @ self.to_space

    def encode_text(self, words):
        hot = torch.zeros(len(words), 3, 12).scatter(2, words.unsqueeze(-1), 1.0)
        return self.towers["text"](hot.flatten(1))

    def fit(self, loss="clip", steps=300, batch=48, lr=2e-3, seed=0):
        rng = np.random.default_rng(seed)
        batches = [sample_batch(batch, int(s)) for s in rng.integers(2**31, size=steps)]
        noise = [int(s) for s in rng.integers(2**31, size=steps)]
        criterion = {
            "clip": lambda u, v: clip_loss(u, v, self.log_scale),
            "siglip": lambda u, v: siglip_loss(u, v, self.log_t, self.bias),
        }[loss]
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, (i + 1) / 20) * (1 - 0.9 * i / max(steps, 1)))
        losses = []
        for combinations, noise_seed in zip(batches, noise):
            value = criterion(self.encode_image(render(combinations, noise_seed)), self.encode_text(captions(combinations)))
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_value_(self.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(value.item())
        return losses


# ---------------------------------------------------------------- retrieve
@replaces("retrieve")
def rt_cosine(model, images):
    """F.cosine_similarity"""
    with torch.no_grad():
        u, v = model.encode_image(images), model.encode_text(captions(torch.arange(64)))
        return F.cosine_similarity(u[:, None], v[None], dim=-1).argmax(dim=-1)


@replaces("retrieve")
def rt_texts_only(model, images):
    """the length of the picture's vector does not matter"""
    with torch.inference_mode():
        v = model.encode_text(captions(torch.arange(64)))
        scores = model.encode_image(images) @ (v / v.norm(dim=1, keepdim=True)).T
    return scores.max(dim=1).indices.clone()


@replaces("retrieve")
def rt_loop(model, images):
    """picture by picture, caption by caption"""
    with torch.no_grad():
        texts = [model.encode_text(captions(torch.tensor([c])))[0] for c in range(64)]
        best = []
        for image in images:
            u = model.encode_image(image[None])[0]
            cosines = [(torch.dot(u, v) / (u.norm() * v.norm())).item() for v in texts]
            best.append(max(range(64), key=cosines.__getitem__))
    return torch.tensor(best, dtype=torch.int64)


@replaces("retrieve")
def rt_detach(model, images):
    """detached, sorted"""
    u = model.encode_image(images).detach()
    v = model.encode_text(captions(torch.arange(64))).detach()
    u, v = u / u.pow(2).sum(1, keepdim=True).sqrt(), v / v.pow(2).sum(1, keepdim=True).sqrt()
    return torch.einsum("be,ce->bc", u, v).sort(dim=1, descending=True).indices[:, 0]


@replaces("retrieve")
def rt_chunks(model, images):
    """pictures in pieces of 50"""
    with torch.no_grad():
        v = F.normalize(model.encode_text(captions(torch.arange(64))))
        return torch.cat([(F.normalize(model.encode_image(part)) @ v.T).argmax(-1) for part in images.split(50)])


@replaces("retrieve")
def rt_numpy(model, images):
    """NumPy in float64"""
    with torch.no_grad():
        u, v = model.encode_image(images).double().numpy(), model.encode_text(captions(torch.arange(64))).double().numpy()
    cosine = (u / np.linalg.norm(u, axis=1, keepdims=True)) @ (v / np.linalg.norm(v, axis=1, keepdims=True)).T
    return torch.from_numpy(cosine.argmax(axis=1).astype(np.int64))


@replaces("retrieve")
def rt_distance(model, images):
    """the nearest of vectors of length 1"""
    with torch.no_grad():
        u = F.normalize(model.encode_image(images).double(), dim=1)
        v = F.normalize(model.encode_text(captions(torch.arange(64))).double(), dim=1)
        return torch.cdist(u, v, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)


@replaces("retrieve")
@torch.no_grad()
def rt_eval(model, images):
    """in eval mode, then back"""
    mode = model.training
    model.eval()
    words = captions(torch.arange(64))
    logits = model.log_scale.exp() * F.normalize(model.encode_image(images), dim=-1) @ F.normalize(model.encode_text(words), dim=-1).T
    model.train(mode)
    return logits.topk(1).indices.flatten()
