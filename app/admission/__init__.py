"""Admission control: what a request costs, whether there is room for it, and its place in the
queue.
"""
