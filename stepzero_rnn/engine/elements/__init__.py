"""Laws whose elements are independent of each other, so they can be drawn in any order."""
