"""Curves: how scores change with epochs, with a setting, and with the confidence of answers.

Users call these functions through `zoo.inspect`, and the page of `zoo inspect` shows the pictures:

- `learning.learning_curves` draws scores over epochs, with the spread over several runs;
- `sweep.sweep_curve` draws scores over the values of a setting, such as the learning rate;
- `reliability.reliability` compares confidence with accuracy;
- `risk.risk_coverage` shows the accuracy on the most confident answers;
- `histories`, `settings`, `spread`, `sweep_runs`, `judged` and `drawing` are what they share.
"""
