"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from multimodal_merge import Projector, batch_inputs, expand_image_tokens, make_labels, merge, select_features
from torch import nn

from grader.testing import replaces


def embedded(input_ids, embedding, image_token):
    """The words, with row 0 at placeholders."""
    return embedding[input_ids.masked_fill(input_ids == image_token, 0)]


def demand(input_ids, image_features, image_token):
    """The check, as it should be."""
    if (input_ids == image_token).sum() != image_features.shape[0] * image_features.shape[1]:
        raise ValueError("placeholders and features differ in number")


def fill(input_ids, embedding, rows_of, image_token):
    """x with the rows that rows_of(b) gives written over the placeholders of text b."""
    texts = []
    for b, x in enumerate(embedded(input_ids, embedding, image_token)):
        places = (input_ids[b] == image_token).nonzero().flatten()
        texts.append(x.index_put((places,), rows_of(b, len(places))) if len(places) else x)
    return torch.stack(texts)


# Projector


@replaces("Projector")
class TanhGelu(Projector):
    """Your GELU is the tanh approximation, which differs in the fourth digit. Which one does the formula have?"""

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(x), approximate="tanh"))


@replaces("Projector")
class QuickGelu(Projector):
    """Your activation is z · sigmoid(1.702 z), the one within CLIP's tower. The projector stands behind the tower:
    which one does its formula have?"""

    def forward(self, x):
        z = self.linear_1(x)
        return self.linear_2(z * torch.sigmoid(1.702 * z))


@replaces("Projector")
class Relu(Projector):
    """Your activation is ReLU. The formula has one that is smooth, and slightly negative below 0."""

    def forward(self, x):
        return self.linear_2(F.relu(self.linear_1(x)))


@replaces("Projector")
class NoActivation(Projector):
    """Two linear maps in a row are one linear map. What does the formula have between them?"""

    def forward(self, x):
        return self.linear_2(self.linear_1(x))


@replaces("Projector")
class GeluTwice(Projector):
    """You applied GELU after the second layer too. Embeddings of words are as often negative as positive: what would no
    vector of an image be then?"""

    def forward(self, x):
        return F.gelu(self.linear_2(F.gelu(self.linear_1(x))))


@replaces("Projector")
class NoBias(nn.Module):
    """Your layers have no bias. The language model's have none either, but LLaVA's projector is not part of it."""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, text_dim, bias=False)
        self.linear_2 = nn.Linear(text_dim, text_dim, bias=False)


@replaces("Projector")
class HiddenOfVision(nn.Module):
    """Your hidden width is that of the tower. Look at the shape of linear_2.weight in the contract: from which width to
    which does it lead?"""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, vision_dim)
        self.linear_2 = nn.Linear(vision_dim, text_dim)


@replaces("Projector")
class AsSequential(nn.Module):
    """Your parameters are called 0.weight and 2.weight, as nn.Sequential numbers them. A checkpoint looks for linear_1
    and linear_2."""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(vision_dim, text_dim), nn.GELU(), nn.Linear(text_dim, text_dim))


# select_features


@replaces("select_features")
def class_token_kept(hidden_states, layer, strategy):
    """You kept the class token: 577 rows for 576 places. Which strategy leaves it out?"""
    select_features(hidden_states, layer, strategy)
    return hidden_states[layer]


@replaces("select_features")
def last_token_dropped(hidden_states, layer, strategy):
    """You left out the last patch. At which end does the class token stand?"""
    features = select_features(hidden_states, layer, "full")
    return select_features(features[None], 0, "full")[:, :-1] if strategy == "default" else features


@replaces("select_features")
def first_image_dropped(hidden_states, layer, strategy):
    """You cut the first axis, and so the first image of the batch is missing. Which axis holds the tokens?"""
    select_features(hidden_states, layer, strategy)
    return hidden_states[layer][1:] if strategy == "default" else hidden_states[layer]


@replaces("select_features")
def always_last(hidden_states, layer, strategy):
    """You took the last layer. CLIP made it for the class token alone, and LLaVA asks for another: use the argument."""
    return select_features(hidden_states, -1, strategy)


@replaces("select_features")
def always_second_to_last(hidden_states, layer, strategy):
    """You took layer −2 whatever was asked for. That is LLaVA-1.5's choice, and here it is an argument."""
    return select_features(hidden_states, -2, strategy)


@replaces("select_features")
def one_more(hidden_states, layer, strategy):
    """You added 1 to layer, perhaps since the list begins with the input of the first block. It counts as entry 0."""
    return select_features(hidden_states, layer + 1 if layer >= 0 else layer, strategy)


@replaces("select_features")
def any_strategy(hidden_states, layer, strategy):
    """A strategy that is misspelt passes as one of the two. What should happen to it?"""
    return hidden_states[layer][:, 1:] if strategy == "default" else hidden_states[layer]


@replaces("select_features")
def any_is_default(hidden_states, layer, strategy):
    """Whatever is not "full" is "default" to you, also what is misspelt. What should happen to it?"""
    return hidden_states[layer] if strategy == "full" else hidden_states[layer][:, 1:]


# expand_image_tokens


@replaces("expand_image_tokens")
def one_place(ids, image_token, n_tokens):
    """Each image still has one place. It needs one for every patch that the tower returns."""
    return list(ids)


@replaces("expand_image_tokens")
def one_too_many(ids, image_token, n_tokens):
    """You put n_tokens behind the placeholder that was there, which makes one more than the image has patches."""
    return expand_image_tokens(ids, image_token, n_tokens + 1)


@replaces("expand_image_tokens")
def first_image_only(ids, image_token, n_tokens):
    """You expanded the first placeholder and left the others as they were. A prompt may hold several images."""
    if image_token not in ids:
        return list(ids)
    i = ids.index(image_token)
    return ids[:i] + [image_token] * n_tokens + ids[i + 1 :]


@replaces("expand_image_tokens")
def neighbours_are_one(ids, image_token, n_tokens):
    """You took neighbouring placeholders for one image. Before the expansion each of them stands for a whole one."""
    kept = [token for i, token in enumerate(ids) if i == 0 or token != image_token or ids[i - 1] != image_token]
    return expand_image_tokens(kept, image_token, n_tokens)


@replaces("expand_image_tokens")
def nested(ids, image_token, n_tokens):
    """Your list has lists in it. One image becomes n_tokens numbers, side by side with the words."""
    return [[token] * n_tokens if token == image_token else token for token in ids]


# merge


@replaces("expand_image_tokens")
def one_too_few(ids, image_token, n_tokens):
    """Each image has n_tokens - 1 places in your list. How many of them does the placeholder itself count for?"""
    return expand_image_tokens(ids, image_token, n_tokens - 1)


@replaces("merge")
def in_front(input_ids, embedding, image_features, image_token):
    """You put the features before the text, wherever its placeholders are. The words around an image say what it is
    asked for: each vector belongs where its placeholder stands."""
    demand(input_ids, image_features, image_token)
    order = (input_ids != image_token).long().argsort(dim=-1, stable=True)
    return merge(input_ids.gather(-1, order), embedding, image_features, image_token)


@replaces("merge")
def no_check(input_ids, embedding, image_features, image_token):
    """You fill what fits, and the rest goes unsaid: words stay where an image should be, or an image is lost and the
    next text gets it. When are the two numbers wrong?"""
    rows, x = image_features.flatten(0, 1), embedded(input_ids, embedding, image_token)
    flat, places = x.flatten(0, 1), (input_ids.flatten() == image_token).nonzero().flatten()
    taken = min(len(rows), len(places))
    return flat.index_put((places[:taken],), rows[:taken]).view(x.shape)


@replaces("merge")
def left_to_torch(input_ids, embedding, image_features, image_token):
    """You leave the check to torch. masked_scatter minds only if features are too few, and then with a RuntimeError;
    what is too much it drops in silence."""
    is_image = (input_ids == image_token)[..., None]
    return embedded(input_ids, embedding, image_token).masked_scatter(is_image, image_features)


@replaces("merge")
def only_too_few(input_ids, embedding, image_features, image_token):
    """You raise where features are too few, and drop what is too much: an image of the batch is then seen by nobody.
    When else are the two numbers wrong?"""
    places = (input_ids == image_token).sum()
    rows = image_features.flatten(0, 1)
    if places > len(rows):
        raise ValueError("too few features")
    return merge(input_ids, embedding, rows[None, :places], image_token)


@replaces("merge")
def only_too_many(input_ids, embedding, image_features, image_token):
    """You raise where features are too many. Where they are too few, placeholders are left that nothing fills."""
    places = int((input_ids == image_token).sum())
    rows = image_features.flatten(0, 1)
    if places < len(rows):
        raise ValueError("too many features")
    rest = rows.new_zeros(places - len(rows), rows.shape[-1])
    return merge(input_ids, embedding, torch.cat([rows, rest])[None], image_token)


@replaces("merge")
def text_alone_unchecked(input_ids, embedding, image_features, image_token):
    """Where no text has a placeholder you return the words at once, and an image that was handed in is lost unsaid. How
    many placeholders does the docstring demand for it?"""
    if not (input_ids == image_token).any():
        return embedding[input_ids]
    return merge(input_ids, embedding, image_features, image_token)


@replaces("merge")
def no_images_unchecked(input_ids, embedding, image_features, image_token):
    """Where no image was handed in you return the words at once, and placeholders are looked up like words. How many of
    them does the docstring allow for 0 images?"""
    if len(image_features) == 0:
        return embedding[input_ids]
    return merge(input_ids, embedding, image_features, image_token)


@replaces("merge")
def counts_images(input_ids, embedding, image_features, image_token):
    """You compared the placeholders with the number of images. The ids are expanded: how many of them does one image
    have?"""
    if (input_ids == image_token).sum() != len(image_features):
        raise ValueError("placeholders and images differ in number")
    return merge(input_ids, embedding, image_features, image_token)


@replaces("merge")
def image_b_in_text_b(input_ids, embedding, image_features, image_token):
    """You took image b for text b. A text may hold several images or none, so images are counted across the batch and
    not by text."""
    demand(input_ids, image_features, image_token)
    rows = image_features.flatten(0, 1)
    P = image_features.shape[1]
    return fill(input_ids, embedding, lambda b, n: rows[(b * P + torch.arange(n)) % len(rows)], image_token)


@replaces("merge")
def image_b_again_in_text_b(input_ids, embedding, image_features, image_token):
    """You took image b for all images of text b. A text may hold several images or none: the features fill the
    placeholders of the batch in reading order, one row after the other."""
    demand(input_ids, image_features, image_token)
    rows = image_features.flatten(0, 1)
    images, P, _ = image_features.shape
    return fill(input_ids, embedding, lambda b, n: rows[b % images * P + torch.arange(n) % P], image_token)


@replaces("merge")
def image_b_over_text_b(input_ids, embedding, image_features, image_token):
    """You write image b over the placeholders of text b, which goes wrong where a text holds several images or none.
    The features fill placeholders in reading order: to which text does image 1 belong, if the first text holds two?"""
    demand(input_ids, image_features, image_token)
    x, is_image = embedded(input_ids, embedding, image_token), input_ids == image_token
    for b in range(len(image_features)):
        x[b, is_image[b]] = image_features[b]
    return x


@replaces("merge")
def image_b_scattered_over_text_b(input_ids, embedding, image_features, image_token):
    """You scatter image b over the placeholders of text b, and a text with several images has more of them than one
    image has patches. To which text does image 1 belong, if the first text holds two?"""
    demand(input_ids, image_features, image_token)
    x, is_image = embedded(input_ids, embedding, image_token), (input_ids == image_token)[..., None]
    return torch.stack([x[b].masked_scatter(is_image[b], image_features[b]) for b in range(len(x))])


@replaces("merge")
def image_b_patch_by_patch(input_ids, embedding, image_features, image_token):
    """You take patch n of image b for placeholder n of text b, and where a text holds several images there is no such
    patch. To which text does image 1 belong, if the first text holds two?"""
    demand(input_ids, image_features, image_token)
    texts = []
    for b, row in enumerate(input_ids.tolist()):
        text, n = [], 0
        for token in row:
            text.append(image_features[b, n] if token == image_token else embedding[token])
            n += token == image_token
        texts.append(torch.stack(text))
    return torch.stack(texts)


def runs(row, image_token):
    """Where each unbroken run of placeholders begins and ends."""
    places = [t for t, token in enumerate(row) if token == image_token]
    begins = [t for t in places if t - 1 not in places]
    ends = [t + 1 for t in places if t + 1 not in places]
    return list(zip(begins, ends, strict=True))


@replaces("merge")
def image_over_a_run(input_ids, embedding, image_features, image_token):
    """You write one image over each unbroken run of placeholders. Two images may stand side by side, and words between
    the patches of one: what do the rows of features fill, one after the other?"""
    demand(input_ids, image_features, image_token)
    x, n = embedded(input_ids, embedding, image_token), 0
    for b, row in enumerate(input_ids.tolist()):
        for begin, end in runs(row, image_token):
            x[b, begin:end] = image_features[n]
            n += 1
    return x


@replaces("merge")
def image_in_place_of_a_run(input_ids, embedding, image_features, image_token):
    """You put one image in the place of each unbroken run of placeholders, and texts come out with different lengths.
    Two images may stand side by side, and words between the patches of one: what does each row of features take the
    place of?"""
    demand(input_ids, image_features, image_token)
    texts, n = [], 0
    for x, row in zip(embedded(input_ids, embedding, image_token), input_ids.tolist(), strict=True):
        parts, done = [], 0
        for begin, end in runs(row, image_token):
            parts += [x[done:begin], image_features[n]]
            done, n = end, n + 1
        texts.append(torch.cat([*parts, x[done:]]))
    return torch.stack(texts)


@replaces("merge")
def starts_again(input_ids, embedding, image_features, image_token):
    """In every text you begin with the first image again. The second text goes on where the first one ended."""
    demand(input_ids, image_features, image_token)
    return fill(input_ids, embedding, lambda b, n: image_features.flatten(0, 1)[:n], image_token)


@replaces("merge")
def column_by_column(input_ids, embedding, image_features, image_token):
    """You fill the placeholders position by position across the batch, so that texts share the patches of an image. One
    text after the other is the order."""
    return merge(input_ids.T, embedding, image_features, image_token).transpose(0, 1)


@replaces("merge")
def mean_of_image(input_ids, embedding, image_features, image_token):
    """All placeholders of an image got the same vector, the mean of its patches. Where something stands in an image is
    lost: each patch has a place of its own."""
    mean = image_features.mean(1, keepdim=True).expand_as(image_features)
    return merge(input_ids, embedding, mean, image_token)


@replaces("merge")
def added(input_ids, embedding, image_features, image_token):
    """You added the features to the embedding that was looked up at the placeholder. They take its place."""
    demand(input_ids, image_features, image_token)
    x = embedded(input_ids, embedding, image_token)
    return x + torch.zeros_like(x).masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge")
def looked_up(input_ids, embedding, image_features, image_token):
    """You look the placeholder up in the vocabulary, where it need not be. Which row may be read in its place, if it is
    overwritten anyway?"""
    demand(input_ids, image_features, image_token)
    return embedding[input_ids].masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge")
def clamped_above(input_ids, embedding, image_features, image_token):
    """You brought ids that are too large down into the vocabulary. A placeholder may be −200 as well."""
    demand(input_ids, image_features, image_token)
    x = embedding[input_ids.clamp(max=len(embedding) - 1)]
    return x.masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge")
def clamped_below(input_ids, embedding, image_features, image_token):
    """You brought negative ids up into the vocabulary. A placeholder may also be too large for it."""
    demand(input_ids, image_features, image_token)
    x = embedding[input_ids.clamp(min=0)]
    return x.masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge")
def looked_up_by_torch(input_ids, embedding, image_features, image_token):
    """You look the placeholder up in the vocabulary, where it need not be, and the embedding of torch finds it out of
    range. Which row may be read in its place, if it is overwritten anyway?"""
    demand(input_ids, image_features, image_token)
    x = F.embedding(input_ids, embedding)
    return x.masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge")
def clamped_above_and_looked_up(input_ids, embedding, image_features, image_token):
    """You brought ids that are too large down into the vocabulary, and the embedding of torch finds the others out of
    range. A placeholder may be −200 as well."""
    demand(input_ids, image_features, image_token)
    x = F.embedding(input_ids.clamp(max=len(embedding) - 1), embedding)
    return x.masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge")
def clamped_below_and_looked_up(input_ids, embedding, image_features, image_token):
    """You brought negative ids up into the vocabulary, and the embedding of torch finds the others out of range. A
    placeholder may also be too large for it."""
    demand(input_ids, image_features, image_token)
    x = F.embedding(input_ids.clamp(min=0), embedding)
    return x.masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge")
def features_detached(input_ids, embedding, image_features, image_token):
    """The values are right, and no gradient reaches the features: they were detached, or rebuilt from numbers. The
    projector would never learn."""
    return merge(input_ids, embedding, image_features.detach(), image_token)


@replaces("merge")
def embedding_detached(input_ids, embedding, image_features, image_token):
    """The values are right, and no gradient reaches the embedding. nn.Embedding.from_pretrained freezes it, and .data
    and .detach() cut it off."""
    return merge(input_ids, embedding.detach(), image_features, image_token)


@replaces("merge")
def no_gradient(input_ids, embedding, image_features, image_token):
    """Your values are right, and no gradient leads from x to the embedding and to the features. In training both have
    to learn from the loss: which step of your code hides its inputs from autograd?"""
    return merge(input_ids, embedding.detach(), image_features.detach(), image_token)


# make_labels


@replaces("merge")
def one_image_per_text(input_ids, embedding, image_features, image_token):
    """You took image b for text b, and you raise ValueError where a text has another number of placeholders than one
    image has patches. Which sentence of the docstring says how many images a text may hold?"""
    P = image_features.shape[1]
    if len(image_features) != len(input_ids) or ((input_ids == image_token).sum(-1) != P).any():
        raise ValueError("each text needs one image")
    return merge(input_ids, embedding, image_features, image_token)


@replaces("make_labels")
def images_labelled(input_ids, image_token, pad_token, prompt_lengths):
    """An image after the prompt has labels, and the model learns to print placeholders. What should it write there?"""
    return make_labels(input_ids, pad_token, pad_token, prompt_lengths)


@replaces("make_labels")
def pads_labelled(input_ids, image_token, pad_token, prompt_lengths):
    """Your labels hold pad_token at the padding. The model then learns to write padding after every answer: which
    number tells the loss to leave a position out?"""
    labels = make_labels(input_ids, image_token, pad_token, prompt_lengths)
    return labels.masked_fill(input_ids == pad_token, pad_token)


@replaces("make_labels")
def pad_is_two(input_ids, image_token, pad_token, prompt_lengths):
    """You took 2 for padding, the end token of Llama. Which number pads a text is an argument."""
    return make_labels(input_ids, image_token, 2, prompt_lengths)


@replaces("make_labels")
def prompt_labelled(input_ids, image_token, pad_token, prompt_lengths):
    """The prompt has labels: the model learns to write questions. Which tokens are its own?"""
    return make_labels(input_ids, image_token, pad_token, torch.zeros_like(prompt_lengths))


@replaces("make_labels")
def from_column_0(input_ids, image_token, pad_token, prompt_lengths):
    """You counted the prompt from column 0. Under left padding that is padding, and the end of the prompt gets labels.
    With which token does a prompt begin?"""
    in_prompt = torch.arange(input_ids.shape[1]) < prompt_lengths[:, None]
    none = make_labels(input_ids, image_token, pad_token, torch.zeros_like(prompt_lengths))
    return none.masked_fill(in_prompt, -100)


@replaces("make_labels")
def pads_before_the_prompt(input_ids, image_token, pad_token, prompt_lengths):
    """You took the number of pads of a text for the column where its prompt begins. That holds for padding at the left.
    At the right as many tokens of the answer lose their label: at which column does a text begin there?"""
    first = (input_ids == pad_token).sum(-1, keepdim=True)
    in_prompt = torch.arange(input_ids.shape[1]) < first + prompt_lengths[:, None]
    none = make_labels(input_ids, image_token, pad_token, torch.zeros_like(prompt_lengths))
    return none.masked_fill(in_prompt, -100)


@replaces("make_labels")
def labels_above_pad(input_ids, image_token, pad_token, prompt_lengths):
    """You took the tokens above pad_token for the real ones. Words may have smaller numbers, and −200 may be an image:
    which tokens are padding?"""
    real = input_ids > pad_token
    ignored = ~real | (input_ids == image_token) | (real.cumsum(-1) <= prompt_lengths[:, None])
    return input_ids.masked_fill(ignored, -100)


@replaces("make_labels")
def images_not_counted(input_ids, image_token, pad_token, prompt_lengths):
    """You counted the words of the prompt and not its images, so that it reaches too far. prompt_lengths counts every
    real token."""
    word = (input_ids != pad_token) & (input_ids != image_token)
    in_prompt = word.cumsum(-1) <= prompt_lengths[:, None]
    return input_ids.masked_fill(~word | in_prompt, -100)


@replaces("make_labels")
def one_short(input_ids, image_token, pad_token, prompt_lengths):
    """Your prompt ends one token early: its last token has a label. A running sum is 1 at the first one, not 0."""
    return make_labels(input_ids, image_token, pad_token, prompt_lengths - 1)


@replaces("make_labels")
def one_far(input_ids, image_token, pad_token, prompt_lengths):
    """The first token of the answer has no label. How many tokens are the prompt?"""
    return make_labels(input_ids, image_token, pad_token, prompt_lengths + 1)


@replaces("make_labels")
def shifted(input_ids, image_token, pad_token, prompt_lengths):
    """You shifted the labels to the left. The model shifts them itself, and together it would learn to skip a word."""
    labels = make_labels(input_ids, image_token, pad_token, prompt_lengths)
    return F.pad(labels[:, 1:], (0, 1), value=-100)


@replaces("make_labels")
def pad_for_ignored(input_ids, image_token, pad_token, prompt_lengths):
    """Where no label belongs you put the padding token. The loss takes it for a word: which number does it ignore?"""
    labels = make_labels(input_ids, image_token, pad_token, prompt_lengths)
    return labels.masked_fill(labels == -100, pad_token)


# batch_inputs


@replaces("make_labels")
def padding_at_the_right(input_ids, image_token, pad_token, prompt_lengths):
    """You made the labels from column numbers, as if every text began at column 0. Where does a text begin that is
    padded at the left?"""
    column, real = torch.arange(input_ids.shape[1]), (input_ids != pad_token).sum(-1, keepdim=True)
    ignored = (column >= real) | (input_ids == image_token) | (column < prompt_lengths[:, None])
    return input_ids.masked_fill(ignored, -100)


@replaces("make_labels")
def zero_for_ignored(input_ids, image_token, pad_token, prompt_lengths):
    """Where no label belongs you put 0. The loss takes 0 for a word: which number does it ignore?"""
    labels = make_labels(input_ids, image_token, pad_token, prompt_lengths)
    return labels.masked_fill(labels == -100, 0)


@replaces("batch_inputs")
def pads_counted(input_ids, pad_token):
    """Your positions count columns, pads included. Under left padding the first word then stands at another position
    than it would alone."""
    positions = torch.arange(input_ids.shape[1]).expand_as(input_ids)
    return batch_inputs(input_ids, pad_token) | {"position_ids": positions}


@replaces("batch_inputs")
def below_zero(input_ids, pad_token):
    """Before the first word your positions are −1. No table has such a row: padding needs some position, if only to be
    looked up."""
    mask = batch_inputs(input_ids, pad_token)["attention_mask"]
    return {"attention_mask": mask, "position_ids": mask.cumsum(-1) - 1}


@replaces("batch_inputs")
def from_one(input_ids, pad_token):
    """Your positions count from 1. The first real token is at position 0."""
    mask = batch_inputs(input_ids, pad_token)["attention_mask"]
    return {"attention_mask": mask, "position_ids": mask.cumsum(-1) * mask}


@replaces("batch_inputs")
def inverted(input_ids, pad_token):
    """Your mask is 1 at padding, as torch's key_padding_mask is. Here it is 1 where there is something to attend to."""
    inputs = batch_inputs(input_ids, pad_token)
    return inputs | {"attention_mask": 1 - inputs["attention_mask"]}


@replaces("batch_inputs")
def mask_of_zero(input_ids, pad_token):
    """You took 0 for padding. Which number pads a text is an argument."""
    return batch_inputs(input_ids, 0)


@replaces("batch_inputs")
def mask_of_two(input_ids, pad_token):
    """You took 2 for padding, the end token of Llama. Which number pads a text is an argument."""
    return batch_inputs(input_ids, 2)


@replaces("batch_inputs")
def above_pad(input_ids, pad_token):
    """You took the tokens above pad_token for the real ones. Words may have smaller numbers, and −200 may be an image:
    which tokens are padding?"""
    mask = (input_ids > pad_token).long()
    return {"attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}


@replaces("batch_inputs")
def bool_mask(input_ids, pad_token):
    """Your attention_mask is bool. The contract says int64, of 1 and 0."""
    inputs = batch_inputs(input_ids, pad_token)
    return inputs | {"attention_mask": inputs["attention_mask"].bool()}


@replaces("batch_inputs")
def mask_at_the_right(input_ids, pad_token):
    """You counted the real tokens of a text and put as many ones at the left end of its row. Where do the real tokens
    stand in a text that is padded at the left?"""
    column, real = torch.arange(input_ids.shape[1]), (input_ids != pad_token).sum(-1, keepdim=True)
    mask = (column < real).long()
    return {"attention_mask": mask, "position_ids": column * mask}


@replaces("batch_inputs")
def columns_of_real_tokens(input_ids, pad_token):
    """You gave each real token the number of its column. With padding at the left the first real token then stands at
    T minus the number of real tokens: at which position does the docstring begin to count?"""
    inputs = batch_inputs(input_ids, pad_token)
    return inputs | {"position_ids": torch.arange(input_ids.shape[1]).expand_as(input_ids) * inputs["attention_mask"]}
