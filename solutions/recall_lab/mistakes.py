"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from recall_lab import CopyModel, make_batch
from selective_scan import selective_scan
from ssm_convolution import causal_conv
from torch import nn

from grader.testing import replaces


class Model(CopyModel):
    """The right model under another name; each mistake gets one part of it wrong."""

    def is_lti(self):
        return hasattr(self.mixer, "kernel")


def sequences(data, places, length, vocab, spacing):
    """The sequences that hold these data at these places, or at the first ones."""
    batch, n_data = data.shape
    if spacing == "fixed":
        places = torch.arange(n_data)
    tokens = torch.full((batch, length + n_data), vocab).scatter(1, places.expand(batch, n_data), data)
    tokens[:, length:] = vocab + 1
    return tokens, data


def random_places(batch, length, n_data, generator):
    """Places as they should be drawn, but in no order."""
    return torch.rand(batch, length, generator=generator).argsort(-1)[:, :n_data]


@replaces("make_batch")
def unsorted_data(batch, length, n_data, vocab, seed, spacing="random"):
    """`data` is not in the order in which the tokens stand in the sequence, which is all a model can see. In which
    order are your places?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    return sequences(data, random_places(batch, length, n_data, generator), length, vocab, spacing)


@replaces("make_batch")
def one_drawing_of_places(batch, length, n_data, vocab, seed, spacing="random"):
    """All sequences of a batch have their data at the same places, which within a batch is fixed spacing. How often
    does your code draw places?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    places = torch.rand(length, generator=generator).argsort()[:n_data].sort().values
    return sequences(data, places, length, vocab, spacing)


@replaces("make_batch")
def places_drawn_twice(batch, length, n_data, vocab, seed, spacing="random"):
    """Two data tokens of a sequence can fall on the same place, so some sequences hold fewer than n_data. How do you
    draw numbers so that no two are equal?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    places = torch.randint(length, (batch, n_data), generator=generator).sort(-1).values
    return sequences(data, places, length, vocab, spacing)


@replaces("make_batch", given=[0, 42])
def seed_is_ignored(batch, length, n_data, vocab, seed, spacing="random", *, given):
    """Every seed gives the same batch, so `fit` would train on one batch only. What should `seed` change?"""
    return make_batch(batch, length, n_data, vocab, given, spacing)


@replaces("make_batch", drawn=[(0, -1), (1, 0), (1, 1)])
def wrong_range(batch, length, n_data, vocab, seed, spacing="random", *, drawn):
    """Your data tokens are not the numbers 0 to vocab − 1. Which numbers occur in a batch, and does randint draw its
    upper end?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(drawn[0], vocab + drawn[1], (batch, n_data), generator=generator)
    places = random_places(batch, length, n_data, generator).sort(-1).values
    return sequences(data, places, length, vocab, spacing)


@replaces("make_batch", unread=[0, 1])
def answer_in_the_input(batch, length, n_data, vocab, seed, spacing="random", *, unread):
    """The last n_data places of your input hold data, so the model reads an answer instead of remembering it. Which
    token belongs at each of these places?"""
    tokens, data = make_batch(batch, length, n_data, vocab, seed, spacing)
    tokens[:, length + unread :] = data[:, : n_data - unread]
    return tokens, data


@replaces("make_batch")
def blank_is_go(batch, length, n_data, vocab, seed, spacing="random"):
    """The numbers of the blank and of the go-token are exchanged. Which of the two is vocab, and which is
    vocab + 1?"""
    tokens, data = make_batch(batch, length, n_data, vocab, seed, spacing)
    return torch.where(tokens < vocab, tokens, 2 * vocab + 1 - tokens), data


@replaces("make_batch", blank=[-1, 0])
def other_blank(batch, length, n_data, vocab, seed, spacing="random", *, blank):
    """A blank is {blank} in your sequences. Can a model tell it from every data token, and which number does the
    docstring give to a blank?"""
    tokens, data = make_batch(batch, length, n_data, vocab, seed, spacing)
    return tokens.where(tokens != vocab, blank), data


@replaces("make_batch")
def data_at_the_end(batch, length, n_data, vocab, seed, spacing="random"):
    """With fixed spacing your data come right before the go-tokens. Which places does the docstring call fixed?"""
    tokens, data = make_batch(batch, length, n_data, vocab, seed, spacing)
    if spacing == "fixed":
        tokens[:, :length] = tokens[:, :length].roll(-n_data, 1)
    return tokens, data


@replaces("make_batch")
def without_go_tokens(batch, length, n_data, vocab, seed, spacing="random"):
    """Your sequences end after `length` places. Where does a model say the data, if no go-token follows?"""
    tokens, data = make_batch(batch, length, n_data, vocab, seed, spacing)
    return tokens[:, :length], data


@replaces("make_batch")
def one_in_each_stretch(batch, length, n_data, vocab, seed, spacing="random"):
    """Your data are spread over the sequence: two of them never come close together at its beginning. Which choices of
    n_data places does the docstring call equally likely?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    stretch = length // n_data
    places = stretch * torch.arange(n_data) + torch.randint(stretch, (batch, n_data), generator=generator)
    return sequences(data, places, length, vocab, spacing)


@replaces("make_batch")
def each_token_once(batch, length, n_data, vocab, seed, spacing="random"):
    """No data token occurs twice in one of your sequences, so the first one says what the second one is not. Can a
    token that was drawn be drawn again?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.rand(batch, vocab, generator=generator).argsort(-1)[:, :n_data]
    places = random_places(batch, length, n_data, generator).sort(-1).values
    return sequences(data, places, length, vocab, spacing)


@replaces("CopyModel")
class seeds_for_all(Model):  # noqa: N801
    """Your constructor leaves torch's own random generator changed. Whatever is drawn afterwards, anywhere in the
    program, then depends on your model. Who puts the generator back as it was?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        torch.manual_seed(seed)


@replaces("CopyModel", given=["lti", "selective"])
class one_mixer(Model):  # noqa: N801
    """Both kinds of model have the {given} mixer. What does your constructor do with the argument mixer?"""

    given: str

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(self.given, length, n_data, vocab, d_model, d_state, seed)


@replaces("CopyModel")
class circular(Model):  # noqa: N801
    """The convolution wraps around: the end of the sequence leaks into its beginning. How many steps does the full
    convolution of two signals of T steps have?"""

    def mix(self, x):
        if not self.is_lti():
            return super().mix(x)
        T = x.shape[1]
        return torch.fft.irfft(torch.fft.rfft(x.mT, T) * torch.fft.rfft(self.mixer.kernel, T), T).mT


@replaces("CopyModel", function=["silu", "tanh"])
class not_linear(Model):  # noqa: N801
    """Your "lti" mixer is not linear: twice the input does not give twice the result. What may come after the
    convolution, if the contest is to show what a linear layer can do?"""

    function: str

    def mix(self, x):
        y = super().mix(x)
        return getattr(torch.nn.functional, self.function)(y) if self.is_lti() else y


@replaces("CopyModel", ahead=[1, 3])
class sees_the_future(Model):  # noqa: N801
    """Your selective mixer sees tokens that come later. Which columns of a padded convolution belong to the places 0
    to T − 1?"""

    ahead: int

    def mix(self, x):
        if self.is_lti():
            return super().mix(x)
        return super().mix(F.pad(x[:, self.ahead :], (0, 0, 0, self.ahead)))


@replaces("CopyModel")
class mlp_head(Model):  # noqa: N801
    """Your read-out is not linear: it can decode what the convolution merely stores, and the experiment no longer
    tests the mixer. What comes between the norm and the logits?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed + 1)
            self.hidden = nn.Sequential(nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model))

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.hidden(self.norm(x[:, -self.n_data :])))


@replaces("CopyModel", early=[1, 16])
class reads_early(Model):  # noqa: N801
    """Your logits are not read at the go-tokens but earlier, where a causal model has not been asked yet. At which
    places of the sequence are the go-tokens?"""

    early: int

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.mix(x)
        first = max(self.length - self.early, 0)
        return self.head(self.norm(x[:, first : first + self.n_data]))


@replaces("CopyModel")
class every_place(Model):  # noqa: N801
    """You return logits for every token of the sequence. How many answers does each sequence have?"""

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head(self.norm(x + self.mix(x)))


@replaces("CopyModel")
class no_residual(Model):  # noqa: N801
    """Your head reads mix(x) alone. What does the statement add the mixer's result to?"""

    def forward(self, tokens):
        return self.head(self.norm(self.mix(self.embed(tokens))[:, -self.n_data :]))


@replaces("CopyModel", before=[False, True])
class norm_elsewhere(Model):  # noqa: N801
    """The sum of x and mix(x) reaches your head without being normalised. Where in the statement's formula is the
    norm?"""

    before: bool

    def forward(self, tokens):
        x = self.embed(tokens)
        mixed = self.mix(self.norm(x)) if self.before else self.mix(x)
        return self.head((x + mixed)[:, -self.n_data :])


@replaces("CopyModel")
class norm_before_residual(Model):  # noqa: N801
    """Your head reads x plus the norm of mix(x). What does the statement take the norm of?"""

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head((x + self.norm(self.mix(x)))[:, -self.n_data :])


@replaces("CopyModel")
class untrained(Model):  # noqa: N801
    """Your model is after fit what it was before: losses are computed, and no parameter changes. What follows once the
    gradients are there?"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        losses = []
        for step in range(steps):
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, seed * steps + step, spacing)
            loss = F.cross_entropy(self(tokens).flatten(0, 1), data.flatten())
            loss.backward()
            losses.append(loss.item())
        return losses


def trained(model, steps, batch, lr, spacing, seed_of):
    """Training as it should be, but for the seed of each step's batch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
    losses = []
    for step in range(steps):
        tokens, data = make_batch(batch, model.length, model.n_data, model.vocab, seed_of(step), spacing)
        loss = F.cross_entropy(model(tokens).flatten(0, 1), data.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


@replaces("CopyModel")
class one_batch(Model):  # noqa: N801
    """Every step trains on the same batch, so the model learns that batch by heart and not the task. What changes from
    step to step in your code?"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return trained(self, steps, batch, lr, spacing, lambda step: seed)


@replaces("CopyModel")
class same_batches_for_every_seed(Model):  # noqa: N801
    """fit draws the same batches whatever `seed` is, so two runs with different seeds are the same experiment. What
    decides the batch of a step?"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return trained(self, steps, batch, lr, spacing, lambda step: step)


@replaces("CopyModel", given=["random", "fixed"])
class spacing_not_passed(Model):  # noqa: N801
    """fit always trains on {given} places, whatever its `spacing` is. Which function needs to know it?"""

    given: str

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return super().fit(steps, batch, lr, seed, self.given)


@replaces("CopyModel")
class last_loss_only(Model):  # noqa: N801
    """fit returns a single loss. How does one see from it whether the model has learned anything?"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return super().fit(steps, batch, lr, seed, spacing)[-1]


@replaces("CopyModel")
class losses_are_tensors(Model):  # noqa: N801
    """fit returns tensors, and the docstring promises floats. What turns a tensor with one number into a float?"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return [torch.tensor(loss) for loss in super().fit(steps, batch, lr, seed, spacing)]


@replaces("CopyModel")
class weight_for_each_pair(Model):  # noqa: N801
    """Your "lti" mixer has a weight for each pair of places, so a sequence that comes one token later gives another
    result. In a convolution the weight depends on one number only. Which number is it?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        T = length + n_data
        if mixer == "lti":
            generator = torch.Generator().manual_seed(seed)
            self.pairs = nn.Parameter(0.1 * torch.randn(d_model, T, T, generator=generator))

    def mix(self, x):
        if not hasattr(self, "pairs"):
            return super().mix(x)
        return torch.einsum("dts,bsd->btd", self.pairs.tril(), x)


@replaces("CopyModel")
class one_kernel_for_all(Model):  # noqa: N801
    """All channels of your "lti" mixer go through the same kernel. How many kernels does the statement ask for, and
    what is the shape of K?"""

    def mix(self, x):
        if not self.is_lti():
            return super().mix(x)
        return causal_conv(x.mT, self.mixer.kernel[:1].expand(x.shape[2], -1)).mT


@replaces("CopyModel", steps=[4])
class short_kernel(Model):  # noqa: N801
    """The result of your "lti" mixer depends on the last few tokens only. How far back must a kernel reach if it is to
    stand for every linear time-invariant layer?"""

    steps: int

    def mix(self, x):
        if not self.is_lti():
            return super().mix(x)
        recent = torch.arange(self.mixer.kernel.shape[1]) < self.steps
        return causal_conv(x.mT, self.mixer.kernel * recent).mT


@replaces("CopyModel")
class channels_mixed(Model):  # noqa: N801
    """The channels of your "lti" mixer read each other. The statement has one kernel for each channel: what may a
    result of channel c depend on?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer == "lti":
            generator = torch.Generator().manual_seed(seed)
            self.between = nn.Parameter(torch.randn(d_model, d_model, generator=generator) / d_model**0.5)

    def mix(self, x):
        return super().mix(x) @ self.between.T if hasattr(self, "between") else super().mix(x)


@replaces("CopyModel")
class reshaped(Model):  # noqa: N801
    """Between (B, T, d_model) and (B, d_model, T) the numbers of your "lti" mixer stay in their order, so a row then
    holds pieces of many channels. What exchanges two axes?"""

    def mix(self, x):
        if not self.is_lti():
            return super().mix(x)
        B, T, D = x.shape
        return causal_conv(x.reshape(B, D, T), self.mixer.kernel).reshape(B, T, D)


@replaces("CopyModel")
class biased(Model):  # noqa: N801
    """Your "lti" mixer adds a bias, so mix(x + y) has it once and mix(x) + mix(y) twice. Which layers have a bias
    unless they are told otherwise?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer == "lti":
            self.bias = nn.Parameter(torch.zeros(d_model))

    def mix(self, x):
        return super().mix(x) + self.bias if hasattr(self, "bias") else super().mix(x)


def selective(mixer, x, A=None, D=None, activation=F.silu, of_raw=False, constant=False):
    """The selective mixer with one part of it changed."""
    u = activation(mixer.conv(x.mT)[..., : x.shape[1]])
    v = torch.ones_like(u.mT) if constant else u.mT
    A = -torch.exp(mixer.A_log) if A is None else A
    delta, B, C = mixer.delta(v).mT, mixer.B(v).mT, mixer.C(v).mT
    y = selective_scan(u, delta, A, B, C, delta_softplus=True)[0]
    D = mixer.D if D is None else D
    return (y + D[:, None] * (x.mT if of_raw else u)).mT


@replaces("CopyModel")
class unselective(Model):  # noqa: N801
    """Delta, B and C are the same for all tokens in your "selective" mixer, so no token decides what is kept. From
    what are those of a token computed?"""

    def mix(self, x):
        return super().mix(x) if self.is_lti() else selective(self.mixer, x, constant=True)


@replaces("CopyModel", activation=["gelu", "relu", "none"])
class other_activation(Model):  # noqa: N801
    """What the scan of your selective mixer reads is not silu of the short convolution. Which values can silu take,
    and which can yours?"""

    activation: str

    def mix(self, x):
        if self.is_lti():
            return super().mix(x)
        activation = {"gelu": F.gelu, "relu": F.relu, "none": nn.Identity()}[self.activation]
        return selective(self.mixer, x, activation=activation)


@replaces("CopyModel")
class skip_of_the_input(Model):  # noqa: N801
    """The skip of your selective mixer takes x. The scan does not read x itself: what does it read, and what does D
    multiply?"""

    def mix(self, x):
        return super().mix(x) if self.is_lti() else selective(self.mixer, x, of_raw=True)


@replaces("CopyModel", begins=[0.0, 0.1])
class skip_begins_elsewhere(Model):  # noqa: N801
    """D begins at {begins} in your new model. What does a skip with D = 1 let through, before anything is learned?"""

    begins: float

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            nn.init.constant_(self.mixer.D, self.begins)


@replaces("CopyModel")
class a_log_as_it_was(Model):  # noqa: N801
    """A of your "selective" model is −1 … −d_state, however long the model is trained. What makes a tensor one that the
    optimiser gets?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            begins = self.mixer.A_log.detach()
            del self.mixer.A_log
            self.mixer.register_buffer("A_log", begins)


@replaces("CopyModel")
class kernel_as_it_was(Model):  # noqa: N801
    """The kernel of your "lti" model is the one it was made with, however long the model is trained. What makes a
    tensor one that the optimiser gets?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer == "lti":
            kernel = self.mixer.kernel.detach()
            del self.mixer.kernel
            self.mixer.kernel = kernel


@replaces("CopyModel")
class without_skip(Model):  # noqa: N801
    """Your selective mixer has no skip: the result of a token is what the state gives back. What does the statement
    add to it?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            del self.mixer.D
            self.mixer.D = torch.zeros(d_model)


@replaces("CopyModel", d_conv=[3, 5])
class other_width(Model):  # noqa: N801
    """The convolution of your selective mixer sees {d_conv} tokens. How many does the statement ask for, the token
    itself included?"""

    d_conv: int

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                width = self.d_conv
                self.mixer.conv = nn.Conv1d(d_model, d_model, width, groups=d_model, padding=width - 1)


@replaces("CopyModel")
class full_convolution(Model):  # noqa: N801
    """The short convolution of your selective mixer mixes the channels. What makes a convolution depthwise?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self.mixer.conv = nn.Conv1d(d_model, d_model, 4, padding=3)


@replaces("CopyModel")
class steps_begin_large(Model):  # noqa: N801
    """The step sizes of your new model begin near 0.7, so it forgets a token after a few others. softplus comes after
    the bias: which bias has a small step size as its softplus?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            with torch.no_grad():
                self.mixer.delta.bias.copy_(F.softplus(self.mixer.delta.bias))


@replaces("CopyModel", of=["the numbers 1 to d_state", "zeros", "random numbers"])
class a_begins_elsewhere(Model):  # noqa: N801
    """A_log of your new model begins with {of}, and A should begin at −1 … −d_state. Which number has n as its
    exponential?"""

    of: str

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            generator = torch.Generator().manual_seed(seed)
            numbers = torch.arange(1.0, d_state + 1)
            begins = {
                "the numbers 1 to d_state": numbers,
                "zeros": 0 * numbers,
                "random numbers": torch.randn(d_model, d_state, generator=generator),
            }
            with torch.no_grad():
                self.mixer.A_log.copy_(begins[self.of])


@replaces("CopyModel")
class without_a_minus(Model):  # noqa: N801
    """The states of your new model grow from token to token. What is the sign of A, and what does exp(delta A) then do
    to a state?"""

    def mix(self, x):
        return super().mix(x) if self.is_lti() else selective(self.mixer, x, A=torch.exp(self.mixer.A_log))


@replaces("CopyModel")
class a_log_as_a(Model):  # noqa: N801
    """The first state of each channel never decays in your new model: its A is 0. How is A computed from A_log?"""

    def mix(self, x):
        return super().mix(x) if self.is_lti() else selective(self.mixer, x, A=-self.mixer.A_log)
