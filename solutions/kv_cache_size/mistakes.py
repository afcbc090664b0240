"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from kv_cache_size import _get, cache_shape, config_cache_bytes, kv_cache_bytes, reduction_vs_mha

from grader.testing import replaces


@replaces("kv_cache_bytes")
def forgot_two(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """Your number is half of it: you counted one vector for each token and head. Which two vectors does the cache
    hold?"""
    return math.ceil(num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes")
def no_layers(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You counted the cache of one layer. Every layer computes keys and values of its own and has to keep
    them."""
    return math.ceil(2 * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes")
def no_batch(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You counted one sequence whatever the batch is. Do two conversations have the same keys and values?"""
    return math.ceil(2 * num_layers * num_kv_heads * head_dim * seq_len * bytes_per_element)


@replaces("kv_cache_bytes")
def always_16_bits(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You took 2 bytes for each number. Which argument says how many bytes a number has?"""
    return 4 * num_layers * num_kv_heads * head_dim * seq_len * batch_size


@replaces("kv_cache_bytes")
def bits(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """Your number is eight times too large: you returned bits. The result is in bytes, and so is
    bytes_per_element."""
    return math.ceil(16 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes")
def cut_off(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You cut off the last part of a byte, and the cache does not fit into what you ask for. Which way does
    memory have to be rounded?"""
    return int(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes")
def rounded_each(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You rounded the size of each number up before you multiplied, so four bits take a whole byte. Numbers
    are packed: round once, at the end."""
    return 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * math.ceil(bytes_per_element)


@replaces("kv_cache_bytes")
def rounded_each_sequence(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You rounded up the bytes of one sequence, and then multiplied by the number of sequences: a part of a byte is
    paid once for each. How often does the formula round, and where?"""
    return math.ceil(2 * num_layers * num_kv_heads * head_dim * seq_len * bytes_per_element) * batch_size


@replaces("kv_cache_bytes")
def rounded_each_token(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You rounded up the bytes of one token, and then multiplied by the number of tokens: a part of a byte is paid once
    for each. How often does the formula round, and where?"""
    return math.ceil(2 * num_layers * num_kv_heads * head_dim * bytes_per_element) * seq_len * batch_size


@replaces("kv_cache_bytes")
def through_float(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """Your product went through a float, which holds 53 bits and rounds what is larger. With 2 bytes for each number
    all factors are whole: what keeps their product exact?"""
    return math.ceil(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * float(bytes_per_element))


@replaces("kv_cache_bytes")
def no_empty_cache(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You refused a seq_len of 0. A conversation that has not begun is a valid one: its cache takes 0
    bytes."""
    if seq_len == 0:
        raise ValueError("seq_len must be positive")
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
    """You counted the query heads. Only keys and values are kept, and the heads of a group share them: which
    key of the config says how many there are?"""
    L, H = sizes_of(config)
    return shape(L, H, width(config, H))


@replaces("cache_shape")
def width_divided(config):
    """You divided the width by the number of heads although the config names head_dim. Qwen3 has wider heads
    than that: what the config says wins."""
    L, H = sizes_of(config)
    K, D = _get(config, "head_dim"), _get(config, "hidden_size", "n_embd")
    return shape(L, groups(config, H), K if D is None else D // H)


@replaces("cache_shape")
def width_needed(config):
    """You asked for the width in a config that names head_dim, and refused it without one. Where head_dim
    stands, nothing else is needed for the width of a head."""
    L, H = sizes_of(config)
    if _get(config, "hidden_size", "n_embd") is None:
        raise ValueError("the config names neither head_dim nor hidden_size")
    return shape(L, groups(config, H), width(config, H))


@replaces("cache_shape")
def width_divided_too_soon(config):
    """You divide the width before you know whether it is needed: a default is computed even where it is not used. A
    config that names head_dim may have no width at all: when is the division due?"""
    L, H = sizes_of(config)
    D = _get(config, "hidden_size", "n_embd")
    return shape(L, groups(config, H), _get(config, "head_dim", default=D // H))


@replaces("cache_shape")
def whole_width(config):
    """Your head_dim is the width of the whole model. Among how many heads is the width divided?"""
    L, H = sizes_of(config)
    return shape(L, groups(config, H), _get(config, "head_dim") or width(config, 1))


@replaces("cache_shape")
def width_by_groups(config):
    """You divided the width by the number of key-value heads. Grouped-query attention has fewer of them and
    not wider ones: a key is as wide as the query that it is compared with."""
    L, H = sizes_of(config)
    G = groups(config, H)
    return shape(L, G, width(config, G))


@replaces("cache_shape")
def falcon_key(config):
    """You read Falcon's key num_kv_heads, which says 71. How many key-value heads has a model whose multi_query is
    true?"""
    L, H = sizes_of(config)
    G = _get(config, "num_kv_heads") or groups(config, H)
    return shape(L, G, width(config, H))


@replaces("cache_shape")
def multi_query_ignored(config):
    """You read no multi_query. A config where it is true says nothing else of its key-value heads, and has
    one."""
    L, H = sizes_of(config)
    return shape(L, _get(config, "num_key_value_heads") or H, width(config, H))


@replaces("cache_shape")
def multi_query_present(config):
    """You asked whether the config has a key multi_query, not what it says. False and None mean no."""
    L, H = sizes_of(config)
    return shape(L, 1 if "multi_query" in config else groups(config, H), width(config, H))


@replaces("cache_shape")
def multi_query_said(config):
    """You asked whether the config says anything of multi_query, not what it says. How many key-value heads has a model
    where it is False?"""
    L, H = sizes_of(config)
    return shape(L, groups(config, H) if config.get("multi_query") is None else 1, width(config, H))


@replaces("cache_shape")
def none_is_a_value(config):
    """A key whose value is None counts as missing; you took None for the value itself. The default of
    dict.get is used only where the key is not there; that of _get where there is no value either."""
    L, H = sizes_of(config)
    G = 1 if config.get("multi_query") else config.get("num_key_value_heads", H)
    K = config["head_dim"] if "head_dim" in config else width(config, H)
    return shape(L, G, K)


@replaces("cache_shape")
def llama_only(config):
    """You read the key names of Llama only. Which names do GPT-2 and StarCoder have for the same numbers?"""
    L, H = config["num_hidden_layers"], config["num_attention_heads"]
    return shape(L, groups(config, H), width(config, H))


@replaces("cache_shape")
def none_hides_the_other_name(config):
    """You look for the second name of a number only where the first is not in the config at all. A value of None counts
    as missing: what does _get do with several keys?"""
    L = config.get("num_hidden_layers", config.get("n_layer"))
    H = _get(config, "num_attention_heads", "n_head")
    return shape(L, groups(config, H), width(config, H))


@replaces("cache_shape")
def group_size(config):
    """You took num_key_value_heads for the number of query heads that share a key-value head. The key holds the
    number of key-value heads: which number did you divide by it?"""
    L, H = sizes_of(config)
    G = 1 if config.get("multi_query") else H // _get(config, "num_key_value_heads", default=1)
    return shape(L, G, width(config, H))


@replaces("cache_shape")
def groups_first(config):
    """You asked for num_key_value_heads before multi_query. A config can have both keys: which of them does the
    docstring name first?"""
    L, H = sizes_of(config)
    G = _get(config, "num_key_value_heads", default=1 if config.get("multi_query") else H)
    return shape(L, G, width(config, H))


@replaces("cache_shape")
def head_dim_by_layers(config):
    """You divided the width by the number of layers. In Llama 2 7B layers and heads are both 32: which of the two
    share the width?"""
    L, H = sizes_of(config)
    return shape(L, groups(config, H), width(config, L))


def of(config, tokens, batch_size, bytes_per_element):
    return kv_cache_bytes(
        **cache_shape(config), seq_len=tokens, batch_size=batch_size, bytes_per_element=bytes_per_element
    )


@replaces("config_cache_bytes")
def window_ignored(config, seq_len, batch_size=1, bytes_per_element=2):
    """You counted every token. With a sliding window of W a layer attends to the last W, and the older ones
    are dropped from the cache."""
    return of(config, seq_len, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def window_of_the_batch(config, seq_len, batch_size=1, bytes_per_element=2):
    """Your window caps the tokens of all sequences together, so above some number of them one more costs nothing. Whose
    tokens does a layer forget when a window is full?"""
    tokens = min(seq_len * batch_size, _get(config, "sliding_window", default=seq_len * batch_size))
    return of(config, tokens, 1, bytes_per_element)


@replaces("config_cache_bytes")
def window_always_full(config, seq_len, batch_size=1, bytes_per_element=2):
    """You took the window for the number of tokens. A text that is shorter than the window fills only a part
    of it."""
    return of(config, _get(config, "sliding_window") or seq_len, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def defaults_used(config, seq_len, batch_size=1, bytes_per_element=2):
    """You did not hand on the batch size and the bytes for each number: the result is always that of one
    sequence in 16 bits."""
    return config_cache_bytes(config, seq_len)


@replaces("config_cache_bytes")
def window_of_none(config, seq_len, batch_size=1, bytes_per_element=2):
    """A sliding_window of None makes your code fail. A value of None counts as missing: what does _get return for
    such a key?"""
    if "sliding_window" in config and config["sliding_window"] is None:
        min(config["sliding_window"], seq_len)
    return config_cache_bytes(config, seq_len, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def window_with_a_default(config, seq_len, batch_size=1, bytes_per_element=2):
    """A sliding_window of None makes your code fail, since None has no order among numbers. The default of dict.get is
    used only where the key is not there: what does _get return for a key whose value is None?"""
    tokens = min(seq_len, config.get("sliding_window", seq_len))
    return of(config, tokens, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def window_and_one(config, seq_len, batch_size=1, bytes_per_element=2):
    """Your cache keeps one token more than sliding_window. How many tokens of a long text does the docstring keep?"""
    kept = min(seq_len, _get(config, "sliding_window", default=seq_len) + 1)
    return of(config, kept, batch_size, bytes_per_element)


@replaces("config_cache_bytes")
def each_sequence_rounded(config, seq_len, batch_size=1, bytes_per_element=2):
    """You round the bytes of one sequence up before you multiply by the batch, so each of them may count a part of a
    byte too much. How often does the statement round, and when?"""
    return batch_size * config_cache_bytes(config, seq_len, 1, bytes_per_element)


@replaces("reduction_vs_mha")
def upside_down(config):
    """You divided key-value heads by query heads, which says how large the cache is, compared with before. How
    many times smaller it is, is the other way round."""
    return 1 / reduction_vs_mha(config)


@replaces("reduction_vs_mha")
def reduction_by_key(config):
    """You divided by the num_key_value_heads of the config, also where multi_query is true. Which function of this
    file says how many key-value heads are kept?"""
    H = _get(config, "num_attention_heads", "n_head")
    return H / _get(config, "num_key_value_heads", default=cache_shape(config)["num_kv_heads"])


@replaces("reduction_vs_mha")
def heads_of_the_width(config):
    """You took the width divided by head_dim for the number of query heads. Qwen3's heads are wider than their share of
    the width: which key of the config counts them?"""
    shape = cache_shape(config)
    D = _get(config, "hidden_size", "n_embd")
    return D / shape["head_dim"] / shape["num_kv_heads"]


@replaces("reduction_vs_mha")
def share_saved(config):
    """You returned the share of the cache that is saved, a number below 1. How many times does the small cache fit
    into the large one?"""
    return 1 - 1 / reduction_vs_mha(config)


def one_sequence(config, seq_len, bytes_per_element):
    return config_cache_bytes(config, seq_len, bytes_per_element=bytes_per_element)


@replaces("max_batch_size")
def rounded_up(config, seq_len, free_bytes, bytes_per_element=2):
    """You rounded up, and the last sequence does not fit into the memory. Which way is a number of whole sequences
    rounded?"""
    return -(-free_bytes // one_sequence(config, seq_len, bytes_per_element))


@replaces("max_batch_size")
def at_least_one(config, seq_len, free_bytes, bytes_per_element=2):
    """You returned 1 where the cache of one sequence does not fit. How many sequences fit then?"""
    return max(1, free_bytes // one_sequence(config, seq_len, bytes_per_element))


@replaces("max_batch_size")
def batch_ignores_window(config, seq_len, free_bytes, bytes_per_element=2):
    """You left the sliding window out here. Which function of this file knows about the window?"""
    return free_bytes // of(config, seq_len, 1, bytes_per_element)


@replaces("max_batch_size")
def names_of_llama(config, seq_len, free_bytes, bytes_per_element=2):
    """You wrote the formula once more, with Llama's names of keys, and a config of GPT-2 ends in a KeyError. There is a
    function already that reads a config."""
    K = config["hidden_size"] // config["num_attention_heads"]
    n = min(seq_len, _get(config, "sliding_window", default=seq_len))
    one = kv_cache_bytes(config["num_hidden_layers"], config["num_key_value_heads"], K, n, 1, bytes_per_element)
    return int(free_bytes // one)


@replaces("max_batch_size")
def heads_for_layers(config, seq_len, free_bytes, bytes_per_element=2):
    """You multiplied by the number of heads where the number of layers belongs. In Llama-2-7B both are 32; in the model
    of 70B they are 64 and 80."""
    L, heads = (_get(config, *keys) for keys in (("num_hidden_layers", "n_layer"), ("num_attention_heads", "n_head")))
    return free_bytes * L // (heads * one_sequence(config, seq_len, bytes_per_element))


@replaces("max_batch_size")
def tokens_that_fit(config, seq_len, free_bytes, bytes_per_element=2):
    """You returned how many tokens fit. A sequence has seq_len tokens: how many whole sequences are that?"""
    return int(free_bytes // one_sequence(config, 1, bytes_per_element))


@replaces("max_batch_size")
def sixteen_bits_in_batch(config, seq_len, free_bytes, bytes_per_element=2):
    """Your batch is the same whatever bytes_per_element is. How large is the cache of one sequence at 4 bits?"""
    return int(free_bytes // one_sequence(config, seq_len, 2))


@replaces("kv_cache_bytes")
def rounded_to_nearest(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You round a part of a byte to the nearest whole number. Half a byte has to be stored, too: in which direction
    does a memory round?"""
    return round(2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element)


@replaces("kv_cache_bytes")
def rounded_half_up(num_layers, num_kv_heads, head_dim, seq_len, batch_size=1, bytes_per_element=2):
    """You round half a byte up, and less than half a byte down. A quarter of a byte has to be stored, too: which parts
    of a byte may a memory leave out?"""
    size = 2 * num_layers * num_kv_heads * head_dim * seq_len * batch_size * bytes_per_element
    return size if isinstance(size, int) else math.floor(size + 0.5)


@replaces("config_cache_bytes")
def window_starts_over(config, seq_len, batch_size=1, bytes_per_element=2):
    """When your window is full, it is emptied and starts over. A new token takes the place of the oldest one: how many
    tokens are there once the window is full?"""
    window = _get(config, "sliding_window")
    tokens = seq_len if window is None or seq_len <= window else seq_len % window
    return of(config, tokens, batch_size, bytes_per_element)
