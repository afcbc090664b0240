# TRUE CAUSE: believes that max_tpot_s is the time of one user's share of a step: since a step makes `batch` tokens, it
# compares seconds / batch with max_tpot_s (and reports that as tpot_s). Every user waits for the whole step.
from decode_roofline import decode_step, max_batch, prefill_seconds


def _length(customer):
    return customer["prompt_tokens"] + customer["new_tokens"]


def _seconds_per_token(model, batch, customer, hw):
    step = decode_step(model, batch, _length(customer), hw)
    return step["seconds"] / batch


def largest_batch(model, customer, hw):
    fits = max_batch(model, _length(customer), hw["memory_bytes"])
    for batch in range(fits, 0, -1):
        if _seconds_per_token(model, batch, customer, hw) <= customer["max_tpot_s"]:
            return batch
    return 0


def deploy(model, customer, hw):
    largest = largest_batch(model, customer, hw)
    too_slow = prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]
    if largest < 1 or too_slow:
        return None
    users = customer["users"]
    devices = (users + largest - 1) // largest
    fullest = (users + devices - 1) // devices
    fits = max_batch(model, _length(customer), hw["memory_bytes"])
    return dict(
        devices=devices,
        batch=fullest,
        tpot_s=_seconds_per_token(model, fullest, customer, hw),
        dollars_per_hour=devices * hw["dollars_per_hour"],
        limit="time" if largest < fits else "memory",
    )


def pick(candidates, customer, hw):
    good = [c for c in candidates if c["quality"] >= customer["min_quality"]]
    plans = [(deploy(c, customer, hw), c) for c in good]
    plans = [(plan["dollars_per_hour"], -c["quality"], c["name"]) for plan, c in plans if plan is not None]
    return min(plans)[2] if plans else None


def regimes(candidates, customer, hw, most_users):
    names = [pick(candidates, dict(customer, users=n), hw) for n in range(1, most_users + 1)]
    return [(n, name) for n, name in enumerate(names, 1) if n == 1 or name != names[n - 2]]
