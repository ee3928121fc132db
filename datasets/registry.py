"""What a data set says of itself, for `list_datasets` and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Remote:
    """A file that its owner lets programs fetch.

    Args:
        name: of the file.
        urls: of its mirrors, the first choice first.
        size: in bytes.
        checksum: in hexadecimal; an MD5 or a SHA-256, told apart by their lengths.
        part: the data set's part that it is needed for; None: for all.
        instead: regular expressions of paths, which together do as well where each is there.

    Example:
        >>> Remote("dots.gz", ("https://example.org/dots.gz",), 4, 32 * "0").algorithm
        'md5'
    """

    name: str
    urls: tuple[str, ...]
    size: int
    checksum: str
    part: str | None = None
    instead: tuple[str, ...] = ()

    @property
    def algorithm(self) -> str:
        """The name of the checksum's algorithm, as `hashlib` has it."""
        return {32: "md5", 64: "sha256"}[len(self.checksum)]


@dataclass(frozen=True)
class DatasetInfo:
    """The description of a data set.

    The module of a data set has one, as `INFO`, and a function `read`; see `loading`.

    Args:
        name: what `load` knows it by.
        summary: one line: how many images, their size, how many classes.
        source: where the files come from.
        wanted: which files or folders are expected, in words; empty for embedded ones.
        signs: patterns of paths that show that a folder holds the data set.
        archives: patterns of its archives' names in small letters, without what tells their kind.
        whole: regular expression of the names of files that hold all of it.
        files: regular expression of the names of all that is read, as for `open_tree`; None
            reads all that is there.
        parts: which of its own parts train, validate and test, unless asked otherwise; empty for
            data sets that come in one piece or as folders name them.
        reads_classes: whether `read` takes the classes wanted, to read no others.
        remotes: the files that `download` fetches; one that has several parts, for each of them.
        page: where people get the files, if only people do.

    Example:
        >>> DatasetInfo("dots", "4 dots, 1×1", "made up").needs_root
        False
    """

    name: str
    summary: str
    source: str
    wanted: str = ""
    signs: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    whole: str = ""
    files: str | None = None
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reads_classes: bool = False
    remotes: tuple[Remote, ...] = ()
    page: str = ""

    @property
    def needs_root(self) -> bool:
        """Whether the images are files on disk that the user has to bring."""
        return bool(self.wanted)
