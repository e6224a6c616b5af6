"""Several versions of the documentation beside each other, and a menu that leads to the others.

    python doc/versions.py SITE

keeps the site that `make doc` has built as a folder of SITE with the name of its version, and tells
all versions in SITE of each other.  SITE/index.html leads to the newest release.  The folders can
be served by anything that serves files, or opened as files; nothing is loaded from elsewhere.

This is also a Sphinx extension: a site that is built knows of itself alone.  It knows nothing of
this package.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from packaging.version import Version

BUILT = Path(__file__).parent / "_build" / "html"
LIST = Path("_static") / "versions.js"  # _static/version_menu.js reads it

FRONT = """<!doctype html>
<meta charset="utf-8">
<title>Documentation</title>
<meta http-equiv="refresh" content="0; url={folder}/index.html">
<p><a href="{folder}/index.html">Documentation of version {folder}</a></p>
"""


def version_of(site):
    """The version that a built site is of: its inventory of names tells it."""
    inventory = Path(site) / "objects.inv"
    if not inventory.is_file():
        raise FileNotFoundError(f"{site} is no documentation that was built: build it by make doc.")
    with inventory.open("rb") as lines:
        head = [lines.readline().decode("utf-8") for _ in range(3)]
    return head[2].removeprefix("# Version: ").strip()


def pages_of(site):
    """The names of the pages of a built site."""
    pages = (path.relative_to(site).with_suffix("") for path in Path(site).rglob("*.html"))
    return sorted(page.as_posix() for page in pages if not page.parts[0].startswith("_"))


def newest(versions):
    """The newest release, or the newest of all where none is a release."""
    releases = [version for version in versions if not Version(version).is_prerelease]
    return max(releases or versions, key=Version)


def write_list(site, pages):
    """Tell a built site of all versions: `pages` has the names of their pages."""
    versions = [
        {"version": version, "pages": pages[version]}
        for version in sorted(pages, key=Version, reverse=True)
    ]
    told = json.dumps({"newest": newest(pages), "versions": versions})
    (Path(site) / LIST).write_text(f"window.documentationVersions = {told};\n", encoding="utf-8")


def keep(built, site):
    """Copy what was built to its place in `site`, and tell all versions there of each other."""
    version = version_of(built)
    place = Path(site) / version
    fresh = Path(site) / f"{version}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(built, fresh, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo*"))
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
    kept = {version_of(path.parent): path.parent for path in Path(site).glob("*/objects.inv")}
    kept = {version: folder for version, folder in kept.items() if folder.name == version}
    pages = {version: pages_of(folder) for version, folder in kept.items()}
    for folder in kept.values():
        write_list(folder, pages)
    front = FRONT.format(folder=newest(kept))
    (Path(site) / "index.html").write_text(front, encoding="utf-8")
    return place


def tell_of_itself(app, error):
    if error is None and app.builder.format == "html":
        write_list(app.outdir, {app.config.version: []})


def setup(app):
    app.connect("build-finished", tell_of_itself)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path, help="folder of all versions; made if it is not there")
    site = parser.parse_args(words).site
    try:
        place = keep(BUILT, site)
    except OSError as error:
        sys.exit(str(error))
    print(f"Kept as {place}. The front page of all versions is {site / 'index.html'}.")


if __name__ == "__main__":
    main()
