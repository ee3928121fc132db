"""Extensions of Sphinx that write pages and drawings from the code when `make docs` runs."""
