"""The house rules of STYLE.md that a machine can see. Each test reads the tree, never a list of
files, so that what is added tomorrow is held to the same rules.
"""

import ast
import importlib
import inspect
import io
import re
import subprocess
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from ringdove.records import scene_rows
from ringdove.rules import answers, effects, facts
from ringdove.rules.automations import journeys
from ringdove.runtime import GATEWAYS, STORES
from ringdove.settings import Settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "ringdove"
FILE_LINES_MAX = 400
FOLDER_FILES_MAX = 20

# SQL outside records/, each for its reason.
SQL_ELSEWHERE = {
    "kit/db.py": "the bell: NOTIFY and LISTEN know no table",
    "kit/cluster.py": "the server itself: roles and databases, before there is a schema",
    "kit/scratch.py": "databases that are made and thrown away",
    "bench/floor.py": "what bare PostgreSQL can do, measured without our records",
    "bench/stock.py": "what measurements of sending begin with and are compared to",
    "bench/people.py": "what searching and importing are compared to",
    "bench/inbox.py": "the talks that are listed, made in the database itself",
    "bench/people_deciding.py": "the past that decisions are measured on",
    "bench/segments.py": "what counting of kept figures is compared to",
    "bench/segments_ground.py": "the store that is counted, made in the database itself",
    "bench/redirect.py": "what was written of what was opened is counted over all stores",
    "bench/automations.py": "the crowd of runs that wakes up, made in the database itself",
    "bench/accessories.py": "whom goods are chosen for",
    "bench/campaign.py": "whom a measured campaign speaks to, and what it is compared to",
    "bench/rehearsal.py": "the month that is rehearsed, and the runs that are counted",
    "bench/reports.py": "the campaign that is counted, and what counting is compared to",
    "bench/texts.py": "who is asked a question, and what became of the texts",
}
SQL = re.compile(
    r"""\s*(SELECT\s.+|INSERT\s+INTO\s|UPDATE\s+\w+(\s+\w+)?\s+SET\s|DELETE\s+FROM\s
        |WITH\s+\w+\s+AS\s*\(|CREATE\s+(TABLE|INDEX|DATABASE|ROLE|FUNCTION)\s|ALTER\s+\w+\s
        |DROP\s+\w+\s|LOCK\s+TABLE\s|COPY\s+\w+\s|TRUNCATE\s|LISTEN\s|NOTIFY\s)""",
    re.X | re.S,
)
SQL_WORD = re.compile(
    "SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|LOCK|COPY|TRUNC|LISTEN|NOT"
)


def _kept() -> list[Path]:
    """Every file under version control, and new ones that are not ignored."""
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if told.returncode:
        pytest.skip("not a clone")
    return [path for line in told.stdout.splitlines() if (path := ROOT / line).is_file()]


def _sources() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "static" not in path.parts)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _words(path: Path) -> str:
    """Comments and docstrings."""
    text = path.read_text("utf-8")
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    return "\n".join(comments + [str(doc.value) for doc in _docstrings(ast.parse(text))])


# ------------------------------------------------------------------ SQL


def _sql_in(path: Path) -> list[str]:
    if not SQL_WORD.search(path.read_text("utf-8")):
        return []
    tree = _tree(path)
    spoken = {id(doc) for doc in _docstrings(tree)}
    return [
        f"{path.relative_to(SOURCE)}:{node.lineno}: {node.value.strip()[:50]}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in spoken
        and SQL.match(node.value)
    ]


def test_sql_stands_in_records_only() -> None:
    """STYLE.md: SQL lives in records/ as a constant right above its verb."""
    found, needed = [], set()
    for path in _sources():
        name = str(path.relative_to(SOURCE))
        if not name.startswith("records/") and (some := _sql_in(path)):
            needed.add(name)
            found += [] if name in SQL_ELSEWHERE else some
    assert not found, "\n".join(found)
    stale = {name for name in SQL_ELSEWHERE if (SOURCE / name).exists()} - needed
    assert not stale, f"no SQL there any more: {stale}"


def test_sql_is_a_constant_of_its_module() -> None:
    """So that tests/records/test_statements.py finds, prepares and judges every statement."""
    found = []
    for path in sorted((SOURCE / "records").rglob("*.py")):
        tree = _tree(path)
        constants = {
            id(part)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id.isupper()
            for part in ast.walk(node)
        }
        spoken = {id(doc) for doc in _docstrings(tree)}
        found += [
            f"{path.relative_to(SOURCE)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in constants | spoken
            and SQL.match(node.value)
        ]
    assert not found, found


# ------------------------------------------------------------------ what belongs together


def test_every_fact_has_an_answer_and_something_it_is_about() -> None:
    """A fact without an answer would be poison each time; one about nothing would have no place."""
    kinds = facts.kinds()
    assert len(kinds) > 20
    assert set(answers.ANSWERS) == set(kinds.values())
    for word, cls in kinds.items():
        assert re.fullmatch(r"[a-z]+\.[a-z]+", word), word
        assert cls.about.partition(".")[0] in cls.model_fields, f"{cls.__name__}.about"
        assert cls.__doc__, cls.__name__


def test_every_effect_is_written() -> None:
    """An effect that records/scene_rows.write does not know would be lost without a sound."""
    written = inspect.getsource(scene_rows)
    classes = [
        cls
        for _, cls in inspect.getmembers(effects, inspect.isclass)
        if cls.__module__ == effects.__name__ and not issubclass(cls, Exception)
    ]
    assert len(classes) > 12
    for cls in classes:
        assert f"effects.{cls.__name__}]" in written, f"{cls.__name__} has no line in write()"
        assert hasattr(cls, "show"), cls.__name__


@pytest.mark.parametrize(("catalogue", "room"), [(GATEWAYS, "gateways"), (STORES, "stores")])
def test_no_plug_in_without_its_cases(catalogue: dict[str, object], room: str) -> None:
    """STYLE.md: a plug-in is one file, its cases, and one word in one catalogue."""
    named = {module.__name__.rpartition(".")[2] for module in catalogue.values()}  # type: ignore[attr-defined]
    there = {
        path.stem if path.is_file() else path.name
        for path in (SOURCE / room).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__", "edge", "values"}
    assert there == named, f"runtime.py and {room}/ name different plug-ins"
    for name in named:
        assert (ROOT / "tests" / room / f"test_{name}.py").exists(), f"no cases of {room}/{name}"


def test_no_step_without_its_cases() -> None:
    """A step of an automation is tried with scenes of its own."""
    steps = {path.stem for path in (SOURCE / "rules" / "steps").glob("*.py")}
    steps -= {"__init__", "step"}  # step: what all have in common
    taken = {cls.__module__.rpartition(".")[2] for cls in journeys.Step.__args__}  # type: ignore[attr-defined]
    assert steps == taken
    for name in steps:
        cases = ROOT / "tests" / "rules" / "steps"
        assert (cases / f"{name}.json").exists() or (cases / f"test_{name}.py").exists(), name


def test_no_shared_file_names_a_plug_in() -> None:
    """Forms, menus and workers are drawn from a plug-in's own file, so that adding one is one word
    in runtime.py."""
    rooms = ("web", "rules", "records", "kit")
    for path in _sources():
        if path.relative_to(SOURCE).parts[0] in rooms and "ringdove.stores." in path.read_text():
            for node in ast.walk(_tree(path)):
                if isinstance(node, ast.ImportFrom) and node.module:
                    for name in STORES:
                        assert node.module != f"ringdove.stores.{name}", path


# ------------------------------------------------------------------ settings and words


def test_every_setting_is_documented() -> None:
    """STYLE.md: each knob with its name, type, default and a line of help."""
    manual = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for knob in fields(Settings):
        assert knob.metadata.get("help"), knob.name
        assert f"`RINGDOVE_{knob.name.upper()}`" in manual, knob.name


def test_only_settings_reads_the_environment() -> None:
    """Nothing else in the program is steered from outside unseen. The ground asks where to put
    its files when nobody told it."""
    allowed = {"settings.py", "kit/postgres.py", "kit/cluster.py", "kit/children.py", "cli.py"}
    for path in _sources():
        name = str(path.relative_to(SOURCE))
        if re.search(r"\bos\.(environ|getenv)\b", path.read_text("utf-8")):
            assert name in allowed or name.startswith(("bench/", "demo/")), name


def test_files_that_comments_cite_exist() -> None:
    """A comment that leads to a file that has moved is worse than none."""
    kept = _kept()
    names = [path.relative_to(ROOT).parts for path in kept]
    there = {"/".join(parts[start:]) for parts in names for start in range(len(parts))}
    cite = re.compile(r"(?<![\w/.{<*-])((?:[\w-]+/)+[\w-]+\.(?:py|md|sql|toml|json))\b")
    missing = {
        f"{path.relative_to(ROOT)} cites {name}"
        for path in [*_sources(), *(p for p in kept if p.match("tests/*.py"))]
        # What only the code says is no citation; most files are done without reading it apart.
        if not there.issuperset(cite.findall(path.read_text("utf-8")))
        for name in cite.findall(_words(path))
        if name not in there
    }
    assert not missing, "\n".join(sorted(missing))


def test_every_module_says_what_it_is_for() -> None:
    """STYLE.md: a docstring that tells what it is for and what it must never do."""
    for path in _sources():
        if path.name not in ("__init__.py", "__main__.py") and "migrations" not in path.parts:
            assert ast.get_docstring(_tree(path)), path


# ------------------------------------------------------------------ what must not be there

# Put together here, so that this file is not its own first finding.
FORBIDDEN = {
    "an unfinished thought": r"(?:#|//|--|/\*|<!--)[^\n]*\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b",
    "a path of one machine": r"(?<![\w.])/(wo" + r"rk|ho" + r"me/\w+|Us" + r"ers)/",
    "a package index": r"py"
    + r"pi\.org|pythonho"
    + r"sted\.org|registry\.npm"
    + r"js|npmmir"
    + r"ror",
    "a room for everything": r"^(?:from|import) (?:ringdove|tests)\b.*\b(ut"
    + r"ils|hel"
    + r"pers|com"
    + r"mon)\b",
}
BINARY = {".png", ".jpg", ".ico", ".woff2", ".mo", ".gz", ".zip", ".xlsx"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_not_in_the_tree(what: str) -> None:
    """Nothing unfinished, nothing of one machine, no address of a package index."""
    pattern = re.compile(FORBIDDEN[what], re.M)
    found = []
    for path in _kept():
        if path.suffix in BINARY:
            continue
        text = path.read_text("utf-8", errors="replace")
        found += [
            f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}"
            for hit in pattern.finditer(text)
        ]
    assert not found, "\n".join(found)


def test_no_file_named_for_everything() -> None:
    """STYLE.md: modules are nouns of the trade."""
    vague = {"utils", "util", "helpers", "common", "manager", "service", "base", "misc"}
    assert not [path for path in _sources() if path.stem in vague]


def test_sizes() -> None:
    """Past these, ask what two things it is. A warning for people, never a reason to cut a table
    in two, so it is shown and does not fail."""
    large = []
    for path in _sources():
        lines = path.read_text("utf-8").count("\n")
        if lines > FILE_LINES_MAX:
            large.append(f"{path.relative_to(SOURCE)}: {lines} lines")
    for folder in {path.parent for path in _sources()}:
        if (count := len(list(folder.glob("*.py")))) > FOLDER_FILES_MAX:
            large.append(f"{folder.relative_to(SOURCE)}/: {count} files")
    if large:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("large: " + "; ".join(sorted(large)), stacklevel=1)


def test_the_import_rule() -> None:
    """Imports go down only; rules, smpp, gateways and stores do no I/O (pyproject.toml). What
    import-linter cannot name, a part of a package that is otherwise pure, is looked for here."""
    for room in ("rules", "smpp", "gateways", "stores"):
        for path in (SOURCE / room).rglob("*.py"):
            assert "urllib.request" not in path.read_text("utf-8"), path
    told = subprocess.run(
        ["lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True,
        env={"PATH": str(Path(importlib.import_module("sys").executable).parent)},
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
