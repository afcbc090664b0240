"""Many submissions: each is graded once, on this machine or on others, and nothing that was graded is lost."""
