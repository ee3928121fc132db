"""The Keras models that a committee is: its members side by side, and a rule that combines them.

`member_models` computes the probabilities of each member, and knows which images they have been
trained on. `voting_model` combines them: it predicts, reports, and answers about pictures.
`zoo.ensembles.Committee` adds training and saving to it; `zoo.ensembles.export` writes it
as a graph. `configuration` writes members as the values that a saved committee holds.
"""
