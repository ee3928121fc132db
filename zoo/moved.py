"""Module names of earlier versions: importing one of them gives the module that took its place.

In earlier versions, modules stood side by side in three folders. Now each module is in a room: a
package whose docstring says what lives there. Code that imports the earlier names keeps working.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "augment": "augmentation",
    "projective": "augmentation.projective",
    "architecture": "training.fusion.fusible",
    "stack": "training.fusion.fused",
    "crew": "training.fusion.model_group",
    "averaging": "training.built_models.statistics",
    "distillation": "training.distillation",
    "learner": "training.learner",
    "lockstep": "training.lockstep",
    "session": "training.loop",
    "standardize": "training.built_models.statistics",
    "training.statistics": "training.built_models.statistics",
    "progress": "training.progress",
    "runs": "training.run_folder",
    "hardware": "registry.hardware",
    "registry.start_up": "starting.start_up_notes",
    "models.parts": "models.stem_and_head",
    "layers.empty": "layers.empty_batches",
    "gradients.differences": "gradients.finite_differences",
    "gradients.examination": "gradients.checker",
    "gradients.points": "gradients.sample_inputs",
    "gradients.subject": "gradients.pure_function",
    "pages.words": "text.outside",
    "console": "cli.console",
    "cli.values": "cli.words.values",
    "cli.wording": "cli.words.wording",
    "data_cli": "cli.data",
    "datasets.arguments": "arguments",
    "datasets.array_checks": "datasets.arrays.images",
    "datasets.base": "datasets",
    "datasets.info": "datasets.description",
    "datasets.digits": "datasets.sources.digits",
    "datasets.mnist": "datasets.sources.mnist",
    "datasets.svhn": "datasets.sources.svhn",
    "datasets.cifar10": "datasets.sources.cifar10",
    "datasets.fer2013": "datasets.sources.fer2013",
    "datasets.facescrub": "datasets.sources.facescrub",
    "datasets.folder": "datasets.sources.folder",
    "datasets.facescrub_pictures": "datasets.fetching.facescrub_pictures",
    "datasets.decode": "datasets.formats.decode",
    "datasets.matlab": "datasets.formats.matlab",
    "datasets.plain_pickle": "datasets.formats.plain_pickle",
    "datasets.pixel_csv": "datasets.formats.pixel_csv",
    "datasets.form": "datasets.formats.conversion",
    "datasets.threads": "datasets.formats.decode",
    "datasets.archive": "datasets.files.archive",
    "datasets.layout": "datasets.files.class_folders",
    "datasets.places": "datasets.files.locations",
    "datasets.tree": "datasets.files.tree",
    "datasets.mapped": "datasets.files.mapped",
    "datasets.fingerprint": "datasets.cache.fingerprint",
    "datasets.warned": "datasets.formats.decode",
    "datasets.mirrors": "datasets.fetching.mirrors",
    "datasets.remotes": "datasets.fetching.remotes",
    "datasets.public_web": "datasets.fetching.public_web",
    "datasets.page": "datasets.looking.sheet",
    "datasets.sheet": "datasets.looking.sheet",
    "datasets.show": "datasets.looking.show",
    "datasets.duplicates": "datasets.looking.duplicates",
    "ensembles.seen": "ensembles.provenance",
    "ensembles.rule": "ensembles.combining.rules",
    "ensembles.voting": "ensembles.combining.voting",
    "ensembles.selection": "ensembles.combining.selection",
    "ensembles.bagging": "ensembles.combining.bagging",
    "ensembles.tuning": "ensembles.choosing",
    "ensembles.scores": "ensembles.measures.scores",
    "ensembles.calibration": "ensembles.measures.calibration",
    "ensembles.diversity": "ensembles.measures.diversity",
    "ensembles.uncertainty": "ensembles.measures.uncertainty",
    "ensembles.significance": "ensembles.measures.significance",
    "ensembles.bootstrap": "ensembles.measures.bootstrap",
    "ensembles.worth": "ensembles.measures.contributions",
    "ensembles.report": "ensembles.reports.report",
    "ensembles.leaderboard": "ensembles.comparing",
    "ensembles.analysis": "ensembles.reports.analysis",
    "ensembles.tables": "text",
}
"""Earlier name → present name, both without the leading `zoo.`."""


class _EarlierNames(MetaPathFinder, Loader):
    """Finds a module by its earlier name, and gives the present module instead."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.removeprefix("zoo.") in MOVED and fullname.startswith("zoo."):
            return ModuleSpec(fullname, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"zoo.{MOVED[spec.name.removeprefix('zoo.')]}")
        # Python overwrites the spec of the module with that of the earlier name, and `exec_module`
        # puts the present spec back.
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def install() -> None:
    """Make Python find modules by their earlier names, if no module has that name now."""
    if not any(isinstance(finder, _EarlierNames) for finder in sys.meta_path):
        sys.meta_path.append(_EarlierNames())
