"""The numbers that quizzes hold for right, computed in another way: counted, simulated, run, or built with torch."""

import cmath
import contextlib
import io
import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn

from grader.course import load_lessons
from grader.course.lesson.files import quiz_path
from grader.quiz.draw import draw_question, draws, with_values
from grader.quiz.load import load_quiz
from grader.quiz.model import Numeric, Question, Single
from grader.quiz.score import mark
from tests.paths import ROOT

COURSE = load_lessons(ROOT)
QUESTIONS: dict[str, Question] = {
    f"{lesson.slug}/{question.id}": question
    for lesson in COURSE.lessons
    if quiz_path(COURSE, lesson).is_file()
    for question in load_quiz(quiz_path(COURSE, lesson)).questions
}
MOST_DRAWS = 60  # of one question that are computed again, spread over all of them
GIB = 2**30


def count(*modules: nn.Module) -> int:
    """Their parameters."""
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def bert_layer(config: str, D: int, H: int, F: int) -> int:
    with torch.device("meta"):
        return count(nn.TransformerEncoderLayer(D, H, F))


def weighted(exponentials: Sequence[float], values: Sequence[float], keep: int) -> float:
    """Return the average of the values under a softmax over the first `keep` keys."""
    scores = torch.tensor(exponentials, dtype=torch.float64).log()
    hidden = scores.masked_fill(torch.arange(len(scores)) >= keep, -math.inf)
    return float(hidden.softmax(0) @ torch.tensor(values, dtype=torch.float64))


def spread(K: int) -> float:
    """Return the standard deviation of a sum of K independent products of two numbers that are -1 or 1."""
    return math.sqrt(sum(math.comb(K, i) * (2 * i - K) ** 2 for i in range(K + 1)) / 2**K)


def balance_loss(f: float, p: float) -> float:
    tokens = 1000
    counts = torch.tensor([round(f * tokens), tokens - round(f * tokens)], dtype=torch.float64) / tokens
    return float(2 * counts @ torch.tensor([p, 1 - p], dtype=torch.float64))


def experts_hit(config: str, experts: int, k: int, tokens: int) -> float:
    """Return the chance of each expert to be missed by all tokens, by counting choices."""
    missed = Fraction(math.comb(experts - 1, k), math.comb(experts, k)) ** tokens
    return float(experts * (1 - missed))


def moe_difference(layers: int, experts: int, k: int, width: int, hidden: int) -> int:
    with torch.device("meta"):
        expert = nn.ModuleList([nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False),
                                nn.Linear(hidden, width, bias=False)])  # fmt: skip
    return layers * sum(count(expert) for _ in range(experts)) - layers * sum(count(expert) for _ in range(k))


def times_as_fast(T: int) -> float:
    """Bytes that a step reads, with 32 and with 4 layers of 8 heads of 128."""
    whole, hybrid = (16e9 + cache(layers, 8, 128, T) for layers in (32, 4))
    return whole / hybrid


def sharpest_weight() -> float:
    """Over many directions of a query."""
    angles = torch.linspace(0, math.pi / 2, 1001, dtype=torch.float64)
    weights = torch.stack([angles.cos(), angles.sin()], 1) @ torch.tensor([[1.0, 4], [4, 1]], dtype=torch.float64).T
    return float((weights[:, 0] / weights.sum(1)).max())


def attention_weights(H: int, G: int, K: int) -> int:
    D = H * K
    with torch.device("meta"):
        projections = [nn.Linear(D, H * K, bias=False), nn.Linear(D, G * K, bias=False),
                       nn.Linear(D, G * K, bias=False), nn.Linear(H * K, D, bias=False)]  # fmt: skip
    return count(*projections)


def cache(layers: int, heads: int, width: int, tokens: int) -> int:
    """Bytes of the keys and values of one sequence in 16 bit."""
    kv = torch.empty(2, layers, heads, tokens, width, dtype=torch.bfloat16, device="meta")
    return kv.numel() * kv.element_size()


def sequences(config: str, L: int, H: int, G: int, K: int, free: float, tokens: int) -> int:
    fit = 0
    while (fit + 1) * cache(L, G, K, tokens) <= free * GIB:
        fit += 1
    return fit


def kv_head(H: int, G: int, h: int) -> int:
    return int(torch.arange(G).repeat_interleave(H // G)[h])


def perplexity() -> float:
    """Of 8 tokens: half of the right ones have the probability 1/2, half 1/8."""
    logits = torch.tensor([[1.0, 1, 0], [1, 3.5, 3.5]] * 4, dtype=torch.float64).log()
    return float(nn.functional.cross_entropy(logits, torch.zeros(8, dtype=torch.long)).exp())


def turned_by_hand(config: str, c: float, other: float) -> float:
    """With complex numbers; `config` names the positions of query and key."""
    m, n = (int(word) for word in config.split() if word.isdecimal())
    return (cmath.rect(1, math.radians(30 * m)) * cmath.rect(1, math.radians(30 * n)).conjugate()).real


def llama_layer(config: str, D: int, F: int) -> int:
    with torch.device("meta"):
        attention = [nn.Linear(D, D, bias=False) for _ in range(4)]
        network = [nn.Linear(D, F, bias=False), nn.Linear(D, F, bias=False), nn.Linear(F, D, bias=False)]
        return count(*attention, *network, nn.RMSNorm(D), nn.RMSNorm(D))


def tokens_of_a_pass(a: float, G: int) -> float:
    """Over all ways in which the drafts can be accepted or not, each with its probability."""
    mean = 0.0
    for kept in itertools.product([True, False], repeat=G):
        tokens = [*kept, False].index(False) + 1
        mean += tokens * math.prod(a if each else 1 - a for each in kept)
    return mean


def drawn_anew(p0: Fraction, q0: Fraction) -> float:
    """Token 0 of two, after a draft from q, where a rejected one is replaced from p."""
    kept = [q * min(Fraction(1), p / q) for p, q in ((p0, q0), (1 - p0, 1 - q0))]
    return float(kept[0] + (1 - sum(kept)) * p0)


def zero_order_hold(a: float, dt: float) -> float:
    """Integrate the state over dt with constant input 1, by small steps of Heun's method."""
    h, steps = 0.0, 20_000
    step = dt / steps
    for _ in range(steps):
        slope = 1 - a * h
        h += step * (slope + 1 - a * (h + step * slope)) / 2
    return h


def half_life(lam: float, dt: float) -> float:
    return math.log(0.5, math.exp(-lam * dt))


def crossover(N: int, G: int) -> int:
    state = 8192 * N + 8192 * 4
    return next(T for T in itertools.count(1) if state < 2 * G * 128 * T)


def clip_loss(B: int) -> float:
    """Of one row: all rows and columns are equal."""
    logits = torch.full((1, B), 7.0, dtype=torch.float64)
    return float(nn.functional.cross_entropy(logits, torch.tensor([3])))


def vit_tokens(side: int, P: int) -> int:
    convolution = nn.Conv2d(1, 1, P, stride=P, device="meta")
    patches: torch.Tensor = convolution(torch.empty(1, 1, side, side, device="meta"))
    return patches.numel() + 1


def from_noise(ab: float, x: float, eps: float) -> float:
    """By bisection: which x_0 gives this pixel."""
    low, high = -20.0, 20.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if math.sqrt(ab) * middle + math.sqrt(1 - ab) * eps > x else (middle, high)
    return low


def selective_step() -> float:
    h, dt, u = 6.0, 2.0, 3.0
    h = math.pow(2.0, -dt) * h + dt * u
    return h + 0.5 * u


def delta_step(d: float, b: float, v: float) -> float:
    """By the matrix I - β k kᵀ."""
    k = torch.tensor([0.6, 0.8], dtype=torch.float64)
    S = d * torch.tensor([8.0, 4.0], dtype=torch.float64)
    S = (torch.eye(2, dtype=torch.float64) - b * torch.outer(k, k)) @ S + b * v * k
    return float(k @ S)


def from_velocity(t: float, x: float, v: float) -> float:
    """Two equations, for the point and for the velocity, with two unknowns."""
    matrix = torch.tensor([[1 - t, t], [-1, 1]], dtype=torch.float64)
    return float(torch.linalg.solve(matrix, torch.tensor([x, v], dtype=torch.float64))[0])


def joined_channels(config: str, b: int, c: int, d: int, e: int) -> int:
    image, skip = torch.empty(1, e, 4, 4, device="meta"), torch.empty(1, d, 8, 8, device="meta")
    return torch.cat([nn.functional.interpolate(image, scale_factor=2), skip], dim=1).shape[1]


def dropped_choices(first: int, second: int) -> int:
    room = [math.ceil(64 * 2 * 1.25 / 4)] * 4
    dropped = 0
    for expert in [0] * first + [1] * second + [2] * 20 + [3] * (128 - first - second - 20):
        if room[expert]:
            room[expert] -= 1
        else:
            dropped += 1
    return dropped


def copies_in_a_batch(n: int) -> float:
    """16 pairs, each n times, by a perfect network."""
    logits = 100 * torch.eye(16, dtype=torch.float64).repeat(n, n)
    return float(nn.functional.cross_entropy(logits, torch.arange(16 * n)))


def one_step_before(config: str, a: float, ra: float, b: float, rb: float, x: float, x0: float) -> float:
    """Two normal distributions multiplied, each with the weight of its precision."""
    first, second = 1 / (1 - a), rb**2 / b
    return (first * ra * x0 + second * x / rb) / (first + second)


def latent_tokens(f: int, P: int, side: int) -> int:
    latent = nn.Conv2d(1, 4, f, stride=f, device="meta")(torch.empty(1, 1, side, side, device="meta"))
    patches: torch.Tensor = nn.Conv2d(4, 1, P, stride=P, device="meta")(latent)
    return patches.numel()


def rows_in_blocks(a: int, b: int) -> int:
    """Of segments of a, b, 0 and 16 rows, each cut into blocks of 16."""
    rows = [block.new_empty(16) for n in (a, b, 0, 16) for block in torch.empty(n).split(16) if len(block)]
    return len(torch.cat(rows))


def mean_of_slopes(f: float) -> float:
    """By bisection: the c at which the mean of the slopes at both ends of a tenth leads from 4."""
    low, high = -20.0, 20.0
    for _ in range(200):
        c = (low + high) / 2
        reached = 4 + ((f - 4) + (f - c)) / 2 / 10
        low, high = (c, high) if reached > c else (low, c)
    return low


def mamba_2_projection(G: int) -> int:
    E = 2 * 2560
    with torch.device("meta"):
        rows = [
            torch.empty(E),
            torch.empty(E),
            torch.empty(G, 128),
            torch.empty(G, 128),
            torch.empty(E).view(-1, 64)[:, 0],
        ]
    return sum(part.numel() for part in rows)


def small_mixture(k: int) -> int:
    """Count the parameters that a token uses of 2 layers with V = 100, D = 8, 2 query heads, 1 of keys, K = 4."""

    def linear(n_in: int, n_out: int) -> nn.Module:
        return nn.Linear(n_in, n_out, bias=False)

    def layer() -> list[nn.Module]:
        attention = [linear(8, 8), linear(8, 4), linear(8, 4), linear(8, 8)]
        experts = [linear(*sizes) for _ in range(k) for sizes in ((8, 16), (8, 16), (16, 8))]
        return [nn.RMSNorm(8), nn.RMSNorm(8), *attention, linear(8, 4), *experts]

    return count(nn.Embedding(100, 8), *layer(), *layer(), nn.RMSNorm(8), linear(8, 100))


def mixture_crossover(config: str, total: float, active: float, bandwidth: float) -> int:
    """Return the first batch whose arithmetic takes longer than reading all 16-bit weights."""
    reading = 2 * total / (bandwidth * 1000)
    return next(batch for batch in itertools.count(1) if batch * 2 * active / 990_000 > reading)


def second_gradient(g: float) -> float:
    scores = torch.tensor([0.0, math.log(3)], dtype=torch.float64, requires_grad=True)
    (scores.softmax(0) @ torch.tensor([4.0, 8.0], dtype=torch.float64) * g).backward()
    assert scores.grad is not None
    return scores.grad[1].item()


def growth_of_the_best_size(config: str, alpha: float, beta: float, factor: float) -> float:
    """Search the best sizes of two budgets, for a law whose size and token terms are 1 at 1."""

    def best(budget: float) -> float:
        sizes = torch.logspace(-2, 8, 100_001, dtype=torch.float64)
        return sizes[(sizes**-alpha + (budget / sizes) ** -beta).argmin()].item()

    return best(100 * factor) / best(100)


def tokens_of(word: str, joined: list[str]) -> int:
    """Count what is left of a word when each pair that makes one of these tokens is joined, in their order."""
    tokens = list(word)
    for token in joined:
        for place in range(len(tokens) - 1, 0, -1):
            if tokens[place - 1] + tokens[place] == token:
                tokens[place - 1 : place + 1] = [token]
    return len(tokens)


KEYS: dict[str, Callable[..., float]] = {
    "transformer-variants/prefix-pairs": lambda T, P: sum(j <= i or j < P for i in range(T) for j in range(T)),
    "transformer-variants/bert-layer-parameters": bert_layer,
    "transformer-variants/exponentials-under-a-mask": lambda: weighted([1, 3, 4], [2, 6, 9], keep=2),
    "transformer-variants/spread-of-the-scores": lambda: spread(256) / spread(64),
    "transformer-variants/norm-by-hand": lambda: nn.LayerNorm(3, eps=0)(torch.tensor([1.0, 4.0, 7.0]))[2].item(),
    "decoder-only/tokens-of-a-new-word": lambda config, n, left: tokens_of(config, ["es", "est", "lo", "low"]),
    "decoder-only/loss-terms-per-batch": lambda B, T: torch.empty(B, T, device="meta")[:, 1:].numel(),
    "decoder-only/chunk-mask-pairs": lambda old, new: int(torch.ones(new, old + new).tril(old).sum()),
    "decoder-only/tokens-of-a-drafted-pass": tokens_of_a_pass,
    "decoder-only/rejected-draft-drawn-anew": lambda: drawn_anew(Fraction(1, 2), Fraction(4, 5)),
    "decoder-only/perplexity-of-two-kinds-of-places": perplexity,
    "decoder-only/rotation-by-hand": turned_by_hand,
    "decoder-only/parameters-of-a-llama-layer": llama_layer,
    "decoder-only/temperature-by-hand": lambda: (torch.tensor([6.0, 3, 1]).log() / 0.5).softmax(0)[0].item(),
    "decoder-only/two-blanks-at-once": lambda: sum(
        0.25 for first, second in itertools.product(("calm sea", "open boat"), repeat=2) if first != second
    ),
    "mixture-of-experts/top-two-weight": lambda first, second: torch.tensor([first, second]).softmax(0)[0].item(),
    "mixture-of-experts/balance-loss-two": balance_loss,
    "mixture-of-experts/z-loss-value": lambda logit, experts: math.log(experts * math.exp(logit)) ** 2,
    "mixture-of-experts/padding-in-the-mean": lambda real, busy: float((torch.arange(real) < busy).float().mean()),
    "mixture-of-experts/dropped-from-loads": dropped_choices,
    "mixture-of-experts/bias-after-steps": lambda over, under: sum([-0.001] * over + [0.001] * under),
    "mixture-of-experts/capacity-slots": lambda tokens, experts, k, factor: (
        -(-Fraction(factor) * tokens * k // experts)
    ),
    "mixture-of-experts/rows-in-blocks": rows_in_blocks,
    "mixture-of-experts/vectors-between-machines": lambda nodes, width: sum([width * 1 + width * 2] * nodes),
    "moe-in-practice/total-minus-active": moe_difference,
    "moe-in-practice/experts-hit": experts_hit,
    "moe-in-practice/count-a-small-mixture": small_mixture,
    "moe-in-practice/attention-from-a-config": lambda config, D, H, G, K: count(
        *(nn.Linear(D, heads * K, bias=False, device="meta") for heads in (H, G, G, H))
    ),
    "moe-in-practice/choices-after-the-cut": lambda E, m: sum(1 for _ in itertools.combinations(range(E * m), 2 * m)),
    "moe-in-practice/crossover-of-a-mixture": mixture_crossover,
    "moe-in-practice/busiest-card": lambda hot: hot / torch.tensor([hot, 10.0, 12.0, 12.0]).mean().item(),
    "moe-in-practice/expert-traffic": lambda config, D, k: 2 * k * torch.empty(D, dtype=torch.bfloat16).nbytes,
    "dense-vs-sparse/combinations-after-cutting": lambda: len(list(itertools.combinations(range(16), 4))),
    "dense-vs-sparse/router-flops": lambda L, D, E: L * sum(2 * D for _ in range(E)),
    "dense-vs-sparse/twin-width": lambda F, k, shared, E: len(torch.cat([torch.empty(F)] * (k + shared))),
    "grouped-query-attention/weights-of-a-layer": attention_weights,
    "grouped-query-attention/which-kv-head": kv_head,
    "grouped-query-attention/cache-bytes": lambda config, L, H, G, K, tokens: cache(L, G, K, tokens),
    "grouped-query-attention/sequences-that-fit": sequences,
    "grouped-query-attention/falcon-config": lambda: cache(24, 1, 3072 // 48, 1),
    "grouped-query-attention/cache-of-latents": lambda L, H, C, R: L * torch.empty(C + R, dtype=torch.bfloat16).nbytes,
    "grouped-query-attention/tokens-of-a-mixed-stack": lambda L, p, W, S: sum(
        S if layer % p == 0 else min(W, S) for layer in range(1, L + 1)
    ),
    "grouped-query-attention/output-with-a-sink": lambda a, n, v: weighted([1] * n + [a], [v] * n + [0], keep=n + 1),
    "grouped-query-attention/two-halves-of-a-cache": lambda first, second, one, two: weighted(
        [one, two], [first, second], keep=2
    ),
    "grouped-query-attention/tables-of-all-heads": lambda H, B, T: torch.empty(B, H, T, T, device="meta").numel(),
    "grouped-query-attention/induction-score-by-hand": lambda: (
        torch.tensor([[0.2, 0.6, 0.1, 0.1, 0, 0], [0.1, 0, 0.8, 0, 0.1, 0], [0, 0.1, 0.3, 0.4, 0.2, 0]])
        .diagonal(1)
        .mean()
        .item()
    ),
    "grouped-query-attention/mean-of-a-group": lambda: (
        torch.tensor([1.0, 2, 6, 3, 5, 10]).view(2, 3, 1).mean(1)[0].item()
    ),
    "grouped-query-attention/rebuild-or-absorb": lambda S: next(
        queries
        for queries in itertools.count(1)
        if S * 512 * 256 + S * 320 * queries < (512 * 256 + S * 1088) * queries
    ),
    "grouped-query-attention/slot-and-victim": lambda W, m: next(n for n in range(m - 1, -1, -1) if n % W == m % W),
    "grouped-query-attention/gradient-of-one-score": second_gradient,
    "state-space-models/zoh-input-factor": zero_order_hold,
    "state-space-models/one-selective-step": selective_step,
    "state-space-models/half-life": half_life,
    "state-space-models/decode-state-bytes": lambda config, layers, width: sum(
        torch.empty(2 * width, each, dtype=torch.float16, device="meta").numel() * 2 for each in (16, 4) * layers
    ),
    "state-space-models/tenth-sample": mean_of_slopes,
    "state-space-models/rows-of-in-proj": mamba_2_projection,
    "hybrid-architectures/kv-cache-of-a-hybrid": lambda layers, tokens: cache(
        len([i for i in range(layers) if i % 8 == 4]), 8, 128, tokens
    ),
    "hybrid-architectures/crossover": crossover,
    "hybrid-architectures/how-many-times-faster": times_as_fast,
    "hybrid-architectures/largest-weight-in-jamba": lambda a, b: weighted([a, b, 1, 1], [1, 0, 0, 0], keep=4),
    "hybrid-architectures/sharpest-possible-weight": sharpest_weight,
    "hybrid-architectures/linear-attention-state": lambda: 32 * (torch.outer(*torch.ones(2, 128)).numel() + 128),
    "hybrid-architectures/one-step-of-the-delta-rule": delta_step,
    "depth-vs-width/floor-of-a-step": lambda L, o, a: sum(o + a + a for _ in range(int(L))) / 1000,
    "depth-vs-width/ceiling-of-decoding": lambda config, bw, N, b: 1 / (N * b / (bw * 1000)),
    "depth-vs-width/hops-of-an-encoder": lambda L: sum(2**layer for layer in range(int(L))),
    "depth-vs-width/hops-in-the-mirror": lambda L: 1 + sum(2**layer for layer in range(int(L) - 1)),
    "depth-vs-width/rate-of-a-wide-matrix": lambda config, rate, base, D: rate * sum(1 for _ in range(int(base))) / D,
    "depth-vs-width/layers-within-a-limit": lambda limit, o, a: next(
        layers - 1 for layers in itertools.count(1) if layers * (o + a + a) > limit * 1000
    ),
    "depth-vs-width/share-of-the-pairs": lambda D, T: 1 - 2 * 12 * D * D / (2 * 12 * D * D + 2 * 2 * D * T),
    "depth-vs-width/growth-of-the-best-size": growth_of_the_best_size,
    "depth-vs-width/devices-for-a-clinic": lambda users, c, total: next(
        n for n in itertools.count(1) if total + math.ceil(users / n) * c <= 80
    ),
    "vision-and-multimodal/tokens-of-a-vit": vit_tokens,
    "vision-and-multimodal/loss-when-all-coincide": clip_loss,
    "vision-and-multimodal/length-of-a-prompt-with-images": lambda text, n, side: text + n * (vit_tokens(side, 14) - 1),
    "vision-and-multimodal/word-behind-a-photo": lambda text, height, width: (
        1 + max(text + place for row in range(height // 28) for column in range(width // 28) for place in (row, column))
    ),
    "vision-and-multimodal/image-back-from-noise": from_noise,
    "vision-and-multimodal/picture-from-a-velocity": from_velocity,
    "vision-and-multimodal/times-for-a-larger-image": lambda side, t: torch.sigmoid(
        torch.logit(torch.tensor(t, dtype=torch.float64)) + math.log(side / 256)
    ).item(),
    "vision-and-multimodal/channels-that-meet-in-a-unet": joined_channels,
    "vision-and-multimodal/floor-of-duplicates": copies_in_a_batch,
    "vision-and-multimodal/pictures-in-a-context": lambda context, text, side: next(
        n for n in itertools.count() if text + (n + 1) * (vit_tokens(side, 14) - 1) > context
    ),
    "vision-and-multimodal/mean-of-a-step-back": one_step_before,
    "vision-and-multimodal/tokens-of-a-large-drawing": latent_tokens,
    "vision-and-multimodal/one-euler-step": lambda config, a, b, p, x: x - (x - (p * a + (1 - p) * b)),
    "vision-and-multimodal/one-guided-prediction": lambda: torch.lerp(torch.tensor(0.1), torch.tensor(0.5), 3.0).item(),
}


@pytest.mark.parametrize("name", KEYS)
def test_the_key_is_what_another_computation_gives(name: str) -> None:
    question = QUESTIONS[name]
    assert isinstance(question, Numeric)
    if not (question.parameters or question.configs):
        assert mark(draw_question(question, "", 1), written(KEYS[name]())).score == 1
        return
    every: list[dict[str, Any]] = list(draws(question))
    for values in every[:: max(len(every) // MOST_DRAWS, 1)]:
        assert mark(with_values(question, values), written(KEYS[name](**values))).score == 1, values


def written(number: float) -> str:
    """Format a number with all its digits."""
    return str(number) if isinstance(number, int) else repr(float(number))


PRINTS = [name for name, question in QUESTIONS.items() if question.code and " print" in question.question]


@pytest.mark.parametrize("name", PRINTS)
def test_code_prints_what_the_key_says(name: str) -> None:
    question = QUESTIONS[name]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(question.code or "", name, "exec"), {"__name__": name})
    printed = output.getvalue().strip()
    if isinstance(question, Single):
        (right,) = (option.text for option in question.options if option.correct)
        assert f"`{printed}`" in right
    else:
        assert mark(draw_question(question, "", 1), printed).score == 1


def test_enough_keys_are_computed_again() -> None:
    assert len(KEYS) >= 25
    assert len(PRINTS) >= 8
