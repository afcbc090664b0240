# TRUE CAUSE: thinks that prompt_lengths count TEXT tokens only, without those of images: in make_labels the image tokens do not
# count as part of the prompt's length, so that with images in the prompt too many tokens behind it lose their labels.
import torch
from torch import nn


class Projector(nn.Module):
    def __init__(self, vision_dim, text_dim):
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, text_dim, bias=True)
        self.act = nn.GELU()
        self.linear_2 = nn.Linear(text_dim, text_dim, bias=True)

    def forward(self, x):
        h = self.act(self.linear_1(x))
        return self.linear_2(h)


def select_features(hidden_states, layer, strategy):
    chosen = hidden_states[layer]
    if strategy == "full":
        return chosen
    if strategy == "default":
        return chosen[:, 1:, :]
    raise ValueError("strategy must be default or full")


def expand_image_tokens(ids, image_token, n_tokens):
    return [t for i in ids for t in ([image_token] * n_tokens if i == image_token else [i])]


def merge(input_ids, embedding, image_features, image_token):
    B, T = input_ids.shape
    where_img = (input_ids == image_token).flatten()
    feats = image_features.flatten(0, 1)
    if len(feats) != where_img.count_nonzero():
        raise ValueError(f"{where_img.sum()} placeholders, {len(feats)} features")
    out = torch.zeros(B * T, embedding.size(1), dtype=embedding.dtype)
    out = out.index_put((~where_img,), embedding[input_ids.flatten()[~where_img]])
    out = out.index_put((where_img,), feats)
    return out.unflatten(0, (B, T))


def make_labels(input_ids, image_token, pad_token, prompt_lengths):
    labels = torch.full_like(input_ids, -100)
    for b in range(input_ids.size(0)):
        words = 0
        for t in range(input_ids.size(1)):
            tok = int(input_ids[b, t])
            if tok == pad_token or tok == image_token:
                continue
            words += 1
            if words > int(prompt_lengths[b]):
                labels[b, t] = tok
    return labels


def batch_inputs(input_ids, pad_token):
    att = input_ids.ne(pad_token).to(torch.int64)
    pos = att.cumsum(1) - att
    return {"attention_mask": att, "position_ids": pos.clamp(max=input_ids.size(1) - 1)}
