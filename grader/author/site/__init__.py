"""The course as a static site, whose pages open as files without a server or a network.

The site contains only what students may see: lessons, statements of exercises, glossary, notation and documents.
"""
