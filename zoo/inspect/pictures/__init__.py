"""Images worth looking at: confident mistakes, disputed images, labels that may be wrong.

Users call these functions through `zoo.inspect`, and the page of `zoo inspect` shows their results:

- `mistakes.mistakes` and `mistakes.disputed` rank images by a model's or committee's answers;
- `label_suspects.label_suspects` ranks images by how probably their labels are wrong;
- `neighbours.neighbours` finds the nearest training images in feature space;
- `leaks.leaks` measures the accuracy with and without test images that leaked into the training;
- `ranked_images.RankedImages` is the value of the first three, with its picture and its table;
- `predictions`, `sheet` and `table` are what they share.
"""
