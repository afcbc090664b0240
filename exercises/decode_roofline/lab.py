"""Tokens per second, and what they cost, of a mixture of experts and of three dense models, over the batch.

All four are served by one node of eight cards, with 16-bit weights and caches and CONTEXT tokens in each sequence. The
figures are upper bounds: the node has eight times the bandwidth and the arithmetic of a card, and nothing is lost
between the cards.
"""

from grader.base.errors import UsageError
from grader.lab import Step
from grader.pictures import Curves, Line, Table

CONTEXT = 2048
CARDS = 8
HARDWARE = {  # of one card, by the data sheets of NVIDIA: dense 16-bit FLOP/s, bytes/s, bytes
    "a100": {"peak_flops": 312e12, "bandwidth": 2.039e12, "memory": 80e9},
    "h100": {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory": 80e9},
    "h200": {"peak_flops": 989e12, "bandwidth": 4.8e12, "memory": 141e9},
}
BYTES = {"bytes_per_param": 2, "kv_bytes": 2}
MIXTRAL_ATTENTION = {"attn_layers": 32, "n_heads": 32, "n_kv_heads": 8, "head_dim": 128, **BYTES}
LLAMA_ATTENTION = {"attn_layers": 80, "n_heads": 64, "n_kv_heads": 8, "head_dim": 128, **BYTES}
MIXTRAL = {
    "shared_params": 1_605_636_096,
    "n_experts": 8,
    "top_k": 2,
    "expert_params": 5_637_144_576,
    **MIXTRAL_ATTENTION,
}


def run(submission, rng, *, batch=64, card="h100"):
    if card not in HARDWARE:
        raise UsageError(f"There is no card '{card}' in this lab; --card is one of {', '.join(HARDWARE)}.")
    if batch < 1:
        raise UsageError(f"A batch has at least one sequence; --batch {batch} has none.")
    node = {name: CARDS * value for name, value in HARDWARE[card].items()}
    models = {
        "Mixtral 8x7B": MIXTRAL,
        "dense, its active size": {"shared_params": submission.active_params(MIXTRAL), **MIXTRAL_ATTENTION},
        "dense, its total size": {"shared_params": submission.total_params(MIXTRAL), **MIXTRAL_ATTENTION},
        "Llama 2 70B": {"shared_params": 68_976_648_192, **LLAMA_ATTENTION},
    }
    yield Step(f"decoding on {CARDS} {card.upper()} cards, {CONTEXT:,} tokens of context")
    most = {name: submission.max_batch(m, CONTEXT, node["memory"]) for name, m in models.items()}
    batches = {name: [b for b in (2**i for i in range(13)) if b <= most[name]] for name in models}
    speeds = {
        name: [submission.decode_step(m, b, CONTEXT, node)["tokens_per_s"] for b in batches[name]]
        for name, m in models.items()
    }
    yield Curves(
        "speed",
        "Tokens per second of all sequences together; a line ends where the memory does",
        "batch",
        "tokens/s",
        tuple(Line(name, batches[name], speeds[name]) for name in models),
        log_x=True,
        log_y=True,
    )
    yield Curves(
        "cost",
        "Card-hours for a million tokens",
        "batch",
        "card-hours",
        tuple(Line(name, batches[name], [card_hours(speed) for speed in speeds[name]]) for name in models),
        log_x=True,
        log_y=True,
    )
    rows = []
    for name, m in models.items():
        if batch > most[name]:
            rows.append((name, ["does not fit", "", "", str(most[name])]))
            continue
        step = submission.decode_step(m, batch, CONTEXT, node)
        speed = step["tokens_per_s"]
        rows.append((name, [f"{speed:,.0f}", f"{card_hours(speed):.3f}", step["bound"], f"{most[name]:,}"]))
    yield Table(f"A batch of {batch}", ("tokens/s", "card-hours per M", "waits for", "largest batch"), rows)


def card_hours(tokens_per_s):
    """The hours of one card that a million tokens take."""
    return CARDS * 1e6 / tokens_per_s / 3600
