"""Text and images against loops over plain Python lists."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

PAD = 2  # in the vocabulary, and not its first word


def gelu(z):
    return z / 2 * (1 + math.erf(z / math.sqrt(2)))


def linear(x, weight, bias):
    """One vector of Python numbers."""
    return [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in zip(weight, bias, strict=True)]


def projected(x, parameters):
    """(n, vision_dim) to (n, text_dim), number by number."""
    w1, b1, w2, b2 = (parameters[name].tolist() for name in NAMES)
    rows = [linear([gelu(z) for z in linear(row, w1, b1)], w2, b2) for row in x.tolist()]
    return torch.tensor(rows, dtype=torch.float64)


NAMES = ("linear_1.weight", "linear_1.bias", "linear_2.weight", "linear_2.bias")


def projector(submission, rng, vision_dim, text_dim):
    """The student's module in float64, and the random numbers loaded into it."""
    shapes = ((text_dim, vision_dim), (text_dim,), (text_dim, text_dim), (text_dim,))
    parameters = {name: rng.randn(*shape) for name, shape in zip(NAMES, shapes, strict=True)}
    module = submission.Projector(vision_dim, text_dim).double()
    module.load_state_dict(parameters, strict=False)  # buffers of your own are fine
    return module, parameters


def words(rng, V, *shape, pad=PAD):
    """Random words of 0 ... V - 1 that are neither padding nor one of the last two, which serve as placeholders."""
    ids = rng.randint(0, V - 3, shape)
    return ids + (ids >= pad).long()


def placed(rng, V, image_token, rows, pad=PAD):
    """Random ids (B, T) with image_token where a row says "i"."""
    ids = words(rng, V, len(rows), len(rows[0]), pad=pad)
    return torch.where(torch.tensor([[c == "i" for c in row] for row in rows]), torch.tensor(image_token), ids)


def merged(input_ids, embedding, image_features, image_token):
    """x (B, T, D), position by position."""
    features = [vector for image in image_features for vector in image]
    texts = []
    for row in input_ids.tolist():
        texts.append(torch.stack([features.pop(0) if i == image_token else embedding[i] for i in row]))
    return torch.stack(texts)


def padded(rng, V, image_token, rows, side, pad=PAD):
    """Random ids (B, T): "i" is an image, "." a word; padding is put at one side."""
    T = max(map(len, rows))
    batch = []
    for row in rows:
        ids = placed(rng, V, image_token, [row], pad)[0].tolist()
        fill = [pad] * (T - len(row))
        batch.append(fill + ids if side == "left" else ids + fill)
    return torch.tensor(batch)


def labels_of(input_ids, image_token, prompt_lengths, pad=PAD):
    batch = []
    for row, n in zip(input_ids.tolist(), prompt_lengths.tolist(), strict=True):
        labels = []
        for token in row:
            written = token != pad and token != image_token and n <= 0
            labels.append(token if written else -100)
            n -= token != pad
        batch.append(labels)
    return torch.tensor(batch)


@points(3)
@needs(test_public.test_parameters)
def test_projector(submission, rng):
    """linear, exact GELU, linear, on any axes"""
    B, N, vision_dim, text_dim = 2, 3, 5, 7
    for inputs, outputs in ((vision_dim, text_dim), (text_dim, 4)):
        module, parameters = projector(submission, rng, inputs, outputs)
        x = rng.randn(B, N, inputs)
        expected = projected(x.view(B * N, inputs), parameters).view(B, N, outputs)
        assert_close(module(x), expected, name="projector(x)")
        assert_close(module(x[0]), expected[0], name="projector(x[0])")


@points(3)
def test_select(submission, rng):
    """the right layer, with and without class token"""
    L, B, N, D = 6, 2, 4, 3
    states = [rng.randn(B, N + 1, D) for _ in range(L)]
    layers = {-2: L - 2, 1: 1, -1: L - 1, 0: 0, -4: L - 4}
    both = ("default", "full")
    found = [submission.select_features(states, layer, strategy) for layer in layers for strategy in both]
    for i, same in enumerate(layers.values()):
        patches = torch.stack([states[same][b, n] for b in range(B) for n in range(1, N + 1)]).view(B, N, D)
        assert_equal(found[2 * i], patches)
        assert_equal(found[2 * i + 1], states[same])


@points(2)
@needs(test_select)
def test_unknown_strategy(submission, rng):
    """any other strategy raises ValueError"""
    B, N, D = 2, 4, 3
    states = [rng.randn(B, N + 1, D) for _ in range(3)]
    assert_equal(submission.select_features(states, -2, "full"), states[1])
    for strategy in ("cls", "", "Default"):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.select_features(states, -2, strategy)


@points(2)
@needs(test_public.test_example_expand)
def test_expand(submission, rng):
    """at the ends, as neighbours, or not at all"""
    V, image_token = 50, 48
    a, b, c, d = words(rng, V, 4).tolist()
    i = image_token
    for n in (1, 4):
        for ids, expected in (
            ([i, a, b, c], [i] * n + [a, b, c]),
            ([a, b, i], [a, b] + [i] * n),
            ([a, i, i, b], [a] + [i] * (2 * n) + [b]),
            ([i, a, i, b, i], [i] * n + [a] + [i] * n + [b] + [i] * n),
            ([a, b, c, d], [a, b, c, d]),
            ([i], [i] * n),
        ):
            assert_equal(list(submission.expand_image_tokens(ids, i, n)), expected, name="ids")


@points(3)
@needs(test_public.test_example_merge)
def test_order(submission, rng):
    """two images in one text, none in the next"""
    V, D, image_token = 17, 6, 15
    for rows, images, P in (
        (["..iiii.iiii", "...........", ".iiii......"], 3, 4),
        ([".......ii", "iiii..ii."], 4, 2),
        (["iiiii..", ".......", "..iiiii", ".iiiii."], 3, 5),
    ):
        input_ids = placed(rng, V, image_token, rows)
        embedding, image_features = rng.randn(V, D), rng.randn(images, P, D)
        expected = merged(input_ids, embedding, image_features, image_token)
        assert_close(submission.merge(input_ids, embedding, image_features, image_token), expected)


@points(2)
@needs(test_public.test_example_merge)
def test_scattered(submission, rng):
    """words between the patches of one image"""
    V, D, image_token = 17, 5, 16
    for rows, images, P in ((["ii.ii..", "i.i.i.i"], 2, 4), ([".i.i.i.i.", "i.......i"], 3, 2)):
        input_ids = placed(rng, V, image_token, rows)
        embedding, image_features = rng.randn(V, D), rng.randn(images, P, D)
        expected = merged(input_ids, embedding, image_features, image_token)
        assert_close(submission.merge(input_ids, embedding, image_features, image_token), expected)


@points(2)
@needs(test_public.test_example_merge)
def test_text_alone(submission, rng):
    """no image at all"""
    V, B, T, P, D, image_token = 17, 2, 6, 3, 4, -200
    input_ids, embedding = words(rng, V, B, T), rng.randn(V, D)
    image_features = rng.randn(0, P, D)
    expected = merged(input_ids, embedding, image_features, image_token)
    assert_close(submission.merge(input_ids, embedding, image_features, image_token), expected)


@points(2)
def test_above(submission, rng):
    """a placeholder V or 1000000, not a word"""
    V, D, P = 13, 4, 2
    for image_token in (V, 1_000_000):
        input_ids = placed(rng, V, image_token, ["..ii...ii", "ii......."])
        embedding, image_features = rng.randn(V, D), rng.randn(3, P, D)
        expected = merged(input_ids, embedding, image_features, image_token)
        assert_close(submission.merge(input_ids, embedding, image_features, image_token), expected)
    single = torch.tensor([[0, 5, 5, 0]])  # of a vocabulary of one word
    expected = merged(single, embedding[:1], image_features[:1], 5)
    assert_close(submission.merge(single, embedding[:1], image_features[:1], 5), expected)


@points(2)
def test_below(submission, rng):
    """a placeholder -200 or -1, not a word"""
    V, D, P = 13, 4, 2
    for image_token in (-200, -1):
        input_ids = placed(rng, V, image_token, ["..ii...ii", "ii......."])
        embedding, image_features = rng.randn(V, D), rng.randn(3, P, D)
        expected = merged(input_ids, embedding, image_features, image_token)
        assert_close(submission.merge(input_ids, embedding, image_features, image_token), expected)


@points(3)
@needs(test_public.test_example_merge)
def test_mismatch(submission, rng):
    """too many or too few features: ValueError"""
    V, D, P, image_token = 17, 7, 3, 15
    input_ids = placed(rng, V, image_token, ["..iii.iii.", "iii......."])
    embedding = rng.randn(V, D)
    image_features = rng.randn(5, P, D)
    expected = merged(input_ids, embedding, image_features, image_token)
    assert_close(submission.merge(input_ids, embedding, image_features[:3], image_token), expected)
    shorter = image_features[:3, :2].contiguous()
    for wrong in (image_features[:2], image_features[:4], image_features, image_features[:0], shorter):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.merge(input_ids, embedding, wrong, image_token)
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.merge(words(rng, V, 2, 10), embedding, image_features[:1], image_token)
    one_more = placed(rng, V, image_token, ["..iii.iiii", "iii......."])
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.merge(one_more, embedding, image_features[:3], image_token)


@points(3)
@needs(test_order)
def test_gradients(submission, rng):
    """reach the embeddings and the features"""
    V, D, images, P = 11, 4, 3, 2
    rows = ["..ii..ii.", "ii......."]
    for image_token in (9, -200):
        input_ids = placed(rng, V, image_token, rows)
        embedding, image_features = rng.randn(V, D).requires_grad_(), rng.randn(images, P, D).requires_grad_()
        x = submission.merge(input_ids, embedding, image_features, image_token)
        assert_close(x.detach(), merged(input_ids, embedding, image_features, image_token).detach(), name="x")
        assert x.requires_grad, "No gradient leads from x to its inputs: something was detached."
        g = rng.randn(*x.shape)
        (x * g).sum().backward()
        for name, leaf in (("embedding", embedding), ("image_features", image_features)):
            assert leaf.grad is not None, f"No gradient leads to {name}: it was detached."
        of_words, of_patches = torch.zeros(V, D, dtype=torch.float64), []
        for b, row in enumerate(input_ids.tolist()):
            for t, token in enumerate(row):
                if token == image_token:
                    of_patches.append(g[b, t])
                else:
                    of_words[token] += g[b, t]
        assert_close(embedding.grad, of_words, name="gradient of embedding")
        assert_close(image_features.grad, torch.stack(of_patches).view(images, P, D), name="gradient of image_features")


@points(1)
@needs(test_select, test_projector, test_gradients)
def test_projector_learns(submission, rng):
    """from the tower to the prompt, and the way back"""
    B, P, vision_dim, D, V, image_token = 2, 3, 5, 4, 17, -200
    module, parameters = projector(submission, rng, vision_dim, D)
    states = [rng.randn(B, P + 1, vision_dim) for _ in range(4)]
    input_ids = placed(rng, V, image_token, [".iii...", "...iii."])
    embedding = rng.randn(V, D)
    features = module(submission.select_features(states, -2, "default"))
    x = submission.merge(input_ids, embedding, features, image_token)
    patches = states[2][:, 1:].reshape(B * P, vision_dim)
    expected = merged(input_ids, embedding, projected(patches, parameters).view(B, P, D), image_token)
    assert_close(x.detach(), expected, name="x")
    g = rng.randn(*x.shape)
    (x * g).sum().backward()
    # The last bias is added to each patch, so its gradient is the sum of theirs.
    found = dict(module.named_parameters())["linear_2.bias"].grad
    assert found is not None, "No gradient leads from x to the parameters of the projector."
    assert_close(found, g[input_ids == image_token].sum(0), name="gradient of linear_2.bias")


@points(1)
def test_labels(submission, rng):
    """the answer alone, padding at the right"""
    V, image_token = 37, 35
    input_ids = padded(rng, V, image_token, [".iii......", "......", "..ii....", "ii.."], "right")
    for n in ([6, 2, 0, 1], [4, 6, 5, 3]):
        prompt_lengths = torch.tensor(n)
        expected = labels_of(input_ids, image_token, prompt_lengths)
        assert_equal(submission.make_labels(input_ids, image_token, PAD, prompt_lengths), expected)


@points(3)
@needs(test_labels)
def test_labels_left(submission, rng):
    """the same, padding at the left"""
    V = 37
    for image_token, pad in ((35, PAD), (-200, 0)):
        input_ids = padded(rng, V, image_token, ["..ii....", ".iii......", "....", "ii..ii..i"], "left", pad)
        for n in ([5, 7, 1, 2], [0, 10, 3, 8]):
            prompt_lengths = torch.tensor(n)
            expected = labels_of(input_ids, image_token, prompt_lengths, pad)
            assert_equal(submission.make_labels(input_ids, image_token, pad, prompt_lengths), expected)


@points(1)
def test_attention_mask(submission, rng):
    """1 at real tokens, 0 at padding"""
    V = 37
    for side, pad in (("left", PAD), ("right", 0), ("left", 30)):
        input_ids = padded(rng, V, 35, ["..ii....", ".iii......", "...", "ii..i"], side, pad)
        expected = torch.tensor([[int(token != pad) for token in row] for row in input_ids.tolist()])
        assert_equal(submission.batch_inputs(input_ids, pad)["attention_mask"], expected, name="attention_mask")


@points(1)
@needs(test_attention_mask)
def test_positions(submission, rng):
    """real tokens count from 0, whatever the padding"""
    V = 37
    lengths = (8, 10, 3, 5)
    for side in ("left", "right"):
        input_ids = padded(rng, V, -200, ["..ii....", ".iii......", "...", "ii..i"], side)
        positions = submission.batch_inputs(input_ids, PAD)["position_ids"]
        T = 10
        assert_equal(positions.shape, (4, T), name="shape of position_ids")
        assert positions.min() >= 0, "There is a position below 0."
        assert positions.max() < T, f"There is a position above T - 1 = {T - 1}."
        for row, n in zip(positions, lengths, strict=True):
            real = row[T - n :] if side == "left" else row[:n]
            assert_equal(real, torch.tensor(list(range(n))), name="position_ids of the real tokens of a text")
