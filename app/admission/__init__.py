"""Admission control: budget, queue and each caller's share."""
