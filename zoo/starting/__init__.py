"""The start of a process: its streams, its signals, and a quiet start of TensorFlow.

`import zoo` begins with `interrupts`, so this package and its modules import the standard library
only. `signals` collects Ctrl-C and SIGTERM during a training. `start_up_notes` is used wherever
TensorFlow is imported for the first time.
"""
