"""Views of a result: what a person or another program reads after a run."""
