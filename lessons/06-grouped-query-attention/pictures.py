"""The pictures of lesson 6."""

from grader.picture import Bars, Series

LAYERS, WIDTH, TOKENS, BYTES = 32, 128, 8192, 2  # of Llama 3 8B: layers, width of a head; 16-bit numbers
HEADS = (1, 2, 4, 8, 16, 32)


def cache_by_heads() -> Bars:
    """The cache of one conversation, by its key-value heads."""
    sizes = [2 * LAYERS * heads * WIDTH * TOKENS * BYTES / 2**30 for heads in HEADS]
    title = "KV cache of 8192 tokens by key-value heads"
    return Bars("cache-by-heads", title, tuple(map(str, HEADS)), (Series("cache", sizes),), "GiB")
