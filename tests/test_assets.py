"""The build hook: what the pages need is in vendor/, and nothing points elsewhere."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import hatch_build  # noqa: E402

VENDOR = ROOT / hatch_build.STATIC / "vendor"
pytestmark = pytest.mark.skipif(not VENDOR.is_dir(), reason="make setup has not run")


def test_widths_are_left_out_and_everything_else_stays() -> None:
    css = (
        r"@layer utilities{.btn{color:red;@media (width>=640px){padding:0}}"
        r"@media (width>=640px){.sm\:btn{color:red;.a{x:y}}}.card{color:blue}}"
    )
    wanted = "@layer utilities{.btn{color:red;@media (width>=640px){padding:0}}.card{color:blue}}"
    assert hatch_build.without_widths(css) == wanted


def test_every_icon_of_the_list_is_in_the_sprite() -> None:
    names = (ROOT / hatch_build.STATIC / "icons.txt").read_text(encoding="utf-8").split()
    assert len(names) == len(set(names))
    sprite = (VENDOR / "icons.svg").read_text(encoding="utf-8")
    drawn = re.findall(r'<symbol id="([^"]+)"', sprite)
    assert drawn == [name.replace("/", "-") for name in names]


def test_stylesheets_load_nothing_from_elsewhere() -> None:
    for sheet in VENDOR.glob("*.css"):
        for target in re.findall(r"url\(([^)]+)\)", sheet.read_text(encoding="utf-8")):
            address = target.strip("'\"")
            local = address.startswith("data:") or (VENDOR / address).is_file()
            assert local or address.startswith("#"), f"{sheet.name}: {address[:80]}"


def test_style_blocks_are_balanced() -> None:
    css = (VENDOR / "daisyui.css").read_text(encoding="utf-8")
    assert css.count("{") == css.count("}")
    for name in ("btn", "input", "table", "modal", "join", "toggle", "alert", "tab"):
        assert re.search(rf"\.{name}\b", css), name
