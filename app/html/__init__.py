"""Pages that the server writes itself: HTML without scripts."""
