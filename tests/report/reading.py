"""Reading written pages back, with nothing but the standard library."""

import json
import re
from html.parser import HTMLParser


class Tables(HTMLParser):
    """Text and titles of all table cells of a page: tables -> rows -> cells."""

    def __init__(self):
        super().__init__()
        self.tables: list[list[list[dict]]] = []
        self.cell: dict | None = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = {"text": "", "titles": [], **{key: attributes.get(key) for key in ("rowspan", "data-value")}}
            self.tables[-1][-1].append(self.cell)
        elif self.cell is not None and attributes.get("title"):
            self.cell["titles"].append(attributes["title"])

    def handle_data(self, data):
        if self.cell is not None:
            self.cell["text"] += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell["text"] = " ".join(self.cell["text"].split())
            self.cell = None


def tables(page: str) -> list[list[list[dict]]]:
    parser = Tables()
    parser.feed(page)
    return parser.tables


def table_with(page: str, heading: str) -> list[list[dict]]:
    return next(one for one in tables(page) if any(cell["text"] == heading for row in one for cell in row))


def texts(row: list[dict]) -> list[str]:
    return [cell["text"] for cell in row]


def charts(page: str) -> list[dict]:
    return [json.loads(found) for found in re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)]


def plain(page: str) -> str:
    """Text of a page without scripts and tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<script.*?</script>", " ", page, flags=re.S)).split())
