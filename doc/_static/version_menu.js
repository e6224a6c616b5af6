/* The menu of versions, and a note on pages of other versions than the newest.  doc/versions.py
   writes the list, versions.js.  Without it, or with one version only, there is nothing to choose. */
(() => {
  const menu = document.querySelector(".version-menu");
  const told = window.documentationVersions;
  const others = told ? told.versions.filter((each) => each.version !== menu.dataset.version) : [];
  if (others.length === 0) {
    menu.addEventListener("click", (event) => event.preventDefault());
    menu.classList.add("version-menu-alone");
    return;
  }

  const { version: here, page } = menu.dataset;
  const above = document.documentElement.dataset.content_root + "../";

  function link({ version, pages }, text) {
    const found = pages.includes(page) ? page : "index";
    const element = document.createElement("a");
    element.href = `${above}${version}/${found}.html`;
    element.textContent = text;
    return element;
  }

  const list = document.createElement("ul");
  for (const each of told.versions) {
    const item = document.createElement("li");
    const text = each.version === told.newest ? `${each.version} (recommended)` : each.version;
    const element = link(each, text);
    if (each.version === here) element.setAttribute("aria-current", "true");
    item.append(element);
    list.append(item);
  }
  menu.append(list);
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") menu.open = false;
  });

  if (here === told.newest) return;
  document.addEventListener("DOMContentLoaded", () => {
    const newest = told.versions.find((each) => each.version === told.newest);
    const note = document.createElement("p");
    note.className = "version-note";
    note.append(`This page is of version ${here}. Most readers want `);
    note.append(link(newest, `version ${told.newest}`), ".");
    document.querySelector(".bd-article-container")?.prepend(note);
  });
})();
