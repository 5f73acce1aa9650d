"""The groups of operations in the OpenAPI document, in the order of use."""

from __future__ import annotations

TAGS = [
    {
        "name": "checkpoints",
        "description": "Start here. A *spec* says which network to make and how to initialize it: its type and sizes, "
        "a `seed`, and `init`. Post it to get the file, or to `/v1/plan` to see its size, tensors and links first. Every "
        "spec has a short code, its *recipe*, which the other URLs contain: the same recipe gives the same bytes.",
    },
    {
        "name": "diagnostics",
        "description": "Find out before training whether a start is likely to learn: how far signals and gradients "
        "reach in time, at which scale, and which change would help. Compare several starts of one network, or have all of "
        "them ranked.",
    },
    {
        "name": "identification",
        "description": "The way back: upload the weights of an untrained network and get the initialization that "
        "they were drawn from.",
    },
    {
        "name": "about",
        "description": "What this server can do: every initialization with its formula, options and source; devices; "
        "versions. Open `/v1/initializers` in a browser to read it as a page.",
    },
    {
        "name": "session",
        "description": "For pages in a browser, which cannot send a key with every download: exchange an API key for a "
        "cookie. Programs send the key itself.",
    },
    {
        "name": "health",
        "description": "For those who run the server: probes for an orchestrator, and metrics for Prometheus.",
    },
]
