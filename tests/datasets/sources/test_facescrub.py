"""FaceScrub: the data set, its lists (`formats.face_list`), and fetching its pictures
(`fetching.facescrub_pictures` and `fetching.public_web`).
"""

import csv
import hashlib
import io
import re
import socket

import numpy as np
import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import zoo.datasets
from zoo.datasets.fetching import facescrub_pictures, public_web
from zoo.datasets.fetching.facescrub_pictures import fetch_pictures
from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats.face_list import COLUMNS, read_lists
from zoo.datasets.sources.facescrub import INFO
from zoo.errors import DataError

ACTORS = ("Jesse L. Martin", "Rosie O'Donnell", "Zoë Kravitz")


def picture(shade, size=(60, 80)):
    """White, with a square of a shade at 10..30 across and 20..50 down."""
    pixels = np.full((*size, 3), 255, np.uint8)
    pixels[20:50, 10:30] = shade
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def rows(pictures, url="http://example.org"):
    """A row for each picture, one actor after another."""
    return [
        [ACTORS[k % 3], str(k), str(100 + k), f"{url}/{k}.png", "10,20,30,50",
         hashlib.sha256(content).hexdigest()]
        for k, content in enumerate(pictures)
    ]  # fmt: skip


def listed(rows, columns=COLUMNS):
    return "".join("\t".join(row) + "\n" for row in [columns, *rows]).encode()


PICTURES = [picture(10 * k) for k in range(12)]
ROWS = rows(PICTURES)


@pytest.fixture
def root(write):
    """Lists with half of the actors' pictures each, and the pictures."""
    files = {f"pictures/{row[-1]}": content for row, content in zip(ROWS, PICTURES, strict=True)}
    files["facescrub_actors.txt"] = listed(ROWS[:6])
    files["facescrub_actresses.txt"] = listed(ROWS[6:])
    return write("facescrub", files)


def load(root, **options):
    return zoo.datasets.load("facescrub", root, **{"validation": 0, "test": 0} | options)


def test_faces_are_cut_out_scaled_and_grey(root):
    data = load(root)
    assert data.class_names == ACTORS
    assert data.image_shape == (32, 32, 1)
    assert data.train.class_counts == dict.fromkeys(ACTORS, 4)
    shades = 10 * np.arange(12)
    np.testing.assert_array_equal(data.train.images.min((1, 2, 3)), shades)
    np.testing.assert_array_equal(data.train.images.max((1, 2, 3)), shades)


def test_large_and_in_colour_for_alexnet(root):
    assert load(root, image_size=227, color="rgb").image_shape == (227, 227, 3)


def test_actors_are_chosen_and_parted_one_by_one(root):
    data = load(root, classes=[ACTORS[2], ACTORS[0]], validation=1, test=2)
    assert data.class_names == (ACTORS[2], ACTORS[0])
    for part, count in ((data.train, 1), (data.validation, 1), (data.test, 2)):
        assert set(part.class_counts.values()) == {count}


def test_missing_pictures_are_counted_and_missing_actors_named(root):
    for row in (ROWS[0], ROWS[1]):
        (root / "pictures" / row[-1]).unlink()
    with pytest.warns(UserWarning, match=r"2 of 12 faces are left out.*skipped\.tsv") as warned:
        assert len(load(root).train) == 10
    assert len(warned) == 1
    with pytest.raises(DataError, match="pictures of 'Nobody', who is not in the lists"):
        load(root, classes=["Nobody", ACTORS[0]])
    for row in ROWS:
        (root / "pictures" / row[-1]).unlink(missing_ok=True)
    with pytest.raises(DataError, match="download=True"):
        load(root)
    with pytest.raises(DataError, match=f"pictures of {ACTORS[0]!r}, who is in the lists"):
        load(root, classes=ACTORS[:2])


def test_a_box_that_reaches_beyond_the_picture_is_cut(root):
    row = [*ROWS[0][:4], "10,20,9000,50", ROWS[0][5]]
    (root / "facescrub_actors.txt").write_bytes(listed([row, *ROWS[1:6]]))
    assert load(root).train.images[0].max() == 255


def test_faces_that_cannot_be_cut_out_are_counted(root):
    outside = [*ROWS[0][:4], "80,20,90,50", ROWS[0][5]]
    (root / "facescrub_actors.txt").write_bytes(listed([outside, *ROWS[1:6]]))
    (root / "pictures" / ROWS[7][-1]).write_bytes(PICTURES[8])
    for cache in (True, True, False):
        with pytest.warns(
            UserWarning, match=r"2 of 12 faces .* the first: .*the box \(80, "
        ) as said:
            data = load(root, cache=cache)
        assert len(said) == 1
        shades = 10 * np.array([1, 2, 3, 4, 5, 6, 8, 9, 10, 11])
        np.testing.assert_array_equal(data.train.images.min((1, 2, 3)), shades)
        assert data.train.class_counts == dict(zip(ACTORS, (3, 3, 4), strict=True))


def test_an_actor_whose_faces_all_cannot_be_cut_out_is_named(root):
    for row in ROWS[::3]:
        (root / "pictures" / row[-1]).write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="4 of 12 faces"):
        assert load(root).class_names == ACTORS[1:]
    with pytest.raises(DataError, match=f"{ACTORS[0]!r}, .*no usable picture .*another"):
        load(root, classes=ACTORS[:2])


def test_a_listed_file_that_is_no_picture_is_left_out(root):
    row = [*ROWS[0][:5], hashlib.sha256(b"no picture").hexdigest()]
    (root / "pictures" / row[-1]).write_bytes(b"no picture")
    (root / "facescrub_actors.txt").write_bytes(listed([row, *ROWS[1:6]]))
    with pytest.warns(UserWarning, match="1 of 12 faces .* must be a readable image"):
        assert len(load(root).train) == 11


def test_actors_with_too_few_faces_to_hold_some_out_are_left_out(root):
    for row in ROWS[4::3]:
        (root / "pictures" / row[-1]).unlink()
    few = r"^1 of 3 classes have too few images to hold some out: Rosie O'Donnell \(1\); they are"
    with (
        pytest.warns(UserWarning, match="3 of 12 faces are left out"),
        pytest.warns(UserWarning, match=few),
    ):
        data = load(root, validation=0.1, test=0.2)
    assert data.class_names == (ACTORS[0], ACTORS[2])
    again = load(root, classes=data.class_names, validation=0.1, test=0.2)
    for part, same in zip(data.splits.values(), again.splits.values(), strict=True):
        np.testing.assert_array_equal(part.images, same.images)
    with (
        pytest.warns(UserWarning, match="faces are left out"),
        pytest.raises(DataError, match='3 images of class "Rosie O\'Donnell" to hold some out'),
    ):
        load(root, classes=ACTORS, validation=0.1, test=0.2)
    with (
        pytest.warns(UserWarning, match="faces are left out"),
        pytest.raises(DataError, match="3 of 3 classes have too few"),
    ):
        load(root, test=4)


BAD_ROWS = [
    ({4: "10,20,30"}, "a box"),
    ({4: "30,20,10,50"}, "a box"),
    ({4: "-1,20,10,50"}, "a box"),
    ({4: "a,b,c,d"}, "a box"),
    ({4: "1,1,99999999999999999999,2"}, "a box"),
    ({5: "../../etc/passwd"}, "a SHA-256"),
    ({5: 64 * "g"}, "a SHA-256"),
    ({0: ""}, "an actor's name"),
    ({0: "../x"}, "an actor's name"),
    ({0: "x" * 200}, "an actor's name"),
    ({1: "one"}, "numbers of picture and face"),
    ({2: ""}, "numbers of picture and face"),
    ({3: "a\tb"}, "6 columns"),
]


@pytest.mark.parametrize(("changes", "words"), BAD_ROWS)
def test_rows_that_are_wrong_are_named(root, changes, words):
    row = [changes.get(place, value) for place, value in enumerate(ROWS[2])]
    (root / "facescrub_actors.txt").write_bytes(listed([*ROWS[:2], row]))
    with pytest.raises(DataError, match=rf"facescrub_actors\.txt in .*, row 4 must have {words}"):
        load(root)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "pictures of two actors"),
        (b"\xff\xfe", "must be text in UTF-8"),
        (listed(ROWS, COLUMNS[::-1]), "row 1 must have the columns name, image_id"),
        (b"name\timage_id\tface_id\turl\tbbox\tsha256\nx\x00y", "row 2 must have"),
        (b"<!DOCTYPE html>", "row 1 must have the columns"),
    ],
)
def test_lists_that_are_none_are_refused(root, content, words):
    (root / "facescrub_actresses.txt").unlink()
    (root / "facescrub_actors.txt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        load(root)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_damaged_lists_are_faces_or_an_error(tmp_path_factory, data):
    content = bytearray(listed(ROWS[:3]))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("lists")
    (folder / "facescrub_actors.txt").write_bytes(content)
    with open_tree(folder) as tree:
        try:
            faces = read_lists(tree)
        except DataError:
            return
    for face in faces:
        left, top, right, bottom = face.box
        assert left < right
        assert top < bottom
        assert len(bytes.fromhex(face.sha256)) == 32


# --- fetching


@pytest.fixture
def web(server, write, monkeypatch):
    """The lists alone, and a server on this machine that may be asked for once."""
    monkeypatch.setattr(public_web, "is_public", lambda address: True)
    server.files |= {f"/{k}.png": content for k, content in enumerate(PICTURES)}
    server.root = write("lists", {"facescrub_actors.txt": listed(rows(PICTURES, server.url("")))})
    return server


def skipped(root):
    with (root / "skipped.tsv").open(encoding="utf-8", newline="") as file:
        return {row["image_id"]: row["reason"] for row in csv.DictReader(file, delimiter="\t")}


def test_pictures_are_fetched_and_then_read(web, capsys):
    data = load(web.root, download=True)
    assert len(data.train) == 12
    assert skipped(web.root) == {}
    assert "12 pictures fetched, 0 were there, 0 left out" in capsys.readouterr().err
    asked = len(web.asked)
    fetch_pictures(INFO, web.root)
    assert len(web.asked) == asked
    assert "0 pictures fetched, 12 were there" in capsys.readouterr().err


def test_only_the_chosen_actors_are_fetched(web):
    load(web.root, download=True, classes=ACTORS[:2])
    assert len(list((web.root / "pictures").iterdir())) == 8


def test_faces_share_a_picture(web):
    row = rows(PICTURES, web.url(""))[0]
    shared = [row, [ACTORS[1], "0", "7", row[3], "0,0,5,5", row[5]]]
    (web.root / "facescrub_actors.txt").write_bytes(listed(shared))
    assert load(web.root, download=True).train.class_counts == {ACTORS[0]: 1, ACTORS[1]: 1}
    assert len(web.asked) == 1


def test_pictures_that_are_left_out_are_listed_with_the_reason(web, monkeypatch):
    monkeypatch.setattr(facescrub_pictures, "MOST_BYTES", 10_000)
    small = picture(3, size=(15, 80))
    text = b"no picture"
    large = bytes(10_001)
    rows_ = rows([*PICTURES[:6], small, text, large, PICTURES[9], PICTURES[10], PICTURES[11]],
                 web.url(""))  # fmt: skip
    web.files |= {"/6.png": small, "/7.png": text, "/8.png": large}
    web.ways |= {
        "/0.png": "404",
        "/1.png": "html",
        "/2.png": "breaks off",
        "/3.png": "to file:///etc/passwd",
        "/4.png": f"to {web.url('/4.png')}",
        "/5.png": f"to {web.url('/5-moved.png')}",
    }
    web.files["/5-moved.png"] = PICTURES[5]
    web.files["/9.png"] = PICTURES[8]
    rows_[10][3] = "ftp://example.org/x.png"
    rows_[11][3] = "http://[::1/x.png"
    (web.root / "facescrub_actors.txt").write_bytes(listed(rows_))
    fetch_pictures(INFO, web.root)
    reasons = skipped(web.root)
    words = {
        "0": "HTTP 404",
        "1": "a page of HTML",
        "2": "IncompleteRead|broke off",
        "3": "an address that is not http or https",
        "4": "more than 5 redirects",
        "6": r"must hold the box \(10, 20, 30, 50\)\. Received: an image of 80×15",
        "7": "must be a readable image",
        "8": "more than 10,000 bytes",
        "9": "its SHA-256 is another",
        "10": "an address that is not http or https",
        "11": "Invalid|LocationParseError|ValueError",
    }
    assert reasons.keys() == words.keys()
    for number, reason in reasons.items():
        assert re.search(words[number], reason), (number, reason)
    kept = {path.name for path in (web.root / "pictures").iterdir()}
    assert kept == {rows_[5][-1], rows_[6][-1]}


def test_a_face_outside_of_its_picture_leaves_the_others_there(web):
    row = rows(PICTURES, web.url(""))[0]
    outside = [ACTORS[1], "9", "9", row[3], "80,0,90,5", row[5]]
    (web.root / "facescrub_actors.txt").write_bytes(listed([row, outside]))
    for _ in range(2):
        fetch_pictures(INFO, web.root, [ACTORS[0]])
        assert skipped(web.root) == {
            "9": "must hold the box (80, 0, 90, 5). Received: an image of 80×60"
        }
    assert [path.name for path in (web.root / "pictures").iterdir()] == [row[5]]


def test_reasons_of_other_faces_are_remembered(web):
    web.ways |= {"/0.png": "404", "/1.png": "404"}
    fetch_pictures(INFO, web.root, [ACTORS[0]])
    assert skipped(web.root) == {"0": "HTTP 404 Not Found"}
    fetch_pictures(INFO, web.root, [ACTORS[1]])
    assert skipped(web.root).keys() == {"0", "1"}
    web.ways.clear()
    fetch_pictures(INFO, web.root, [ACTORS[0]])
    assert skipped(web.root).keys() == {"1"}


@pytest.mark.parametrize("content", [b"", b"\xff", b"name\treason\nA\tB\n", b'"', b"\x00\n"])
def test_reasons_that_are_damaged_are_written_anew(web, content):
    (web.root / "skipped.tsv").write_bytes(content)
    web.ways["/0.png"] = "404"
    fetch_pictures(INFO, web.root)
    assert skipped(web.root).keys() == {"0"}


def test_a_picture_that_is_damaged_is_fetched_again(web):
    row = rows(PICTURES, web.url(""))[0]
    (web.root / "pictures").mkdir()
    path = web.root / "pictures" / row[-1]
    path.write_bytes(PICTURES[1])
    fetch_pictures(INFO, web.root)
    assert path.read_bytes() == PICTURES[0]
    path.write_bytes(PICTURES[1])
    web.ways["/0.png"] = "404"
    fetch_pictures(INFO, web.root)
    assert skipped(web.root)["0"].startswith("the file in pictures is another picture: its SHA-256")


def test_actors_that_are_in_no_list_are_not_fetched(web):
    with pytest.raises(
        DataError, match=r"classes must be actors of the lists in .* Received: 'Nobody'"
    ):
        fetch_pictures(INFO, web.root, ["Nobody"])


def test_an_archive_that_has_all_the_pictures_does(write):
    files = {f"pictures/{row[-1]}": content for row, content in zip(ROWS, PICTURES, strict=True)}
    path = write("facescrub.zip", {"facescrub_actors.txt": listed(ROWS), **files})
    assert len(load(path, download=True).train) == 12
    files.popitem()
    path = write("facescrub.zip", {"facescrub_actors.txt": listed(ROWS), **files})
    with pytest.raises(
        DataError, match=r"to fetch 1 pictures into it\. Received: an archive\. Unpack it"
    ):
        fetch_pictures(INFO, path)


@pytest.fixture
def no_network(monkeypatch):
    """Sockets believe that they are connected."""
    peers = {}
    monkeypatch.setattr(
        socket.socket, "connect", lambda self, peer: peers.update({self.fileno(): peer})
    )
    monkeypatch.setattr(socket.socket, "getpeername", lambda self: peers[self.fileno()])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"],
)
@pytest.mark.usefixtures("no_network")
def test_addresses_that_are_not_public_are_not_asked(host):
    with pytest.raises(DataError, match="not a public address"):
        public_web.get(f"http://{host}/latest/meta-data", 100)


ADDRESSES = [
    "http://[::1]/x",
    "file:///etc/passwd",
    "gopher://127.0.0.1/x",
    "http:///x",
    "javascript:alert(1)",
    "\x00",
    "http://xn--" + 300 * "a" + "/",
]


@pytest.mark.parametrize("url", ADDRESSES, ids=ascii)
def test_strange_addresses_give_nothing(url):
    with pytest.raises((DataError, urllib3.exceptions.HTTPError, ValueError)):
        public_web.get(url, 100)


PUBLIC = [
    ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("10.1.2.3", False),
    ("192.168.0.1", False), ("169.254.169.254", False), ("127.8.8.8", False), ("0.0.0.0", False),
    ("100.64.0.1", False), ("::1", False), ("fe80::1%eth0", False), ("fc00::1", False),
    ("::ffff:10.0.0.1", False),
]  # fmt: skip


@pytest.mark.parametrize(("address", "public"), PUBLIC)
def test_what_is_public(address, public):
    assert public_web.is_public(address) is public


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_keeps_one_waiting_is_cut_off(monkeypatch, scheme):
    monkeypatch.setattr(public_web, "is_public", lambda address: True)
    monkeypatch.setattr(public_web, "MOST_SECONDS", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises((DataError, urllib3.exceptions.HTTPError)) as error,
    ):
        public_web.get(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/", 100)
    assert not isinstance(error.value, urllib3.exceptions.TimeoutError)  # the 20 s of a socket


def test_sent_on_to_this_machine_is_not_followed(server, write):
    server.files["/0.png"] = PICTURES[0]
    root = write("lists", {"facescrub_actors.txt": listed(rows(PICTURES[:1], server.url("")))})
    fetch_pictures(INFO, root)
    assert skipped(root) == {"0": "not a public address"}
    assert not server.asked


def test_lists_that_are_missing_are_asked_for(tmp_path):
    with pytest.raises(DataError, match=r"facescrub_actors\.txt.*vintage\.winklerbros\.net"):
        zoo.datasets.load("facescrub", tmp_path, download=True)
