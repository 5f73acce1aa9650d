"""Arrays that people set by hand: read from foreign files, checked, and kept in one canonical
form.
"""
