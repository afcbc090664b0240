"""Byte-pair encoding: a vocabulary that is learned by joining the most frequent pair of tokens, again and again."""


def learn_merges(counts: dict[str, int], num_merges: int) -> list[tuple[int, int]]:
    """The pairs of tokens that are joined, in the order in which they are learned.

    At first each byte of a word's UTF-8 is one token, and its number is the byte, 0 to 255. Then, num_merges times:
    count how often each pair of neighbours stands in the words, where a word that occurs n times counts n times; take
    the pair with the largest count, and of equal counts the smallest pair, as Python compares tuples; join it wherever
    it stands in a word, from left to right. Merge number i, from 0, makes the token 256 + i.

    Pairs may overlap when they are counted, and not when they are joined: aaa holds the pair (a, a) twice and becomes
    aa, a. No pair reaches from one word into another.

    counts: words, none of them empty, and how often each occurs, 1 or more. It is not changed.
    num_merges: 0 or more.
    Returns: num_merges pairs; fewer if before that each word has become one token.

    >>> learn_merges({"low": 5, "lower": 2, "newer": 1}, num_merges=3)  # lo (not ow, which is as frequent), low, er
    [(108, 111), (256, 119), (101, 114)]
    """
    raise NotImplementedError


def encode(word: str, merges: list[tuple[int, int]]) -> list[int]:
    """The tokens of one word: of all merges that fit a pair of neighbours, the one that was learned first comes first.

    word: any text, also with characters that were in no text the merges were learned from; "" has no tokens.
    merges: as learn_merges returns them.
    Returns: the numbers of the tokens, 0 to 255 + len(merges). It begins with one token per byte of the word's UTF-8.
        Where a pair stands several times, those further left are joined first.

    >>> merges = [(108, 111), (256, 119), (101, 114)]
    >>> encode("slower", merges), encode("é", merges)
    ([115, 257, 258], [195, 169])
    """
    raise NotImplementedError


def decode(ids: list[int], merges: list[tuple[int, int]]) -> str:
    """The text that these tokens stand for.

    Their bytes are put in a row and read as UTF-8. What is no valid UTF-8 becomes U+FFFD, as bytes.decode does it with
    errors="replace".
    ids: numbers of tokens, also of several words, in any number. merges: as learn_merges returns them.
    Raises: ValueError if a number is below 0 or above 255 + len(merges).

    >>> decode([257, 258, 195, 169], [(108, 111), (256, 119), (101, 114)])
    'loweré'
    >>> decode([195], [])
    '�'
    """
    raise NotImplementedError


def bytes_per_token(counts: dict[str, int], merges: list[tuple[int, int]]) -> float:
    """How many bytes of a text stand behind a token on average: all its bytes over all its tokens.

    counts: the words of the text, none of them empty, and how often each occurs, 1 or more. Each is encoded by itself.

    >>> bytes_per_token({"low": 3, "er": 1}, [(108, 111), (256, 119), (101, 114)])  # 11 bytes, 4 tokens
    2.75
    """
    raise NotImplementedError
