"""Which initialization a file is: its values, tested against every law of the catalogue."""
