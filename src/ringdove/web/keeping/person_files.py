"""One person's data as a file: a page that people read and JSON that machines read, in one zip.

The page needs nothing beside itself, speaks the person's language and leaves out what means nothing
to them; the JSON has everything.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from ringdove.kit.db import Tx
from ringdove.records.keeping import person_export
from ringdove.rules import languages
from ringdove.rules.scenes import Store

STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c1917; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid #ddd8d2 }
th { font-weight: 600 } p.note { color: #57534e }
@media (prefers-color-scheme: dark) { body { color: #f5f5f4; background: #1c1917 }
  th, td { border-color: #44403c } p.note { color: #a8a29e } }
"""
# What the page shows of each kind, in this order; names are phrases of [public.export].
SHOWN: Final[Mapping[str, Sequence[str]]] = {
    "consents": ("at", "scope", "change", "words", "source", "ip"),
    "orders": ("placed_at", "number", "state", "total", "currency", "lines"),
    "parcels": ("state_at", "number", "carrier", "state", "pickup_point"),
    "returns": ("state_at", "kind", "state", "amount"),
    "messages": ("created_at", "channel", "recipient", "subject", "body", "state"),
    "texts_from_them": ("at", "sender", "body"),
    "carts": ("changed_at", "total", "items"),
    "visits": ("at", "page"),
    "clicks": ("at", "device"),
    "rewards": ("at", "code", "points", "valid_until"),
    "categories": ("category", "orders", "bought_at"),
}
PERSON: Final = (
    "name", "phone", "phone_doubt", "email", "language", "country", "region", "city", "sex",
    "birthday", "children", "marketing", "service", "origin", "created_at", "seen_at",
)  # fmt: skip


async def pack(tx: Tx, store: Store, contact_id: int, now: datetime) -> tuple[str, bytes] | None:
    """The zip with its name; None: there is nobody with this id."""
    people = await person_export.group(tx, store, contact_id)
    if not people:
        return None
    found = await person_export.collect(tx, store, people)
    main = next(row for row in found["person"] if row["id"] == people[0])
    language = languages.choose(main["language"], main["country"], store.languages)
    told = {"store": store.name, "made_at": now.isoformat(), **found}
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("person.html", _page(store, main, found, language, now))
        packed.writestr("person.json", json.dumps(told, ensure_ascii=False, indent=1))
    return f"person-{people[0]}.zip", octets.getvalue()


def _page(
    store: Store, main: Mapping[str, Any], found: Mapping[str, Any], language: str, now: datetime
) -> str:
    say: Mapping[str, str] = languages.phrases(language)["public"]["export"]
    parts = [
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(store.name)}</title><style>{STYLE}</style>",
        f"<h1>{escape(say['title'])}</h1>",
        f'<p class="note">{escape(store.name)} · {now:%Y-%m-%d %H:%M} UTC. '
        f"{escape(say['intro'])}</p>",
        f"<h2>{escape(say['person'])}</h2><div class=scroll><table>",
    ]
    own = {name: main.get(name) for name in PERSON} | dict(main.get("fields") or {})
    for name, value in own.items():
        if text := _text(value):
            label = escape(say.get(name, name))
            parts.append(f'<tr><th scope="row">{label}</th><td>{escape(text)}</td></tr>')
    parts.append("</table></div>")
    for kind, columns in SHOWN.items():
        if found[kind]:
            parts += _table(say, kind, columns, found[kind])
    return "\n".join(parts)


def _table(
    say: Mapping[str, str], kind: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[str]:
    heads = "".join(f'<th scope="col">{escape(say.get(one, one))}</th>' for one in columns)
    lines = (
        "<tr>" + "".join(f"<td>{escape(_text(row.get(one)))}</td>" for one in columns) + "</tr>"
        for row in rows
    )
    head = f"<h2>{escape(say[kind])} ({len(rows)})</h2><div class=scroll><table>"
    return [head, f"<thead><tr>{heads}</tr></thead>", *lines, "</table></div>"]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return f"{value.get('name', '')} × {value.get('quantity', 1)}"
    if value is None or value is False:
        return ""
    text = str(value)
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M") if "T" in text else text
    except ValueError:
        return text
