"""The schemes and presets that a request can use, as models."""
