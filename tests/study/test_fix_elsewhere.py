"""`misread fix` on other data and with another trainer: whatever confusion is found there."""

import struct

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.files import read_json
from misread.study.file import load_study
from standin import work_here

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ARMS = """
[candidates.wide]
hidden = 64
[candidates.stiff]
alpha = 10.0
[candidates.longer]
epochs = 90
"""


def fixed(study, folder, monkeypatch):
    """Search in this process; return what came out, and the proof as a study."""
    work_here(monkeypatch)
    file = folder / "candidates.toml"
    file.write_text(ARMS)
    command = [
        "fix",
        str(study),
        "--candidates",
        str(file),
        "--out",
        str(folder / "fix"),
        "--smoke",
    ]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "Next: misread run" in done.stdout.splitlines()[-1]
    proof = next((folder / "fix").glob("*-proof.toml"))
    return read_json(folder / "fix" / "fix.json"), load_study(str(proof))


def mlp_study(project, folder, dataset):
    """Write a study of scikit-learn's network on a data set, without a target; return its path."""
    text = (project / "examples" / "scikit_learn_mlp.toml").read_text()
    head = text.partition("[arms.baseline]")[0].replace('target = "8:1"\n', "")
    call = 'call = "scikit_learn:mlp"'
    head = head.replace(call, f'{call}\nfolder = "{project / "examples"}"')
    study = folder / "digits.toml"
    study.write_text(head.replace("sklearn-digits", dataset) + "\n[arms.baseline]\n")
    return study


def test_a_trainer_with_scikit_learn_is_searched(project, tmp_path, monkeypatch):
    study = mlp_study(project, tmp_path, "sklearn-digits")
    found, proof = fixed(study, tmp_path, monkeypatch)
    assert {score["arm"] for score in found["rungs"][0]["arms"]} == {"wide", "stiff", "longer"}
    assert proof.target == tuple(found["target"])
    assert proof.trainer.call == "scikit_learn:mlp"
    assert not {"again", "shifted"} & set(proof.arms)  # only our trainer has these


def write_idx(folder, part, images, labels):
    """Write images and labels as the IDX files of MNIST are named."""
    folder.mkdir(exist_ok=True)
    for kind, values in (("images", images), ("labels", labels)):
        head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        name = f"{part}-{kind}-idx{values.ndim}-ubyte"
        (folder / name).write_bytes(head + values.tobytes())


def test_optdigits_as_idx_files_are_searched(project, shared_data, tmp_path, monkeypatch):
    for part, name in (("train", "optdigits.tra"), ("t10k", "optdigits.tes")):
        values = np.loadtxt(
            shared_data / "optdigits" / name, delimiter=",", comments=("#", "@"), dtype=np.int64
        )
        pixels = (values[:, :64] * 255 // 16).astype(np.uint8).reshape(-1, 8, 8)
        write_idx(tmp_path / "digits", part, pixels, values[:, 64].astype(np.uint8))
    study = mlp_study(project, tmp_path, f"idx:{tmp_path / 'digits'}")
    found, proof = fixed(study, tmp_path, monkeypatch)
    true, predicted = found["target"]
    assert found["target_name"] == f"{true}→{predicted}"
    assert proof.dataset.startswith("idx:")
    assert proof.target == (true, predicted)
