"""What is wrong with a submission, told from what its tests asked and what it answered."""
