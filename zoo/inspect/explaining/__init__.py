"""Maps of the pixels on which an answer rests, by twelve methods, for models and committees.

Users call `zoo.inspect.explain`; the room `judging` tells how far such maps can be trusted.
"""
