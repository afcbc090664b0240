# TRUE CAUSE: takes h_t for the state BEFORE step t (exclusive scan): the result begins with h0 (or 0) and leaves out the last
# step, i.e. everything is moved by one place. combine is right.
import torch
import torch.nn.functional as F


def combine(left, right):
    (al, bl), (ar, br) = left, right
    return al * ar, ar * bl + br


def parallel_scan(a, b, h0=None):
    T = a.size(-1)
    start = torch.zeros_like(b[..., 0]) if h0 is None else h0
    A, B = a, b
    d = 1
    while d < T:
        # where nothing stands before an entry: the neutral step h <- 1 h + 0
        pa = F.pad(A[..., :-d], (d, 0), value=1.0)
        pb = F.pad(B[..., :-d], (d, 0), value=0.0)
        A, B = combine((pa, pb), (A, B))
        d = d * 2
    after = A * start.unsqueeze(-1) + B
    # the state that step t starts from
    return torch.cat([start.unsqueeze(-1), after[..., :-1]], dim=-1)
