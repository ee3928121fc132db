"""What commands do with runs: before a training, and with the run folders that trainings leave.

`members` makes members of the words of the command line, `teaching` has the options of a teacher,
and `resuming` brings back the options of a run that goes on. `listing` reads run folders, and
`serving` starts TensorBoard on them. The commands and the application use this room; the room
imports no command.
"""
