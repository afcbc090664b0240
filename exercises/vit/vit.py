"""The Vision Transformer: patches, a class token, pre-norm blocks without a mask, a head on token 0."""

import torch
import torch.nn.functional as F
from patch_embedding import PatchEmbed
from torch import Tensor, nn


class ViT(nn.Module):
    """A Vision Transformer with a class token and learned positions.

    image_size: I, the side of an image. patch: P, divides I; N = (I/P)² patches. channels: C. dim: D. depth: number of
    blocks. heads: H, each of width K = D/H. mlp_dim: F. num_classes: rows of the head.
    Parameters: those of the table in the statement, under these names, and no others: cls_token (1, 1, D), pos_embed
        (1, N + 1, D), patch_embed.proj, blocks.i with norm1, attn.qkv (3D, D), attn.proj, norm2, mlp.fc1 and
        mlp.fc2, then norm and head. They begin finite and such that two images get different features.

    With all linear maps set to 0, the class token and its position [1, 2, 3, 8] are normalised, and this head
    reads the first and the last number:

    >>> vit = ViT(image_size=6, patch=3, channels=1, dim=4, depth=1, heads=2, mlp_dim=3, num_classes=2)
    >>> sum(p.numel() for p in vit.parameters())
    209
    >>> state = {name: torch.zeros_like(value) for name, value in vit.state_dict().items()}
    >>> state["cls_token"][0, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    >>> state["pos_embed"][0, 0] = torch.tensor([0.0, 0.0, 0.0, 4.0])
    >>> state["norm.weight"] = torch.ones(4)
    >>> state["head.weight"] = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    >>> _ = vit.load_state_dict(state)
    >>> vit(torch.ones(1, 1, 6, 6)).detach()
    tensor([[-0.9285,  1.6713]])
    """

    def __init__(
        self,
        image_size: int,
        patch: int,
        channels: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        num_classes: int,
    ) -> None:
        raise NotImplementedError

    def features(self, images: Tensor) -> Tensor:
        """All tokens after the last norm.

        images: floating point (B, C, I, I), in the dtype of the parameters.
        Returns: (B, N + 1, D), the class token first, then the patches row by row.
            Gradients flow to images and to all parameters but those of the head.
        Raises: ValueError, or torch's RuntimeError, unless the images are I x I.
        """
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """The logits of each class.

        images: as for features.
        Returns: (B, num_classes): the head of token 0 of features. Gradients flow to images and to all parameters.
        Raises: ValueError, or torch's RuntimeError, unless the images are I x I.
        """
        raise NotImplementedError


def resize_positions(pos_embed: Tensor, new_grid: int) -> Tensor:
    """The table of positions for a grid of another size.

    pos_embed: floating point (1, g² + 1, D), g >= 1: the position of the class token, then those of a g x g grid, row
        by row.
    new_grid: n >= 1, the side of the new grid.
    Returns: (1, n² + 1, D) in the dtype of pos_embed: row 0 as it was, and the grid resized to n x n by bicubic
        interpolation, that of F.interpolate with align_corners=False and antialias=False. Gradients flow.

    >>> pos_embed = torch.tensor([9.0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).view(1, 10, 1)  # class token and a 3 x 3 grid
    >>> resize_positions(pos_embed, 2)[0, :, 0]
    tensor([9.0000, 0.7656, 2.3828, 5.6172, 7.2344])
    """
    raise NotImplementedError


def vit_param_count(
    image_size: int, patch: int, channels: int, dim: int, depth: int, mlp_dim: int, num_classes: int
) -> int:
    """How many numbers a ViT has.

    Arguments: as for ViT; patch divides image_size.
    Returns: the number of its parameters, an int.

    >>> vit_param_count(224, patch=16, channels=3, dim=768, depth=12, mlp_dim=3072, num_classes=1000)
    86567656
    """
    raise NotImplementedError
