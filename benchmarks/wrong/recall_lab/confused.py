# TRUE CAUSE: thinks as in a language model, that the answer is predicted from the position BEFORE each go-token: forward reads the
# logits at the positions length - 1 ... length + n_data - 2 in place of at the n_data go-tokens themselves. All else is right.
import torch
import torch.nn.functional as F
from selective_scan import selective_scan
from ssm_convolution import causal_conv
from torch import nn


def make_batch(batch, length, n_data, vocab, seed, spacing="random"):
    g = torch.Generator()
    g.manual_seed(seed)
    blank, go = vocab, vocab + 1
    data = torch.randint(0, vocab, (batch, n_data), generator=g)
    tokens = torch.full((batch, length + n_data), blank, dtype=torch.int64)
    for i in range(batch):
        if spacing == "random":
            where = torch.randperm(length, generator=g)[:n_data].sort()[0]
        else:
            where = torch.arange(n_data)
        tokens[i, where] = data[i]
    tokens[:, -n_data:] = go
    return tokens, data


class CopyModel(nn.Module):
    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__()
        self.kind, self.L, self.n, self.V = mixer, length, n_data, vocab
        before = torch.get_rng_state()
        torch.manual_seed(seed)
        self.embed = nn.Embedding(vocab + 2, d_model)
        self.norm = nn.RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab)
        T = length + n_data
        if mixer == "lti":
            self.K = nn.Parameter(torch.randn(d_model, T) * T**-0.5)
        else:
            self.conv_w = nn.Parameter(torch.randn(d_model, 1, 4) * 0.5)
            self.conv_b = nn.Parameter(torch.zeros(d_model))
            self.dt = nn.Linear(d_model, d_model, bias=False)
            self.dt.weight.data *= 0.1
            goal = 0.001 * 100 ** torch.rand(d_model)  # log-uniform from 0.001 to 0.1
            self.dt_bias = nn.Parameter(goal.exp().sub(1).log())
            self.BC = nn.Linear(d_model, 2 * d_state, bias=False)
            self.A_log = nn.Parameter(torch.log(torch.arange(1.0, d_state + 1)).expand(d_model, -1).clone())
            self.D = nn.Parameter(torch.ones(d_model))
        torch.set_rng_state(before)

    def mix(self, x):
        z = x.mT
        if self.kind == "lti":
            return causal_conv(z, self.K).mT
        z = F.silu(F.conv1d(F.pad(z, (3, 0)), self.conv_w, self.conv_b, groups=z.size(1)))
        B, C = self.BC(z.mT).mT.chunk(2, dim=1)
        y = selective_scan(z, self.dt(z.mT).mT, -torch.exp(self.A_log), B, C, self.D, delta_bias=self.dt_bias, delta_softplus=True)
        return y[0].mT

    def forward(self, tokens):
        h = self.embed(tokens)
        h = self.norm(h + self.mix(h))
        logits = self.head(h)
        # position t predicts what comes at t + 1
        return logits[:, self.L - 1 : self.L - 1 + self.n]

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        opt = torch.optim.Adam(self.parameters(), lr=lr)
        out = []
        for step in range(steps):
            for group in opt.param_groups:
                group["lr"] = lr * (1 - step / steps)
            x, y = make_batch(batch, self.L, self.n, self.V, seed * 1_000_003 + step, spacing)
            loss = F.cross_entropy(self(x).transpose(1, 2), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            out.append(loss.item())
        return out
