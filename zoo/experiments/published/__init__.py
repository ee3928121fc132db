"""What the reports published, and how a result compares.

- `values`: a published value, as the file of an experiment gives it;
- `confusion`: accuracy, precision, recall and F1 of a confusion matrix, with their noise;
- `verdict`: the test that compares a result with a published value.
"""
