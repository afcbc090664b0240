"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

from decode_roofline import active_params, cache_bytes, decode_step, max_batch, prefill_seconds, total_params
from pick_architecture import deploy, largest_batch, pick, regimes

from grader.testing import replaces


def end_of(customer):
    return customer["prompt_tokens"] + customer["new_tokens"]


def counted(model, customer, hw, fits, seconds, length=None):
    """Sequences are added as long as the next one fits and its step is quick enough."""
    end = end_of(customer) if length is None else length
    batch, most = 0, fits(end)
    while batch < most and seconds(batch + 1, end) <= customer["max_tpot_s"]:
        batch += 1
    return batch


def fits(model, hw):
    return lambda end: max_batch(model, end, hw["memory_bytes"])


def step(model, hw):
    return lambda batch, end: decode_step(model, batch, end, hw)["seconds"]


@replaces("largest_batch")
def memory_alone(model, customer, hw):
    """The largest batch of yours is the one that fits. A step with so many sequences may take longer than a user
    waits for a token, and each of them waits for the whole step: which of the two limits comes first?"""
    return max_batch(model, end_of(customer), hw["memory_bytes"])


@replaces("largest_batch")
def time_alone(model, customer, hw):
    """You asked only how long a step takes. The caches of all those sequences have to fit beside the weights."""
    return counted(model, customer, hw, lambda end: 5000, step(model, hw))


@replaces("largest_batch")
def step_shared(model, customer, hw):
    """You divided the time of a step by the batch. The price of a step is shared, the waiting is not: every user waits
    for the whole step."""
    return counted(model, customer, hw, fits(model, hw), lambda batch, end: step(model, hw)(batch, end) / batch)


@replaces("largest_batch")
def prompts_alone(model, customer, hw):
    """You counted the sequences at the length of their prompts. They grow with every new token, and have to fit to the
    end."""
    return counted(model, customer, hw, fits(model, hw), step(model, hw), length=customer["prompt_tokens"])


@replaces("largest_batch")
def answers_alone(model, customer, hw):
    """You counted only the new tokens. The prompt stays in the cache as long as its answer is written."""
    return counted(model, customer, hw, fits(model, hw), step(model, hw), length=customer["new_tokens"])


@replaces("largest_batch")
def active_stored(model, customer, hw):
    """You left room for the active weights. Every token may choose other experts: which of them have to be in
    memory?"""

    def fits_beside_active(end):
        free = hw["memory_bytes"] - active_params(model) * model["bytes_per_param"]
        return max(0, int(free // cache_bytes(model, 1, end)))

    return counted(model, customer, hw, fits_beside_active, step(model, hw))


@replaces("largest_batch")
def two_bytes_each(model, customer, hw):
    """You took two bytes for each parameter. Weights of 8 bits leave more room: what does bytes_per_param say?"""

    def fits_beside(end):
        free = hw["memory_bytes"] - 2 * total_params(model)
        return max(0, int(free // cache_bytes(model, 1, end)))

    return counted(model, customer, hw, fits_beside, step(model, hw))


@replaces("largest_batch")
def active_read(model, customer, hw):
    """You let a step read the experts of one token at any batch. Tokens choose different experts, and all that are
    chosen are read: what does decode_step say for a batch of 8?"""

    def seconds(batch, end):
        one, more = decode_step(model, 1, end, hw), cache_bytes(model, batch - 1, end)
        return max((one["bytes"] + more) / hw["bandwidth"], batch * one["t_compute"])

    return counted(model, customer, hw, fits(model, hw), seconds)


@replaces("largest_batch")
def one_too_many(model, customer, hw):
    """You returned the first batch that breaks a limit. The one before it is the largest that keeps both."""
    return largest_batch(model, customer, hw) + 1


@replaces("largest_batch")
def strictly_quicker(model, customer, hw):
    """You served a step only if it takes less than max_tpot_s. "At most" allows what is equal."""
    patient = {**customer, "max_tpot_s": customer["max_tpot_s"] * (1 - 1e-12)}
    return largest_batch(model, patient, hw)


@replaces("largest_batch")
def at_least_one(model, customer, hw):
    """You returned 1 where a device cannot serve even one sequence. Then the answer is 0."""
    return max(1, largest_batch(model, customer, hw))


def changed(model, customer, hw, **values):
    """deploy with other values for some of its keys, each a function of the right plan and of the largest batch."""
    plan = deploy(model, customer, hw)
    if plan is None:
        return None
    largest = largest_batch(model, customer, hw)
    return {**plan, **{key: value(plan, largest) for key, value in values.items()}}


def tpot(model, customer, hw, batch):
    return decode_step(model, batch, end_of(customer), hw)["seconds"]


@replaces("deploy")
def rounded_down(model, customer, hw):
    """You rounded the number of devices down, and some users find none. Who is left over needs a device too."""
    largest, users = largest_batch(model, customer, hw), customer["users"]
    if deploy(model, customer, hw) is None:
        return None
    devices = max(1, users // largest)
    batch = -(-users // devices)
    price = devices * hw["dollars_per_hour"]
    return changed(
        model,
        customer,
        hw,
        devices=lambda *_: devices,
        batch=lambda *_: batch,
        tpot_s=lambda *_: tpot(model, customer, hw, batch),
        dollars_per_hour=lambda *_: price,
    )


@replaces("deploy")
def one_device_more(model, customer, hw):
    """Where the users fill the devices exactly you took one more. It would be empty: what is users / batch, rounded
    up?"""
    devices = customer["users"] // (largest_batch(model, customer, hw) or 1) + 1
    batch = -(-customer["users"] // devices)
    return changed(
        model,
        customer,
        hw,
        devices=lambda *_: devices,
        batch=lambda *_: batch,
        tpot_s=lambda *_: tpot(model, customer, hw, batch),
        dollars_per_hour=lambda *_: devices * hw["dollars_per_hour"],
    )


@replaces("deploy")
def filled_up(model, customer, hw):
    """You filled the first devices to the last place and left the rest to the last one. The users are spread evenly, so
    that all of them have a short step."""
    return changed(
        model,
        customer,
        hw,
        batch=lambda plan, largest: min(largest, customer["users"]),
        tpot_s=lambda plan, largest: tpot(model, customer, hw, min(largest, customer["users"])),
    )


@replaces("deploy")
def always_full(model, customer, hw):
    """You took the largest batch for the number of users on a device. There may be fewer: how many does each device
    get?"""
    return changed(
        model,
        customer,
        hw,
        batch=lambda plan, largest: largest,
        tpot_s=lambda plan, largest: tpot(model, customer, hw, largest),
    )


@replaces("deploy")
def emptiest_device(model, customer, hw):
    """You returned users / devices without rounding it up. Somebody has to take the rest: how many users has the
    fullest device?"""
    return changed(
        model,
        customer,
        hw,
        batch=lambda plan, largest: customer["users"] // plan["devices"],
        tpot_s=lambda plan, largest: tpot(model, customer, hw, customer["users"] // plan["devices"]),
    )


@replaces("deploy")
def step_of_all_users(model, customer, hw):
    """Your tpot_s is that of a step with all users in it. Each device has a step of its own, with its share of them."""
    return changed(model, customer, hw, tpot_s=lambda plan, largest: tpot(model, customer, hw, customer["users"]))


@replaces("deploy")
def step_of_one_user(model, customer, hw):
    """Your tpot_s is that of a single sequence. The users of a device are decoded together, and all wait for all."""
    return changed(model, customer, hw, tpot_s=lambda plan, largest: tpot(model, customer, hw, 1))


@replaces("deploy")
def step_at_the_prompt(model, customer, hw):
    """Your tpot_s is that of the step that follows the prompt. The docstring asks for it at full length: how long is a
    sequence when its last token is written?"""

    def seconds(plan, _):
        return decode_step(model, plan["batch"], customer["prompt_tokens"], hw)["seconds"]

    return changed(model, customer, hw, tpot_s=seconds)


@replaces("deploy")
def price_of_one(model, customer, hw):
    """You returned the price of one device. Every one of them is paid."""
    return changed(model, customer, hw, dollars_per_hour=lambda plan, largest: hw["dollars_per_hour"])


@replaces("deploy")
def price_for_each_user(model, customer, hw):
    """You divided the price by the users. dollars_per_hour is what the customer pays for all devices."""
    return changed(
        model, customer, hw, dollars_per_hour=lambda plan, largest: plan["dollars_per_hour"] / customer["users"]
    )


@replaces("deploy")
def bound_of_the_step(model, customer, hw):
    """Your limit answers another question than the one that is asked: at the largest batch, would the caches of one
    sequence more still fit? Neither what a step waits for nor how many users there are decides that."""
    largest = largest_batch(model, customer, hw)
    if largest == 0:
        return None
    bound = decode_step(model, largest, end_of(customer), hw)["bound"]
    return changed(model, customer, hw, limit=lambda *_: "memory" if bound == "memory" else "time")


@replaces("deploy")
def limit_swapped(model, customer, hw):
    """You exchanged the two limits. If one sequence more would still fit, it is time that stops it."""
    return changed(model, customer, hw, limit=lambda plan, _: "time" if plan["limit"] == "memory" else "memory")


@replaces("deploy")
def time_first(model, customer, hw):
    """Where both limits stop the next sequence you said "time". The docstring asks for the memory first."""
    next_one = tpot(model, customer, hw, largest_batch(model, customer, hw) + 1)
    return changed(model, customer, hw, limit=lambda *_: "time" if next_one > customer["max_tpot_s"] else "memory")


@replaces("deploy")
def first_token_forgotten(model, customer, hw):
    """You did not ask how long a prompt takes. The first token has a limit of its own, max_ttft_s."""
    return deploy(model, {**customer, "max_ttft_s": float("inf")}, hw)


@replaces("deploy")
def first_token_strictly_sooner(model, customer, hw):
    """You refuse a model that reads a prompt in exactly max_ttft_s. "At most" allows what is equal."""
    unlimited = {**customer, "max_ttft_s": float("inf")}
    late = prefill_seconds(model, customer["prompt_tokens"], hw) >= customer["max_ttft_s"]
    return None if late else deploy(model, unlimited, hw)


@replaces("deploy")
def first_token_by_a_step(model, customer, hw):
    """You took one decode_step for the time to the first token. Before it the whole prompt is read: which function says
    how long that takes?"""
    unlimited = {**customer, "max_ttft_s": float("inf")}
    late = decode_step(model, 1, customer["prompt_tokens"], hw)["seconds"] > customer["max_ttft_s"]
    return None if late else deploy(model, unlimited, hw)


@replaces("deploy")
def first_token_of_the_whole_text(model, customer, hw):
    """You read prompt and answer before the first token. The answer is not there yet: how many tokens are?"""
    unlimited = {**customer, "max_ttft_s": float("inf")}
    late = prefill_seconds(model, end_of(customer), hw) > customer["max_ttft_s"]
    return None if late else deploy(model, unlimited, hw)


@replaces("deploy")
def prompts_of_all_users(model, customer, hw):
    """You read the prompts of all users in one step before the first token. The statement reads a prompt before all
    this: how many tokens does prefill_seconds get?"""
    unlimited = {**customer, "max_ttft_s": float("inf")}
    late = prefill_seconds(model, customer["users"] * customer["prompt_tokens"], hw) > customer["max_ttft_s"]
    return None if late else deploy(model, unlimited, hw)


@replaces("deploy")
def divides_by_zero(model, customer, hw):
    """If a device cannot serve even one user, you divided by a batch of 0. More devices do not help then: return
    None."""
    devices = -(-customer["users"] // largest_batch(model, customer, hw))
    return deploy(model, customer, hw) if devices else None


@replaces("deploy")
def memory_pooled(model, customer, hw):
    """You laid the memory of all devices together and stored the weights in it once. More users seem to fit then than
    do: what does each device have to hold before its first user comes?"""
    if deploy(model, customer, hw) is None:
        return None
    users, end, devices = customer["users"], end_of(customer), 1
    while (
        max_batch(model, end, devices * hw["memory_bytes"]) < users
        or tpot(model, customer, hw, -(-users // devices)) > customer["max_tpot_s"]
    ):
        devices += 1
    batch = -(-users // devices)
    return changed(
        model,
        customer,
        hw,
        devices=lambda *_: devices,
        batch=lambda *_: batch,
        tpot_s=lambda *_: tpot(model, customer, hw, batch),
        dollars_per_hour=lambda *_: devices * hw["dollars_per_hour"],
    )


def offers(candidates, customer, hw):
    """(candidate, plan) of all that are good enough and can be deployed."""
    found = [(c, deploy(c, customer, hw)) for c in candidates if c["quality"] >= customer["min_quality"]]
    return [(c, plan) for c, plan in found if plan is not None]


def least(candidates, customer, hw, key):
    found = offers(candidates, customer, hw)
    return min(found, key=lambda offer: key(*offer))[0]["name"] if found else None


@replaces("pick")
def best_first(candidates, customer, hw):
    """You took the best that can be deployed, whatever it costs. Good enough is a limit: what decides among those that
    reach it?"""
    return least(candidates, customer, hw, lambda c, plan: (-c["quality"], plan["dollars_per_hour"]))


@replaces("pick")
def cheapest_alone(candidates, customer, hw):
    """Of several at the same price you took any. A quality that costs nothing is worth taking."""
    return least(candidates, customer, hw, lambda c, plan: plan["dollars_per_hour"])


@replaces("pick")
def quickest_first(candidates, customer, hw):
    """You took the one with the quickest step. Quick enough is a limit too; below it the price decides."""
    return least(candidates, customer, hw, lambda c, plan: plan["tpot_s"])


@replaces("pick")
def worst_of_equals(candidates, customer, hw):
    """Of several at the same price you took the one of the lowest quality. In a sorted tuple the smaller number comes
    first: what does a sign do?"""
    return least(candidates, customer, hw, lambda c, plan: (plan["dollars_per_hour"], c["quality"]))


@replaces("pick")
def most_for_a_dollar(candidates, customer, hw):
    """You took the one with the most quality for a dollar. Good enough is a limit: above it the price decides, and
    quality only between equal prices."""
    return least(candidates, customer, hw, lambda c, plan: -c["quality"] / plan["dollars_per_hour"])


@replaces("pick")
def fewest_params(candidates, customer, hw):
    """You took the smallest model for the cheapest. A mixture with more weights may serve more users on a device:
    compare dollars."""
    return least(candidates, customer, hw, lambda c, plan: (c["shared_params"], -c["quality"]))


@replaces("pick")
def quality_ignored(candidates, customer, hw):
    """You never asked whether a candidate is good enough. Below min_quality the price does not matter."""
    return pick(candidates, {**customer, "min_quality": float("-inf")}, hw)


@replaces("pick")
def better_than_the_bar(candidates, customer, hw):
    """You dropped a candidate whose quality is exactly min_quality. "At least" allows what is equal."""
    return pick([c for c in candidates if c["quality"] > customer["min_quality"]], customer, hw)


@replaces("pick")
def nobody_fits(candidates, customer, hw):
    """Where no candidate is left you ask for the smallest of nothing, and that is an error. The answer is None."""
    found = offers(candidates, customer, hw)
    return min(found, key=lambda offer: (offer[1]["dollars_per_hour"], -offer[0]["quality"]))[0]["name"]


@replaces("regimes")
def every_number(candidates, customer, hw, most_users):
    """You listed every number of users. Only those belong there at which the choice turns."""
    return [(users, pick(candidates, {**customer, "users": users}, hw)) for users in range(1, most_users + 1)]


@replaces("regimes")
def first_missing(candidates, customer, hw, most_users):
    """Your list begins where the choice turns for the first time. What is it for one user?"""
    return regimes(candidates, customer, hw, most_users)[1:]


@replaces("regimes")
def each_name_once(candidates, customer, hw, most_users):
    """You listed every name once. A choice can come back: at some number of users both need the same number of devices
    again, and the better one wins."""
    found = {}
    for users, name in regimes(candidates, customer, hw, most_users):
        found.setdefault(name, users)
    return [(users, name) for name, users in found.items()]


@replaces("regimes")
def last_of_each(candidates, customer, hw, most_users):
    """Your numbers are those up to which a choice holds. Asked for are those from which on it does."""
    found = regimes(candidates, customer, hw, most_users)
    ends = [users - 1 for users, _ in found[1:]] + [most_users]
    return [(end, name) for end, (_, name) in zip(ends, found, strict=True)]


@replaces("regimes")
def users_of_the_customer(candidates, customer, hw, most_users):
    """Where the customer has users of its own, they stay in your calls of pick, and nothing turns. Of two values for
    one key the later one wins: which users does each call need?"""
    turns = []
    for users in range(1, most_users + 1):
        name = pick(candidates, {"users": users, **customer}, hw)
        if not turns or turns[-1][1] != name:
            turns.append((users, name))
    return turns


@replaces("regimes")
def none_is_left_out(candidates, customer, hw, most_users):
    """You list only numbers of users for which there is a model. That there is none is an answer of pick, too: which
    pair does the list begin with, if no model will do for one user?"""
    turns = []
    for users in range(1, most_users + 1):
        name = pick(candidates, {**customer, "users": users}, hw)
        if name is not None and (not turns or turns[-1][1] != name):
            turns.append((users, name))
    return turns


@replaces("regimes")
def last_left_out(candidates, customer, hw, most_users):
    """Your customer stops growing one user too soon: range(1, n) ends before n."""
    return regimes(candidates, customer, hw, most_users - 1)


@replaces("largest_batch")
def step_after_the_prompt(model, customer, hw):
    """You timed the step that follows the prompt. It is the quickest one, since every new token makes the cache longer:
    which token does a user wait for longest?"""
    start = customer["prompt_tokens"]
    return counted(model, customer, hw, fits(model, hw), lambda batch, _: step(model, hw)(batch, start))
