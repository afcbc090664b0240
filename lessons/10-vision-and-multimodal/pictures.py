"""The pictures of lesson 10, computed from the same small boat as its text."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate, normalize

from grader.pictures import Arrow, Bars, Box, Boxes, Curves, Dial, Dials, Grid, Hand, Heatmap, Line, Matrix, Series

ROWS = ("...#....", "...##...", "...###..", "...####.", "...#....", "########", ".######.", "..####..")
BOAT = torch.tensor([[float(c == "#") for c in row] for row in ROWS])
SUNK = torch.cat([BOAT[4:], BOAT[:4]])

SIGNED = 2 * BOAT.double() - 1  # paint is 1, and -1 where there is none
DATA = torch.stack([SIGNED.flatten(), SIGNED.flip(1).flatten()])  # the boat and its mirror image

STEPS = 1000
BETA = torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64)  # the linear schedule
BAR = (1 - BETA).cumprod(0)
EVERY = 25  # steps between two points of a curve


def _numbers(x: Tensor, digits: int = 2) -> list[Any]:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    numbers: list[Any] = torch.round(x.detach().double(), decimals=digits).tolist()
    return numbers


def _rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    return [round(value, digits) for value in values]


def _cells(title: str, picture: Tensor) -> Grid:
    """Pixels that are brighter than one half are filled."""
    return Grid(title, (), (), (picture > 0.5).tolist())


# ------------------------------------------------------------ 1 a picture is a sequence


def way_through_pictures() -> Boxes:
    return Boxes(
        "way-through-pictures",
        "Three groups of parts",
        (
            Box("patches", "1 patches", 0, 0),
            Box("vit", "2-3 vision\ntransformer", 0, 1),
            Box("clip", "4-6 pictures\nand captions", 0, 2),
            Box("prompt", "7-10 a picture\nin a prompt", 1, 2),
            Box("few", "11 a picture in\nfew numbers", 1, 0),
            Box("noise", "12-15 from noise\nto a picture", 2, 0),
            Box("network", "16-19 the\nnetwork", 2, 1),
            Box("flow", "20-22 straight\nlines", 2, 2),
        ),
        (
            Arrow("patches", "vit"),
            Arrow("vit", "clip"),
            Arrow("clip", "prompt"),
            Arrow("few", "noise"),
            Arrow("noise", "network"),
            Arrow("network", "flow"),
        ),
    )


def scores_over_patch_side() -> Curves:
    sides = [1, 2, 4, 7, 8, 14, 16, 28, 32]
    line = Line("pairs of tokens", sides, [(224 // P) ** 4 for P in sides])
    return Curves(
        "scores-over-patch-side", "Scores of one head", "side of a patch", "scores", (line,), log_x=True, log_y=True
    )


def patches_of_the_boat() -> Matrix:
    patches = BOAT.view(2, 4, 2, 4).permute(0, 2, 1, 3).reshape(4, 4, 4)
    grids = [_cells("picture", BOAT), *(_cells(str(i), patch) for i, patch in enumerate(patches))]
    return Matrix("patches-of-the-boat", "One picture, four tokens", tuple(grids), ("",) * 4)


def place_of_a_patch() -> Heatmap:
    D, side = 64, 7
    omega = 10_000.0 ** (-torch.arange(D // 4).double() / (D // 4))
    angle = torch.arange(side)[:, None] * omega
    r, c = angle.repeat_interleave(side, 0), angle.repeat(side, 1)
    places = torch.cat([r.sin(), r.cos(), c.sin(), c.cos()], 1)
    unit = places / places.norm(dim=1, keepdim=True)
    alike = (unit @ unit[2 * side + 3]).view(side, side)
    names = tuple(str(i) for i in range(side))
    title = "How alike all places are to row 2, column 3"
    return Heatmap("place-of-a-patch", title, names, names, _numbers(alike))


# ------------------------------------------------------------ 2 one answer for a picture


def afloat_and_sunk() -> Matrix:
    rng = torch.Generator().manual_seed(1)
    noisy = SUNK + 0.5 * torch.randn(8, 8, generator=rng)
    grids = (_cells("afloat", BOAT), _cells("sunk", SUNK), _cells("sunk, at night", noisy))
    return Matrix("afloat-and-sunk", "The same patches in another order", grids, ("",) * 2)


def vision_transformer() -> Boxes:
    return Boxes(
        "vision-transformer",
        "A vision transformer",
        (
            Box("picture", "picture", 0, 0),
            Box("cut", "patches\n→ vectors", 0, 1),
            Box("cls", "class token\nin front", 0, 2),
            Box("place", "+ places", 0, 3),
            Box("layers", "layers,\nno mask", 1, 1),
            Box("norm", "norm", 1, 2),
            Box("head", "token 0\n→ logits", 1, 3),
        ),
        (
            Arrow("picture", "cut"),
            Arrow("cut", "cls"),
            Arrow("cls", "place"),
            Arrow("place", "layers"),
            Arrow("layers", "norm"),
            Arrow("norm", "head"),
        ),
    )


# ------------------------------------------------------------ 3 to the last weight


def wrong_cut() -> Matrix:
    names, heads = ("queries", "keys", "values"), ("head 0", "head 1")
    rows = torch.arange(12)
    grids = []
    for title, of in (("three, heads, K", rows.view(3, 2, 2).transpose(0, 1)), ("heads, three, K", rows.view(2, 3, 2))):
        cells = [[" ".join(str(number) for number in pair) for pair in head] for head in of.tolist()]
        grids.append(Grid(title, heads, names, cells))
    return Matrix("wrong-cut", "Which rows of qkv each head takes", tuple(grids), ("",))


def places_resized() -> Matrix:
    grid = torch.arange(4.0).view(1, 1, 2, 2)
    large = interpolate(grid, size=(3, 3), mode="bilinear")
    return Matrix(
        "places-resized",
        "From 2 × 2 places to 3 × 3",
        (
            Grid("class token", (), (), [[9]]),
            Grid("2 × 2", (), (), _numbers(grid[0, 0])),
            Grid("class token", (), (), [[9]]),
            Grid("3 × 3", (), (), _numbers(large[0, 0]), digits=1),
        ),
        ("", "→", ""),
    )


# ------------------------------------------------------------ 4 pictures find their captions

LOGITS = torch.tensor([[4.0, -3.0], [4.8, 1.4]])  # of two pictures and their captions


def pictures_and_captions() -> Heatmap:
    rows, columns = ("picture: afloat", "picture: sunk"), ("afloat", "sunk")
    title = "Scale times cosine, for two pairs"
    return Heatmap("pictures-and-captions", title, rows, columns, _numbers(LOGITS, 1), digits=1)


def vectors_on_a_circle() -> Dials:
    """Three pairs with two numbers each: before training, collapsed, and after training with a choice among B."""

    starts = torch.tensor([[15.0, 135.0, 250.0], [195.0, 310.0, 50.0]], dtype=torch.float64)

    def trained(steps: int) -> tuple[Tensor, Tensor]:
        u, v = (torch.stack([angles.cos(), angles.sin()], 1).requires_grad_() for angles in starts.deg2rad())
        sgd = torch.optim.SGD([u, v], lr=0.5)
        for _ in range(steps):
            a, b = normalize(u, dim=1), normalize(v, dim=1)
            z, own = 2 * a @ b.T, torch.arange(3)
            loss = cross_entropy(z, own) + cross_entropy(z.T, own)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        return u.detach(), v.detach()

    def hands(label: str, vectors: Tensor) -> list[Hand]:
        return [Hand(label, round(math.degrees(math.atan2(y, x)) % 360)) for x, y in vectors.tolist()]

    (before, captions), (after, _) = trained(0), trained(2000)
    dials = (
        Dial("before", (*hands("p", before), *hands("c", captions))),
        Dial("nearness alone", (Hand("p = c", 40.0),)),
        Dial("choose among B", tuple(hands("p = c", after))),
    )
    return Dials("vectors-on-a-circle", "Three pictures and their captions", dials)


# ------------------------------------------------------------ 5 yes or no


def choice_or_decisions() -> Matrix:
    rows, columns = ("afloat", "sunk"), ("afloat", "sunk")
    return Matrix(
        "choice-or-decisions",
        "The same logits, as choices and as decisions",
        (
            Grid("softmax of rows", rows, columns, _numbers(LOGITS.softmax(1))),
            Grid("softmax of columns", rows, columns, _numbers(LOGITS.softmax(0))),
            Grid("sigmoid of each cell", rows, columns, _numbers(LOGITS.sigmoid())),
        ),
        ("", ""),
    )


def first_loss_of_siglip() -> Curves:
    pairs = 32_768
    bias = torch.linspace(-16, 0, 33, dtype=torch.float64)
    soft = torch.nn.functional.softplus
    no = (pairs - 1) * soft(bias)
    return Curves(
        "first-loss-of-siglip",
        "First loss for a picture, 32,768 pairs",
        "bias",
        "loss",
        (
            Line("from its own caption", bias.tolist(), _numbers(soft(-bias), 4)),
            Line("from all others", bias.tolist(), _numbers(no, 4)),
        ),
        log_y=True,
    )


# ------------------------------------------------------------ 6 what was never shown


def world_of_sixteen() -> Matrix:
    cells = [[4 * colour + shape not in (3, 6, 12) for shape in range(4)] for colour in range(4)]
    grid = Grid("", ("red", "green", "blue", "yellow"), ("ring", "square", "cross", "disc"), cells)
    return Matrix("world-of-sixteen", "Four colours and four shapes", (grid,))


def shown_and_held_out() -> Bars:
    shown = [(0.977 + 0.981 + 0.977) / 3, (0.965 + 0.921 + 0.969) / 3]
    held = [(0.933 + 0.933 + 0.900) / 3, (0.800 + 0.683 + 0.892) / 3]
    return Bars(
        "shown-and-held-out",
        "Share that finds its caption among 64, mean of three runs",
        ("softmax", "sigmoid"),
        (Series("shown", _rounded(shown)), Series("held out", _rounded(held))),
        "share",
    )


# ------------------------------------------------------------ 7 a picture in the prompt


def path_of_a_picture() -> Boxes:
    return Boxes(
        "path-of-a-picture",
        "How LLaVA-1.5 reads a picture",
        (
            Box("picture", "picture\n336 × 336", 0, 0),
            Box("vit", "vision\ntransformer", 0, 1),
            Box("patches", "576 patches\nof 1024", 0, 2),
            Box("projector", "projector\n1024 → 4096", 0, 3),
            Box("text", "prompt", 1, 0),
            Box("table", "embeddings\nof 4096", 1, 1),
            Box("merged", "over the\nplaceholders", 1, 3),
            Box("decoder", "decoder", 2, 3),
        ),
        (
            Arrow("picture", "vit"),
            Arrow("vit", "patches"),
            Arrow("patches", "projector"),
            Arrow("projector", "merged"),
            Arrow("text", "table"),
            Arrow("table", "merged"),
            Arrow("merged", "decoder"),
        ),
    )


def merged_prompt() -> Matrix:
    cells = [["pad", "hi", "10", "11", "12", "what", "?"], ["20", "21", "22", "and", "30", "31", "32"]]
    columns = tuple(str(i) for i in range(7))
    grid = Grid("", ("text 0", "text 1"), columns, cells)
    return Matrix("merged-prompt", "Three pictures in two texts", (grid,))


# ------------------------------------------------------------ 7 and 9 what a picture costs


def causal_or_prefix() -> Matrix:
    names = ("p0", "p1", "p2", "q", "a0", "a1")
    causal = torch.ones(6, 6).tril().bool()
    prefix = causal | (torch.arange(6) < 4)
    grids = (
        Grid("causal: LLaVA", names, names, causal.tolist()),
        Grid("prefix: PaliGemma", names, names, prefix.tolist()),
    )
    return Matrix("causal-or-prefix", "Two masks for a picture in a prompt", grids, ("",))


# ------------------------------------------------------------ 8 what it learns from


def labels_and_gradients() -> Matrix:
    tokens = ("hi", "p0", "p1", "p2", "what", "?", "a", "boat")
    says = ["", "", "", "", "", "a", "boat", ""]
    reached: list[bool | str] = [place <= 6 for place in range(8)]
    grid = Grid("", ("must say", "gradient"), tokens, [says, reached])
    return Matrix("labels-and-gradients", "Two places have a label, seven are reached", (grid,))


# ------------------------------------------------------------ 10 four patches, one token


def three_positions() -> Matrix:
    cells = [["" for _ in range(7)] for _ in range(7)]
    for place in (0, 1, 5, 6):
        cells[place][place] = "word"
    for row in range(2):
        for column in range(3):
            cells[2 + row][2 + column] = "photo"
    names = tuple(str(i) for i in range(7))
    return Matrix("three-positions", "Row (down) and column (across) of nine tokens", (Grid("", names, names, cells),))


# ------------------------------------------------------------ 11 a picture in few numbers


def past_the_codebook() -> Boxes:
    return Boxes(
        "past-the-codebook",
        "A picture becomes codes, and comes back",
        (
            Box("picture", "picture", 0, 0),
            Box("encoder", "encoder", 0, 1),
            Box("z", "z", 0, 2),
            Box("decoder", "decoder", 0, 4),
            Box("codebook", "nearest of\n16 codes", 1, 3),
        ),
        (
            Arrow("picture", "encoder"),
            Arrow("encoder", "z"),
            Arrow("z", "codebook"),
            Arrow("codebook", "decoder"),
            Arrow("decoder", "z", "gradient"),
        ),
    )


# ------------------------------------------------------------ 12 why the average is grey


def _pixels(title: str, picture: Tensor) -> Grid:
    """Pixels above 0 are filled."""
    return Grid(title, (), (), (picture.view(8, 8) > 0).tolist())


def grey_boat() -> Matrix:
    mean = DATA.mean(0).view(8, 8).tolist()
    cells: list[list[bool | str]] = [["0" if value == 0 else value > 0 for value in row] for row in mean]
    grids = (_pixels("boat", DATA[0]), _pixels("in a mirror", DATA[1]), Grid("what is drawn", (), (), cells))
    return Matrix("grey-boat", "Two pictures and their mean", grids, ("", "→"))


def signal_and_noise() -> Curves:
    """The factors of the picture and of the noise in x_t, over t."""
    places = [*range(0, STEPS, EVERY), STEPS - 1]
    steps = [float(t) for t in places]
    lines = (
        Line("picture", steps, _numbers(BAR[places].sqrt(), 4)),
        Line("noise", steps, _numbers((1 - BAR[places]).sqrt(), 4)),
    )
    title = "Factors of the picture and of the noise"
    return Curves("signal-and-noise", title, "step t", "factor", lines, low=0.0, high=1.0)


def boat_under_noise() -> Matrix:
    rng = torch.Generator().manual_seed(2)
    noise = torch.randn(64, generator=rng).double()
    grids = []
    for t in (0, 100, 250, 400, 600, 999):
        x = BAR[t].sqrt() * DATA[0] + (1 - BAR[t]).sqrt() * noise
        grids.append(_pixels(f"t = {t}", x))
    return Matrix("boat-under-noise", "A boat on its way to noise; pixels above 0 are filled", tuple(grids), ("",) * 5)


def two_schedules() -> Curves:
    u = torch.arange(STEPS + 1, dtype=torch.float64) / STEPS
    f = torch.cos(torch.pi / 2 * (u + 0.008) / 1.008) ** 2
    cosine = (1 - (1 - f[1:] / f[:-1]).clamp(max=0.999)).cumprod(0)
    places = [*range(0, STEPS, EVERY), STEPS - 1]
    steps = [float(t) for t in places]
    lines = (
        Line("linear", steps, _numbers(BAR[places], 4)),
        Line("cosine", steps, _numbers(cosine[places], 4)),
    )
    title = "What is left of the picture's variance"
    return Curves("two-schedules", title, "step t", "share", lines, low=0.0, high=1.0)


# ------------------------------------------------------------ 13 one step back


def _guess(x: Tensor, a: Tensor) -> Tensor:
    """What the perfect network for the two boats says of x_0."""
    far = (x[:, None] - a.sqrt() * DATA).square().sum(-1)
    return (-far / (2 * (1 - a))).softmax(-1) @ DATA


def boat_out_of_noise() -> Matrix:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(1, 64, generator=rng).double()
    grids = [_pixels("noise", x)]
    for t in range(STEPS - 1, -1, -1):
        a, b = BAR[t], BETA[t]
        before = BAR[t - 1] if t else torch.ones(()).double()
        mean = (before.sqrt() * b * _guess(x, a) + (1 - b).sqrt() * (1 - before) * x) / (1 - a)
        fresh = torch.randn(1, 64, generator=rng).double()
        x = mean + ((1 - before) / (1 - a) * b).sqrt() * fresh
        if t in (600, 400, 250, 100, 0):
            grids.append(_pixels(f"after t = {t}", x))
    return Matrix("boat-out-of-noise", "A boat on its way out of noise", tuple(grids), ("",) * 5)


# ------------------------------------------------------------ 15 more of what was asked


def _drawn(scale: float) -> Tensor:
    """Guided drawings of the right one of two bumps, from the quantiles of noise."""
    u = (torch.arange(2001, dtype=torch.float64) + 0.5) / 2001
    x = torch.erfinv(2 * u - 1) * 2**0.5
    means = torch.tensor([2.0, -2.0], dtype=torch.float64)
    places = [*BAR[4::5].flip(0).tolist(), 1.0]
    for a, after in pairwise(places):
        spread = a * 0.25 + 1 - a
        far = x[:, None] - a**0.5 * means
        each = (1 - a) ** 0.5 * far / spread
        without = ((-far.square() / (2 * spread)).softmax(1) * each).sum(1)
        eps = without + scale * (each[:, 0] - without)
        x = after**0.5 * (x - (1 - a) ** 0.5 * eps) / a**0.5 + (1 - after) ** 0.5 * eps
    return x


def guided_drawings() -> Curves:
    places = torch.linspace(-1, 4, 51, dtype=torch.float64)
    lines = []
    for scale in (1, 2, 4):
        far = (places[:, None] - _drawn(scale)) / 0.1  # each drawing is spread a little
        density = (-far.square() / 2).exp().mean(1) / (0.1 * (2 * math.pi) ** 0.5)
        lines.append(Line(f"scale {scale}", places.tolist(), _numbers(density)))
    title = "How often a number is drawn"
    return Curves("guided-drawings", title, "tip of the sail", "density", tuple(lines), low=0.0)


# ------------------------------------------------------------ 16 to 18 down and up again


def boat_without_skips() -> Matrix:
    small = SIGNED.view(2, 4, 2, 4).mean((1, 3))
    back = small.repeat_interleave(4, 0).repeat_interleave(4, 1)
    grids = (
        _pixels("boat", SIGNED),
        Grid("smallest level", (), (), _numbers(small)),
        _pixels("without skips", back),
    )
    return Matrix("boat-without-skips", "What a small picture cannot keep", grids, ("→", "→"))


def u_net() -> Boxes:
    return Boxes(
        "u-net",
        "A U-Net of three levels",
        (
            Box("in", "picture, t", 0, 0),
            Box("down0", "down 0\nb", 0, 1),
            Box("up0", "up 0\n2b + b → b", 0, 3),
            Box("out", "noise", 0, 4),
            Box("down1", "down 1\n2b", 1, 1),
            Box("up1", "up 1\n4b + 2b → 2b", 1, 3),
            Box("down2", "down 2\n4b", 2, 1),
            Box("mid", "middle\n4b", 2, 2),
            Box("up2", "up 2\n4b + 4b → 4b", 2, 3),
        ),
        (
            Arrow("in", "down0"),
            Arrow("down0", "down1"),
            Arrow("down1", "down2"),
            Arrow("down2", "mid"),
            Arrow("mid", "up2"),
            Arrow("up2", "up1"),
            Arrow("up1", "up0"),
            Arrow("up0", "out"),
            Arrow("down0", "up0"),
            Arrow("down1", "up1"),
            Arrow("down2", "up2"),
        ),
    )


def steps_apart() -> Curves:
    steps = sorted({*range(0, 1001, 25), *range(480, 521, 2)})
    t = torch.tensor(steps, dtype=torch.float64)
    angle = t[:, None] * 10_000.0 ** (-torch.arange(32).double() / 31)
    waves = torch.cat([angle.sin(), angle.cos()], 1)
    far = (waves - waves[steps.index(500)]).norm(dim=1)
    lines = (
        Line("64 waves", steps, _rounded(far.tolist(), 2)),
        Line("t / 1000", steps, _rounded(((t - 500).abs() / 1000).tolist())),
    )
    return Curves("steps-apart", "How far a step is from step 500", "step t", "distance", lines, low=0.0)


def latent_diffusion() -> Boxes:
    return Boxes(
        "latent-diffusion",
        "Diffusion on a small array",
        (
            Box("noise", "noise\n64 × 64 × 4", 0, 0),
            Box("unet", "network,\n50 steps", 0, 1),
            Box("latent", "latent\n64 × 64 × 4", 0, 2),
            Box("decoder", "autoencoder,\nsecond half", 1, 2),
            Box("picture", "picture\n512 × 512 × 3", 1, 1),
            Box("text", "words of\nthe prompt", 1, 0),
        ),
        (
            Arrow("noise", "unet"),
            Arrow("unet", "latent"),
            Arrow("latent", "decoder"),
            Arrow("decoder", "picture"),
            Arrow("text", "unet"),
        ),
    )


# ------------------------------------------------------------ 19 a transformer that draws


def dit_block() -> Boxes:
    return Boxes(
        "dit-block",
        "Half of a block of DiT",
        (
            Box("x", "x", 1, 0),
            Box("norm", "norm", 1, 1),
            Box("mod", "· (1 + scale)\n+ shift", 1, 2),
            Box("branch", "attention", 1, 3),
            Box("gate", "· gate", 1, 4),
            Box("add", "+", 1, 5),
            Box("c", "step, label", 0, 0),
            Box("ada", "matrix,\nstarts at 0", 0, 2),
        ),
        (
            Arrow("x", "norm"),
            Arrow("norm", "mod"),
            Arrow("mod", "branch"),
            Arrow("branch", "gate"),
            Arrow("gate", "add"),
            Arrow("x", "add"),
            Arrow("c", "ada"),
            Arrow("ada", "mod"),
            Arrow("ada", "gate"),
        ),
    )


# ------------------------------------------------------------ 20 and 21 straight lines


def lines_and_paths() -> Curves:
    starts = (-1.8, -0.7, -0.15, 0.15, 0.7, 1.8)
    count, every = 400, 20
    lines = []
    for start in starts:
        x, ts, xs = start, [1.0], [start]
        for i in range(count):
            t, after = 1 - i / count, 1 - (i + 1) / count
            x0 = math.tanh((1 - t) * x / t**2)
            x += (after - t) * (x - x0) / t
            if (i + 1) % every == 0:
                ts.append(after)
                xs.append(x)
        lines.append(Line(f"from {start}", _rounded(ts[::-1], 4), _rounded(xs[::-1])))
    return Curves("lines-and-paths", "From noise (t = 1) back to 1 or -1 (t = 0)", "time t", "pixel", tuple(lines))


def _end(steps: int, heun: bool) -> float:
    """Where a walker from noise 1 ends, whose exact end is 2.5."""

    def velocity(x: float, t: float) -> float:
        spread, far = (1 - t) ** 2 * 0.25 + t**2, x - (1 - t) * 2
        return t / spread * far - (2 + (1 - t) * 0.25 / spread * far)

    x = 1.0
    for i in range(steps):
        t, after = 1 - i / steps, 1 - (i + 1) / steps
        v = velocity(x, t)
        if heun:
            v = (v + velocity(x + (after - t) * v, after)) / 2
        x += (after - t) * v
    return x


def errors_of_two_methods() -> Curves:
    euler, heun = (4, 8, 16, 32, 64), (4, 8, 16, 32)  # steps
    return Curves(
        "errors-of-two-methods",
        "How far off the end is",
        "questions to the network",
        "error",
        (
            Line("Euler", euler, [round(abs(_end(n, False) - 2.5), 6) for n in euler]),
            Line("Heun", [2 * n for n in heun], [round(abs(_end(n, True) - 2.5), 6) for n in heun]),
        ),
        log_x=True,
        log_y=True,
    )


def times_drawn() -> Curves:
    times = [each / 50 for each in range(1, 50)]

    def density(t: float, m: float) -> float:
        """Of t = sigmoid(m + n), n being standard normal."""
        n = math.log(t / (1 - t)) - m
        return math.exp(-(n**2) / 2) / ((2 * math.pi) ** 0.5 * t * (1 - t))

    lines = (
        Line("evenly", times, [1.0] * len(times)),
        Line("logit-normal", times, _rounded([density(t, 0.0) for t in times], 4)),
        Line("the same, shifted with a = 3", times, _rounded([density(t, math.log(3)) for t in times], 4)),
    )
    title = "How often a time is drawn in training"
    return Curves("times-drawn", title, "time t", "density", lines, low=0.0)


def same_time_larger_boat() -> Matrix:
    rng = torch.Generator().manual_seed(0)
    t, grids = 0.7, [_pixels("boat", SIGNED)]
    for size in (1, 4):
        large = SIGNED.repeat_interleave(size, 0).repeat_interleave(size, 1)
        x = (1 - t) * large + t * torch.randn(8 * size, 8 * size, generator=rng).double()
        grids.append(_pixels(f"{8 * size} × {8 * size}", x.view(8, size, 8, size).mean((1, 3))))
    return Matrix("same-time-larger-boat", "The same time in two sizes", tuple(grids), ("",) * 2)


def ranks_of_training() -> Bars:
    """Esser et al. 2024, table 1: eps/linear, rf and rf/lognorm(0.00, 1.00)."""
    names = ("noise is predicted", "flow, even times", "flow, times in the middle")
    series = (Series("drawn in 5 steps", [4.25, 6.5, 1.25]), Series("in 50 steps", [2.75, 5.75, 1.5]))
    return Bars("ranks-of-training", "Mean rank among 61 ways of training", names, series, "rank")


# ------------------------------------------------------------ 4 once more: the scale of the cosines


def softmax_by_scale() -> Matrix:
    """The two boats and two more pairs."""
    pictures = torch.tensor([[1.0, 0.0], [0.6, 0.8], [-0.8, -0.6], [0.0, -1.0]], dtype=torch.float64)
    captions = torch.tensor([[0.8, 0.6], [-0.6, 0.8], [-0.6, -0.8], [0.28, -0.96]], dtype=torch.float64)
    names = ("afloat", "sunk", "house", "bridge")
    grids = tuple(
        Grid(f"scale {scale}", names if scale == 1 else (), (), _numbers((scale * pictures @ captions.T).softmax(1)))
        for scale in (1, 5, 30)
    )
    return Matrix("softmax-by-scale", "How sure each picture is of each caption", grids, ("", ""))
