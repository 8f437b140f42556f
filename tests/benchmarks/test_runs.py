"""The benchmarks go on where they stopped, and their pages sum up what was run."""

import csv
import functools
import shutil
from pathlib import Path

import pytest
from docutils.core import publish_doctree

import skdeepcluster
from tests._discovery import TOLD_HOW_MANY


@pytest.fixture
def tables(module, tmp_path, capsys):
    """The script on iris, by default with k-means: lines about new rows, all rows."""
    output = tmp_path / "tables.csv"

    def call(*arguments, methods=("KMeans",)):
        argv = ["--output", str(output), "--jobs", "1", "--sets", "iris"]
        module("tables").main([*argv, "--methods", *methods, *arguments])
        lines = capsys.readouterr().out.splitlines()
        return [line for line in lines if " seed " in line], stored(output)

    call.output = output
    return call


def stored(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestRuns:
    def test_rows_are_run_once(self, tables):
        lines, rows = tables("--seeds", "0", "1")
        assert len(lines) == len(rows) == 2
        # Seconds included, which would differ in a second run.
        assert tables("--seeds", "0", "1") == ([], rows)
        lines, more = tables("--seeds", "2")
        assert len(lines) == 1
        assert more[:2] == rows
        assert [row["seed"] for row in more] == ["0", "1", "2"]

    def test_fresh_runs_again_what_is_asked_for(self, tables):
        _, rows = tables("--seeds", "0", "1")
        lines, again = tables("--seeds", "1", "--fresh")
        assert len(lines) == 1
        assert again[0] == rows[0]
        assert [row["ari"] for row in again] == [row["ari"] for row in rows]

    @pytest.mark.parametrize("lost", [1, 2, 60])
    def test_broken_line_is_run_again(self, tables, lost):
        _, rows = tables("--seeds", "0", "1")
        text = tables.output.read_text(encoding="utf-8")
        tables.output.write_text(text[:-lost], encoding="utf-8")
        lines, again = tables("--seeds", "0", "1")
        assert len(lines) == 1
        assert again[0] == rows[0]
        assert again[1]["ari"] == rows[1]["ari"]

    def test_rows_before_an_error_are_kept(self, tables, module, monkeypatch):
        def fail(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(module("_methods"), "timed_fit", fail)
        with pytest.raises(KeyboardInterrupt):
            tables("--seeds", "0", methods=("KMeans", "Autoencoder + KMeans"))
        (row,) = stored(tables.output)
        assert (row["set"], row["method"], row["seed"]) == ("iris", "KMeans", "0")

    def test_other_versions_are_kept_but_not_counted(self, tables):
        _, (row,) = tables("--seeds", "0")
        version = skdeepcluster.__version__
        text = tables.output.read_text(encoding="utf-8")
        text = text.replace(f",{version}\n", ",0.older\n")
        tables.output.write_text(text, encoding="utf-8")
        lines, rows = tables("--seeds", "0")
        assert len(lines) == 1
        assert {r["skdeepcluster"] for r in rows} == {"0.older", version}
        page = tables.output.with_suffix(".rst").read_text(encoding="utf-8")
        assert "older" not in page
        assert f"{float(row['acc']):.3f} " in page

    def test_foreign_file_is_not_overwritten(self, tables):
        tables.output.write_text("a,b\n1,2\n", encoding="utf-8")
        with pytest.raises(SystemExit, match="other columns"):
            tables("--seeds", "0")
        assert tables.output.read_text(encoding="utf-8") == "a,b\n1,2\n"

    def test_methods_share_one_pretraining_per_seed(self, tables, module, monkeypatch):
        seeds = []

        def autoencoder(network, random_state):
            seeds.append(random_state)
            return skdeepcluster.Autoencoder(max_epochs=1, random_state=random_state)

        monkeypatch.setattr(module("_methods"), "Autoencoder", autoencoder)
        monkeypatch.setattr(module("_runs"), "prepare_process", lambda threads: None)
        methods = ("KMeans", "Autoencoder + KMeans", "Autoencoder + GaussianMixture")
        _, rows = tables("--seeds", "3", "4", methods=methods)
        assert seeds == [3, 4]
        assert len(rows) == 6
        assert {row["precision"] for row in rows if row["method"] == "KMeans"} == {""}

    def test_deep_clusterers_are_discovered(self, module):
        methods = module("_methods")
        assert {"DECClustering", "IDECClustering"} < set(methods.METHODS)
        both = {*methods.METHODS, *methods.METHODS_OF_IMAGES}
        own = {cls.__name__ for cls in TOLD_HOW_MANY} - {methods.COMPOSED}
        assert both > own  # without settings Composed is IDEC, and of flat rows DCEC
        assert not {"DCECClustering", methods.COMPOSED} & set(methods.METHODS)

    def test_designs_differ_from_the_defaults_and_fit(self, module, blobs):
        methods = module("_methods")
        defaults = skdeepcluster.ComposedClustering().get_params(deep=False)
        start = skdeepcluster.Autoencoder(max_epochs=1, random_state=0).fit(blobs[0])
        for design, changes in methods.DESIGNS.items():
            assert all(defaults[name] != value for name, value in changes.items())
            labels = methods.cluster(design, blobs[0], 3, 0, start)
            assert len(labels) == len(blobs[0])


def row(name, method, seed, acc, ari):
    known = {"precision": "float32", "cpu": "a" if seed else "b"}
    scores = {"acc": acc, "nmi": 0.5, "ari": ari, "seconds": 2.0 + seed}
    return {"set": name, "method": method, "seed": seed, **scores, **known}


ROWS = [
    row("one", "KMeans", 0, 0.5, 0.1),
    row("one", "KMeans", 1, 0.7, 0.3),
    row("one", "Deep", 0, 0.9, 0.6),
    row("two", "KMeans", 0, 0.8, 0.5),
    row("two", "Deep", 0, 0.7, 0.4),
    row("three", "KMeans", 0, 1.0, 0.9),
    row("three", "Deep", 0, 1.0, 0.95),
    row("partial", "KMeans", 0, 0.2, 0.0),
]


class TestPage:
    @pytest.fixture
    def lines(self, module, monkeypatch):
        """The page of `ROWS`, with single spaces."""
        monkeypatch.setattr(module("_page"), "environment", lambda: {"cpu": ""})
        data = functools.partial(module("_runs").DataSet, load=None)
        sets = {name: data(about=name) for name in ("two", "three", "partial")}
        sets["one"] = data(about="some rows", published={"Deep": ("0.91", "Bee 2020")})
        text = module("_page").page("Title", "More.", ROWS, sets, ["KMeans", "Deep"])
        publish_doctree(text, settings_overrides={"halt_level": 1})
        return [" ".join(line.split()) for line in text.splitlines()]

    def test_means_and_deviations(self, lines):
        assert "Some rows." in lines
        assert "Method ACC NMI ARI Seconds Runs Published ACC Source" in lines
        deviations = "0.600 ± 0.141 0.500 ± 0.000 0.200 ± 0.141 2.5 ± 0.7"
        assert f"KMeans {deviations} 2 – –" in lines
        assert "Deep 0.900 0.500 0.600 2.0 1 0.91 Bee 2020" in lines
        assert "Deep 0.700 0.500 0.400 2.0 1" in lines

    def test_overview(self, lines):
        assert "Method one partial three two" in lines
        assert "KMeans 0.200 0.000 0.900 0.500" in lines
        assert "Deep 0.600 – 0.950 0.400" in lines

    def test_gains_over_the_sets_that_a_method_has(self, lines):
        # Differences of ACC 0.3, 0 and -0.1; of ARI 0.4, 0.05 and -0.1.
        assert "Deep ACC +0.067 +0.000 -0.100 two 1 of 3" in lines
        assert "Deep ARI +0.117 +0.050 -0.100 two 2 of 3" in lines
        assert not any(line.startswith("KMeans ACC") for line in lines)

    def test_hardware_of_all_rows(self, lines):
        assert "cpu b / a" in lines


@pytest.mark.parametrize("name", ["tables", "quality"])
def test_page_of_a_script_is_valid(module, monkeypatch, name):
    script = module(name)
    monkeypatch.setattr(module("_page"), "environment", lambda: {"cpu": ""})
    rows = [
        row(data_set, method, 0, 0.5, 0.5)
        for data_set, data in script.SETS.items()
        for method in {"KMeans", *data.published}
    ]
    methods = sorted({row["method"] for row in rows})
    text = module("_page").page(name, script.ABOUT, rows, script.SETS, methods)
    publish_doctree(text, settings_overrides={"halt_level": 1})
    assert all(f"\n{data_set}\n---" in text for data_set in script.SETS)


@pytest.mark.parametrize("name", ["designs", "images", "quality", "tables", "text"])
def test_stored_page__is_that_of_the_stored_rows(module, monkeypatch, tmp_path, name):
    script = module(name)
    rows = Path(script.__file__).with_suffix(".csv")
    shutil.copy(rows, tmp_path)
    first = stored(rows)[0]
    monkeypatch.setattr(module("_runs"), "__version__", first["skdeepcluster"])
    # Of what is there nothing is run again.
    there = ["--sets", first["set"], "--seeds", first["seed"], "--jobs", "1"]
    own = ["--methods", first["method"], "--output", str(tmp_path / rows.name)]
    script.main([*there, *own])
    page = rows.with_suffix(".rst")
    made = (tmp_path / page.name).read_text(encoding="utf-8")
    assert made == page.read_text(encoding="utf-8")
