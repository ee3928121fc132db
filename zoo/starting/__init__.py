"""The start of a process: Ctrl-C while a command is imported, and a quiet start of TensorFlow.

`import zoo` begins with `interrupts`, so this package and its modules import the standard library
only. `start_up_notes` is used wherever TensorFlow is imported for the first time.
"""
