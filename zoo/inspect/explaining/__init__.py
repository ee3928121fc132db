"""Maps of the pixels on which an answer rests, by twelve methods, for models and committees.

Users call `zoo.inspect.explain`; the room `judging` tells how far such maps can be trusted. A new
method is one function with the mark `@method` in `gradients`, `class_activation` or `perturbation`.
`explain.make_explainer` compiles a method for a model once, for many calls and other weights;
`agreement` compares maps.
"""
