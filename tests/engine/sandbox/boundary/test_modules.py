"""`nn.Module`s: construction, parameters, state, modes, methods, training."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call

STUDENT = '''
import torch
from torch import nn


class Attention(nn.Module):
    """The docstring."""

    causal = True

    def __init__(self, width, heads=2, bias=False):
        super().__init__()
        if width % heads:
            raise ValueError(f"{width} is no multiple of {heads} heads")
        self.num_heads = heads
        self.q_proj = nn.Linear(width, width, bias=bias)
        self.o_proj = nn.Linear(width, width, bias=bias)
        self.register_parameter("gate", None)
        self.register_buffer("positions", torch.arange(4), persistent=False)
        self.register_buffer("scale", torch.tensor(2.0))

    def forward(self, x, mask=None, *, cache=None):
        y = self.o_proj(self.q_proj(x)) * self.scale
        cache = {"x": x, "length": x.shape[1] + (cache["length"] if cache else 0)}
        return (y if mask is None else y * mask), cache

    def init_state(self, batch):
        return {"conv": torch.zeros(batch, 3), "ssm": torch.zeros(batch, self.num_heads)}

    def step(self, x, state):
        return x + state["conv"], {**state, "conv": state["conv"] + 1}

    @property
    def head_dim(self):
        return self.q_proj.out_features // self.num_heads

    @staticmethod
    def name():
        return "attention"

    @classmethod
    def small(cls, **options):
        return cls(4, **options)


class Block(nn.Module):
    def __init__(self, width=4, layers=2, twin=True):
        super().__init__()
        self.embed = nn.Embedding(10, width)
        self.blocks = nn.ModuleList(Attention(width) for _ in range(layers))
        self.norms = nn.ModuleDict({"first": nn.LayerNorm(width), "last": nn.LayerNorm(width)})
        self.mlp = nn.Sequential(nn.Linear(width, 6), nn.GELU(), nn.Dropout(0.5), nn.Linear(6, width))
        self.gains = nn.ParameterList([torch.ones(1), torch.zeros(2)])
        self.named = nn.ParameterDict({"a": nn.Parameter(torch.ones(1))})
        self.head = nn.Linear(width, 10, bias=False)
        self.head.weight = self.embed.weight
        self.twin = self.mlp if twin else None
        self.sizes = [width, layers]

    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = x + block(self.norms["first"](x))[0]
        return self.head(self.norms["last"](x + self.mlp(x)))

    def generate(self, ids, steps):
        for _ in range(steps):
            ids = torch.cat([ids, self(ids)[:, -1].argmax(-1, keepdim=True)], 1)
        return ids

    def freeze(self):
        for p in self.blocks.parameters():
            p.requires_grad_(False)

    def prune(self):
        self.blocks = self.blocks[:1]
        del self.gains

    def widen(self):
        self.extra = nn.Linear(1, 1)

    def untie(self):
        self.head.weight = nn.Parameter(self.embed.weight.detach() + 1)

    def first(self):
        return self.blocks[0]


class Regression(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.norm = nn.BatchNorm1d(2)
        self.steps = 0

    def forward(self, x):
        return self.norm(x) @ self.weight

    def fit(self, x, y, steps, lr=0.1):
        optimizer = torch.optim.SGD([self.weight], lr=lr)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = ((x @ self.weight - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            self.steps += 1
        return loss.item()

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self


class Lazy(nn.Module):
    def forward(self, x):
        if not hasattr(self, "layer"):
            self.layer = nn.Linear(x.shape[-1], 2)
        return self.layer(x)


class Low(nn.Linear):
    def __init__(self):
        super().__init__(2, 3)
        self.rank = 1


class Empty(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList()


class Shift(nn.Module):
    def __init__(self):
        super().__init__()
        self.new, self.old = nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(2))

    def step(self):
        self.old = self.new
        self.new = nn.Parameter(self.new.detach() + 1)


net = nn.Linear(2, 2)


def build(kind, *args):
    return {"attention": Attention, "block": Block}[kind](*args)


def pair():
    return [nn.Linear(1, 2), {"x": nn.Linear(2, 3)}]


def count(module):
    return sum(p.numel() for p in module.parameters())


def double_weights(module):
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(2)
'''


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def test_constructs_modules(m: Any) -> None:
    attention = m.Attention(4, heads=2, bias=True)
    assert isinstance(attention, nn.Module)
    assert isinstance(attention, m.Attention)
    assert not isinstance(attention, m.Block)
    assert type(attention).__name__ == "Attention"
    with pytest.raises(ValueError, match="5 is no multiple of 2 heads"):
        m.Attention(5)
    assert isinstance(m.build("attention", 4), m.Attention)
    assert isinstance(m.Attention.small(heads=1), nn.Module)
    assert m.Attention.name() == "attention"


def test_reads_and_sets_attributes(m: Any) -> None:
    attention = m.Attention(4)
    assert attention.num_heads == 2
    assert attention.head_dim == 2
    assert attention.causal is m.Attention.causal is True
    assert attention.gate is None
    assert attention.q_proj.bias is None
    assert attention.q_proj.in_features == 4
    assert m.Block().sizes == [4, 2]
    assert hasattr(attention, "step")
    assert not hasattr(attention, "v_proj")
    with pytest.raises(AttributeError, match="v_proj"):
        _ = attention.v_proj
    attention.num_heads = 1
    assert attention.head_dim == 4


def test_state_dict_has_the_parameters_and_buffers(m: Any) -> None:
    assert list(m.Attention(4).state_dict()) == ["scale", "q_proj.weight", "o_proj.weight"]
    state = m.Block().state_dict()
    assert list(state) == [
        "embed.weight",
        "blocks.0.scale", "blocks.0.q_proj.weight", "blocks.0.o_proj.weight",
        "blocks.1.scale", "blocks.1.q_proj.weight", "blocks.1.o_proj.weight",
        "norms.first.weight", "norms.first.bias", "norms.last.weight", "norms.last.bias",
        "mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias",
        "gains.0", "gains.1", "named.a", "head.weight",
        "twin.0.weight", "twin.0.bias", "twin.3.weight", "twin.3.bias",
    ]  # fmt: skip
    assert {name: tuple(t.shape) for name, t in state.items() if "mlp" in name} == {
        "mlp.0.weight": (6, 4),
        "mlp.0.bias": (6,),
        "mlp.3.weight": (4, 6),
        "mlp.3.bias": (4,),
    }
    assert not any(t.requires_grad for t in state.values())


def test_parameters_buffers_and_modules_have_the_same_names(m: Any) -> None:
    block = m.Block()
    assert names(block)[:3] == ["embed.weight", "blocks.0.q_proj.weight", "blocks.0.o_proj.weight"]
    assert "head.weight" not in names(block)  # tied: counted once
    assert len(list(block.parameters())) == 16
    assert [name for name, _ in block.named_buffers()][:2] == ["blocks.0.positions", "blocks.0.scale"]
    assert [name for name, _ in block.named_children()] == ["embed", "blocks", "norms", "mlp", "gains", "named", "head"]
    assert len(list(block.modules())) == 20
    assert sum(p.numel() for p in block.parameters()) == m.count(block)
    assert all(isinstance(p, nn.Parameter) for p in block.parameters())
    assert block.get_parameter("blocks.1.q_proj.weight") is block.blocks[1].q_proj.weight


def test_reads_and_sets_attributes_of_parts(m: Any) -> None:
    block = m.Block()
    assert block.head.weight is block.embed.weight
    assert block.twin is block.mlp
    assert len(block.blocks) == 2
    assert block.blocks[-1] is block.blocks[1]
    assert [b.num_heads for b in block.blocks] == [2, 2]
    assert len(block.blocks[:1]) == 1
    assert block.mlp[0].weight.shape == (6, 4)
    assert block.mlp[3].weight is block.mlp[-1].weight
    assert list(block.norms) == ["first", "last"]
    assert "last" in block.norms
    assert block.norms["first"].eps == 1e-5
    assert [p.numel() for p in block.gains] == [1, 2]
    assert block.gains[1] is block.gains[-1]
    assert block.named["a"].item() == 1.0
    assert list(block.named.keys()) == ["a"]
    assert isinstance(block.mlp, nn.Sequential)
    assert isinstance(block.mlp[2], nn.Dropout)
    assert block.mlp[2].p == 0.5
    assert [type(layer).__name__ for layer in block.mlp] == ["Linear", "GELU", "Dropout", "Linear"]
    assert sum(isinstance(module, nn.LayerNorm) for module in block.modules()) == 2
    assert isinstance(m.Low(), nn.Linear)
    assert m.Low().rank == 1


def test_parts_can_be_called(m: Any) -> None:
    block = m.Block().eval()
    x = torch.randn(2, 4)
    assert torch.equal(block.mlp[0](x), x @ block.mlp[0].weight.T + block.mlp[0].bias)
    assert torch.allclose(block.mlp(x), block.mlp[1:](block.mlp[:1](x)))
    block.mlp[0](x).sum().backward()
    assert torch.equal(block.mlp[0].bias.grad, torch.full((6,), 2.0))
    assert block.blocks[0].init_state(3)["conv"].shape == (3, 3)


def test_calls_forward_and_methods(m: Any) -> None:
    attention = m.Attention(4)
    x = torch.randn(2, 3, 4)
    y, cache = attention(x)
    expected = x @ attention.q_proj.weight.T @ attention.o_proj.weight.T * 2
    torch.testing.assert_close(y, expected)
    assert cache["length"] == 3
    masked, cache = attention(x, mask=torch.zeros(4), cache=cache)
    assert cache["length"] == 6
    assert torch.equal(masked, torch.zeros(2, 3, 4))
    torch.testing.assert_close(attention.forward(x)[0], expected)
    state = attention.init_state(2)
    for t in range(3):
        y, state = attention.step(torch.zeros(2, 3), state)
        assert torch.equal(y, torch.full((2, 3), float(t)))
    ids = m.Block().eval().generate(torch.tensor([[1, 2]]), steps=3)
    assert ids.shape == (1, 5)


def test_load_state_dict_changes_the_module(m: Any) -> None:
    torch.manual_seed(1)
    state = {name: torch.randn_like(t) for name, t in m.Attention(4).state_dict().items()}
    attention = m.Attention(4)
    result = attention.load_state_dict(state)
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    x = torch.randn(1, 2, 4)
    expected = x @ state["q_proj.weight"].T @ state["o_proj.weight"].T * state["scale"]
    torch.testing.assert_close(attention(x)[0], expected)
    torch.testing.assert_close(attention.eval().step(x[0, :, :3], {"conv": x[0, :, :3]})[0], 2 * x[0, :, :3])
    assert all(torch.equal(t, state[name]) for name, t in attention.state_dict().items())


def test_a_property_sees_a_loaded_state_dict(m: Any) -> None:
    attention = m.Attention(4)
    attention.load_state_dict({"scale": torch.tensor(5.0)}, strict=False)
    assert attention.num_heads == 2
    assert attention.scale.item() == 5.0
    assert m.count(attention) == 32


def test_load_state_dict_raises_for_wrong_keys_and_shapes(m: Any) -> None:
    attention = m.Attention(4)
    state = attention.state_dict()
    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict for Attention:\s+Missing key.*scale"):
        attention.load_state_dict({k: v for k, v in state.items() if k != "scale"})
    with pytest.raises(RuntimeError, match=r"Unexpected key.*v_proj"):
        attention.load_state_dict({**state, "v_proj.weight": torch.ones(1)})
    with pytest.raises(RuntimeError, match=r"size mismatch for q_proj\.weight"):
        attention.load_state_dict({**state, "q_proj.weight": torch.ones(1)})
    found = attention.load_state_dict({"other": torch.ones(1)}, strict=False)
    assert found.unexpected_keys == ["other"]
    assert len(found.missing_keys) == 3


def test_loads_the_state_dict_of_another_module(m: Any) -> None:
    a, b = m.Block(), m.Block()
    b.load_state_dict(a.state_dict())
    ids = torch.tensor([[1, 2, 3]])
    a.eval(), b.eval()
    assert torch.equal(a(ids), b(ids))
    b.load_state_dict({k: v + 1 for k, v in a.state_dict().items()}, assign=True)
    assert not torch.equal(a(ids), b(ids))
    with torch.no_grad():
        b.embed.weight.zero_()
        b.head.weight.zero_()
    assert torch.equal(b(ids), torch.zeros(1, 3, 10))


WAYS: dict[str, Callable[[Any], object]] = {
    "copy_": lambda p: p.copy_(torch.ones_like(p)),
    "fill_": lambda p: p.fill_(1.0),
    "zero_ and add_": lambda p: p.zero_().add_(1.0),
    "an index": lambda p: p.__setitem__(slice(None), 1.0),
    "data": lambda p: setattr(p, "data", torch.ones_like(p)),
    "data.fill_": lambda p: p.data.fill_(1.0),
    "data.mul_ and +=": lambda p: (p.data.mul_(0), p.data.add_(1)),
    "init.ones_": nn.init.ones_,
    "init.constant_": lambda p: nn.init.constant_(p, 1.0),
    "set_": lambda p: p.set_(torch.ones_like(p)),
}


@pytest.mark.parametrize("way", WAYS)
def test_weights_can_be_set(m: Any, way: str) -> None:
    attention = m.Attention(4)
    for part in (attention.q_proj, attention.o_proj):
        with torch.no_grad():
            WAYS[way](part.weight)
    with torch.no_grad():
        attention.scale.data.fill_(0.5)
    x = torch.randn(1, 1, 4)
    torch.testing.assert_close(attention(x)[0], x.sum().expand(1, 1, 4) * 4 * 0.5)
    assert torch.equal(m.Attention(4).scale, torch.tensor(2.0))


def test_a_parameter_can_be_replaced(m: Any) -> None:
    attention = m.Attention(4)
    attention.q_proj.weight = nn.Parameter(torch.eye(4))
    attention.o_proj.weight = attention.q_proj.weight
    attention.scale = torch.tensor(1.0)
    x = torch.randn(1, 1, 4)
    assert torch.equal(attention(x)[0], x)
    attention(x)[0].sum().backward()
    torch.testing.assert_close(attention.q_proj.weight.grad, 2 * x[0].expand(4, 4))
    with torch.no_grad():
        attention.q_proj.weight.mul_(3)
    torch.testing.assert_close(attention(x)[0], 9 * x)


def test_tied_weights_stay_tied(m: Any) -> None:
    block = m.Block().eval()
    block(torch.tensor([[1, 2]])).sum().backward()
    assert block.embed.weight.grad is block.head.weight.grad
    assert block.embed.weight.grad.abs().sum(1).ne(0).all()
    block.head.weight = nn.Parameter(torch.zeros(10, 4))
    assert torch.equal(block(torch.tensor([[1]])), torch.zeros(1, 1, 10))
    assert block.embed.weight.abs().sum() > 0
    block.head.weight = block.embed.weight
    assert block(torch.tensor([[1]])).abs().sum() > 0


def test_train_and_eval_set_the_mode_of_all_parts(m: Any) -> None:
    block = m.Block()
    assert block.training
    assert block.mlp[2].training
    assert block.eval() is block
    assert not block.training
    assert not block.mlp[2].training
    x = torch.ones(3, 4)
    assert torch.equal(block.mlp(x), block.mlp(x))
    block.train()
    assert block.mlp[2].training
    assert not torch.equal(block.mlp(x), block.mlp(x))
    block.mlp.eval()
    assert block.training
    assert torch.equal(block.mlp(x), block.mlp(x))
    block.mlp[2].training = True
    assert not torch.equal(block.mlp(x), block.mlp(x))
    regression = m.Regression()
    regression.train()
    assert regression.training
    assert not regression.norm.training


def test_dropout_follows_the_seed(m: Any) -> None:
    mlp = m.Block().mlp
    x = torch.ones(5, 4)
    torch.manual_seed(11)
    a = mlp(x)
    torch.manual_seed(11)
    assert torch.equal(a, mlp(x))


def test_initialisation_follows_the_seed(m: Any) -> None:
    torch.manual_seed(5)
    made = m.Attention(4)
    torch.manual_seed(5)
    assert torch.equal(made.q_proj.weight, nn.Linear(4, 4, bias=False).weight)
    assert not torch.equal(made.q_proj.weight, m.Attention(4).q_proj.weight)


def test_converts_a_module_to_another_dtype(m: Any) -> None:
    attention = m.Attention(4).double()
    x = torch.randn(1, 2, 4, dtype=torch.float64)
    y, _ = attention(x)
    assert y.dtype is torch.float64
    torch.testing.assert_close(y, x @ attention.q_proj.weight.T @ attention.o_proj.weight.T * 2)
    assert attention.positions.dtype is torch.int64
    assert attention.to(torch.bfloat16)(x.bfloat16())[0].dtype is torch.bfloat16
    assert attention.half().q_proj.weight.dtype is torch.float16
    assert attention.float()(x.float())[0].dtype is torch.float32
    assert m.Attention(4).to("cpu")(x.float())[0].dtype is torch.float32


def test_an_optimizer_of_the_test_trains_the_module(m: Any) -> None:
    for kind in (torch.optim.SGD, torch.optim.AdamW):
        attention = m.Attention(4)
        optimizer = kind(attention.parameters(), lr=0.05)
        x, y = torch.randn(3, 2, 4), torch.randn(3, 2, 4)
        losses = []
        for _ in range(6):
            optimizer.zero_grad()
            loss = (attention(x)[0] - y).square().mean()
            loss.backward()
            nn.utils.clip_grad_norm_(attention.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < losses[0]


def test_parameters_follow_training_inside_the_module(m: Any) -> None:
    regression = m.Regression()
    x = torch.randn(20, 2)
    weight, before = regression.weight, regression.weight.detach().clone()
    loss = regression.fit(x, x @ torch.tensor([1.0, -2.0]), steps=100)
    assert loss < 1e-3
    assert regression.weight is weight
    torch.testing.assert_close(regression.weight, torch.tensor([1.0, -2.0]), atol=1e-2, rtol=0.0, check_dtype=True)
    assert torch.equal(before, torch.zeros(2))
    assert regression.steps == 100
    with torch.no_grad():
        regression.weight.zero_()
    regression.fit(x, x[:, 0], steps=100)
    torch.testing.assert_close(regression.weight, torch.tensor([1.0, 0.0]), atol=1e-2, rtol=0.0)
    assert torch.equal(regression.state_dict()["weight"], regression.weight)


def test_buffers_follow_changes_in_forward(m: Any) -> None:
    regression = m.Regression()
    regression.norm.train()
    regression(torch.full((4, 2), 10.0))
    assert regression.norm.num_batches_tracked.item() == 1
    torch.testing.assert_close(regression.norm.running_mean, torch.ones(2))
    regression.norm.reset_running_stats()
    regression.norm.eval()
    regression.norm.running_mean.fill_(3.0)
    torch.testing.assert_close(regression.norm(torch.full((1, 2), 3.0)), torch.zeros(1, 2))


def test_parameters_follow_changes_by_a_function(m: Any) -> None:
    attention = m.Attention(4)
    before = attention.q_proj.weight.detach().clone()
    m.double_weights(attention)
    assert torch.equal(attention.q_proj.weight, 2 * before)
    m.double_weights(attention.q_proj)
    assert torch.equal(attention.q_proj.weight, 4 * before)


def test_parts_follow_changes_of_the_structure(m: Any) -> None:
    block = m.Block()
    block.freeze()
    assert [p.requires_grad for p in block.blocks.parameters()] == [False] * 4
    assert block.embed.weight.requires_grad
    block.prune()
    assert len(block.blocks) == 1
    assert not any("gains" in name or "blocks.1" in name for name in block.state_dict())
    block.widen()
    assert names(block)[-2:] == ["extra.weight", "extra.bias"]
    block.untie()
    assert block.head.weight is not block.embed.weight
    assert torch.equal(block.head.weight, block.embed.weight + 1)
    lazy = m.Lazy()
    assert names(lazy) == []
    y = lazy(torch.ones(1, 3))
    assert names(lazy) == ["layer.weight", "layer.bias"]
    assert torch.equal(y, lazy.layer(torch.ones(1, 3)))


def test_a_parameter_that_moves_to_another_name_keeps_its_numbers(m: Any) -> None:
    shift = m.Shift()
    first = shift.new
    shift.step()
    assert shift.old is first
    assert (shift.old.tolist(), shift.new.tolist()) == ([1.0, 1.0], [2.0, 2.0])


def test_an_empty_part_stays_the_same_object(m: Any) -> None:
    empty = m.Empty()
    parts = empty.parts
    empty.eval()
    assert empty.parts is parts


def test_functions_return_modules_alone_and_in_values(m: Any) -> None:
    first, named = m.pair()
    assert first(torch.ones(4, 1)).shape == (4, 2)
    assert named["x"].weight.shape == (3, 2)
    assert isinstance(m.net, nn.Linear)
    assert m.net(torch.ones(2)).shape == (2,)
    assert m.net.weight.shape == (2, 2)
    block = m.Block()
    assert torch.equal(block.first().q_proj.weight, block.blocks[0].q_proj.weight)
    assert names(m.Empty()) == []


def test_two_modules_of_one_class_are_separate(m: Any) -> None:
    a, b = m.Attention(4), m.Attention(4)
    with torch.no_grad():
        a.q_proj.weight.zero_()
    x = torch.ones(1, 1, 4)
    assert torch.equal(a(x)[0], torch.zeros(1, 1, 4))
    assert b(x)[0].abs().sum() > 0
    (a(x)[0] + b(x)[0]).sum().backward()
    assert a.o_proj.weight.grad.abs().sum() == 0
    assert b.o_proj.weight.grad.abs().sum() > 0


def test_the_test_can_initialise_weights_with_apply(m: Any) -> None:
    block = m.Block().eval()

    def one(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.25)

    block.apply(one)
    assert torch.equal(block.embed.weight, torch.full((10, 4), 0.25))
    assert torch.equal(block.mlp[0](torch.ones(4)), 1.0 + block.mlp[0].bias)
    block.mlp[0].reset_parameters()
    assert not torch.equal(block.mlp[0].weight, torch.full((6, 4), 0.25))


def test_a_deep_copy_is_a_separate_module(m: Any) -> None:
    block = m.Block().eval()
    with torch.no_grad():
        block.embed.weight.fill_(0.5)
    twin = copy.deepcopy(block)
    ids = torch.tensor([[3, 1]])
    assert torch.equal(twin(ids), block(ids))
    assert twin.head.weight is twin.embed.weight
    assert not twin.training
    with torch.no_grad():
        twin.embed.weight.zero_()
    assert torch.equal(block.embed.weight, torch.full((10, 4), 0.5))


def test_functional_call_replaces_parameters_for_one_call(m: Any) -> None:
    block = m.Block(twin=False).eval()
    ids = torch.tensor([[3, 1]])
    before = block(ids)
    state = {name: torch.zeros_like(p, requires_grad=True) for name, p in block.named_parameters()}
    y = functional_call(block, state, (ids,))
    assert torch.equal(y, torch.zeros(1, 2, 10))
    y.sum().backward()
    assert state["embed.weight"].grad is not None
    assert torch.equal(block(ids), before)


def test_hooks_on_a_whole_module_run(m: Any) -> None:
    attention = m.Attention(4)
    seen = []
    attention.register_forward_hook(lambda module, args, out: seen.append(out[0].shape))
    attention(torch.ones(1, 2, 4))
    assert seen == [(1, 2, 4)]


def test_repr_and_classes_are_those_of_the_module(m: Any) -> None:
    assert "Attention(" in repr(m.Attention(4))
    assert "(q_proj): Linear(" in repr(m.Attention(4))
    assert len({m.Attention(4), m.Attention(4)}) == 2
