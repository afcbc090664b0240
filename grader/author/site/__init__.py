"""The course as a static site: pages that open as files, without a server and without a network.

It is made of what a student may have: lessons, statements of exercises, glossary, notation and documents.
"""
