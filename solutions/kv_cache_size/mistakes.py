"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from kv_cache_size import _get, cache_shape, config_cache_bytes, kv_cache_bytes, max_batch_size, reduction_vs_mha

from grader.testing import replaces


@replaces("kv_cache_bytes", vectors=["one vector", "three vectors", "four vectors"])
def other_vectors(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2, *, vectors):
    """You counted {vectors} for each token and head. What does attention need of an earlier token, and what is used
    once and thrown away?"""
    factor = {"one vector": 1, "three vectors": 3, "four vectors": 4}[vectors]
    return math.ceil(factor * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes", missing=["num_layers", "num_kv_heads", "head_dim", "seq_len", "batch_size"])
def one_factor_missing(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2, *, missing):
    """Your result is the same whatever {missing} is, unless it is 0. What is stored twice if it doubles?"""
    numbers = {
        "num_layers": num_layers,
        "num_kv_heads": num_kv_heads,
        "head_dim": head_dim,
        "seq_len": seq_len,
        "batch_size": batch_size,
    }
    numbers[missing] = min(1, numbers[missing])
    return kv_cache_bytes(**numbers, bytes_per_element=bytes_per_element)


@replaces("kv_cache_bytes", size=[1, 2, 4])
def always_one_size(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2, *, size):
    """You took {size} for the bytes of a number, whatever bytes_per_element is. How many bytes does a number take?"""
    return 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * size


@replaces("kv_cache_bytes")
def bits(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """Your result is eight times too large, as if it were in bits. In what does bytes_per_element count?"""
    return math.ceil(16 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes", unit=["1024 bytes", "2**20 bytes", "2**30 bytes"])
def larger_unit(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2, *, unit):
    """Your result is in units of {unit}. In which unit does the docstring want it?"""
    size = {"1024 bytes": 2**10, "2**20 bytes": 2**20, "2**30 bytes": 2**30}[unit]
    return kv_cache_bytes(num_layers, num_kv_heads, head_dim, seq_len, batch_size, bytes_per_element) / size


@replaces("kv_cache_bytes", by=[1, -1])
def other_tokens(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2, *, by):
    """Your cache is right for a different number of tokens. How large is it for a seq_len of 0, and of 1?"""
    return kv_cache_bytes(num_layers, num_kv_heads, head_dim, max(0, seq_len + by), batch_size, bytes_per_element)


@replaces("kv_cache_bytes")
def cut_off(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You cut off the last part of a byte, so the cache does not fit into what you ask for. Which way does memory have
    to be rounded?"""
    return int(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes")
def rounded_to_nearest(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You rounded a part of a byte to the nearest whole number. Half a byte has to be stored too: which way does memory
    have to be rounded?"""
    return round(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes")
def rounded_half_up(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You rounded half a byte up, and less than half a byte down. A quarter of a byte has to be stored too: which parts
    of a byte may be left out?"""
    size = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element
    return size if isinstance(size, int) else math.floor(size + 0.5)


@replaces("kv_cache_bytes", part=["number", "token", "layer", "sequence"])
def rounded_too_early(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2, *, part):
    """You rounded up the bytes of one {part} and then multiplied, so a part of a byte is paid many times. How often
    does the statement round, and when?"""
    each = {
        "number": 1,
        "token": 2 * num_layers * num_kv_heads * head_dim,
        "layer": 2 * num_kv_heads * head_dim * seq_len * batch_size,
        "sequence": 2 * num_layers * num_kv_heads * head_dim * seq_len,
    }[part]
    parts = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size // each if each else 0
    return math.ceil(each * bytes_per_element) * parts


@replaces("kv_cache_bytes")
def through_float(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """Your result is not exact above 2**53, as where a product goes through a float. With 2 bytes for each number all
    factors are whole: what keeps their product exact?"""
    return math.ceil(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * float(bytes_per_element))


@replaces("kv_cache_bytes", error=[ValueError, AssertionError])
def no_empty_cache(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2, *, error):
    """You refused a seq_len of 0. What does the docstring say about it, and how many bytes does a conversation take
    that has not begun?"""
    if seq_len == 0:
        raise error("seq_len must be positive")
    return kv_cache_bytes(num_layers, num_kv_heads, head_dim, seq_len, batch_size, bytes_per_element)


def sizes_of(config):
    return _get(config, "num_hidden_layers", "n_layer"), _get(config, "num_attention_heads", "n_head")


def groups(config, H):
    return 1 if config.get("multi_query") else _get(config, "num_key_value_heads", default=H)


def width(config, H):
    K, D = _get(config, "head_dim"), _get(config, "hidden_size", "n_embd")
    return D // H if K is None else K


def shape(L, G, K):
    return {"num_layers": L, "num_kv_heads": G, "head_dim": K}


@replaces("cache_shape")
def query_heads(config):
    """You counted the query heads. Only keys and values are kept, and the heads of a group share them: which key of the
    config says how many there are?"""
    L, H = sizes_of(config)
    return shape(L, H, width(config, H))


@replaces("cache_shape")
def width_divided(config):
    """You divided the width by the number of heads although the config names head_dim. Which of the two wins if they
    disagree, as in Qwen3?"""
    L, H = sizes_of(config)
    K, D = _get(config, "head_dim"), _get(config, "hidden_size", "n_embd")
    return shape(L, groups(config, H), K if D is None else D // H)


@replaces("cache_shape")
def width_needed(config):
    """You refused a config that names head_dim and no width. What do you need the width for, if head_dim is there?"""
    L, H = sizes_of(config)
    if _get(config, "hidden_size", "n_embd") is None:
        raise ValueError("the config names neither head_dim nor hidden_size")
    return shape(L, groups(config, H), width(config, H))


@replaces("cache_shape")
def width_divided_too_soon(config):
    """You divide the width even where head_dim is given. A config that names head_dim may have no width at all: when is
    the division needed?"""
    L, H = sizes_of(config)
    D = _get(config, "hidden_size", "n_embd")
    return shape(L, groups(config, H), _get(config, "head_dim", default=D // H))


@replaces(
    "cache_shape", what=["the whole width", "the width over the key-value heads", "the width over the number of layers"]
)
def other_head_dim(config, *, what):
    """Where the config has no head_dim, yours is {what}. What is the width of the model cut into?"""
    L, H = sizes_of(config)
    G = groups(config, H)
    parts = {"the whole width": 1, "the width over the key-value heads": G}.get(what, L)
    return shape(L, G, width(config, parts))


@replaces("cache_shape")
def falcon_key(config):
    """You read Falcon's key num_kv_heads, which says 71. How many key-value heads does a model have whose multi_query
    is true?"""
    L, H = sizes_of(config)
    G = _get(config, "num_kv_heads") or groups(config, H)
    return shape(L, G, width(config, H))


@replaces("cache_shape")
def multi_query_ignored(config):
    """Your shape is the same whatever multi_query is. How many key-value heads does a model have where it is true?"""
    L, H = sizes_of(config)
    return shape(L, _get(config, "num_key_value_heads") or H, width(config, H))


@replaces("cache_shape", asked=["that is there", "that is not None"])
def multi_query_not_read(config, *, asked):
    """You take any multi_query {asked} for true. How many key-value heads does a model have where it is False?"""
    L, H = sizes_of(config)
    said = "multi_query" in config if asked == "that is there" else config.get("multi_query") is not None
    return shape(L, 1 if said else groups(config, H), width(config, H))


@replaces("cache_shape")
def none_is_a_value(config):
    """You took None for a value. A key whose value is None counts as missing: when does dict.get use its default, and
    when does _get?"""
    L, H = sizes_of(config)
    G = 1 if config.get("multi_query") else config.get("num_key_value_heads", H)
    K = config["head_dim"] if "head_dim" in config else width(config, H)
    return shape(L, G, K)


@replaces("cache_shape", names=["Llama", "GPT-2"])
def names_of_one_model(config, *, names):
    """You read the key names of {names} only. Which other names for the same numbers does the table of the statement
    list?"""
    layers, heads = ("num_hidden_layers", "num_attention_heads") if names == "Llama" else ("n_layer", "n_head")
    L, H = config[layers], config[heads]
    return shape(L, groups(config, H), width(config, H))


@replaces("cache_shape", what=["layers", "query heads", "width"])
def none_hides_the_other_name(config, *, what):
    """A first name whose value is None hides the second name of the {what} from you. A value of None counts as missing:
    what does _get do with several keys?"""
    L, H = sizes_of(config)
    D = _get(config, "hidden_size", "n_embd")
    if what == "layers":
        L = config.get("num_hidden_layers", config.get("n_layer"))
    elif what == "query heads":
        H = config.get("num_attention_heads", config.get("n_head"))
    else:
        D = config.get("hidden_size", config.get("n_embd"))
    K = _get(config, "head_dim")
    return shape(L, groups(config, H), D // H if K is None else K)


@replaces("cache_shape")
def group_size(config):
    """You divided the query heads by num_key_value_heads, which gives the number of queries that share a key. What does
    the key of the config count?"""
    L, H = sizes_of(config)
    G = 1 if config.get("multi_query") else H // _get(config, "num_key_value_heads", default=1)
    return shape(L, G, width(config, H))


@replaces("cache_shape")
def groups_first(config):
    """Where a config has both keys, num_key_value_heads wins over multi_query in your shape. Which of them does the
    docstring name first?"""
    L, H = sizes_of(config)
    G = _get(config, "num_key_value_heads", default=1 if config.get("multi_query") else H)
    return shape(L, G, width(config, H))


@replaces("cache_shape")
def one_without_the_key(config):
    """Where num_key_value_heads is missing you have one key-value head. How many does a model like GPT-2 have, which
    does not know groups?"""
    L, H = sizes_of(config)
    G = 1 if config.get("multi_query") else _get(config, "num_key_value_heads", default=1)
    return shape(L, G, width(config, H))


def of(config, tokens, batch_size, bytes_per_element):
    return kv_cache_bytes(
        **cache_shape(config), seq_len=tokens, batch_size=batch_size, bytes_per_element=bytes_per_element
    )


@replaces("config_cache_bytes")
def window_ignored(config, seq_len, batch_size=1, bytes_per_element=2):
    """Your result grows with the text beyond the sliding window. Which tokens does a layer with a window of W keep?"""
    return of(config, seq_len, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def window_of_the_batch(config, seq_len, batch_size=1, bytes_per_element=2):
    """Your window caps the tokens of all sequences together, so above some number of them one more costs nothing. Whose
    tokens does a layer forget when a window is full?"""
    tokens = min(seq_len * batch_size, _get(config, "sliding_window", default=seq_len * batch_size))
    return of(config, tokens, 1, bytes_per_element)


@replaces("config_cache_bytes")
def window_always_full(config, seq_len, batch_size=1, bytes_per_element=2):
    """Your cache is as large as the window, whatever seq_len is. What does it hold of a text that is shorter than the
    window?"""
    return of(config, _get(config, "sliding_window") or seq_len, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def larger_of_the_two(config, seq_len, batch_size=1, bytes_per_element=2):
    """Your cache holds seq_len or sliding_window tokens, whichever is more. What does a window do to a long text, and
    to a short one?"""
    return of(config, max(seq_len, _get(config, "sliding_window", default=seq_len)), batch_size, bytes_per_element)


@replaces("config_cache_bytes", what=["batch_size", "bytes_per_element", "batch_size and bytes_per_element"])
def defaults_used(config, seq_len, batch_size=1, bytes_per_element=2, *, what):
    """Your result is the same whatever {what} is. Which arguments does kv_cache_bytes have to be given?"""
    B = 1 if "batch_size" in what else batch_size
    return config_cache_bytes(config, seq_len, B, 2 if "bytes_per_element" in what else bytes_per_element)


@replaces("config_cache_bytes", first=["seq_len", "window"])
def none_as_a_window(config, seq_len, batch_size=1, bytes_per_element=2, *, first):
    """A sliding_window of None makes your code fail, since None has no order among numbers. When does dict.get use its
    default, and when does _get?"""
    window = config.get("sliding_window", seq_len)
    tokens = min(seq_len, window) if first == "seq_len" else min(window, seq_len)
    return of(config, tokens, batch_size, bytes_per_element)


@replaces("config_cache_bytes", kept=["W + 1", "W - 1"])
def window_one_off(config, seq_len, batch_size=1, bytes_per_element=2, *, kept):
    """With a window of W your cache keeps {kept} tokens of a long text. How many does the docstring keep?"""
    window = _get(config, "sliding_window", default=seq_len + 1) + (1 if kept == "W + 1" else -1)
    return of(config, min(seq_len, window), batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def window_starts_over(config, seq_len, batch_size=1, bytes_per_element=2):
    """When your window is full, it is emptied and starts over. A new token takes the place of the oldest one: how many
    tokens are there once the window is full?"""
    window = _get(config, "sliding_window")
    tokens = seq_len if window is None or seq_len <= window else seq_len % window
    return of(config, tokens, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def each_sequence_rounded(config, seq_len, batch_size=1, bytes_per_element=2):
    """Your result is a whole number of bytes for each sequence, so each of them may count a part of a byte too much.
    How often does the statement round, and when?"""
    return batch_size * config_cache_bytes(config, seq_len, 1, bytes_per_element)


@replaces("reduction_vs_mha")
def upside_down(config):
    """You divided key-value heads by query heads, so your result is at most 1. How many times does the small cache fit
    into the large one?"""
    return 1 / reduction_vs_mha(config)


@replaces("reduction_vs_mha")
def reduction_by_key(config):
    """You divided by the num_key_value_heads of the config, even where multi_query is true. Which function of this file
    says how many key-value heads are kept?"""
    H = _get(config, "num_attention_heads", "n_head")
    return H / _get(config, "num_key_value_heads", default=cache_shape(config)["num_kv_heads"])


@replaces("reduction_vs_mha")
def heads_of_the_width(config):
    """You took the width divided by head_dim for the number of query heads. Qwen3's heads are wider than their share of
    the width: which key of the config counts them?"""
    shape = cache_shape(config)
    D = _get(config, "hidden_size", "n_embd")
    return D / shape["head_dim"] / shape["num_kv_heads"]


@replaces("reduction_vs_mha", kind=["share", "number of heads"])
def what_is_saved(config, *, kind):
    """You returned the {kind} that is saved. How many times does the small cache fit into the large one?"""
    if kind == "share":
        return 1 - 1 / reduction_vs_mha(config)
    return float(_get(config, "num_attention_heads", "n_head") - cache_shape(config)["num_kv_heads"])


@replaces("reduction_vs_mha")
def never_smaller(config):
    """Your reduction is 1 even where query heads share their keys. How many bytes would the cache take with one
    key-value head for each query head?"""
    return 1.0


@replaces("max_batch_size", rounding=[math.ceil, round])
def rounded_up(config, seq_len, free_bytes, bytes_per_element=2, *, rounding):
    """The last sequence of your batch does not fit into the memory. Which way is a number of whole sequences
    rounded?"""
    return rounding(free_bytes / config_cache_bytes(config, seq_len, bytes_per_element=bytes_per_element))


@replaces("max_batch_size")
def never_full(config, seq_len, free_bytes, bytes_per_element=2):
    """Where sequences fill the memory to the last byte, your batch is one too small. Does a sequence fit into exactly
    as many bytes as it needs?"""
    return max(0, max_batch_size(config, seq_len, free_bytes - 1, bytes_per_element))


@replaces("max_batch_size")
def at_least_one(config, seq_len, free_bytes, bytes_per_element=2):
    """You returned 1 where the cache of one sequence does not fit. How many sequences fit then?"""
    return max(1, max_batch_size(config, seq_len, free_bytes, bytes_per_element))


@replaces("max_batch_size")
def batch_ignores_window(config, seq_len, free_bytes, bytes_per_element=2):
    """Your batch is too small for a model with a sliding window. Which function of this file knows about the window?"""
    return free_bytes // of(config, seq_len, 1, bytes_per_element)


@replaces("max_batch_size")
def names_of_llama(config, seq_len, free_bytes, bytes_per_element=2):
    """You look for Llama's names of keys, so a config of GPT-2 ends in a KeyError. Which function of this file reads a
    config already?"""
    K = config["hidden_size"] // config["num_attention_heads"]
    n = min(seq_len, _get(config, "sliding_window", default=seq_len))
    one = kv_cache_bytes(config["num_hidden_layers"], config["num_key_value_heads"], K, n, 1, bytes_per_element)
    return int(free_bytes // one)


@replaces("max_batch_size")
def tokens_that_fit(config, seq_len, free_bytes, bytes_per_element=2):
    """You returned how many tokens fit. A sequence has seq_len tokens: how many whole sequences are that?"""
    return int(free_bytes // config_cache_bytes(config, 1, bytes_per_element=bytes_per_element))


@replaces("max_batch_size", size=[1, 2, 4])
def batch_of_one_size(config, seq_len, free_bytes, bytes_per_element=2, *, size):
    """Your batch is the same whatever bytes_per_element is. How large is the cache of one sequence at 4 bits?"""
    return max_batch_size(config, seq_len, free_bytes, size)
