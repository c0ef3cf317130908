"""Every text of the pages is translated into every language that the pages are offered in."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

import ringdove
from ringdove.kit import i18n
from ringdove.web.lists.import_words import FILE_WRONG

SOURCE = Path(ringdove.__file__).parent
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|</?(?:a|b|br|code|em|kbd|span|strong)\b[^>]*>")
KEYWORDS = DEFAULT_KEYWORDS | {
    "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3), "NN_": (1, 2),
}  # fmt: skip
with (SOURCE / "locales" / "extract.cfg").open("r", encoding="utf-8") as file:
    METHODS, OPTIONS = parse_mapping_cfg(file)  # as make messages does


def texts() -> set[tuple[str, ...]]:
    """Every text in our sources, a counting one as its two forms."""
    found = extract_from_dir(str(SOURCE), METHODS, OPTIONS, KEYWORDS)
    messages = (one[2] for one in found)
    return {(said,) if isinstance(said, str) else tuple(filter(None, said)) for said in messages}


@pytest.mark.parametrize("language", [code for code in i18n.languages() if code != "en"])
def test_nothing_is_left_untranslated(language: str) -> None:
    with (SOURCE / "locales" / language / "pages.po").open("rb") as file:
        known = {message.id: message for message in read_po(file, locale=language)}
    wrong, said = [], texts()
    assert len(said) > 150, "the extraction finds nothing any more"
    for text in said:
        message = known.get(text if len(text) > 1 else text[0])
        forms = [] if message is None else [message.string] if len(text) == 1 else message.string
        if not forms or not all(forms) or (message and message.fuzzy):
            wrong.append(f"missing: {text[0]}")
        elif any(_holes(form) != _holes(text[-1]) for form in forms):
            wrong.append(f"placeholders differ: {text[0]}")
    assert not wrong, "run make messages, then translate:\n" + "\n".join(sorted(wrong))


def _holes(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


def test_what_is_wrong_with_a_file_is_known_to_translators() -> None:
    """These are said below the pages, where no translation is: pages list them once more."""
    said = set()
    for name in ("rules/lists/people_files.py", "web/lists/import_files.py", "kit/sheets.py"):
        for node in ast.walk(ast.parse((SOURCE / name).read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("FileWrong", "SheetWrong"):
                said |= {one.value for one in node.args if isinstance(one, ast.Constant)}
            elif name.startswith("kit") and isinstance(node, ast.Return) and node.value:
                value = getattr(node.value, "value", None)
                said |= {value} if isinstance(value, str) and " " in value else set()
    assert len(said) > 8 and said == set(FILE_WRONG)
