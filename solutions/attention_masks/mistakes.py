"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from attention_masks import bidirectional_mask, prefix_lm_mask, variant_masks, with_padding
from torch import Tensor

from grader.testing import replaces


@replaces("bidirectional_mask")
def square_only(T: int, S: int | None = None) -> Tensor:
    """Your mask is T by T even where the number of keys is given. Cross-attention has as many keys as the source
    has positions."""
    return torch.ones(T, T, dtype=torch.bool)


@replaces("bidirectional_mask")
def ones_of_floats(T: int, S: int | None = None) -> Tensor:
    """Your mask holds numbers, not bools, and 1.0 in a float mask means «add 1 to this score». Name the dtype."""
    return torch.ones(T, T if S is None else S)


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
    """The queries of your prefix see the whole answer. The prefix is a set of keys that anyone may read, not of
    queries that may read anything."""
    query, key = ranges(T)
    return (key <= query) | (query < prefix_len)


@replaces("prefix_lm_mask")
def prefix_one_too_long(T: int, prefix_len: int) -> Tensor:
    """Your prefix has one key too many. Counted from 0, which number has its last key?"""
    query, key = ranges(T)
    return (key <= query) | (key <= prefix_len)


@replaces("prefix_lm_mask")
def prefix_not_empty(T: int, prefix_len: int) -> Tensor:
    """You refuse a prefix that is empty or the whole text. Both make sense: the first is a decoder, the second an
    encoder."""
    if not 0 < prefix_len < T:
        raise ValueError("prefix_len")
    query, key = ranges(T)
    return (key <= query) | (key < prefix_len)


@replaces("prefix_lm_mask")
def prefix_square_only(T: int, prefix_len: int) -> Tensor:
    """Inside your prefix all is right, and the queries after the prefix see their own key alone. Which keys does the
    causal mask give them as well?"""
    query, key = ranges(T)
    return ((key < prefix_len) & (query < prefix_len)) | ((query >= prefix_len) & (key == query))


@replaces("prefix_lm_mask")
def prefix_hidden_later(T: int, prefix_len: int) -> Tensor:
    """Your mask has two separate blocks: the queries after the prefix do not see the prefix. What would the answer be
    an answer to?"""
    query, key = ranges(T)
    return (key < prefix_len) & (query < prefix_len) | (key <= query) & (key >= prefix_len)


@replaces("prefix_lm_mask")
def whole_text_refused(T: int, prefix_len: int) -> Tensor:
    """You raise an exception where the prefix is the whole text. The statement allows prefix_len = T: what is the
    mask then?"""
    if not 0 <= prefix_len < T:
        raise ValueError("prefix_len")
    query, key = ranges(T)
    return (key <= query) | (key < prefix_len)


@replaces("sliding_window_mask")
def window_plus_one(T: int, window: int, S: int | None = None) -> Tensor:
    """Each of your queries sees W + 1 keys. W counts the query's own key: how many of the earlier ones are left?"""
    query, key = ranges(T, S)
    return (query - window <= key) & (key <= query)


@replaces("sliding_window_mask")
def window_two_sided(T: int, window: int, S: int | None = None) -> Tensor:
    """Your window looks into the future as well: a distance without its sign does not tell before from after. The
    window of a decoder looks back only."""
    query, key = ranges(T, S)
    return (query - key).abs() < window


@replaces("sliding_window_mask")
def window_without_self(T: int, window: int, S: int | None = None) -> Tensor:
    """Your window ends before the query. A token may attend to itself, and its own key is one of the W."""
    query, key = ranges(T, S)
    return (query - window <= key) & (key < query)


@replaces("sliding_window_mask")
def window_top_left(T: int, window: int, S: int | None = None) -> Tensor:
    """Right for T = S only. With cached keys query i stands at position i + S - T of the text, and its window ends
    there."""
    query, key = torch.arange(T)[:, None], torch.arange(T if S is None else S)[None, :]
    return (query - window < key) & (key <= query)


@replaces("sliding_window_mask")
def window_not_causal(T: int, window: int, S: int | None = None) -> Tensor:
    """Your window has a beginning and no end: the query sees everything that comes after it. Which second condition
    is missing?"""
    query, key = ranges(T, S)
    return key > query - window


@replaces("sliding_window_mask")
def window_fills_the_front(T: int, window: int, S: int | None = None) -> Tensor:
    """Your condition for the past is right for the position m, and the condition for the future still uses i: with
    cached keys a query does not see the newest ones. Which of the two numbers is the query's place in the text?"""
    query, key = ranges(T, S)
    first = torch.arange(T)[:, None]
    return (query - window < key) & (key <= first)


@replaces("sliding_window_mask")
def window_of_the_new_ones(T: int, window: int, S: int | None = None) -> Tensor:
    """Your window ends inside the last T keys, and all S - T keys before them are seen by every query, however far
    back they lie. A cached key is a key like any other: how far from position m is it?"""
    query, key = ranges(T, S)
    return ((query - window < key) | (key < key.shape[1] - T)) & (key <= query)


@replaces("sliding_window_mask")
def window_without_cache(T: int, window: int, S: int | None = None) -> Tensor:
    """None of your queries sees one of the S - T keys before the last T. These are the keys of earlier tokens, and
    where the window reaches back to them they count like all others. At which position does it begin for the first
    query?"""
    query, key = ranges(T, S)
    return (query - window < key) & (key <= query) & (key >= key.shape[1] - T)


@replaces("sliding_window_mask")
def window_cut_to_the_queries(T: int, window: int, S: int | None = None) -> Tensor:
    """You shorten a window that is longer than T to T. With cached keys T counts the queries alone, and a query can
    have more keys behind it than that. Does a window that is too long for the text need to be shortened at all?"""
    query, key = ranges(T, S)
    return (query - min(window, T) < key) & (key <= query)


@replaces("with_padding")
def padding_queries(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """You emptied the rows of padded queries, and real tokens still read the padding. Padding hides keys: on which
    axis do these lie?"""
    tokens = attention_mask.bool()
    T, S = mask.shape
    rows = tokens[:, :T] if T <= S else torch.nn.functional.pad(tokens, (0, T - S), value=True)
    return mask & rows[:, None, :, None]


@replaces("with_padding")
def padding_both(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """Beside the keys you removed the rows of padded queries. These rows may stay as they are: without them the
    softmax has nothing to sum."""
    tokens = attention_mask.bool()
    T, S = mask.shape
    rows = tokens[:, S - T :] if T <= S else tokens.new_ones(len(tokens), T)
    return mask & tokens[:, None, None, :] & rows[:, None, :, None]


@replaces("with_padding")
def padding_or(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """Every real token is now visible to everyone, and padding is visible where the pattern allows it. A key must be
    allowed by both."""
    return mask | attention_mask.bool()[:, None, None, :]


@replaces("with_padding")
def padding_inverted(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """You kept the padding and removed the text. In attention_mask 1 is a token."""
    return mask & ~attention_mask.bool()[:, None, None, :]


@replaces("with_padding")
def integers(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """With an attention_mask of integers your result has integers too: a product or & takes the wider dtype. Attention
    would add 0 and 1 to the scores. Make it bool first."""
    return mask & attention_mask[:, None, None, :]


@replaces("with_padding")
def bitwise_not(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """On integers ~ turns every bit: ~1 is -2 and ~0 is -1, and both are true. Only on bools it means «not»."""
    return mask & ~(~attention_mask[:, None, None, :]).bool()


@replaces("with_padding")
def one_minus_mask(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """You compute 1 - attention_mask, which torch does for integers and refuses for bools. attention_mask may come as
    either. Into which dtype can you bring both before you ask what is padding?"""
    return mask & ((1 - attention_mask)[:, None, None, :] == 0)


@replaces("with_padding")
def no_head_axis(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """The axis for the heads is missing. A mask (B, T, S) against scores (B, H, T, S) lines up B with H."""
    return mask & attention_mask.bool()[:, None, :]


@replaces("with_padding")
def texts_last(mask: Tensor, attention_mask: Tensor) -> Tensor:
    """Your result is (1, B, T, S). A batch of scores is (B, H, T, S): which axis stands first?"""
    return (mask & attention_mask.bool()[:, None, :])[None]


@replaces("variant_masks")
def cross_causal(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your cross-attention is causal. The source is complete before the decoder begins: every position of the target
    reads all of it."""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        masks["cross"] = masks["cross"].tril()
    return masks


@replaces("variant_masks")
def cross_causal_from_the_end(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your cross-attention is causal, as if the last token of the target stood at the last of the source. The source
    is complete before the decoder begins: which of its tokens could still be the future?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        T, S = masks["cross"].shape[-2:]
        masks["cross"] = masks["cross"].tril(S - T)
    return masks


@replaces("variant_masks")
def cross_target_padding(variant, attention_mask, target_mask=None, prefix_len=None):
    """In your cross-attention the padding of the target decides, and the padding of the source is read. Whose keys
    does cross-attention use?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        everywhere = torch.ones_like(masks["cross"])
        masks["cross"] = everywhere & target_mask.bool()[:, None, :, None]
    return masks


@replaces("variant_masks")
def cross_both_paddings(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your cross mask also empties the rows of padded target positions. Queries are never removed: the mask of the
    target speaks about the keys of the decoder's own attention."""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        masks["cross"] = masks["cross"] & target_mask.bool()[:, None, :, None]
    return masks


@replaces("variant_masks")
def cross_transposed(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your cross mask has the source in its rows. Queries come from the target, keys from the source."""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "cross" in masks:
        masks["cross"] = masks["cross"].mT
    return masks


@replaces("variant_masks")
def decoder_reads_ahead(variant, attention_mask, target_mask=None, prefix_len=None):
    """The decoder of your encoder-decoder reads its own answer: it writes from left to right, so its self-attention is
    causal like that of any decoder."""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "decoder" in masks:
        masks["decoder"] = with_padding(bidirectional_mask(target_mask.shape[1]), target_mask)
    return masks


@replaces("variant_masks")
def encoder_causal(variant, attention_mask, target_mask=None, prefix_len=None):
    """The encoder of your encoder-decoder is causal. It reads a finished text, in both directions."""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "encoder" in masks:
        masks["encoder"] = masks["encoder"].tril()
    return masks


@replaces("variant_masks")
def target_unpadded(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your decoder mask lets queries see the padding of the target. Which argument says where that padding is?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if "decoder" in masks:
        masks["decoder"] = with_padding(prefix_lm_mask(target_mask.shape[1], 0), torch.ones_like(target_mask))
    return masks


@replaces("variant_masks")
def zero_is_missing(variant, attention_mask, target_mask=None, prefix_len=None):
    """Your code calls a prefix of length 0 missing: `not prefix_len` is true for 0 and for None. Which of the two is a
    length that somebody chose?"""
    return variant_masks(variant, attention_mask, target_mask, prefix_len or None)


@replaces("variant_masks")
def missing_is_zero(variant, attention_mask, target_mask=None, prefix_len=None):
    """A prefix LM without prefix_len became a plain decoder without a word. Raise ValueError."""
    return variant_masks(variant, attention_mask, target_mask, prefix_len or 0)


@replaces("variant_masks")
def unknown_is_decoder(variant, attention_mask, target_mask=None, prefix_len=None):
    """A variant that you do not know fell into your last else branch. A misspelt name must not choose a mask: raise
    ValueError."""
    known = ("encoder-only", "decoder-only", "prefix-lm", "encoder-decoder")
    return variant_masks(variant if variant in known else "decoder-only", attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def unknown_is_encoder_decoder(variant, attention_mask, target_mask=None, prefix_len=None):
    """A variant that you do not know is taken for an encoder-decoder as soon as there is a target_mask. Which of your
    branches asks for the name «encoder-decoder»?"""
    known = ("encoder-only", "decoder-only", "prefix-lm", "encoder-decoder")
    return variant_masks(variant if variant in known else "encoder-decoder", attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def missing_target(variant, attention_mask, target_mask=None, prefix_len=None):
    """Without a target_mask you took the source for the target. An encoder-decoder cannot guess how long its target
    is: raise ValueError."""
    return variant_masks(variant, attention_mask, attention_mask if target_mask is None else target_mask, prefix_len)


@replaces("variant_masks")
def target_unchecked(variant, attention_mask, target_mask=None, prefix_len=None):
    """You ask for the shape of target_mask before you know that it was given. An encoder-decoder without one shall
    raise ValueError. Where must your question whether it is None stand?"""
    if variant == "encoder-decoder":
        bidirectional_mask(target_mask.shape[1])
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def prefix_unchecked(variant, attention_mask, target_mask=None, prefix_len=None):
    """A prefix LM without prefix_len compares positions with None in your code, and Python's TypeError comes out. The
    contract is ValueError. Who has to ask whether prefix_len was given?"""
    if variant == "prefix-lm":
        prefix_lm_mask(attention_mask.shape[1], prefix_len)
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def key_error(variant, attention_mask, target_mask=None, prefix_len=None):
    """Looking up an unknown variant in a dict raises KeyError. The contract is ValueError, with a sentence that names
    what was wrong."""
    known = ("encoder-only", "decoder-only", "prefix-lm", "encoder-decoder")
    {name: name for name in known}[variant]
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def prefix_in_tokens(variant, attention_mask, target_mask=None, prefix_len=None):
    """You counted the prefix in real tokens: with padding on the left, your prefix reaches further to the right than
    column prefix_len. What does the statement count?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    if variant == "prefix-lm":
        tokens = attention_mask.bool()
        prefix = tokens & (tokens.long().cumsum(1) <= prefix_len)
        S = tokens.shape[1]
        masks["self"] = (prefix_lm_mask(S, 0) | prefix[:, None, None, :]) & tokens[:, None, None, :]
    return masks


@replaces("variant_masks")
def zero_refused(variant, attention_mask, target_mask=None, prefix_len=None):
    """A prefix LM with a prefix of length 0 raises ValueError in your code, and so does a missing prefix_len. 0 is a
    number, and None is none: what does `not prefix_len` say of each?"""
    if variant == "prefix-lm" and not prefix_len:
        raise ValueError("prefix_len")
    return variant_masks(variant, attention_mask, target_mask, prefix_len)


@replaces("variant_masks")
def queries_emptied(variant, attention_mask, target_mask=None, prefix_len=None):
    """In your masks the rows of padded queries are empty. Padding removes keys and never queries: who reads
    the result of a padded query?"""
    masks = variant_masks(variant, attention_mask, target_mask, prefix_len)
    rows = {"decoder": target_mask, "cross": target_mask}
    return {name: mask & rows.get(name, attention_mask).bool()[:, None, :, None] for name, mask in masks.items()}
