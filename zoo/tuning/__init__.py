"""Sweeps: trials of one model with other settings, which Optuna proposes and Zoo trains together.

Users call `zoo.tune`, and the command line calls it too:

- `tune.tune` is the way in, and `sweep.Sweep` what it returns;
- `space` says which settings vary, and makes a member of a committee of each proposal;
- `study` opens Optuna's study: its sampler, its pruner and its storage;
- `rounds` trains a round of trials in one training, and `pruning` lets trials leave early;
- `trials` keeps the curves, weights and answers of each trial in a file, and `trial_log` shows them
  in TensorBoard;
- `choosing` takes a committee from all trials, `confirming` trains the best again with fresh seeds,
  and `figures` draws the whole sweep.

Optuna is the extra `[tune]`, and is imported when a sweep starts.
"""
