"""Repositories for clients of the Hugging Face Hub: ids, files, commits; without HTTP."""
