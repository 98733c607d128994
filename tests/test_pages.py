"""Links of the pages lead somewhere, in a checkout and on the site."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def links(page):
    """The files that a page names, without those elsewhere and the places in them."""
    return re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_the_pages(page):
    assert [link for link in links(page) if not (DOCS / link).exists()] == []


def test_links_of_readme_which_is_the_first_page_of_the_site():
    found = links(ROOT / "README.md")
    assert len(found) > 10
    assert [link for link in found if not (ROOT / link).exists()] == []
    outside = [link for link in found if not link.startswith("docs/")]
    assert [link for link in outside if not (DOCS / link).exists()] == []
