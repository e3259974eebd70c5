"""`misread data`: which datasets there are, what is in one, and whether it is sound."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from misread.cli.options import console, load_shown

if TYPE_CHECKING:
    from misread.data.dataset import Dataset


@click.group(short_help="List, show and check datasets.")
def data() -> None:
    """List, show and check datasets: MNIST, your own files, OpenML, Hugging Face."""


_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@data.command("list")
@_JSON
def list_(as_json: bool) -> None:  # noqa: FBT001  click passes flags
    """List the kinds of datasets, how their names are written, and what was fetched already."""
    from misread.data.download import cache_folder
    from misread.data.sources import KINDS

    folder = cache_folder()
    fetched = [
        {"file": str(path.relative_to(folder)), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in (".arff", ".parquet")
    ]
    if as_json:
        kinds = [
            {"name": kind.grammar, "what": kind.what, "parts": kind.parts, "licence": kind.licence}
            for kind in KINDS.values()
        ]
        _print_json({"sources": kinds, "cache": str(folder), "fetched": fetched})
        return
    from misread.show.table import Grid

    table = Grid(title="Datasets, for `dataset =` in a study and for --data")
    for heading in ("name", "what it is", "training and test set"):
        table.add_column(heading, no_wrap=heading == "name")
    for kind in KINDS.values():
        table.add_row(kind.grammar, kind.what, kind.parts)
    console(stderr=False).print(table)
    size = sum(int(str(entry["bytes"])) for entry in fetched)
    told = f"{len(fetched)} files, {size / 1e6:,.1f} MB" if fetched else "nothing yet"
    click.echo(f"Fetched and kept in {folder} (MISREAD_CACHE moves it): {told}.")


@data.command()
@click.argument("name")
@click.option(
    "--figure",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="The picture [default: runs/data/NAME.png; none with --json].",
)
@_JSON
def show(name: str, figure: Path | None, as_json: bool) -> None:  # noqa: FBT001  click passes flags
    """Show what is in the dataset NAME: shapes, classes, counts, hashes, and a contact sheet."""
    train, test = load_shown(name, console(stderr=True))
    if figure is None and not as_json:
        from misread.data.sources import slug

        figure = Path("runs") / "data" / f"{slug(name)}.png"
    if figure is not None:
        from misread.files import write_atomic
        from misread.show.figures.dataset import dataset_figure
        from misread.show.style import png

        with console(stderr=True).status("drawing"):
            write_atomic(figure, png(dataset_figure(name, train, test)))
    if as_json:
        _print_json(_told(name, train, test))
        return
    from misread.show.table import Grid

    told = _told(name, train, test)
    table = Grid(title=f"{name}: {told['images']}")
    for heading in ("class", "train", "test"):
        table.add_column(heading, justify="right")
    for row in told["classes"]:
        table.add_row(row["name"], f"{row['train']:,}", f"{row['test']:,}")
    table.add_section()
    table.add_row("all", f"{len(train):,}", f"{len(test):,}")
    console(stderr=False).print(table)
    click.echo(f"Training and test set: {told['parts']}.")
    for part in ("train", "test"):
        click.echo(f"SHA-256 of {part}: {told['sha256'][part]}")
    click.echo(f"Licence: {told['licence']}.")
    click.echo(f"Written: {figure}.")


@data.command()
@click.argument("name")
@_JSON
def check(name: str, as_json: bool) -> None:  # noqa: FBT001  click passes flags
    """Check the dataset NAME: whole, complete, no doubles, no empty images; exit 2 on trouble."""
    from misread.data.check import check_dataset

    shown = console(stderr=True)
    train, test = load_shown(name, shown)
    with shown.status("checking"):
        findings = check_dataset(train, test)
    ok = all(finding.ok for finding in findings)
    if as_json:
        _print_json({"name": name, "ok": ok, "findings": [f._asdict() for f in findings]})
    else:
        for finding in findings:
            click.echo(f"{'ok     ' if finding.ok else 'TROUBLE'} {finding.check}: {finding.told}")
    sys.exit(0 if ok else 2)


def _told(name: str, train: "Dataset", test: "Dataset") -> dict[str, Any]:
    from misread.data.check import class_counts, shape_told
    from misread.data.remote import openml_description
    from misread.data.sources import KINDS, split_name

    kind, rest = split_name(name)
    licence = KINDS[kind].licence
    if kind == "openml":
        licence = f"{openml_description(rest).get('licence') or 'not stated'}, as OpenML says"
    counts = zip(train.class_names, class_counts(train), class_counts(test), strict=True)
    return {
        "name": name,
        "images": shape_told(train),
        "shape": list(train.images.shape[1:]),
        "n_train": len(train),
        "n_test": len(test),
        "classes": [{"name": c, "train": int(a), "test": int(b)} for c, a, b in counts],
        "parts": KINDS[kind].parts,
        "licence": licence,
        "sha256": {"train": train.sha256, "test": test.sha256},
    }


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
