"""docs/benchmarks.md has a place for each measurement; what is drawn there is what was saved."""

import json
from pathlib import Path

from ringdove.bench import drawing, pieces

ROOT = Path(__file__).parents[2]
CRASH = {
    "strikes": {"worker killed": 30, "links cut": 20}, "messages": 160_000, "idle_rounds": 0,
    "lost": 0, "marketing_doubled": 0, "service_doubled": 0, "unknown": 41,
    "unknown_that_came": 40, "states": {}, "lost_list": [],
}  # fmt: skip


def test_the_page_has_a_place_for_each_measurement() -> None:
    words = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    for name in drawing.SECTIONS:
        assert words.count(f"<!-- {name} -->\n") == words.count(f"<!-- /{name} -->\n") == 1


def test_only_what_was_saved_is_drawn(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- crash -->\n<!-- /crash -->\n<!-- pieces -->\nold\n<!-- /pieces -->\n")
    drawing.save(CRASH, str(tmp_path / "saved" / "crash.json"))
    drawing.save(CRASH, "")
    assert drawing.draw(tmp_path / "saved", page) == ["crash"]
    text = page.read_text("utf-8")
    assert "| worker killed | 30 |" in text and "| messages | 160,000 |" in text
    assert "\nold\n" in text
    assert json.loads((tmp_path / "saved" / "crash.json").read_text("utf-8")) == CRASH


def test_each_piece_of_sending_does_what_it_is_measured_for() -> None:
    for name, work in pieces.works().items():
        assert work(), name
