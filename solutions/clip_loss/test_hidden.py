"""Logits, losses and probabilities against loops over Python numbers; relations that need no numbers."""

import math

import test_public
import torch

from grader.testing import assert_close, needs, points


def cosine(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True)) / math.hypot(*x) / math.hypot(*y)


def cosines(images, texts):
    """A list of lists, B times M."""
    return [[cosine(x, y) for y in texts.tolist()] for x in images.tolist()]


def surprise(row, i):
    """-log softmax(row)[i]"""
    largest = max(row)
    return largest + math.log(sum(math.exp(z - largest) for z in row)) - row[i]


def right_loss(images, texts, scale):
    rows = [[scale * c for c in row] for row in cosines(images, texts)]
    columns = list(zip(*rows, strict=True))
    B = len(rows)
    return sum((surprise(rows[i], i) + surprise(columns[i], i)) / 2 for i in range(B)) / B


NAMES = ("image_emb", "text_emb", "log_scale")


def slopes(function, leaves):
    """The derivatives of function(images, texts, scale), from finite differences."""
    plain = [leaf.detach() for leaf in leaves]
    h = 1e-4  # of four points: rounding is below 1e-10, and the first term that is left has h⁴ = 1e-16
    for which, leaf in enumerate(plain):
        found = []
        for place in range(leaf.numel()):
            values = []
            for step in (2 * h, h, -h, -2 * h):
                moved = [x.clone() for x in plain]
                moved[which].view(-1)[place] += step
                values.append(function(moved[0], moved[1], math.exp(moved[2].item())))
            far, near, back, further = values
            found.append((8 * (near - back) - (far - further)) / (12 * h))
        yield double(found).view(leaf.shape)


def double(x):
    return torch.tensor(x, dtype=torch.float64)


def lengths(rng, *shape):
    """Positive factors between 0.01 and 100."""
    return 10 ** (4 * rng.rand(*shape, 1) - 2)


@points(4)
@needs(test_public.test_example_logits)
def test_logits(submission, rng):
    """B images and M texts, of scales below 1 and above"""
    B, M, E = rng.sizes(3)
    images, texts = rng.randn(B, E), rng.randn(M, E)
    for scale in (14.3, 0.1, 1.0, 99.9):
        logits = submission.clip_logits(images, texts, double(math.log(scale)))
        assert_close(logits, scale * double(cosines(images, texts)).view(B, M), name=f"logits, s = {scale}")


@points(2)
@needs(test_public.test_example_logits)
def test_lengths(submission, rng):
    """the length of an embedding does not matter"""
    B, E = 5, 7
    images, texts, log_scale = rng.randn(B, E), rng.randn(B, E), double(math.log(14.3))
    logits, loss = 14.3 * double(cosines(images, texts)), right_loss(images, texts, 14.3)
    longer, other = images * lengths(rng, B), texts * lengths(rng, B)
    # seven random numbers are about 2.6 long: these have lengths around 2.6e-7
    assert_close(submission.clip_logits(1e-7 * images, texts, log_scale), logits, name="logits of tiny images")
    assert_close(submission.clip_logits(images, 1e-7 * texts, log_scale), logits, name="logits of tiny texts")
    assert_close(submission.clip_logits(longer, texts, log_scale), logits, name="logits of other images")
    assert_close(submission.clip_logits(images, other, log_scale), logits, name="logits of other texts")
    assert_close(submission.clip_loss(longer, other, log_scale), double(loss), name="loss")
    long_images, long_texts = 1e14 * images.float(), 1e14 * texts.float()
    long_logits = submission.clip_logits(long_images, long_texts, log_scale.float())
    assert_close(long_logits, logits.float(), atol=3e-5, name="logits of long embeddings in float32")


@points(4)
@needs(test_public.test_example_logits, test_public.test_example_loss)
def test_cap(submission, rng):
    """the scale ends at 100, and float32 bears it"""
    B, M, E = 3, 5, 7
    images, texts = rng.randn(B, E), rng.randn(M, E)
    expected = 100 * double(cosines(images, texts))
    for log_scale in (1000.0, 50.0, 5.0):
        logits = submission.clip_logits(images, texts, double(log_scale))
        assert_close(logits, expected, name=f"logits, log_scale = {log_scale}")

    # Two nearly opposite images: own texts at 100 and the other's at -100, then the reverse. e^100 is beyond float32.
    mine = torch.stack([images[0], 0.1 * images[1] - images[0]]).float()
    for theirs in (mine, -mine):
        loss = submission.clip_loss(mine, theirs, torch.tensor(7.0))
        # Cosines in float32 are right to about 2e-7, and the scale is 100.
        assert_close(loss, torch.tensor(right_loss(mine, theirs, 100.0)), atol=1e-4, name="loss in float32")


@points(8)
@needs(test_public.test_example_loss)
def test_loss(submission, rng):
    """mean of both directions, over all pairs"""
    E = 7
    for B in (2, 5, 1, 9):
        images, texts = rng.randn(B, E), rng.randn(B, E)
        for log_scale in (2.659, -0.5, 4.0):
            expected = double(right_loss(images, texts, math.exp(log_scale)))
            loss = submission.clip_loss(images, texts, double(log_scale))
            assert_close(loss, expected, name=f"loss of {B} pairs")


@points(2)
@needs(test_public.test_example_loss)
def test_order(submission, rng):
    """pairs in any order, images and texts exchanged"""
    B, E = 7, 4
    images, texts, log_scale = rng.randn(B, E), rng.randn(B, E), double(2.0)
    loss, order = submission.clip_loss(images, texts, log_scale), rng.randperm(B)
    assert_close(submission.clip_loss(texts, images, log_scale), loss, name="loss of texts and images")
    assert_close(submission.clip_loss(images[order], texts[order], log_scale), loss, name="loss in another order")
    mixed = submission.clip_loss(images, texts.roll(1, 0), log_scale)
    assert_close(mixed, double(right_loss(images, texts.roll(1, 0), math.exp(2.0))), name="loss of wrong pairs")


@points(2)
@needs(test_public.test_example_loss)
def test_all_equal(submission, rng):
    """nobody can be told apart: ln B"""
    for B, E in ((3, 5), (8, 4)):
        images, texts = rng.randn(1, E).expand(B, E), rng.randn(1, E).expand(B, E)
        loss = submission.clip_loss(images * lengths(rng, B), texts * lengths(rng, B), double(2.659))
        assert_close(loss, double(math.log(B)), name=f"loss of {B} pairs")


@points(4)
@needs(test_loss)
def test_gradients(submission, rng):
    """as finite differences have them"""
    B, E = 4, 3
    leaves = [rng.randn(B, E).requires_grad_(), rng.randn(B, E).requires_grad_(), double(1.5).requires_grad_()]
    weights = rng.randn(B, B)

    def weighted(images, texts, scale):
        """The sum of the logits, each with a weight."""
        return scale * (weights * double(cosines(images, texts))).sum().item()

    loss = submission.clip_loss(*leaves)
    logits = (weights * submission.clip_logits(*leaves)).sum()
    for what, result, function in (("loss", loss, right_loss), ("weighted logits", logits, weighted)):
        assert result.requires_grad, f"No gradient leads from the {what} to embeddings and scale."
        found = torch.autograd.grad(result, leaves, allow_unused=True)
        for slope, expected, name in zip(found, slopes(function, leaves), NAMES, strict=True):
            assert slope is not None, f"No gradient leads from the {what} to {name}."
            assert_close(slope, expected, name=f"gradient of the {what} for {name}")


@points(4)
@needs(test_public.test_example_zero_shot)
def test_zero_shot(submission, rng):
    """prompts of unequal length count alike"""
    B, K, M, E = rng.sizes(4)
    images, prompts = rng.randn(B, E), rng.randn(K, M, E) * lengths(rng, K, M)
    for log_scale, scale in ((math.log(14.3), 14.3), (math.log(3), 3.0), (50.0, 100.0)):
        classes = []
        for of_class in prompts.tolist():
            units = [[a / math.hypot(*prompt) for a in prompt] for prompt in of_class]
            classes.append([sum(column) / M for column in zip(*units, strict=True)])
        rows = [[scale * c for c in row] for row in cosines(images, double(classes))]
        expected = double([[math.exp(-surprise(row, k)) for k in range(K)] for row in rows])
        found = submission.zero_shot(images, prompts, double(log_scale))
        assert_close(found, expected, name=f"probabilities, s = {scale:.4g}")
        tiny = submission.zero_shot(images, 1e-4 * prompts, double(log_scale))
        assert_close(tiny, expected, name=f"probabilities from tiny prompts, s = {scale:.4g}")


@points(2)
def test_recall(submission, rng):
    """the place of the own text in each row"""
    B = 9
    logits = rng.rand(B, B).argsort(-1) + 0.5 * rng.rand(B, B) + 3 * torch.eye(B, dtype=torch.float64)
    ranks = [sorted(row, reverse=True).index(row[i]) for i, row in enumerate(logits.tolist())]
    columns = [sorted(row, reverse=True).index(row[i]) for i, row in enumerate(logits.T.tolist())]
    for k in (2, 1, 4, B):
        share = sum(rank < k for rank in ranks) / B
        assert_close(submission.recall_at_k(logits - 5, k), share, name=f"recall at {k}")
        share = sum(rank < k for rank in columns) / B
        assert_close(submission.recall_at_k(logits.T, k), share, name=f"recall at {k}, text to image")
