"""The words of the command line: how values are read, and how messages are written.

`values` reads the text behind an option, and `wording` writes messages of functions in the words of
the command line. Commands and options use this room; the room imports no command.
"""
