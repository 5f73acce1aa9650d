"""How numbers are made: drawn, checked and measured."""
