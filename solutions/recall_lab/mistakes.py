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


@replaces("make_batch")
def unsorted_data(batch, length, n_data, vocab, seed, spacing="random"):
    """The places were drawn and not sorted, so `data` is not in the order in which it stands in the sequence. The
    model sees an order; which one do you ask it for?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    places = torch.rand(batch, length, generator=generator).argsort(-1)[:, :n_data]
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    tokens = torch.full((batch, length + n_data), vocab).scatter(1, places, data)
    tokens[:, length:] = vocab + 1
    return tokens, data


@replaces("make_batch")
def one_drawing_of_places(batch, length, n_data, vocab, seed, spacing="random"):
    """All sequences of a batch have their data at the same places. Within a batch that is fixed spacing: draw the
    places for each sequence."""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    places = torch.rand(length, generator=generator).argsort()[:n_data].sort().values.expand(batch, n_data)
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    tokens = torch.full((batch, length + n_data), vocab).scatter(1, places, data)
    tokens[:, length:] = vocab + 1
    return tokens, data


@replaces("make_batch")
def places_drawn_twice(batch, length, n_data, vocab, seed, spacing="random"):
    """You draw each place without a look at the others, so two data tokens can fall on the same one: some sequences
    hold fewer than n_data. How does one draw numbers of which no two are equal?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    places = torch.randint(length, (batch, n_data), generator=generator).sort(-1).values
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    tokens = torch.full((batch, length + n_data), vocab).scatter(1, places, data)
    tokens[:, length:] = vocab + 1
    return tokens, data


@replaces("make_batch")
def seed_is_ignored(batch, length, n_data, vocab, seed, spacing="random"):
    """Every seed gives the same batch, so `fit` would train on one batch only. What should `seed` change?"""
    return make_batch(batch, length, n_data, vocab, 0, spacing)


@replaces("CopyModel")
class seeds_for_all(Model):  # noqa: N801
    """Your constructor changes torch's own random generator and leaves it so. Whatever is drawn afterwards,
    here or anywhere else in the program, goes on from your seed. Who puts the generator back as it was?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        torch.manual_seed(seed)


@replaces("CopyModel")
class lti_selective(Model):  # noqa: N801
    """The mixer of your "lti" model is a selective layer and not linear. A linear time-invariant mixer is one
    convolution and nothing else. What does your constructor do with the argument mixer?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__("selective", length, n_data, vocab, d_model, d_state, seed)


@replaces("CopyModel")
class both_lti(Model):  # noqa: N801
    """The "selective" mixer is linear: nothing in it depends on the token. Where do its delta, B and C come from?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__("lti", length, n_data, vocab, d_model, d_state, seed)


@replaces("CopyModel")
class circular(Model):  # noqa: N801
    """The convolution wraps around: the end of the sequence leaks into its beginning. How long must the FFT be for
    two signals of T steps?"""

    def mix(self, x):
        if not hasattr(self.mixer, "kernel"):
            return super().mix(x)
        T = x.shape[1]
        return torch.fft.irfft(torch.fft.rfft(x.mT, T) * torch.fft.rfft(self.mixer.kernel, T), T).mT


@replaces("CopyModel")
class silu_on_the_kernel(Model):  # noqa: N801
    """The result of the convolution goes through silu. Then the "lti" mixer is not linear any more, and the contest
    no longer shows what a linear time-invariant layer can do."""

    def mix(self, x):
        y = super().mix(x)
        return F.silu(y) if hasattr(self.mixer, "kernel") else y


@replaces("CopyModel")
class sees_the_future(Model):  # noqa: N801
    """The short convolution of the selective mixer is padded on both sides, so a token sees the next one. Which of
    its outputs belong to positions 0 to T - 1?"""

    def mix(self, x):
        return super().mix(x.roll(-1, 1)) if not hasattr(self.mixer, "kernel") else super().mix(x)


@replaces("CopyModel")
class mlp_head(Model):  # noqa: N801
    """The read-out is not linear: an MLP decodes what the convolution merely stores, and the experiment no longer
    tests the mixer."""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed + 1)
            self.hidden = nn.Sequential(nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model))

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.hidden(self.norm(x[:, -self.n_data :])))


@replaces("CopyModel")
class reads_wrong_positions(Model):  # noqa: N801
    """The logits are read at the first positions, where a causal model has seen next to nothing. Where do the
    go-tokens stand?"""

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.norm(x[:, : self.n_data]))


@replaces("CopyModel")
class no_residual(Model):  # noqa: N801
    """The read-out sees mix(x) alone. The statement adds the mixer's result to its input."""

    def forward(self, tokens):
        return self.head(self.norm(self.mix(self.embed(tokens))[:, -self.n_data :]))


@replaces("CopyModel")
class no_norm(Model):  # noqa: N801
    """The head reads x as it is. Which step stands between the sum and the head?"""

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head((x + self.mix(x))[:, -self.n_data :])


@replaces("CopyModel")
class untrained(Model):  # noqa: N801
    """The model stays as it was made: losses are computed, and no parameter changes. What follows after the
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
    """Every step trains on the same batch. What the model learns by heart there it cannot do elsewhere: which seed
    does each step's batch need?"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return trained(self, steps, batch, lr, spacing, lambda step: seed)


@replaces("CopyModel")
class same_batches_for_every_seed(Model):  # noqa: N801
    """fit draws the same batches whatever `seed` is: the number of the step alone decides. Two runs with two seeds are
    then no two experiments."""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return trained(self, steps, batch, lr, spacing, lambda step: step)


@replaces("make_batch")
def last_token_missing(batch, length, n_data, vocab, seed, spacing="random"):
    """The last data token never occurs in your batches. Is the upper end that you give to randint among the numbers it
    draws?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab - 1, (batch, n_data), generator=generator)
    places = torch.rand(batch, length, generator=generator).argsort(-1)[:, :n_data].sort(-1).values
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    tokens = torch.full((batch, length + n_data), vocab).scatter(1, places, data)
    tokens[:, length:] = vocab + 1
    return tokens, data


@replaces("make_batch")
def answer_in_the_input(batch, length, n_data, vocab, seed, spacing="random"):
    """Behind the first go-token your input holds the data themselves, so the model reads an answer before it is asked
    for the next one. What stands at each of the last n_data places?"""
    tokens, data = make_batch(batch, length, n_data, vocab, seed, spacing)
    tokens[:, length + 1 :] = data[:, :-1]
    return tokens, data


@replaces("make_batch")
def blank_is_go(batch, length, n_data, vocab, seed, spacing="random"):
    """You exchanged the numbers of the blank and of the go-token. Which of the two is vocab, and which is vocab + 1?"""
    tokens, data = make_batch(batch, length, n_data, vocab, seed, spacing)
    return torch.where(tokens < vocab, tokens, 2 * vocab + 1 - tokens), data


@replaces("CopyModel")
class weight_for_each_pair(Model):  # noqa: N801
    """Your "lti" mixer has a weight for each pair of positions, so a text that comes one token later gives another
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
class unselective(Model):  # noqa: N801
    """Delta, B and C are the same for all tokens in your "selective" mixer, so what it keeps of a token does not
    depend on the tokens between. From what are delta, B and C of a token computed?"""

    def mix(self, x):
        if hasattr(self.mixer, "kernel"):
            return super().mix(x)
        mixer, T = self.mixer, x.shape[1]
        u = F.silu(mixer.conv(x.mT)[..., :T])
        same = torch.ones_like(u.mT)
        maps = mixer.delta(same).mT, -torch.exp(mixer.A_log), mixer.B(same).mT, mixer.C(same).mT
        return selective_scan(u, *maps, mixer.D, delta_softplus=True)[0].mT


@replaces("CopyModel")
class last_columns(Model):  # noqa: N801
    """Of the padded convolution you kept the last T columns, so a token sees the three tokens after it. Which columns
    belong to the positions 0 to T − 1?"""

    def mix(self, x):
        if hasattr(self.mixer, "kernel"):
            return super().mix(x)
        mixer, T = self.mixer, x.shape[1]
        u = F.silu(mixer.conv(x.mT)[..., -T:])
        maps = mixer.delta(u.mT).mT, -torch.exp(mixer.A_log), mixer.B(u.mT).mT, mixer.C(u.mT).mT
        return selective_scan(u, *maps, mixer.D, delta_softplus=True)[0].mT


@replaces("CopyModel")
class steps_begin_large(Model):  # noqa: N801
    """Your step sizes begin near 0.7, so a new model forgets a token after a few others: you gave the bias the step
    size itself. softplus comes after the bias. Which number has that step size as its softplus?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            with torch.no_grad():
                self.mixer.delta.bias.copy_(F.softplus(self.mixer.delta.bias))


@replaces("CopyModel")
class a_log_without_log(Model):  # noqa: N801
    """A of your new model begins at −e, −e², −e³ and so on, and most of its states forget at once: you gave A_log the
    numbers 1 to d_state themselves. Which number has n as its exponential?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            with torch.no_grad():
                self.mixer.A_log.copy_(torch.arange(1.0, d_state + 1))


def selective(mixer, x, A):
    """The selective mixer with an A of one's own."""
    u = F.silu(mixer.conv(x.mT)[..., : x.shape[1]])
    delta, B, C = mixer.delta(u.mT).mT, mixer.B(u.mT).mT, mixer.C(u.mT).mT
    return selective_scan(u, delta, A, B, C, mixer.D, delta_softplus=True)[0].mT


@replaces("CopyModel")
class without_a_minus(Model):  # noqa: N801
    """A of your new model is positive, so its states grow from token to token. A = −exp(A_log): where is the
    minus?"""

    def mix(self, x):
        if hasattr(self.mixer, "kernel"):
            return super().mix(x)
        return selective(self.mixer, x, torch.exp(self.mixer.A_log))


@replaces("CopyModel")
class a_log_as_a(Model):  # noqa: N801
    """The first state of each channel never decays in your new model: you took −A_log for A, and the logarithm of 1
    is 0. What undoes the logarithm?"""

    def mix(self, x):
        if hasattr(self.mixer, "kernel"):
            return super().mix(x)
        return selective(self.mixer, x, -self.mixer.A_log)


@replaces("CopyModel")
class kernel_as_it_was(Model):  # noqa: N801
    """The kernel of your "lti" model is the one it was made with, however long it is trained: a plain tensor is no
    parameter. What makes a tensor one that the optimiser gets?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer == "lti":
            kernel = self.mixer.kernel.detach()
            del self.mixer.kernel
            self.mixer.kernel = kernel


@replaces("CopyModel")
class a_log_as_it_was(Model):  # noqa: N801
    """A of your "selective" model is −1 … −d_state, however long it is trained: a plain tensor is no parameter. What
    makes a tensor one that the optimiser gets?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            A_log = self.mixer.A_log.detach()
            del self.mixer.A_log
            self.mixer.A_log = A_log


@replaces("CopyModel")
class all_states_alike(Model):  # noqa: N801
    """All states of a channel forget equally fast in your new model, so they keep the same of a sequence. A begins at
    −1 … −d_state: which axis of A_log do these numbers stand along?"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer != "lti":
            nn.init.zeros_(self.mixer.A_log)


@replaces("CopyModel")
class spacing_not_passed(Model):  # noqa: N801
    """fit always trains on random places: spacing has no effect. Which function has to know it?"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        return super().fit(steps, batch, lr, seed)


@replaces("CopyModel")
class norm_before_residual(Model):  # noqa: N801
    """You normalised mix(x) and then added x. In the statement the norm is taken of the sum. What does the head
    read?"""

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head((x + self.norm(self.mix(x)))[:, -self.n_data :])


@replaces("make_batch")
def one_in_each_stretch(batch, length, n_data, vocab, seed, spacing="random"):
    """You cut the sequence into n_data stretches and draw one place in each, so two data tokens never stand in the same
    stretch. Which choices of n_data places does the docstring call equally likely?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    stretch = length // n_data
    places = stretch * torch.arange(n_data) + torch.randint(stretch, (batch, n_data), generator=generator)
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    tokens = torch.full((batch, length + n_data), vocab).scatter(1, places, data)
    tokens[:, length:] = vocab + 1
    return tokens, data


@replaces("make_batch")
def each_token_once(batch, length, n_data, vocab, seed, spacing="random"):
    """No data token stands twice in a sequence of yours: the first one tells what the second one is not. Does a token
    that was drawn remain among those that are drawn from?"""
    generator = torch.Generator().manual_seed(seed)
    data = torch.rand(batch, vocab, generator=generator).argsort(-1)[:, :n_data]
    places = torch.rand(batch, length, generator=generator).argsort(-1)[:, :n_data].sort(-1).values
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    tokens = torch.full((batch, length + n_data), vocab).scatter(1, places, data)
    tokens[:, length:] = vocab + 1
    return tokens, data


@replaces("CopyModel")
class reads_one_early(Model):  # noqa: N801
    """Each of your logits is read one place before its go-token, as a language model predicts the token that follows.
    Here nothing follows: at which tokens does the model say the data?"""

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.norm(x[:, -self.n_data - 1 : -1]))


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
    """Your "lti" mixer goes from (B, T, d_model) to (B, d_model, T) by a new shape, in which the numbers stay in their
    order: a row of it then holds pieces of many channels. What exchanges two axes?"""

    def mix(self, x):
        if not hasattr(self.mixer, "kernel"):
            return super().mix(x)
        B, T, D = x.shape
        return causal_conv(x.reshape(B, D, T), self.mixer.kernel).reshape(B, T, D)


@replaces("CopyModel")
class biased(Model):  # noqa: N801
    """Your "lti" mixer adds a bias, so mix(x + y) has it once and mix(x) + mix(y) twice. What may stand beside the
    kernel in a linear mixer? (nn.Conv1d has a bias unless it is told otherwise.)"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__(mixer, length, n_data, vocab, d_model, d_state, seed)
        if mixer == "lti":
            self.bias = nn.Parameter(torch.zeros(d_model))

    def mix(self, x):
        return super().mix(x) + self.bias if hasattr(self, "bias") else super().mix(x)
