"""Laws whose elements are drawn one by one, in any order."""
