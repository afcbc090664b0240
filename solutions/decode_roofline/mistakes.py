"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

from decode_roofline import (
    active_params,
    cache_bytes,
    critical_batch,
    decode_step,
    expected_experts,
    max_batch,
    prefill_seconds,
    total_params,
    weight_bytes,
)

from grader.testing import replaces


def get(m, key):
    return m.get(key, 0)


@replaces("total_params")
def stored_is_active(m):
    """You counted only the experts that one token uses. Another token uses other experts: which of them have to be
    stored?"""
    return active_params(m)


@replaces("total_params")
def experts_alone(m):
    """You left the shared parameters out of the total. Where are attention, embedding and norms counted?"""
    return get(m, "n_experts") * get(m, "expert_params") or m["shared_params"]


@replaces("total_params")
def experts_as_one(m):
    """You added expert_params once. The key holds the parameters of one expert: how many experts are stored?"""
    return m["shared_params"] + get(m, "expert_params")


@replaces("active_params")
def active_is_stored(m):
    """You counted all experts as active. How many experts does one token pass through?"""
    return total_params(m)


@replaces("active_params")
def share_of_all(m):
    """You took k/E of all parameters. Do attention and embedding become smaller because a token uses k of E
    experts?"""
    return total_params(m) * m["top_k"] // m["n_experts"] if get(m, "n_experts") else m["shared_params"]


@replaces("active_params")
def one_expert_active(m):
    """You counted one active expert. How many experts does the router choose for each token?"""
    return m["shared_params"] + get(m, "expert_params")


@replaces("expected_experts")
def no_collisions(n_experts, top_k, tokens):
    """You multiplied k by the tokens. Some of them choose the same expert, which is then read once, and
    with many tokens you have more experts than there are."""
    return float(top_k * tokens)


@replaces("expected_experts")
def capped(n_experts, top_k, tokens):
    """You took k for each token, and at most E. That is how many experts there would be if tokens avoided
    each other as long as they can. They choose independently: what is the probability that all of them miss
    an expert?"""
    return float(min(n_experts, top_k * tokens))


@replaces("expected_experts")
def with_repetition(n_experts, top_k, tokens):
    """You let each token draw k times, so that it can draw the same expert twice. It chooses k different
    ones: what is the probability that one token leaves an expert out?"""
    return n_experts * (1 - (1 - 1 / n_experts) ** (top_k * tokens))


@replaces("expected_experts")
def idle_experts(n_experts, top_k, tokens):
    """You returned the number of experts that no token chose. How many are in use then?"""
    return n_experts * (1 - top_k / n_experts) ** tokens


@replaces("expected_experts")
def chosen_by_all(n_experts, top_k, tokens):
    """You took 1 - (k/E)^tokens, which leaves out only experts that every token chose. An expert is idle if
    every token missed it."""
    return n_experts * (1 - (top_k / n_experts) ** tokens)


@replaces("expected_experts")
def a_fraction(n_experts, top_k, tokens):
    """You returned the share of the experts in use, a number between 0 and 1. How many experts are that?"""
    return 1 - (1 - top_k / n_experts) ** tokens


@replaces("expected_experts")
def rounded(n_experts, top_k, tokens):
    """You rounded to whole experts. An expected number is a mean over many draws: does it have to be whole?"""
    return round(expected_experts(n_experts, top_k, tokens))


@replaces("weight_bytes")
def active_only(m, tokens):
    """You read the active weights, at any batch. At a batch of 32 Mixtral touches 7.999 of its 8 experts:
    what a mixture saves in reading is an effect of small batches. Its saving in FLOPs stays."""
    return active_params(m) * m["bytes_per_param"]


@replaces("weight_bytes")
def always_all(m, tokens):
    """You read all experts, at any batch. One token needs only k of them: that is why a mixture decodes
    fast for one user."""
    return total_params(m) * m["bytes_per_param"]


@replaces("weight_bytes")
def read_for_each(m, tokens):
    """You read the weights again for every token. When a weight has been read, how many tokens of the step can use
    it?"""
    return weight_bytes(m, 1) * tokens


@replaces("weight_bytes")
def scaled_total(m, tokens):
    """You multiplied all weights by the share of experts in use. Which weights are read in full by every step?"""
    if not get(m, "n_experts"):
        return m["shared_params"] * m["bytes_per_param"]
    share = expected_experts(m["n_experts"], m["top_k"], tokens) / m["n_experts"]
    return total_params(m) * share * m["bytes_per_param"]


@replaces("weight_bytes")
def numbers_not_bytes(m, tokens):
    """You returned the number of weights. How many bytes does each of them take?"""
    return weight_bytes(m, tokens) / m["bytes_per_param"]


@replaces("weight_bytes")
def always_sparse(m, tokens):
    """For a dense model you looked for a key that it lacks. It has no experts: what is left to read?"""
    experts = expected_experts(m["n_experts"], m["top_k"], tokens)
    return (m["shared_params"] + experts * m["expert_params"]) * m["bytes_per_param"]


@replaces("weight_bytes")
def none_of_no_experts(m, tokens):
    """A dense model has no experts, and so top_k / n_experts is 0 / 0 in your code. What of a dense model is read,
    and who has to ask first whether there are experts?"""
    experts = expected_experts(get(m, "n_experts"), get(m, "top_k"), tokens)
    return (m["shared_params"] + experts * get(m, "expert_params")) * m["bytes_per_param"]


@replaces("weight_bytes")
def capped_read(m, tokens):
    """You read k experts for each token, and at most E. Two tokens can choose the same expert: which function
    of this file says how many different experts are in use?"""
    experts = min(get(m, "n_experts"), get(m, "top_k") * tokens)
    return (m["shared_params"] + experts * get(m, "expert_params")) * m["bytes_per_param"]


def per_token(m):
    return 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"]


@replaces("cache_bytes")
def query_heads(m, batch, context):
    """You counted the query heads. Keys and values are kept for the key-value heads, which are fewer."""
    return cache_bytes({**m, "n_kv_heads": m["n_heads"]}, batch, context)


@replaces("cache_bytes")
def keys_only(m, batch, context):
    """You counted one vector for each token and head. Attention needs a key and what else of every earlier
    token?"""
    return batch * (context * per_token(m) // 2 + get(m, "state_bytes"))


@replaces("cache_bytes")
def one_sequence(m, batch, context):
    """You counted the cache of one sequence whatever batch is. Sequences share the weights: do they share their
    keys and values too?"""
    return cache_bytes(m, 1, context)


@replaces("cache_bytes")
def one_state(m, batch, context):
    """You counted the state once. How many sequences need a state of their own?"""
    return batch * context * per_token(m) + get(m, "state_bytes")


@replaces("cache_bytes")
def state_for_each_token(m, batch, context):
    """You multiplied the state by the context. It has one size whatever it has seen: that is what a
    state-space model is for."""
    return batch * context * (per_token(m) + get(m, "state_bytes"))


@replaces("cache_bytes")
def no_state(m, batch, context):
    """You left state_bytes out. What does a state-space layer keep of each sequence?"""
    return batch * context * per_token(m)


@replaces("cache_bytes")
def as_weights(m, batch, context):
    """You took bytes_per_param for the cache. Which key of the model holds the bytes of a number in the cache?"""
    return cache_bytes({**m, "kv_bytes": m.get("bytes_per_param", m["kv_bytes"])}, batch, context)


@replaces("cache_bytes")
def one_layer(m, batch, context):
    """You counted the keys and values of one layer. Does a layer use the keys of another one?"""
    return cache_bytes({**m, "attn_layers": min(1, m["attn_layers"])}, batch, context)


def attention(m, context):
    return 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context


def step(read, flops, batch, hw):
    t_memory, t_compute = read / hw["bandwidth"], flops / hw["peak_flops"]
    seconds = max(t_memory, t_compute)
    return {
        "bytes": read,
        "flops": flops,
        "t_memory": t_memory,
        "t_compute": t_compute,
        "seconds": seconds,
        "bound": "memory" if t_memory >= t_compute else "compute",
        "tokens_per_s": batch / seconds,
    }


def read_by(m, batch, context):
    return weight_bytes(m, batch) + cache_bytes(m, batch, context)


@replaces("decode_step")
def flops_of_all(m, batch, context, hw):
    """Your FLOPs count all experts. With how many experts is one token multiplied?"""
    flops = batch * (2 * total_params(m) + attention(m, context))
    return step(read_by(m, batch, context), flops, batch, hw)


@replaces("decode_step")
def one_flop(m, batch, context, hw):
    """You counted one FLOP for each active weight. A weight is multiplied with a number, and what happens to the
    product?"""
    flops = batch * (active_params(m) + attention(m, context))
    return step(read_by(m, batch, context), flops, batch, hw)


@replaces("decode_step")
def no_attention(m, batch, context, hw):
    """Your FLOPs do not grow with the context. The new token is compared with every one before, and their
    values are added up."""
    return step(read_by(m, batch, context), batch * 2 * active_params(m), batch, hw)


@replaces("decode_step")
def scores_only(m, batch, context, hw):
    """You counted half of the attention's FLOPs: the scores, and not the weighted sum of the values, which
    costs the same."""
    flops = batch * (2 * active_params(m) + attention(m, context) // 2)
    return step(read_by(m, batch, context), flops, batch, hw)


@replaces("decode_step")
def attention_by_kv_heads(m, batch, context, hw):
    """You counted the attention's FLOPs by key-value heads. Grouped queries save bytes and no FLOPs: every
    query head still looks at every token."""
    flops = batch * (2 * active_params(m) + attention({**m, "n_heads": m["n_kv_heads"]}, context))
    return step(read_by(m, batch, context), flops, batch, hw)


@replaces("decode_step")
def flops_of_one(m, batch, context, hw):
    """Your FLOPs are those of one sequence. The weights are read once for the batch: is a product computed once for
    the batch, too?"""
    flops = 2 * active_params(m) + attention(m, context)
    return step(read_by(m, batch, context), flops, batch, hw)


@replaces("decode_step")
def flops_of_weights_read(m, batch, context, hw):
    """Your FLOPs count the weights that the step reads. An expert that any token chose is read, and it computes for
    those tokens alone that chose it: how many experts does each token pass through?"""
    weights = weight_bytes(m, batch) / m["bytes_per_param"]
    return step(read_by(m, batch, context), batch * (2 * weights + attention(m, context)), batch, hw)


@replaces("decode_step")
def weights_for_each(m, batch, context, hw):
    """You read the weights once for every sequence. How many sequences does one pass over the weights serve?"""
    flops = batch * (2 * active_params(m) + attention(m, context))
    return step(batch * (weight_bytes(m, 1) + cache_bytes(m, 1, context)), flops, batch, hw)


@replaces("decode_step")
def weights_of_one_token(m, batch, context, hw):
    """You read the experts of one token. All tokens of the batch choose experts in the same step."""
    flops = batch * (2 * active_params(m) + attention(m, context))
    return step(weight_bytes(m, 1) + cache_bytes(m, batch, context), flops, batch, hw)


@replaces("decode_step")
def no_cache_read(m, batch, context, hw):
    """You read the weights alone. What does the attention of each sequence have to read for its next token?"""
    flops = batch * (2 * active_params(m) + attention(m, context))
    return step(weight_bytes(m, batch), flops, batch, hw)


@replaces("decode_step")
def cache_of_one_sequence(m, batch, context, hw):
    """You read the cache of one sequence. The weights serve the whole batch: can one sequence look at the keys and
    values of another?"""
    flops = batch * (2 * active_params(m) + attention(m, context))
    return step(weight_bytes(m, batch) + cache_bytes(m, 1, context), flops, batch, hw)


@replaces("decode_step")
def cache_at_size_of_weights(m, batch, context, hw):
    """You read keys and values at the size of a weight. They have a precision of their own, kv_bytes: what does
    cache_bytes say?"""
    flops = batch * (2 * active_params(m) + attention(m, context))
    read = weight_bytes(m, batch) + cache_bytes({**m, "kv_bytes": m["bytes_per_param"]}, batch, context)
    return step(read, flops, batch, hw)


def changed(m, batch, context, hw, **values):
    result = decode_step(m, batch, context, hw)
    return {**result, **{key: value(result) for key, value in values.items()}}


@replaces("decode_step")
def sum_of_times(m, batch, context, hw):
    """You added the two times. A device reads and computes at once: which of the two does it wait for?"""
    total = decode_step(m, batch, context, hw)
    seconds = total["t_memory"] + total["t_compute"]
    return {**total, "seconds": seconds, "tokens_per_s": batch / seconds}


@replaces("decode_step")
def shorter_time(m, batch, context, hw):
    """You took the shorter of the two times. The step is over when the slower one is done."""
    total = decode_step(m, batch, context, hw)
    seconds = min(total["t_memory"], total["t_compute"])
    return {**total, "seconds": seconds, "tokens_per_s": batch / seconds}


@replaces("decode_step")
def steps_per_second(m, batch, context, hw):
    """tokens_per_s is the number of steps in a second. How many new tokens does each step make?"""
    return changed(m, batch, context, hw, tokens_per_s=lambda s: 1 / s["seconds"])


@replaces("decode_step")
def tie_is_compute(m, batch, context, hw):
    """You said "compute" where both times are equal. Which of the two words does the docstring give for t_memory =
    t_compute?"""
    return changed(m, batch, context, hw, bound=lambda s: "memory" if s["t_memory"] > s["t_compute"] else "compute")


@replaces("decode_step")
def bound_swapped(m, batch, context, hw):
    """You named what is done first. The bound is what the step waits for, the longer of the two."""
    return changed(m, batch, context, hw, bound=lambda s: "compute" if s["t_memory"] >= s["t_compute"] else "memory")


@replaces("decode_step")
def itself_too(m, batch, context, hw):
    """You counted one position more than context. context is the number of tokens that the step looks at: does
    the formula have T or T + 1?"""
    return decode_step(m, batch, context + 1, hw)


@replaces("critical_batch")
def without_bytes(hw, bytes_per_param):
    """You left the size of a weight out. FLOPs are counted for each weight, bandwidth in bytes: how many of
    them does a weight take?"""
    return hw["peak_flops"] / (2 * hw["bandwidth"])


@replaces("critical_batch")
def one_flop_each(hw, bytes_per_param):
    """You took one FLOP for each weight and token. There are two, and so half as many tokens keep the
    device busy."""
    return 2 * critical_batch(hw, bytes_per_param)


@replaces("critical_batch")
def upside_down(hw, bytes_per_param):
    """You divided where you should multiply. Smaller weights are read sooner: does a larger or a smaller
    batch suffice then?"""
    return hw["peak_flops"] / (2 * hw["bandwidth"] * bytes_per_param)


@replaces("critical_batch")
def critical_rounded_up(hw, bytes_per_param):
    """You rounded up to a whole batch. The docstring asks for a real number: at which point between two batches are
    both times equal?"""
    return float(math.ceil(critical_batch(hw, bytes_per_param)))


def sequence_of(m, context):
    return cache_bytes(m, 1, context)


@replaces("max_batch")
def memory_of_active(m, context, memory_bytes):
    """You left room for the active weights. Any expert can be chosen by the next token: which weights have to lie
    in memory?"""
    free = memory_bytes - active_params(m) * m["bytes_per_param"]
    return max(0, int(free // sequence_of(m, context)))


@replaces("max_batch")
def no_weights(m, context, memory_bytes):
    """You gave the whole memory to the caches. What else lies in the memory?"""
    return int(memory_bytes // sequence_of(m, context))


@replaces("max_batch")
def below_zero(m, context, memory_bytes):
    """You returned a negative batch where the weights do not fit. How many sequences fit then?"""
    return int((memory_bytes - total_params(m) * m["bytes_per_param"]) // sequence_of(m, context))


@replaces("max_batch")
def rounded_up(m, context, memory_bytes):
    """Your batch is rounded up, and its last sequence does not fit into the memory. Which way is a number of whole
    sequences rounded?"""
    return max(0, math.ceil((memory_bytes - total_params(m) * m["bytes_per_param"]) / sequence_of(m, context)))


@replaces("max_batch")
def too_large_raises(m, context, memory_bytes):
    """You raised an error where the weights do not fit. That is an answer, and not a mistake of the caller:
    0."""
    if memory_bytes < total_params(m) * m["bytes_per_param"]:
        raise ValueError("the weights do not fit")
    return max_batch(m, context, memory_bytes)


def prefill(m, prompt, hw, pairs, tokens_read):
    flops = 2 * active_params(m) * prompt + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * pairs
    return max(flops / hw["peak_flops"], weight_bytes(m, tokens_read) / hw["bandwidth"])


@replaces("prefill_seconds")
def full_square(m, prompt, hw):
    """You counted P² pairs. The attention is causal: the first token sees one token, itself, and only the
    last sees P."""
    return prefill(m, prompt, hw, prompt**2, prompt)


@replaces("prefill_seconds")
def half_square(m, prompt, hw):
    """You counted P²/2 pairs and so half of the diagonal. Every token sees itself: 1 + 2 + ... + P."""
    return prefill(m, prompt, hw, prompt**2 / 2, prompt)


@replaces("prefill_seconds")
def cut_off_too_early(m, prompt, hw):
    """You halved P + 1 before you multiplied, and // cut off a half where P is even. P (P + 1) is always even: when is
    it safe to halve?"""
    return prefill(m, prompt, hw, prompt * ((prompt + 1) // 2), prompt)


@replaces("prefill_seconds")
def sees_the_past_only(m, prompt, hw):
    """You let a token see those before it, and not itself. Token i, counted from 1, sees i tokens."""
    return prefill(m, prompt, hw, prompt * (prompt - 1) // 2, prompt)


@replaces("prefill_seconds")
def no_attention_in_prompt(m, prompt, hw):
    """You left the attention out. In a long prompt, how many pairs of a query and a key are there?"""
    return prefill(m, prompt, hw, 0, prompt)


@replaces("prefill_seconds")
def scores_only_in_prefill(m, prompt, hw):
    """You counted half of the attention's FLOPs of the prompt. Each pair costs a product of a query and a key, and
    what else happens with the weight that comes of it?"""
    return prefill(m, prompt, hw, prompt * (prompt + 1) / 4, prompt)


@replaces("prefill_seconds")
def caches_in_prefill(m, prompt, hw):
    """You read the caches of the prompt as well as the weights. What does the docstring say of caches here?"""
    read = weight_bytes(m, prompt) + cache_bytes(m, 1, prompt)
    compute = prefill_seconds(m, prompt, {**hw, "bandwidth": math.inf})
    return max(compute, read / hw["bandwidth"])


@replaces("prefill_seconds")
def shorter_for_prompt(m, prompt, hw):
    """You took the shorter of the two times. The prompt is read when both are over: which of them is that?"""
    compute = prefill_seconds(m, prompt, {**hw, "bandwidth": math.inf})
    return min(compute, weight_bytes(m, prompt) / hw["bandwidth"])


@replaces("prefill_seconds")
def one_token_read(m, prompt, hw):
    """You read the weights that one token needs. The tokens of a prompt choose experts in one step, nearly
    all of them."""
    return prefill(m, prompt, hw, prompt * (prompt + 1) // 2, 1)


@replaces("prefill_seconds")
def two_bytes_each(m, prompt, hw):
    """You took two bytes for each parameter. Weights of 8 bits are read in half the time: bytes_per_param says so."""
    return prefill({**m, "bytes_per_param": 2}, prompt, hw, prompt * (prompt + 1) // 2, prompt)


@replaces("prefill_seconds")
def compute_only(m, prompt, hw):
    """You counted the FLOPs alone. For a short prompt, what takes longer: to compute or to read the weights?"""
    return prefill(m, prompt, {**hw, "bandwidth": math.inf}, prompt * (prompt + 1) // 2, prompt)


@replaces("prefill_seconds")
def one_step_each(m, prompt, hw):
    """You let the prompt through token by token, and read the weights for each. All tokens of a prompt are
    known: one step takes them together."""
    return sum(prefill(m, 1, hw, seen, 1) for seen in range(1, prompt + 1))


@replaces("prefill_seconds")
def sum_for_prompt(m, prompt, hw):
    """You added the time of reading to the time of computing. A device does both at once: which of the two does it
    wait for?"""
    compute = prefill_seconds(m, prompt, {**hw, "bandwidth": math.inf})
    return compute + weight_bytes(m, prompt) / hw["bandwidth"]


@replaces("prefill_seconds")
def prompt_through_all_experts(m, prompt, hw):
    """You let each token of the prompt through all experts. Together they read nearly all of them, and each
    is computed with its own k."""
    flops = 2 * total_params(m) * prompt + 2 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * prompt * (prompt + 1)
    return max(flops / hw["peak_flops"], weight_bytes(m, prompt) / hw["bandwidth"])


@replaces("prefill_seconds")
def kv_heads_in_prefill(m, prompt, hw):
    """You counted the attention's FLOPs of the prompt by key-value heads. Each query head has scores of its own:
    how many query heads are there?"""
    return prefill_seconds({**m, "n_heads": m["n_kv_heads"]}, prompt, hw)


@replaces("prefill_seconds")
def one_flop_in_prefill(m, prompt, hw):
    """You counted one FLOP for each active weight and token of the prompt. A product of a matrix multiplies, and
    what else does it do?"""
    pairs = prompt * (prompt + 1) // 2
    flops = active_params(m) * prompt + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * pairs
    return max(flops / hw["peak_flops"], weight_bytes(m, prompt) / hw["bandwidth"])
