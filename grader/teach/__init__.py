"""The instructor's side: hand-ins, batches, the gradebook and its formats, question banks, releases."""
