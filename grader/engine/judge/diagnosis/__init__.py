"""Diagnosis: the known mistakes in a submission, and what its failures depend on."""
