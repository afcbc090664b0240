"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from decode_roofline import active_params, cache_bytes, decode_step, prefill_seconds, total_params
from pick_architecture import evaluate, pick

from grader.testing import replaces

LIMITS = ("task", "context", "memory", "ttft", "tpot", "quality")


def weights(candidate):
    return total_params(candidate) * candidate["bytes_per_param"]


def end_of(req):
    return req["prompt_tokens"] + req["new_tokens"]


def caches(candidate, req):
    return cache_bytes(candidate, req["concurrency"], end_of(req)) if req["new_tokens"] > 0 else 0


def step_seconds(candidate, req, hw, batch=None, length=None):
    if req["new_tokens"] == 0:
        return 0.0
    batch = req["concurrency"] if batch is None else batch
    length = end_of(req) if length is None else length
    return decode_step(candidate, batch, length, hw)["seconds"]


def judge(candidate, req, hw, memory=None, ttft=None, tpot=None, seconds=None, end=None):
    """evaluate with some of its parts replaced; seconds is the time of the device that a request pays."""
    memory = weights(candidate) + caches(candidate, req) if memory is None else memory
    ttft = prefill_seconds(candidate, req["prompt_tokens"], hw) if ttft is None else ttft
    tpot = step_seconds(candidate, req, hw) if tpot is None else tpot
    seconds = ttft + req["new_tokens"] * tpot / req["concurrency"] if seconds is None else seconds
    end = end_of(req) if end is None else end
    most = [req.get("max_ttft_s"), req.get("max_tpot_s")]
    broken = {
        "task": req["task"] not in candidate["tasks"],
        "context": bool(candidate.get("max_context")) and end > candidate["max_context"],
        "memory": memory > hw["memory_bytes"],
        "ttft": most[0] is not None and ttft > most[0],
        "tpot": most[1] is not None and tpot > most[1],
        "quality": req.get("min_quality") is not None and candidate["quality"] < req["min_quality"],
    }
    return {
        "memory_bytes": memory,
        "ttft_s": ttft,
        "tpot_s": tpot,
        "cost": seconds * hw["dollars_per_hour"] / 3600,
        "violations": [name for name in LIMITS if broken[name]],
    }


@replaces("evaluate")
def memory_of_active(candidate, req, hw):
    """You put the active weights into memory. Every expert must be there, whichever of them the router
    picks."""
    stored = active_params(candidate) * candidate["bytes_per_param"]
    return judge(candidate, req, hw, memory=stored + caches(candidate, req))


@replaces("evaluate")
def memory_of_weights(candidate, req, hw):
    """You counted the weights alone. The caches of all users lie beside them, and for long contexts they
    are the larger part."""
    return judge(candidate, req, hw, memory=weights(candidate))


@replaces("evaluate")
def memory_of_one(candidate, req, hw):
    """You counted the cache of one sequence. All that run at the same time need theirs at the same time."""
    memory = weights(candidate) + caches(candidate, {**req, "concurrency": 1})
    return judge(candidate, req, hw, memory=memory)


@replaces("evaluate")
def prompt_is_all(candidate, req, hw):
    """You took the prompt for the whole length. The cache also holds what is generated, and the context has
    to hold it too."""
    P, B = req["prompt_tokens"], req["concurrency"]
    memory = weights(candidate) + (cache_bytes(candidate, B, P) if req["new_tokens"] else 0)
    tpot = step_seconds(candidate, req, hw, length=P)
    return judge(candidate, req, hw, memory=memory, tpot=tpot, end=P)


@replaces("evaluate")
def cache_of_prompt(candidate, req, hw):
    """You counted the cache behind the prompt. It grows with every new token, and has to fit at the end as
    well."""
    P, B = req["prompt_tokens"], req["concurrency"]
    return judge(
        candidate, req, hw, memory=weights(candidate) + (cache_bytes(candidate, B, P) if req["new_tokens"] else 0)
    )


@replaces("evaluate")
def context_of_prompt(candidate, req, hw):
    """You compared the prompt with max_context. New tokens have positions too: the end has to lie within
    it."""
    return judge(candidate, req, hw, end=req["prompt_tokens"])


@replaces("evaluate")
def step_of_prompt(candidate, req, hw):
    """Your tpot is that of the first new token. The docstring counts all sequences at their full length,
    where a step takes longest."""
    return judge(candidate, req, hw, tpot=step_seconds(candidate, req, hw, length=req["prompt_tokens"]))


@replaces("evaluate")
def cache_without_tokens(candidate, req, hw):
    """You kept a cache although nothing is generated. Keys and values are kept for the tokens that come
    next; here none do."""
    memory = weights(candidate) + cache_bytes(candidate, req["concurrency"], end_of(req))
    return judge(candidate, req, hw, memory=memory)


@replaces("evaluate")
def step_without_tokens(candidate, req, hw):
    """You returned the time of a step although none is taken: nothing is generated. tpot_s is 0 then."""
    return judge(candidate, req, hw, tpot=step_seconds(candidate, {**req, "new_tokens": 1}, hw, length=end_of(req)))


@replaces("evaluate")
def step_of_one(candidate, req, hw):
    """Your tpot is that of a single user. The others' caches, and their experts, are read in the same
    step."""
    tpot = step_seconds(candidate, req, hw, batch=1)
    return judge(candidate, req, hw, tpot=tpot)


@replaces("evaluate")
def step_for_each(candidate, req, hw):
    """You charged every request for whole steps. One step makes a token for all of them: who else pays for
    it?"""
    ttft, tpot = prefill_seconds(candidate, req["prompt_tokens"], hw), step_seconds(candidate, req, hw)
    return judge(candidate, req, hw, seconds=ttft + req["new_tokens"] * tpot)


@replaces("evaluate")
def all_shared(candidate, req, hw):
    """You divided the time of the prompt by the number of users too. Each request has a prompt of its own
    to be read; only the steps are shared."""
    ttft, tpot = prefill_seconds(candidate, req["prompt_tokens"], hw), step_seconds(candidate, req, hw)
    return judge(candidate, req, hw, seconds=(ttft + req["new_tokens"] * tpot) / req["concurrency"])


@replaces("evaluate")
def latency_shared(candidate, req, hw):
    """You divided the time of a step by the number of users in tpot_s. They share its cost, and each of
    them waits all of it."""
    tpot = step_seconds(candidate, req, hw)
    ttft = prefill_seconds(candidate, req["prompt_tokens"], hw)
    shared = tpot / req["concurrency"]
    return judge(candidate, req, hw, tpot=shared, seconds=ttft + req["new_tokens"] * shared)


@replaces("evaluate")
def steps_only(candidate, req, hw):
    """You did not charge for the prompt. For long prompts it is most of the bill."""
    tpot = step_seconds(candidate, req, hw)
    return judge(candidate, req, hw, seconds=req["new_tokens"] * tpot / req["concurrency"])


@replaces("evaluate")
def one_step_paid(candidate, req, hw):
    """You charged for one step. A request takes one for each of its new tokens."""
    ttft, tpot = prefill_seconds(candidate, req["prompt_tokens"], hw), step_seconds(candidate, req, hw)
    return judge(candidate, req, hw, seconds=ttft + tpot / req["concurrency"])


@replaces("evaluate")
def hours_for_seconds(candidate, req, hw):
    """You multiplied seconds by dollars per hour. How many seconds does an hour have?"""
    return evaluate(candidate, req, {**hw, "dollars_per_hour": 3600 * hw["dollars_per_hour"]})


@replaces("evaluate")
def all_prompts_first(candidate, req, hw):
    """Your ttft_s is that of all users' prompts together. It is the time of one prompt."""
    ttft = prefill_seconds(candidate, req["prompt_tokens"] * req["concurrency"], hw)
    return judge(candidate, req, hw, ttft=ttft)


@replaces("evaluate")
def first_token_at_the_end(candidate, req, hw):
    """You let prefill_seconds read the new tokens too. They are not known yet: only the prompt is read at
    once."""
    return judge(candidate, req, hw, ttft=prefill_seconds(candidate, end_of(req), hw))


@replaces("evaluate")
def first_only(candidate, req, hw):
    """You stopped at the first broken limit. Report every one, so that the user knows what to relax."""
    result = judge(candidate, req, hw)
    return {**result, "violations": result["violations"][:1]}


@replaces("evaluate")
def in_alphabetical_order(candidate, req, hw):
    """You sorted the violations by name. They are asked for in the order of the table."""
    result = judge(candidate, req, hw)
    return {**result, "violations": sorted(result["violations"])}


def also_broken(candidate, req, hw, name, broken):
    """evaluate, with one more limit broken."""
    result = judge(candidate, req, hw)
    found = {*result["violations"], name} if broken else result["violations"]
    return {**result, "violations": [limit for limit in LIMITS if limit in found]}


@replaces("evaluate")
def above_the_bar(candidate, req, hw):
    """You rejected a quality that is exactly min_quality. The bar itself is good enough."""
    return also_broken(candidate, req, hw, "quality", candidate["quality"] == req.get("min_quality"))


@replaces("evaluate")
def below_the_memory(candidate, req, hw):
    """You rejected what fills the memory to the last byte. That fits."""
    full = judge(candidate, req, hw)["memory_bytes"] == hw["memory_bytes"]
    return also_broken(candidate, req, hw, "memory", full)


@replaces("evaluate")
def below_the_context(candidate, req, hw):
    """You rejected a text of exactly max_context tokens. It has room for it."""
    return also_broken(candidate, req, hw, "context", end_of(req) == candidate.get("max_context"))


@replaces("evaluate")
def below_the_time(candidate, req, hw):
    """You rejected a time to first token that is exactly max_ttft_s. It is not more than the limit."""
    return also_broken(candidate, req, hw, "ttft", judge(candidate, req, hw)["ttft_s"] == req.get("max_ttft_s"))


@replaces("evaluate")
def zero_context(candidate, req, hw):
    """You took a max_context of 0 for a limit of no tokens. It stands for a model without one, as a
    state-space model is."""
    return also_broken(candidate, req, hw, "context", candidate.get("max_context") == 0)


@replaces("evaluate")
def quality_from_zero(candidate, req, hw):
    """Without a min_quality you asked for a quality of 0, and a measure may be negative, a log-likelihood
    for one. No limit is none."""
    broken = req.get("min_quality") is None and candidate["quality"] < 0
    return also_broken(candidate, req, hw, "quality", broken)


@replaces("evaluate")
def limits_needed(candidate, req, hw):
    """You read limits that need not be there, and failed where one is missing or None. What does req.get
    say then?"""
    result = judge(candidate, req, hw)
    broken = result["ttft_s"] > req["max_ttft_s"] or result["tpot_s"] > req["max_tpot_s"]
    broken = broken or candidate["quality"] < req["min_quality"]
    return result if broken is not None else {}


@replaces("evaluate")
def first_task(candidate, req, hw):
    """You compared the task with the first that a candidate does. Any of them will do."""
    return also_broken(candidate, req, hw, "task", req["task"] != candidate["tasks"][0])


@replaces("evaluate")
def no_task(candidate, req, hw):
    """You did not ask whether the candidate does the task at all. An encoder generates nothing, however
    cheap it is."""
    result = judge(candidate, req, hw)
    return {**result, "violations": [limit for limit in result["violations"] if limit != "task"]}


def ranked(candidates, req, hw, key):
    """pick with another order; key gets a candidate and its cost."""
    if not candidates:
        raise ValueError("there are no candidates")
    results = {c["name"]: evaluate(c, req, hw) for c in candidates}
    good = [c for c in candidates if not results[c["name"]]["violations"]]
    good.sort(key=lambda c: key(c, results[c["name"]]))
    names = [c["name"] for c in good]
    rejected = {name: result["violations"] for name, result in results.items() if result["violations"]}
    return {"choice": names[0] if names else None, "ranking": names, "rejected": rejected}


@replaces("pick")
def best_first(candidates, req, hw):
    """You took the one of the highest quality. Good enough is a threshold: what decides among those that
    pass it?"""
    return ranked(candidates, req, hw, lambda c, result: (-c["quality"], result["cost"], c["name"]))


@replaces("pick")
def quality_for_money(candidates, req, hw):
    """You sorted by cost for quality. What is better than good enough is worth nothing more here: the
    cheapest of those that pass."""
    return ranked(candidates, req, hw, lambda c, result: (result["cost"] / c["quality"], c["name"]))


@replaces("pick")
def fastest_first(candidates, req, hw):
    """You sorted by the time of a token. Times have limits of their own; among those that keep them the
    cheapest is asked for."""
    return ranked(candidates, req, hw, lambda c, result: (result["tpot_s"], -c["quality"], c["name"]))


@replaces("pick")
def smallest_first(candidates, req, hw):
    """You sorted by memory. Memory is a limit; what costs money is time."""
    return ranked(candidates, req, hw, lambda c, result: (result["memory_bytes"], -c["quality"], c["name"]))


@replaces("pick")
def dearest_first(candidates, req, hw):
    """Your ranking begins with the most expensive. Cheapest first."""
    return ranked(candidates, req, hw, lambda c, result: (-result["cost"], -c["quality"], c["name"]))


@replaces("pick")
def ties_as_they_come(candidates, req, hw):
    """Of those that cost the same you took the one that came first. Quality decides then, and after it the
    name."""
    return ranked(candidates, req, hw, lambda c, result: result["cost"])


@replaces("pick")
def ties_by_name(candidates, req, hw):
    """Where the cost is the same you let the name decide. Before it comes the quality."""
    return ranked(candidates, req, hw, lambda c, result: (result["cost"], c["name"]))


@replaces("pick")
def ties_to_the_worse(candidates, req, hw):
    """Where the cost is the same you put the lower quality first. Sorting goes upwards, and here more is
    better."""
    return ranked(candidates, req, hw, lambda c, result: (result["cost"], c["quality"], c["name"]))


@replaces("pick")
def names_backwards(candidates, req, hw):
    """Where cost and quality are the same, your names run backwards. Reversing a sort reverses all of its
    keys."""
    return ranked(candidates, req, hw, lambda c, result: (result["cost"], -c["quality"], [-ord(x) for x in c["name"]]))


@replaces("pick")
def choice_of_none(candidates, req, hw):
    """Where nothing fits you took the first of an empty list. That is an answer too: None."""
    result = pick(candidates, req, hw)
    return {**result, "choice": result["ranking"][0]}


@replaces("pick")
def none_fits_raises(candidates, req, hw):
    """You raised an error where no candidate fits. The user wants to know why, and reads it in rejected:
    return None as the choice."""
    result = pick(candidates, req, hw)
    if not result["ranking"]:
        raise ValueError("no candidate fits")
    return result


@replaces("pick")
def nothing_to_pick(candidates, req, hw):
    """Without any candidates you returned a choice of None. To pick from nothing is a mistake of the
    caller: raise ValueError."""
    return pick(candidates, req, hw) if candidates else {"choice": None, "ranking": [], "rejected": {}}


@replaces("pick")
def least_bad(candidates, req, hw):
    """Where nothing fits you took the one that breaks the fewest limits. A hard limit is one: return
    None."""
    result = pick(candidates, req, hw)
    if result["ranking"]:
        return result
    return {**result, "choice": min(result["rejected"], key=lambda name: len(result["rejected"][name]))}


@replaces("pick")
def all_ranked(candidates, req, hw):
    """Your ranking holds those that break a limit too. They are rejected, whatever they cost."""
    return {**ranked_all(candidates, req, hw), "rejected": pick(candidates, req, hw)["rejected"]}


def ranked_all(candidates, req, hw):
    costs = {c["name"]: (evaluate(c, req, hw)["cost"], -c["quality"], c["name"]) for c in candidates}
    names = sorted(costs, key=costs.__getitem__)
    return {"choice": names[0], "ranking": names}


@replaces("pick")
def all_rejected(candidates, req, hw):
    """You list all candidates under rejected, those that pass with no violations. Only those that break a
    limit belong there."""
    result = pick(candidates, req, hw)
    return {**result, "rejected": {c["name"]: result["rejected"].get(c["name"], []) for c in candidates}}


@replaces("pick")
def one_reason(candidates, req, hw):
    """You give one reason for each rejection. All broken limits are asked for."""
    result = pick(candidates, req, hw)
    return {**result, "rejected": {name: reasons[:1] for name, reasons in result["rejected"].items()}}


@replaces("pick")
def whole_candidate(candidates, req, hw):
    """Your choice is the whole candidate. Its name is asked for."""
    result = pick(candidates, req, hw)
    return {**result, "choice": next((c for c in candidates if c["name"] == result["choice"]), None)}
