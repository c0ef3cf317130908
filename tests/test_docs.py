"""The papers tell the truth: what they cite exists, what is drawn from code is current.

A document cites a file as `rules/facts.py` and something in it as `rules/facts.py:Order`, below
src/ringdove/ or from the root.
"""

import ast
import importlib.util
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringdove.cli import app as commands
from ringdove.cli import contest_app, inspect_app, ledger_app, user_app
from ringdove.records.consent import anew
from ringdove.records.sending import messages as message_records
from ringdove.records.sending import outbox
from ringdove.rules.consent import consent, permissions
from ringdove.rules.policy import CAPS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ROOMS = (ROOT, ROOT / "src" / "ringdove", DOCS)
PAPERS = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]

CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
ABSENT = {"uv.lock"}  # cited as what is not here
CITED = re.compile(r"([\w.][\w./-]*\.(?:py|sql|toml|lock|md|json|po|css|js|txt|html))(?::(\w+))?")
FOLDER = re.compile(
    r"(?:src|tests|docs|rules|records|stores|gateways|workers|web|kit|smpp)/[\w/]*/"
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)")
COMMAND = re.compile(r"\bringdove ([a-z]+)(?: ([a-z]+))?")
MAKE = re.compile(r"(?:`|^ {4})make ([a-z]+)", re.M)


def _spoken(paper: Path) -> str:
    """Without fenced blocks, whose examples may name what does not exist."""
    return FENCE.sub("", paper.read_text("utf-8"))


def _found(name: str, paper: Path) -> Path | None:
    places = [room / name for room in (*ROOMS, paper.parent)]
    return next((place for place in places if place.exists()), None)


def _names(path: Path) -> set[str]:
    """Functions, classes, methods and constants of a Python file; targets of a Makefile."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def _citations(paper: Path) -> Iterator[tuple[str, str | None]]:
    for code in CODE.findall(_spoken(paper)):
        if (match := CITED.fullmatch(code)) and match[1] not in ABSENT:
            yield match[1], match[2]
        elif FOLDER.fullmatch(code):
            yield code, None


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_cited_exists(paper: Path) -> None:
    wrong = []
    for name, part in _citations(paper):
        path = _found(name, paper)
        if path is None or (part and part not in _names(path)):
            wrong.append(f"{name}:{part}" if part else name)
    assert not wrong, f"{paper.name} cites what is not there: {wrong}"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(paper: Path) -> None:
    targets = [link for link in LINK.findall(_spoken(paper)) if ":" not in link]
    assert [link for link in targets if not (paper.parent / link).exists()] == []


@pytest.mark.parametrize("journey", ["campaign.md", "cart.md", "order.md", "stop.md"])
def test_a_journey_names_functions_on_every_floor(journey: str) -> None:
    cited = [name for name, part in _citations(DOCS / "journeys" / journey) if part]
    floors = {name.split("/")[0] for name in cited}
    assert floors >= {"rules", "records", "workers", "smpp", "gateways"}


def test_commands_of_the_papers_exist() -> None:
    """`make demo`, `ringdove migrate` and the others are there to be run."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    known = _commands()
    for paper in PAPERS:
        text = paper.read_text("utf-8")
        assert set(MAKE.findall(text)) <= targets, paper.name
        said = [
            COMMAND.match(code)
            for code in CODE.findall(text) + re.findall(r"^ {4}(.*)$", text, re.M)
        ]
        assert {match[1] for match in said if match} <= known, paper.name


def _commands() -> set[str]:
    own = {
        one.name or (one.callback.__name__ if one.callback else "")
        for one in commands.registered_commands
    }
    return own | {
        group.info.name or "" for group in (contest_app, inspect_app, ledger_app, user_app)
    }


def test_the_readme_has_the_two_commands_and_ci_runs_one_of_them() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(r"^ {4}make demo", readme, re.M) and re.search(r"^ {4}make test", readme, re.M)
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize(("paper", "lines_max"), [("ARCHITECTURE.md", 150), ("STYLE.md", 200)])
def test_a_paper_stays_short(paper: str, lines_max: int) -> None:
    assert len((ROOT / paper).read_text("utf-8").splitlines()) <= lines_max


def test_decisions_are_numbered_and_have_their_parts() -> None:
    files = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        text = file.read_text("utf-8")
        assert text.startswith(f"# {int(file.name[:4])}. "), file.name
        headings = re.findall(r"^## (.*)$", text, re.M)
        assert headings == [
            "Context", "Decision", "Consequences", "Alternatives", "References",
        ], file.name  # fmt: skip
        assert len(text.splitlines()) <= 60, f"{file.name} is more than a page"


def test_messages_are_made_in_one_place() -> None:
    """P1, as ARCHITECTURE.md says: only speak() makes a message, after it asked the decision."""
    source = ROOT / "src" / "ringdove"
    makers = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if "QueueMessage" in path.read_text("utf-8")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("QueueMessage")
    }
    assert makers == {"rules/messages.py"}


# ------------------------------------------------------------------ drawn from code


def _draw():
    spec = importlib.util.spec_from_file_location("draw", DOCS / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DRAWN = ["conditions.md", "facts.md", "messages.md", "ready-automations.md", "settings.md",
         "steps.md"]  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == _draw().pages()[name], "run: make docs"


def test_every_reason_of_silence_is_explained() -> None:
    """N2: the words of the decision, and of its second asking in SQL, are all in messages.md."""
    decision = inspect.getsource(consent)
    words = set(re.findall(r"Drop\(\"(\w+)\"\)", decision))
    asked = (consent.refusal, permissions.refusal)
    words |= {word for one in asked for word in re.findall(r"\"(\w+)\"", inspect.getsource(one))}
    words -= {"sms", "email", "out", "in", "marketing", "asked", "demand"}
    held = {reason for reason, _, _ in CAPS}
    held |= set(re.findall(r"Barrier\(\"(\w+)\"", decision))
    judged = re.findall(r"THEN '(\w+)'", outbox.JUDGE + anew.JUDGE)
    words |= held | set(judged) - {"said", "held"}  # it has its outcome, or `decide` is asked
    words |= set(re.findall(r"'(\w+_lost)'", message_records.GIVE_UP))
    explained = _draw()
    assert words and words <= set(explained.REASONS)
    waits = set(re.findall(r"Wait\([^)]*\"(\w+)\"\)", decision))
    waits |= set(re.findall(r"\"(\w+_hours)\"", inspect.getsource(consent.hours_reason)))
    assert waits | held == set(explained.WAITS)


def test_every_dependency_has_its_reason() -> None:
    """docs/stack.md says why each package is there, and names none that is not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {_package(line) for line in project["dependencies"]}
    wanted |= {_package(line) for line in project["optional-dependencies"]["dev"]}
    rows = re.findall(r"^\| `([\w.-]+)` \| (.+) \| (.*) \|$", (DOCS / "stack.md").read_text(), re.M)
    assert {name for name, *_ in rows} == wanted
    assert all(len(reason) > 10 for _, reason, _ in rows)


def _package(line: str) -> str:
    return re.split(r"[\[<>=;~! ]", line)[0]
