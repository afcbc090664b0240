"""grade review: brings questions back."""

import click
