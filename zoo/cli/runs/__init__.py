"""What `zoo train` and `zoo committee` do between their options and the training of a committee.

`members` makes members of the words of the command line, and `resuming` brings back the options of
a run that goes on. The commands and the application use this room; the room imports no command.
"""
