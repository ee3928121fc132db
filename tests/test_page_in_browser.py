"""What a browser shows of the page of a model, looked at in headless Chromium."""

import keras
import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.inspect import model_page
from zoo.inspect.page_parts import making
from zoo.inspect.page_parts.contents import PARTS
from zoo.pages.frame import fragment
from zoo.pages.parts import table

OPENED = "document.querySelector('.opened:popover-open')?.id ?? null"
"""The identifier of the cell whose pictures are shown, or null."""

CONTRAST = """
(() => {
  const luminance = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    const scale = text.startsWith("rgb") ? 255 : 1;
    const [r, g, b] = numbers.slice(0, 3).map((value) => {
      value /= scale;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrasts = [...document.querySelectorAll("SELECTOR")].map((node) => {
    const ink = luminance(getComputedStyle(node).color);
    let under = node;
    while (/, 0\\)$/.test(getComputedStyle(under).backgroundColor)) under = under.parentElement;
    const paper = luminance(getComputedStyle(under).backgroundColor);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  });
  return Math.min(21, ...contrasts);
})()
"""
"""The smallest contrast of letters with what is under them, as WCAG defines contrast."""

NOTEBOOK = """
<!DOCTYPE html><html><head><style>
body { background: #111; color: #fff; }
.jp-RenderedHTMLCommon td { color: #fff; }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: #111; }
</style></head><body data-jp-theme-light="false"><div class="jp-RenderedHTMLCommon">
"""
"""The rules of JupyterLab's dark theme for tables."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the page of a model with twelve classes whose names are long."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 8, 8, 1)).astype("uint8")
    names = [f"class number {number} of many" for number in range(12)]
    split = as_split(images, np.arange(300) % 12, class_names=names, name="test")
    layers = [keras.layers.Flatten(), keras.layers.Dense(12, activation="softmax")]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers], name="long_name_" * 8)
    keys = ("report", "confusion", "confidence", "weights", "suspects", "mistakes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "PARTS", [part for part in PARTS if part.key in keys])
        made = model_page(model, split, facts={"Command": "x" * 300}, verbose=0)
    return made.save(tmp_path_factory.mktemp("page") / "page.html").as_uri()


@pytest.fixture
def show(browser):
    """Open a page at a width in pixels, in a colour scheme."""

    def open_page(url, width=1280, scheme="light"):
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.send("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": scheme}
        browser.send("Emulation.setEmulatedMedia", features=[scheme])
        browser.show(url)
        browser.wait_until("document.readyState == 'complete'")
        return browser

    yield open_page
    browser.send("Emulation.clearDeviceMetricsOverride")
    browser.send("Emulation.setEmulatedMedia", features=[])


def press(browser, key, code, text=""):
    """Press a key."""
    options = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}
    browser.send("Input.dispatchKeyEvent", type="keyDown", **options)
    browser.send("Input.dispatchKeyEvent", type="keyUp", **options)


def cell_of(browser):
    """Scroll to the first cell with pictures; give the identifier, and the middle of the cell."""
    return browser.evaluate(
        """(() => {
          const cell = document.querySelector(".matrix button[popovertarget]");
          cell.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
          const box = cell.getBoundingClientRect();
          const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
          return [cell.getAttribute("popovertarget"), x, y];
        })()"""
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_a_click_on_a_cell_shows_the_pictures(show, address, width):
    browser = show(address, width)
    name, x, y = cell_of(browser)
    for kind in ("mousePressed", "mouseReleased"):
        place = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
        browser.send("Input.dispatchMouseEvent", **place)
    assert browser.evaluate(OPENED) == name
    box = browser.evaluate(
        """(() => {
          const box = document.querySelector(".opened:popover-open").getBoundingClientRect();
          return [box.left, box.right, innerWidth];
        })()"""
    )
    assert 0 <= box[0] < box[1] <= box[2]
    pictures = ".opened:popover-open img"
    browser.wait_until(f"[...document.querySelectorAll('{pictures}')].every(i => i.naturalWidth)")
    assert browser.evaluate(f"document.querySelectorAll('{pictures}').length") > 0
    press(browser, "Escape", 27)
    assert browser.evaluate(OPENED) is None


def test_a_cell_is_opened_and_closed_by_the_keyboard(show, address):
    browser = show(address)
    name, _, _ = cell_of(browser)
    browser.evaluate("document.querySelector('.matrix button[popovertarget]').focus()")
    press(browser, "Enter", 13, "\r")
    assert browser.evaluate(OPENED) == name
    assert browser.evaluate("document.activeElement.textContent") == "Close"
    press(browser, "Enter", 13, "\r")
    assert browser.evaluate(OPENED) is None
    assert browser.evaluate("document.activeElement.getAttribute('popovertarget')") == name


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_does_not_scroll_sideways(show, address, width):
    browser = show(address, width)
    root = "document.documentElement"
    assert browser.evaluate(f"{root}.scrollWidth") == browser.evaluate(f"{root}.clientWidth")
    assert browser.evaluate("innerWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_are_legible(show, address, scheme):
    browser = show(address, scheme=scheme)
    dark = scheme == "dark"
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(20, 24, 29)" if dark else "rgb(246, 247, 249)")
    for selector in ("p", ".note", "th", "td", "dd", "dt", ".matrix button", ".matrix span", "a"):
        assert browser.evaluate(CONTRAST.replace("SELECTOR", selector)) >= 4.5, selector


def test_a_cell_of_any_share_is_legible(show, tmp_path):
    from zoo.pages.frame import Section, whole_page
    from zoo.pages.parts import Cell, matrix_of_cells

    cells = [[Cell(10, share / 20) for share in range(21)]]
    part = matrix_of_cells([*map(str, range(21))], cells, "")
    path = tmp_path / "page.html"
    path.write_text(whole_page("Cells", [Section("cells", "Cells", [part])]), "utf-8")
    for scheme in ("light", "dark"):
        browser = show(path.as_uri(), scheme=scheme)
        assert browser.evaluate(CONTRAST.replace("SELECTOR", ".matrix span")) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_is_legible_in_a_dark_notebook(show, tmp_path, scheme):
    rows = [[f"row {number}", "1"] for number in range(4)]
    path = tmp_path / "notebook.html"
    path.write_text(f"{NOTEBOOK}{fragment(table('Scores', ['', 'n'], rows))}</div></body>", "utf-8")
    browser = show(path.as_uri(), scheme=scheme)
    for selector in ("th", "td", "figcaption"):
        assert browser.evaluate(CONTRAST.replace("SELECTOR", selector)) >= 4.5
    background = "getComputedStyle(document.querySelector('.fragment')).backgroundColor"
    assert browser.evaluate(background) == "rgb(20, 24, 29)"
