/**
 * What the browser remembers for its reader, in one entry of its local storage, and the theme, set before anything is drawn.
 *
 * Where storage is missing or forbidden, as for files in some browsers, nothing is remembered and nothing fails.
 */
"use strict";

const Memory = (() => {
  const root = new URL(".", new URL(document.currentScript.dataset.root, location.href)).pathname;
  const name = `archgrade ${root}`; // two courses of one host remember apart

  function all() {
    try {
      return JSON.parse(localStorage.getItem(name)) || {};
    } catch {
      return {};
    }
  }

  function save(kept) {
    try {
      localStorage.setItem(name, JSON.stringify(kept));
    } catch {
      // nothing is remembered
    }
  }

  /** What is remembered of one kind (`read`, `answers`, `boxes`, `place`, `theme`), by key. */
  function get(kind) {
    return { ...all()[kind] };
  }

  /** Remember a value, or forget it if it is undefined. */
  function set(kind, key, value) {
    save({ ...all(), [kind]: { ...get(kind), [key]: value } });
  }

  function forget() {
    try {
      localStorage.removeItem(name);
    } catch {
      // there is nothing to forget
    }
  }

  /** The path of a page from the site's folder, without its anchor. */
  function path(url) {
    const { pathname } = new URL(url, location.href);
    const found = pathname.startsWith(root) ? pathname.slice(root.length) : pathname;
    return found === "" || found.endsWith("/") ? `${found}index.html` : found;
  }

  function showTheme() {
    const { chosen } = get("theme");
    const metas = [...document.querySelectorAll("meta[name=theme-color]")];
    const colors = Object.fromEntries(metas.map((meta) => [meta.dataset.scheme, meta.dataset.color || meta.content]));
    const known = chosen in colors ? chosen : "";
    document.documentElement.dataset.theme = known;
    for (const meta of metas) {
      meta.dataset.color = colors[meta.dataset.scheme];
      meta.content = colors[known || meta.dataset.scheme];
    }
  }

  showTheme();
  return { get, set, forget, path, showTheme, isEmpty: () => Object.keys(all()).length === 0 };
})();
