"""Laws whose matrices are drawn whole."""
