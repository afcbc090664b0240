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
    """Your GELU is the tanh approximation, which differs in the fourth digit. Which one is in the formula?"""

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(x), approximate="tanh"))


@replaces("Projector", activation=["z · sigmoid(1.702 z)", "relu", "silu", "sigmoid", "tanh"])
class OtherActivation(Projector):
    """Your activation is {activation}. Which one is in the projector's formula?"""

    activation: str

    def forward(self, x):
        z = self.linear_1(x)
        others = {"relu": F.relu, "silu": F.silu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
        return self.linear_2(others.get(self.activation, lambda z: z * torch.sigmoid(1.702 * z))(z))


@replaces("Projector")
class NoActivation(Projector):
    """Two linear maps in a row are one linear map. What is between them in the formula?"""

    def forward(self, x):
        return self.linear_2(self.linear_1(x))


@replaces("Projector")
class GeluTwice(Projector):
    """GELU also acts on what the second layer returns. Embeddings of words are as often negative as positive: how
    negative can your image vectors get?"""

    def forward(self, x):
        return F.gelu(self.linear_2(F.gelu(self.linear_1(x))))


@replaces("Projector", first=[True, False], second=[False])
class NoBias(nn.Module):
    """A layer of yours has no bias. Which parameters does the docstring list?"""

    first: bool
    second: bool

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, text_dim, bias=self.first)
        self.linear_2 = nn.Linear(text_dim, text_dim, bias=self.second)


@replaces("Projector")
class HiddenOfVision(nn.Module):
    """Your hidden width is that of the tower. From which width to which does linear_2 lead in the docstring?"""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, vision_dim)
        self.linear_2 = nn.Linear(vision_dim, text_dim)


@replaces("Projector")
class AsSequential(nn.Module):
    """Your parameters are called 0.weight and 2.weight, as nn.Sequential numbers them. Under which names will a
    checkpoint look for them?"""

    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(vision_dim, text_dim), nn.GELU(), nn.Linear(text_dim, text_dim))


# select_features


@replaces("select_features")
def class_token_kept(hidden_states, layer, strategy):
    """Your "default" keeps the class token: 577 rows for 576 placeholders. Which strategy leaves it out?"""
    select_features(hidden_states, layer, strategy)
    return hidden_states[layer]


@replaces("select_features")
def class_token_never_kept(hidden_states, layer, strategy):
    """Your "full" leaves the class token out. Which strategy keeps it?"""
    select_features(hidden_states, layer, strategy)
    return hidden_states[layer][:, 1:]


@replaces("select_features")
def strategies_swapped(hidden_states, layer, strategy):
    """Your "default" keeps the class token, and your "full" leaves it out. What do the two names mean in the
    docstring?"""
    other = {"default": "full", "full": "default"}.get(strategy, strategy)
    return select_features(hidden_states, layer, other)


@replaces("select_features")
def class_token_alone(hidden_states, layer, strategy):
    """Your "default" keeps the class token alone. Which tokens stand for parts of the image?"""
    features = hidden_states[layer]
    return features[:, :1] if strategy == "default" else select_features(hidden_states, layer, strategy)


@replaces("select_features")
def last_token_dropped(hidden_states, layer, strategy):
    """You leave out the last patch. At which end of the tokens is the class token?"""
    features = select_features(hidden_states, layer, "full")
    return select_features(features[None], 0, "full")[:, :-1] if strategy == "default" else features


@replaces("select_features")
def first_image_dropped(hidden_states, layer, strategy):
    """The first image of your batch is missing. Which axis holds the tokens?"""
    select_features(hidden_states, layer, strategy)
    return hidden_states[layer][1:] if strategy == "default" else hidden_states[layer]


@replaces("select_features", fixed=[-1, -2, 0])
def always_the_same_layer(hidden_states, layer, strategy, *, fixed):
    """You take entry {fixed} of the list, whatever is asked for. Which argument says which one?"""
    return select_features(hidden_states, fixed, strategy)


@replaces("select_features", off=[1, -1], negative=[True, False])
def layer_off_by_one(hidden_states, layer, strategy, *, off, negative):
    """You take a neighbour of the entry that is asked for. Entry 0 of the list is what goes into the first block: which
    entry has number `layer`?"""
    moved = layer + off if negative or layer >= 0 else layer
    return select_features(hidden_states, moved % len(hidden_states), strategy)


@replaces("select_features", otherwise=["default", "full"])
def any_strategy(hidden_states, layer, strategy, *, otherwise):
    """A misspelt strategy counts as "{otherwise}" in your code. What should happen to it?"""
    return select_features(hidden_states, layer, strategy if strategy in ("default", "full") else otherwise)


@replaces("select_features", returned=["None", "text"])
def strategy_not_raised(hidden_states, layer, strategy, *, returned):
    """For a misspelt strategy your function returns, and the caller goes on. What does the docstring ask for?"""
    if strategy not in ("default", "full"):
        return None if returned == "None" else "unknown strategy"
    return select_features(hidden_states, layer, strategy)


# expand_image_tokens


@replaces("expand_image_tokens")
def one_place(ids, image_token, n_tokens):
    """Each image still has a single position. How many vectors does the tower return for an image?"""
    return list(ids)


@replaces("expand_image_tokens", off=["more", "less"])
def off_by_one(ids, image_token, n_tokens, *, off):
    """Each image has one position {off} in your list than it should. Does the placeholder that was there count as one
    of the n_tokens?"""
    return expand_image_tokens(ids, image_token, n_tokens + (1 if off == "more" else -1))


@replaces("expand_image_tokens", which=["first", "last"])
def one_image_only(ids, image_token, n_tokens, *, which):
    """You expand the {which} placeholder and leave the others as they were. How many images may a prompt have?"""
    if image_token not in ids:
        return list(ids)
    i = ids.index(image_token) if which == "first" else len(ids) - 1 - ids[::-1].index(image_token)
    return ids[:i] + [image_token] * n_tokens + ids[i + 1 :]


@replaces("expand_image_tokens")
def all_tokens_repeated(ids, image_token, n_tokens):
    """You repeat the words, too. Which tokens take n_tokens positions?"""
    return [token for token in ids for _ in range(n_tokens)]


@replaces("expand_image_tokens")
def placeholders_removed(ids, image_token, n_tokens):
    """Your list has no placeholders left. Where will merge write the features?"""
    return [token for token in ids if token != image_token]


@replaces("expand_image_tokens")
def ids_extended(ids, image_token, n_tokens):
    """You change the list that you were given. Who else may still need it as it was?"""
    ids[:] = expand_image_tokens(ids, image_token, n_tokens)
    return ids


@replaces("expand_image_tokens")
def neighbours_are_one(ids, image_token, n_tokens):
    """You take neighbouring placeholders for one image. Before the expansion, what does each of them stand for?"""
    kept = [token for i, token in enumerate(ids) if i == 0 or token != image_token or ids[i - 1] != image_token]
    return expand_image_tokens(kept, image_token, n_tokens)


@replaces("expand_image_tokens")
def nested(ids, image_token, n_tokens):
    """Your list has lists in it. What is the type of its entries in the docstring?"""
    return [[token] * n_tokens if token == image_token else token for token in ids]


# merge


@replaces("merge")
def in_front(input_ids, embedding, image_features, image_token):
    """Your features come before the text, wherever its placeholders are. How does the model learn which words were
    around an image?"""
    demand(input_ids, image_features, image_token)
    order = (input_ids != image_token).long().argsort(dim=-1, stable=True)
    return merge(input_ids.gather(-1, order), embedding, image_features, image_token)


@replaces("merge")
def no_check(input_ids, embedding, image_features, image_token):
    """You fill as many placeholders as fit. If the numbers differ, words stay where an image should be, or an image is
    lost: what does the docstring ask for then?"""
    rows, x = image_features.flatten(0, 1), embedded(input_ids, embedding, image_token)
    flat, places = x.flatten(0, 1), (input_ids.flatten() == image_token).nonzero().flatten()
    taken = min(len(rows), len(places))
    return flat.index_put((places[:taken],), rows[:taken]).view(x.shape)


@replaces("merge")
def left_to_torch(input_ids, embedding, image_features, image_token):
    """You leave the check to torch. Does masked_scatter complain if there are too many features, and what does it raise
    if there are too few?"""
    is_image = (input_ids == image_token)[..., None]
    return embedded(input_ids, embedding, image_token).masked_scatter(is_image, image_features)


@replaces("merge")
def only_too_few(input_ids, embedding, image_features, image_token):
    """You raise if there are too few features, and drop the rest if there are too many. When else are the two numbers
    wrong?"""
    places = (input_ids == image_token).sum()
    rows = image_features.flatten(0, 1)
    if places > len(rows):
        raise ValueError("too few features")
    return merge(input_ids, embedding, rows[None, :places], image_token)


@replaces("merge")
def only_too_many(input_ids, embedding, image_features, image_token):
    """You raise if there are too many features. What is in the placeholders that are left if there are too few?"""
    places = int((input_ids == image_token).sum())
    rows = image_features.flatten(0, 1)
    if places < len(rows):
        raise ValueError("too many features")
    rest = rows.new_zeros(places - len(rows), rows.shape[-1])
    return merge(input_ids, embedding, torch.cat([rows, rest])[None], image_token)


@replaces("merge")
def text_alone_unchecked(input_ids, embedding, image_features, image_token):
    """If no text has a placeholder, you ignore the features, and an image may be lost without a word. How many
    placeholders does the docstring ask for?"""
    if not (input_ids == image_token).any():
        return embedding[input_ids]
    return merge(input_ids, embedding, image_features, image_token)


@replaces("merge")
def no_images_unchecked(input_ids, embedding, image_features, image_token):
    """If there are 0 images, you treat placeholders like words. How many placeholders does the docstring allow then?"""
    if len(image_features) == 0:
        return embedding[input_ids]
    return merge(input_ids, embedding, image_features, image_token)


@replaces("merge")
def counts_images(input_ids, embedding, image_features, image_token):
    """You compare the number of placeholders with the number of images. The ids are expanded: how many placeholders
    does one image have?"""
    if (input_ids == image_token).sum() != len(image_features):
        raise ValueError("placeholders and images differ in number")
    return merge(input_ids, embedding, image_features, image_token)


@replaces("merge", again=[True, False])
def image_b_in_text_b(input_ids, embedding, image_features, image_token, *, again):
    """You begin with image b in text b. If the first text holds two images and the second none, to which text does
    image 1 belong?"""
    demand(input_ids, image_features, image_token)
    rows, (images, P, _) = image_features.flatten(0, 1), image_features.shape

    def rows_of(b, n):
        n = torch.arange(n)
        return rows[b % images * P + n % P if again else (b * P + n) % len(rows)]

    return fill(input_ids, embedding, rows_of, image_token)


@replaces("merge")
def image_b_over_text_b(input_ids, embedding, image_features, image_token):
    """You write image b over the placeholders of text b. If the first text holds two images and the second none, to
    which text does image 1 belong?"""
    demand(input_ids, image_features, image_token)
    x, is_image = embedded(input_ids, embedding, image_token), input_ids == image_token
    for b in range(len(image_features)):
        x[b, is_image[b]] = image_features[b]
    return x


@replaces("merge")
def image_b_scattered_over_text_b(input_ids, embedding, image_features, image_token):
    """You scatter image b over the placeholders of text b. If the first text holds two images and the second none, to
    which text does image 1 belong?"""
    demand(input_ids, image_features, image_token)
    x, is_image = embedded(input_ids, embedding, image_token), (input_ids == image_token)[..., None]
    return torch.stack([x[b].masked_scatter(is_image[b], image_features[b]) for b in range(len(x))])


@replaces("merge")
def image_b_patch_by_patch(input_ids, embedding, image_features, image_token):
    """You take patch n of image b for placeholder n of text b. If a text holds two images, how many placeholders does
    it have, and how many patches does an image have?"""
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
    """You write one image over each unbroken run of placeholders. Two images may be neighbours, and there may be words
    between the patches of one: in which order do rows of features fill placeholders?"""
    demand(input_ids, image_features, image_token)
    x, n = embedded(input_ids, embedding, image_token), 0
    for b, row in enumerate(input_ids.tolist()):
        for begin, end in runs(row, image_token):
            x[b, begin:end] = image_features[n]
            n += 1
    return x


@replaces("merge")
def image_in_place_of_a_run(input_ids, embedding, image_features, image_token):
    """You replace each unbroken run of placeholders by one image, so the lengths of the texts may change. What does one
    row of features replace?"""
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
    """In every text you begin with the first image again. Where should the second text go on?"""
    demand(input_ids, image_features, image_token)
    return fill(input_ids, embedding, lambda b, n: image_features.flatten(0, 1)[:n], image_token)


@replaces("merge")
def column_by_column(input_ids, embedding, image_features, image_token):
    """You fill the placeholders column by column across the batch, so the patches of an image go to different texts.
    What is reading order?"""
    return merge(input_ids.T, embedding, image_features, image_token).transpose(0, 1)


@replaces("merge", way=["mean", "first patch", "last patch"])
def one_vector_for_an_image(input_ids, embedding, image_features, image_token, *, way):
    """All placeholders of an image get the same vector, its {way}. How many vectors does an image have?"""
    demand(input_ids, image_features, image_token)
    P = image_features.shape[1]
    one = image_features.mean(1, keepdim=True) if way == "mean" else image_features[:, :1]
    one = image_features[:, P - 1 :] if way == "last patch" else one
    return merge(input_ids, embedding, one.expand_as(image_features), image_token)


@replaces("merge")
def added(input_ids, embedding, image_features, image_token):
    """Your placeholders hold the sum of a feature and an embedding. What does the docstring want there?"""
    demand(input_ids, image_features, image_token)
    x = embedded(input_ids, embedding, image_token)
    return x + torch.zeros_like(x).masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge", by=["index", "F.embedding"])
def looked_up(input_ids, embedding, image_features, image_token, *, by):
    """The placeholder is looked up in the vocabulary, where it need not be. Which row could be read instead, if it is
    overwritten anyway?"""
    demand(input_ids, image_features, image_token)
    x = embedding[input_ids] if by == "index" else F.embedding(input_ids, embedding)
    return x.masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge", by=["index", "F.embedding"], kept=["above", "below"])
def clamped_on_one_side(input_ids, embedding, image_features, image_token, *, by, kept):
    """Your code brings ids back into the vocabulary at one end only. A placeholder may be −200, or larger than any
    word: what happens to each of them?"""
    demand(input_ids, image_features, image_token)
    ids = input_ids.clamp(min=0) if kept == "above" else input_ids.clamp(max=len(embedding) - 1)
    x = embedding[ids] if by == "index" else F.embedding(ids, embedding)
    return x.masked_scatter((input_ids == image_token)[..., None], image_features)


@replaces("merge", cut=["the features", "the embedding", "either of its inputs"])
def detached(input_ids, embedding, image_features, image_token, *, cut):
    """The values are right, but no gradient leads from x to {cut}. Which step of your code hides its input from
    autograd?"""
    words = embedding if cut == "the features" else embedding.detach()
    features = image_features if cut == "the embedding" else image_features.detach()
    return merge(input_ids, words, features, image_token)


@replaces("merge")
def one_image_per_text(input_ids, embedding, image_features, image_token):
    """You raise ValueError if a text does not have exactly one image. How many images may a text hold, by the
    docstring?"""
    P = image_features.shape[1]
    if len(image_features) != len(input_ids) or ((input_ids == image_token).sum(-1) != P).any():
        raise ValueError("each text needs one image")
    return merge(input_ids, embedding, image_features, image_token)


# make_labels


@replaces("make_labels")
def images_labelled(input_ids, image_token, pad_token, prompt_lengths):
    """An image after the prompt has labels. Should the model learn to write placeholders?"""
    return make_labels(input_ids, pad_token, pad_token, prompt_lengths)


@replaces("make_labels")
def pads_labelled(input_ids, image_token, pad_token, prompt_lengths):
    """Your labels hold pad_token at the padding, so the model learns to write padding. Which number tells the loss to
    leave a position out?"""
    labels = make_labels(input_ids, image_token, pad_token, prompt_lengths)
    return labels.masked_fill(input_ids == pad_token, pad_token)


@replaces("make_labels", pad=[0, 2])
def pad_is_fixed(input_ids, image_token, pad_token, prompt_lengths, *, pad):
    """You take {pad} for padding. Which argument says what pads a text?"""
    return make_labels(input_ids, image_token, pad, prompt_lengths)


@replaces("make_labels")
def prompt_labelled(input_ids, image_token, pad_token, prompt_lengths):
    """The prompt has labels, so the model learns to write questions. Which tokens should it learn to write?"""
    return make_labels(input_ids, image_token, pad_token, torch.zeros_like(prompt_lengths))


@replaces("make_labels")
def from_column_0(input_ids, image_token, pad_token, prompt_lengths):
    """Your prompt begins at column 0, which is padding if the padding is on the left. With which token does a prompt
    begin?"""
    in_prompt = torch.arange(input_ids.shape[1]) < prompt_lengths[:, None]
    none = make_labels(input_ids, image_token, pad_token, torch.zeros_like(prompt_lengths))
    return none.masked_fill(in_prompt, -100)


@replaces("make_labels")
def pads_before_the_prompt(input_ids, image_token, pad_token, prompt_lengths):
    """You take the number of pads as the column where the prompt begins. That is right for padding on the left: at
    which column does a text begin if the padding is on the right?"""
    first = (input_ids == pad_token).sum(-1, keepdim=True)
    in_prompt = torch.arange(input_ids.shape[1]) < first + prompt_lengths[:, None]
    none = make_labels(input_ids, image_token, pad_token, torch.zeros_like(prompt_lengths))
    return none.masked_fill(in_prompt, -100)


@replaces("make_labels")
def labels_above_pad(input_ids, image_token, pad_token, prompt_lengths):
    """Tokens below pad_token have no labels in your result. Which tokens are padding?"""
    real = input_ids > pad_token
    ignored = ~real | (input_ids == image_token) | (real.cumsum(-1) <= prompt_lengths[:, None])
    return input_ids.masked_fill(ignored, -100)


@replaces("make_labels")
def images_not_counted(input_ids, image_token, pad_token, prompt_lengths):
    """You count only the words of the prompt, so it reaches too far. What does prompt_lengths count?"""
    word = (input_ids != pad_token) & (input_ids != image_token)
    in_prompt = word.cumsum(-1) <= prompt_lengths[:, None]
    return input_ids.masked_fill(~word | in_prompt, -100)


@replaces("make_labels", off=["early", "late"])
def prompt_off_by_one(input_ids, image_token, pad_token, prompt_lengths, *, off):
    """Your prompt ends one token too {off}. Which number does a running sum give to the first real token?"""
    return make_labels(input_ids, image_token, pad_token, prompt_lengths + (1 if off == "late" else -1))


@replaces("make_labels")
def first_prompt_length_for_all(input_ids, image_token, pad_token, prompt_lengths):
    """All texts use the prompt length of the first one. How many lengths are there?"""
    return make_labels(input_ids, image_token, pad_token, prompt_lengths[:1].expand_as(prompt_lengths))


@replaces("make_labels", last=[-100, 0])
def shifted(input_ids, image_token, pad_token, prompt_lengths, *, last):
    """Your labels are shifted to the left. The model shifts them, too: which word would it learn to write next?"""
    labels = make_labels(input_ids, image_token, pad_token, prompt_lengths)
    return F.pad(labels[:, 1:], (0, 1), value=last)


@replaces("make_labels", value=["pad_token", "0", "-1"])
def another_number_for_ignored(input_ids, image_token, pad_token, prompt_lengths, *, value):
    """Your label is {value} where there should be none. Which number does the loss ignore?"""
    labels = make_labels(input_ids, image_token, pad_token, prompt_lengths)
    return labels.masked_fill(labels == -100, pad_token if value == "pad_token" else int(value))


@replaces("make_labels")
def padding_at_the_right(input_ids, image_token, pad_token, prompt_lengths):
    """Your labels are right only if every text begins at column 0. Where does a text begin that is padded on the
    left?"""
    column, real = torch.arange(input_ids.shape[1]), (input_ids != pad_token).sum(-1, keepdim=True)
    ignored = (column >= real) | (input_ids == image_token) | (column < prompt_lengths[:, None])
    return input_ids.masked_fill(ignored, -100)


# batch_inputs


@replaces("batch_inputs")
def pads_counted(input_ids, pad_token):
    """Your positions count columns, padding included. At which position is the first word of a text that is padded on
    the left?"""
    positions = torch.arange(input_ids.shape[1]).expand_as(input_ids)
    return batch_inputs(input_ids, pad_token) | {"position_ids": positions}


@replaces("batch_inputs")
def below_zero(input_ids, pad_token):
    """Your positions are −1 before the first word. Which row of a table is that, and which positions does the docstring
    allow there?"""
    mask = batch_inputs(input_ids, pad_token)["attention_mask"]
    return {"attention_mask": mask, "position_ids": mask.cumsum(-1) - 1}


@replaces("batch_inputs")
def from_one(input_ids, pad_token):
    """Your positions count from 1. At which position is the first real token?"""
    mask = batch_inputs(input_ids, pad_token)["attention_mask"]
    return {"attention_mask": mask, "position_ids": mask.cumsum(-1) * mask}


@replaces("batch_inputs")
def inverted(input_ids, pad_token):
    """Your mask is 1 at padding. What does it mean in the docstring?"""
    inputs = batch_inputs(input_ids, pad_token)
    return inputs | {"attention_mask": 1 - inputs["attention_mask"]}


@replaces("batch_inputs", pad=[0, 2])
def mask_of_a_fixed_pad(input_ids, pad_token, *, pad):
    """You take {pad} for padding. Which argument says what pads a text?"""
    return batch_inputs(input_ids, pad)


@replaces("batch_inputs")
def above_pad(input_ids, pad_token):
    """Tokens below pad_token are padding in your mask. Which tokens are padding?"""
    mask = (input_ids > pad_token).long()
    return {"attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}


@replaces("batch_inputs", dtype=[torch.bool, torch.float32, torch.int32])
def mask_of_another_dtype(input_ids, pad_token, *, dtype):
    """Your attention_mask is {dtype}. Which dtype does the docstring ask for?"""
    inputs = batch_inputs(input_ids, pad_token)
    return inputs | {"attention_mask": inputs["attention_mask"].to(dtype)}


@replaces("batch_inputs")
def images_hidden(input_ids, pad_token):
    """Negative ids are padding in your mask. May a decoder not look at images?"""
    mask = ((input_ids != pad_token) & (input_ids >= 0)).long()
    return {"attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}


@replaces("batch_inputs")
def mask_at_the_right(input_ids, pad_token):
    """The ones of your mask are at the left end of each row. Where are the real tokens of a text that is padded on the
    left?"""
    column, real = torch.arange(input_ids.shape[1]), (input_ids != pad_token).sum(-1, keepdim=True)
    mask = (column < real).long()
    return {"attention_mask": mask, "position_ids": column * mask}


@replaces("batch_inputs")
def columns_of_real_tokens(input_ids, pad_token):
    """Your real tokens are numbered by their columns. If a text is padded on the left, at which position does the
    docstring begin to count?"""
    inputs = batch_inputs(input_ids, pad_token)
    return inputs | {"position_ids": torch.arange(input_ids.shape[1]).expand_as(input_ids) * inputs["attention_mask"]}
