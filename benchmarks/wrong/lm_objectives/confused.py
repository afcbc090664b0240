# TRUE CAUSE: takes the labels of clm_loss for already shifted (label at t belongs to the logits at t, as the caller would
# have prepared them): clm_loss does no shift and is just mlm_loss after the check of the length.
import torch
import torch.nn.functional as F


def mlm_corrupt(input_ids, special_mask, select_u, action_u, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    pick = select_u.lt(mlm_probability).logical_and(special_mask.logical_not())
    labels = input_ids.masked_fill(~pick, ignore_index)
    out = input_ids.clone()
    to_mask = pick & (action_u < 0.8)
    to_random = pick & ~to_mask & (action_u < 0.9)
    out[to_mask] = mask_token_id
    out[to_random] = random_ids[to_random]
    return out, labels


def mlm_loss(logits, labels, ignore_index=-100):
    flat, lab = logits.flatten(0, 1), labels.flatten()
    used = lab != ignore_index
    if not used.any():
        return (flat * 0).sum()
    return F.cross_entropy(flat[used], lab[used])


def clm_loss(logits, labels, ignore_index=-100):
    # the labels say what comes next at each position
    if labels.size(1) < 2:
        raise ValueError("need two positions at least")
    return mlm_loss(logits, labels, ignore_index)


def span_corruption(ids, spans, first_sentinel_id):
    spans = sorted(spans)
    end_of_last = -1
    for s, n in spans:
        if n < 1 or s < 0 or s + n > len(ids) or s <= end_of_last:
            raise ValueError((s, n))
        end_of_last = s + n
    inp, tgt, pos = [], [], 0
    for i, (s, n) in enumerate(spans):
        inp.extend(ids[pos:s])
        inp.append(first_sentinel_id - i)
        tgt.append(first_sentinel_id - i)
        tgt.extend(ids[s : s + n])
        pos = s + n
    inp.extend(ids[pos:])
    tgt.append(first_sentinel_id - len(spans))
    return inp, tgt
