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
    """Your total counts only the experts that one token uses. Another token uses other experts: which of them have to
    be stored?"""
    return active_params(m)


@replaces("total_params")
def experts_alone(m):
    """The shared parameters are missing from your total. Where are attention, embedding and norms counted?"""
    return get(m, "n_experts") * get(m, "expert_params") or m["shared_params"]


@replaces("total_params")
def experts_as_one(m):
    """Your total contains expert_params once. The key holds the parameters of one expert: how many experts are
    stored?"""
    return m["shared_params"] + get(m, "expert_params")


@replaces("active_params")
def active_is_stored(m):
    """All experts are active in your count. How many experts does one token pass through?"""
    return total_params(m)


@replaces("active_params")
def share_of_all(m):
    """Your result is k/E of all parameters. Do attention and embedding become smaller because a token uses k of E
    experts?"""
    return total_params(m) * m["top_k"] // m["n_experts"] if get(m, "n_experts") else m["shared_params"]


@replaces("active_params", experts=[0, 1])
def too_few_active(m, *, experts):
    """The number of active experts in your count is {experts}. How many experts does the router choose for each
    token?"""
    return m["shared_params"] + experts * get(m, "expert_params")


@replaces("active_params")
def experts_alone_active(m):
    """Only the experts are active in your count. Which parameters does every token use, whatever experts it chooses?"""
    return get(m, "top_k") * get(m, "expert_params") or m["shared_params"]


@replaces("expected_experts")
def no_collisions(n_experts, top_k, tokens):
    """Your result is k for each token. Some tokens choose the same expert: what does your function return if the tokens
    are more than the experts?"""
    return float(top_k * tokens)


@replaces("expected_experts")
def capped(n_experts, top_k, tokens):
    """Your result is k for each token, and at most E: tokens would avoid each other as long as they can. They choose
    independently: what is the probability that all of them miss an expert?"""
    return float(min(n_experts, top_k * tokens))


@replaces("expected_experts")
def with_repetition(n_experts, top_k, tokens):
    """Your formula is that of k·B independent draws, in which a token can draw the same expert twice. A token chooses k
    different ones: what is the probability that it leaves an expert out?"""
    return n_experts * (1 - (1 - 1 / n_experts) ** (top_k * tokens))


@replaces("expected_experts")
def idle_experts(n_experts, top_k, tokens):
    """You returned the number of experts that no token chose. How many are in use then?"""
    return n_experts * (1 - top_k / n_experts) ** tokens


@replaces("expected_experts")
def chosen_by_all(n_experts, top_k, tokens):
    """You subtract (k/E)^tokens, the probability that every token chose an expert. When is an expert idle?"""
    return n_experts * (1 - (top_k / n_experts) ** tokens)


@replaces("expected_experts")
def one_choice(n_experts, top_k, tokens):
    """Your result does not depend on top_k: it is right only if each token chooses one expert. With which probability
    does a token that chooses k of E leave an expert out?"""
    return n_experts * (1 - (1 - 1 / n_experts) ** tokens)


@replaces("expected_experts", by=[-1, 1])
def other_number_of_tokens(n_experts, top_k, tokens, *, by):
    """Your result is right for a different number of tokens. How many experts are in use with one token, and with
    none?"""
    return n_experts * (1 - (1 - top_k / n_experts) ** (tokens + by))


@replaces("expected_experts")
def a_fraction(n_experts, top_k, tokens):
    """You returned the share of the experts in use, a number between 0 and 1. How many experts are that?"""
    return 1 - (1 - top_k / n_experts) ** tokens


@replaces("expected_experts", rounding=[round, math.floor, math.ceil])
def rounded(n_experts, top_k, tokens, *, rounding):
    """You rounded to whole experts. An expected number is a mean over many draws: does it have to be whole?"""
    return rounding(expected_experts(n_experts, top_k, tokens))


@replaces("weight_bytes")
def active_only(m, tokens):
    """You read the weights that one token uses, whatever the number of tokens. Do all tokens of a step choose the same
    experts?"""
    return active_params(m) * m["bytes_per_param"]


@replaces("weight_bytes")
def always_all(m, tokens):
    """You read all experts, even for a single token. How many of them does one token need?"""
    return total_params(m) * m["bytes_per_param"]


@replaces("weight_bytes")
def no_experts_read(m, tokens):
    """You read the shared weights and no expert. Which experts does a step need?"""
    return m["shared_params"] * m["bytes_per_param"]


@replaces("weight_bytes")
def shared_not_read(m, tokens):
    """For a mixture you read experts only. Which weights does every token use, whatever experts it chooses?"""
    if not get(m, "n_experts"):
        return m["shared_params"] * m["bytes_per_param"]
    return expected_experts(m["n_experts"], m["top_k"], tokens) * m["expert_params"] * m["bytes_per_param"]


@replaces("weight_bytes")
def read_for_each(m, tokens):
    """You read the weights again for every token. Once a weight has been read, how many tokens of the step can use
    it?"""
    return weight_bytes(m, 1) * tokens


@replaces("weight_bytes")
def scaled_total(m, tokens):
    """You multiplied all weights by the share of experts in use. Which weights does every step read in full?"""
    if not get(m, "n_experts"):
        return m["shared_params"] * m["bytes_per_param"]
    share = expected_experts(m["n_experts"], m["top_k"], tokens) / m["n_experts"]
    return total_params(m) * share * m["bytes_per_param"]


@replaces("weight_bytes", size=[0.5, 1, 2, 4])
def weights_of_one_size(m, tokens, *, size):
    """You took {size} for the bytes of a weight, whatever bytes_per_param is. How many bytes does a weight of this
    model take?"""
    return weight_bytes(m, tokens) / m["bytes_per_param"] * size


@replaces("weight_bytes", which=["shared", "expert"])
def one_part_in_bytes(m, tokens, *, which):
    """You multiplied only one of two parts by bytes_per_param. Which weights are counted in bytes, the shared ones or
    those of the experts, and which should be?"""
    experts = get(m, "n_experts") and expected_experts(m["n_experts"], m["top_k"], tokens) * m["expert_params"]
    shared, size = m["shared_params"], m["bytes_per_param"]
    return shared * size + experts if which == "shared" else shared + experts * size


@replaces("weight_bytes", rounding=[round, math.floor, math.ceil])
def whole_experts(m, tokens, *, rounding):
    """You read a whole number of experts. The expected number is a mean over many steps: what is lost when it is
    rounded?"""
    experts = rounding(expected_experts(m["n_experts"], m["top_k"], tokens)) if get(m, "n_experts") else 0
    return (m["shared_params"] + experts * get(m, "expert_params")) * m["bytes_per_param"]


@replaces("weight_bytes")
def always_sparse(m, tokens):
    """For a dense model you looked for a key that it lacks. It has no experts: what is left to read?"""
    experts = expected_experts(m["n_experts"], m["top_k"], tokens)
    return (m["shared_params"] + experts * m["expert_params"]) * m["bytes_per_param"]


@replaces("weight_bytes")
def none_of_no_experts(m, tokens):
    """A dense model has no experts, so top_k / n_experts is 0 / 0. What does a step of a dense model read, and what do
    you need to ask before you divide?"""
    experts = expected_experts(get(m, "n_experts"), get(m, "top_k"), tokens)
    return (m["shared_params"] + experts * get(m, "expert_params")) * m["bytes_per_param"]


@replaces("weight_bytes")
def capped_read(m, tokens):
    """You read k experts for each token, and at most E. Two tokens can choose the same expert: which function of this
    file says how many different experts are in use?"""
    experts = min(get(m, "n_experts"), get(m, "top_k") * tokens)
    return (m["shared_params"] + experts * get(m, "expert_params")) * m["bytes_per_param"]


def per_token(m):
    return 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"]


@replaces("cache_bytes")
def query_heads(m, batch, context):
    """Your cache has as many heads as there are queries. Which heads do keys and values belong to?"""
    return cache_bytes({**m, "n_kv_heads": m["n_heads"]}, batch, context)


@replaces("cache_bytes")
def keys_only(m, batch, context):
    """Your cache has one vector for each token and head. Attention needs a key and what else of every earlier token?"""
    return batch * (context * per_token(m) / 2 + get(m, "state_bytes"))


@replaces("cache_bytes")
def one_sequence(m, batch, context):
    """Your result is the cache of one sequence, whatever batch is. Sequences share the weights: do they share their
    keys and values too?"""
    return cache_bytes(m, 1, context)


@replaces("cache_bytes")
def one_state(m, batch, context):
    """Your result contains the state once. How many sequences need a state of their own?"""
    return batch * context * per_token(m) + get(m, "state_bytes")


@replaces("cache_bytes", key=["n_heads", "n_kv_heads", "attn_layers"])
def state_for_each_part(m, batch, context, *, key):
    """You multiplied the state by {key}. What does the table of the statement say that state_bytes is the state of?"""
    return batch * (context * per_token(m) + get(m, "state_bytes") * m[key])


@replaces("cache_bytes")
def state_for_each_token(m, batch, context):
    """You multiplied the state by the context. Does the state of a state-space model grow with what it has read?"""
    return batch * context * (per_token(m) + get(m, "state_bytes"))


@replaces("cache_bytes")
def no_state(m, batch, context):
    """The state is missing from your result. What does a state-space layer keep of each sequence?"""
    return batch * context * per_token(m)


@replaces("cache_bytes")
def as_weights(m, batch, context):
    """Your cache has as many bytes for a number as a weight has. Which key of the model holds the bytes of a number in
    the cache?"""
    return cache_bytes({**m, "kv_bytes": m.get("bytes_per_param", m["kv_bytes"])}, batch, context)


@replaces("cache_bytes", size=[1, 2, 4])
def cache_of_one_size(m, batch, context, *, size):
    """You took {size} for the bytes of a number in the cache, whatever kv_bytes is. How many bytes does it take in this
    model?"""
    return cache_bytes({**m, "kv_bytes": size}, batch, context)


@replaces("cache_bytes", key=["attn_layers", "n_kv_heads", "head_dim"])
def one_of_many(m, batch, context, *, key):
    """Your keys and values are the same whatever {key} is. What is stored twice if it doubles?"""
    return cache_bytes({**m, key: min(1, m[key])}, batch, context)


@replaces("cache_bytes", by=[-1, 1])
def other_context(m, batch, context, *, by):
    """Your cache is right for a different number of tokens than context. What should it hold if context is 0, and if it
    is 1?"""
    return batch * ((context + by) * per_token(m) + get(m, "state_bytes"))


def attention(m, context, per_pair=4):
    return per_pair * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context


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


def with_flops(m, batch, context, hw, flops):
    return step(weight_bytes(m, batch) + cache_bytes(m, batch, context), flops, batch, hw)


def with_bytes(m, batch, context, hw, read):
    return step(read, batch * (2 * active_params(m) + attention(m, context)), batch, hw)


@replaces("decode_step")
def flops_of_all(m, batch, context, hw):
    """Your FLOPs count all experts. How many experts does one token pass through?"""
    return with_flops(m, batch, context, hw, batch * (2 * total_params(m) + attention(m, context)))


@replaces("decode_step", per_weight=[1, 3, 6])
def other_flops_of_a_weight(m, batch, context, hw, *, per_weight):
    """The FLOPs of each active weight and sequence are {per_weight} in your count. A weight is multiplied by a number:
    what happens to the product, and how many FLOPs are that?"""
    return with_flops(m, batch, context, hw, batch * (per_weight * active_params(m) + attention(m, context)))


@replaces("decode_step")
def no_attention(m, batch, context, hw):
    """Your FLOPs do not grow with the context. What does the new token compute with every token before it?"""
    return with_flops(m, batch, context, hw, batch * 2 * active_params(m))


@replaces("decode_step", per_pair=[1, 2, 8])
def other_flops_of_a_pair(m, batch, context, hw, *, per_pair):
    """Your attention takes {per_pair}·L·H·K·T FLOPs. A query is multiplied by each key, and the values are added up:
    how many multiplications and additions are that for each of the K numbers?"""
    return with_flops(m, batch, context, hw, batch * (2 * active_params(m) + attention(m, context, per_pair)))


@replaces("decode_step", key=["attn_layers", "n_heads", "head_dim"])
def flops_without(m, batch, context, hw, *, key):
    """Your attention takes the same FLOPs whatever {key} is. What has to be computed twice as often if it doubles?"""
    flops = batch * (2 * active_params(m) + attention({**m, key: 1}, context))
    return with_flops(m, batch, context, hw, flops)


@replaces("decode_step")
def attention_by_kv_heads(m, batch, context, hw):
    """You counted the attention's FLOPs by key-value heads. Several query heads share a key: do they share their scores
    too?"""
    flops = batch * (2 * active_params(m) + attention({**m, "n_heads": m["n_kv_heads"]}, context))
    return with_flops(m, batch, context, hw, flops)


@replaces("decode_step", what=["weights", "attention", "weights and the attention"])
def flops_of_one(m, batch, context, hw, *, what):
    """The FLOPs of the {what} are those of one sequence. The weights are read once for the batch: is a product computed
    once for the batch, too?"""
    weights = 2 * active_params(m) * (batch if what == "attention" else 1)
    return with_flops(m, batch, context, hw, weights + attention(m, context) * (batch if what == "weights" else 1))


@replaces("decode_step")
def flops_of_weights_read(m, batch, context, hw):
    """Your FLOPs count all weights that the step reads. An expert computes only for the tokens that chose it: how many
    experts does each token pass through?"""
    weights = weight_bytes(m, batch) / m["bytes_per_param"]
    return with_flops(m, batch, context, hw, batch * (2 * weights + attention(m, context)))


@replaces("decode_step")
def flops_in_bytes(m, batch, context, hw):
    """Your FLOPs depend on bytes_per_param. How many multiplications does a weight of 8 bits take, compared to one of
    16?"""
    weights = 2 * active_params(m) * m["bytes_per_param"]
    return with_flops(m, batch, context, hw, batch * (weights + attention(m, context)))


@replaces("decode_step")
def all_pairs_of_the_context(m, batch, context, hw):
    """Your attention costs as much as if the whole context were computed again. Whose query is new in this step, and
    how many keys does it meet?"""
    pairs = context * (context + 1) // 2
    return with_flops(m, batch, context, hw, batch * (2 * active_params(m) + attention(m, pairs)))


@replaces("decode_step")
def weights_for_each(m, batch, context, hw):
    """You read the weights once for every sequence. How many sequences does one pass over the weights serve?"""
    return with_bytes(m, batch, context, hw, batch * (weight_bytes(m, 1) + cache_bytes(m, 1, context)))


@replaces("decode_step")
def weights_of_one_token(m, batch, context, hw):
    """You read the experts of one token. How many tokens of the batch choose experts in the same step?"""
    return with_bytes(m, batch, context, hw, weight_bytes(m, 1) + cache_bytes(m, batch, context))


@replaces("decode_step")
def weights_of_the_context(m, batch, context, hw):
    """You read as many experts as the whole context would use. How many new tokens does one step compute?"""
    return with_bytes(m, batch, context, hw, weight_bytes(m, batch * context) + cache_bytes(m, batch, context))


@replaces("decode_step")
def all_weights_in_a_step(m, batch, context, hw):
    """You read all experts in every step. How many different experts do the tokens of the batch choose on average?"""
    read = total_params(m) * m["bytes_per_param"] + cache_bytes(m, batch, context)
    return with_bytes(m, batch, context, hw, read)


@replaces("decode_step")
def no_cache_read(m, batch, context, hw):
    """Your bytes are those of the weights. What does the attention of each sequence have to read for its next token?"""
    return with_bytes(m, batch, context, hw, weight_bytes(m, batch))


@replaces("decode_step")
def cache_of_one_sequence(m, batch, context, hw):
    """You read the cache of one sequence. The weights serve the whole batch: can one sequence look at the keys and
    values of another?"""
    return with_bytes(m, batch, context, hw, weight_bytes(m, batch) + cache_bytes(m, 1, context))


@replaces("decode_step")
def cache_of_more_sequences(m, batch, context, hw):
    """Your bytes of the caches grow with the square of the batch. For how many sequences does cache_bytes count?"""
    return with_bytes(m, batch, context, hw, weight_bytes(m, batch) + batch * cache_bytes(m, batch, context))


@replaces("decode_step")
def cache_at_size_of_weights(m, batch, context, hw):
    """You read keys and values at the size of a weight. They have a precision of their own, kv_bytes: what does
    cache_bytes say?"""
    read = weight_bytes(m, batch) + cache_bytes({**m, "kv_bytes": m["bytes_per_param"]}, batch, context)
    return with_bytes(m, batch, context, hw, read)


@replaces("decode_step", by=[-1, 1])
def other_length(m, batch, context, hw, *, by):
    """Bytes and FLOPs are those of a different length than context. With context 0, how many keys does your step read
    and use?"""
    return decode_step(m, batch, context + by, hw)


@replaces("decode_step", by=[-1, 1])
def other_length_in_flops(m, batch, context, hw, *, by):
    """Your FLOPs are those of a different length than context. With context 0, how many keys does your attention
    use?"""
    return with_flops(m, batch, context, hw, batch * (2 * active_params(m) + attention(m, context + by)))


def changed(m, batch, context, hw, **values):
    result = decode_step(m, batch, context, hw)
    return {**result, **{key: value(result) for key, value in values.items()}}


def lasting(m, batch, context, hw, seconds):
    result = decode_step(m, batch, context, hw)
    took = seconds(result["t_memory"], result["t_compute"])
    return {**result, "seconds": took, "tokens_per_s": batch / took}


@replaces("decode_step")
def sum_of_times(m, batch, context, hw):
    """You added the two times. A device reads and computes at the same time: which of the two does it wait for?"""
    return lasting(m, batch, context, hw, lambda reads, computes: reads + computes)


@replaces("decode_step")
def shorter_time(m, batch, context, hw):
    """You took the shorter of the two times. When the faster one is done, is the step over?"""
    return lasting(m, batch, context, hw, min)


@replaces("decode_step", which=["t_memory", "t_compute"])
def one_time_only(m, batch, context, hw, *, which):
    """Your seconds are {which}, whichever is longer. On which hardware, or at which batch, would the step wait for the
    other?"""
    return lasting(m, batch, context, hw, lambda reads, computes: reads if which == "t_memory" else computes)


@replaces("decode_step")
def steps_per_second(m, batch, context, hw):
    """tokens_per_s is the number of steps in a second. How many new tokens does each step make?"""
    return changed(m, batch, context, hw, tokens_per_s=lambda s: 1 / s["seconds"])


@replaces("decode_step")
def seconds_per_token(m, batch, context, hw):
    """tokens_per_s is the time of one token. How many tokens are there in a second?"""
    return changed(m, batch, context, hw, tokens_per_s=lambda s: s["seconds"] / batch)


@replaces("decode_step", which=["t_memory", "t_compute"])
def rate_of_one_time(m, batch, context, hw, *, which):
    """tokens_per_s is the batch divided by {which}, even where the other time is longer. How long does a step last?"""
    return changed(m, batch, context, hw, tokens_per_s=lambda s: batch / s[which])


@replaces("decode_step")
def times_swapped(m, batch, context, hw):
    """t_memory and t_compute are exchanged. Which of them does a larger bandwidth shorten?"""
    return changed(m, batch, context, hw, t_memory=lambda s: s["t_compute"], t_compute=lambda s: s["t_memory"])


@replaces("decode_step")
def tie_is_compute(m, batch, context, hw):
    """You said "compute" where both times are equal. Which of the two words does the docstring give for t_memory =
    t_compute?"""
    return changed(m, batch, context, hw, bound=lambda s: "memory" if s["t_memory"] > s["t_compute"] else "compute")


@replaces("decode_step")
def bound_swapped(m, batch, context, hw):
    """Your bound names the shorter of the two times. What does the step wait for?"""
    return changed(m, batch, context, hw, bound=lambda s: "compute" if s["t_memory"] >= s["t_compute"] else "memory")


@replaces("decode_step")
def bound_always_memory(m, batch, context, hw):
    """Your bound is "memory" even where t_compute is longer. What does the step wait for then?"""
    return changed(m, batch, context, hw, bound=lambda s: "memory")


@replaces("critical_batch", size=[1, 2, 4])
def batch_of_one_size(hw, bytes_per_param, *, size):
    """Your batch is the same whatever bytes_per_param is. Smaller weights are read sooner: does the batch at which both
    times are equal change?"""
    return hw["peak_flops"] * size / (2 * hw["bandwidth"])


@replaces("critical_batch", factor=[2, 0.5])
def other_flops_in_batch(hw, bytes_per_param, *, factor):
    """Your batch is {factor} times what it should be. How many FLOPs does each weight take for one token?"""
    return factor * critical_batch(hw, bytes_per_param)


@replaces("critical_batch")
def upside_down(hw, bytes_per_param):
    """Your batch grows when the weights become smaller. Smaller weights are read sooner: does a larger or a smaller
    batch take as long to compute?"""
    return hw["peak_flops"] / (2 * hw["bandwidth"] * bytes_per_param)


@replaces("critical_batch")
def inverted(hw, bytes_per_param):
    """Your batch grows with the bandwidth. If the weights are read sooner, how many sequences can be computed in that
    time?"""
    return 1 / critical_batch(hw, bytes_per_param)


@replaces("critical_batch", rounding=[math.ceil, math.floor, round])
def critical_rounded(hw, bytes_per_param, *, rounding):
    """You rounded to a whole batch. The docstring asks for a real number: at which point between two batches are both
    times equal?"""
    return float(rounding(critical_batch(hw, bytes_per_param)))


def free_bytes(m, memory_bytes):
    return memory_bytes - total_params(m) * m["bytes_per_param"]


@replaces("max_batch")
def memory_of_active(m, context, memory_bytes):
    """You left room for the active weights. Any expert can be chosen by the next token: which weights have to be in
    memory?"""
    free = memory_bytes - active_params(m) * m["bytes_per_param"]
    return max(0, int(free // cache_bytes(m, 1, context)))


@replaces("max_batch", size=[0, 1, 2, 4])
def room_of_one_size(m, context, memory_bytes, *, size):
    """Your room for the weights is right only if a weight takes {size} bytes. How many bytes does a weight of this
    model take?"""
    return max(0, int((memory_bytes - total_params(m) * size) // cache_bytes(m, 1, context)))


@replaces("max_batch")
def below_zero(m, context, memory_bytes):
    """You returned a negative batch where the weights do not fit. How many sequences fit then?"""
    return int(free_bytes(m, memory_bytes) // cache_bytes(m, 1, context))


@replaces("max_batch")
def positive_without_room(m, context, memory_bytes):
    """Your batch is positive where the weights do not fit. What is left for caches if the memory is smaller than the
    weights?"""
    return int(abs(free_bytes(m, memory_bytes)) // cache_bytes(m, 1, context))


@replaces("max_batch")
def at_least_one(m, context, memory_bytes):
    """Your batch is at least 1. What should it be if not even one sequence fits?"""
    return max(1, max_batch(m, context, memory_bytes))


@replaces("max_batch", rounding=[math.ceil, round])
def rounded_up(m, context, memory_bytes, *, rounding):
    """The last sequence of your batch does not fit into the memory. Which way is a number of whole sequences
    rounded?"""
    return max(0, rounding(free_bytes(m, memory_bytes) / cache_bytes(m, 1, context)))


@replaces("max_batch")
def never_full(m, context, memory_bytes):
    """Where sequences fill the memory to the last byte, your batch is one too small. Does a sequence fit into exactly
    as many bytes as it needs?"""
    return max(0, math.ceil(free_bytes(m, memory_bytes) / cache_bytes(m, 1, context)) - 1)


@replaces("max_batch", error=[ValueError, AssertionError, RuntimeError])
def too_large_raises(m, context, memory_bytes, *, error):
    """You raised an error where the weights do not fit. Is that a mistake of the caller, or a question with an
    answer?"""
    if free_bytes(m, memory_bytes) < 0:
        raise error("the weights do not fit")
    return max_batch(m, context, memory_bytes)


def prefill(m, prompt, hw, *, pairs=None, read=None, per_pair=4, per_weight=2, limit=max):
    pairs = prompt * (prompt + 1) // 2 if pairs is None else pairs
    flops = per_weight * active_params(m) * prompt + attention(m, pairs, per_pair)
    read = weight_bytes(m, prompt) if read is None else read
    return limit(flops / hw["peak_flops"], read / hw["bandwidth"])


@replaces("prefill_seconds")
def full_square(m, prompt, hw):
    """You counted P² pairs. The attention is causal: how many tokens does the first one see, and how many the last?"""
    return prefill(m, prompt, hw, pairs=prompt**2)


@replaces("prefill_seconds")
def half_square(m, prompt, hw):
    """You counted P²/2 pairs, and so half of the diagonal. Does a token see itself, wholly or by half?"""
    return prefill(m, prompt, hw, pairs=prompt**2 / 2)


@replaces("prefill_seconds", early=["prompt", "prompt + 1"])
def cut_off_too_early(m, prompt, hw, *, early):
    """Your pairs are too few where {early} is odd, as if // had cut off a half. P (P + 1) is always even: when is it
    safe to halve?"""
    halves = prompt // 2 * (prompt + 1) if early == "prompt" else prompt * ((prompt + 1) // 2)
    return prefill(m, prompt, hw, pairs=halves)


@replaces("prefill_seconds")
def sees_the_past_only(m, prompt, hw):
    """You counted P(P - 1)/2 pairs. How many tokens does the first token of a prompt see?"""
    return prefill(m, prompt, hw, pairs=prompt * (prompt - 1) // 2)


@replaces("prefill_seconds")
def one_query(m, prompt, hw):
    """Your attention has P pairs, as if only the last token of the prompt had a query. How many pairs are there if
    every token attends?"""
    return prefill(m, prompt, hw, pairs=prompt)


@replaces("prefill_seconds")
def no_attention_in_prompt(m, prompt, hw):
    """The attention is missing from your FLOPs. In a long prompt, how many pairs of a query and a key are there?"""
    return prefill(m, prompt, hw, pairs=0)


@replaces("prefill_seconds", per_pair=[1, 2, 8])
def other_flops_in_prefill(m, prompt, hw, *, per_pair):
    """Each pair of a query and a key takes {per_pair}·L·H·K FLOPs in your count. It needs a product of both, and then a
    product with what?"""
    return prefill(m, prompt, hw, per_pair=per_pair)


@replaces("prefill_seconds")
def caches_in_prefill(m, prompt, hw):
    """Besides the weights you read the caches of the prompt. What does the docstring say about caches here?"""
    return prefill(m, prompt, hw, read=weight_bytes(m, prompt) + cache_bytes(m, 1, prompt))


@replaces("prefill_seconds")
def shorter_for_prompt(m, prompt, hw):
    """You took the shorter of the two times. Is the prompt read when the faster one is done?"""
    return prefill(m, prompt, hw, limit=min)


@replaces("prefill_seconds")
def one_token_read(m, prompt, hw):
    """You read the weights that one token needs. How many experts do all tokens of the prompt need together?"""
    return prefill(m, prompt, hw, read=weight_bytes(m, 1))


@replaces("prefill_seconds")
def whole_model_read(m, prompt, hw):
    """You read all experts, even for a short prompt. How many different experts do its tokens choose on average?"""
    return prefill(m, prompt, hw, read=total_params(m) * m["bytes_per_param"])


@replaces("prefill_seconds", size=[1, 2, 4])
def prompt_of_one_size(m, prompt, hw, *, size):
    """You took {size} for the bytes of a weight, whatever bytes_per_param is. How many bytes does a weight of this
    model take?"""
    return prefill(m, prompt, hw, read=weight_bytes(m, prompt) / m["bytes_per_param"] * size)


@replaces("prefill_seconds")
def compute_only(m, prompt, hw):
    """Your result is the time to compute. For a short prompt, what takes longer: to compute, or to read the weights?"""
    return prefill(m, prompt, hw, read=0)


@replaces("prefill_seconds")
def read_only(m, prompt, hw):
    """Your result is the time to read the weights. For a long prompt, what takes longer: to read, or to compute?"""
    return weight_bytes(m, prompt) / hw["bandwidth"]


@replaces("prefill_seconds")
def one_step_each(m, prompt, hw):
    """Your time is that of one step for each token, in which the weights are read again. All tokens of a prompt are
    known: how many steps does it take?"""
    return sum(prefill(m, 1, hw, pairs=seen) for seen in range(1, prompt + 1))


@replaces("prefill_seconds")
def sum_for_prompt(m, prompt, hw):
    """You added the time of reading to the time of computing. A device does both at once: which of the two does it wait
    for?"""
    return prefill(m, prompt, hw, limit=lambda computes, reads: computes + reads)


@replaces("prefill_seconds")
def prompt_through_all_experts(m, prompt, hw):
    """Your FLOPs send each token of the prompt through all experts. Together they read nearly all of them: how many
    does each token pass through?"""
    extra = 2 * (total_params(m) - active_params(m)) * prompt
    return max(prefill(m, prompt, hw), prefill(m, prompt, hw, read=0) + extra / hw["peak_flops"])


@replaces("prefill_seconds")
def kv_heads_in_prefill(m, prompt, hw):
    """You counted the attention's FLOPs of the prompt by key-value heads. Each query head has scores of its own: how
    many query heads are there?"""
    return prefill_seconds({**m, "n_heads": m["n_kv_heads"]}, prompt, hw)


@replaces("prefill_seconds", per_weight=[1, 3, 6])
def other_flops_of_a_weight_in_prefill(m, prompt, hw, *, per_weight):
    """The FLOPs of each active weight and token of the prompt are {per_weight} in your count. The product with a matrix
    multiplies, and what else does it do?"""
    return prefill(m, prompt, hw, per_weight=per_weight)


@replaces("prefill_seconds")
def weights_of_one_token_computed(m, prompt, hw):
    """Your FLOPs contain the weights once. They are read once for the prompt: how many tokens are multiplied by
    them?"""
    flops = 2 * active_params(m) + attention(m, prompt * (prompt + 1) // 2)
    return max(flops / hw["peak_flops"], weight_bytes(m, prompt) / hw["bandwidth"])
