"""The schemes and presets that a request can name, as models."""
