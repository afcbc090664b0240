/**
 * The search: sections that have all words, those with the words in their heading first.
 * The index is a script of its own that is loaded when somebody begins to search.
 */
"use strict";

(() => {
  const { index, root } = document.currentScript.dataset;
  const base = root.slice(0, -"index.html".length);
  const form = document.querySelector(".search");
  const field = form.querySelector("input");
  const list = form.querySelector("ol");
  const status = form.querySelector("[role=status]");
  const MOST = 12;
  const AROUND = 60;
  let asked = false;

  function load() {
    if (asked) {
      return;
    }
    asked = true;
    const script = document.createElement("script");
    script.src = index;
    script.addEventListener("load", show);
    document.head.append(script);
  }

  function words() {
    return field.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  }

  function value([, page, heading, , text], wanted) {
    const names = `${page} ${heading}`.toLowerCase();
    const all = text.toLowerCase();
    let sum = 0;
    for (const word of wanted) {
      const named = names.includes(word);
      if (!named && !all.includes(word)) {
        return 0;
      }
      sum += (heading.toLowerCase().includes(word) ? 8 : 0) + (named ? 4 : 0) + Math.min(all.split(word).length - 1, 3);
    }
    return sum + (heading.toLowerCase().startsWith(wanted.join(" ")) ? 20 : 0);
  }

  function excerpt(text, word) {
    const at = text.toLowerCase().indexOf(word);
    if (at < 0) {
      return [text.slice(0, 2 * AROUND)];
    }
    const start = at <= AROUND ? 0 : text.indexOf(" ", at - AROUND) + 1;
    const mark = document.createElement("mark");
    mark.textContent = text.slice(at, at + word.length);
    return [(start ? "… " : "") + text.slice(start, at), mark, `${text.slice(at + word.length, at + word.length + AROUND)} …`];
  }

  function entry([url, page, heading, kind, text], wanted) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const title = document.createElement("b");
    const small = document.createElement("small");
    link.href = base + url;
    title.textContent = heading || page;
    small.append(heading ? `${page}: ` : `${kind}: `, ...excerpt(text, wanted[0]));
    link.append(title, small);
    item.append(link);
    return item;
  }

  function show() {
    const wanted = words();
    if (wanted.length === 0 || typeof siteSections === "undefined") {
      list.hidden = true;
      status.textContent = "";
      return;
    }
    const found = siteSections
      .map((section, place) => ({ section, place, value: value(section, wanted) }))
      .filter((each) => each.value > 0)
      .sort((one, other) => other.value - one.value || one.place - other.place);
    list.replaceChildren(...found.slice(0, MOST).map((each) => entry(each.section, wanted)));
    list.hidden = found.length === 0;
    status.textContent = found.length === 0 ? "nothing found" : `${found.length} found`;
  }

  form.hidden = false;
  field.addEventListener("focus", load);
  field.addEventListener("input", () => { load(); show(); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = list.querySelector("a");
    if (first && !list.hidden) {
      first.click();
    }
  });
  form.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const place = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      list.hidden = true;
      field.focus();
    } else if (event.key === "ArrowDown" && !list.hidden) {
      event.preventDefault();
      (links[place + 1] || links[place]).focus();
    } else if (event.key === "ArrowUp" && place >= 0) {
      event.preventDefault();
      (links[place - 1] || field).focus();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!form.contains(event.target)) {
      list.hidden = true;
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
    }
  });
})();
