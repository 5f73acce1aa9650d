"""Laws that draw a whole matrix at once."""
