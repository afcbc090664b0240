"""What everybody uses, and what imports nothing of ours."""
