"""Learns a cloud of points by diffusion and by flow matching, and draws both on their way from noise to data."""

import math
from itertools import pairwise

import torch
from torch import nn

from grader.lab import Step
from grader.pictures import Curves, Grid, Line, Matrix, Table

STEPS, BATCH = 2000, 256  # of training
T = 100  # steps of diffusion
POINTS = 1000  # that are drawn from each model
CELLS, EDGE = 11, 2.2  # of a picture: so many cells from -EDGE to EDGE
SOME = 3  # points that fill a cell
STOPS = (0, 5, 10)  # of 10 steps of drawing, those that are shown
COUNTS = (1, 2, 3, 5, 10, 20, 50)


def run(submission, rng, ddpm):
    generator = torch.Generator().manual_seed(rng.seed)
    yield Step("training: diffusion, which learns the noise")
    betas = ddpm.linear_betas(T, 1e-3, 0.2).float()
    noise_of = Network(generator)
    train(noise_of, lambda x0, noise: diffusion_loss(ddpm, betas, noise_of, x0, noise, generator), generator)
    yield Step("training: flow matching, which learns the velocity")
    velocity_of = Network(generator)
    train(velocity_of, lambda x0, noise: flow_loss(submission, velocity_of, x0, noise, generator), generator)
    noise, data = torch.randn(POINTS, 2, generator=generator), moons(POINTS, generator)

    ways = {
        "diffusion": lambda count: backwards(ddpm, betas, noise_of, noise, count),
        "flow": lambda count: along(velocity_of, noise, count),
    }
    titles = {"diffusion": "Diffusion, ten steps of DDIM", "flow": "Flow matching, ten steps of Euler"}
    for name, way in ways.items():
        clouds = way(10)
        grids = tuple(cloud(f"after {stop}", clouds[stop]) for stop in STOPS)
        yield Matrix(f"cloud-{name}", titles[name], (*grids, cloud("the data", data)))
    yield Step("drawing with fewer and with more steps")
    apart = {name: [distance(way(count)[-1], data) for count in COUNTS] for name, way in ways.items()}
    yield Curves(
        "steps",
        "Distance of the drawn cloud from the data, by the number of steps",
        "steps",
        "distance",
        tuple(Line(name, COUNTS, found) for name, found in apart.items()),
        low=0.0,
        log_x=True,
    )
    rows = [(name, [f"{each:.3f}" for each in found]) for name, found in apart.items()]
    chance = distance(moons(POINTS, generator), data)
    title = f"Energy distance from the data, by the number of steps (a second draw of the data: {chance:.3f})"
    yield Table(title, tuple(str(count) for count in COUNTS), rows)


def moons(count, generator):
    """(count, 2) points on two half circles that reach into each other, with some noise; of variance about 1."""
    angle = math.pi * torch.rand(count, generator=generator)
    side = 2 * torch.randint(2, (count,), generator=generator) - 1  # the upper one, or the lower one
    arc = torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], dim=-1) * side[:, None]
    return 1.4 * arc + 0.1 * torch.randn(count, 2, generator=generator)


class Network(nn.Module):
    """What is predicted for points (B, 2) at times (B,) from 0 to 1: (B, 2)."""

    def __init__(self, generator):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 + 8, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2))
        for parameter in self.parameters():
            bound = 1 / parameter.shape[-1] ** 0.5
            nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def forward(self, x, t):
        angle = 2 * math.pi * t[:, None] * torch.tensor([0.25, 0.5, 1.0, 2.0])
        return self.layers(torch.cat([x, angle.cos(), angle.sin()], dim=-1))


def train(network, loss_of, generator):
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        loss = loss_of(moons(BATCH, generator), torch.randn(BATCH, 2, generator=generator))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def diffusion_loss(ddpm, betas, noise_of, x0, noise, generator):
    t = torch.randint(T, (BATCH,), generator=generator)
    return (noise_of(ddpm.q_sample(x0, t, noise, betas), t / T) - noise).square().mean()


def flow_loss(submission, velocity_of, x0, noise, generator):
    t = torch.rand(BATCH, generator=generator).clamp(1e-4, 1 - 1e-4)
    xt, _ = submission.flow_pair(x0, noise, t)
    return submission.flow_loss(velocity_of(xt, t), x0, noise, t)


@torch.no_grad()
def backwards(ddpm, betas, noise_of, x, count):
    """The points before, between and after count steps of DDIM, from noise to data."""
    times = torch.linspace(T - 1, -1, count + 1).round().long().tolist()
    clouds = [x]
    for t, earlier in pairwise(times):
        now, then = torch.full((len(x),), t), torch.full((len(x),), earlier)
        x = ddpm.ddim_step(x, now, then, noise_of(x, now / T), betas)
        clouds.append(x)
    return clouds


@torch.no_grad()
def along(velocity_of, x, count):
    """The points before, between and after count steps of Euler, from time 1 to time 0."""
    times = torch.linspace(1, 0, count + 1).tolist()
    clouds = [x]
    for t, earlier in pairwise(times):
        x = x + (earlier - t) * velocity_of(x, torch.full((len(x),), t))
        clouds.append(x)
    return clouds


def cloud(title, points):
    """A picture of points: a cell is filled where there are some, with y upwards."""
    edges = torch.linspace(-EDGE, EDGE, CELLS + 1)
    counts, _ = torch.histogramdd(points, [edges, edges])  # x, y
    return Grid(title, (), (), (counts.T.flip(0) >= SOME).tolist())


def distance(found, data):
    """The energy distance of two clouds, 0 if they are one distribution: 2 E|X - Y| - E|X - X'| - E|Y - Y'|."""
    apart = [torch.cdist(a, b).mean().item() for a, b in ((found, data), (found, found), (data, data))]
    return 2 * apart[0] - apart[1] - apart[2]
