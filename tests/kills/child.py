"""One step of the pipeline in a process of its own, as Airflow runs a task; heavy modules are loaded once, before."""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from anyanomaly_core.models.torchvision_compat import ensure_torchvision

ensure_torchvision()

import open_clip  # noqa: E402, F401
import torch  # noqa: E402
from pydantic import SecretStr  # noqa: E402
from sqlalchemy import Engine  # noqa: E402
from transformers import AutoModelForImageTextToText, AutoProcessor  # noqa: E402, F401
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl  # noqa: E402, F401

from anyanomaly_core.archive.rules import apply_rule_files  # noqa: E402
from anyanomaly_core.config import Settings, get_settings  # noqa: E402
from anyanomaly_core.engine import scorer  # noqa: E402
from anyanomaly_core.footage.sandbox import missing_layers  # noqa: E402
from anyanomaly_core.models import open_clip_encoder, openai_lvlm, transformers_lvlm  # noqa: E402, F401
from anyanomaly_core.profile import load_profile  # noqa: E402
from tasks import ingest, scan  # noqa: E402
from tasks.context import database  # noqa: E402
from tests.kills.points import Hooks, Kill  # noqa: E402

torch.set_num_threads(1)
_loaded: dict[tuple[str, str], Any] = {}  # by part and path: models do not change between tries


def load_beforehand(profile: str, settings: Settings) -> None:
    """Load the models of a profile that lie in files, so that a try begins with its work."""
    wanted = load_profile(profile)
    for part, load in (("encoder", scorer.load_encoder), ("lvlm", scorer.load_lvlm)):
        spec = getattr(wanted, part)
        if spec.path is not None:
            _loaded[part, str(spec.path)] = load(wanted, settings)
    missing_layers()


def _take_loaded(part: str, load: Any) -> Any:  # noqa: ANN401
    def take(profile: Any, settings: Settings) -> Any:  # noqa: ANN401
        return _loaded.get((part, str(getattr(profile, part).path))) or load(profile, settings)

    return take


def run(step: str, given: Any, environment: dict[str, str], kill: Kill | None, result: Path) -> None:  # noqa: ANN401
    """Do a step; ``result`` gets what it returned and how often each point was reached. Raises what the step raises."""
    os.environ.update(environment)
    log = os.open(result.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    scorer.load_encoder = _take_loaded("encoder", scorer.load_encoder)
    scorer.load_lvlm = _take_loaded("lvlm", scorer.load_lvlm)
    hooks = Hooks(kill)
    try:
        said = STEPS[step](given)
    except Exception:  # noqa: BLE001  (whatever it is, a task ends with it)
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # like a task: its supervisor tries again
    result.write_text(json.dumps({"returned": said, "counts": dict(hooks.counts)}))


def _apply(folder: str) -> None:
    engine: Engine = database(get_settings())
    apply_rule_files(engine, Path(folder), author="harness")
    engine.dispose()


STEPS: dict[str, Any] = {
    "discover": lambda _: ingest.discover_files(),
    "register": ingest.register_files,
    "apply": _apply,
    "plan": lambda run_id: scan.plan_units(external_id=run_id),
    "scan": scan.scan_unit,
}

if "ANYANOMALY_KILLS_PROFILE" in os.environ:  # in the process that all tries are forked from
    _here = Path(os.environ["ANYANOMALY_KILLS_PROFILE"])
    load_beforehand(
        str(_here),
        Settings(
            archive_root="x",
            database_url=SecretStr("x"),
            parquet_root=_here.parent,
            state_dir=_here.parent,
            device="cpu",
        ),
    )
