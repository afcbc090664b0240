"""Trains a language model that is built of your own exercises, and then breaks one part of it.

The config is `my_model.yaml` beside this file.
"""

import zlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from grader.base.errors import UsageError
from grader.course.document import Document
from grader.lab import Note, Quote, Step, Stopped
from grader.pictures import Curves, Table, smoothed

TEXT = Path(__file__).parent / "text.txt"
SECONDS = 75.0  # of CPU time for the training of a model, on which the steps are cut if they would take longer
FIRST = 12  # steps after which that is known
SLICE = 4.0  # seconds of training between two lines
SHOWN = 25  # steps of a loss that are averaged
PROMPTS = ("Alice", "The Queen")
LENGTH = 90  # tokens that the model says in the end
PARTS = {  # what can be broken
    "positions": "No positions: queries and keys are not turned.",
    "mask_offset": "No mask offset: the trained model reads its cache as if no tokens came before the new one.",
    "balance": "No balancing loss: the router may prefer whom it likes.",
    "norm": "No norm: nothing keeps the numbers of a layer in bounds.",
    "window": "A window of 4: attention sees a token and the three before it.",
}
PREDICTORS = ("transformer_params", "moe_params", "transformer_flops", "kv_cache_size")

Size = Annotated[int, Meta(ge=1, le=1024)]


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of my_model.yaml."""

    layers: Annotated[int, Meta(ge=1, le=24)]
    width: Size
    heads: Size
    kv_heads: Size
    attention: Literal["grouped_query_attention", "scaled_dot_product", "latent_attention"]
    window: Annotated[int, Meta(ge=0)]
    mixer: Literal["gated_delta_net", "mamba_block"]
    attention_every: Size
    experts_every: Annotated[int, Meta(ge=0, le=1024)]
    experts: Annotated[int, Meta(ge=2, le=64)]
    vocabulary: Annotated[int, Meta(ge=256, le=4096)]
    context: Annotated[int, Meta(ge=8, le=512)]
    steps: Annotated[int, Meta(ge=1, le=100_000)]


def run(submission, rng, setting, *, broken="none"):
    document = Document(Path(setting.config))
    config = document.convert(Config)
    require_fit(config, document)
    require_passed(config, document, setting.missing)
    broken = parts_to_break(broken, config, setting.missing)
    text = TEXT.read_text()
    yield Step(f"learning {config.vocabulary - 256} byte pairs" if config.vocabulary > 256 else "reading the text")
    read = submission.read(text, config.vocabulary)
    models = Models(submission, config, rng.seed, read["bytes_per_token"])
    if broken:
        yield from compared(models, broken)
        return
    yield from models.train("whole", config.steps)
    if not models.losses["whole"]:
        return
    yield models.curves("loss", f"Cross-entropy while training, mean of {SHOWN} steps")
    for prompt in PROMPTS:
        yield models.speech("whole", prompt, f"What it says after '{prompt}'")
    yield learned(models, text)
    yield page(submission, config)
    yield from differences(config)
    used = {*PREDICTORS, *(exercise for exercises in needs(config).values() for exercise in exercises)}
    if not_yours := [exercise for exercise in setting.references if exercise in used]:
        yield Quote("Not yours, but the reference of", ", ".join(not_yours))


# ---------------------------------------------------------------- the config


def require_fit(config, document):
    """Raise UsageError, with file and line, if sizes do not fit together."""
    c = config
    head = c.width // c.heads
    for key, fits, sentence in (
        ("heads", c.width % c.heads == 0, f"{c.heads} heads do not divide the width {c.width}"),
        ("heads", head % 2 == 0, f"a head of {head} numbers has no pairs to turn; its width must be even"),
        ("kv_heads", c.heads % c.kv_heads == 0, f"{c.kv_heads} kv_heads do not divide {c.heads} heads"),
        (
            "kv_heads",
            c.attention[0] != "s" or c.kv_heads == c.heads,
            "scaled_dot_product has as many kv_heads as heads",
        ),
        ("attention", head >= 4 or c.attention[0] != "l", "latent_attention needs heads of 4 numbers or more"),
        ("window", not c.window or c.attention[0] != "l", "latent_attention has no window"),
        ("attention_every", c.attention_every <= c.layers, f"there are only {c.layers} layers"),
        ("experts_every", c.experts_every <= c.layers, f"there are only {c.layers} layers"),
    ):
        if not fits:
            raise document.error((key,), f"{sentence}.")


def needs(config):
    """The exercises that each key of a config needs."""
    c = config
    attention = [c.attention]
    if c.attention != "latent_attention":
        attention += ["rope", "sliding_window" if c.window else "causal_mask"]
    return {
        "layers": ["decoder_block"],
        "attention": attention,
        "mixer": [c.mixer] if c.attention_every > 1 else [],
        "attention_every": ["hybrid_layout"] if c.attention_every > 1 else [],
        "experts_every": ["hybrid_layout"] if c.experts_every > 1 else [],
        "experts": ["moe_layer", "load_balancing_loss"] if c.experts_every else [],
        "vocabulary": ["byte_pair_encoding"] if c.vocabulary > 256 else [],
        "steps": ["sampling"],
    }


def require_passed(config, document, missing):
    """Raise UsageError at the line of a part whose exercise has not passed."""
    for key, exercises in needs(config).items():
        for exercise in exercises:
            if exercise in missing:
                raise document.error(
                    (key,),
                    f"'{key}' needs {exercise}, which has not passed: grade exercise {exercise}, change the line, "
                    "or add --with-reference.",
                )


def parts_to_break(name, config, missing):
    """The parts that an option names. Raise UsageError if one of them cannot be broken in this model."""
    if name == "none":
        return []
    if name not in (*PARTS, "all"):
        raise UsageError(f"--broken takes {', '.join(PARTS)} or all, not {name!r}.")
    why_not = {}
    if config.attention == "latent_attention":
        why_not |= dict.fromkeys(("mask_offset", "window"), "latent_attention makes its mask itself")
    elif "sliding_window" in missing:
        why_not["window"] = "sliding_window has not passed"
    if config.window:
        why_not["mask_offset"] = "with a window, positions say who is seen"
    if not config.experts_every:
        why_not["balance"] = "this model has no experts"
    if name in why_not:
        raise UsageError(f"--broken {name}: there is nothing to break, because {why_not[name]}.")
    return [name] if name != "all" else [part for part in PARTS if part not in why_not]


# ---------------------------------------------------------------- training


class Models:
    """The models of a run, by name, and what their training showed."""

    def __init__(self, submission, config, seed, bytes_per_token):
        self.submission, self.config, self.seed = submission, config, seed
        self.bits = 1 / (0.6931471805599453 * bytes_per_token)  # bits per byte from nats per token
        self.keys = msgspec.to_builtins(config)
        self.losses = {}
        self.copies = set()  # names of models that were not trained themselves
        self.seconds = 0.0
        self.is_stopped = False

    def train(self, name, steps, broken=""):
        """Train a model, and yield a line now and then. Ctrl-C ends the training, and the model stays."""
        losses = self.losses[name] = []
        self.submission.build(name, self.keys, broken, steps, self.seed)
        try:
            yield Step(f"training: {name}")
            used = 0.0
            while len(losses) < steps:
                new, seconds = self.submission.train(name, SLICE if losses else SLICE / 2)
                losses += new
                used += seconds
                if used / len(losses) * steps > SECONDS and len(losses) - len(new) < FIRST:
                    fewer = max(len(losses), round(SECONDS / (used / len(losses))))
                    yield Note(f"{steps} steps would take {used / len(losses) * steps:.0f} s; it trains for {fewer}")
                    steps = fewer
                    self.submission.plan(name, steps)
                said = self.submission.speak(name, PROMPTS[0], 12, self.seed)
                line = " ".join(f"{PROMPTS[0]}{said}".split())[:40]
                yield Note(f"step {len(losses):4}   loss {self.last(name):.2f}   {line}")
        except Stopped:
            self.is_stopped = True
        self.seconds += used

    def last(self, name):
        """The mean of the last losses."""
        losses = self.losses[name][-SHOWN:]
        return sum(losses) / len(losses)

    def curves(self, name, title):
        trained = {each: losses for each, losses in self.losses.items() if losses and each not in self.copies}
        lines = (smoothed(each, losses, min(SHOWN, len(losses))) for each, losses in trained.items())
        return Curves(name, title, "step", "nats per token", tuple(lines))

    def speech(self, name, prompt, title):
        said = self.submission.speak(name, prompt, LENGTH, self.seed + 1)
        return Quote(title, f"{prompt}{said} ...")


def learned(models, text):
    """How well the model predicts the text that it was trained on, and the rest of it."""
    cut = round(len(text) * 0.9)
    train, rest = text[:cut].encode(), text[cut:].encode()
    added = len(zlib.compress(train + rest, 9)) - len(zlib.compress(train, 9))
    trained, held_out = models.last("whole"), models.submission.held_out_loss("whole")
    steps = len(models.losses["whole"])
    title = f"What was learned in {steps} steps and {models.seconds:.0f} s of one core"
    rows = [
        ("the text it is trained on", [trained, trained * models.bits]),
        ("the last tenth, which it never saw", [held_out, held_out * models.bits]),
        ("zlib on the same tenth, after the rest", ["", 8 * added / len(rest)]),
    ]
    return Table(title, ("nats per token", "bits per byte"), rows)


def page(submission, config):
    """What the student's functions predicted, beside what was counted in the model."""
    keys = msgspec.to_builtins(config)
    guess, count = submission.predicted(keys), submission.counted("whole")
    by = {
        "embedding": "transformer_params",
        "attention": "moe_params",
        "dense FFN": "transformer_params",
        "experts and routers": "moe_params",
        "norms": "transformer_params",
        "mamba_block": "hybrid_layout",
    }
    extra = ("idle", "flops", "cache", "state")
    parts = [part for part in guess if part not in extra]
    rows = [row(part, guess[part], count[part], by.get(part, "")) for part in parts]
    known = [part for part in parts if guess[part] is not None]
    total = sum(count[part] for part in parts)
    if len(known) == len(parts):
        rows.append(row("whole model", sum(guess[part] for part in parts), total, ""))
    else:
        rows.append(row("predicted parts", sum(guess[part] for part in known), sum(count[part] for part in known), ""))
        rows.append(row("whole model", None, total, ""))
    if "idle" in guess:
        rows.append(row("idle for a token", guess["idle"], count["idle"], "moe_params"))
    T = config.context
    active = total - count["idle"]
    rows.append(row(f"FLOPs of {T} tokens", submission.two_nd(active, T), count["flops"], "transformer_flops"))
    if "cache" in guess:
        rows.append(row(f"cache of {T} tokens, bytes", guess["cache"], count["cache"], "kv_cache_size"))
    if "state" in guess:
        rows.append(row("states, bytes", guess["state"], count["state"], by.get(config.mixer, "")))
    return Table("Predicted by your functions, and counted in the model", ("predicted", "counted", "by"), rows)


def differences(config):
    """Why some predictions are not what was counted."""
    sentences = ["2 FLOPs for each number that a token uses leave out what attention does for each pair of tokens"]
    if config.attention_every > 1:
        sentences[0] += " and a recurrent layer for its state"
    if config.attention_every > 1 and config.mixer == "mamba_block":
        sentences.append("Jamba keeps as many columns as its convolution is wide, your block one less")
    yield Quote("Where they differ", ". ".join(sentences) + ".")


def row(name, predicted, counted, by):
    return name, ["-" if predicted is None else f"{predicted:,}", f"{counted:,}", by]


# ---------------------------------------------------------------- one part broken


def compared(models, broken):
    """Train the whole model and those with one part broken, half as long, and show both."""
    steps = max(1, models.config.steps // 2)
    yield from models.train("whole", steps)
    steps = len(models.losses["whole"])
    for part in broken:
        if models.is_stopped or not steps:
            break
        if part == "mask_offset":  # training has no cache, and goes as it went
            models.submission.copy(part, "whole", part)
            models.losses[part] = models.losses["whole"]
            models.copies.add(part)
        else:
            yield from models.train(part, steps, part)
    names = [name for name, losses in models.losses.items() if losses]
    if not names:
        return
    yield models.curves("broken", f"Cross-entropy while training, mean of {SHOWN} steps")
    yield models.speech("whole", PROMPTS[0], "The whole model")
    for part in names[1:]:
        yield models.speech(part, PROMPTS[0], PARTS[part])
    rows = []
    for name in names:
        held_out = models.submission.held_out_loss(name)
        row = [models.last(name), held_out, held_out * models.bits]
        rows.append((name, [*row, models.submission.busiest(name)] if models.config.experts_every else row))
    columns = ("training", "held out", "bits per byte", "busiest expert (1: fair)")
    yield Table("Loss of the last steps, and on the text that was held out", columns[: len(rows[0][1])], rows)
