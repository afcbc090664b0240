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
    """Your largest batch is the one that fits into memory. How long does a step of so many sequences take, and who
    waits for it?"""
    return max_batch(model, end_of(customer), hw["memory_bytes"])


@replaces("largest_batch")
def time_alone(model, customer, hw):
    """Your largest batch is the one whose step is quick enough. Do the caches of all those sequences fit beside the
    weights?"""
    return counted(model, customer, hw, lambda end: 5000, step(model, hw))


@replaces("largest_batch")
def step_shared(model, customer, hw):
    """Your largest batch is the one whose step, divided by the batch, is quick enough. The price of a step is shared.
    Is the wait for it shared, too?"""
    return counted(model, customer, hw, fits(model, hw), lambda batch, end: step(model, hw)(batch, end) / batch)


@replaces("largest_batch", part=["prompt_tokens", "new_tokens"])
def part_of_the_length(model, customer, hw, *, part):
    """Your sequences count with {part} alone. How long is a sequence when its last token is written, and what of it is
    still in the cache?"""
    return counted(model, customer, hw, fits(model, hw), step(model, hw), length=customer[part])


@replaces("largest_batch", off=[-1, 1])
def length_off_by_one(model, customer, hw, *, off):
    """Your sequences are one token longer or shorter than the statement counts them. What is the full length of a
    sequence?"""
    return counted(model, customer, hw, fits(model, hw), step(model, hw), length=max(1, end_of(customer) + off))


@replaces("largest_batch", of=["prompt_tokens", "new_tokens"])
def step_of_another_length(model, customer, hw, *, of):
    """Your step is timed at a length of {of}, before the sequences are done. Each new token makes the cache longer:
    for which token does a user wait longest?"""
    return counted(model, customer, hw, fits(model, hw), lambda batch, _: step(model, hw)(batch, customer[of]))


@replaces("largest_batch")
def active_stored(model, customer, hw):
    """Your memory holds the active weights only. The next token may choose other experts: which of them have to be in
    memory?"""

    def fits_beside_active(end):
        free = hw["memory_bytes"] - active_params(model) * model["bytes_per_param"]
        return max(0, int(free // cache_bytes(model, 1, end)))

    return counted(model, customer, hw, fits_beside_active, step(model, hw))


@replaces("largest_batch", size=[1, 2, 4])
def bytes_of_weights(model, customer, hw, *, size):
    """Every parameter takes {size} bytes in your count. Which key of the model says how many bytes its parameters
    take?"""

    def fits_beside(end):
        free = hw["memory_bytes"] - size * total_params(model)
        return max(0, int(free // cache_bytes(model, 1, end)))

    return counted(model, customer, hw, fits_beside, step(model, hw))


@replaces("largest_batch")
def without_weights(model, customer, hw):
    """The caches of your sequences fill the whole memory. What else is in the memory of a device?"""
    return counted(
        model, customer, hw, lambda end: int(hw["memory_bytes"] // cache_bytes(model, 1, end)), step(model, hw)
    )


@replaces("largest_batch")
def active_read(model, customer, hw):
    """A step of yours reads the experts of a single token, whatever the batch is. Do all tokens of a batch choose the
    same experts?"""

    def seconds(batch, end):
        one, more = decode_step(model, 1, end, hw), cache_bytes(model, batch - 1, end)
        return max((one["bytes"] + more) / hw["bandwidth"], batch * one["t_compute"])

    return counted(model, customer, hw, fits(model, hw), seconds)


@replaces("largest_batch", off=[-1, 1])
def one_off(model, customer, hw, *, off):
    """Your batch is not the last one that keeps both limits, but its neighbor. At which batch does your search stop,
    and is that batch still served?"""
    return max(0, largest_batch(model, customer, hw) + off)


@replaces("largest_batch")
def strictly_quicker(model, customer, hw):
    """A step that takes exactly max_tpot_s is too slow for you. What does "at most" say about equal numbers?"""
    patient = {**customer, "max_tpot_s": customer["max_tpot_s"] * (1 - 1e-12)}
    return largest_batch(model, patient, hw)


@replaces("largest_batch")
def no_exact_fit(model, customer, hw):
    """You refuse a sequence that fills the memory to its last byte. What does the statement's ≤ say about equal
    numbers?"""
    return largest_batch(model, customer, {**hw, "memory_bytes": hw["memory_bytes"] - 0.5})


@replaces("largest_batch", least=[1, -1])
def none_is_not_zero(model, customer, hw, *, least):
    """You return {least} if a device cannot serve even one sequence. How many sequences does it serve then?"""
    return largest_batch(model, customer, hw) or least


def tpot(model, customer, hw, batch):
    return decode_step(model, batch, end_of(customer), hw)["seconds"]


def on_devices(model, customer, hw, devices):
    """The plan with another number of devices, a function of the users and of the largest batch."""
    plan = deploy(model, customer, hw)
    if plan is None:
        return None
    count = devices(customer["users"], largest_batch(model, customer, hw))
    batch = -(-customer["users"] // count)
    price = count * hw["dollars_per_hour"]
    changes = {"devices": count, "batch": batch, "tpot_s": tpot(model, customer, hw, batch), "dollars_per_hour": price}
    return {**plan, **changes}


def changed(model, customer, hw, **values):
    """deploy with other values for some of its keys, each a function of the right plan and of the largest batch."""
    plan = deploy(model, customer, hw)
    if plan is None:
        return None
    largest = largest_batch(model, customer, hw)
    return {**plan, **{key: value(plan, largest) for key, value in values.items()}}


@replaces("deploy", nearest=[False, True])
def rounded_down(model, customer, hw, *, nearest):
    """You have too few devices if some users are left over after the last full one. Who serves those?"""

    def devices(users, largest):
        return max(1, (users + largest // 2 if nearest else users) // largest)

    return on_devices(model, customer, hw, devices)


@replaces("deploy")
def one_device_more(model, customer, hw):
    """If the users fill the devices exactly, one of yours stays empty. What is users / batch, rounded up, if nothing
    is left over?"""
    return on_devices(model, customer, hw, lambda users, largest: users // largest + 1)


@replaces("deploy")
def device_for_each_user(model, customer, hw):
    """You have a device for each user. How many users does one device serve at the same time?"""
    return on_devices(model, customer, hw, lambda users, largest: users)


@replaces("deploy")
def filled_up(model, customer, hw):
    """Your fullest device has as many users as it can serve, and the last device what is left. What would be the step
    of the fullest one if the users were spread evenly?"""
    return changed(
        model,
        customer,
        hw,
        batch=lambda plan, largest: min(largest, customer["users"]),
        tpot_s=lambda plan, largest: tpot(model, customer, hw, min(largest, customer["users"])),
    )


@replaces("deploy", timed=[False, True])
def always_full(model, customer, hw, *, timed):
    """Your batch is the largest that a device could serve. How many users does each device get here?"""
    values = {"batch": lambda plan, largest: largest}
    if timed:
        values["tpot_s"] = lambda plan, largest: tpot(model, customer, hw, largest)
    return changed(model, customer, hw, **values)


@replaces("deploy", timed=[False, True], nearest=[False, True])
def emptiest_device(model, customer, hw, *, timed, nearest):
    """Your batch leaves out users if they cannot be spread evenly. How many does the fullest device have?"""

    def batch(plan, largest):
        share = customer["users"] / plan["devices"]
        return round(share) if nearest else int(share)

    values = {"batch": batch}
    if timed:
        values["tpot_s"] = lambda plan, largest: tpot(model, customer, hw, batch(plan, largest))
    return changed(model, customer, hw, **values)


@replaces("deploy")
def step_of_all_users(model, customer, hw):
    """Your tpot_s is that of a step with all users in it. How many users share one device, and thus one step?"""
    return changed(model, customer, hw, tpot_s=lambda plan, largest: tpot(model, customer, hw, customer["users"]))


@replaces("deploy")
def step_of_one_user(model, customer, hw):
    """Your tpot_s is that of a single sequence. Which users are in the same step, and how long do they all wait?"""
    return changed(model, customer, hw, tpot_s=lambda plan, largest: tpot(model, customer, hw, 1))


@replaces("deploy")
def step_of_the_largest_batch(model, customer, hw):
    """Your tpot_s is that of the largest batch a device could serve. How many users are in a step here?"""
    return changed(model, customer, hw, tpot_s=lambda plan, largest: tpot(model, customer, hw, largest))


@replaces("deploy", of=["prompt_tokens", "new_tokens"])
def step_before_the_end(model, customer, hw, *, of):
    """Your tpot_s is that of a step at a length of {of}. How long is a sequence when its last token is written?"""

    def seconds(plan, _):
        return decode_step(model, plan["batch"], customer[of], hw)["seconds"]

    return changed(model, customer, hw, tpot_s=seconds)


@replaces("deploy")
def step_for_each_user(model, customer, hw):
    """Your tpot_s is a step divided by the users in it. Does anybody wait less because others wait, too?"""
    return changed(model, customer, hw, tpot_s=lambda plan, largest: plan["tpot_s"] / plan["batch"])


@replaces("deploy")
def price_of_one(model, customer, hw):
    """Your price is that of one device. What does the customer pay for all of them?"""
    return changed(model, customer, hw, dollars_per_hour=lambda plan, largest: hw["dollars_per_hour"])


@replaces("deploy")
def price_for_each_user(model, customer, hw):
    """Your price is that of one user. What does the customer pay for all devices together?"""
    return changed(
        model, customer, hw, dollars_per_hour=lambda plan, largest: plan["dollars_per_hour"] / customer["users"]
    )


@replaces("deploy", at=["the largest batch", "the batch of the plan"])
def bound_of_the_step(model, customer, hw, *, at):
    """Your limit is what a step waits for, reading or computing. The question is what stops one more sequence:
    would its cache still fit?"""
    largest = largest_batch(model, customer, hw)
    if largest == 0:
        return None

    def limit(plan, largest):
        batch = largest if at == "the largest batch" else plan["batch"]
        return "memory" if decode_step(model, batch, end_of(customer), hw)["bound"] == "memory" else "time"

    return changed(model, customer, hw, limit=limit)


@replaces("deploy")
def limit_of_the_users(model, customer, hw):
    """Your limit depends on how many users there are: where they leave a device partly empty, you say "time". At
    which batch does the docstring ask what stops the next sequence?"""

    def limit(plan, largest):
        full = plan["batch"] == max_batch(model, end_of(customer), hw["memory_bytes"])
        return "memory" if full else "time"

    return changed(model, customer, hw, limit=limit)


@replaces("deploy")
def limit_swapped(model, customer, hw):
    """Your two limits are exchanged. If one more sequence would still fit, what stops it?"""
    return changed(model, customer, hw, limit=lambda plan, _: "time" if plan["limit"] == "memory" else "memory")


@replaces("deploy", said=["memory", "time"])
def always_one_limit(model, customer, hw, *, said):
    """Your limit is "{said}" whatever stops the next sequence. How can you tell whether its cache would still fit?"""
    return changed(model, customer, hw, limit=lambda *_: said)


@replaces("deploy")
def time_first(model, customer, hw):
    """If both limits stop the next sequence, you say "time". Which of the two does the docstring ask about first?"""
    next_one = tpot(model, customer, hw, largest_batch(model, customer, hw) + 1)
    return changed(model, customer, hw, limit=lambda *_: "time" if next_one > customer["max_tpot_s"] else "memory")


@replaces("deploy")
def first_token_forgotten(model, customer, hw):
    """Your plan is the same however long it takes to read a prompt. Which limit does the customer set for the first
    token?"""
    return deploy(model, {**customer, "max_ttft_s": float("inf")}, hw)


def first_token(model, customer, hw, seconds, limit=None):
    """deploy with another time to the first token."""
    late = seconds > (customer["max_ttft_s"] if limit is None else limit)
    return None if late else deploy(model, {**customer, "max_ttft_s": float("inf")}, hw)


@replaces("deploy")
def first_token_strictly_sooner(model, customer, hw):
    """You refuse a model that reads a prompt in exactly max_ttft_s. What does "longer than" say about equal times?"""
    seconds = prefill_seconds(model, customer["prompt_tokens"], hw)
    return first_token(model, customer, hw, seconds * (1 + 1e-12))


@replaces("deploy")
def first_token_against_tpot(model, customer, hw):
    """You compare the time to read a prompt with max_tpot_s. Which limit of the customer is for the first token?"""
    seconds = prefill_seconds(model, customer["prompt_tokens"], hw)
    return first_token(model, customer, hw, seconds, customer["max_tpot_s"])


@replaces("deploy")
def first_token_by_a_step(model, customer, hw):
    """Your time to the first token is one decode_step. How many tokens have to be read before it, and which function
    says how long that takes?"""
    return first_token(model, customer, hw, tpot(model, {**customer, "new_tokens": 0}, hw, 1))


@replaces("deploy", of=["the answer", "the whole text", "the prompt and a first step"])
def first_token_of_another_text(model, customer, hw, *, of):
    """Your time to the first token is not that of the prompt alone. Which tokens are read before the first one is
    written, and how many prompts?"""
    length = {"the answer": customer["new_tokens"], "the whole text": end_of(customer)}.get(of)
    if length is not None:
        return first_token(model, customer, hw, prefill_seconds(model, length, hw))
    one_step = tpot(model, {**customer, "new_tokens": 0}, hw, 1)
    return first_token(model, customer, hw, prefill_seconds(model, customer["prompt_tokens"], hw) + one_step)


@replaces("deploy", of=["users", "batch"])
def prompts_of_several_users(model, customer, hw, *, of):
    """You read the prompts of several users before the first token. How many prompts does the docstring compare with
    max_ttft_s?"""
    plan = deploy(model, {**customer, "max_ttft_s": float("inf")}, hw)
    if plan is None:
        return None
    prompts = customer["users"] if of == "users" else plan["batch"]
    return first_token(model, customer, hw, prefill_seconds(model, prompts * customer["prompt_tokens"], hw))


@replaces("deploy")
def divides_by_zero(model, customer, hw):
    """Your code divides by a batch of 0 if a device cannot serve even one user. Would more devices help then, and what
    does the docstring return?"""
    devices = -(-customer["users"] // largest_batch(model, customer, hw))
    return deploy(model, customer, hw) if devices else None


@replaces("deploy")
def memory_pooled(model, customer, hw):
    """Your devices share one memory, which holds the weights only once, so more users seem to fit than do. What does
    each device hold before its first user comes?"""
    if deploy(model, customer, hw) is None:
        return None
    users, end, devices = customer["users"], end_of(customer), 1
    while (
        max_batch(model, end, devices * hw["memory_bytes"]) < users
        or tpot(model, customer, hw, -(-users // devices)) > customer["max_tpot_s"]
    ):
        devices += 1
    return on_devices(model, customer, hw, lambda *_: devices)


def offers(candidates, customer, hw):
    """(candidate, plan) of all that are good enough and can be deployed."""
    found = [(c, deploy(c, customer, hw)) for c in candidates if c["quality"] >= customer["min_quality"]]
    return [(c, plan) for c, plan in found if plan is not None]


def least(candidates, customer, hw, key):
    found = offers(candidates, customer, hw)
    return min(found, key=lambda offer: key(*offer))[0]["name"] if found else None


@replaces("pick")
def best_first(candidates, customer, hw):
    """You take the best that can be deployed, whatever it costs. What decides among those that are good enough?"""
    return least(candidates, customer, hw, lambda c, plan: (-c["quality"], plan["dollars_per_hour"]))


@replaces("pick", reverse=[False, True])
def cheapest_alone(candidates, customer, hw, *, reverse):
    """Of several models at the same price you take one by its place in the list. What could decide between them at no
    cost?"""
    ordered = candidates[::-1] if reverse else candidates
    return least(ordered, customer, hw, lambda c, plan: plan["dollars_per_hour"])


@replaces("pick")
def quickest_first(candidates, customer, hw):
    """You take the model with the quickest step. Is quick enough a limit or a goal, and what decides below it?"""
    return least(candidates, customer, hw, lambda c, plan: plan["tpot_s"])


@replaces("pick")
def worst_of_equals(candidates, customer, hw):
    """Of several models at the same price you take the one of the lowest quality. Which of two tuples is the smaller
    one, and what does that mean for a quality in it?"""
    return least(candidates, customer, hw, lambda c, plan: (plan["dollars_per_hour"], c["quality"]))


@replaces("pick")
def most_for_a_dollar(candidates, customer, hw):
    """You take the model with the most quality for a dollar. Above min_quality, is more quality worth more dollars to
    this customer?"""
    return least(candidates, customer, hw, lambda c, plan: -c["quality"] / plan["dollars_per_hour"])


@replaces("pick", by=["shared_params", "all"])
def fewest_params(candidates, customer, hw, *, by):
    """You take the smallest model instead of the cheapest. Can a model with more weights serve more users on a
    device?"""
    size = {"shared_params": lambda c: c["shared_params"], "all": total_params}[by]
    return least(candidates, customer, hw, lambda c, plan: (size(c), -c["quality"]))


@replaces("pick")
def quality_ignored(candidates, customer, hw):
    """You take a model that is not good enough for the customer. What does min_quality exclude?"""
    return pick(candidates, {**customer, "min_quality": float("-inf")}, hw)


@replaces("pick")
def better_than_the_bar(candidates, customer, hw):
    """You drop a candidate whose quality is exactly min_quality. What does "at least" say about equal numbers?"""
    return pick([c for c in candidates if c["quality"] > customer["min_quality"]], customer, hw)


@replaces("pick")
def nobody_fits(candidates, customer, hw):
    """Your code looks for the smallest of nothing if no candidate is left. What does the docstring return then?"""
    found = offers(candidates, customer, hw)
    return min(found, key=lambda offer: (offer[1]["dollars_per_hour"], -offer[0]["quality"]))[0]["name"]


@replaces("pick")
def candidate_instead_of_name(candidates, customer, hw):
    """You return the whole candidate. What does the docstring ask for?"""
    name = pick(candidates, customer, hw)
    return next((c for c in candidates if c["name"] == name), None)


@replaces("regimes")
def every_number(candidates, customer, hw, most_users):
    """Your list has a pair for every number of users. At which numbers does the choice change?"""
    return [(users, pick(candidates, {**customer, "users": users}, hw)) for users in range(1, most_users + 1)]


@replaces("regimes")
def first_missing(candidates, customer, hw, most_users):
    """Your list begins where the choice changes for the first time. What is the choice for one user?"""
    return regimes(candidates, customer, hw, most_users)[1:]


@replaces("regimes")
def each_name_once(candidates, customer, hw, most_users):
    """Your list has every name once. Can a choice come back, when both models need the same number of devices
    again?"""
    found = {}
    for users, name in regimes(candidates, customer, hw, most_users):
        found.setdefault(name, users)
    return [(users, name) for name, users in found.items()]


@replaces("regimes")
def last_of_each(candidates, customer, hw, most_users):
    """Your numbers are the last for which a choice holds. Which number of users does the docstring pair with a
    name?"""
    found = regimes(candidates, customer, hw, most_users)
    ends = [users - 1 for users, _ in found[1:]] + [most_users]
    return [(end, name) for end, (_, name) in zip(ends, found, strict=True)]


@replaces("regimes")
def last_before_the_change(candidates, customer, hw, most_users):
    """Your pairs name the last number of users before each change, with the name that follows. For which number of
    users does pick first say that name?"""
    found = regimes(candidates, customer, hw, most_users)
    return found[:1] + [(users - 1, name) for users, name in found[1:]]


@replaces("regimes")
def name_before_the_change(candidates, customer, hw, most_users):
    """After the first pair you name the choice that ends at each change. Which name does pick say from that number of
    users on?"""
    found = regimes(candidates, customer, hw, most_users)
    return found[:1] + [(users, name) for (users, _), (_, name) in zip(found[1:], found, strict=False)]


@replaces("regimes")
def counts_from_zero(candidates, customer, hw, most_users):
    """The first number of users in your list is 0. With how many users does the customer begin?"""
    found = regimes(candidates, customer, hw, most_users)
    return [(0, found[0][1]), *found[1:]]


@replaces("regimes")
def users_of_the_customer(candidates, customer, hw, most_users):
    """If the customer has users of its own, they stay in your calls of pick, and the choice never changes. Of two
    values for one key, which one wins?"""
    turns = []
    for users in range(1, most_users + 1):
        name = pick(candidates, {"users": users, **customer}, hw)
        if not turns or turns[-1][1] != name:
            turns.append((users, name))
    return turns


@replaces("regimes")
def none_is_left_out(candidates, customer, hw, most_users):
    """Your list leaves out the numbers of users for which there is no model. What does pick say there, and what is
    the first pair if no model will do for one user?"""
    found = regimes(candidates, customer, hw, most_users)
    return [(users, name) for users, name in found if name is not None]


@replaces("regimes", off=[-1, 1])
def ends_elsewhere(candidates, customer, hw, most_users, *, off):
    """Your list does not end with most_users. For which number of users does your code ask pick last?"""
    return regimes(candidates, customer, hw, most_users + off)
