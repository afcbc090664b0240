"""Signed results: what was changed after an instructor signed it is detected. Ed25519, from the cryptography package.

Importing this package is a UsageError where that is not installed.
"""

from grader.base.errors import UsageError

try:
    import cryptography as cryptography
except ImportError:
    raise UsageError("Signatures need cryptography, which is not installed: pip install 'archgrade[sign]'.") from None
