"""From the layers of a vision tower to the input of a language model, as in LLaVA."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Projector(nn.Module):
    """linear_2(gelu(linear_1(x))): from the width of the vision tower to that of the language model.

    Parameters: linear_1.weight (text_dim, vision_dim), linear_1.bias (text_dim,), linear_2.weight (text_dim,
    text_dim), linear_2.bias (text_dim,), and no others. GELU is the exact one, z/2 · (1 + erf(z/√2)).

    >>> projector = Projector(vision_dim=1024, text_dim=4096)
    >>> sum(p.numel() for p in projector.parameters())  # that of LLaVA-1.5-7B
    20979712
    """

    def __init__(self, vision_dim: int, text_dim: int) -> None:
        """How the parameters are drawn at first is not prescribed."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., vision_dim), in the dtype of the parameters. Returns: (..., text_dim)."""
        raise NotImplementedError


def select_features(hidden_states: Sequence[Tensor], layer: int, strategy: str) -> Tensor:
    """What the language model gets to see of the vision tower.

    hidden_states: a list of tensors (B, N + 1, D): what goes into the first block, then what comes out of each block.
        Token 0 is the class token, the N others are patches.
    layer: which entry of the list; negative numbers count from the end. LLaVA-1.5 takes -2.
    strategy: "default" leaves the class token out, "full" keeps it.
    Returns: (B, N, D) for "default", (B, N + 1, D) for "full".
    Raises: ValueError for any other strategy.

    >>> states = [torch.tensor([[[0.0], [0.25], [0.5]]]), torch.tensor([[[1.0], [2.0], [3.0]]])]  # N = 2, D = 1
    >>> select_features(states, layer=-2, strategy="default").tolist()
    [[[0.25], [0.5]]]
    """
    raise NotImplementedError


def expand_image_tokens(ids: list[int], image_token: int, n_tokens: int) -> list[int]:
    """The prompt with room for its images: each image_token is repeated until there are n_tokens of it.

    ids: a prompt, in which every image_token stands for one whole image. There may be none, or neighbours.
    n_tokens: at least 1, how many positions an image takes.

    >>> expand_image_tokens([1, 32000, 306, 32000], image_token=32000, n_tokens=3)
    [1, 32000, 32000, 32000, 306, 32000, 32000, 32000]
    """
    raise NotImplementedError


def merge(input_ids: Tensor, embedding: Tensor, image_features: Tensor, image_token: int) -> Tensor:
    """The input of the language model: embeddings of the text, and features in the places of image_token.

    input_ids: (B, T) int64, expanded. Text lies in 0 ... V - 1; image_token may be any number, also below 0 or from
        V on, and has no embedding.
    embedding: (V, D), one row for each word of the vocabulary; float32 or float64.
    image_features: (I, P, D) in the dtype of embedding, the P patches of I images. I is 0 where no text has an image.
    Returns: (B, T, D). The I·P rows of image_features fill the placeholders in reading order: the first text from left
        to right, then the second. What stands between placeholders does not matter. Gradients flow to embedding
        and to image_features.
    Raises: ValueError unless there are exactly I·P placeholders.

    >>> embedding = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    >>> image_features = torch.tensor([[[11.0, 12.0], [13.0, 14.0]]])
    >>> merge(torch.tensor([[2, -200, -200, 0]]), embedding, image_features, image_token=-200)
    tensor([[[ 0.5000,  0.6000],
             [11.0000, 12.0000],
             [13.0000, 14.0000],
             [ 0.1000,  0.2000]]])
    """
    raise NotImplementedError


def make_labels(input_ids: Tensor, image_token: int, pad_token: int, prompt_lengths: Tensor) -> Tensor:
    """The token itself where the model shall learn to write it, -100 where it shall not.

    input_ids: (B, T) int64. Padding, at the left or at the right end of a text, is pad_token, which occurs
        nowhere else. All other tokens are real, those of images too. Every text has at least one.
    prompt_lengths: (B,) int64; how many of a text's first real tokens are its prompt, images included: 0 or more.
    Returns: (B, T) int64. -100 at padding, in the prompt, and at every image_token, also behind the prompt; the
        number of input_ids elsewhere. Not shifted: the model itself compares what it says at t with label t + 1.

    >>> ids = torch.tensor([[0, 0, 5, 9, 9, 6, 7, 8], [4, 9, 9, 3, 2, 0, 0, 0]])
    >>> make_labels(ids, image_token=9, pad_token=0, prompt_lengths=torch.tensor([4, 1]))
    tensor([[-100, -100, -100, -100, -100, -100,    7,    8],
            [-100, -100, -100,    3,    2, -100, -100, -100]])
    """
    raise NotImplementedError


def batch_inputs(input_ids: Tensor, pad_token: int) -> dict[str, Tensor]:
    """What a decoder has to be told about a padded batch.

    input_ids, pad_token: as in make_labels.
    Returns: {"attention_mask", "position_ids"}, each (B, T) int64. attention_mask is 1 at real tokens and 0 at padding.
        position_ids counts the real tokens of each text, 0, 1, 2, ...; at padding it may be any number from 0 to T - 1.

    >>> inputs = batch_inputs(torch.tensor([[0, 0, 5, 9, 6], [4, 9, 9, 3, 2]]), pad_token=0)
    >>> inputs["attention_mask"]
    tensor([[0, 0, 1, 1, 1],
            [1, 1, 1, 1, 1]])
    >>> inputs["position_ids"]
    tensor([[0, 0, 0, 1, 2],
            [0, 1, 2, 3, 4]])
    """
    raise NotImplementedError
