import math
import statistics
from collections import OrderedDict
from dataclasses import asdict, dataclass
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import torch
from base import compute_optimal, predicted_loss
from torch import Tensor

from grader.testing import replaces


# ---- predicted_loss


@replaces("predicted_loss")
def loss_log_space(n, d, coef):
    """exponentials of logarithms"""
    return coef["E"] + math.exp(math.log(coef["A"]) - coef["alpha"] * math.log(n)) + math.exp(math.log(coef["B"]) - coef["beta"] * math.log(d))


@replaces("predicted_loss")
def loss_negative_power(n, d, coef):
    """multiplied by negative powers, summed from the other end"""
    return coef["B"] * d ** -coef["beta"] + coef["A"] * n ** -coef["alpha"] + coef["E"]


@replaces("predicted_loss")
def loss_math_pow(n, d, coef):
    """math.pow and fsum"""
    return math.fsum([coef["E"], coef["A"] / math.pow(n, coef["alpha"]), coef["B"] / math.pow(d, coef["beta"])])


@replaces("predicted_loss")
def loss_numpy(n, d, coef):
    """numpy in float64, converted"""
    p = np.power(np.array([n, d], dtype=np.float64), [coef["alpha"], coef["beta"]])
    return float(coef["E"] + (np.array([coef["A"], coef["B"]]) / p).sum())


@replaces("predicted_loss")
def loss_torch64(n, d, coef):
    """torch in float64, item()"""
    t = torch.tensor([n, d], dtype=torch.float64)
    e = torch.tensor([coef["alpha"], coef["beta"]], dtype=torch.float64)
    f = torch.tensor([coef["A"], coef["B"]], dtype=torch.float64)
    return (coef["E"] + (f / t**e).sum()).item()


@replaces("predicted_loss")
def loss_float32(n, d, coef):
    """torch in float32, item(); seven digits"""
    t = torch.tensor([float(n), float(d)])
    e = torch.tensor([coef["alpha"], coef["beta"]])
    f = torch.tensor([coef["A"], coef["B"]])
    return (torch.tensor(float(coef["E"])) + (f / t**e).sum()).item()


@replaces("predicted_loss")
def loss_unpacked(n, d, coef):
    """a nested helper, the mapping read once by key"""
    e, a, b, alpha, beta = (float(coef[key]) for key in ("E", "A", "B", "alpha", "beta"))

    def term(c, x, p):
        return c / float(x) ** p

    return e + term(a, n, alpha) + term(b, d, beta)


@replaces("predicted_loss")
def loss_np_scalar(n, d, coef):
    """returns numpy's float64, which is a float"""
    return np.float64(coef["E"]) + coef["A"] / np.float64(n) ** coef["alpha"] + coef["B"] / np.float64(d) ** coef["beta"]


# ---- compute_optimal


@replaces("compute_optimal")
def optimal_from_n(flops, coef):
    """D from the budget and N"""
    al, be = coef["alpha"], coef["beta"]
    n = (al * coef["A"] / (be * coef["B"])) ** (1 / (al + be)) * (flops / 6) ** (be / (al + be))
    d = flops / (6 * n)
    return dict(n=n, d=d, tokens_per_param=d / n, loss=predicted_loss(n, d, coef))


@replaces("compute_optimal")
def optimal_logs(flops, coef):
    """everything in logarithms"""
    al, be = coef["alpha"], coef["beta"]
    g = (math.log(al) + math.log(coef["A"]) - math.log(be) - math.log(coef["B"])) / (al + be)
    budget = math.log(flops) - math.log(6)
    ln = g + be / (al + be) * budget
    ld = budget - ln
    loss = coef["E"] + coef["A"] * math.exp(-al * ln) + coef["B"] * math.exp(-be * ld)
    return {"loss": loss, "tokens_per_param": math.exp(ld - ln), "d": math.exp(ld), "n": math.exp(ln)}


@replaces("compute_optimal")
def optimal_root(flops, coef):
    """from the condition αA/N^α = βB/D^β with one power"""
    al, be = coef["alpha"], coef["beta"]
    c = flops / 6
    n = (al * coef["A"] * c**be / (be * coef["B"])) ** (1 / (al + be))
    d = c / n
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": coef["E"] + coef["A"] / n**al + coef["B"] / d**be}


@replaces("compute_optimal")
def optimal_bisect(flops, coef):
    """no closed form: bisection of the derivative over ln N"""
    al, be = coef["alpha"], coef["beta"]
    c = math.log(flops / 6)
    lo, hi = -2000.0, 2000.0
    for _ in range(200):
        mid = (lo + hi) / 2
        if math.log(al * coef["A"]) - al * mid > math.log(be * coef["B"]) - be * (c - mid):
            lo = mid
        else:
            hi = mid
    n, d = math.exp(lo), math.exp(c - lo)
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": predicted_loss(n, d, coef)}


@replaces("compute_optimal")
def optimal_torch(flops, coef):
    """float64 tensors"""
    v = {key: torch.tensor(float(coef[key]), dtype=torch.float64) for key in ("E", "A", "B", "alpha", "beta")}
    s = v["alpha"] + v["beta"]
    c = torch.tensor(float(flops), dtype=torch.float64) / 6
    g = (v["alpha"] * v["A"] / (v["beta"] * v["B"])) ** (1 / s)
    n, d = g * c ** (v["beta"] / s), c ** (v["alpha"] / s) / g
    loss = v["E"] + v["A"] * n ** -v["alpha"] + v["B"] * d ** -v["beta"]
    return {"n": n.item(), "d": d.item(), "tokens_per_param": (d / n).item(), "loss": loss.item()}


@replaces("compute_optimal")
def optimal_dataclass(flops, coef):
    """a dataclass turned into a dict"""

    @dataclass
    class Best:
        n: float
        d: float
        tokens_per_param: float
        loss: float

    al, be = coef["alpha"], coef["beta"]
    a = be / (al + be)
    g = (al * coef["A"] / (be * coef["B"])) ** (1 / (al + be))
    n, d = g * (flops / 6) ** a, (flops / 6) ** (1 - a) / g
    return asdict(Best(n, d, d / n, predicted_loss(n, d, coef)))


@replaces("compute_optimal")
def optimal_ordered(flops, coef):
    """an OrderedDict of numpy float64s, which are floats"""
    al, be = np.float64(coef["alpha"]), np.float64(coef["beta"])
    g = np.exp(np.log(al * coef["A"] / be / coef["B"]) / (al + be))
    n = g * np.power(np.float64(flops) / 6, be / (al + be))
    d = np.float64(flops) / 6 / n
    return OrderedDict(n=n, d=d, tokens_per_param=d / n, loss=coef["E"] + coef["A"] / n**al + coef["B"] / d**be)


@replaces("compute_optimal")
def optimal_geometric(flops, coef):
    """split around √(C/6): the ratio first, then the numbers"""
    al, be = coef["alpha"], coef["beta"]
    root = math.sqrt(flops / 6)
    g = (al * coef["A"] / (be * coef["B"])) ** (1 / (al + be))
    half = g * (flops / 6) ** ((be - al) / (2 * (al + be)))  # N / root
    n, d = root * half, root / half
    return {"n": n, "d": d, "tokens_per_param": half**-2, "loss": predicted_loss(n, d, coef)}


@replaces("compute_optimal")
def optimal_newton(flops, coef):
    """one Newton step is enough, the condition is linear in ln N"""
    al, be = coef["alpha"], coef["beta"]
    total = math.log(flops / 6)
    x = 0.0
    for _ in range(3):
        value = math.log(al * coef["A"]) - al * x - math.log(be * coef["B"]) + be * (total - x)
        x += value / (al + be)
    n = math.exp(x)
    d = flops / 6 / n
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": predicted_loss(d=d, n=n, coef=coef)}


@replaces("compute_optimal")
def optimal_decimal(flops, coef):
    """Decimal with 40 digits, rounded at the end"""
    getcontext().prec = 40
    al, be, a_, b_, e_ = (Decimal(coef[k]) for k in ("alpha", "beta", "A", "B", "E"))
    c = Decimal(flops) / 6
    g = (al * a_ / (be * b_)) ** (1 / (al + be))
    n = g * c ** (be / (al + be))
    d = c / n
    loss = e_ + a_ / n**al + b_ / d**be
    return {"n": float(n), "d": float(d), "tokens_per_param": float(d / n), "loss": float(loss)}


@replaces("compute_optimal")
def optimal_loss_split(flops, coef):
    """loss from the split of the reducible part: the shares are β and α"""
    al, be = coef["alpha"], coef["beta"]
    s = al + be
    g = (al * coef["A"] / (be * coef["B"])) ** (1 / s)
    n = g * (flops / 6) ** (be / s)
    d = (flops / 6) ** (al / s) / g
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": coef["E"] + coef["A"] * n**-al * (1 + al / be)}


# ---- isoflop_optimum


def _answer(a, b, center):
    if a < 0:
        raise ValueError("opens downwards: the turning point is a maximum")
    return float(math.exp(center - b / (2 * a)))


@replaces("isoflop_optimum")
def iso_polyfit(n_params, loss):
    """numpy.polyfit, not centered"""
    a, b, _ = np.polyfit(np.log(n_params.numpy()), loss.numpy(), 2)
    if a < 0:
        raise ValueError("concave")
    return float(np.exp(-b / (2 * a)))


@replaces("isoflop_optimum")
def iso_polynomial(n_params, loss):
    """numpy.polynomial, in its own domain, minimum from the root of the derivative"""
    p = np.polynomial.Polynomial.fit(np.log(n_params.numpy()), loss.numpy(), 2)
    if p.deriv(2)(0.0) < 0:
        raise ValueError("not a minimum")
    return math.exp(p.deriv().roots()[0].item())


@replaces("isoflop_optimum")
def iso_normal_equations(n_params, loss):
    """centered and scaled normal equations"""
    x = torch.log(n_params)
    m, s = x.mean(), x.std()
    z = (x - m) / s
    v = torch.vander(z, 3)
    a, b, _ = torch.linalg.solve(v.T @ v, v.T @ (loss - loss.mean())).tolist()
    return _answer(a / s.item() ** 2, b / s.item(), m.item())


@replaces("isoflop_optimum")
def iso_qr(n_params, loss):
    """QR decomposition of the design matrix"""
    x = n_params.log()
    c = (x.max() + x.min()) / 2
    v = torch.stack((torch.ones_like(x), x - c, (x - c).square()), -1)
    q, r = torch.linalg.qr(v)
    _, b, a = torch.linalg.solve_triangular(r, (q.T @ loss).unsqueeze(1), upper=True).squeeze(1)
    if bool(a < 0):
        raise ValueError(f"curvature {a.item()} is negative")
    return torch.exp(c - b / a / 2).item()


@replaces("isoflop_optimum")
def iso_pinv(n_params, loss):
    """pseudo-inverse; sizes relative to the geometric mean"""
    ref = n_params.log().mean().exp()
    x = (n_params / ref).log()
    w = torch.linalg.pinv(torch.stack([x * x, x, x**0], 1)) @ loss
    if w[0] < 0:
        raise ValueError
    return (ref * torch.exp(-w[1] / (2 * w[0]))).item()


@replaces("isoflop_optimum")
def iso_gram_schmidt(n_params, loss):
    """orthogonal polynomials by Gram and Schmidt"""
    x = n_params.log()
    m = x.mean()
    p1 = x - m
    p2 = p1 * p1
    p2 = p2 - p2.mean()
    slope = (p2 * p1).sum() / (p1 * p1).sum()
    p2 = p2 - slope * p1
    a = (p2 * loss).sum() / (p2 * p2).sum()
    b = (p1 * loss).sum() / (p1 * p1).sum() - a * slope
    return _answer(a.item(), b.item(), m.item())


@replaces("isoflop_optimum")
def iso_fractions(n_params, loss):
    """exact rational arithmetic, by Cramer's rule"""
    logs = [math.log(v) for v in n_params.tolist()]
    c = statistics.fmean(logs)
    xs = [Fraction(v - c) for v in logs]
    ys = [Fraction(v) for v in loss.tolist()]
    s = [sum(x**i for x in xs) for i in range(5)]
    t = [sum(y * x**i for x, y in zip(xs, ys)) for i in range(3)]

    def det(m):
        return (
            m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
            - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
        )

    a = det([[s[0], s[1], t[0]], [s[1], s[2], t[1]], [s[2], s[3], t[2]]])
    b = det([[s[0], t[0], s[2]], [s[1], t[1], s[3]], [s[2], t[2], s[4]]])
    if a < 0:
        raise ValueError("maximum")
    return math.exp(c - float(b / (2 * a)))


@replaces("isoflop_optimum")
def iso_loops(n_params, loss):
    """plain Python floats, Gauss elimination with pivots"""
    xs = [math.log(v) for v in n_params.tolist()]
    ys = loss.tolist()
    c = sum(xs) / len(xs)
    xs = [x - c for x in xs]
    rows = [[math.fsum(x ** (i + j) for x in xs) for j in range(3)] + [math.fsum(y * x**i for x, y in zip(xs, ys))] for i in range(3)]
    for i in range(3):
        p = max(range(i, 3), key=lambda r: abs(rows[r][i]))
        rows[i], rows[p] = rows[p], rows[i]
        for r in range(3):
            if r != i:
                f = rows[r][i] / rows[i][i]
                rows[r] = [u - f * w for u, w in zip(rows[r], rows[i])]
    a, b = rows[2][3] / rows[2][2], rows[1][3] / rows[1][1]
    return _answer(a, b, c)


@replaces("isoflop_optimum")
def iso_billions(n_params, loss):
    """numpy lstsq over ln of billions, shifted losses"""
    x = np.log(n_params.numpy() / 1e9)
    m = x.mean()
    coefs, *_ = np.linalg.lstsq(np.vander(x - m, 3), loss.numpy() - loss.numpy().min(), rcond=None)
    if coefs[0] < 0:
        raise ValueError("The parabola has no minimum.")
    return np.exp(m - coefs[1] / coefs[0] / 2) * 1e9


@replaces("isoflop_optimum")
def iso_log2(n_params, loss):
    """in powers of two: log2 only rescales the axis"""
    x = n_params.detach().log2()
    m = x.median()
    v = (x - m).unsqueeze(1) ** torch.arange(3, dtype=torch.float64)
    sol = torch.linalg.lstsq(v, loss.detach().unsqueeze(1)).solution.squeeze(1)
    if sol[2].item() < 0:
        raise ValueError("downwards")
    return 2.0 ** (m - sol[1] / (2 * sol[2])).item()


@replaces("isoflop_optimum")
def iso_vertex_quadratic(n_params, loss):
    """vertex between the values of the fitted parabola at three places"""
    p = np.poly1d(np.polyfit(np.log(n_params.numpy()) - math.log(n_params[0].item()), loss.numpy(), 2))
    lo, mid, hi = p(-1.0), p(0.0), p(1.0)
    curve = lo - 2 * mid + hi
    if curve < 0:
        raise ValueError("curved downwards")
    return n_params[0].item() * math.exp((lo - hi) / (2 * curve))


# ---- power_law_fit


@replaces("power_law_fit")
def power_statistics(x, y):
    """statistics.linear_regression"""
    fit = statistics.linear_regression(x.log().tolist(), y.log().tolist())
    return {"exponent": float(fit.slope), "coefficient": math.exp(fit.intercept)}


@replaces("power_law_fit")
def power_polyfit(x, y):
    """numpy.polyfit of degree one"""
    e, c = np.polyfit(np.log(x.numpy()), np.log(y.numpy()), 1)
    return {"exponent": float(e), "coefficient": float(np.exp(c))}


@replaces("power_law_fit")
def power_lstsq(x, y):
    """torch lstsq"""
    v = torch.stack([x.log(), torch.ones_like(x)], dim=1)
    e, c = torch.linalg.lstsq(v, y.log().unsqueeze(1)).solution.flatten()
    return {"coefficient": c.exp().item(), "exponent": e.item()}


@replaces("power_law_fit")
def power_cov(x, y):
    """covariance matrix"""
    lx, ly = x.log(), y.log()
    cov = torch.cov(torch.stack([lx, ly]))
    e = (cov[0, 1] / cov[0, 0]).item()
    return {"exponent": e, "coefficient": math.exp(ly.mean().item() - e * lx.mean().item())}


@replaces("power_law_fit")
def power_loops(x, y):
    """Python loops, centered"""
    lx, ly = [math.log(v) for v in x.tolist()], [math.log(v) for v in y.tolist()]
    mx, my = sum(lx) / len(lx), sum(ly) / len(ly)
    top = bottom = 0.0
    for a, b in zip(lx, ly):
        top += (a - mx) * b
        bottom += (a - mx) ** 2
    e = top / bottom
    return {"exponent": e, "coefficient": math.exp(my - e * mx)}


@replaces("power_law_fit")
def power_pairs(x, y):
    """all pairs of points"""
    lx, ly = x.log(), y.log()
    dx, dy = lx[:, None] - lx[None], ly[:, None] - ly[None]
    e = (dx * dy).sum() / dx.square().sum()
    return {"exponent": e.item(), "coefficient": torch.exp((ly - e * lx).mean()).item()}


@replaces("power_law_fit")
def power_geometric(x, y):
    """relative to geometric means; the coefficient as a quotient of powers"""
    gx, gy = x.log().mean().exp(), y.log().mean().exp()
    u, w = (x / gx).log(), (y / gy).log()
    e = (torch.dot(u, w) / torch.dot(u, u)).item()
    return {"exponent": e, "coefficient": gy.item() / gx.item() ** e}


@replaces("power_law_fit")
def power_normal(x, y):
    """2 × 2 normal equations, solved by hand in exact fractions"""
    lx, ly = [Fraction(math.log(v)) for v in x.tolist()], [Fraction(math.log(v)) for v in y.tolist()]
    m, sx, sy = len(lx), sum(lx), sum(ly)
    sxx, sxy = sum(v * v for v in lx), sum(u * v for u, v in zip(lx, ly))
    e = (m * sxy - sx * sy) / (m * sxx - sx * sx)
    return {"exponent": float(e), "coefficient": math.exp((sy - e * sx) / m)}


@replaces("power_law_fit")
def power_log10(x, y):
    """decimal logarithms"""
    lx, ly = np.log10(x.numpy()), np.log10(y.numpy())
    e = float(((lx - lx.mean()) * (ly - ly.mean())).mean() / lx.var())
    return {"exponent": e, "coefficient": float(10 ** (ly.mean() - e * lx.mean()))}


@replaces("power_law_fit")
def power_pinv(x, y):
    """pseudo-inverse, slope and height at the mean"""
    lx = x.log()
    w = torch.linalg.pinv(torch.stack([torch.ones_like(lx), lx - lx.mean()], 1)) @ y.log()
    return {"exponent": float(w[1]), "coefficient": float(torch.exp(w[0] - w[1] * lx.mean()))}


@replaces("power_law_fit")
def power_fsum(x, y):
    """math.fsum and numpy scalars in the result"""
    lx, ly = np.log(x.numpy()), np.log(y.numpy())
    mx = math.fsum(lx) / len(lx)
    e = np.float64(math.fsum((lx - mx) * ly) / math.fsum((lx - mx) ** 2))
    return {"exponent": e, "coefficient": np.exp(math.fsum(ly - e * lx) / len(lx))}


# ---- lifetime_optimal


def _check(target, coef):
    gap = target - coef["E"]
    if not gap > 0:
        raise ValueError(f"target_loss {target} is not above E")
    return gap


def _tokens(ln, gap, coef):
    """D for ln N, and inf where N alone misses the target"""
    left = gap - coef["A"] * math.exp(-coef["alpha"] * ln)
    return (coef["B"] / left) ** (1 / coef["beta"]) if left > 0 else math.inf


def _result(ln, gap, coef, served):
    n, d = math.exp(ln), _tokens(ln, gap, coef)
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * served}


@replaces("lifetime_optimal")
def life_golden(target_loss, inference_tokens, coef):
    """golden section over ln N, from the smallest N to the one without inference"""
    gap = _check(target_loss, coef)
    least = math.log(coef["A"] / gap) / coef["alpha"]
    w0 = coef["beta"] / (coef["alpha"] + coef["beta"])
    lo, hi = least, least - math.log(w0) / coef["alpha"] + 1e-3

    def cost(x):
        d = _tokens(x, gap, coef)
        return x + math.log(6 * d + 2 * inference_tokens) if math.isfinite(d) else math.inf

    g = (math.sqrt(5) - 1) / 2
    a, b = hi - g * (hi - lo), lo + g * (hi - lo)
    fa, fb = cost(a), cost(b)
    for _ in range(120):
        if fa < fb:
            hi, b, fb = b, a, fa
            a = hi - g * (hi - lo)
            fa = cost(a)
        else:
            lo, a, fa = a, b, fb
            b = lo + g * (hi - lo)
            fb = cost(b)
    return _result((lo + hi) / 2, gap, coef, inference_tokens)


@replaces("lifetime_optimal")
def life_ternary(target_loss, inference_tokens, coef):
    """ternary search over a wide bracket of ln N"""
    if target_loss <= coef["E"]:
        raise ValueError("impossible")
    gap = target_loss - coef["E"]
    lo = math.log(coef["A"] / gap) / coef["alpha"]
    hi = lo + 60.0

    def cost(x):
        left = gap - coef["A"] * math.exp(-coef["alpha"] * x)
        if left <= 0:
            return math.inf
        return math.exp(x) * (6 * (coef["B"] / left) ** (1 / coef["beta"]) + 2 * inference_tokens)

    for _ in range(200):
        p, q = lo + (hi - lo) / 3, hi - (hi - lo) / 3
        if cost(p) <= cost(q):
            hi = q
        else:
            lo = p
    return _result(hi, gap, coef, inference_tokens)


@replaces("lifetime_optimal")
def life_grid(target_loss, inference_tokens, coef):
    """grids of float64, each finer around the best of the last"""
    gap = _check(target_loss, coef)
    least = math.log(coef["A"] / gap) / coef["alpha"]
    lo, hi = -40.0, 5.0  # ln of (ln N - least)
    for _ in range(8):
        u = torch.linspace(lo, hi, 2001, dtype=torch.float64)
        over = u.exp()
        left = -gap * torch.expm1(-coef["alpha"] * over)
        cost = over + torch.log(6 * (coef["B"] / left) ** (1 / coef["beta"]) + 2 * inference_tokens)
        i = cost.argmin().item()
        lo, hi = u[max(i - 2, 0)].item(), u[min(i + 2, 2000)].item()
    over = math.exp((lo + hi) / 2)
    n = math.exp(least + over)
    d = (coef["B"] / (-gap * math.expm1(-coef["alpha"] * over))) ** (1 / coef["beta"])
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * inference_tokens}


@replaces("lifetime_optimal")
def life_over_tokens(target_loss, inference_tokens, coef):
    """searches D in place of N, the derivative bisected"""
    gap = _check(target_loss, coef)
    al, be = coef["alpha"], coef["beta"]
    least = math.log(coef["B"] / gap) / be

    def slope(y):  # derivative of ln F by ln D
        r = math.exp(-be * (y - least))
        d = math.exp(y)
        return 3 * d / (3 * d + inference_tokens) - be / al * r / (1 - r)

    lo, hi = least, least + 200.0
    for _ in range(300):
        mid = (lo + hi) / 2
        if mid <= least or slope(mid) < 0:
            lo = mid
        else:
            hi = mid
    d = math.exp(hi)
    n = (coef["A"] / (gap - coef["B"] * d**-be)) ** (1 / al)
    return {"n": n, "d": d, "flops": 2 * n * (3 * d + inference_tokens)}


@replaces("lifetime_optimal")
def life_fixed_point(target_loss, inference_tokens, coef):
    """the share r of the gap left to the tokens, by regula falsi in ln r"""
    gap = _check(target_loss, coef)
    al, be = coef["alpha"], coef["beta"]

    def value(z):
        r = math.exp(z)
        d = (coef["B"] / (gap * r)) ** (1 / be)
        return math.log(al * (1 - r) / (be * r)) - math.log1p(inference_tokens / 3 / d)

    lo, hi = -60.0, math.log(al / (al + be))
    flo, fhi = value(lo), value(hi)
    for _ in range(400):
        z = (lo * fhi - hi * flo) / (fhi - flo) if fhi != flo else hi
        f = value(z)
        if abs(f) < 1e-13:
            break
        if f > 0:
            lo, flo = z, f
            fhi /= 2
        else:
            hi, fhi = z, f
            flo /= 2
    r = math.exp(z)
    n, d = (coef["A"] / (gap * (1 - r))) ** (1 / al), (coef["B"] / (gap * r)) ** (1 / be)
    return {"flops": 6 * n * d + 2 * n * inference_tokens, "n": n, "d": d}


@replaces("lifetime_optimal")
def life_newton_autograd(target_loss, inference_tokens, coef):
    """Newton with autograd on the log-odds of the share"""
    gap = _check(target_loss, coef)
    al, be = coef["alpha"], coef["beta"]

    def f(z):
        ln = (math.log(coef["A"] / gap) - torch.nn.functional.logsigmoid(z)) / al
        ld = (math.log(coef["B"] / gap) - torch.nn.functional.logsigmoid(-z)) / be
        total = torch.log(6 * ld.exp() + 2 * inference_tokens)
        return ln + total, ln, ld

    z = torch.tensor(math.log(be / al), dtype=torch.float64)
    for _ in range(200):
        z = z.detach().requires_grad_(True)
        (g,) = torch.autograd.grad(f(z)[0], z, create_graph=True)
        (h,) = torch.autograd.grad(g, z)
        step = (g / h.abs()).detach().clamp(-0.5, 0.5)
        z = z - step
        if abs(step.item()) < 1e-12:
            break
    _, ln, ld = f(z.detach())
    n, d = ln.exp().item(), ld.exp().item()
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * inference_tokens}


@replaces("lifetime_optimal")
def life_numpy_dense(target_loss, inference_tokens, coef):
    """one dense numpy grid of the log-odds; F is flat at its minimum"""
    gap = _check(target_loss, coef)
    z = np.linspace(-5.0, 45.0, 500_001)
    logw, logr = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    ln = (np.log(coef["A"] / gap) - logw) / coef["alpha"]
    ld = (np.log(coef["B"] / gap) - logr) / coef["beta"]
    i = int(np.argmin(ln + np.log(6 * np.exp(ld) + 2 * inference_tokens)))
    n, d = float(np.exp(ln[i])), float(np.exp(ld[i]))
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * inference_tokens}


@replaces("lifetime_optimal")
def life_steps(target_loss, inference_tokens, coef):
    """hill climbing over ln(ln N - least) with a shrinking step"""
    gap = _check(target_loss, coef)
    al, be = coef["alpha"], coef["beta"]
    least = math.log(coef["A"] / gap) / al

    def at(u):
        n = math.exp(least + math.exp(u))
        d = (coef["B"] / (-gap * math.expm1(-al * math.exp(u)))) ** (1 / be)
        return 6 * n * d + 2 * n * inference_tokens, n, d

    u, step = 0.0, 1.0
    best = at(u)
    while step > 1e-9:
        for v in (u - step, u + step):
            if v < 6 and (new := at(v))[0] < best[0]:
                u, best = v, new
                break
        else:
            step /= 2
    return dict(zip(("flops", "n", "d"), best))


@replaces("lifetime_optimal")
def life_float32_root(target_loss, inference_tokens, coef):
    """the condition solved in float32, the result in floats"""
    gap = _check(target_loss, coef)
    al, be = coef["alpha"], coef["beta"]
    lo, hi = torch.tensor(-40.0), torch.tensor(math.log(al / (al + be)))
    top = torch.tensor(math.log(coef["B"] / gap) / be)
    for _ in range(60):
        mid = (lo + hi) / 2
        d = torch.exp(top - mid / be)
        left = torch.log(al / be * (1 - mid.exp())) - mid
        right = torch.log1p(torch.tensor(inference_tokens / 3) / d)
        lo, hi = (mid, hi) if left > right else (lo, mid)
    r = math.exp(hi.item())
    n = (coef["A"] / gap / (1 - r)) ** (1 / al)
    d = (coef["B"] / gap / r) ** (1 / be)
    return {"n": n, "d": d, "flops": n * (6 * d + 2 * inference_tokens)}


@replaces("lifetime_optimal")
def life_no_inference_first(target_loss, inference_tokens, coef):
    """closed form where nothing is served, else a secant on the log-odds"""
    gap = _check(target_loss, coef)
    al, be = coef["alpha"], coef["beta"]

    def nd(z):
        w, r = 1 / (1 + math.exp(-z)), 1 / (1 + math.exp(z))
        return (coef["A"] / (gap * w)) ** (1 / al), (coef["B"] / (gap * r)) ** (1 / be)

    def value(z):  # the odds against what they should be, in logs
        return z + math.log(al / be) - math.log1p(inference_tokens / (3 * nd(z)[1]))

    z = math.log(be / al)
    if inference_tokens > 0:
        other, f_other, f = z + 40.0, value(z + 40.0), value(z)
        for _ in range(200):
            mid = (z + other) / 2
            f_mid = value(mid)
            if (f_mid > 0) == (f_other > 0):
                other, f_other = mid, f_mid
            else:
                z, f = mid, f_mid
    n, d = nd(z)
    return {"n": n, "d": d, "flops": 6.0 * n * d + 2.0 * n * inference_tokens}


@replaces("lifetime_optimal")
def life_start_at_optimal(target_loss, inference_tokens, coef):
    """a budget by bisection of compute_optimal's loss, then downhill from its N"""
    gap = _check(target_loss, coef)
    lo, hi = math.log(1e-30), math.log(1e200)
    for _ in range(200):
        mid = (lo + hi) / 2
        if compute_optimal(math.exp(mid), coef)["loss"] > target_loss:
            lo = mid
        else:
            hi = mid
    top = math.log(compute_optimal(math.exp(hi), coef)["n"])
    least = math.log(coef["A"] / gap) / coef["alpha"]

    def cost(x):
        d = _tokens(x, gap, coef)
        return math.exp(x) * (6 * d + 2 * inference_tokens)

    a, b = least, top + 0.01
    for _ in range(150):
        p, q = a + 0.45 * (b - a), a + 0.55 * (b - a)
        if cost(p) < cost(q):
            b = q
        else:
            a = p
    return _result(b, gap, coef, inference_tokens)
