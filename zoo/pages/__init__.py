"""HTML pages: what every page and every display in a notebook shares.

`frame` makes a whole page, or a fragment for a notebook, of parts. `parts` makes the parts: tables,
figures, sheets of images, a confusion matrix that opens its pictures. `pictures` writes figures and
images as addresses that hold the picture itself, `words` shortens names that may be hostile, and
`notebook` shows a value as its picture.
The HTML and CSS stand in `templates`; Jinja2 escapes all text in them. Reports and `zoo.inspect`
make their pages with this room. A page loads nothing from anywhere, and runs no script.
"""
