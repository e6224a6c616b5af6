"""Sites of several versions know of each other, and their menu leads from one to the other."""

import importlib.util
import json
import re
import shutil
import subprocess

import pytest
from doc_pages import ROOT, text_of

if not (ROOT / "doc" / "versions.py").is_file():
    pytest.skip("the documentation is not in this copy", allow_module_level=True)

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def versions():
    spec = importlib.util.spec_from_file_location("versions", ROOT / "doc" / "versions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(version, name):
    """A page as the site has it: the menu, and what the theme has around it."""
    jinja2 = pytest.importorskip("jinja2")
    menu = jinja2.Template(text_of(ROOT / "doc" / "_templates" / "versions.jinja"))
    root = "../" * name.count("/") or "./"
    content = menu.render(
        version=version, pagename=name, pathto=lambda path, resource: f"{root}{path}"
    )
    return (
        f'<!doctype html><html data-content_root="{root}"><title>{name}</title>'
        f'<body>{content}<div class="bd-article-container"></div></body></html>'
    )


def built(folder, version, pages=("index", "guide/genes")):
    """What a build leaves, as far as versions are concerned."""
    (folder / "_static").mkdir(parents=True)
    shutil.copy(ROOT / "doc" / "_static" / "version_menu.js", folder / "_static")
    for name in pages:
        path = folder / f"{name}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(version, name), encoding="utf-8")
    inventory = f"# Sphinx inventory version 2\n# Project: any\n# Version: {version}\n# \x01\n"
    (folder / "objects.inv").write_text(inventory, encoding="utf-8")
    return folder


def told(site, version):
    text = text_of(site / version / "_static" / "versions.js")
    return json.loads(re.fullmatch(r"window\.documentationVersions = (.*);\n", text)[1])


def test_versions_know_of_each_other(versions, tmp_path):
    site = tmp_path / "site"
    for version in ("0.9", "0.10", "0.11.dev0"):
        versions.keep(built(tmp_path / version, version), site)
    for version in ("0.9", "0.10", "0.11.dev0"):
        found = told(site, version)
        assert [each["version"] for each in found["versions"]] == ["0.11.dev0", "0.10", "0.9"]
        assert found["newest"] == "0.10"
        assert all(each["pages"] == ["guide/genes", "index"] for each in found["versions"])
    assert 'href="0.10/index.html"' in text_of(site / "index.html")


def test_a_version_is_replaced_and_one_that_was_deleted_is_forgotten(versions, tmp_path):
    site = tmp_path / "site"
    versions.keep(built(tmp_path / "old", "1.0", ["index", "gone"]), site)
    versions.keep(built(tmp_path / "other", "0.9"), site)
    shutil.rmtree(site / "0.9")
    assert versions.keep(built(tmp_path / "new", "1.0", ["index"]), site) == site / "1.0"
    assert told(site, "1.0") == {
        "newest": "1.0",
        "versions": [{"version": "1.0", "pages": ["index"]}],
    }
    assert not (site / "1.0" / "gone.html").exists()
    assert sorted(path.name for path in site.iterdir()) == ["1.0", "index.html"]


def test_without_a_release_the_newest_is_the_newest_of_all(versions):
    assert versions.newest(["0.2.dev0", "0.1rc1"]) == "0.2.dev0"
    assert versions.newest(["0.2.dev0", "0.1"]) == "0.1"


def test_what_was_not_built_is_refused(versions, tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "BUILT", tmp_path / "nothing")
    with pytest.raises(SystemExit, match="build it by make doc"):
        versions.main([str(tmp_path / "site")])
    assert not (tmp_path / "site").exists()


def test_the_menu_loads_nothing_from_elsewhere():
    for name in ("_templates/versions.jinja", "_static/version_menu.js", "versions.py"):
        assert "//" not in text_of(ROOT / "doc" / name).replace('"../"', "")


def drawn(path, profile):
    """The links that a browser makes of the menu, and the note on the page."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += [f"--user-data-dir={profile}", "--disable-background-networking"]
    command += ["--disable-component-update", "--disable-sync", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    links = re.findall(r'<li><a href="([^"]+)"[^>]*>([^<]+)</a></li>', done.stdout)
    note = re.search(r'<p class="version-note">(.*?)</p>', done.stdout)
    return dict((text, (path.parent / link).resolve()) for link, text in links), note and note[1]


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_the_menu_leads_to_the_same_page_or_to_the_front_page(versions, tmp_path):
    alone = built(tmp_path / "alone", "1.0")
    versions.write_list(alone, {"1.0": []})
    assert drawn(alone / "index.html", tmp_path / "profile") == ({}, None)

    site = tmp_path / "site"
    versions.keep(built(tmp_path / "old", "0.9", ["index", "guide"]), site)
    versions.keep(alone, site)
    links, note = drawn(site / "1.0" / "guide" / "genes.html", tmp_path / "profile")
    assert links == {
        "1.0 (recommended)": site / "1.0" / "guide" / "genes.html",
        "0.9": site / "0.9" / "index.html",
    }
    assert note is None
    links, note = drawn(site / "0.9" / "guide.html", tmp_path / "profile")
    assert links["1.0 (recommended)"] == site / "1.0" / "index.html"
    assert links["0.9"] == site / "0.9" / "guide.html"
    assert "version 0.9" in note
    assert 'href="./../1.0/index.html"' in note
