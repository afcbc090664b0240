# TRUE CAUSE: takes cross-attention to be causal too: position t of the target sees only the positions 0 ... t of the
# source. The source is complete, so every target position may see all of it.
import torch
import torch.nn.functional as F
from torch import nn


def shift_right(labels, decoder_start_token_id, pad_token_id):
    clean = torch.where(labels == -100, pad_token_id, labels)
    first = clean.new_full((clean.shape[0], 1), decoder_start_token_id)
    return torch.cat((first, clean[:, :-1]), dim=1)


class Seq2SeqDecoderBlock(nn.Module):
    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__()
        self.num_heads = num_heads
        self.d_head = d_model // num_heads
        for part in ("self", "cross"):
            for role in ("q", "k", "v", "out"):
                setattr(self, f"{part}_{role}_proj", nn.Linear(d_model, d_model))
        self.fc1 = nn.Linear(d_model, ffn_dim)
        self.fc2 = nn.Linear(ffn_dim, d_model)
        self.self_norm = nn.LayerNorm(d_model, eps)
        self.cross_norm = nn.LayerNorm(d_model, eps)
        self.ffn_norm = nn.LayerNorm(d_model, eps)

    def heads(self, t):
        batch, length, _ = t.shape
        return t.reshape(batch, length, self.num_heads, self.d_head).permute(0, 2, 1, 3)

    def causal_attention(self, q, k, v, key_mask):
        n_query, n_key = q.shape[2], k.shape[2]
        visible = torch.arange(n_key)[None, :] <= torch.arange(n_query)[:, None]
        visible = visible[None, None]
        if key_mask is not None:
            visible = visible & (key_mask != 0)[:, None, None]
        some = visible.any(-1, keepdim=True)
        scores = (q * self.d_head**-0.5) @ k.mT
        scores = torch.where(visible | ~some, scores, float("-inf"))
        out = (torch.softmax(scores, -1) @ v) * some
        return out.permute(0, 2, 1, 3).reshape(q.shape[0], n_query, -1)

    def memory_kv(self, memory):
        return self.heads(self.cross_k_proj(memory)), self.heads(self.cross_v_proj(memory))

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        q, k, v = map(self.heads, (self.self_q_proj(x), self.self_k_proj(x), self.self_v_proj(x)))
        read = self.causal_attention(q, k, v, target_mask)
        x = self.self_norm(x + self.self_out_proj(read))
        read = self.causal_attention(self.heads(self.cross_q_proj(x)), memory_k, memory_v, memory_mask)
        x = self.cross_norm(x + self.cross_out_proj(read))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        keys, values = self.memory_kv(memory)
        return self.decode(x, keys, values, memory_mask=memory_mask, target_mask=target_mask)
