"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from attention_masks import bidirectional_mask, prefix_lm_mask, variant_masks, with_padding
from torch import Tensor

from grader.testing import replaces


@replaces("bidirectional_mask")
def square_only(T: int, S: int | None = None) -> Tensor:
    """Your mask is T by T even if the number of keys is given. How many keys does cross-attention have?"""
    return torch.ones(T, T, dtype=torch.bool)


@replaces("bidirectional_mask", dtype=[torch.float32, torch.int64, torch.uint8])
def ones_are_numbers(T: int, S: int | None = None, *, dtype: torch.dtype) -> Tensor:
    """Your mask is {dtype}. A mask of numbers is added to the scores: which dtype says «may attend» and nothing
    else?"""
    return torch.ones(T, T if S is None else S, dtype=dtype)


@replaces("bidirectional_mask")
def never_narrower(T: int, S: int | None = None) -> Tensor:
    """With fewer keys than queries your mask is T by T. A target may be longer than its source: does anything in
    cross-attention demand that S is at least T?"""
    return torch.ones(T, max(T, S or T), dtype=torch.bool)


@replaces("bidirectional_mask")
def rows_are_keys(T: int, S: int | None = None) -> Tensor:
    """Your mask has one row for each key and one column for each query. Which of the two does a row of the scores
    belong to?"""
    return torch.ones(T if S is None else S, T, dtype=torch.bool)


@replaces("bidirectional_mask")
def causal_for_all(T: int, S: int | None = None) -> Tensor:
    """Your bidirectional mask hides later keys from a query. What does «everything» in the statement's table hide?"""
    return torch.ones(T, T if S is None else S, dtype=torch.bool).tril()


def ranges(T: int, S: int | None = None) -> tuple[Tensor, Tensor]:
    """Positions of queries (T, 1) and keys (1, S)."""
    S = T if S is None else S
    return torch.arange(T)[:, None] + S - T, torch.arange(S)[None, :]


@replaces("prefix_lm_mask")
def prefix_and(T: int, prefix_len: int) -> Tensor:
    """Tokens after the prefix cannot see each other. A prefix adds permissions to the causal mask: is that «and» or
    «or»?"""
    query, key = ranges(T)
    return (key <= query) & (key < prefix_len)


@replaces("prefix_lm_mask")
def prefix_queries(T: int, prefix_len: int) -> Tensor:
    """The queries of your prefix see the whole answer. Is the prefix a set of queries that may read anything, or a
    set of keys that anyone may read?"""
    query, key = ranges(T)
    return (key <= query) | (query < prefix_len)


@replaces("prefix_lm_mask", off=[-1, 1])
def prefix_off_by_one(T: int, prefix_len: int, *, off: int) -> Tensor:
    """Your prefix does not end where it should, but one key before or after. Counted from 0, which number does its last
    key have?"""
    query, key = ranges(T)
    return (key <= query) | (key < prefix_len + off)


@replaces("prefix_lm_mask")
def strictly_causal(T: int, prefix_len: int) -> Tensor:
    """After the prefix a query does not see its own key. What does the statement's j ≤ m say about j = m?"""
    query, key = ranges(T)
    return (key < query) | (key < prefix_len)


@replaces("prefix_lm_mask")
def anticausal(T: int, prefix_len: int) -> Tensor:
    """After the prefix your queries see the future and not the past. Which axis of the mask has the queries?"""
    query, key = ranges(T)
    return (key >= query) | (key < prefix_len)


@replaces("prefix_lm_mask")
def prefix_not_seen(T: int, prefix_len: int) -> Tensor:
    """Your mask is causal whatever prefix_len is. What may a query inside the prefix see that a decoder's query may
    not?"""
    query, key = ranges(T)
    return key <= query


@replaces("prefix_lm_mask")
def prefix_square_only(T: int, prefix_len: int) -> Tensor:
    """After the prefix each of your queries sees its own key alone. Which keys does the causal mask give it as well?"""
    query, key = ranges(T)
    return ((key < prefix_len) & (query < prefix_len)) | ((query >= prefix_len) & (key == query))


@replaces("prefix_lm_mask")
def prefix_hidden_later(T: int, prefix_len: int) -> Tensor:
    """Your mask has two separate blocks: the queries after the prefix do not see the prefix. What would the answer be
    an answer to?"""
    query, key = ranges(T)
    return (key < prefix_len) & (query < prefix_len) | (key <= query) & (key >= prefix_len)


@replaces("prefix_lm_mask", empty=[False, True])
def prefix_refused(T: int, prefix_len: int, *, empty: bool) -> Tensor:
    """Your code raises an exception for a prefix_len at the end of the range that the statement allows. What are the
    masks for 0 and for T?"""
    if prefix_len == T or (empty and prefix_len == 0):
        raise ValueError("prefix_len")
    query, key = ranges(T)
    return (key <= query) | (key < prefix_len)


@replaces("sliding_window_mask", more=[1, -1])
def window_of_another_width(T: int, window: int, S: int | None = None, *, more: int) -> Tensor:
    """Your queries see one key too many or too few. W counts the query's own key: how many of the earlier ones are
    left?"""
    query, key = ranges(T, S)
    return (query - window - more < key) & (key <= query)


@replaces("sliding_window_mask", half=[False, True])
def window_two_sided(T: int, window: int, S: int | None = None, *, half: bool) -> Tensor:
    """Your window has keys on both sides of the query. Which keys are later than the query, and may a decoder see
    them?"""
    query, key = ranges(T, S)
    return (query - key).abs() < (window + 1) // 2 if half else (query - key).abs() < window


@replaces("sliding_window_mask", ends_earlier=[False, True])
def window_without_self(T: int, window: int, S: int | None = None, *, ends_earlier: bool) -> Tensor:
    """Your window ends before the query. Is a query's own key one of its W keys?"""
    query, key = ranges(T, S)
    return (query - window <= key if ends_earlier else query - window < key) & (key < query)


@replaces("sliding_window_mask")
def window_top_left(T: int, window: int, S: int | None = None) -> Tensor:
    """With more keys than queries your windows are those of the first T positions. At which position of the text is
    query i, if the T queries are the last of S?"""
    query, key = torch.arange(T)[:, None], torch.arange(T if S is None else S)[None, :]
    return (query - window < key) & (key <= query)


@replaces("sliding_window_mask", off=[-1, 1])
def window_shifted(T: int, window: int, S: int | None = None, *, off: int) -> Tensor:
    """With more keys than queries your windows are shifted by one key. Which is the last key that the last query
    sees?"""
    query, key = ranges(T, S)
    query = query + (off if S is not None and S > T else 0)
    return (query - window < key) & (key <= query)


@replaces("sliding_window_mask")
def window_not_causal(T: int, window: int, S: int | None = None) -> Tensor:
    """Your window has a beginning and no end: the query sees everything that comes after it. Which second condition
    is missing?"""
    query, key = ranges(T, S)
    return key > query - window


@replaces("sliding_window_mask")
def window_without_beginning(T: int, window: int, S: int | None = None) -> Tensor:
    """Your mask is causal whatever the window is. Which keys are too far back for a query?"""
    query, key = ranges(T, S)
    return key <= query


@replaces("sliding_window_mask")
def window_fills_the_front(T: int, window: int, S: int | None = None) -> Tensor:
    """Your window begins at the right key, but with more keys than queries it ends too early. Which of i and m is the
    query's place in the text?"""
    query, key = ranges(T, S)
    first = torch.arange(T)[:, None]
    return (query - window < key) & (key <= first)


@replaces("sliding_window_mask")
def window_of_the_new_ones(T: int, window: int, S: int | None = None) -> Tensor:
    """Every query sees the first S − T keys, however far back they are. A cached key is a key like any other: how far
    from position m is it?"""
    query, key = ranges(T, S)
    return ((query - window < key) | (key < key.shape[1] - T)) & (key <= query)


@replaces("sliding_window_mask")
def window_without_cache(T: int, window: int, S: int | None = None) -> Tensor:
    """None of your queries sees one of the S − T keys before the last T. These are keys of earlier tokens: how far back
    does the window of the first query reach?"""
    query, key = ranges(T, S)
    return (query - window < key) & (key <= query) & (key >= key.shape[1] - T)


@replaces("sliding_window_mask")
def window_cut_to_the_queries(T: int, window: int, S: int | None = None) -> Tensor:
    """No window of yours is longer than T. T counts the queries alone: how many keys can a query have before it, if S
    is larger than T?"""
    query, key = ranges(T, S)
    return (query - min(window, T) < key) & (key <= query)


@replaces("sliding_window_mask")
def window_in_blocks(T: int, window: int, S: int | None = None) -> Tensor:
    """Your text is cut into blocks of W, and a query sees nothing before its own block. Where does a window that slides
    begin?"""
    query, key = ranges(T, S)
    return (query // window == key // window) & (key <= query)


@replaces("with_padding", last=[False, True])
def padding_queries(mask: Tensor, attention_mask: Tensor, *, last: bool) -> Tensor:
    """The rows of padded queries are empty in your mask, and real tokens read the padding. Which axis of the mask has
    the keys?"""
    tokens = attention_mask.bool()
    T, S = mask.shape
    rows = (tokens[:, S - T :] if last else tokens[:, :T]) if T <= S else tokens.new_ones(len(tokens), T)
    return mask & rows[:, None, :, None]


@replaces("with_padding")
def padding_both(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """The rows of padded queries are empty in your mask. Padding removes keys: what would a softmax over an empty row
    sum?"""
    tokens = attention_mask.bool()
    T, S = mask.shape
    rows = tokens[:, S - T :] if T <= S else tokens.new_ones(len(tokens), T)
    return mask & tokens[:, None, None, :] & rows[:, None, :, None]


@replaces("with_padding")
def padding_or(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """A key is visible in your mask if it is a token or if the pattern allows it. Is one of the two enough?"""
    return mask | attention_mask.bool()[:, None, None, :]


@replaces("with_padding")
def padding_xor(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """A key is visible in your mask if the pattern and the padding disagree about it. What should hold for both?"""
    return mask ^ attention_mask.bool()[:, None, None, :]


@replaces("with_padding")
def padding_inverted(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """Your mask keeps the padding and removes the text. What does a 1 in attention_mask mean?"""
    return mask & ~attention_mask.bool()[:, None, None, :]


@replaces("with_padding")
def padding_ignored(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """Your result is the pattern alone, whatever attention_mask is. Which keys are no tokens?"""
    return (mask & torch.ones_like(attention_mask).bool()[:, None, None, :]).clone()


@replaces("with_padding")
def integers(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """With an attention_mask of integers your result has integers, too. Attention would add 0 and 1 to the scores:
    which dtype should both masks have before they are joined?"""
    return mask & attention_mask[:, None, None, :]


@replaces("with_padding")
def bitwise_not(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """With integers your mask takes every place for a token, or none. What are ~1 and ~0 for integers, and which of
    them is true?"""
    return mask & ~(~attention_mask[:, None, None, :]).bool()


@replaces("with_padding")
def one_minus_mask(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """Your code subtracts bools, which torch refuses. attention_mask may be bool or of integers: into which dtype can
    you bring both?"""
    return mask & ((1 - attention_mask)[:, None, None, :] == 0)


@replaces("with_padding")
def no_head_axis(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """The axis for the heads is missing in your result. With which axis of the scores (B, H, T, S) would the first axis
    of (B, T, S) line up?"""
    return mask & attention_mask.bool()[:, None, :]


@replaces("with_padding")
def texts_last(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """Your result is (1, B, T, S). Which axis comes first in a batch of scores (B, H, T, S)?"""
    return (mask & attention_mask.bool()[:, None, :])[None]


@replaces("variant_masks", from_the_end=[False, True])
def cross_causal(variant, attention_mask, target_mask=None, prefix_len=None, *, from_the_end):
    """Your cross-attention is causal. The source is complete before the decoder begins: which of its tokens could still
    be the future?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        T, S = masks["cross"].shape[-2:]
        masks["cross"] = masks["cross"].tril(S - T if from_the_end else 0)
    return masks


@replaces("variant_masks")
def cross_both_paddings(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your cross mask also empties the rows of padded target positions. Does padding remove queries, and whose keys
    does target_mask speak about?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        masks["cross"] = masks["cross"] & target_mask.bool()[:, None, :, None]
    return masks


@replaces("variant_masks")
def cross_transposed(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your cross mask has the source in its rows. Which of the two texts has the queries?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        masks["cross"] = masks["cross"].mT
    return masks


@replaces("variant_masks")
def decoder_reads_ahead(variant, attention_mask, target_mask=None, prefix_len=None):
    """The decoder of your encoder-decoder reads its own answer ahead. In which order does a decoder write, and what has
    it written so far?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "decoder" in masks:
        masks["decoder"] = with_padding(bidirectional_mask(target_mask.shape[1]), target_mask)
    return masks


@replaces("variant_masks")
def encoder_causal(variant, attention_mask, target_mask=None, prefix_len=None):
    """The encoder of your encoder-decoder is causal. Is anything of the source still to be written when it is read?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "encoder" in masks:
        masks["encoder"] = masks["encoder"].tril()
    return masks


@replaces("variant_masks", of=["encoder", "decoder", "cross"], queries=[False, True])
def unpadded(variant, attention_mask, target_mask=None, prefix_len=None, *, of, queries):
    """In your "{of}" mask queries see padding. Which argument says where the padding of its keys is?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if of in masks:
        T, S = masks[of].shape[-2:]
        pattern = prefix_lm_mask(T, 0) if of == "decoder" else bidirectional_mask(T, S)
        masks[of] = with_padding(pattern, torch.ones(len(attention_mask), S))
        if queries:  # the padding of the queries removes rows
            masks[of] = masks[of] & (attention_mask if of == "encoder" else target_mask).bool()[:, None, :, None]
    return masks


@replaces("variant_masks", name=["encoder-only", "decoder-only", "prefix-lm"])
def text_unpadded(variant, attention_mask, target_mask=None, prefix_len=None, *, name):
    """In your mask of "{name}" queries see padding. Which argument says where the padding is?"""
    if variant == name:
        attention_mask = torch.ones_like(attention_mask)
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks", reads=["encoder-only", "decoder-only"])
def one_pattern_for_two(variant, attention_mask, target_mask=None, prefix_len=None, *, reads):
    """Your encoder and your decoder of one text have the same mask. Which of the two may look ahead?"""
    if variant in ("encoder-only", "decoder-only"):
        variant = reads
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks", key=["mask", "encoder", "decoder"])
def other_key(variant, attention_mask, target_mask=None, prefix_len=None, *, key):
    """The mask of a single text has the key "{key}" in your dict. What does the statement call it?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    return {key if name == "self" else name: mask for name, mask in masks.items()}


@replaces("variant_masks")
def mask_without_a_dict(variant, attention_mask, target_mask=None, prefix_len=None):
    """You return a single mask and not a dict for a single text. What should somebody who calls this do with every
    variant alike?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    return masks.get("self", masks)


@replaces("variant_masks")
def zero_is_missing(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your code calls a prefix of length 0 missing. Which of 0 and None is a length that somebody chose, and how do you
    tell them apart?"""
    return variant_masks(variant, attention_mask, target_mask, prefix_len or None)


@replaces("variant_masks")
def missing_is_zero(variant, attention_mask, target_mask=None, prefix_len=None):
    """A prefix LM without prefix_len is a plain decoder in your code. Would its user notice, and what does the
    statement ask for?"""
    return variant_masks(variant, attention_mask, target_mask, prefix_len or 0)


KNOWN = ("encoder-only", "decoder-only", "prefix-lm", "encoder-decoder")


@replaces("variant_masks", taken_for=["encoder-only", "decoder-only", "encoder-decoder"])
def unknown_is_another(variant, attention_mask, target_mask=None, prefix_len=None, *, taken_for):
    """Your code takes a variant that it does not know for "{taken_for}". Which mask should a misspelt name choose?"""
    return variant_masks(variant if variant in KNOWN else taken_for, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def unknown_is_nothing(variant, attention_mask, target_mask=None, prefix_len=None):
    """For a variant that your code does not know it returns nothing. How does the statement want a misspelt name to be
    reported?"""
    return variant_masks(variant, attention_mask, target_mask, prefix_len) if variant in KNOWN else None


@replaces("variant_masks")
def missing_target(variant, attention_mask, target_mask=None, prefix_len=None):
    """Without a target_mask you take the source for the target. Can an encoder-decoder know how long its target is, and
    what does the statement ask for?"""
    return variant_masks(variant, attention_mask, attention_mask if target_mask is None else target_mask, prefix_len)


@replaces("variant_masks")
def target_unchecked(variant, attention_mask, target_mask=None, prefix_len=None):
    """Without a target_mask your code fails with an error of another type than ValueError. What does it do with
    target_mask before it asks whether there is one?"""
    if variant == "encoder-decoder":
        bidirectional_mask(target_mask.shape[1])
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def prefix_unchecked(variant, attention_mask, target_mask=None, prefix_len=None):
    """Without prefix_len your prefix LM fails with an error of another type than ValueError. What does it do with
    prefix_len before it asks whether there is one?"""
    if variant == "prefix-lm":
        prefix_lm_mask(attention_mask.shape[1], prefix_len)
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def key_error(variant, attention_mask, target_mask=None, prefix_len=None):
    """For an unknown variant your code raises KeyError, as a dict does. Which exception does the statement ask for?"""
    {name: name for name in KNOWN}[variant]
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def prefix_in_tokens(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your prefix counts real tokens: with padding on the left, it reaches further to the right than column prefix_len.
    What does the statement count?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if variant == "prefix-lm":
        tokens = attention_mask.bool()
        prefix = tokens & (tokens.long().cumsum(1) <= prefix_len)
        S = tokens.shape[1]
        masks["self"] = (prefix_lm_mask(S, 0) | prefix[:, None, None, :]) & tokens[:, None, None, :]
    return masks


@replaces("variant_masks")
def queries_emptied(variant, attention_mask, target_mask=None, prefix_len=None):
    """In your masks the rows of padded queries are empty. Padding removes keys and never queries: who reads
    the result of a padded query?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    rows = {"decoder": target_mask, "cross": target_mask}
    return {name: mask & rows.get(name, attention_mask).bool()[:, None, :, None] for name, mask in masks.items()}
