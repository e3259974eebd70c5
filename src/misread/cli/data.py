"""`misread data`: list, show and check datasets."""

import sys
from pathlib import Path

import click

from misread.cli.options import figure_option, json_option, print_json, say, stderr, stdout
from misread.cli.progress import load_with_bar
from misread.data.check import check_dataset, class_counts, image_words
from misread.data.download import cache_folder, downloads
from misread.data.sources import KINDS, licence, slug, split_name
from misread.files import path_in
from misread.show.figures.dataset import dataset_figure
from misread.show.style import write_png
from misread.show.table import Table


@click.group()
def data() -> None:
    """List, show and check datasets: MNIST, your own files, OpenML, Hugging Face."""


@data.command("list", short_help="List the kinds of datasets, and what was fetched.")
@json_option
def list_(as_json: bool) -> None:
    """List the kinds of datasets, how their names are written, and what was fetched already."""
    folder, files = cache_folder(), downloads()
    if as_json:
        kinds = [
            {"name": kind.grammar, "what": kind.what, "parts": kind.parts, "licence": kind.licence}
            for kind in KINDS.values()
        ]
        fetched = [{"file": str(p.relative_to(folder)), "bytes": n} for p, n in files.items()]
        print_json({"sources": kinds, "cache": str(folder), "fetched": fetched})
        return
    table = Table(
        "Datasets, for `dataset =` in a study and for --data",
        ("name", "what it is", "training and test set"),
        tuple((kind.grammar, kind.what, kind.parts) for kind in KINDS.values()),
        align="lll",
        unbroken=frozenset({0}),
    )
    stdout().print(table)
    size = f"{len(files)} files, {sum(files.values()) / 1e6:,.1f} MB" if files else "nothing yet"
    say(f"Fetched and kept in {folder} (MISREAD_CACHE moves it): {size}.")


@data.command(short_help="Show what is in a dataset.")
@click.argument("name")
@figure_option("Contact sheet to draw [default: runs/data/NAME.png; none with --json].")
@json_option
def show(name: str, figure: Path | None, as_json: bool) -> None:
    """Show what is in the dataset NAME: shapes, classes, counts, hashes, and a contact sheet."""
    console = stderr()
    train, test = load_with_bar(name, console)
    if figure is None and not as_json:
        figure = path_in(Path("runs") / "data", f"{slug(name)}.png")
    if figure is not None:
        with console.status("drawing"):
            write_png(figure, dataset_figure(name, train, test))
    counts = list(zip(train.class_names, class_counts(train), class_counts(test), strict=True))
    parts, terms = KINDS[split_name(name)[0]].parts, licence(name)
    if as_json:
        print_json(
            {
                "name": name,
                "images": image_words(train),
                "shape": list(train.images.shape[1:]),
                "n_train": len(train),
                "n_test": len(test),
                "classes": [{"name": c, "train": int(a), "test": int(b)} for c, a, b in counts],
                "parts": parts,
                "licence": terms,
                "sha256": {"train": train.sha256, "test": test.sha256},
            }
        )
        return
    rows = [*counts, ("all", len(train), len(test))]
    table = Table(
        f"{name}: {image_words(train)}",
        ("class", "train", "test"),
        tuple((row, f"{n_train:,}", f"{n_test:,}") for row, n_train, n_test in rows),
        align="r",
        rules=frozenset({len(counts) - 1}),
    )
    stdout().print(table)
    say(f"Training and test set: {parts}.")
    say(f"SHA-256 of train: {train.sha256}")
    say(f"SHA-256 of test: {test.sha256}")
    say(f"Licence: {terms}.")
    say(f"Written: {figure}.")


@data.command(short_help="Check that a dataset is sound.")
@click.argument("name")
@json_option
def check(name: str, as_json: bool) -> None:
    """Check the dataset NAME: whole, complete, no doubles, no empty images; exit 2 on trouble."""
    console = stderr()
    train, test = load_with_bar(name, console)
    with console.status("checking"):
        findings = check_dataset(train, test)
    ok = all(finding.ok for finding in findings)
    if as_json:
        listed = [{"check": f.check, "ok": f.ok, "told": f.result} for f in findings]
        print_json({"name": name, "ok": ok, "findings": listed})
    else:
        for finding in findings:
            state = "ok     " if finding.ok else "TROUBLE"
            say(f"{state} {finding.check}: {finding.result}")
    sys.exit(0 if ok else 2)
