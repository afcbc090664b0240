"""The student's own slips: tries that made a known mistake, kept until `grade review` asks about them."""
