"""Devices, their backends, and the self-test that they draw the same bits."""
