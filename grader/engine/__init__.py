"""A job goes in, a result comes out: the submission, its sandbox, the judge and the pool of their processes."""
